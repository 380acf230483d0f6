//! `--archive s3://...` whose service does not answer: a signal and `--deadline` end the wait, and the next run writes what lacks.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::archive::job;
use super::bucket::{call, credentials, report, said, server};
use super::evidence::{archive, exported};
use super::{HOUR, Job, MIDNIGHT, MINUTE, time};
use crate::support::aws::http::Wire;
use crate::support::aws::operation::KEPT;
use crate::support::aws::{Fault, Server};
use crate::support::offline;

/// A server, and whether it leaves calls of an operation on the archive without an answer. Writes are done all the same.
fn silent_on(operation: &'static str) -> (Server, Arc<AtomicBool>) {
    let silent = Arc::new(AtomicBool::new(true));
    let is_silent = Arc::clone(&silent);
    let of_archive = format!("{KEPT}archive");
    let server = server(move |call, _| {
        let is_one = call.operation == operation && call.name.contains(&of_archive);
        match is_one && is_silent.load(Ordering::Relaxed) {
            true => Fault::Wire(Wire::Silent),
            false => Fault::None,
        }
    });
    (server, silent)
}

fn words(subcommand: &str, more: &[&str]) -> Vec<String> {
    let archive = archive();
    let words = [subcommand, "s3", "cwl", "--state", "state"];
    let place = ["--archive", &archive, "--since", "2022-01-07"];
    let all = [&words[..], &place, more].concat();
    all.into_iter().map(str::to_owned).collect()
}

/// A run at so many minutes after midnight.
fn check(job: &Job, server: &Server, minutes: i64, more: &[&str]) -> Output {
    let now = time(MIDNIGHT + minutes * MINUTE);
    let more = [&["--output", "json", "--now", &now], more].concat();
    let words = words("check", &more);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    call(job, &server.endpoint, &words)
}

/// The same, ended by a signal once it waits for an answer.
fn ended(job: &Job, server: &Server, operation: &str, words: &[String], signal: &str) -> Output {
    server.take_answered();
    let mut command = Command::new(offline().get_program());
    credentials(&mut command, &server.endpoint);
    let child = command
        .current_dir(&job.root)
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let of_operation = || {
        let calls = server.take_answered();
        calls.iter().any(|call| call.operation == operation)
    };
    while !of_operation() {
        assert!(began.elapsed() < Duration::from_secs(20), "{operation}");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(300));
    let asked = Instant::now();
    let kill = Command::new("kill")
        .args(["-s", signal, &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}: {output:?}");
    output
}

/// The archive has each window once, after a run that is answered.
#[track_caller]
fn assert_nothing_is_lost(job: &Job, server: &Server, silent: &AtomicBool, code: i32) {
    silent.store(false, Ordering::Relaxed);
    report(&check(job, server, 195, &[]), code);
    let kept = exported(server, job);
    kept.assert_no_gap(MIDNIGHT, MIDNIGHT + 3 * HOUR);
    assert_eq!((kept.lost, kept.differences.len()), (3, 3));
}

#[test]
fn a_signal_ends_a_write() {
    for (minutes, signal, code) in [(75, "INT", 130), (75, "TERM", 143), (135, "INT", 1)] {
        let (server, silent) = silent_on("PutObject");
        let job = job();
        let now = time(MIDNIGHT + minutes * MINUTE);
        let words = words("check", &["--output", "json", "--now", &now]);
        let output = ended(&job, &server, "PutObject", &words, signal);
        // The verdict is decided and told; a confirmed difference says more than a signal.
        report(&output, code);
        let said = said(&output);
        assert!(
            said.contains("the next run writes to the archive"),
            "{said}"
        );
        let next = if minutes == 135 { 0 } else { 1 };
        assert_nothing_is_lost(&job, &server, &silent, next);
    }
}

#[test]
fn a_signal_ends_the_look_at_the_end() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (server, silent) = silent_on("ListObjectsV2");
        let job = job();
        let now = time(MIDNIGHT + 75 * MINUTE);
        let words = words("check", &["--now", &now]);
        let output = ended(&job, &server, "ListObjectsV2", &words, signal);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        assert_nothing_is_lost(&job, &server, &silent, 1);
    }
}

#[test]
fn a_deadline_ends_the_wait() {
    for operation in ["PutObject", "ListObjectsV2"] {
        let (server, silent) = silent_on(operation);
        let job = job();
        let began = Instant::now();
        let output = check(&job, &server, 75, &["--deadline", "2s"]);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?}: {output:?}");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = said(&output);
        assert!(said.contains("not done within 2s (`--deadline`)"), "{said}");
        assert_nothing_is_lost(&job, &server, &silent, 1);
    }
}

#[test]
fn a_watch_ends_in_the_middle_of_a_write() {
    let (server, silent) = silent_on("PutObject");
    let job = job();
    let words = words("watch", &["--until", "2022-01-07T03:00:00Z"]);
    let output = ended(&job, &server, "PutObject", &words, "TERM");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["exit_code"], 1, "{line}");
    silent.store(false, Ordering::Relaxed);
    let until = ["--until", "2022-01-07T03:00:00Z"];
    report(&check(&job, &server, 195, &until), 0);
    let kept = exported(&server, &job);
    assert_eq!((kept.lost, kept.differences.len()), (3, 3));
}
