//! Late is not lost: what is pending is waited for, and what arrives is no longer called a difference. On a clock that
//! jumps ahead whenever everybody waits.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flowdiff::causes::Cause;
use flowdiff::check::{self, Check, Others, Recheck, Selection};
use flowdiff::decode::{Event, Format};
use flowdiff::diff::EveryDifference;
use flowdiff::digest::Fingerprints;
use flowdiff::model::Error;
use flowdiff::model::window::{Settle, Window};
use flowdiff::model::{Side, Sides};
use flowdiff::progress::{Mode, Progress};
use flowdiff::report::{Report, Verdict};
use flowdiff::source::Source;
use flowdiff::source::memory::{HeldPart, Memory, MemoryPart};
use tokio::time::Instant;

const NOW: i64 = 1_700_000_100;
const MINUTES: i64 = 60;

/// A line and when it was delivered, if that can be known.
#[derive(Clone)]
struct Row(String, Option<i64>);

/// Objects by name, or streams.
type Parts = Vec<(&'static str, Vec<Row>)>;

/// A source that holds something else at each look, the last of it from then on; `None` cannot be listed.
fn growing(side: Side, looks: Vec<Option<Parts>>) -> Memory {
    Memory::at_each_look(move |_, before| {
        let parts = looks[before.min(looks.len() - 1)].as_ref();
        let parts = parts.ok_or_else(|| Error::Source {
            side,
            address: "memory".into(),
            reason: "ExpiredToken".into(),
            hint: None,
        })?;
        Ok(parts
            .iter()
            .map(|(name, rows)| part(side, name, rows))
            .collect())
    })
}

fn part(side: Side, name: &str, rows: &[Row]) -> HeldPart {
    match side {
        Side::S3 => {
            let lines: Vec<_> = rows.iter().map(|row| row.0.as_str()).collect();
            let mut part = HeldPart::new(name, MemoryPart::Bytes(Bytes::from(lines.join("\n"))));
            part.part.version = rows.len().to_string();
            part.part.delivered = rows.iter().filter_map(|row| row.1).max();
            part
        }
        Side::Cwl => {
            let event = |Row(line, delivered): &Row| Event {
                timestamp: 0,
                message: line.clone(),
                ingested: delivered.map(|at| at * 1000),
            };
            HeldPart::new(
                name,
                MemoryPart::Pages(vec![rows.iter().map(event).collect()]),
            )
        }
    }
}

/// A record that ended so many seconds ago, one of many.
fn ended(ago: i64, number: usize) -> Row {
    let (start, end) = (NOW - ago - 30, NOW - ago);
    let port = 1024 + number % 60_000;
    let line = format!(
        "2 123456789012 eni-{:x} 10.0.0.1 10.0.0.2 {port} 443 6 10 {number} {start} {end} ACCEPT OK",
        number % 3
    );
    Row(line, None)
}

/// The records from one number on to before another, all ended so many seconds ago.
fn some(ago: i64, from: usize, to: usize) -> Vec<Row> {
    (from..to).map(|number| ended(ago, number)).collect()
}

fn delivered(rows: Vec<Row>, at: i64) -> Vec<Row> {
    rows.into_iter().map(|row| Row(row.0, Some(at))).collect()
}

fn check(times: u32) -> Check {
    let format = Format::not_given();
    Check {
        recheck: Recheck {
            times,
            every: Duration::from_secs(300),
        },
        window: Window::ALL,
        settle: Settle {
            now: NOW,
            seconds: 900,
        },
        fields: Selection::default(),
        interfaces: Vec::new(),
        ignore_nodata: false,
        counted: None,
        allow_empty: true,
        formats: Sides {
            s3: format.clone(),
            cwl: format,
        },
        by_hour: false,
        others: Others::default(),
        drawn: false,
        formed: false,
        flow_logs: None,
        max_evidence: 100,
        all_differences: None,
        concurrency: 4,
        memory: 64 << 20,
        key: Fingerprints::random(),
    }
}

/// One stream, or one object, in all looks.
fn one(looks: Vec<Vec<Row>>) -> Vec<Option<Parts>> {
    looks
        .into_iter()
        .map(|rows| Some(vec![("one", rows)]))
        .collect()
}

/// Returns the report and how many minutes it took.
fn run(times: u32, s3: Vec<Option<Parts>>, cwl: Vec<Option<Parts>>) -> (Report, u64) {
    let (report, minutes, _) = run_writing(times, s3, cwl, None);
    (report, minutes)
}

fn run_writing(
    times: u32,
    s3: Vec<Option<Parts>>,
    cwl: Vec<Option<Parts>>,
    every: Option<&mut EveryDifference<'_>>,
) -> (Report, u64, usize) {
    let source = |side, looks| Arc::new(growing(side, looks));
    let (s3, cwl) = (source(Side::S3, s3), source(Side::Cwl, cwl));
    let sources: Sides<Arc<dyn Source>> = Sides {
        s3: Arc::clone(&s3) as _,
        cwl,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let progress = Progress::new(Mode::Silent);
    runtime.block_on(async {
        let began = Instant::now();
        let check = check(times);
        let report = check::run(&check, &sources, &progress, every)
            .await
            .unwrap();
        (report, began.elapsed().as_secs() / 60, s3.listed())
    })
}

#[test]
fn what_arrives_while_it_is_waited_for_is_late_and_not_missing() {
    let (all, early) = (some(100, 0, 10), some(100, 0, 8));
    let cwl = vec![early.clone(), early.clone(), early, all.clone()];
    let (report, minutes) = run(5, one(vec![all]), one(cwl));
    assert_eq!(report.verdict, Verdict::Consistent, "{report:#?}");
    assert_eq!((report.counts.matched, minutes), (10, 10));
    assert_eq!(report.counts.late, Sides { s3: 0, cwl: 2 });
    assert_eq!(report.sides.cwl.records, 10);
    // Nothing tells when they were delivered: found ten minutes after a look 100 s after their end.
    let delays = report.sides.cwl.late_delay_seconds.unwrap();
    assert_eq!((delays.p50, delays.max), (700, 700));
    let rechecked = |cause: &Cause| matches!(cause, Cause::Rechecked { times: 2, .. });
    assert!(report.causes.iter().any(rechecked));
}

#[test]
fn a_delivery_that_is_known_tells_the_delay() {
    let (all, early) = (some(100, 0, 10), some(100, 0, 8));
    let at = |at: i64, rows: &[Row]| delivered(rows.to_vec(), at);
    let late =
        |at_early: i64, at_late: i64| [at(at_early, &all[..8]), at(at_late, &all[8..])].concat();
    let cwl = one(vec![
        at(NOW - 50, &early),
        at(NOW - 50, &early),
        late(NOW - 50, NOW + 40),
    ]);
    let (report, minutes) = run(5, one(vec![all.clone()]), cwl);
    assert_eq!((report.verdict, minutes), (Verdict::Consistent, 5));
    let summary = &report.sides.cwl;
    assert_eq!(summary.delivery_delay_seconds.unwrap().max, 50);
    assert_eq!(summary.late_delay_seconds.unwrap().p50, 140);
    assert_eq!(report.sides.s3.delivery_delay_seconds, None);
    // The same with an object that comes late.
    let object = |rows: &[Row], when| at(when, rows);
    let early: Parts = vec![("a", object(&all[..8], NOW - 10))];
    let both: Parts = vec![early[0].clone(), ("b", object(&all[8..], NOW + 20))];
    let s3 = vec![Some(early.clone()), Some(early), Some(both)];
    let (report, _) = run(5, s3, one(vec![all.clone()]));
    assert_eq!(report.verdict, Verdict::Consistent, "{report:#?}");
    assert_eq!(report.counts.late, Sides { s3: 2, cwl: 0 });
    assert_eq!(report.sides.s3.late_delay_seconds.unwrap().max, 120);
}

#[test]
fn what_does_not_arrive_is_missing_once_it_has_settled() {
    let (all, early) = (some(100, 0, 10), some(100, 0, 8));
    let (report, minutes) = run(5, one(vec![all]), one(vec![early]));
    assert_eq!(report.verdict, Verdict::Different);
    assert_eq!(report.counts.missing.cwl, 2);
    assert_eq!(report.counts.late, Sides::default());
    // Settled 800 s from now, and seen to be at the third recheck.
    assert_eq!(minutes, 15);
}

#[test]
fn rechecks_end_and_what_is_pending_then_stays_so() {
    let (all, early) = (some(100, 0, 10), some(100, 0, 8));
    let (report, minutes) = run(2, one(vec![all]), one(vec![early]));
    assert_eq!((report.verdict, minutes), (Verdict::Unknown, 10));
    assert_eq!(report.counts.pending.cwl, 2);
}

#[test]
fn nothing_is_waited_for_without_something_pending() {
    let (all, early) = (some(60 * MINUTES, 0, 10), some(60 * MINUTES, 0, 8));
    for (s3, cwl, verdict) in [
        (&all, &early, Verdict::Different),
        (&all, &all, Verdict::Consistent),
    ] {
        let (report, minutes) = run(5, one(vec![s3.clone()]), one(vec![cwl.clone()]));
        assert_eq!((report.verdict, minutes), (verdict, 0));
        let rechecked = |cause: &Cause| matches!(cause, Cause::Rechecked { .. });
        assert!(!report.causes.iter().any(rechecked));
    }
}

/// Older ones are looked for along with those that are pending.
#[test]
fn the_missing_that_arrives_is_late_too() {
    let (old, new) = (some(60 * MINUTES, 0, 10), some(100, 10, 20));
    let all = [old.clone(), new.clone()].concat();
    let cwl = [&old[1..], &new[1..]].concat();
    let looks = vec![cwl.clone(), cwl, all.clone()];
    let (report, minutes) = run(5, one(vec![all]), one(looks));
    assert_eq!((report.verdict, minutes), (Verdict::Consistent, 5));
    assert_eq!(report.counts.late.cwl, 2);
}

/// More differences than the first sketch tells, in slots that one side lacks altogether and in others.
#[test]
fn thousands_may_come_late() {
    let (lone, shared) = (some(400, 0, 6_000), some(100, 6_000, 12_000));
    let all = [lone.clone(), shared.clone()].concat();
    let none_of_it = shared[..2_000].to_vec();
    let some_of_it = [&lone[..5_000], &shared[..3_000]].concat();
    let looks = vec![
        none_of_it.clone(),
        none_of_it,
        some_of_it.clone(),
        some_of_it.clone(),
        all.clone(),
    ];
    let (report, minutes) = run(9, one(vec![all.clone()]), one(looks));
    assert_eq!(report.verdict, Verdict::Consistent, "{:#?}", report.counts);
    assert_eq!(report.counts.matched, 12_000);
    assert_eq!(report.counts.late, Sides { s3: 0, cwl: 10_000 });
    assert!((5..=15).contains(&minutes), "{minutes}");
    // The same, but the last of it never comes.
    let (report, _) = run(
        9,
        one(vec![all]),
        one(vec![shared[..2_000].to_vec(), some_of_it]),
    );
    assert_eq!(report.verdict, Verdict::Different);
    assert_eq!(report.counts.missing, Sides { s3: 0, cwl: 4_000 });
    assert_eq!(report.counts.matched, 8_000);
}

/// Credentials expire, networks go away: an answer that is there already is not thrown away.
#[test]
fn a_recheck_that_fails_leaves_the_answer_before_it() {
    let (all, early) = (some(100, 0, 10), some(100, 0, 8));
    let there = Some(vec![("one", all)]);
    let s3 = vec![there.clone(), there, None];
    let (report, minutes) = run(3, s3, one(vec![early]));
    assert_eq!((report.verdict, minutes), (Verdict::Unknown, 5));
    assert_eq!(report.counts.pending.cwl, 2);
    let failed = |cause: &Cause| {
        matches!(
            cause,
            Cause::RecheckFailed { number: 1, of: 3, error } if error.contains("ExpiredToken")
        )
    };
    assert!(report.causes.iter().any(failed), "{:?}", report.causes);
    // Nothing was looked for again, so nothing is said of what came late.
    let rechecked = |cause: &Cause| matches!(cause, Cause::Rechecked { .. });
    assert!(!report.causes.iter().any(rechecked), "{:?}", report.causes);
}

#[test]
fn looks_before_one_that_fails_are_told() {
    let (all, early) = (some(100, 0, 10), some(100, 0, 8));
    let there = Some(vec![("one", all)]);
    let s3 = vec![there.clone(), there.clone(), there, None];
    let (report, _) = run(3, s3, one(vec![early]));
    let rechecked = |cause: &&Cause| matches!(cause, Cause::Rechecked { times: 1, .. });
    let failed = |cause: &&Cause| matches!(cause, Cause::RecheckFailed { number: 2, .. });
    let told = |is: fn(&&Cause) -> bool| report.causes.iter().filter(is).count();
    assert_eq!(
        (told(rechecked), told(failed)),
        (1, 1),
        "{:?}",
        report.causes
    );
}

#[test]
fn the_file_of_all_differences_holds_those_of_the_last_look() {
    let (all, early) = (some(100, 0, 10), some(100, 0, 7));
    let later = some(100, 0, 9);
    let mut written = Vec::new();
    let every: &mut EveryDifference<'_> = &mut |_, kind, _| {
        written.push(format!("{kind:?}"));
        io::Result::Ok(())
    };
    let cwl = one(vec![early.clone(), early, later]);
    let (report, _, _) = run_writing(5, one(vec![all]), cwl, Some(every));
    assert_eq!(report.counts.missing.cwl, 1);
    assert_eq!(report.counts.late.cwl, 2);
    assert_eq!(written, ["Missing(Cwl)"]);
}

/// An object that was read and is gone is no proof of anything.
#[test]
fn what_vanishes_while_it_is_waited_for_accuses_nobody() {
    for number in [12, 5_000] {
        let rows = some(100, 0, number);
        let (kept, lost) = rows.split_at(number / 2);
        let both: Parts = vec![("a", kept.to_vec()), ("b", lost.to_vec())];
        let left: Parts = vec![("a", kept.to_vec())];
        let s3 = vec![Some(both.clone()), Some(both), Some(left)];
        let (report, _) = run(5, s3, one(vec![kept.to_vec()]));
        assert_eq!(report.verdict, Verdict::Unknown, "{:#?}", report.counts);
        assert_eq!(report.counts.late, Sides::default());
        assert_eq!(report.sides.s3.unreadable_parts, 1);
    }
}
