//! The grammar of names: S3 keys of delivered flow logs and of export tasks, and log streams. Pure.
//!
//! Sources: VPC User Guide "Flow log files" (key layouts), CloudWatch Logs API reference
//! "CreateExportTask" (`prefix/task-id/stream/000000.gz`).

use std::collections::BTreeSet;
use std::fmt;

use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::model::Cover;
use crate::model::window::{SLOT, Window};

/// The last component of a delivered object's key:
/// `<account>_vpcflowlogs_<region>_<flow-log-id>_YYYYMMDDTHHmmZ_<hash>.log.gz` (or `.log.parquet`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName<'a> {
    /// The account that owns the flow log.
    pub account: &'a str,
    /// The region of the flow log.
    pub region: &'a str,
    /// `fl-...`.
    pub flow_log_id: &'a str,
    /// The five-minute slot in the name, as Unix seconds.
    pub time: i64,
}

impl<'a> ObjectName<'a> {
    /// Parses a key or a path, of which only what follows the last `/` counts; `None` if it is not
    /// the name of a delivered flow-log object.
    pub fn parse(key: &'a str) -> Option<Self> {
        let name = key.rsplit('/').next()?;
        // From the right: neither ids nor regions contain `_`, and nothing is promised of the front.
        let mut fields = name.rsplitn(6, '_');
        let (_hash, time, flow_log_id) = (fields.next()?, fields.next()?, fields.next()?);
        let (region, service, account) = (fields.next()?, fields.next()?, fields.next()?);
        (service == "vpcflowlogs" && flow_log_id.starts_with("fl-")).then_some(())?;
        let time = DateTime::strptime("%Y%m%dT%H%MZ", time).ok()?;
        Some(Self {
            account,
            region,
            flow_log_id,
            time: second(time)?,
        })
    }
}

/// Returns the interface in the name of a log stream (`eni-0aa-all`), if it begins with one. The suffix
/// tells the traffic type and is not required.
pub fn stream_interface(stream: &str) -> Option<&str> {
    let id = stream.strip_prefix("eni-")?;
    let digits = id
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(id.len());
    let ended = id[digits..].chars().next().is_none_or(|c| c == '-');
    (digits > 0 && ended).then(|| &stream[.."eni-".len() + digits])
}

/// Returns which records a key or a path may hold, as far as its name tells: a delivered object's
/// by its time, an export task's by the stream in its last folder.
pub fn cover(key: &str) -> Cover {
    if let Some(name) = ObjectName::parse(key) {
        return Cover {
            interface: None,
            starts: Window::of_object_name(name.time),
        };
    }
    let folder = key.rsplit('/').nth(1).and_then(stream_interface);
    Cover {
        interface: folder.map(str::to_owned),
        starts: Window::ALL,
    }
}

/// The folder below which delivered logs lie; AWS reserves the name.
const TREE: &str = "AWSLogs";

/// Tells whether the folder lies in a tree of delivered logs, or is its top.
pub fn is_in_tree(folder: &str) -> bool {
    folder.split('/').any(|level| level == TREE)
}

/// Tells whether objects whose names carry a time in `names` may lie in or below the folder, in any of
/// the four layouts: plain or Hive-compatible, by day or by hour. `folder` ends with `/`. What is no
/// folder of delivered logs may hold anything; a service other than `vpcflowlogs` holds none.
pub fn folder_may_hold(folder: &str, names: &Window) -> bool {
    let Some(times) = levels_of_time(folder) else {
        return false;
    };
    // The folder should be that of the name's time; a slot to spare in case it is that of the publishing.
    folder_time(times).is_none_or(|time| time.widened(SLOT, SLOT).overlaps(names))
}

/// Tells whether a folder of delivered logs stands for a time: a year, a month, a day or an hour.
pub fn is_folder_of_time(folder: &str) -> bool {
    levels_of_time(folder).and_then(folder_time).is_some()
}

/// Returns the levels below the region; `None` if they are those of another service's logs.
fn levels_of_time(folder: &str) -> Option<impl Iterator<Item = &str>> {
    let mut levels = folder
        .split('/')
        .skip_while(|level| *level != TREE)
        .skip(1)
        .filter(|level| !level.is_empty())
        .peekable();
    // Other services put the organisation's id here; no flow log was seen to, but it costs nothing.
    levels.next_if(|level| level.starts_with("o-"));
    let _account = levels.next();
    let service = levels.next();
    if service.is_some_and(|level| value(level, "aws-service") != "vpcflowlogs") {
        return None;
    }
    let _region = levels.next();
    Some(levels)
}

