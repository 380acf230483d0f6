//! Ctrl-C ends a run at once, whatever it is waiting for.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::support::offline;
use crate::support::records::{FlowRecord, generate};

/// Interrupts the run once it has had time to start, and returns what it said.
fn interrupted(args: &[&str]) -> (String, String) {
    let mut command = Command::new(offline().get_program());
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Standard input that nobody writes to or closes.
    let input = child.stdin.take();
    std::thread::sleep(Duration::from_millis(700));
    let began = Instant::now();
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    drop(input);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn ctrl_c_ends_within_a_second_and_says_how_far_it_got() {
    let (report, said) = interrupted(&["check", "fixtures/ping/s3", "-"]);
    assert_eq!(report, "");
    assert!(said.starts_with("flowdiff: interrupted"), "{said}");
}

#[test]
fn ctrl_c_ends_the_wait_for_late_records() {
    let records = generate(20, 2, Timestamp::now().as_second() - 60, 30);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, records: &[FlowRecord]| {
        let lines: Vec<String> = records.iter().map(FlowRecord::line).collect();
        let path = folder.path().join(name);
        std::fs::write(&path, lines.join("\n")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (all, fewer) = (write("all", &records), write("fewer", &records[1..]));
    let waits = ["--recheck", "3", "--recheck-every", "1h"];
    let differences = folder.path().join("differences");
    let more = ["--all-differences", differences.to_str().unwrap()];
    let check = [&["check", &all, &fewer], &waits[..], &more].concat();
    let (report, said) = interrupted(&check);
    let expected = "flowdiff: interrupted: waiting for late records: recheck 1 of 3 in 59m 5";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("not every difference is known yet"), "{said}");
    assert!(!differences.exists());
    // What the first look has found is not lost, in no form.
    let expected = "Interrupted while waiting for late records: this is what the first look found.\n\
                    No verdict: 1 record pending on cwl.\n";
    assert!(report.starts_with(expected), "{report}");
    let copy = folder.path().join("report.json");
    let more = [
        "-o",
        "json",
        "--report",
        &format!("json={}", copy.display()),
    ];
    let (report, _) = interrupted(&[&["check", &all, &fewer], &waits[..], &more].concat());
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), report);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["interrupted"], true);
    assert_eq!(report["exit_code"], 130);
    assert_eq!(report["counts"]["pending"]["cwl"], 1);
}

/// The look that writes all differences comes after every recheck. If that fails the file is not there, and the answer is.
#[test]
fn a_last_look_that_fails_leaves_what_was_found() {
    let records = generate(20, 2, Timestamp::now().as_second() - 60, 30);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (side, records) in [("s3", &records[..]), ("cwl", &records[1..])] {
        std::fs::create_dir(at(side)).unwrap();
        let lines: Vec<String> = records.iter().map(FlowRecord::line).collect();
        std::fs::write(at(side).join("a.log"), lines.join("\n")).unwrap();
    }
    let mut check = Command::new(offline().get_program());
    check.args([
        "check",
        "s3",
        "cwl",
        "--recheck",
        "1",
        "--recheck-every",
        "2s",
        "-v",
    ]);
    check.args(["--all-differences", "differences", "-o", "json"]);
    check.current_dir(folder.path());
    check.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut check = check.spawn().unwrap();
    let mut stderr = BufReader::new(check.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("reading again after a wait") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    std::fs::rename(at("s3"), at("elsewhere")).unwrap();
    stderr.read_to_string(&mut said).unwrap();
    let output = check.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("not every difference is known yet"), "{said}");
    assert!(said.contains("`s3`: no such file or folder"), "{said}");
    assert!(!at("differences").exists());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect(&said);
    assert_eq!(report["counts"]["pending"]["cwl"], 1, "{report:#}");
}
