//! Clocks that are wrong, and windows of which nothing has come yet.

use std::fs;
use std::process::Output;

use crate::support::offline;

/// 2023-11-14T22:00:00Z.
const BEGIN: i64 = 1_699_999_200;

fn line(start: i64) -> String {
    format!(
        "2 123456789010 eni-0aa 10.0.0.1 10.0.0.2 1 443 6 1 40 {start} {} ACCEPT OK\n",
        start + 30
    )
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for side in ["s3", "cwl"] {
            fs::create_dir(place.at(side)).unwrap();
        }
        place
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, side: &str, starts: impl IntoIterator<Item = i64>) {
        let mut starts = starts.into_iter().peekable();
        let name = format!("{}.log", starts.peek().unwrap());
        let lines: String = starts.map(line).collect();
        fs::write(self.at(side).join(name), lines).unwrap();
    }

    /// A run when the clock says so many seconds after the beginning.
    fn run(&self, clock: i64, more: &[&str]) -> Output {
        let at = |name: &str| self.at(name).display().to_string();
        let mut command = offline();
        command
            .args([
                "check",
                &at("s3"),
                &at("cwl"),
                "--state",
                &at("state"),
                "-o",
                "json",
            ])
            .args([
                "--since",
                &BEGIN.to_string(),
                "--now",
                &(BEGIN + clock).to_string(),
            ])
            .args(more);
        command.output().unwrap()
    }
}

fn report(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

const MINUTE: i64 = 60;

#[test]
fn a_clock_that_was_ahead_silences_no_job() {
    let place = Place::new();
    for side in ["s3", "cwl"] {
        place.put(side, [BEGIN + 10]);
    }
    assert_eq!(place.run(20 * MINUTE, &[]).status.code(), Some(0));
    // A day ahead: nothing is there, so nothing is decided.
    assert_eq!(place.run(24 * 60 * MINUTE, &[]).status.code(), Some(3));
    place.put("s3", (20..80).map(|minute| BEGIN + minute * MINUTE));
    place.put("cwl", (23..80).map(|minute| BEGIN + minute * MINUTE));
    let ahead = place.run(80 * MINUTE, &[]);
    let said = String::from_utf8_lossy(&ahead.stderr);
    assert_eq!(ahead.status.code(), Some(2), "{said}");
    assert!(
        said.contains("--state-rewind") && said.contains("2023-11-15T21:45:00Z"),
        "{said}"
    );
    let rewound = place.run(80 * MINUTE, &["--state-rewind", &BEGIN.to_string()]);
    assert_eq!(rewound.status.code(), Some(1), "{rewound:?}");
    assert_eq!(report(&rewound)["counts"]["missing"]["cwl"], 3);
    let after = place.run(81 * MINUTE, &[]);
    assert_eq!(after.status.code(), Some(0), "{after:?}");
    assert!(
        report(&after)["notes"]
            .to_string()
            .contains("nothing was due: everything up to")
    );
}

#[test]
fn hosts_whose_clocks_differ_by_minutes_share_a_state() {
    let place = Place::new();
    for side in ["s3", "cwl"] {
        place.put(side, (0..120).map(|minute| BEGIN + minute * MINUTE));
    }
    let mut read = 0;
    for clock in [40, 33, 45, 38, 60, 52, 70, 120] {
        let output = place.run(clock * MINUTE, &["--settle", "0s", "--step", "5m"]);
        assert_eq!(output.status.code(), Some(0), "{clock}: {output:?}");
        read += report(&output)["sides"]["s3"]["records"].as_u64().unwrap();
    }
    // Each record in one run and no more.
    assert_eq!(read, 120);
}

#[test]
fn a_window_of_which_nothing_has_come_is_read_again() {
    let place = Place::new();
    for side in ["s3", "cwl"] {
        place.put(side, [BEGIN + 10]);
    }
    assert_eq!(place.run(20 * MINUTE, &[]).status.code(), Some(0));
    for _ in 0..2 {
        let empty = place.run(40 * MINUTE, &[]);
        assert_eq!(empty.status.code(), Some(3), "{empty:?}");
        assert_eq!(report(&empty)["state"]["carried"]["unread_windows"], 1);
    }
    // What comes an hour late on both sides is read then.
    place.put("s3", (6..10).map(|minute| BEGIN + minute * MINUTE));
    place.put("cwl", (6..9).map(|minute| BEGIN + minute * MINUTE));
    let late = place.run(100 * MINUTE, &[]);
    assert_eq!(late.status.code(), Some(1), "{late:?}");
    assert_eq!(report(&late)["counts"]["missing"]["cwl"], 1);
    // Whoever expects empty windows says so, and what stays empty is decided in the end.
    assert_eq!(
        place.run(101 * MINUTE, &["--allow-empty"]).status.code(),
        Some(0)
    );
    let other = Place::new();
    other.put("s3", [BEGIN + 10]);
    other.put("cwl", [BEGIN + 10]);
    assert_eq!(other.run(30 * MINUTE, &[]).status.code(), Some(0));
    let days = 3 * 24 * 60;
    assert_eq!(
        other
            .run(days * MINUTE, &["--max-windows", "1000"])
            .status
            .code(),
        Some(3)
    );
    let open =
        report(&other.run(days * MINUTE + 1, &[]))["state"]["carried"]["unread_windows"].clone();
    assert!(open.as_u64().unwrap() <= 25, "{open}");
}
