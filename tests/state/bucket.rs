//! `--state s3://...`: one run at a time by a lease, whatever the service answers and whoever is killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::kills::read;
use super::live::stores;
use super::{HOUR, Job, MIDNIGHT, MINUTE, records, time};
use crate::support::aws::http::Wire;
use crate::support::aws::operation::KEPT;
use crate::support::aws::{BUCKET, Call, Fault, GROUP, Server, Speed, Stores};
use crate::support::moto::moto;
use crate::support::records::{generate, recent};
use crate::support::{REGION, offline};

const OBJECT: &str = "kept/job/state.json";

/// A job whose sources are folders, and whose state is in a bucket.
pub(super) fn place() -> String {
    format!("s3://{BUCKET}/{KEPT}job")
}

pub(super) fn server(
    meddler: impl FnMut(&Call<'_>, &mut Stores) -> Fault + Send + 'static,
) -> Server {
    Server::start(Stores::default(), Speed::default(), Box::new(meddler))
}

pub(super) fn credentials(command: &mut Command, endpoint: &str) {
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", endpoint);
}

fn run(job: &Job, endpoint: &str, now: i64, more: &[&str]) -> Output {
    let base = offline();
    let mut command = Command::new(base.get_program());
    for (name, value) in base.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    credentials(&mut command, endpoint);
    command
        .current_dir(&job.root)
        .args(["check", "s3", "cwl", "--state", &place()])
        .args([
            "--since",
            "2022-01-07",
            "--output",
            "json",
            "--now",
            &time(now),
        ])
        .args(more);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn report(output: &Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What stands in the store.
fn kept(stores: &Stores) -> Option<Value> {
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

fn both(job: &Job, hours: i64) {
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
fn others(write: u64, lease: u64, state: &Value) -> Vec<u8> {
    let there = json!({
        "schema": "flowdiff.leased-state/1", "run": "another", "write": write, "holder": "process 7 on elsewhere",
        "lease_seconds": lease, "state": state,
    });
    serde_json::to_vec(&there).unwrap()
}

#[test]
fn a_lease_is_waited_for_unless_it_is_renewed() {
    for renewed in [false, true] {
        let mut writes = 0;
        let server = server(move |call, stores| {
            if writes == 0 || (renewed && call.operation == "GetObject" && call.nth % 3 == 0) {
                writes += 1;
                stores.put(OBJECT, others(writes, 2, &Value::Null));
            }
            Fault::None
        });
        let job = Job::new();
        both(&job, 1);
        let began = Instant::now();
        let output = run(&job, &server.endpoint, MIDNIGHT + HOUR, &["--lease", "2s"]);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(20), "{took:?}");
        if renewed {
            assert_eq!(output.status.code(), Some(2), "{output:?}");
            assert!(
                said(&output).contains("is in use by process 7 on elsewhere"),
                "{output:?}"
            );
        } else {
            report(&output, 0);
            assert!(took > Duration::from_secs(2), "{took:?}");
        }
    }
}

/// A server that another run writes to, once, before the call that `when` tells; and what stands there at the last call.
fn taken_away(
    stores: Stores,
    mut when: impl FnMut(&Call<'_>) -> bool + Send + 'static,
) -> (Server, Arc<Mutex<Option<Value>>>) {
    let last = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&last);
    let mut taken = false;
    let meddler = move |call: &Call<'_>, stores: &mut Stores| {
        if !taken && when(call) {
            taken = true;
            stores.put(OBJECT, others(1, 2, &Value::Null));
        }
        *seen.lock().unwrap() = kept(stores);
        Fault::None
    };
    let speed = Speed {
        latency: Duration::from_millis(150),
        ..Speed::default()
    };
    (Server::start(stores, speed, Box::new(meddler)), last)
}

const LOST: &str = "the lease is lost: process 7 on elsewhere has taken it";

#[test]
fn a_run_that_has_lost_its_lease_writes_nothing() {
    let all = generate(240, 4, recent(), HOUR);
    let taken = |call: &Call<'_>| call.operation == "DescribeLogStreams";
    let (server, last) = taken_away(stores(&all, &all), taken);
    let job = Job::new();
    let mut command = Command::new(offline().get_program());
    credentials(&mut command, &server.endpoint);
    command
        .current_dir(&job.root)
        .args([
            "check",
            &format!("s3://{BUCKET}/AWSLogs/"),
            &format!("cwl://{GROUP}"),
        ])
        .args([
            "--state",
            &place(),
            "--lease",
            "1s",
            "--report",
            "json=report.json",
        ])
        .args([
            "--since",
            &time(recent()),
            "--until",
            &time(recent() + HOUR),
        ])
        .args(["--all-differences", "all.jsonl"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(said(&output).contains(LOST), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert!(read(&job, "report.json").is_none() && !job.path("all.jsonl").exists());
    let kept = last.lock().unwrap().clone().unwrap();
    assert_eq!(
        (&kept["run"], &kept["state"]),
        (&json!("another"), &Value::Null)
    );
}

#[test]
fn watch_takes_hold_anew_of_what_it_has_lost() {
    let mut puts = 0;
    let taken = move |call: &Call<'_>| {
        puts += usize::from(call.operation == "PutObject");
        puts == 6
    };
    let (server, last) = taken_away(Stores::default(), taken);
    let job = Job::new();
    both(&job, 1);
    let mut command = Command::new(offline().get_program());
    credentials(&mut command, &server.endpoint);
    command
        .current_dir(&job.root)
        .args(["watch", "s3", "cwl", "--state", &place()])
        .args(["--lease", "1s", "--every", "1s"])
        .args(["--since", "2022-01-07", "--until", "2022-01-07T01:00:00Z"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The other run does not renew its lease of two seconds; what it left there is no state, so all is read again.
    let read = |line: &Value| line["report"]["counts"]["matched"] == 60;
    let lines: Vec<Value> = super::live::lines(&mut child).take(12).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        lines.iter().filter(|line| read(line)).count(),
        2,
        "{lines:#?}"
    );
    for line in lines.iter().filter(|line| !line["error"].is_null()) {
        assert!(line["error"].as_str().unwrap().contains(LOST), "{line:#}");
    }
    let kept = last.lock().unwrap().clone().unwrap();
    assert_ne!(kept["run"], "another", "{kept:#}");
}

/// The service fails for a while, and for less than a lease: nobody else can have taken it, and nobody is told that.
#[test]
fn a_lease_is_renewed_as_long_as_it_lasts() {
    let runs = Arc::new(Mutex::new(BTreeMap::new()));
    let seen = Arc::clone(&runs);
    let mut began = None;
    let server = server(move |_, stores| {
        if let Some(kept) = kept(stores) {
            *seen
                .lock()
                .unwrap()
                .entry(kept["run"].as_str().unwrap().to_owned())
                .or_insert(0) += 1;
        }
        let since = began.get_or_insert_with(Instant::now).elapsed();
        match (1500..3500).contains(&since.as_millis()) {
            true => Fault::Refused(403, "AccessDenied"),
            false => Fault::None,
        }
    });
    let job = Job::new();
    both(&job, 1);
    let mut command = Command::new(offline().get_program());
    credentials(&mut command, &server.endpoint);
    command
        .current_dir(&job.root)
        .args(["watch", "s3", "cwl", "--state", &place()])
        .args(["--lease", "6s", "--every", "5s"])
        .args(["--since", "2022-01-07", "--until", "2022-01-07T01:00:00Z"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines: Vec<Value> = super::live::lines(&mut child).take(4).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    for line in &lines {
        assert!(line["error"].is_null(), "{line:#}");
    }
    let runs = runs.lock().unwrap();
    assert_eq!(runs.len(), 1, "{runs:?}");
}

#[test]
fn a_run_that_has_lost_its_lease_decides_nothing() {
    let mut puts = 0;
    // After the first write and two conditions that are tried: when the state is saved.
    let saved = move |call: &Call<'_>| {
        puts += usize::from(call.operation == "PutObject");
        puts == 4
    };
    let (server, last) = taken_away(Stores::default(), saved);
    let job = Job::new();
    both(&job, 1);
    let output = run(&job, &server.endpoint, MIDNIGHT + HOUR, &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(said(&output).contains(LOST), "{output:?}");
    let kept = last.lock().unwrap().clone().unwrap();
    assert_eq!(
        (&kept["run"], &kept["state"]),
        (&json!("another"), &Value::Null)
    );
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
