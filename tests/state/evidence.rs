//! `--archive s3://...`: the same archive as in a folder, whatever the service answers.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use serde_json::Value;

use super::archive::{ARCHIVE, Kept, job};
use super::bucket::{call, place, report, run, said, server};
use super::{HOUR, Job, MIDNIGHT, MINUTE, time};
use crate::support::aws::http::Wire;
use crate::support::aws::operation::KEPT;
use crate::support::aws::{BUCKET, Fault, Server, Speed, Stores};
use crate::support::moto::moto;
use crate::support::unless_long;

/// Where the archive is.
pub(super) fn archive() -> String {
    format!("s3://{BUCKET}/{KEPT}archive")
}

/// Copies the archive to a folder of the job, and reads it there.
pub(super) fn exported(server: &Server, job: &Job) -> Kept {
    let folder = job.path("exported");
    let _ = fs::remove_dir_all(&folder);
    for (name, bytes) in objects(server) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    Kept::read(&folder)
}

fn objects(server: &Server) -> BTreeMap<String, Arc<[u8]>> {
    server.objects(&format!("{KEPT}archive/"))
}

/// Runs of which the second finds three records lost.
const RUNS: [(i64, i32); 4] = [(75, 0), (135, 1), (195, 0), (196, 0)];

#[track_caller]
fn run_all(job: &Job, server: &Server) {
    for (minutes, code) in RUNS {
        let now = MIDNIGHT + minutes * MINUTE;
        report(
            &run(job, &server.endpoint, now, &["--archive", &archive()]),
            code,
        );
    }
}

#[test]
fn it_is_the_archive_that_a_folder_would_be() {
    let (server, in_folder, in_bucket) = (server(|_, _| Fault::None), job(), job());
    for (minutes, code) in RUNS {
        in_folder
            .run(MIDNIGHT + minutes * MINUTE, &ARCHIVE)
            .assert(code, &[]);
    }
    run_all(&in_bucket, &server);
    let objects = objects(&server);
    let names: Vec<_> = objects.keys().cloned().collect();
    assert_eq!(
        names,
        [
            "lines/2022-01-07.jsonl",
            "reports/2022-01-07/000000002-20220107T010000Z.html",
            "reports/2022-01-07/000000002-20220107T010000Z.json",
        ]
    );
    // The reports say what was typed, which is not the same.
    let lines = |text: &[u8]| -> Vec<Value> {
        let text = String::from_utf8(text.to_vec()).unwrap();
        let mut lines: Vec<Value> = { text.lines() }
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for line in &mut lines {
            line["report"] = Value::from(line["report"].is_null());
            line["previous"] = Value::Null;
        }
        lines
    };
    let there = fs::read(in_folder.path("archive").join(&names[0])).unwrap();
    assert_eq!(lines(&objects[&names[0]]), lines(&there));
    let kept = exported(&server, &in_bucket);
    kept.assert_no_gap(MIDNIGHT, MIDNIGHT + 3 * HOUR);
    assert_eq!((kept.lost, kept.differences.len()), (3, 3));
    // Of each run the state is read once and written three times; the archive is listed once, and its last day read once. At
    // first two conditions are tried that do not hold, of either.
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for call in server.take_answered() {
        *calls.entry(call.operation).or_default() += 1;
    }
    let (gets, lists) = (4 + 1 + 3 + 1, 4);
    let puts = 4 * 3 + 2 + 3 + 2 + 2;
    // One that saves what was written there.
    let saved = 3;
    let expected = [
        ("GetObject", gets),
        ("ListObjectsV2", lists),
        ("PutObject", puts + saved),
    ];
    assert_eq!(calls, expected.map(|(name, n)| (name.to_owned(), n)).into());
}

#[test]
fn a_write_whose_answer_is_an_error_is_what_stands_there() {
    let faults = [
        Fault::Refused(500, "InternalError"),
        Fault::Refused(503, "SlowDown"),
        Fault::Refused(409, "ConditionalRequestConflict"),
        Fault::DoneBut(409, "ConditionalRequestConflict"),
        Fault::DoneBut(412, "PreconditionFailed"),
        Fault::DoneBut(500, "InternalError"),
        Fault::Wire(Wire::ResetBefore),
    ];
    // Every other write has one, so that what is done again is done; each run of the jobs meets them all, each job elsewhere.
    for first in (0..faults.len()).step_by(unless_long(4, 1)) {
        let mut writes = 0;
        let server = server(move |call, _| {
            if call.operation != "PutObject" || !call.name.contains("/archive/") {
                return Fault::None;
            }
            writes += 1;
            match writes % 2 {
                1 => faults[(first + writes / 2) % faults.len()],
                _ => Fault::None,
            }
        });
        let job = job();
        run_all(&job, &server);
        let kept = exported(&server, &job);
        kept.assert_no_gap(MIDNIGHT, MIDNIGHT + 3 * HOUR);
        assert_eq!((kept.lost, kept.differences.len()), (3, 3), "{first}");
    }
}

