//! `--archive`: what a job keeps of each window, and what comes of it if runs are killed or the archive is not what it was.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{HOUR, Job, MIDNIGHT, MINUTE, records, time};

/// An archive, read by itself: by nothing but its description in docs/archives.md.
#[derive(Debug, Default)]
pub(super) struct Kept {
    lines: Vec<Value>,
    /// The windows of first looks.
    windows: Vec<(String, String)>,
    /// Each lost or changed record of the reports.
    pub(super) differences: BTreeSet<String>,
    /// How many are lost or changed, by the lines.
    pub(super) lost: u64,
    pub(super) matched: u64,
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number(line: &Value, pointer: &str) -> u64 {
    let number = line.pointer(pointer).and_then(Value::as_u64);
    number.unwrap_or_else(|| panic!("{pointer}: {line}"))
}

impl Kept {
    pub(super) fn read(folder: &Path) -> Self {
        let mut days: Vec<_> = fs::read_dir(folder.join("lines"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        days.sort();
        let mut kept = Self::default();
        let mut previous = Value::Null;
        let mut named = BTreeSet::new();
        for day in days {
            let text = fs::read_to_string(day).unwrap();
            assert!(text.ends_with('\n'));
            for text in text.lines() {
                let line: Value = serde_json::from_str(text).unwrap();
                assert_eq!(line["number"], kept.lines.len() + 1);
                assert_eq!(line["previous"], previous);
                previous = sha256(text.as_bytes()).into();
                kept.take(folder, &line, &mut named);
                kept.lines.push(line);
            }
        }
        let there = walkdir::WalkDir::new(folder.join("reports")).into_iter();
        let there = there
            .filter_map(Result::ok)
            .filter(|it| it.file_type().is_file());
        let there: BTreeSet<_> = there.map(|it| it.path().to_owned()).collect();
        assert_eq!(there, named, "every report is named by a line");
        kept
    }

    fn take(&mut self, folder: &Path, line: &Value, named: &mut BTreeSet<std::path::PathBuf>) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        if line["look"] == "first" {
            self.windows
                .push((text(&line["window"]["start"]), text(&line["window"]["end"])));
        }
        self.matched += number(line, "/counts/matched");
        let lost = [
            "/counts/divergent",
            "/counts/missing/s3",
            "/counts/missing/cwl",
            "/counts/surplus/s3",
            "/counts/surplus/cwl",
        ];
        self.lost += lost.iter().map(|it| number(line, it)).sum::<u64>();
        let Some(report) = line["report"].as_object() else {
            return;
        };
        for file in report.values() {
            let path = folder.join(text(&file["name"]));
            assert_eq!(sha256(&fs::read(&path).unwrap()), text(&file["sha256"]));
            named.insert(path);
        }
        let json = fs::read(folder.join(text(&report["json"]["name"]))).unwrap();
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["window"], line["window"]);
        for finding in json["findings"].as_array().unwrap() {
            if !matches!(
                finding["kind"].as_str().unwrap(),
                "missing" | "divergent" | "surplus"
            ) {
                continue;
            }
            for one in finding["evidence"].as_array().unwrap() {
                let said = format!("{} {} {one}", finding["kind"], finding["side"]);
                assert!(self.differences.insert(said), "told twice: {one}");
            }
        }
    }

