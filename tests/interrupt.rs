//! Ctrl-C ends a run at once, whatever it is waiting for.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::support::offline;
use crate::support::records::{FlowRecord, generate};

/// Interrupts the run once it has had time to start, and returns what it said.
fn interrupted(args: &[&str]) -> String {
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
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn ctrl_c_ends_within_a_second_and_says_how_far_it_got() {
    let said = interrupted(&["check", "fixtures/ping/s3", "-"]);
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
    let said = interrupted(&[&["check", &all, &fewer], &waits[..]].concat());
    let expected = "flowdiff: interrupted: waiting for late records";
    assert!(said.starts_with(expected), "{said}");
}
