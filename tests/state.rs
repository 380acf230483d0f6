//! `--state`: a job that runs again and again, as cron would run it, with the clock moved by `--now`.

mod archive;
mod bucket;
mod daily;
mod evidence;
mod history;
mod kills;
mod lease;
pub(crate) mod live;
mod memory;
#[cfg(target_os = "linux")]
mod traced;
mod two;
#[cfg(unix)]
mod unanswered;
mod year;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::offline;
use crate::support::records::{FlowRecord, generate};

/// 2022-01-07T00:00:00Z.
const MIDNIGHT: i64 = 1_641_513_600;
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

/// Two folders that records are delivered to, and a state.
struct Job {
    root: TempDir,
}

/// What a run ended with.
#[derive(Debug)]
struct Outcome {
    code: i32,
    report: Value,
    stderr: String,
}

impl Job {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["s3", "cwl"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Delivers records to a side, as a file of their own.
    fn put(&self, side: &str, name: &str, records: &[FlowRecord]) {
        let lines: String = records.iter().map(|record| record.line() + "\n").collect();
        fs::write(self.path(side).join(name), lines).unwrap();
    }

    fn command(&self, now: i64) -> assert_cmd::Command {
        let mut command = offline();
        command
            .current_dir(&self.root)
            .args(["check", "s3", "cwl", "--state", "state"])
            .args(["--since", "2022-01-07", "--now", &time(now)]);
        command
    }

    fn run(&self, now: i64, more: &[&str]) -> Outcome {
        let mut command = self.command(now);
        let output = command
            .args(["--output", "json"])
            .args(more)
            .output()
            .unwrap();
        Outcome {
            code: output.status.code().unwrap(),
            report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn state(&self) -> Value {
        let text = fs::read_to_string(self.path("state/state.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

impl Outcome {
    fn count(&self, pointer: &str) -> u64 {
        let count = self.report.pointer(pointer).and_then(Value::as_u64);
        count.unwrap_or_else(|| panic!("{pointer}: {self:#?}"))
    }

    #[track_caller]
    fn assert(&self, code: i32, counts: &[(&str, u64)]) {
        assert_eq!(self.code, code, "{self:#?}");
        for (pointer, expected) in counts {
            assert_eq!(self.count(pointer), *expected, "{pointer}: {self:#?}");
        }
    }

    /// The windows read for the first time, as `from .. to`.
    fn windows(&self) -> Vec<(String, String)> {
        let windows = self.report["state"]["windows"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        windows
            .iter()
            .map(|it| (text(&it["start"]), text(&it["end"])))
            .collect()
    }
}

fn time(second: i64) -> String {
    Timestamp::from_second(second).unwrap().to_string()
}

/// A record a minute for each of two interfaces.
fn records(hours: i64) -> Vec<FlowRecord> {
    let number = u32::try_from(hours * 60).unwrap();
    generate(number, 2, MIDNIGHT, hours * HOUR)
}

#[test]
fn each_run_goes_on_where_the_last_one_ended() {
    let job = Job::new();
    job.put("s3", "a.log", &records(6));
    job.put("cwl", "eni.txt", &records(6));
    let mut matched = 0;
    let mut reached = time(MIDNIGHT);
    // Runs that are early, late, twice at one time, and after the clock went back.
    for minutes in [22, 27, 27, 25, 33, 121, 122, 200, 375] {
        let outcome = job.run(MIDNIGHT + minutes * MINUTE, &[]);
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        matched += outcome.count("/counts/matched");
        for (start, end) in outcome.windows() {
            assert_eq!(start, reached);
            reached = end;
        }
        assert_eq!(outcome.report["state"]["next"], reached.as_str());
    }
    assert_eq!((matched, reached), (360, time(MIDNIGHT + 6 * HOUR)));
    let outcome = job.run(MIDNIGHT + 381 * MINUTE, &[]);
    assert_eq!(outcome.code, 3, "an empty window is not consistent");
    // It stays open: nothing says that anything has been delivered yet.
    let output = job.command(MIDNIGHT + 382 * MINUTE).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    let mut command = job.command(MIDNIGHT + 382 * MINUTE);
    let output = command.arg("--allow-empty").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = job.command(MIDNIGHT + 383 * MINUTE).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.starts_with("Nothing was due"), "{text}");
}

#[test]
fn a_job_that_was_down_catches_up_oldest_first() {
    let job = Job::new();
    job.put("s3", "a.log", &records(6));
    job.put("cwl", "eni.txt", &records(6));
    let now = MIDNIGHT + 6 * HOUR + 15 * MINUTE;
    let more = ["--max-windows", "2", "--step", "1h30m"];
    let first = job.run(now, &more);
    first.assert(
        0,
        &[("/counts/matched", 180), ("/state/behind_seconds", 10_800)],
    );
    let at = |halves: i64| time(MIDNIGHT + halves * 30 * MINUTE);
    assert_eq!(first.windows(), [(at(0), at(3)), (at(3), at(6))]);
    assert_eq!(first.report["window"]["end"], at(6));
    let second = job.run(now, &more);
    second.assert(0, &[("/counts/matched", 180), ("/state/behind_seconds", 0)]);
    assert_eq!(second.windows(), [(at(6), at(9)), (at(9), at(12))]);
}

#[test]
fn what_is_late_is_found_and_what_is_lost_is_said_once() {
    let job = Job::new();
    let all = records(2);
    // Three records that end after 00:45 and start before it, of which one is late, one lost and one in time.
    let mut crossing = generate(3, 1, MIDNIGHT + 44 * MINUTE, 3);
    for record in &mut crossing {
        record.end = MIDNIGHT + 46 * MINUTE;
    }
    let lost = &all[10..15];
    let kept: Vec<FlowRecord> = all
        .iter()
        .filter(|record| !lost.contains(record))
        .cloned()
        .collect();
    job.put("s3", "a.log", &all);
    job.put("s3", "b.log", &crossing);
    job.put("cwl", "eni.txt", &kept);
    job.put("cwl", "in-time.txt", &crossing[2..]);
    let first = job.run(MIDNIGHT + 60 * MINUTE, &[]);
    first.assert(1, &[("/counts/missing/cwl", 5), ("/counts/pending/cwl", 2)]);
    job.put("cwl", "late.txt", &crossing[..1]);
    let second = job.run(MIDNIGHT + 90 * MINUTE, &[]);
    second.assert(
        3,
        &[
            ("/counts/missing/cwl", 0),
            ("/counts/pending/cwl", 1),
            ("/counts/matched", 30 + 1),
            ("/state/late/cwl", 1),
            ("/state/late_seconds_at_most", 44 * 60),
        ],
    );
    for minutes in [91, 120] {
        let again = job.run(MIDNIGHT + minutes * MINUTE, &[]);
        again.assert(3, &[("/counts/missing/cwl", 0), ("/counts/pending/cwl", 1)]);
    }
    // Rows are compared, not times: with the day over, the record is lost.
    let given_up = job.run(MIDNIGHT + 25 * HOUR, &["--until", "2022-01-07T02:00:00Z"]);
    given_up.assert(
        1,
        &[
            ("/counts/missing/cwl", 1),
            ("/state/carried/pending/cwl", 0),
        ],
    );
    let evidence = &given_up.report["findings"][0]["evidence"][0];
    assert_eq!(evidence["record"]["start"], MIDNIGHT + 44 * MINUTE + 1);
    // Nothing is due any more, and has not been for a day: no answer.
    job.run(MIDNIGHT + 26 * HOUR, &["--until", "2022-01-07T02:00:00Z"])
        .assert(3, &[("/counts/missing/cwl", 0)]);
}

#[test]
fn what_could_not_be_read_is_read_when_it_can_be() {
    let job = Job::new();
    let all = records(1);
    job.put("s3", "a.log", &all);
    job.put("cwl", "a.txt", &all[..30]);
    // Holds five records that S3 lacks, too, but nobody can know.
    let whole: Vec<FlowRecord> = [
        all[30..].to_vec(),
        generate(5, 1, MIDNIGHT + 50 * MINUTE + 7, 60),
    ]
    .concat();
    let lines: String = whole.iter().map(|record| record.line() + "\n").collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, lines.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let cut = job.path("cwl/b.txt.gz");
    fs::write(&cut, &gzip[..gzip.len() - 9]).unwrap();
    let now = MIDNIGHT + 75 * MINUTE;
    for minutes in [0, 5] {
        let more = ["--until", "2022-01-07T01:00:00Z"];
        let outcome = job.run(now + minutes * MINUTE, &more);
        outcome.assert(
            3,
            &[
                ("/counts/undetermined/cwl", 30),
                ("/counts/missing/cwl", 0),
                ("/state/carried/unreadable_parts", 1),
            ],
        );
    }
    fs::write(&cut, &gzip).unwrap();
    let more = ["--until", "2022-01-07T01:00:00Z"];
    let outcome = job.run(now + 10 * MINUTE, &more);
    outcome.assert(
        1,
        &[
            ("/counts/missing/s3", 5),
            ("/state/late/cwl", 30),
            ("/counts/missing/cwl", 0),
        ],
    );
    job.run(now + 15 * MINUTE, &more).assert(0, &[]);
}

#[test]
fn what_stays_unreadable_is_given_up_once_and_never_called_missing() {
    let job = Job::new();
    job.put("s3", "a.log", &records(1));
    fs::write(job.path("cwl/b.txt.gz"), [0x1f, 0x8b, 8, 0, 0]).unwrap();
    let until = ["--until", "2022-01-07T01:00:00Z", "--give-up", "2h"];
    job.run(MIDNIGHT + 100 * MINUTE, &until)
        .assert(3, &[("/counts/undetermined/cwl", 60)]);
    let last = job.run(MIDNIGHT + 4 * HOUR, &until);
    last.assert(
        3,
        &[
            ("/counts/undetermined/cwl", 60),
            ("/state/given_up", 60),
            ("/counts/missing/cwl", 0),
        ],
    );
    let after = job.run(MIDNIGHT + 5 * HOUR, &until);
    after.assert(3, &[("/counts/undetermined/cwl", 0)]);
}

#[test]
fn a_window_that_cannot_be_read_at_all_is_kept_for_later() {
    let job = Job::new();
    job.put("s3", "a.log", &records(2));
    job.put("cwl", "a.txt", &records(2));
    let until = ["--until", "2022-01-07T02:00:00Z"];
    // A format without `start` in it: this window cannot be cut.
    let odd = job.path("cwl/odd.txt");
    fs::write(&odd, "interface-id bytes\neni-1 5\n").unwrap();
    let outcome = job.run(MIDNIGHT + HOUR, &until);
    assert_eq!((outcome.code, outcome.report), (2, Value::Null));
    assert!(outcome.stderr.contains("odd.txt"), "{}", outcome.stderr);
    assert_eq!(job.state()["unread"].as_array().map(Vec::len), Some(1));
    fs::remove_file(&odd).unwrap();
    let outcome = job.run(MIDNIGHT + 3 * HOUR, &until);
    outcome.assert(
        0,
        &[
            ("/counts/matched", 120),
            ("/state/carried/unread_windows", 0),
        ],
    );
    assert_eq!(outcome.windows()[0].0, time(MIDNIGHT));
}

#[test]
fn a_source_that_is_gone_changes_nothing() {
    let job = Job::new();
    job.put("s3", "a.log", &records(2));
    job.put("cwl", "a.txt", &records(2));
    job.run(MIDNIGHT + HOUR, &[]).assert(0, &[]);
    let before = job.state();
    fs::rename(job.path("cwl"), job.path("elsewhere")).unwrap();
    let outcome = job.run(MIDNIGHT + 90 * MINUTE, &[]);
    assert_eq!((outcome.code, outcome.report), (2, Value::Null));
    assert_eq!(job.state(), before);
    fs::rename(job.path("elsewhere"), job.path("cwl")).unwrap();
    let outcome = job.run(MIDNIGHT + 135 * MINUTE, &[]);
    assert_eq!(outcome.code, 0);
    assert_eq!(outcome.windows()[0].0, time(MIDNIGHT + 45 * MINUTE));
}

#[test]
fn another_beginning_of_a_job_that_has_gone_on_is_not_passed_over_in_silence() {
    let job = Job::new();
    job.put("s3", "a.log", &records(3));
    job.put("cwl", "a.txt", &records(3));
    job.run(MIDNIGHT + HOUR, &[]).assert(0, &[]);
    let outcome = job.run(MIDNIGHT + 2 * HOUR, &[]);
    outcome.assert(0, &[]);
    assert!(!outcome.stderr.contains("--since"), "{}", outcome.stderr);
    let output = offline()
        .current_dir(&job.root)
        .args(["check", "s3", "cwl", "--state", "state", "--quiet"])
        .args(["--since", "2022-01-06", "--now", &time(MIDNIGHT + 3 * HOUR)])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let began = "--since: the job began at 2022-01-07T00:00:00Z and has come as far as 2022-01-07T01:45:00Z";
    assert!(said.contains(began), "{said}");
}

/// A state is about places, however they are written.
#[test]
fn a_state_knows_its_sources_wherever_a_run_begins() {
    let job = Job::new();
    job.put("s3", "a.log", &records(3));
    job.put("cwl", "a.txt", &records(3));
    job.run(MIDNIGHT + HOUR, &[]).assert(0, &[]);
    let elsewhere = Job::new();
    elsewhere.put("s3", "a.log", &records(3));
    elsewhere.put("cwl", "a.txt", &records(3));
    let run = |sources: [PathBuf; 2], now: i64| {
        let mut command = offline();
        command.current_dir(&elsewhere.root).arg("check");
        command.args(sources).arg("--state").arg(job.path("state"));
        let output = command.args(["--now", &time(now)]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    };
    let (code, said) = run(["s3".into(), "cwl".into()], MIDNIGHT + 2 * HOUR);
    assert_eq!(code, 2, "{said}");
    let other = format!(
        "not `{}`",
        elsewhere.path("s3").canonicalize().unwrap().display()
    );
    assert!(
        said.contains("the state is of another job: s3 is `"),
        "{said}"
    );
    assert!(said.contains(&other), "{said}");
    let (code, said) = run(
        [job.path("s3"), job.path("cwl/../cwl")],
        MIDNIGHT + 2 * HOUR,
    );
    assert_eq!(code, 0, "{said}");
    job.run(MIDNIGHT + 3 * HOUR, &[]).assert(0, &[]);
}

#[test]
fn a_state_is_for_one_job_and_one_run() {
    let job = Job::new();
    job.put("s3", "a.log", &records(1));
    job.put("cwl", "a.txt", &records(1));
    job.run(MIDNIGHT + HOUR, &[]).assert(0, &[]);
    let before = job.state();
    for (more, said) in [
        (
            &["--ignore-fields", "bytes"][..],
            "another job: ignore-fields not given, not `bytes`",
        ),
        (
            &["--interface", "eni-1"],
            "another job: interface not given, not `eni-1`",
        ),
        (
            &["--fields", "bytes"],
            "--state: `start` must be among the compared fields",
        ),
        (&["--step", "7m"], "--step: must be a multiple of 5m"),
        (
            &["--give-up", "5m"],
            "--give-up: must not be less than --settle",
        ),
    ] {
        let outcome = job.run(MIDNIGHT + 2 * HOUR, more);
        assert_eq!(outcome.code, 2, "{outcome:#?}");
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    }
    assert_eq!(job.state(), before);
    let lock = fs::File::open(job.path("state/lock")).unwrap();
    lock.lock().unwrap();
    let outcome = job.run(MIDNIGHT + 2 * HOUR, &[]);
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.stderr.contains("is in use by process "),
        "{}",
        outcome.stderr
    );
    drop(lock);
    fs::write(
        job.path("state/state.json"),
        "{\"schema\":\"flowdiff.state/2\"}",
    )
    .unwrap();
    let outcome = job.run(MIDNIGHT + 2 * HOUR, &[]);
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.stderr.contains("newer flowdiff"),
        "{}",
        outcome.stderr
    );
}

/// A report that cannot be written leaves the windows to the next run.
#[test]
fn nothing_is_decided_that_was_not_reported() {
    let job = Job::new();
    job.put("s3", "a.log", &records(1));
    job.put("cwl", "a.txt", &records(1)[1..]);
    let full = Path::new("/dev/full");
    if full.exists() {
        let outcome = job.run(MIDNIGHT + 75 * MINUTE, &["--report", "json=/dev/full"]);
        assert_eq!(outcome.code, 2, "{outcome:#?}");
        assert!(!job.path("state/state.json").exists());
    }
    let more = [
        "--report",
        "json=report.json",
        "--all-differences",
        "all.jsonl",
    ];
    job.run(MIDNIGHT + 75 * MINUTE, &more)
        .assert(1, &[("/counts/missing/cwl", 1)]);
    let report: Value =
        serde_json::from_slice(&fs::read(job.path("report.json")).unwrap()).unwrap();
    assert_eq!(report["counts"]["missing"]["cwl"], 1);
    assert_eq!(
        fs::read_to_string(job.path("all.jsonl"))
            .unwrap()
            .lines()
            .count(),
        1
    );
}

/// A report to a path that goes on from run to run does not lose what was found.
#[test]
fn what_was_found_stays_where_it_is_looked_for() {
    let job = Job::new();
    job.put("s3", "a.log", &records(3));
    job.put("cwl", "a.txt", &records(3)[1..]);
    let formats = [
        "text",
        "json",
        "jsonl",
        "csv",
        "html",
        "junit",
        "emf",
        "openmetrics",
    ];
    let reports: Vec<String> = formats
        .iter()
        .map(|it| format!("--report={it}={it}"))
        .collect();
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
    let all = || formats.map(|it| fs::read_to_string(job.path(it)).unwrap());
    job.run(MIDNIGHT + 75 * MINUTE, &reports)
        .assert(1, &[("/counts/missing/cwl", 1)]);
    let first = all();
    for minutes in [76, 78] {
        let outcome = job.run(MIDNIGHT + minutes * MINUTE, &reports);
        assert_eq!((outcome.code, outcome.count("/counts/missing/cwl")), (0, 0));
        let now = all();
        let at = time(MIDNIGHT + minutes * MINUTE);
        let line = format!(
            "Looked last at {at}: nothing was due. What follows is of the round before.\n\n"
        );
        assert_eq!(now[0], line + &first[0]);
        let old = time(MIDNIGHT + 75 * MINUTE);
        for json in [1, 2] {
            let looked =
                |at: &str| format!("\"looked_at\":{}\"{at}\"", if json == 1 { " " } else { "" });
            assert_eq!(now[json], first[json].replace(&looked(&old), &looked(&at)));
            assert_ne!(now[json], first[json]);
        }
        assert_eq!((&now[3], &now[5]), (&first[3], &first[5]));
        assert!(now[4].contains(&format!("<main><p class=\"unknown\">Looked last at {at}: ")));
        // Figures go on.
        assert!(
            now[6].contains("\"Missing\":0") && first[6].contains("\"Missing\":1"),
            "{}",
            now[6]
        );
        assert_ne!(now[7], first[7]);
    }
    // What has been read since is told, with what was found before.
    let outcome = job.run(MIDNIGHT + 85 * MINUTE, &reports);
    assert_eq!(outcome.code, 0);
    let said = format!(
        "found last, and told at {}: 1 record missing on cwl, in what was read of 2022-01-07T00:00:00Z .. 2022-01-07T01:00:00Z",
        time(MIDNIGHT + 75 * MINUTE)
    );
    assert_eq!(outcome.report["notes"], serde_json::json!([said]));
    assert!(all()[0].starts_with("Consistent"), "{}", all()[0]);
}

/// A cause that stays is told as known, in reports and in the archive.
#[test]
fn a_cause_that_is_known_says_since_when() {
    let job = Job::new();
    let all = generate(1800, 2, MIDNIGHT, 3 * HOUR);
    let with_traffic: Vec<_> = all
        .iter()
        .filter(|it| it.traffic.is_some())
        .cloned()
        .collect();
    assert!(with_traffic.len() < all.len());
    job.put("s3", "a.log", &all);
    job.put("cwl", "a.txt", &with_traffic);
    let archive = ["--archive", "archive"];
    let first = job.run(MIDNIGHT + 75 * MINUTE, &archive);
    let second = job.run(MIDNIGHT + 135 * MINUTE, &archive);
    for outcome in [&first, &second] {
        assert_eq!(
            outcome.report["causes"][0]["kind"], "nodata-rows",
            "{outcome:#?}"
        );
    }
    let since = time(MIDNIGHT + 75 * MINUTE);
    assert_eq!(first.report["causes"][0].get("known_since"), None);
    assert_eq!(second.report["causes"][0]["known_since"], since.as_str());
    let text = second.report["causes"][0]["text"].as_str().unwrap();
    assert!(
        text.starts_with(&format!("known since {since}: ")),
        "{text}"
    );
    crate::support::schema::assert_fits("report", &[first.report, second.report]);
    let lines = fs::read_to_string(job.path("archive/lines/2022-01-07.jsonl")).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["causes"][0].get("known_since"), None);
    assert_eq!(lines[1]["causes"][0]["known_since"], since.as_str());
    crate::support::schema::assert_fits("archive", &lines);
}
