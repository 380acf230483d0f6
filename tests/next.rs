//! That every report ends with a command that can be pasted as it stands.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::offline;

/// Runs a line in a shell, as somebody would who has pasted it.
fn pasted(line: &str) -> std::process::Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_flowdiff"));
    let path = std::env::var("PATH").unwrap();
    let mut shell = assert_cmd::Command::new("sh");
    shell
        .args(["-c", line])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env(
            "PATH",
            format!("{}:{path}", binary.parent().unwrap().display()),
        )
        .env("FLOWDIFF_RECHECK_EVERY", "1s")
        .output()
        .unwrap()
}

fn report(folder: &Path, more: &[&str]) -> Value {
    let args: Vec<String> = fs::read_to_string(folder.join("args.json"))
        .map_or_else(|_| Vec::new(), |text| serde_json::from_str(&text).unwrap());
    let output = offline()
        .args(["check", "--output", "json"])
        .args([folder.join("s3"), folder.join("cwl")])
        .args(args)
        .args(more)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_scenario_ends_with_a_command_that_runs() {
    let mut commands = 0;
    for entry in fs::read_dir("fixtures/scenarios").unwrap() {
        let folder = Path::new("fixtures/scenarios").join(entry.unwrap().file_name());
        for more in [&[][..], &["--redact"]] {
            let report = report(&folder, more);
            let next = &report["next"];
            if report["verdict"] == "consistent" {
                assert!(next.is_null(), "{next}");
                continue;
            }
            let command = next["command"].as_str().unwrap();
            assert!(!command.contains('\n'), "{command}");
            assert_eq!(command.contains("--redact"), !more.is_empty(), "{command}");
            let output = pasted(command);
            let said = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code();
            // `doctor` says 2 where something has failed, which is what it is asked about.
            let ran = matches!(code, Some(0 | 1 | 3)) || command.starts_with("flowdiff doctor ");
            assert!(
                ran && !said.contains("error:"),
                "{command}: {code:?} {said}"
            );
            commands += 1;
        }
    }
    assert!(commands > 10, "{commands}");
}

#[test]
fn the_text_report_ends_with_the_command_on_a_line_of_its_own() {
    let output = offline()
        .args(["check", "fixtures/scenarios/missing-on-cwl/s3"])
        .args(["fixtures/scenarios/missing-on-cwl/cwl"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("  flowdiff check fixtures/"), "{text}");
    assert_eq!(pasted(last).status.code(), Some(1));
}