    /// The windows of first looks are this time, each second once.
    #[track_caller]
    pub(super) fn assert_no_gap(&self, start: i64, end: i64) {
        let mut windows = self.windows.clone();
        windows.sort();
        let mut reached = time(start);
        for (start, end) in windows {
            assert_eq!(start, reached);
            reached = end;
        }
        assert_eq!(reached, time(end));
    }
}

/// A job of which three records are lost in the second hour, at midnight and two hours.
pub(super) fn job() -> Job {
    let job = Job::new();
    let all = records(3);
    let in_time = |record: &crate::support::records::FlowRecord| {
        !(MIDNIGHT + HOUR..MIDNIGHT + HOUR + 3 * MINUTE).contains(&record.start)
    };
    let there: Vec<_> = all.iter().filter(|it| in_time(it)).cloned().collect();
    assert_eq!(all.len() - there.len(), 3);
    job.put("s3", "a.log", &all);
    job.put("cwl", "a.txt", &there);
    job
}

pub(super) const ARCHIVE: [&str; 2] = ["--archive", "archive"];

#[test]
fn each_window_has_a_line_and_each_finding_a_report() {
    let job = job();
    for (minutes, code) in [(75, 0), (135, 1), (195, 0), (195, 0)] {
        let outcome = job.run(MIDNIGHT + minutes * MINUTE, &ARCHIVE);
        assert_eq!(outcome.code, code, "{outcome:#?}");
    }
    let kept = Kept::read(&job.path("archive"));
    kept.assert_no_gap(MIDNIGHT, MIDNIGHT + 3 * HOUR);
    assert_eq!((kept.lines.len(), kept.lost), (3, 3));
    assert_eq!(kept.differences.len(), 3);
    let lost = &kept.lines[1];
    assert_eq!(lost["verdict"], "different");
    assert_eq!(
        number(lost, "/interfaces/0/missing/cwl") + number(lost, "/interfaces/1/missing/cwl"),
        3
    );
    assert_eq!(lost["read_at"], time(MIDNIGHT + 135 * MINUTE).as_str());
    assert_eq!(kept.lines[0]["report"], Value::Null);
    // The report is the one of a check of that window, with more rows if there are more.
    let mut check = crate::support::offline();
    let window = &lost["window"];
    let output = check
        .current_dir(&job.root)
        .args(["check", "s3", "cwl", "-o", "json"])
        .args(["--since", window["start"].as_str().unwrap()])
        .args(["--until", window["end"].as_str().unwrap()])
        .output()
        .unwrap();
    let alone: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = lost["report"]["json"]["name"].as_str().unwrap();
    let report = fs::read(job.path("archive").join(name)).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    // The command says what was typed.
    let without_next = |mut report: Value| {
        report
            .as_object_mut()
            .unwrap()
            .remove("next")
            .map(|_| report)
    };
    assert_eq!(without_next(report), without_next(alone));
    #[cfg(unix)]
    for entry in walkdir::WalkDir::new(job.path("archive")) {
        use std::os::unix::fs::PermissionsExt;
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        let private = mode == 0o600 || entry.file_name() == "lock";
        assert!(private || entry.file_type().is_dir(), "{entry:?} {mode:o}");
    }
}

#[test]
fn what_is_decided_and_not_written_is_written_by_the_next_run() {
    let job = job();
    job.run(MIDNIGHT + 75 * MINUTE, &ARCHIVE).assert(0, &[]);
    // As when it is killed between the two: the state is saved, and nothing can be put into the archive.
    fs::write(job.path("archive/reports"), "").unwrap();
    let outcome = job.run(MIDNIGHT + 135 * MINUTE, &ARCHIVE);
    fs::remove_file(job.path("archive/reports")).unwrap();
    // Different says more than trouble, which is said.
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(
        outcome.stderr.contains("archive/reports"),
        "{}",
        outcome.stderr
    );
    let unwritten = job.state()["archive"]["unwritten"].clone();
    assert_eq!(unwritten.as_array().map(Vec::len), Some(1));
    assert_eq!(Kept::read(&job.path("archive")).lines.len(), 1);
    let outcome = job.run(MIDNIGHT + 136 * MINUTE, &ARCHIVE);
    assert_eq!(outcome.code, 0, "it is reported once: {outcome:#?}");
    let kept = Kept::read(&job.path("archive"));
    assert_eq!(
        (kept.lines.len(), kept.lost, kept.differences.len()),
        (2, 3, 3)
    );
    assert_eq!(job.state()["archive"].get("unwritten"), None);
}

#[test]
fn an_archive_that_is_not_the_jobs_is_refused() {
    let job = job();
    job.run(MIDNIGHT + 75 * MINUTE, &ARCHIVE).assert(0, &[]);
    job.run(MIDNIGHT + 85 * MINUTE, &ARCHIVE).assert(1, &[]);
    let day = job.path("archive/lines/2022-01-07.jsonl");
    let whole = fs::read_to_string(&day).unwrap();
    let state = job.state();
    // Its end is cut.
    let first = whole.split_inclusive('\n').next().unwrap();
    fs::write(&day, first).unwrap();
    let outcome = job.run(MIDNIGHT + 135 * MINUTE, &ARCHIVE);
    assert_eq!((outcome.code, &outcome.report), (2, &Value::Null));
    assert!(
        outcome
            .stderr
            .contains("ends with line 1, and the state knows line 2"),
        "{}",
        outcome.stderr
    );
    assert_eq!(job.state(), state);
    fs::write(&day, &whole).unwrap();
    // Another job may not write there.
    let mut other = crate::support::offline();
    let output = other
        .current_dir(&job.root)
        .args(["check", "cwl", "s3", "--state", "other"])
        .args(ARCHIVE)
        .args(["--now", &time(MIDNIGHT + 135 * MINUTE)])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("has lines of another job"), "{said}");
    // Without it, that is said; moved, it goes on; in a new folder a new chain begins.
    let outcome = job.run(MIDNIGHT + 90 * MINUTE, &[]);
    assert!(
        outcome.stderr.contains("without --archive"),
        "{}",
        outcome.stderr
    );
    fs::rename(job.path("archive"), job.path("moved")).unwrap();
    job.run(MIDNIGHT + 100 * MINUTE, &["--archive", "moved"])
        .assert(0, &[]);
    assert_eq!(Kept::read(&job.path("moved")).lines.len(), 3);
    job.run(MIDNIGHT + 110 * MINUTE, &["--archive", "new"])
        .assert(0, &[]);
    assert_eq!(Kept::read(&job.path("new")).lines.len(), 1);
}

