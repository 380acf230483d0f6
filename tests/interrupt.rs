//! Ctrl-C ends a run at once, whatever it is waiting for.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::offline;

#[test]
fn ctrl_c_ends_within_a_second_and_says_how_far_it_got() {
    // Standard input that nobody writes to or closes: the run would wait for ever.
    let mut command = Command::new(offline().get_program());
    let args = ["check", "fixtures/ping/s3", "-"];
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
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
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("flowdiff: interrupted"), "{said}");
}
