//! A run ends in time, whatever happens.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::aws::http::Wire;
use crate::support::aws::{BUCKET, Fault, GROUP, Server, Speed, Stores};
use crate::support::records::{Delivery, generate};
use crate::support::{REGION, offline};

const BEGIN: i64 = 1_641_596_400;

/// A server with twenty records of one hour on its S3 side, and a stream's worth of silence.
fn server(silent: &'static str) -> Server {
    let mut stores = Stores::default();
    for (key, bytes) in Delivery::default().objects(&generate(20, 1, BEGIN, 3600)) {
        stores.put(&key, bytes);
    }
    let meddler = move |call: &crate::support::aws::Call<'_>, _: &mut Stores| match call.operation
        == silent
    {
        true => Fault::Wire(Wire::Silent),
        false => Fault::None,
    };
    Server::start(stores, Speed::default(), Box::new(meddler))
}

fn run(server: &Server, args: &[&str]) -> (Option<i32>, String, String, Duration) {
    let began = Instant::now();
    let output = offline()
        .args([
            args[0],
            &format!("s3://{BUCKET}"),
            &format!("cwl://{GROUP}"),
        ])
        .args(&args[1..])
        .args(["--since", "2022-01-07T23:00:00Z", "--until", "2022-01-08"])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    (output.status.code(), stdout, stderr, began.elapsed())
}

#[test]
fn a_run_that_takes_longer_than_it_may_ends_and_says_how_far_it_was() {
    let server = server("ListObjectsV2");
    for command in ["check", "plan"] {
        let (code, _, stderr, took) = run(&server, &[command, "--deadline", "2s"]);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(
            stderr.contains("not done within 2s (`--deadline`)"),
            "{stderr}"
        );
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
    let (code, _, stderr, _) = run(&server, &["check", "--deadline", "0s"]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("--deadline: must be at least 1s"),
        "{stderr}"
    );
}

/// What was found before a wait for late records is not lost with the time.
#[test]
fn a_wait_for_late_records_that_takes_too_long_leaves_what_was_found() {
    let server = server("nothing");
    let waits = [
        "check",
        "--now",
        "2022-01-08T00:00:00Z",
        "--settle",
        "2h",
        "--recheck",
        "2",
        "--recheck-every",
        "1m",
        "--deadline",
        "3s",
    ];
    let (code, stdout, stderr, took) = run(&server, &waits);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stdout.contains("20 records pending on cwl"), "{stdout}");
    assert!(
        stderr.contains("not done within 3s (`--deadline`)"),
        "{stderr}"
    );
    assert!(took < Duration::from_secs(30), "{took:?}");
}

/// What was decided before is kept, and the next run goes on there.
#[test]
fn a_round_that_takes_longer_than_it_may_keeps_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let job = [
        "check",
        "--state",
        state,
        "--allow-empty",
        "-o",
        "json",
        "--deadline",
        "3s",
    ];
    let (code, _, stderr, took) = run(&server("DescribeLogStreams"), &job);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(
        stderr.contains("the next run goes on at 2022-01-07T23:00:00Z"),
        "{stderr}"
    );
    assert!(took < Duration::from_secs(12), "{took:?}");
    let (code, stdout, stderr, _) = run(&server("nothing"), &job);
    assert_eq!(code, Some(1), "{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["counts"]["missing"]["cwl"], 20);
}