/// How delivered logs lie in folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyLayout {
    /// Whether folders are named `name=value`.
    pub hive: bool,
    /// Whether there is a folder for each hour.
    pub hourly: bool,
}

impl KeyLayout {
    /// Returns the layout that a key tells; `None` if it is not that of a delivered object in its tree.
    pub fn of(key: &str) -> Option<Self> {
        ObjectName::parse(key)?;
        let folder = &key[..key.rfind('/')?];
        if !is_in_tree(folder) {
            return None;
        }
        let times: Vec<&str> = levels_of_time(folder)?.collect();
        // A year, a month and a day, and perhaps an hour.
        (times.len() >= 3).then(|| Self {
            hive: times[0].contains('='),
            hourly: times.len() > 3,
        })
    }
}

impl fmt::Display for KeyLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.hive, self.hourly) {
            (false, false) => "AWSLogs/ACCOUNT/vpcflowlogs/REGION/YYYY/MM/DD/",
            (false, true) => "AWSLogs/ACCOUNT/vpcflowlogs/REGION/YYYY/MM/DD/HH/",
            (true, false) => "AWSLogs/aws-account-id=.../year=.../month=.../day=.../",
            (true, true) => "AWSLogs/aws-account-id=.../year=.../month=.../day=.../hour=.../",
        })
    }
}

/// Returns the key of another object that is delivered as `like` was: of another time, with another hash, and gzip text.
/// `None` if `like` is not the name of a delivered object, or no name can carry the time.
pub fn delivered_key(like: &str, time: i64, hash: &str) -> Option<String> {
    let object = ObjectName::parse(like)?;
    let at = jiff::Timestamp::from_second(time).ok()?;
    let folder = like.rfind('/').map_or("", |end| &like[..=end]);
    let name = format!(
        "{}_vpcflowlogs_{}_{}_{}_{hash}.log.gz",
        object.account,
        object.region,
        object.flow_log_id,
        name_time(time)
    );
    let Some(layout) = KeyLayout::of(like) else {
        return Some(format!("{folder}{name}"));
    };
    let form = match (layout.hive, layout.hourly) {
        (false, false) => "%Y/%m/%d/",
        (false, true) => "%Y/%m/%d/%H/",
        (true, false) => "year=%Y/month=%m/day=%d/",
        (true, true) => "year=%Y/month=%m/day=%d/hour=%H/",
    };
    // The levels of time are the last ones.
    let levels = if layout.hourly { 4 } else { 3 };
    let above = folder
        .trim_end_matches('/')
        .rsplitn(levels + 1, '/')
        .nth(levels)?;
    Some(format!("{above}/{}{name}", at.strftime(form)))
}

/// Returns what follows `name=`, or the whole level if it is not Hive-compatible.
fn value<'a>(level: &'a str, name: &str) -> &'a str {
    level
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('='))
        .unwrap_or(level)
}

/// Returns the time that the levels below the region stand for: a year, a month, a day or an hour.
fn folder_time<'a>(levels: impl Iterator<Item = &'a str>) -> Option<Window> {
    let names = ["year", "month", "day", "hour"];
    let mut numbers = levels
        .zip(names)
        .map_while(|(level, name)| value(level, name).parse::<i16>().ok());
    let year = numbers.next()?;
    let mut small = || numbers.next().and_then(|number| i8::try_from(number).ok());
    let (month, day, hour) = (small(), small(), small());
    let start = DateTime::new(
        year,
        month.unwrap_or(1),
        day.unwrap_or(1),
        hour.unwrap_or(0),
        0,
        0,
        0,
    )
    .ok()?;
    let length = match (month, day, hour) {
        (None, ..) => Span::new().years(1),
        (_, None, _) => Span::new().months(1),
        (_, _, None) => Span::new().days(1),
        _ => Span::new().hours(1),
    };
    Some(Window::new(
        second(start)?,
        second(start.checked_add(length).ok()?)?,
    ))
}

