//! `flowdiff plan`: what it says a check would read, beside what the check then reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::support::aws::{BUCKET, Fault, GROUP, Server, Speed, Stores};
use crate::support::records::{Delivery, generate, recent, streams};
use crate::support::schema::assert_fits;
use crate::support::{REGION, offline};

const HOUR: i64 = 3600;

/// A server with the same records in both stores.
fn server(records: u32, interfaces: u32) -> Server {
    let records = generate(records, interfaces, recent(), HOUR);
    let mut stores = Stores::default();
    for (key, bytes) in Delivery::default().objects(&records) {
        stores.put(&key, bytes);
    }
    for (name, events) in streams(&records) {
        stores.streams.insert(name, Arc::new(events));
    }
    Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None))
}

/// Runs a command and returns its exit code, what it printed, and how often it called what.
fn run(server: &Server, words: &[&str]) -> (i32, String, BTreeMap<String, u64>) {
    let time = |second| Timestamp::from_second(second).unwrap().to_string();
    let output = offline()
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .args(words)
        .args([format!("s3://{BUCKET}"), format!("cwl://{GROUP}")])
        .args([
            "--since",
            &time(recent()),
            "--until",
            &time(recent() + HOUR),
        ])
        .args(["--cwl-rate", "1000"])
        .output()
        .unwrap();
    let mut calls = BTreeMap::new();
    for call in server.take_answered() {
        *calls.entry(call.operation).or_default() += 1;
    }
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), text, calls)
}

#[test]
fn a_check_makes_the_calls_that_were_foretold() {
    for (records, interfaces) in [(400, 4), (60_000, 3)] {
        let server = server(records, interfaces);
        let (code, text, listed) = run(&server, &["plan", "--output", "json"]);
        assert_eq!(code, 0, "{text}");
        let reading = ["GetObject", "GetLogEvents"];
        assert!(
            reading
                .iter()
                .all(|operation| !listed.contains_key(*operation)),
            "{listed:?}"
        );
        let plan: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(plan["schema"], "flowdiff.plan/1");
        assert_fits("plan", std::slice::from_ref(&plan));
        assert_eq!(plan["sides"]["cwl"]["parts"], interfaces);
        let (code, text, made) = run(&server, &["check", "--output", "json"]);
        assert_eq!(code, 0, "{text}");
        let report: Value = serde_json::from_str(&text).unwrap();
        for side in ["s3", "cwl"] {
            let within = |span: &Value, number: u64| {
                let (least, most) = (
                    span["least"].as_u64().unwrap(),
                    span["most"].as_u64().unwrap(),
                );
                assert!(
                    (least..=most).contains(&number),
                    "{side}: {number}: {plan:#}"
                );
            };
            within(
                &plan["sides"][side]["records"],
                report["sides"][side]["records"].as_u64().unwrap(),
            );
            for (operation, span) in plan["sides"][side]["calls"].as_object().unwrap() {
                within(span, made[operation]);
            }
        }
        assert_eq!(plan["sides"]["s3"]["bytes"], report["sides"]["s3"]["bytes"]);
    }
}

#[test]
fn a_check_with_plan_says_the_same_and_reads_nothing() {
    let server = server(400, 4);
    let (code, plan, calls) = run(&server, &["plan"]);
    assert_eq!(code, 0);
    assert!(plan.contains("\n  GetLogEvents calls"), "{plan}");
    assert!(plan.contains("\nUSD       < $0.01 ("), "{plan}");
    assert!(plan.contains("  time at --cwl-rate"), "{plan}");
    assert!(plan.contains("< 1 s"), "{plan}");
    assert!(plan.contains("\nA month   $0.06 to $0."), "{plan}");
    let (code, check, again) = run(&server, &["check", "--plan"]);
    assert_eq!((code, check), (0, plan));
    assert_eq!(calls, again);
}

/// Small files are mostly header and frame: eight records stand on either side.
#[test]
fn a_plan_of_files_costs_nothing_and_spans_what_they_hold() {
    let folders = ["fixtures/ping/s3", "fixtures/ping/cwl"];
    let output = offline()
        .args(["plan", "-o", "json"])
        .args(folders)
        .output()
        .unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["usd"].to_string(), "[0.0,0.0]");
    assert_eq!(plan["usd_per_month"], Value::Null);
    for side in ["s3", "cwl"] {
        let span = &plan["sides"][side]["records"];
        assert!(
            span["least"].as_u64() <= Some(8) && span["most"].as_u64() >= Some(8),
            "{plan:#}"
        );
    }
}

#[test]
fn what_cannot_be_listed_is_trouble() {
    let output = offline()
        .args(["plan", "no-such-folder", "fixtures/ping/cwl"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let output = offline()
        .args([
            "plan",
            "-o",
            "jsonl",
            "fixtures/ping/s3",
            "fixtures/ping/cwl",
        ])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("text and json"));
}

/// Runs the script of `export-plan` with an `aws` that says of each task that it has this status. Returns whether it went well,
/// and what was called.
#[cfg(unix)]
fn exported(status: &str) -> (bool, Vec<String>) {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    let printed = offline()
        .args(["export-plan", "cwl:///vpc/flow", "--to", "s3://exports/a b"])
        .args([
            "--since",
            "2022-01-07",
            "--until",
            "2022-01-09",
            "--region",
            REGION,
        ])
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let folder = tempfile::tempdir().unwrap();
    let (script, aws) = (folder.path().join("export.sh"), folder.path().join("aws"));
    fs::write(&script, &printed.stdout).unwrap();
    let calls = folder.path().join("calls");
    let answers = format!(
        "#!/bin/sh\necho \"$@\" >> {}\ncase $2 in create-export-task) echo task-1 ;; *) echo {status} ;; esac\n",
        calls.display()
    );
    fs::write(&aws, answers).unwrap();
    fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        folder.path().display(),
        std::env::var("PATH").unwrap()
    );
    let run = std::process::Command::new("sh")
        .arg(&script)
        .env("PATH", path)
        .output()
        .unwrap();
    let calls = fs::read_to_string(calls).unwrap();
    (
        run.status.success(),
        calls.lines().map(str::to_owned).collect(),
    )
}

/// One at a time, the next only when the one before is done; and none after one that has failed.
#[cfg(unix)]
#[test]
fn export_tasks_are_made_one_after_the_other() {
    let (done, calls) = exported("COMPLETED");
    assert!(done);
    let made = calls.iter().step_by(2);
    let asked = calls.iter().skip(1).step_by(2);
    let made: Vec<&String> = made.collect();
    assert_eq!(made.len(), 3, "{calls:?}");
    let first = format!(
        "logs create-export-task --region {REGION} --log-group-name /vpc/flow --from 1641510000500 --to 1641596400500 \
         --destination exports --destination-prefix a b --query taskId --output text"
    );
    assert_eq!(*made[0], first);
    assert!(
        asked
            .into_iter()
            .all(|call| call.contains("describe-export-tasks"))
    );
    let (done, calls) = exported("FAILED");
    assert!(!done);
    assert_eq!(calls.len(), 2, "{calls:?}");
}