#[test]
fn what_is_decided_and_not_written_is_written_by_the_next_run() {
    let mut denied = 0;
    let server = server(move |call, _| {
        let is_report = call.operation == "PutObject" && call.name.contains("/reports/");
        denied += usize::from(is_report);
        match is_report && denied == 1 {
            true => Fault::Refused(403, "AccessDenied"),
            false => Fault::None,
        }
    });
    let job = job();
    let run = |minutes: i64| {
        let now = MIDNIGHT + minutes * MINUTE;
        run(&job, &server.endpoint, now, &["--archive", &archive()])
    };
    report(&run(75), 0);
    let outcome = run(135);
    report(&outcome, 1);
    let said = said(&outcome);
    assert!(
        said.contains("the caller needs `s3:PutObject` on"),
        "{said}"
    );
    assert_eq!(objects(&server).len(), 1);
    report(&run(136), 0);
    let kept = exported(&server, &job);
    assert_eq!((kept.lost, kept.differences.len()), (3, 3));
}

#[test]
fn what_is_not_the_jobs_is_refused_and_left() {
    let server = server(|_, _| Fault::None);
    let job = job();
    run_all(&job, &server);
    let there = objects(&server);
    let other = super::Job::new();
    super::bucket::both(&other, 1);
    let words = [
        "check",
        "s3",
        "cwl",
        "--state",
        "state",
        "--archive",
        &archive(),
        "--since",
        "2022-01-07",
        "--now",
        &time(MIDNIGHT + 4 * HOUR),
    ];
    let output = call(&other, &server.endpoint, &words);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = said(&output);
    assert!(said.contains("has lines of another job"), "{said}");
    assert!(said.contains(&archive()), "{said}");
    assert_eq!(objects(&server), there);
    let words = [
        "check",
        "s3://logs/a",
        "cwl",
        "--state",
        "state",
        "--archive",
        "s3://logs/a/b",
    ];
    let output = call(&job, &server.endpoint, &words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("--archive: `s3://logs/a/b` lies within the source"),
        "{said}"
    );
}

#[test]
fn a_service_that_takes_no_notice_of_conditions_is_refused() {
    let stores = Stores {
        unconditional: true,
        ..Stores::default()
    };
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let job = job();
    let words = [
        "check",
        "s3",
        "cwl",
        "--state",
        "state",
        "--archive",
        &archive(),
        "--since",
        "2022-01-07",
        "--now",
        &time(MIDNIGHT + HOUR),
    ];
    // Also the run after it, which has nothing left to write.
    for _ in 0..2 {
        let output = call(&job, &server.endpoint, &words);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = said(&output);
        assert!(
            said.contains("takes no notice of `If-None-Match`"),
            "{said}"
        );
    }
}

/// Runs a command about the archive.
fn about(job: &Job, server: &Server, words: &[&str]) -> (i32, String) {
    let output = call(job, &server.endpoint, words);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &said(&output);
    (output.status.code().unwrap(), text)
}