fn second(time: DateTime) -> Option<i64> {
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// Returns a key to go on listing after, when the page that ends with `last` is followed by
/// names that are not asked for: of other flow logs than `ids` (sorted; none is all), or of times
/// outside `names`. Only names that begin as `last` does up to its region are passed over, so no
/// folder and no other account's or region's object is. It comes after `last` in the order of keys.
pub fn go_on_after(last: &str, names: &Window, ids: &BTreeSet<String>) -> Option<String> {
    // A time that no name can carry gives a key before it, which would list the same page for ever. (It never gives `last`
    // itself, which has more behind its time.)
    first_asked_for(last, names, ids).filter(|key| key.as_str() > last)
}

fn first_asked_for(last: &str, names: &Window, ids: &BTreeSet<String>) -> Option<String> {
    let object = ObjectName::parse(last)?;
    let folder = last.rfind('/').map_or("", |at| &last[..=at]);
    let (account, region, id) = (object.account, object.region, object.flow_log_id);
    let stem = format!("{folder}{account}_vpcflowlogs_{region}_");
    // `~` sorts after every character of an id or a time. Ids sort as they stand in a key: with `_` after.
    let first_of = |id: &str| match names.start {
        Some(start) => format!("{stem}{id}_{}", name_time(start)),
        None => format!("{stem}{id}_"),
    };
    let wanted = ids.is_empty() || ids.contains(id);
    if wanted && names.start.is_some_and(|start| object.time < start) {
        return Some(first_of(id));
    }
    if wanted && names.end.is_none_or(|end| object.time < end) {
        return None;
    }
    if ids.is_empty() {
        return Some(format!("{stem}{id}_~"));
    }
    let next = ids
        .iter()
        .map(|other| format!("{other}_"))
        .filter(|other| *other > format!("{id}_"))
        .min();
    Some(next.map_or_else(
        || format!("{stem}~"),
        |next| first_of(next.trim_end_matches('_')),
    ))
}

/// Writes Unix seconds as the name of an object does; minutes, rounded down.
fn name_time(second: i64) -> String {
    jiff::Timestamp::from_second(second).map_or_else(
        |_| String::new(),
        |time| time.strftime("%Y%m%dT%H%MZ").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_like_another_one() {
        let name = "111122223333_vpcflowlogs_eu-west-1_fl-0aa1_20220107T2325Z_1a2b3c4d.log.parquet";
        let other = "111122223333_vpcflowlogs_eu-west-1_fl-0aa1_20220108T0005Z_00ff00ff.log.gz";
        let tree = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/";
        let hive =
            "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/";
        for (folder, expected) in [
            (format!("{tree}2022/01/07/"), format!("{tree}2022/01/08/")),
            (
                format!("my/{tree}2022/01/07/23/"),
                format!("my/{tree}2022/01/08/00/"),
            ),
            (
                format!("{hive}year=2022/month=01/day=07/"),
                format!("{hive}year=2022/month=01/day=08/"),
            ),
            (
                format!("{hive}year=2022/month=01/day=07/hour=23/"),
                format!("{hive}year=2022/month=01/day=08/hour=00/"),
            ),
            ("elsewhere/".to_owned(), "elsewhere/".to_owned()),
            (String::new(), String::new()),
        ] {
            let key = delivered_key(&format!("{folder}{name}"), 1_641_600_300, "00ff00ff").unwrap();
            assert_eq!(key, format!("{expected}{other}"));
            assert_eq!(ObjectName::parse(&key).unwrap().time, 1_641_600_300);
        }
        assert_eq!(delivered_key("x.log.gz", 0, "0"), None);
    }

    #[test]
    fn listing_never_goes_back() {
        let last = "111122223333_vpcflowlogs_eu-west-1_fl-0aa1_20220107T2325Z_1a2b3c4d.log.gz";
        let never = Window {
            start: Some(i64::MAX),
            end: None,
        };
        assert_eq!(go_on_after(last, &never, &BTreeSet::new()), None);
    }

    #[test]
    fn nothing_is_passed_over_to_where_an_object_is_asked_for() {
        let last = "111122223333_vpcflowlogs_eu-west-1_fl-0aa1_20220107T2325Z_1a2b3c4d.log.gz";
        let time = ObjectName::parse(last).unwrap().time;
        let names = |start: i64, end: i64| Window::new(start, end);
        let first = |names: Window| first_asked_for(last, &names, &BTreeSet::new());
        assert_eq!(first(names(time, time + 1)), None);
        assert!(
            first(names(time + 60, time + 120))
                .unwrap()
                .ends_with("_20220107T2326Z")
        );
        assert!(first(names(time - 1, time)).unwrap().ends_with("_~"));
    }

    #[test]
    fn object_names() {
        let key = "p/AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/\
                   111122223333_vpcflowlogs_eu-west-1_fl-0aa1_20220107T2325Z_1a2b3c4d.log.gz";
        let name = ObjectName::parse(key).unwrap();
        assert_eq!(
            (name.account, name.region, name.flow_log_id),
            ("111122223333", "eu-west-1", "fl-0aa1")
        );
        assert_eq!(
            crate::model::window::rfc3339(name.time),
            "2022-01-07T23:25:00Z"
        );
        for other in [
            "",
            "000000.gz",
            "aws-logs-write-test",
            "1_CloudTrail_eu-west-1_x_20220107T2325Z_1.json.gz",
            "1_vpcflowlogs_eu-west-1_fl-0aa_2022Z_1.log.gz",
            "vpcflowlogs_eu-west-1_fl-0aa_20220107T2325Z_1.log.gz",
        ] {
            assert_eq!(ObjectName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn layouts_are_told_by_keys() {
        let object = "1_vpcflowlogs_eu-west-1_fl-0aa_20220107T2325Z_1.log.gz";
        let hive = "AWSLogs/aws-account-id=1/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2022/month=01/day=07";
        for (folder, layout) in [
            (
                "p/AWSLogs/1/vpcflowlogs/eu-west-1/2022/01/07",
                Some((false, false)),
            ),
            (
                "AWSLogs/1/vpcflowlogs/eu-west-1/2022/01/07/23",
                Some((false, true)),
            ),
            (hive, Some((true, false))),
            (&format!("{hive}/hour=23"), Some((true, true))),
            ("copied", None),
            ("AWSLogs", None),
        ] {
            let told = KeyLayout::of(&format!("{folder}/{object}"));
            assert_eq!(told.map(|it| (it.hive, it.hourly)), layout, "{folder}");
            let last_level = told.map(|it| it.to_string()).map(|shown| {
                let levels = shown.trim_end_matches('/').rsplit('/');
                levels.map(ToOwned::to_owned).next()
            });
            let expected = layout.map(|(hive, hourly)| {
                Some(
                    match (hive, hourly) {
                        (false, false) => "DD",
                        (false, true) => "HH",
                        (true, false) => "day=...",
                        (true, true) => "hour=...",
                    }
                    .to_owned(),
                )
            });
            assert_eq!(last_level, expected);
        }
        assert_eq!(
            KeyLayout::of("AWSLogs/1/vpcflowlogs/eu-west-1/2022/01/07/x"),
            None
        );
        for (folder, is_time) in [
            ("AWSLogs/1/vpcflowlogs/eu-west-1/", false),
            ("AWSLogs/111122223333/", false),
            ("AWSLogs/1/vpcflowlogs/eu-west-1/2022/", true),
            ("AWSLogs/1/CloudTrail/eu-west-1/2022/", false),
        ] {
            assert_eq!(is_folder_of_time(folder), is_time, "{folder}");
        }
    }

    #[test]
    fn streams_begin_with_an_interface_or_not() {
        for (stream, interface) in [
            ("eni-0c19436730cc350ae-all", Some("eni-0c19436730cc350ae")),
            ("eni-0aa-accept", Some("eni-0aa")),
            ("eni-0aa", Some("eni-0aa")),
            ("eni-", None),
            ("eni-xyz", None),
            ("eni-0aaz", None),
            ("tgw-0aa-all", None),
        ] {
            assert_eq!(stream_interface(stream), interface, "{stream}");
        }
    }

    #[test]
    fn an_export_tasks_folder_names_the_interface() {
        assert_eq!(
            cover("exportedlogs/a-b-c/eni-0aa-all/000000.gz")
                .interface
                .as_deref(),
            Some("eni-0aa")
        );
        assert_eq!(cover("exportedlogs/aws-logs-write-test"), Cover::default());
    }

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    #[test]
    fn folders_that_cannot_hold_the_window_are_passed_over() {
        // Names from 22:55 to 00:20 over midnight.
        let names = Window::new(at("2022-01-07T22:55:00Z"), at("2022-01-08T00:20:00Z"));
        let plain = "p/AWSLogs/111122223333/vpcflowlogs/eu-west-1/";
        let hive =
            "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/";
        for (folder, may) in [
            ("", true),
            ("p/", true),
            ("p/AWSLogs/", true),
            ("p/AWSLogs/111122223333/", true),
            ("p/AWSLogs/111122223333/CloudTrail/", false),
            ("p/AWSLogs/111122223333/CloudTrail/eu-west-1/2022/", false),
            ("p/AWSLogs/o-a1b2c3/111122223333/vpcflowlogs/", true),
            ("p/AWSLogs/o-a1b2c3/111122223333/CloudTrail/", false),
            ("AWSLogs/aws-account-id=1/aws-service=vpcflowlogs/", true),
            ("AWSLogs/aws-account-id=1/aws-service=waflogs/", false),
            (plain, true),
            (hive, true),
            ("p/111122223333/CloudTrail/2021/", true),
        ] {
            assert_eq!(folder_may_hold(folder, &names), may, "{folder}");
            assert!(may == folder_may_hold(folder, &Window::ALL), "{folder}");
        }
        for (plain_date, hive_date, may) in [
            ("2022/", "year=2022/", true),
            ("2021/", "year=2021/", false),
            ("2022/01/", "year=2022/month=01/", true),
            ("2022/02/", "year=2022/month=02/", false),
            ("2022/01/06/", "year=2022/month=01/day=06/", false),
            ("2022/01/07/", "year=2022/month=01/day=07/", true),
            ("2022/01/08/", "year=2022/month=01/day=08/", true),
            ("2022/01/09/", "year=2022/month=01/day=09/", false),
            (
                "2022/01/07/21/",
                "year=2022/month=01/day=07/hour=21/",
                false,
            ),
            ("2022/01/07/22/", "year=2022/month=01/day=07/hour=22/", true),
            ("2022/01/07/23/", "year=2022/month=01/day=07/hour=23/", true),
            ("2022/01/08/00/", "year=2022/month=01/day=08/hour=00/", true),
            (
                "2022/01/08/01/",
                "year=2022/month=01/day=08/hour=01/",
                false,
            ),
            ("2022/13/", "year=2022/month=13/", true),
            ("kept/", "year=kept/", true),
            (
                "2022/01/07/23/kept/",
                "year=2022/month=01/day=07/hour=23/kept/",
                true,
            ),
        ] {
            for folder in [format!("{plain}{plain_date}"), format!("{hive}{hive_date}")] {
                assert_eq!(folder_may_hold(&folder, &names), may, "{folder}");
                assert!(folder_may_hold(&folder, &Window::ALL), "{folder}");
            }
        }
    }

    #[test]
    fn the_edges_of_years_are_held() {
        let new_year = at("2022-01-01T00:00:00Z");
        let folder = |year: &str| format!("AWSLogs/1/vpcflowlogs/eu-west-1/{year}/");
        let names = Window::new(new_year, new_year + SLOT);
        assert!(folder_may_hold(&folder("2022"), &names));
        // One slot to spare.
        assert!(folder_may_hold(&folder("2021"), &names));
        let later = Window::new(new_year + SLOT, new_year + 2 * SLOT);
        assert!(!folder_may_hold(&folder("2021"), &later));
    }

    #[test]
    fn listing_goes_on_where_the_next_asked_name_may_be() {
        let names = Window::new(at("2022-01-07T12:00:00Z"), at("2022-01-07T13:00:00Z"));
        let stem = "p/2022/01/07/111122223333_vpcflowlogs_eu-west-1_";
        let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect();
        for (asked, last, expected) in [
            (
                &[][..],
                "fl-b_20220107T0100Z_1.log.gz",
                Some("fl-b_20220107T1200Z"),
            ),
            (&[], "fl-b_20220107T1200Z_1.log.gz", None),
            (&[], "fl-b_20220107T1255Z_1.log.gz", None),
            (&[], "fl-b_20220107T1300Z_1.log.gz", Some("fl-b_~")),
            (
                &["fl-b"],
                "fl-b_20220107T0100Z_1.log.gz",
                Some("fl-b_20220107T1200Z"),
            ),
            (
                &["fl-b"],
                "fl-a_20220107T1200Z_1.log.gz",
                Some("fl-b_20220107T1200Z"),
            ),
            (&["fl-b"], "fl-b_20220107T1300Z_1.log.gz", Some("~")),
            (
                &["fl-a", "fl-c"],
                "fl-b_20220107T1200Z_1.log.gz",
                Some("fl-c_20220107T1200Z"),
            ),
            // In a key, `fl-b1_` stands before `fl-b_`.
            (
                &["fl-b", "fl-b1"],
                "fl-b1_20220107T1300Z_1.log.gz",
                Some("fl-b_20220107T1200Z"),
            ),
            (&[], "other.gz", None),
        ] {
            let last = format!("{stem}{last}");
            let next = go_on_after(&last, &names, &ids(asked));
            let expected = expected.map(|rest| format!("{stem}{rest}"));
            assert_eq!(next, expected, "{asked:?} {last}");
            assert!(next.is_none_or(|next| next > last), "{last}");
        }
        let bare = "1_vpcflowlogs_eu-west-1_fl-b_20220107T0100Z_1.log.gz";
        assert_eq!(
            go_on_after(bare, &names, &ids(&[])).as_deref(),
            Some("1_vpcflowlogs_eu-west-1_fl-b_20220107T1200Z")
        );
    }

    /// Found by fuzzing: nothing is promised of what stands before the service's name.
    #[test]
    fn a_name_without_a_folder_may_begin_with_any_character() {
        let names = Window::new(at("2022-01-07T12:00:00Z"), at("2022-01-07T13:00:00Z"));
        let last = "\u{4bf}_vpcflowlogs__fl-_20220107T0100Z_.log.gz";
        assert_eq!(
            go_on_after(last, &names, &BTreeSet::new()).as_deref(),
            Some("\u{4bf}_vpcflowlogs__fl-_20220107T1200Z")
        );
    }

    #[test]
    fn a_delivered_object_covers_the_times_around_its_name() {
        let key = "AWSLogs/1/vpcflowlogs/eu-west-1/2022/01/07/1_vpcflowlogs_eu-west-1_fl-0aa_20220107T2325Z_1.log.gz";
        let expected = Cover {
            interface: None,
            starts: Window::of_object_name(at("2022-01-07T23:25:00Z")),
        };
        assert_eq!(cover(key), expected);
        let object =
            |service: &str, id: &str| format!("1_{service}_eu-west-1_{id}_20220107T2325Z_1.log.gz");
        assert!(ObjectName::parse(&object("vpcflowlogs", "fl-0aa")).is_some());
        assert!(ObjectName::parse(&object("vpcflowlogs", "tgw-0aa")).is_none());
        assert!(ObjectName::parse(&object("elasticloadbalancing", "fl-0aa")).is_none());
    }

    #[test]
    fn a_tree_is_known_by_its_top() {
        for (folder, is) in [
            ("p/AWSLogs/", true),
            ("AWSLogs", true),
            ("p/AWSLogs/1/x/", true),
            ("p/", false),
            ("AWSLogs2/", false),
        ] {
            assert_eq!(is_in_tree(folder), is, "{folder}");
        }
    }

    #[test]
    fn without_times_listing_goes_on_at_the_next_flow_log() {
        let ids = BTreeSet::from(["fl-c".to_owned()]);
        let last = "p/1_vpcflowlogs_eu-west-1_fl-b_20220107T1200Z_1.log.gz";
        let next = go_on_after(last, &Window::ALL, &ids);
        assert_eq!(next.as_deref(), Some("p/1_vpcflowlogs_eu-west-1_fl-c_"));
        assert_eq!(go_on_after(last, &Window::ALL, &BTreeSet::new()), None);
        // Of the times asked for, the first is in and the last is out.
        let at_noon = Window::new(at("2022-01-07T12:00:00Z"), at("2022-01-07T12:00:00Z") + 1);
        assert_eq!(go_on_after(last, &at_noon, &BTreeSet::new()), None);
    }
}
