//! `--receipts`: a receipt of each day, once all of it is decided.

use std::fs;

use super::bucket::{report, run as run_with_bucket, said, server};
use super::evidence::archive;
use super::{HOUR, Job, MIDNIGHT, MINUTE, records};
use crate::support::aws::Fault;
use crate::support::aws::operation::KEPT;
use crate::support::offline;

const DAY: i64 = 24 * HOUR;
const FIRST: &str = "archive/receipts/2022-01-07.receipt";
const SECOND: &str = "archive/receipts/2022-01-08.receipt";

fn flowdiff(job: &Job, words: &[&str]) -> (i32, String) {
    let mut command = offline();
    let output = command.current_dir(&job.root).args(words).output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code().unwrap(), text.concat())
}

/// Two days, of the second of which a record is lost.
fn job() -> Job {
    let job = Job::new();
    let all = records(49);
    let lost = all.iter().position(|it| it.start >= MIDNIGHT + 30 * HOUR);
    job.put("s3", "a.log", &all);
    let mut there = all;
    there.remove(lost.unwrap());
    job.put("cwl", "a.txt", &there);
    assert_eq!(flowdiff(&job, &["key", "key"]).0, 0);
    job
}

const MORE: [&str; 7] = [
    "--archive",
    "archive",
    "--receipts",
    "--key-file",
    "key",
    "--max-windows",
    "50",
];

#[test]
fn a_day_that_is_decided_has_a_receipt() {
    let job = job();
    job.run(MIDNIGHT + DAY + 14 * MINUTE, &MORE).assert(0, &[]);
    assert!(!job.path(FIRST).exists(), "the last slot has not settled");
    let before = fs::read(job.path("state/state.json")).unwrap();
    job.run(MIDNIGHT + DAY + 20 * MINUTE, &MORE).assert(0, &[]);
    let first = fs::read(job.path(FIRST)).unwrap();
    // As when it is killed before it has saved that: the same receipt goes on counting.
    let mut state: serde_json::Value = serde_json::from_slice(&before).unwrap();
    state["archive"] = job.state()["archive"].clone();
    state["next"] = job.state()["next"].clone();
    fs::write(job.path("state/state.json"), state.to_string()).unwrap();
    job.run(MIDNIGHT + DAY + 25 * MINUTE, &MORE).assert(0, &[]);
    assert_eq!(fs::read(job.path(FIRST)).unwrap(), first);
    job.run(MIDNIGHT + 2 * DAY + 20 * MINUTE, &MORE)
        .assert(1, &[]);
    let verify = ["verify", SECOND, FIRST, "s3", "--key-file", "key"];
    let (code, text) = flowdiff(&job, &verify);
    assert_eq!(code, 0, "{text}");
    assert_eq!(
        text.matches(": as it was, 1,440 records").count(),
        2,
        "{text}"
    );
    assert!(
        text.contains("The chain is whole from number 1 to 2"),
        "{text}"
    );
    assert!(
        text.contains("the job that compared it with cwl said consistent (0)"),
        "{text}"
    );
    assert!(
        text.contains("the job that compared it with cwl said different (1)"),
        "{text}"
    );
    // What is old is removed, but for these.
    let (code, text) = flowdiff(&job, &["archive", "prune", "archive", "--older-than", "1d"]);
    assert_eq!(code, 0, "{text}");
    assert!(job.path(FIRST).exists() && !job.path("archive/lines/2022-01-08.jsonl").exists());
    // Another key is not the one of the chain.
    assert_eq!(flowdiff(&job, &["key", "other"]).0, 0);
    fs::write(job.path("state/state.json"), state.to_string()).unwrap();
    let words = ["check", "s3", "cwl", "--state", "state", "--archive", "new"];
    let more = [
        "--receipts",
        "--key-file",
        "other",
        "--now",
        "2022-01-08T01:00:00Z",
    ];
    fs::create_dir_all(job.path("new/receipts")).unwrap();
    fs::copy(job.path(FIRST), job.path("new/receipts/2022-01-07.receipt")).unwrap();
    let (code, text) = flowdiff(&job, &[&words[..], &more].concat());
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("is no receipt of this job: it is damaged, forged or of another key"),
        "{text}"
    );
}

/// What was found before there was an archive is not known any more.
#[test]
fn a_day_of_which_the_archive_has_a_part_is_not_called_consistent() {
    let job = job();
    job.run(MIDNIGHT + 12 * HOUR, &["--max-windows", "50"])
        .assert(0, &[]);
    job.run(MIDNIGHT + DAY + 20 * MINUTE, &MORE).assert(0, &[]);
    let (code, text) = flowdiff(&job, &["verify", FIRST, "s3", "--key-file", "key"]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("the job that compared it with cwl said unknown (3)"),
        "{text}"
    );
}

#[test]
fn in_a_bucket_too() {
    let server = server(|_, _| Fault::None);
    let job = job();
    let archive = archive();
    let more = [&["--archive", &*archive][..], &MORE[2..]].concat();
    for hours in [25, 26] {
        let output = run_with_bucket(&job, &server.endpoint, MIDNIGHT + hours * HOUR, &more);
        report(&output, 0);
        assert_eq!(said(&output), "");
    }
    let receipts = server.objects(&format!("{KEPT}archive/receipts/"));
    assert_eq!(receipts.keys().collect::<Vec<_>>(), ["2022-01-07.receipt"]);
    fs::write(job.path("day.receipt"), &receipts["2022-01-07.receipt"]).unwrap();
    let verify = ["verify", "day.receipt", "s3", "--key-file", "key"];
    assert_eq!(flowdiff(&job, &verify).0, 0);
}

#[test]
fn what_it_needs_is_said() {
    let job = job();
    for (words, said) in [
        (
            &["--receipts", "--key-file", "key"][..],
            "--archive <PLACE>",
        ),
        (&["--receipts", "--archive", "archive"], "--key-file <FILE>"),
        (
            &[
                "--receipts",
                "--archive",
                "a",
                "--key-file",
                "key",
                "--redact-key",
                "a key that is long",
            ],
            "--receipts: not with --redact",
        ),
    ] {
        let outcome = job.run(MIDNIGHT + HOUR, words);
        assert_eq!(outcome.code, 2, "{outcome:#?}");
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
}
