//! The same against a bucket and a log group, and `watch`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::{HOUR, Outcome, time};
use crate::support::aws::{BUCKET, Call, Fault, GROUP, Server, Speed, Stores};
use crate::support::records::{Delivery, FlowRecord, generate, recent, streams};
use crate::support::schema::assert_fits;
use crate::support::{REGION, offline};

pub(super) fn stores(s3: &[FlowRecord], cwl: &[FlowRecord]) -> Stores {
    let mut stores = Stores::default();
    for (key, bytes) in Delivery::default().objects(s3) {
        stores.put(&key, bytes);
    }
    for (name, events) in streams(cwl) {
        stores.streams.insert(name, Arc::new(events));
    }
    stores
}

fn arguments(command: &mut assert_cmd::Command, endpoint: &str, directory: &std::path::Path) {
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("FLOWDIFF_STATE", directory)
        .env("FLOWDIFF_CWL_RATE", "1000")
        .env("FLOWDIFF_TIMEOUT", "1s");
}

#[test]
fn a_denied_bucket_and_a_stream_that_comes_back() {
    let all = generate(240, 4, recent(), HOUR);
    let denied = Arc::new(AtomicBool::new(false));
    let broken = Arc::new(AtomicBool::new(true));
    let (deny, break_it) = (Arc::clone(&denied), Arc::clone(&broken));
    let name = format!("{}-all", all[2].interface);
    let meddler = move |call: &Call<'_>, _: &mut Stores| match call.operation {
        "ListObjectsV2" if deny.load(Ordering::SeqCst) => Fault::Refused(403, "AccessDenied"),
        "GetLogEvents" if call.name == name && break_it.load(Ordering::SeqCst) => {
            Fault::Refused(400, "AccessDeniedException")
        }
        _ => Fault::None,
    };
    let server = Server::start(stores(&all, &all), Speed::default(), Box::new(meddler));
    let directory = tempfile::tempdir().unwrap();
    let run = |minutes: i64| {
        let mut command = offline();
        arguments(&mut command, &server.endpoint, directory.path());
        let (from, to) = (time(recent()), time(recent() + HOUR));
        command.args([
            "check",
            &format!("s3://{BUCKET}"),
            &format!("cwl://{GROUP}"),
        ]);
        command.args(["--since", &from, "--until", &to, "--output", "json"]);
        command.args(["--now", &time(recent() + minutes * 60)]);
        let output = command.output().unwrap();
        Outcome {
            code: output.status.code().unwrap(),
            report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    };
    denied.store(true, Ordering::SeqCst);
    let outcome = run(45);
    assert_eq!(outcome.code, 2, "{outcome:#?}");
    assert!(outcome.stderr.contains(BUCKET), "{}", outcome.stderr);
    // Zeros that nobody has counted would keep an alarm quiet.
    assert_eq!(outcome.report, Value::Null);
    denied.store(false, Ordering::SeqCst);
    run(75).assert(
        3,
        &[("/counts/matched", 180), ("/counts/undetermined/cwl", 60)],
    );
    let calls = server.take_answered();
    broken.store(false, Ordering::SeqCst);
    run(80).assert(0, &[("/counts/matched", 60), ("/state/late/cwl", 60)]);
    // Looked at again is just the one stream.
    let read = server
        .take_answered()
        .into_iter()
        .filter(|call| call.operation == "GetLogEvents");
    let read: Vec<_> = read.collect();
    assert!(
        !read.is_empty() && read.iter().map(|call| call.items).sum::<usize>() <= 2 * 60,
        "{read:#?}"
    );
    assert!(calls.len() > read.len());
    run(85).assert(0, &[]);
}