#[test]
fn it_is_read_and_looked_after() {
    let server = server(|_, _| Fault::None);
    let job = job();
    run_all(&job, &server);
    let (archive, state) = (archive(), place());
    let history = ["history", &archive, "--state", &state, "--reports"];
    let (code, text) = about(&job, &server, &history);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("3 records missing on cwl; in 3 windows"),
        "{text}"
    );
    assert!(
        text.contains(&format!(
            "{archive}: lines 1 to 3, whole and as the state knows it"
        )),
        "{text}"
    );
    let prune = ["archive", "prune", &archive, "--older-than", "1d"];
    let at = |now: i64| [&prune[..], &["--now", &time(now)]].concat().join(" ");
    let prune = |now: i64| about(&job, &server, &at(now).split(' ').collect::<Vec<_>>());
    assert_eq!(
        prune(MIDNIGHT + 30 * HOUR).1,
        "0 lines and 0 reports removed; the first line is 1\n"
    );
    assert_eq!(
        prune(MIDNIGHT + 48 * HOUR),
        (
            0,
            "3 lines and 2 reports removed; the first line is 4\n".to_owned()
        )
    );
    assert_eq!(
        objects(&server).into_keys().collect::<Vec<_>>(),
        ["start.json"]
    );
    let (code, text) = about(&job, &server, &history);
    assert_eq!(code, 0, "{text}");
    // The chain goes on, and its end can still be told.
    super::bucket::both(&job, 5);
    report(
        &run(
            &job,
            &server.endpoint,
            MIDNIGHT + 5 * HOUR,
            &["--archive", &archive],
        ),
        0,
    );
    let (code, text) = about(&job, &server, &history);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("lines 4 to "), "{text}");
    let (code, text) = about(&job, &server, &["history", "s3://flow-logs/kept/nowhere"]);
    assert_eq!(code, 2);
    assert!(
        text.contains("`s3://flow-logs/kept/nowhere` is no archive"),
        "{text}"
    );
    let (code, text) = about(
        &job,
        &server,
        &[
            "history",
            &archive,
            "--state",
            "s3://flow-logs/kept/nowhere",
        ],
    );
    assert_eq!(code, 2);
    assert!(
        text.contains("kept/nowhere/state.json` is not there"),
        "{text}"
    );
}

/// With `--pairs` each pair has its own, and what is old of all of them goes at once.
#[test]
fn each_pair_has_its_own() {
    let server = server(|_, _| Fault::None);
    let (first, second) = (job(), job());
    let mut pairs = String::new();
    for (name, job) in [("a", &first), ("b", &second)] {
        let address = |side: &str| serde_json::json!({"address": job.path(side)});
        let pair = serde_json::json!({"name": name, "s3": address("s3"), "cwl": address("cwl")});
        pairs += &format!("{pair}\n");
    }
    fs::write(first.path("pairs.jsonl"), pairs).unwrap();
    let words = [
        "check",
        "--pairs",
        "pairs.jsonl",
        "--state",
        &place(),
        "--archive",
        &archive(),
        "--since",
        "2022-01-07",
        "--now",
        &time(MIDNIGHT + 2 * HOUR),
    ];
    let output = call(&first, &server.endpoint, &words);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let days: Vec<_> = objects(&server)
        .into_keys()
        .filter(|name| name.contains("lines/"))
        .collect();
    assert_eq!(
        days,
        ["a/lines/2022-01-07.jsonl", "b/lines/2022-01-07.jsonl"]
    );
    let archive = archive();
    let words = ["archive", "prune", &archive, "--each", "--older-than", "1d"];
    let (code, text) = about(&first, &server, &words);
    assert_eq!(code, 0, "{text}");
    let removed = "2 lines and 2 reports removed; the first line is 3";
    assert_eq!(
        text,
        format!("{archive}/a: {removed}\n{archive}/b: {removed}\n")
    );
    assert_eq!(
        objects(&server).into_keys().collect::<Vec<_>>(),
        ["a/start.json", "b/start.json"]
    );
}

#[test]
fn it_goes_on_against_moto() {
    let bucket = "flowdiff-archive";
    moto().create_bucket(bucket, "us-east-1");
    let job = job();
    let [state, archive] = ["state", "archive"].map(|name| format!("s3://{bucket}/{KEPT}{name}"));
    let call = |words: &[&str]| call(&job, moto().reading(), words);
    for (minutes, code) in RUNS {
        let now = time(MIDNIGHT + minutes * MINUTE);
        let words = [
            "check",
            "s3",
            "cwl",
            "--state",
            &state,
            "--archive",
            &archive,
        ];
        let more = ["--since", "2022-01-07", "-o", "json", "--now", &now];
        report(&call(&[&words[..], &more].concat()), code);
    }
    let output = call(&[
        "history",
        &archive,
        "--state",
        &state,
        "--reports",
        "-o",
        "json",
    ]);
    assert_eq!(report(&output, 0)["total"]["missing"]["cwl"], 3);
    let output = call(&["archive", "prune", &archive, "--older-than", "400d"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = call(&["history", &archive, "--state", &state]);
    assert!(
        String::from_utf8_lossy(&output.stdout).starts_with("No window"),
        "{output:?}"
    );
}
