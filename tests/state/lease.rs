//! The lease of a state in a bucket: waited for, renewed, lost.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bucket::{OBJECT, both, credentials, kept, others, place, report, run, said, server};
use super::kills::read;
use super::live::stores;
use super::{HOUR, Job, MIDNIGHT, time};
use crate::support::aws::{BUCKET, Call, Fault, GROUP, Server, Speed, Stores};
use crate::support::offline;
use crate::support::records::{generate, recent};

/// Starts a `watch` of the job's two folders whose lease and rounds last so long.
fn watching(job: &Job, endpoint: &str, [lease, every]: [&str; 2]) -> Child {
    let mut command = Command::new(offline().get_program());
    credentials(&mut command, endpoint);
    command
        .current_dir(&job.root)
        .args(["watch", "s3", "cwl", "--state", &place()])
        .args(["--lease", lease, "--every", every])
        .args(["--since", "2022-01-07", "--until", "2022-01-07T01:00:00Z"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command.spawn().unwrap()
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

/// Nobody has to wait for a lease to its end.
#[cfg(unix)]
#[test]
fn a_deadline_and_a_signal_end_the_wait() {
    let mut stores = Stores::default();
    stores.put(OBJECT, others(1, 60, &Value::Null));
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let job = Job::new();
    both(&job, 1);
    let began = Instant::now();
    let output = run(
        &job,
        &server.endpoint,
        MIDNIGHT + HOUR,
        &["--deadline", "1s"],
    );
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(said(&output).contains("not done within 1s"), "{output:?}");
    for (signal, watch, code) in [("INT", false, 130), ("TERM", false, 143), ("TERM", true, 0)] {
        let mut command = Command::new(offline().get_program());
        credentials(&mut command, &server.endpoint);
        let sources = ["s3", "cwl", "--state", &place(), "--since", "2022-01-07"];
        let mut child = command
            .current_dir(&job.root)
            .arg(if watch { "watch" } else { "check" })
            .args(sources)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(500));
        let kill = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal} {watch}");
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    let there = server.objects(OBJECT).remove("").unwrap();
    assert_eq!(there[..], others(1, 60, &Value::Null), "nothing is taken");
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
    let mut child = watching(&job, &server.endpoint, ["1s", "1s"]);
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
    let mut child = watching(&job, &server.endpoint, ["6s", "5s"]);
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
