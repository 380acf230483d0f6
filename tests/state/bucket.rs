//! `--state s3://...`: one run at a time by a lease, whatever the service answers and whoever is killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{HOUR, Job, MIDNIGHT, MINUTE, records, time};
use crate::support::aws::http::Wire;
use crate::support::aws::operation::KEPT;
use crate::support::aws::{BUCKET, Call, Fault, Server, Speed, Stores};
use crate::support::moto::moto;
use crate::support::{REGION, offline};

pub(super) const OBJECT: &str = "kept/job/state.json";

/// A job whose sources are folders, and whose state is in a bucket.
pub(super) fn place() -> String {
    format!("s3://{BUCKET}/{KEPT}job")
}

pub(super) fn server(
    meddler: impl FnMut(&Call<'_>, &mut Stores) -> Fault + Send + 'static,
) -> Server {
    Server::start(Stores::default(), Speed::default(), Box::new(meddler))
}

fn environment(endpoint: &str) -> [(&str, &str); 4] {
    [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", REGION),
        ("AWS_ENDPOINT_URL", endpoint),
    ]
}

pub(super) fn credentials(command: &mut Command, endpoint: &str) {
    command.envs(environment(endpoint));
}

/// Runs flowdiff in the job's folder.
pub(super) fn call(job: &Job, endpoint: &str, words: &[&str]) -> Output {
    let mut command = offline();
    let command = command.current_dir(&job.root).args(words);
    command.envs(environment(endpoint)).output().unwrap()
}

pub(super) fn run(job: &Job, endpoint: &str, now: i64, more: &[&str]) -> Output {
    let (place, now) = (place(), time(now));
    let check = ["check", "s3", "cwl", "--state", &place];
    let words = ["--since", "2022-01-07", "--output", "json", "--now", &now];
    call(job, endpoint, &[&check[..], &words, more].concat())
}

pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
pub(super) fn report(output: &Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What stands in the store.
pub(super) fn kept(stores: &Stores) -> Option<Value> {
    let object = stores.objects.get(OBJECT)?;
    Some(serde_json::from_slice(&object.bytes).unwrap())
}

/// Keeps what stands in the store at each call.
fn watched() -> (Server, Arc<Mutex<Option<Value>>>) {
    let last = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&last);
    let server = server(move |_, stores| {
        *seen.lock().unwrap() = kept(stores);
        Fault::None
    });
    (server, last)
}

pub(super) fn both(job: &Job, hours: i64) {
    job.put("s3", "a.log", &records(hours));
    job.put("cwl", "eni.txt", &records(hours));
}

/// Every file and folder below, with its bytes.
fn tree(root: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let entries = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
    entries
        .map(|entry| {
            (
                entry.path().to_owned(),
                std::fs::read(entry.path()).unwrap_or_default(),
            )
        })
        .collect()
}

#[test]
fn a_job_needs_no_file_system() {
    let (server, last) = watched();
    let job = Job::new();
    both(&job, 3);
    let before = tree(job.root.path());
    let home = job.path("s3");
    let environment = [
        "HOME",
        "TMPDIR",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "XDG_STATE_HOME",
    ];
    let mut matched = 0;
    for minutes in [22, 27, 121, 122, 195] {
        let base = offline();
        let mut command = Command::new(base.get_program());
        credentials(&mut command, &server.endpoint);
        command.envs(environment.map(|name| (name, &home)));
        command
            .current_dir(&job.root)
            .args([
                "check",
                "s3",
                "cwl",
                "--state",
                &place(),
                "--since",
                "2022-01-07",
            ])
            .args([
                "--output",
                "json",
                "--now",
                &time(MIDNIGHT + minutes * MINUTE),
            ]);
        let output = command.output().unwrap();
        let report = report(&output, 0);
        matched += report["counts"]["matched"].as_u64().unwrap();
    }
    assert_eq!(matched, 180);
    // Read, taken, held by the state, given back; at first also tried with two conditions that do not hold.
    let calls: Vec<_> = server
        .take_answered()
        .into_iter()
        .map(|call| call.operation)
        .collect();
    let puts = calls.iter().filter(|it| *it == "PutObject").count();
    assert_eq!((puts, calls.len()), (5 * 3 + 2, 5 * 4 + 3), "{calls:?}");
    let kept = last.lock().unwrap().clone().unwrap();
    assert_eq!(kept["state"]["next"], MIDNIGHT + 180 * MINUTE, "{kept:#}");
    assert_eq!(tree(job.root.path()), before, "something else was written");
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
    for fault in faults {
        for at in 1..=3 {
            let last = Arc::new(Mutex::new(None));
            let seen = Arc::clone(&last);
            let (mut puts, mut done) = (0, false);
            let server = server(move |call, stores| {
                *seen.lock().unwrap() = kept(stores);
                puts += usize::from(call.operation == "PutObject");
                // The first run tries two conditions after its first write.
                let nth = if puts > 1 { puts - 2 } else { puts };
                if call.operation == "PutObject" && nth == at && !done && puts != 2 && puts != 3 {
                    done = true;
                    return fault;
                }
                Fault::None
            });
            let job = Job::new();
            both(&job, 2);
            for minutes in [75, 135] {
                let output = run(&job, &server.endpoint, MIDNIGHT + minutes * MINUTE, &[]);
                let report = report(&output, 0);
                assert_eq!(
                    report["counts"]["matched"], 60,
                    "{fault:?} at {at}: {report:#}"
                );
            }
            let calls = server.take_answered();
            let puts = calls
                .iter()
                .filter(|call| call.operation == "PutObject")
                .count();
            let again = !matches!(fault, Fault::DoneBut(..) | Fault::Wire(_));
            assert_eq!(puts, 2 * 3 + 2 + usize::from(again), "{fault:?} at {at}");
            let kept = last.lock().unwrap().clone().unwrap();
            assert_eq!(kept["state"]["next"], MIDNIGHT + 2 * HOUR, "{kept:#}");
        }
    }
}

#[test]
fn a_service_that_takes_no_notice_of_conditions_is_refused() {
    let stores = Stores {
        unconditional: true,
        ..Stores::default()
    };
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let job = Job::new();
    both(&job, 1);
    let output = run(&job, &server.endpoint, MIDNIGHT + HOUR, &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        said(&output).contains("takes no notice of `If-None-Match`"),
        "{output:?}"
    );
}

/// What another run would write.
pub(super) fn others(write: u64, lease: u64, state: &Value) -> Vec<u8> {
    let there = json!({
        "schema": "flowdiff.leased-state/1", "run": "another", "write": write, "holder": "process 7 on elsewhere",
        "lease_seconds": lease, "state": state,
    });
    serde_json::to_vec(&there).unwrap()
}

#[test]
fn what_is_damaged_or_out_of_place_is_refused() {
    for (there, refused) in [
        (b"{".to_vec(), "is damaged"),
        (b"{}".to_vec(), "is no state of flowdiff"),
        (
            others(1, 0, &json!({"schema": "flowdiff.state/1"})),
            "is damaged",
        ),
        (
            others(1, 90_000, &Value::Null),
            "is damaged: `lease_seconds` is 90000",
        ),
        (
            String::from_utf8(others(1, 0, &Value::Null))
                .unwrap()
                .replace("state/1", "state/2")
                .into_bytes(),
            "was written by a newer flowdiff",
        ),
    ] {
        let mut stores = Stores::default();
        stores.put(OBJECT, there.clone());
        let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
        let job = Job::new();
        both(&job, 1);
        let output = run(&job, &server.endpoint, MIDNIGHT + HOUR, &[]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = said(&output);
        assert!(
            said.contains(refused) && said.contains(OBJECT),
            "{refused}: {said}"
        );
    }
}

#[test]
fn what_was_typed_wrongly_is_said() {
    let job = Job::new();
    for (words, refused) in [
        (
            &["s3", "cwl", "--state", "cwl://group"][..],
            "--state: `cwl://group` is neither",
        ),
        (
            &["s3", "cwl", "--state", "gs://bucket"],
            "--state: `gs://bucket`",
        ),
        (
            &["s3", "cwl", "--state", "state", "--lease", "5s"],
            "--lease: a state in a folder",
        ),
        (
            &["s3", "cwl", "--state", "s3://logs/x", "--lease", "2d"],
            "--lease: must be from 1s to 1d",
        ),
        (
            &["s3://logs", "cwl", "--state", "s3://logs/x"],
            "lies within the source `s3://logs`",
        ),
        (
            &["s3://logs/a", "cwl", "--state", "s3://logs/a"],
            "lies within the source `s3://logs/a`",
        ),
    ] {
        let mut command = offline();
        let output = command
            .current_dir(&job.root)
            .arg("check")
            .args(words)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(said(&output).contains(refused), "{refused}: {output:?}");
    }
}

#[test]
fn it_goes_on_against_moto() {
    let bucket = "flowdiff-state";
    moto().create_bucket(bucket, "us-east-1");
    let job = Job::new();
    both(&job, 2);
    for (minutes, matched) in [(75, 60), (135, 60), (136, 0)] {
        let mut command = offline();
        let output = command
            .current_dir(&job.root)
            .args([
                "check",
                "s3",
                "cwl",
                "--state",
                &format!("s3://{bucket}/{KEPT}moto"),
            ])
            .args(["--since", "2022-01-07", "--output", "json"])
            .args(["--now", &time(MIDNIGHT + minutes * MINUTE)])
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", moto().reading())
            .output()
            .unwrap();
        assert_eq!(report(&output, 0)["counts"]["matched"], matched);
    }
}