pub(crate) fn lines(child: &mut Child) -> impl Iterator<Item = Value> + use<> {
    let stdout = BufReader::new(child.stdout.take().unwrap());
    stdout
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

#[test]
fn watch_tells_a_line_a_round_and_ends_gracefully() {
    let all = generate(240, 4, recent(), HOUR);
    let denied = Arc::new(AtomicBool::new(true));
    let deny = Arc::clone(&denied);
    let meddler = move |call: &Call<'_>, _: &mut Stores| match call.operation {
        "ListObjectsV2" if deny.load(Ordering::SeqCst) => Fault::Refused(403, "AccessDenied"),
        _ => Fault::None,
    };
    let server = Server::start(stores(&all, &all), Speed::default(), Box::new(meddler));
    let directory = tempfile::tempdir().unwrap();
    let mut command = offline();
    arguments(&mut command, &server.endpoint, directory.path());
    let mut watch = Command::new(command.get_program());
    watch.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    watch.args([
        "watch",
        &format!("s3://{BUCKET}"),
        &format!("cwl://{GROUP}"),
        "--every",
        "1s",
    ]);
    watch.args([
        "--since",
        &time(recent()),
        "--until",
        &time(recent() + HOUR),
    ]);
    let mut child = watch
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = lines(&mut child);
    let first = lines.next().unwrap();
    assert_eq!(
        (first["type"].as_str(), first["exit_code"].as_u64()),
        (Some("round"), Some(2)),
        "{first:#}"
    );
    assert!(
        first["error"].as_str().unwrap().contains(BUCKET),
        "{first:#}"
    );
    assert_eq!(first["report"], Value::Null, "{first:#}");
    denied.store(false, Ordering::SeqCst);
    let good = lines.find(|line| line["error"].is_null()).unwrap();
    assert_eq!(good["report"]["counts"]["matched"], 240, "{good:#}");
    assert_eq!(
        (&good["exit_code"], &good["next_seconds"]),
        (&0.into(), &0.into())
    );
    let idle = lines.next().unwrap();
    assert_fits("round", &[first, good, idle.clone()]);
    assert_eq!(
        idle["report"]["state"]["windows"],
        serde_json::json!([]),
        "{idle:#}"
    );
    let kill = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(kill.success());
    for line in lines {
        // A round that the signal has ended early has nothing to report.
        let is_ended = line["report"].is_null() && line["exit_code"] == 3;
        assert!(is_ended || line["exit_code"] == 0, "{line:#}");
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let state = std::fs::read_to_string(directory.path().join("state.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["next"], recent() + HOUR);
}

/// For a person: a line a round, the report when something was found, a dot when nothing was due.
#[test]
fn watch_tells_a_person_what_is_new() {
    // Young enough that nothing due is nothing odd, and settled.
    let start = recent() + 2 * HOUR;
    let job = super::Job::new();
    let all = generate(60, 2, start, HOUR / 2);
    job.put("s3", "a.log", &all);
    job.put("cwl", "a.txt", &all[1..]);
    let mut command = Command::new(offline().get_program());
    let mut child = command
        .current_dir(&job.root)
        .args(["watch", "s3", "cwl", "--state", "state", "--output", "text"])
        .args(["--every", "1s", "--step", "15m", "--max-windows", "1"])
        .args(["--since", &time(start), "--until", &time(start + HOUR / 2)])
        .env_remove("AWS_PROFILE")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.ends_with("\n..") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut stdout, &mut byte).unwrap();
        said.push(char::from(byte[0]));
        assert!(said.lines().count() < 100, "{said}");
    }
    let kill = Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
    std::io::Read::read_to_string(&mut stdout, &mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let line = |from: i64, to: i64| format!("Z  {} to {}", &time(from)[11..], &time(to)[11..]);
    let (middle, end) = (start + HOUR / 4, start + HOUR / 2);
    if time(start)[..10] == time(end)[..10] {
        assert!(
            said.contains(&(line(start, middle) + "\n\nDifferent: 1 record ")),
            "{said}"
        );
        assert!(
            said.contains(&(line(middle, end) + "  Consistent: ")),
            "{said}"
        );
    }
    // The report of the first, and of no other.
    assert_eq!(
        said.matches("\nDifferent: 1 record missing on cwl.\n")
            .count(),
        1,
        "{said}"
    );
    assert_eq!(said.matches("\nTo do").count(), 1, "{said}");
    assert!(said.ends_with(".\n"), "{said}");
}
