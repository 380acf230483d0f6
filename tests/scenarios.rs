//! Every folder of `fixtures/scenarios` is something that can be wrong (or right), with the report it must give.
//!
//! After a change that is meant: `FLOWDIFF_BLESS=1 cargo test scenarios`, then read the difference.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::offline;

fn report_of(folder: &Path) -> (String, Option<i32>) {
    let args: Vec<String> = fs::read_to_string(folder.join("args.json"))
        .map_or_else(|_| Vec::new(), |text| serde_json::from_str(&text).unwrap());
    let output = offline()
        .args(["check", "--output", "json"])
        .args([folder.join("s3"), folder.join("cwl")])
        .args(args)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "",
        "{}",
        folder.display()
    );
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.code(),
    )
}

#[test]
fn every_scenario_gives_its_report() {
    let root = Path::new("fixtures/scenarios");
    let mut folders: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| root.join(entry.unwrap().file_name()))
        .collect();
    folders.sort();
    assert!(folders.len() >= 15, "the scenarios are there");
    for folder in folders {
        let (report, code) = report_of(&folder);
        let kept = folder.join("report.json");
        if std::env::var_os("FLOWDIFF_BLESS").is_some() {
            fs::write(&kept, &report).unwrap();
        }
        let expected = fs::read_to_string(&kept).unwrap_or_default();
        let version = |text: &str| text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        assert_eq!(version(&report), version(&expected), "{}", folder.display());
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(
            report["exit_code"].as_i64(),
            code.map(i64::from),
            "{}",
            folder.display()
        );
    }
}

/// What each scenario is named after, whatever the kept reports say.
#[test]
fn scenarios_are_what_their_names_say() {
    for (name, verdict, path, count) in [
        ("consistent", "consistent", "/counts/matched", 8),
        ("missing-on-cwl", "different", "/counts/missing/cwl", 1),
        ("missing-on-s3", "different", "/counts/missing/s3", 1),
        (
            "interface-missing-on-cwl",
            "different",
            "/counts/missing/cwl",
            4,
        ),
        ("surplus-on-s3", "different", "/counts/surplus/s3", 1),
        ("surplus-on-cwl", "different", "/counts/surplus/cwl", 2),
        ("divergent-bytes", "different", "/counts/divergent", 1),
        (
            "other-aggregation-interval-on-cwl",
            "different",
            "/counts/missing/cwl",
            3,
        ),
        ("pending-on-s3", "unknown", "/counts/pending/s3", 1),
        ("cut-gzip-on-s3", "unknown", "/counts/undetermined/s3", 4),
        (
            "malformed-row-on-cwl",
            "unknown",
            "/counts/undetermined/cwl",
            1,
        ),
        ("more-fields-on-s3", "consistent", "/counts/matched", 8),
        (
            "format-not-given-on-cwl",
            "unknown",
            "/counts/undetermined/cwl",
            8,
        ),
        ("format-given-on-cwl", "consistent", "/counts/matched", 8),
        ("outside-the-window", "unknown", "/counts/matched", 0),
    ] {
        let (report, _) = report_of(&Path::new("fixtures/scenarios").join(name));
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["verdict"], verdict, "{name}");
        assert_eq!(
            report.pointer(path).and_then(Value::as_i64),
            Some(count),
            "{name}: {path}"
        );
    }
}

#[test]
fn the_same_traffic_told_in_other_records_is_noted_where_all_of_it_is() {
    for (name, noted) in [
        ("other-aggregation-interval-on-cwl", true),
        ("divergent-bytes", false),
        ("missing-on-s3", false),
        ("consistent", false),
    ] {
        let (report, _) = report_of(&Path::new("fixtures/scenarios").join(name));
        assert_eq!(
            report.contains("the same traffic, told in"),
            noted,
            "{name}"
        );
    }
}

#[test]
fn the_ping_of_the_tutorial_is_the_same_on_both_sides() {
    let mut check = offline();
    check
        .args(["check", "fixtures/ping/s3", "fixtures/ping/cwl"])
        .assert()
        .code(0);
}
