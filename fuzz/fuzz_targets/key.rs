//! The grammar of names: nothing makes it panic, listing never goes back, and no folder of an object that is asked for is
//! passed over.
#![no_main]

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use flowdiff::model::window::Window;
use flowdiff::source::key::{self, ObjectName};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Names<'a> {
    key: &'a str,
    start: Option<i64>,
    end: Option<i64>,
    ids: BTreeSet<String>,
    /// An object that AWS could write: minutes since 1970, and which of the four layouts.
    minute: u32,
    hive: bool,
    hourly: bool,
    prefix: &'a str,
}

fuzz_target!(|names: Names<'_>| {
    let window = Window {
        start: names.start,
        end: names.end,
    };
    let delivered = delivered(&names);
    for key in [names.key, delivered.as_str()] {
        let cover = key::cover(key);
        if let Some(object) = ObjectName::parse(key) {
            assert_eq!(cover.starts, Window::of_object_name(object.time));
        }
        let _ = key::stream_interface(key);
        let _ = key::is_in_tree(key);
        for (at, _) in key.match_indices('/') {
            let folder = &key[..=at];
            assert!(key::folder_may_hold(folder, &Window::ALL) || folder.contains("AWSLogs"));
            let _ = key::folder_may_hold(folder, &window);
        }
        if let Some(next) = key::go_on_after(key, &window, &names.ids) {
            assert!(next.as_str() > key, "{next} comes before {key}");
            // Whoever goes on after it passes over nothing that is asked for.
            let asked = |id: &str| names.ids.is_empty() || names.ids.contains(id);
            if let Some(object) = ObjectName::parse(&delivered)
                && delivered.as_str() > key
                && window.contains(object.time)
                && asked(object.flow_log_id)
            {
                assert!(delivered >= next, "{delivered} is passed over by {next}");
            }
        }
    }
    let object = ObjectName::parse(&delivered).expect("what AWS writes is a name");
    if window.contains(object.time) {
        // A prefix of the bucket's may look like a tree of its own.
        if !names.prefix.contains("AWSLogs") {
            for (at, _) in delivered.match_indices('/') {
                let folder = &delivered[..=at];
                assert!(key::folder_may_hold(folder, &window), "{folder}");
            }
        }
    }
});

fn delivered(names: &Names<'_>) -> String {
    // Up to the year 9999 or so.
    let second = i64::from(names.minute % 4_000_000_000) * 60;
    let time = jiff::Timestamp::from_second(second).expect("a time that can be written");
    let (folders, hour) = if names.hive {
        (
            "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/year=%Y/month=%m/day=%d/",
            "hour=%H/",
        )
    } else {
        (
            "AWSLogs/111122223333/vpcflowlogs/eu-west-1/%Y/%m/%d/",
            "%H/",
        )
    };
    let hour = if names.hourly { hour } else { "" };
    let name =
        "111122223333_vpcflowlogs_eu-west-1_fl-0f1a2b3c4d5e6f708_%Y%m%dT%H%MZ_1a2b3c4d.log.gz";
    let path = time.strftime(&format!("{folders}{hour}{name}")).to_string();
    match names.prefix {
        "" => path,
        prefix => format!("{prefix}/{path}"),
    }
}
