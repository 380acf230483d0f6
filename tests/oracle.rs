//! Whole reports against an independent oracle: a naive model of the rules, in Python, that shares no code with flowdiff.
//!
//! `tests/oracle/README.md` says how to run more of it, and how a seed that fails is made small.

use std::process::{Command, Output};

fn oracle(script: &str, args: &[&str]) -> Output {
    Command::new("python3")
        // No compiled files beside the sources.
        .arg("-B")
        .arg(format!(
            "{}/tests/oracle/{script}",
            env!("CARGO_MANIFEST_DIR")
        ))
        .args(args)
        .output()
        .unwrap()
}

fn assert_right(run: &Output, last_line: &str) {
    let said = String::from_utf8_lossy(&run.stdout);
    let wrong = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}{wrong}");
    assert!(said.trim_end().ends_with(last_line), "{said}{wrong}");
}

#[test]
fn the_model_and_flowdiff_give_what_was_worked_out_by_hand() {
    let binary = env!("CARGO_BIN_EXE_flowdiff");
    assert_right(&oracle("hand_made.py", &[binary]), "all right");
}

#[test]
fn reports_are_what_the_rules_say() {
    let binary = env!("CARGO_BIN_EXE_flowdiff");
    let args = ["--binary", binary, "--situations", "300"];
    assert_right(&oracle("oracle.py", &args), "every report is right");
}
