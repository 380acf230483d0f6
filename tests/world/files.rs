//! Files that are no flow logs, in folders and in buckets.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::aws::{BUCKET, Fault, Server, Speed, Stores};
use crate::support::{REGION, offline};

fn line(number: u32) -> String {
    let start = 1_641_596_400 + i64::from(number);
    format!(
        "2 123456789010 eni-0aa 10.0.0.1 10.0.0.2 {number} 443 6 1 40 {start} {start} ACCEPT OK\n"
    )
}

fn lines() -> String {
    (0..20).map(line).collect()
}

/// A place with the 20 records and what else a reader must not add to them.
fn files() -> Vec<(&'static str, String)> {
    vec![
        ("a/flows.log", lines()),
        ("_temporary/0/flows.log", lines()),
        ("a/_committed_1", "{}".to_owned()),
        ("a/.flows.log.crc", "crc".to_owned()),
        ("a_$folder$", String::new()),
        ("a/flows.log.6eF1a2B3", line(0)),
        ("a/flows.log.partial", line(1)),
    ]
}

/// Checks the place against the 20 records, as a folder and as a bucket, and returns the reports.
fn both_ways(files: &[(&str, String)]) -> [(Option<i32>, Value); 2] {
    let folder = tempfile::tempdir().unwrap();
    let mut stores = Stores::default();
    for (name, content) in files {
        let path = folder.path().join("s3").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        stores.put(name, content.clone().into_bytes());
    }
    let cwl = folder.path().join("cwl.txt");
    fs::write(&cwl, lines()).unwrap();
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let run = |s3: &Path| {
        let mut command = offline();
        command
            .arg("check")
            .args([s3, &cwl])
            .args([
                "-o",
                "json",
                "--since",
                "2022-01-07",
                "--until",
                "2022-01-09",
            ])
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", &server.endpoint);
        let output = command.output().unwrap();
        let report = serde_json::from_slice(&output.stdout);
        (
            output.status.code(),
            report.unwrap_or_else(|_| panic!("{output:?}")),
        )
    };
    [
        run(&folder.path().join("s3")),
        run(Path::new(&format!("s3://{BUCKET}"))),
    ]
}

#[test]
fn what_other_readers_pass_over_adds_nothing() {
    for (code, report) in both_ways(&files()) {
        assert_eq!(code, Some(0), "{report:#}");
        let notes = report["notes"].to_string();
        for said in ["3 hidden", "1 empty", "2 unfinished"] {
            assert!(notes.contains(said), "{said}: {notes}");
        }
    }
}

#[test]
fn a_table_gives_no_verdict() {
    for log in [
        "_delta_log/00000000000000000000.json",
        ".hoodie/hoodie.properties",
        "metadata/v1.metadata.json",
    ] {
        let mut files = files();
        files.push((log, "{}".to_owned()));
        files.push(("b/flows.log", lines()));
        for (code, report) in both_ways(&files) {
            assert_eq!(code, Some(3), "{report:#}");
            assert_eq!(report["counts"]["undetermined"]["s3"], 20, "{report:#}");
            let reason = report["findings"].to_string();
            assert!(reason.contains("table: its files"), "{reason}");
        }
    }
}

#[test]
fn a_log_of_no_bytes_and_an_unfinished_download_are_unreadable() {
    for name in ["b.log.gz", "b.log"] {
        let empty = vec![("a.log", lines()), (name, String::new())];
        for (code, report) in both_ways(&empty) {
            assert_eq!(
                (code, &report["counts"]["matched"]),
                (Some(3), &20.into()),
                "{report:#}"
            );
        }
    }
    let unfinished = vec![("a.log", lines()), ("b.log.gz.6eF1a2B3", "x".to_owned())];
    for (code, report) in both_ways(&unfinished) {
        assert_eq!(code, Some(3), "{report:#}");
        assert!(
            report["findings"]
                .to_string()
                .contains("unfinished download"),
            "{report:#}"
        );
    }
}

#[test]
fn of_a_part_in_which_no_row_is_a_record_nothing_is_known() {
    let error = "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>\n";
    for (content, said) in [
        (error.to_owned(), "an XML answer, not a record: AccessDenied"),
        ((0..10).map(line).collect::<String>() + error, "line 11 is an XML answer, not a record"),
        ("<!DOCTYPE html>\n<html><body>2 123456789010 eni-0aa</body></html>\n".to_owned(), "an HTML page"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 9\n".to_owned(), "Git LFS"),
        ("An error occurred (ExpiredTokenException) when calling\n".to_owned(), "ExpiredTokenException"),
        // Words as many as a record has, and no word of it.
        ("lorem ipsum dolor sit amet consetetur sadipscing elitr sed diam nonumy eirmod tempor invidunt\n".to_owned(), "no row in it is"),
        ("{\"message\":\"Token has expired\"}\n".to_owned(), "no row in it is"),
    ] {
        for (code, report) in both_ways(&[("a.log", content.clone())]) {
            assert_eq!(code, Some(3), "{report:#}");
            let read = report["sides"]["s3"]["records"].as_u64().unwrap();
            assert_eq!(read, if said.starts_with("line") { 10 } else { 0 });
            assert_eq!(report["counts"]["undetermined"]["s3"], 20 - read, "{report:#}");
            assert_eq!(report["sides"]["s3"]["unreadable_parts"], 1, "{report:#}");
            let findings = report["findings"].to_string();
            assert!(findings.contains(said), "{said}: {findings}");
        }
    }
    // A malformed row among others is one record at most: the other ones are missing.
    let mixed = (0..10).map(line).collect::<String>() + "what is this\n";
    for (code, report) in both_ways(&[("a.log", mixed)]) {
        assert_eq!(code, Some(1), "{report:#}");
    }
}

#[test]
fn times_in_other_units_are_read_and_times_no_record_can_have_are_malformed() {
    let in_unit = |zeros: &str| {
        let all = lines();
        let line = |line: &str| {
            let mut cells: Vec<String> = line.split(' ').map(str::to_owned).collect();
            cells[10] += zeros;
            cells[11] += zeros;
            cells.join(" ") + "\n"
        };
        all.lines().map(line).collect::<String>()
    };
    for (zeros, unit) in [
        ("000", ""),
        ("000000", "microseconds"),
        ("000000000", "nanoseconds"),
    ] {
        for (code, report) in both_ways(&[("a.log", in_unit(zeros))]) {
            assert_eq!(code, Some(0), "{report:#}");
            assert_eq!(
                report["notes"].to_string().contains("times are told in"),
                !unit.is_empty()
            );
            assert!(report["notes"].to_string().contains(unit), "{report:#}");
        }
    }
    for zeros in ["0", "00", "0000"] {
        for (code, report) in both_ways(&[("a.log", in_unit(zeros))]) {
            assert_eq!(code, Some(3), "{report:#}");
            let reason = report["findings"].to_string();
            assert!(
                reason.contains("more than two days ahead of the clock"),
                "{reason}"
            );
        }
    }
}