#[test]
fn what_cannot_be_kept_is_refused_before_anything_is_read() {
    let job = job();
    for (more, said) in [
        (
            &["--archive", "gs://bucket/archive"][..],
            "--archive: `gs://bucket/archive`",
        ),
        (
            &["--archive", "archive", "--redact"],
            "--archive needs --redact-key",
        ),
        (&["--archive", "s3/a.log/archive"], "Not a directory"),
    ] {
        let outcome = job.run(MIDNIGHT + 75 * MINUTE, more);
        assert_eq!(
            (outcome.code, &outcome.report),
            (2, &Value::Null),
            "{outcome:#?}"
        );
        assert!(outcome.stderr.contains(said), "{said}: {}", outcome.stderr);
    }
    let key = [
        "--archive",
        "archive",
        "--redact-key",
        "a key that is long enough",
    ];
    job.run(MIDNIGHT + 135 * MINUTE, &key).assert(1, &[]);
    for entry in walkdir::WalkDir::new(job.path("archive")) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let text = fs::read_to_string(entry.path()).unwrap();
            assert!(!text.contains("123456789010"), "{}", entry.path().display());
        }
    }
    let interfaces = Kept::read(&job.path("archive")).lines[1]["interfaces"].clone();
    assert_eq!(interfaces.as_array().map(Vec::len), Some(2));
}

#[test]
fn what_is_old_is_removed_and_the_job_goes_on() {
    let job = job();
    job.run(MIDNIGHT + 75 * MINUTE, &ARCHIVE).assert(0, &[]);
    job.run(MIDNIGHT + 135 * MINUTE, &ARCHIVE).assert(1, &[]);
    let prune = |older_than: &str, now: i64| {
        let mut command = crate::support::offline();
        command
            .current_dir(&job.root)
            .args(["archive", "prune", "archive", "--older-than", older_than])
            .args(["--now", &time(now)]);
        let output = command.output().unwrap();
        let said =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), said)
    };
    let day = 24 * HOUR;
    assert_eq!(
        prune("1d", MIDNIGHT + 30 * HOUR),
        (
            0,
            "0 lines and 0 reports removed; the first line is 1\n".to_owned()
        )
    );
    let (code, said) = prune("1d", MIDNIGHT + 2 * day);
    assert_eq!(
        (code, &*said),
        (0, "2 lines and 2 reports removed; the first line is 3\n")
    );
    let there = walkdir::WalkDir::new(job.path("archive")).into_iter();
    let mut names: Vec<_> = there.map(|it| it.unwrap().file_name().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["archive", "lines", "lock", "reports", "start.json"]);
    job.run(MIDNIGHT + 195 * MINUTE, &ARCHIVE).assert(0, &[]);
    let text = fs::read_to_string(job.path("archive/lines/2022-01-07.jsonl")).unwrap();
    assert!(text.starts_with("{\"schema\":\"flowdiff.archive/1\",\"number\":3,\"previous\":\""));
    let (code, said) = prune("soon", MIDNIGHT);
    assert_eq!(code, 2);
    assert!(said.contains("--older-than: `soon`"), "{said}");
}
