//! Killed at any moment, the next run is right.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::archive::Kept;
use super::{HOUR, Job, MIDNIGHT, MINUTE, time};
use crate::support::records::{FlowRecord, generate};
use crate::support::{offline, unless_long};

/// How many runs are killed in the long run, and else.
const KILLS: [usize; 2] = [220, 60];
/// So often it is tried to kill that many of the runs at one time.
const MOST_TRIES: usize = 15;
/// Where a run keeps its state and its archive.
pub(super) const PLACES: [&str; 2] = ["state", "archive"];
/// Minutes between two runs in the long run, and else.
const EVERY: [i64; 2] = [7, 21];

/// What all runs of a job said.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Each lost or changed record.
    pub(super) differences: BTreeSet<String>,
    /// The windows, and what was matched in the report that has them first. A run that goes on somewhere says that
    /// nothing from there on was decided before, whatever a killed one has reported.
    pub(super) windows: BTreeMap<String, String>,
    pub(super) matched: BTreeMap<String, u64>,
    pub(super) late: u64,
}

impl Said {
    /// Takes a report in; one that says again what another one said changes nothing.
    pub(super) fn note(&mut self, report: &Value) {
        for finding in report["findings"].as_array().unwrap() {
            if !matches!(
                finding["kind"].as_str().unwrap(),
                "missing" | "divergent" | "surplus"
            ) {
                continue;
            }
            let evidence = finding["evidence"].as_array().unwrap();
            assert_eq!(finding["records"], evidence.len(), "all is shown");
            for one in evidence {
                let said = format!("{} {} {one}", finding["kind"], finding["side"]);
                self.differences.insert(said);
            }
        }
        let late = report["counts"]["late"]["cwl"].as_u64().unwrap();
        self.late += late;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let windows = report["state"]["windows"].as_array().unwrap();
        let Some(first) = windows.first() else {
            return;
        };
        let start = text(&first["start"]);
        self.windows.split_off(&start);
        self.matched.split_off(&start);
        for window in windows {
            assert!(window["verdict"].is_string());
            self.windows
                .insert(text(&window["start"]), text(&window["end"]));
        }
        let matched = report["counts"]["matched"].as_u64().unwrap();
        self.matched.insert(start, matched - late);
    }
}

/// Twelve hours; some records never get to the other side, some differ there, some are late.
pub(super) fn deliver(job: &Job) -> Vec<(i64, FlowRecord)> {
    let all = generate(720, 3, MIDNIGHT, 12 * HOUR);
    let mut in_time = Vec::new();
    let mut late = Vec::new();
    for (number, record) in all.iter().cloned().enumerate() {
        match number % 40 {
            7 => {}
            13 => {
                let mut changed = record;
                changed.traffic.as_mut().unwrap().bytes += 1;
                in_time.push(changed);
            }
            // Some of these are still on their way when their window is read, and none of them longer than is allowed.
            1 | 9 | 17 | 25 | 33 => {
                let mut slow = record;
                slow.end += 200;
                late.push((slow.end + 30 * MINUTE, slow));
            }
            _ => in_time.push(record),
        }
    }
    job.put("cwl", "in-time.txt", &in_time);
    let slow: Vec<FlowRecord> = late.iter().map(|(_, record)| record.clone()).collect();
    let others = all.into_iter().enumerate();
    let others = others.filter(|(number, _)| number % 8 != 1);
    job.put(
        "s3",
        "all.log",
        &others.map(|(_, record)| record).collect::<Vec<_>>(),
    );
    job.put("s3", "slow.log", &slow);
    late
}

pub(super) fn arrive(job: &Job, late: &[(i64, FlowRecord)], now: i64) {
    for (number, (at, record)) in late.iter().enumerate() {
        if *at <= now {
            job.put(
                "cwl",
                &format!("late-{number}.txt"),
                std::slice::from_ref(record),
            );
        }
    }
}

