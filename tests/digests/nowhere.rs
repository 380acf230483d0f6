//! Digests of a place under which there is nothing.

use std::fs;

use super::command::{path, run};
use crate::support::moto::moto;
use crate::support::records::{Delivery, generate, recent};
use crate::support::{REGION, flowdiff};

#[test]
fn an_empty_folder_is_a_slip_until_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let [empty, full, digest] =
        ["empty", "full", "full.digest"].map(|name| path(folder.path(), name));
    for side in [&empty, &full] {
        fs::create_dir(side).unwrap();
    }
    let none = path(folder.path(), "none.digest");
    let row = "2 123456789010 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK\n";
    fs::write(path(folder.path(), "full/a.log"), row).unwrap();
    let made = run(&["digest", &full, "--side", "s3", "-q", "-o", &digest]);
    assert_eq!(made, (0, String::new(), String::new()));
    let words = ["digest", &*empty, "--side", "cwl", "-q", "-o", &*none];
    for refused in [
        &words[..],
        &["check", &*full, &*empty],
        &["check", &*digest, &*empty],
    ] {
        let (code, out, said) = run(refused);
        assert_eq!((code, &*out), (2, ""), "{refused:?}");
        assert!(
            said.contains("empty`: there is nothing under it") && said.contains("--allow-empty"),
            "{said}"
        );
        let allowed = run(&[refused, &["--allow-empty"]].concat());
        assert_eq!(allowed.0, i32::from(refused[0] == "check"), "{}", allowed.2);
    }
    assert!(fs::exists(&none).unwrap());
}

#[test]
fn a_prefix_without_objects_is_a_slip_and_an_hour_without_any_is_none() {
    let start = recent();
    let bucket = "flowdiff-digest-nowhere";
    moto().create_bucket(bucket, REGION);
    let objects = Delivery::default().objects(&generate(4, 2, start, 3600));
    moto().put_objects(bucket, objects);
    let folder = tempfile::tempdir().unwrap();
    let to = path(folder.path(), "one.digest");
    let digest = |prefix: &str| {
        let address = format!("s3://{bucket}/{prefix}");
        let words = ["digest", &address, "--side", "s3", "-q", "-o", &to];
        let words = [
            &words[..],
            &["--since", "2015-01-01", "--until", "2015-01-02"],
        ]
        .concat();
        flowdiff().args(words).output().unwrap()
    };
    let refused = digest("AWSLog/");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(
        said.contains(&format!("did you mean `s3://{bucket}/AWSLogs/`?")),
        "{said}"
    );
    assert!(!fs::exists(&to).unwrap());
    assert_eq!(digest("AWSLogs/").status.code(), Some(0));
}

#[test]
fn a_bucket_without_any_object_is_a_slip_as_well() {
    let bucket = "flowdiff-empty-bucket";
    moto().create_bucket(bucket, REGION);
    let folder = tempfile::tempdir().unwrap();
    let full = path(folder.path(), "a.log");
    let row = "2 123456789010 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK\n";
    fs::write(&full, row).unwrap();
    let address = format!("s3://{bucket}");
    let words = [
        "check",
        &*address,
        &*full,
        "--since",
        "2023-11-14",
        "--until",
        "2023-11-15",
    ];
    let refused = flowdiff().args(words).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("there is nothing under it"), "{said}");
    assert!(said.contains("--allow-empty"), "{said}");
    let allowed = flowdiff()
        .args(words)
        .arg("--allow-empty")
        .output()
        .unwrap();
    assert_eq!(allowed.status.code(), Some(1));
}
