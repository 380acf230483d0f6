//! Hostile and broken input: whatever a source holds, a run ends in bounded memory and time, says what it could not read,
//! and hands nothing to a terminal that the terminal would act on.

mod differences;
mod folders;
mod names;
mod packed;
mod parquet;
mod rows;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::offline;

/// What `--memory` promises without being given.
const MEMORY_KIB: u64 = 256 << 10;

/// Runs a program within limits of address space, processor time and file size, and writes down how much memory it had
/// at most. A process of its own does that, since the system counts what a child had of its parent's before it began.
const MEASURE: &str = "
import os, resource, sys
child = os.fork()
if child == 0:
    for limit, most in [(resource.RLIMIT_AS, 4 << 30), (resource.RLIMIT_CPU, 240), (resource.RLIMIT_FSIZE, 256 << 20)]:
        resource.setrlimit(limit, (most, most))
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], 'w') as kib:
    kib.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status) & 255)
";

/// What `fixtures/formats/plain.txt` holds.
const GOOD: usize = 5;

/// Two folders with the same good file in each, and a place for what a run leaves.
struct Desk {
    folder: TempDir,
}

/// What a run ended with.
struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for side in ["s3", "cwl"] {
            fs::create_dir(desk.at(side)).unwrap();
            fs::copy("fixtures/formats/plain.txt", desk.at(side).join("good.txt")).unwrap();
        }
        desk
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file on the S3 side.
    fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.at("s3").join(name), content).unwrap();
    }

    /// Compares the two folders.
    #[track_caller]
    fn check(&self, more: &[&str]) -> Outcome {
        let (s3, cwl) = (self.at("s3"), self.at("cwl"));
        let sources = [s3.to_str().unwrap(), cwl.to_str().unwrap()];
        self.run(&[&["check", "--output", "json"], &sources[..], more].concat())
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, Stdio::null(), &[])
    }

    /// Runs it and asserts what holds of every run.
    #[track_caller]
    fn run_with(&self, arguments: &[&str], stdin: Stdio, env: &[(&str, &str)]) -> Outcome {
        let (offline, peak) = (offline(), self.at("peak"));
        let mut command = Command::new("python3");
        command.args(["-c", MEASURE]).arg(&peak);
        command.arg(offline.get_program()).args(arguments);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(stdin);
        for (name, value) in offline.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let output = command.envs(env.iter().copied()).output().unwrap();
        let outcome = Outcome {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: without_progress(&String::from_utf8(output.stderr).unwrap()),
        };
        let peak: u64 = fs::read_to_string(peak).unwrap().parse().unwrap();
        println!("{arguments:?}: {} MiB", peak >> 10);
        assert!(peak <= MEMORY_KIB, "{peak} KiB\n{}", outcome.stderr);
        assert_harmless(&outcome.stdout);
        assert_harmless(&outcome.stderr);
        for fault in ["panicked", "RUST_BACKTRACE", "overflow"] {
            assert!(!outcome.stderr.contains(fault), "{}", outcome.stderr);
        }
        outcome
    }

    /// Checks what one hostile file on the S3 side does beside good ones: they are compared, and it is the only finding.
    /// Returns that.
    #[track_caller]
    fn only_finding(&self) -> Value {
        let outcome = self.check(&[]);
        let report = outcome.report();
        assert_eq!(outcome.code, 3, "{report:#}\n{}", outcome.stderr);
        assert_eq!(outcome.stderr, "");
        assert_eq!(report["counts"]["matched"], GOOD, "{report:#}");
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(findings.len(), 1, "{report:#}");
        findings[0].clone()
    }

    /// Asserts that this content is an unreadable part, for this reason.
    #[track_caller]
    fn assert_unreadable(&self, content: &[u8], reason: &str) {
        self.put("hostile", content);
        let finding = self.only_finding();
        let expected =
            json!({"kind": "unreadable", "side": "s3", "part": "hostile", "reason": reason});
        assert_eq!(finding, expected);
    }

    /// The same, for a reason that begins like this and ends with the place.
    #[track_caller]
    fn assert_unreadable_because(&self, content: &[u8], reason: &str) {
        self.put("hostile", content);
        let finding = self.only_finding();
        assert_eq!(
            (&finding["kind"], &finding["part"]),
            (&json!("unreadable"), &json!("hostile"))
        );
        let told = finding["reason"].as_str().unwrap();
        let place = told.strip_prefix(reason);
        assert!(
            place.is_some_and(|place| place.contains("column")),
            "{told}"
        );
    }

    /// Asserts that this content is one malformed row.
    #[track_caller]
    fn assert_malformed(&self, content: &[u8], row: u64, reason: &str) {
        self.put("hostile", content);
        let finding = self.only_finding();
        // Of a part in which no row is a record nothing is known.
        assert_eq!(finding["kind"], "unreadable", "{finding}");
        let told = finding["reason"].as_str().unwrap();
        let expected = format!("(row {row}: {reason})");
        assert!(told.contains(&expected), "{expected}: {told}");
    }
}

impl Outcome {
    #[track_caller]
    fn report(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|_| panic!("{}{}", self.stdout, self.stderr))
    }
}

/// On a busy machine a run may take so long that it says how far it is.
fn without_progress(stderr: &str) -> String {
    let lines = stderr.split_inclusive('\n');
    lines
        .filter(|line| !line.starts_with("reading ") && !line.starts_with("looking again "))
        .collect()
}

/// Asserts that a terminal only shows it: no control but the ends of lines, nothing that hides or reorders.
#[track_caller]
fn assert_harmless(text: &str) {
    let hostile = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let at = text.find(hostile);
    let around = at.map(|at| {
        let from = text[..at].rfind('\n').unwrap_or(0);
        text[from..].chars().take(300).collect::<String>()
    });
    assert!(around.is_none(), "{around:?}");
}

/// One member of gzip.
fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write;

    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

/// The paths below a folder that are left in it.
fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}
