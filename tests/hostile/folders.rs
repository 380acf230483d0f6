//! Folders with what is no file in them, and sources that are none.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{Desk, GOOD};

#[test]
fn what_is_no_file_is_named_and_never_opened() {
    let desk = Desk::new();
    let s3 = desk.at("s3");
    symlink("/dev/zero", s3.join("device")).unwrap();
    symlink(".", s3.join("here")).unwrap();
    symlink("back", s3.join("forth")).unwrap();
    symlink("forth", s3.join("back")).unwrap();
    fs::create_dir(s3.join("below")).unwrap();
    symlink("../below", s3.join("below/loop")).unwrap();
    // Nobody ever writes to it.
    let made = Command::new("mkfifo").arg(s3.join("pipe")).status();
    assert!(made.unwrap().success());
    let outcome = desk.check(&[]);
    let report = outcome.report();
    assert_eq!((outcome.code, &*outcome.stderr), (3, ""));
    assert_eq!(report["counts"]["matched"], GOOD);
    let findings = report["findings"].as_array().unwrap().iter();
    let told: Vec<_> = findings
        .map(|finding| {
            (
                finding["part"].as_str().unwrap(),
                finding["reason"].as_str().unwrap(),
            )
        })
        .collect();
    let above = "a link that leads back to a folder above it";
    let circle = "Too many levels of symbolic links (os error 40)";
    assert_eq!(
        told,
        [
            ("back", circle),
            ("below/loop", above),
            ("device", "neither a file nor a folder"),
            ("forth", circle),
            ("here", above),
            ("pipe", "neither a file nor a folder"),
        ]
    );
}

/// A device would fill the disk.
#[test]
fn a_device_is_no_source() {
    let desk = Desk::new();
    let cwl = desk.at("cwl");
    let cwl = cwl.to_str().unwrap();
    let refused = "a device, neither a file nor a folder nor a pipe\n";
    let outcome = desk.run(&["check", "/dev/zero", cwl]);
    let said = format!("flowdiff: s3: `/dev/zero`: {refused}");
    assert_eq!((outcome.code, outcome.stderr), (2, said));
    let zero = || Stdio::from(fs::File::open("/dev/zero").unwrap());
    let outcome = desk.run_with(&["check", "-", cwl], zero(), &[]);
    let said = format!("flowdiff: s3: `-`: {refused}");
    assert_eq!((outcome.code, outcome.stderr), (2, said));
    // These end, and nothing is in them: whatever should have written there has failed.
    for empty in ["/dev/null", "-"] {
        let outcome = desk.run(&["check", empty, cwl, "--output", "json"]);
        let counts = &outcome.report()["counts"];
        assert_eq!(counts["missing"], json!({"s3": 0, "cwl": 0}));
        assert_eq!(counts["undetermined"], json!({"s3": GOOD, "cwl": 0}));
        assert_eq!(outcome.code, 3);
    }
}

/// Files of any claimed size that hold nothing cost nothing.
#[test]
fn a_file_of_a_terabyte_of_nothing() {
    let desk = Desk::new();
    let file = fs::File::create(desk.at("s3").join("hostile")).unwrap();
    // Where the file system has none of that size, a smaller one will do.
    if file.set_len(1 << 40).is_err() {
        file.set_len(1 << 33).unwrap();
    }
    let finding = desk.only_finding();
    assert_eq!(finding["reason"], "neither flow-log text, JSON nor Parquet");
}