/// A run whose state and archive are at these places.
pub(super) fn plain(job: &Job, now: i64, report: &str, [state, archive]: [&str; 2]) -> Command {
    let mut command = Command::new(offline().get_program());
    command
        .current_dir(&job.root)
        .args([
            "check", "s3", "cwl", "--output", "json", "--state", state, "--step", "30m",
        ])
        .args([
            "--since",
            "2022-01-07",
            "--until",
            "2022-01-07T12:00:00Z",
            "--settle",
            "30m",
        ])
        .args(["--archive", archive])
        .args(["--max-evidence", "1000", "--now", &time(now)])
        .args(["--report", &format!("json={report}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

pub(super) fn read(job: &Job, report: &str) -> Option<Value> {
    let bytes = std::fs::read(job.path(report)).ok()?;
    Some(serde_json::from_slice(&bytes).expect("a report is whole or not there"))
}

#[test]
fn killed_at_any_moment_the_runs_say_what_one_says_that_is_not() {
    let (kills, every) = (
        unless_long(KILLS[1], KILLS[0]),
        unless_long(EVERY[1], EVERY[0]),
    );
    let ticks: Vec<i64> = (0..13 * 60 / every)
        .map(|tick| MIDNIGHT + 30 * MINUTE + tick * every * MINUTE)
        .collect();
    let (mut calm, mut wild) = (Said::default(), Said::default());
    let job = Job::new();
    let late = deliver(&job);
    for &now in &ticks {
        arrive(&job, &late, now);
        let code = plain(&job, now, "report.json", PLACES)
            .status()
            .unwrap()
            .code();
        assert!(matches!(code, Some(0 | 1 | 3)), "{code:?}");
        calm.note(&read(&job, "report.json").unwrap());
    }
    let calm_archive = Kept::read(&job.path("archive"));
    let job = Job::new();
    let late = deliver(&job);
    let kills_a_tick = kills.div_ceil(ticks.len());
    let (mut killed, mut finished, mut seed) = (0, 0, 7_u64);
    // How long a run takes depends on what else the machine does: the span that moments are chosen from follows it.
    let mut span = Duration::from_millis(50);
    for &now in &ticks {
        arrive(&job, &late, now);
        let enough = killed + kills_a_tick;
        for _ in 0..MOST_TRIES {
            if killed == enough {
                break;
            }
            let report = format!("report-{seed:x}.json");
            let mut child = plain(&job, now, &report, PLACES).spawn().unwrap();
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let share = f64::from(u32::try_from(seed >> 32).unwrap()) / f64::from(u32::MAX);
            std::thread::sleep(span.mul_f64(share));
            child.kill().unwrap();
            if child.wait().unwrap().code().is_none() {
                killed += 1;
                span = span.mul_f64(1.1).min(Duration::from_secs(5));
            } else {
                finished += 1;
                span = span.mul_f64(0.8);
            }
            if let Some(report) = read(&job, &report) {
                wild.note(&report);
            }
        }
        // Now and then no run comes through before the next time.
        if seed.is_multiple_of(3) && now != *ticks.last().unwrap() {
            continue;
        }
        // With nothing due it would leave there the report of an earlier run.
        let _ = std::fs::remove_file(job.path("report.json"));
        let code = plain(&job, now, "report.json", PLACES)
            .status()
            .unwrap()
            .code();
        assert!(matches!(code, Some(0 | 1 | 3)), "{code:?}");
        wild.note(&read(&job, "report.json").unwrap());
    }
    println!("{killed} runs killed, {finished} were faster");
    assert!(
        killed >= kills * 9 / 10 && finished > 0,
        "{killed} killed, {finished} not"
    );
    assert_eq!(wild.differences, calm.differences);
    let wild_archive = Kept::read(&job.path("archive"));
    for kept in [&calm_archive, &wild_archive] {
        // Each window once, each lost or changed record in one report and in one line's numbers.
        assert_eq!(kept.lost, 36);
        assert_eq!(kept.differences, calm.differences);
        assert_eq!(kept.matched, 720 - 36);
        kept.assert_no_gap(MIDNIGHT, MIDNIGHT + 12 * HOUR);
    }
    // 18 lost, 18 changed.
    assert_eq!(calm.differences.len(), 36);
    assert!(calm.late > 0 && wild.late > 0, "{calm:?} {wild:?}");
    assert_eq!(calm.matched.values().sum::<u64>() + calm.late, 720 - 36);
    for said in [&calm, &wild] {
        // No gap and no overlap.
        let mut reached = time(MIDNIGHT);
        for (start, end) in &said.windows {
            assert_eq!(start, &reached);
            reached.clone_from(end);
        }
        assert_eq!(reached, time(MIDNIGHT + 12 * HOUR));
    }
}
