//! Digests of a bucket and a log group.

use jiff::Timestamp;
use serde_json::Value;

use crate::support::moto::moto;
use crate::support::records::{Delivery, generate, recent, streams};
use crate::support::{REGION, flowdiff};

/// Runs flowdiff and returns the exit code and standard output.
fn run(words: &[&str]) -> (i32, String) {
    let output = flowdiff().args(words).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code().unwrap();
    assert_ne!(code, 2, "{said}");
    (code, String::from_utf8(output.stdout).unwrap())
}

/// The window of the digest is that of the check, also of a source whose default is another.
#[test]
fn a_bucket_and_a_log_group_are_compared_by_their_digests() {
    let start = recent();
    let records = generate(400, 4, start, 3600);
    let (bucket, group) = ("flowdiff-digests", "/flowdiff/digests");
    moto().create_bucket(bucket, REGION);
    moto().create_group(group, REGION);
    moto().put_objects(bucket, Delivery::default().objects(&records));
    for (stream, events) in streams(&records[3..]) {
        moto().put_events(group, REGION, &stream, &events);
    }
    let time = |second| Timestamp::from_second(second).unwrap().to_string();
    let (since, until) = (time(start), time(start + 3600));
    let window = ["--since", &*since, "--until", &*until];
    let (s3, cwl) = (format!("s3://{bucket}"), format!("cwl://{group}"));
    let folder = tempfile::tempdir().unwrap();
    let to = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let digests = [("s3", &s3), ("cwl", &cwl)].map(|(side, source)| {
        let to = to(side);
        let words = [
            &["digest", &**source, "--side", side, "-q", "-o", &*to],
            &window[..],
        ]
        .concat();
        assert_eq!(run(&words), (0, String::new()));
        to
    });
    let (code, whole) = run(&[&["check", &*s3, &*cwl, "-o", "json"], &window[..]].concat());
    assert_eq!(code, 1);
    let of = |text: &str| -> Value {
        let report: Value = serde_json::from_str(text).unwrap();
        serde_json::json!([
            report["window"],
            report["verdict"],
            report["counts"]["missing"],
            report["counts"]["matched"]
        ])
    };
    for sources in [
        [&digests[0], &digests[1]],
        [&digests[0], &cwl],
        [&s3, &digests[1]],
    ] {
        let (code, told) = run(&["check", sources[0], sources[1], "-o", "json"]);
        assert_eq!(code, 1, "{told}");
        assert_eq!(of(&told), of(&whole), "{sources:?}");
    }
    // An address under which nothing is would make all of a digest's records look missing.
    let (wrong, right) = (format!("{s3}/AWSLog/"), format!("{s3}/AWSLogs/"));
    let words = ["check", &*wrong, &*digests[1], "-o", "json"];
    let output = flowdiff().args(words).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("there is nothing under it"), "{said}");
    assert!(said.contains(&format!("did you mean `{right}`?")), "{said}");
    let (code, _) = run(&[&words[..], &["--allow-empty"]].concat());
    assert_eq!(code, 1);
    // The same from one listing, which is shared out.
    let (code, lines) = run(&[&["plan", &*s3, &*cwl, "--parts"], &window[..]].concat());
    assert_eq!(code, 0);
    let listed: Vec<&str> = lines.lines().collect();
    assert!(listed.len() > 8, "{lines}");
    let shares = [("s3", &s3), ("cwl", &cwl)].map(|(side, source)| {
        let shares: Vec<String> = (0..3)
            .map(|share| {
                let (parts, digest) = (to("parts"), to(&format!("{side}-{share}")));
                let some = listed.iter().skip(share).step_by(3);
                let some: String = some.map(|line| format!("{line}\n")).collect();
                std::fs::write(&parts, some).unwrap();
                let words = ["digest", &**source, "--side", side, "-q", "-o", &*digest];
                let (code, _) = run(&[&words[..], &["--parts", &*parts], &window[..]].concat());
                assert_eq!(code, 0);
                digest
            })
            .collect();
        let merged = to(&format!("{side}-merged"));
        let shares: Vec<&str> = shares.iter().map(String::as_str).collect();
        let words = [&["digest", "--merge"], &shares[..], &["-q", "-o", &*merged]].concat();
        assert_eq!(run(&words).0, 0);
        merged
    });
    let (code, told) = run(&["check", &*shares[0], &*shares[1], "-o", "json"]);
    assert_eq!((code, of(&told)), (1, of(&whole)));
}
