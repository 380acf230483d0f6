//! Reading a log group together: `FilterLogEvents` for quiet streams, `GetLogEvents` for busy ones. Whatever the service
//! does, the report is the one that reading stream by stream gives.

mod calls;
mod passed_over;
mod random;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::aws::{
    BUCKET, Call, Fault, GROUP, Hidden, INGESTION, Meddler, Server, Speed, Stores,
};
use crate::support::records::{Delivery, FlowRecord, generate, recent, streams};
use crate::support::{REGION, offline};

const HOUR: i64 = 3600;

/// The beginning of the window, which must not move while a test runs.
fn begin() -> i64 {
    static BEGIN: OnceLock<i64> = OnceLock::new();
    *BEGIN.get_or_init(recent)
}

/// What a run ended with.
struct Outcome {
    code: i32,
    report: Value,
    stderr: String,
    /// Calls that came in, by operation; and how many of them were throttled.
    calls: BTreeMap<String, usize>,
    throttled: usize,
    took: Duration,
}

fn stores(s3: &[FlowRecord], cwl: &[FlowRecord]) -> Stores {
    let mut stores = Stores::default();
    for (key, bytes) in Delivery::default().objects(s3) {
        stores.put(&key, bytes);
    }
    for (name, events) in streams(cwl) {
        stores.streams.insert(name, Arc::new(events));
    }
    stores
}

fn check(stores: Stores, speed: Speed, meddler: Meddler, more: &[&str]) -> Outcome {
    let server = Server::start(stores, speed, meddler);
    check_at(&server, more)
}

fn check_at(server: &Server, more: &[&str]) -> Outcome {
    let time = |second| Timestamp::from_second(second).unwrap().to_string();
    let begun = Instant::now();
    let output = offline()
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .arg("check")
        .args([format!("s3://{BUCKET}"), format!("cwl://{GROUP}")])
        .args(["--output", "json", "--timeout", "5s"])
        .args(["--since", &time(begin()), "--until", &time(begin() + HOUR)])
        .args(more)
        .output()
        .unwrap();
    let took = begun.elapsed();
    let (mut calls, mut throttled) = (BTreeMap::new(), 0);
    for call in server.take_answered() {
        throttled += usize::from(call.throttled);
        *calls.entry(call.operation).or_default() += 1;
    }
    Outcome {
        code: output.status.code().unwrap(),
        report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        calls,
        throttled,
        took,
    }
}

/// Without faults, as fast as it goes.
fn check_plainly(stores: Stores, more: &[&str]) -> Outcome {
    let more = [&["--cwl-rate", "1000"], more].concat();
    check(stores, Speed::default(), no_faults(), &more)
}

fn no_faults() -> Meddler {
    Box::new(|_, _| Fault::None)
}

impl Outcome {
    fn calls(&self, operation: &str) -> usize {
        self.calls.get(operation).copied().unwrap_or_default()
    }

    #[track_caller]
    fn assert_consistent(&self, records: usize) {
        let Self { report, stderr, .. } = self;
        assert_eq!(self.code, 0, "{report:#}\n{stderr}");
        assert_eq!(report["counts"]["matched"], records, "{report:#}");
        assert_eq!(report["findings"], json!([]), "{report:#}");
    }

    /// The report without what depends on the way of reading: how often a call was made again, what is said of that, and times.
    fn comparable(&self) -> Value {
        let mut report = self.report.clone();
        for side in ["s3", "cwl"] {
            report["sides"][side]["retries"] = Value::Null;
        }
        if let Some(notes) = report["notes"].as_array_mut() {
            notes.retain(|note| {
                let note = note.as_str().unwrap();
                !note.contains("throttled") && !note.contains("stream by stream")
            });
        }
        // Objects are as old as the server.
        report["sides"]["s3"]["delivery_delay_seconds"] = Value::Null;
        report["suggested_settle_seconds"] = Value::Null;
        for cause in report["causes"].as_array_mut().into_iter().flatten() {
            if let Some(detail) = cause["detail"].as_object_mut() {
                detail.remove("suggested_settle_seconds");
            }
        }
        // Which says how it was read this time.
        report["next"]["command"] = Value::Null;
        report
    }

    fn notes(&self) -> String {
        self.report["notes"].to_string()
    }
}

/// Whether the stream is that of the record's interface.
fn stream_of(record: &FlowRecord) -> String {
    format!("{}-all", record.interface)
}

fn hidden(operation: &'static str, stream: &str) -> Hidden {
    Hidden {
        operation,
        stream: stream.to_owned(),
        range: i64::MIN..i64::MAX,
    }
}

#[test]
fn streams_are_read_together_and_some_of_them_both_ways() {
    let records = generate(480, 24, begin(), HOUR);
    let outcome = check_plainly(stores(&records, &records), &[]);
    outcome.assert_consistent(480);
    assert_eq!(outcome.calls("FilterLogEvents"), 1, "{:?}", outcome.calls);
    let by_stream = check_plainly(stores(&records, &records), &["--cwl-read", "by-stream"]);
    assert_eq!(by_stream.calls("FilterLogEvents"), 0);
    assert!(by_stream.calls("GetLogEvents") >= 48);
    // Five streams; that both ways gave the same is the proof of their ends.
    let twice = outcome.calls("GetLogEvents");
    assert!((5..=10).contains(&twice), "{twice}");
    assert_eq!(outcome.comparable(), by_stream.comparable());
}

/// What CloudWatch seems to lack is asked for by stream before it is said.
#[test]
fn what_filter_log_events_leaves_out_is_not_missing() {
    let records = generate(480, 24, begin(), HOUR);
    let mut stores = stores(&records, &records);
    let stream = stream_of(&records[7]);
    stores.hidden.push(hidden("FilterLogEvents", &stream));
    check_plainly(stores, &[]).assert_consistent(480);
}

/// Even if the other side lacks the same: a listing that promises events of a stream is believed.
#[test]
fn a_stream_that_is_promised_and_does_not_come_is_read_by_itself() {
    let records = generate(480, 24, begin(), HOUR);
    let lost = &records[7].interface;
    let fewer = records.iter().filter(|it| it.interface != *lost).cloned();
    let fewer: Vec<FlowRecord> = fewer.collect();
    let mut stores = stores(&fewer, &records);
    let stream = stream_of(&records[7]);
    stores.hidden.push(hidden("FilterLogEvents", &stream));
    let at = records[7].start * 1000;
    let told = json!({"firstEventTimestamp": 1, "lastEventTimestamp": at, "lastIngestionTime": at + INGESTION});
    stores.listed.insert(stream.clone(), told);
    let outcome = check_plainly(stores, &[]);
    assert_eq!(outcome.code, 1, "{:#}", outcome.report);
    let missing = records.len() - fewer.len();
    assert_eq!(outcome.report["counts"]["missing"]["s3"], missing);
    assert!(
        outcome.notes().contains("do not give the same"),
        "{}",
        outcome.notes()
    );
    assert!(outcome.notes().contains(&stream));
}

/// A busy stream is read by `GetLogEvents` alone; that it was read to its end is shown by the other call.
#[test]
fn where_get_log_events_stops_too_early_the_stream_is_unreadable() {
    let mut records = generate(200, 40, begin(), HOUR);
    let busy = records[7].interface.clone();
    let mut more = generate(600, 1, begin(), HOUR);
    more.iter_mut()
        .for_each(|it| it.interface.clone_from(&busy));
    records.extend(more);
    let speed = Speed {
        page: Some(20),
        ..Speed::default()
    };
    let run = |to: i64| {
        let mut stores = stores(&records, &records);
        let mut hidden = hidden("GetLogEvents", &format!("{busy}-all"));
        hidden.range = to * 1000..i64::MAX;
        stores.hidden.push(hidden);
        let more = ["--cwl-rate", "1000", "--cwl-read", "together"];
        check(stores, speed, no_faults(), &more)
    };
    run(begin() + 2 * HOUR).assert_consistent(records.len());
    let outcome = run(begin() + HOUR / 2);
    assert_eq!(outcome.code, 3, "{:#}", outcome.report);
    let report = outcome.report.to_string();
    assert!(report.contains("lacks events of it"), "{report}");
    assert_eq!(outcome.report["counts"]["missing"]["cwl"], 0);
}

/// Five streams are all read both ways.
#[test]
fn where_both_ways_disagree_all_are_read_by_stream() {
    let records = generate(100, 5, begin(), HOUR);
    let lost = &records[7].interface;
    let fewer = records.iter().filter(|it| it.interface != *lost).cloned();
    let fewer: Vec<FlowRecord> = fewer.collect();
    let stream = stream_of(&records[7]);
    let run = |operation| {
        let mut stores = stores(&fewer, &records);
        stores.hidden.push(hidden(operation, &stream));
        check_plainly(stores, &["--cwl-read", "together"])
    };
    let outcome = run("FilterLogEvents");
    assert_eq!(outcome.code, 1, "{:#}", outcome.report);
    let missing = records.len() - fewer.len();
    assert_eq!(outcome.report["counts"]["missing"]["s3"], missing);
    assert!(
        outcome.notes().contains("do not give the same"),
        "{}",
        outcome.notes()
    );
    // The other way round nobody knows what there is.
    let outcome = run("GetLogEvents");
    assert_eq!(outcome.code, 3, "{:#}", outcome.report);
    let unreadable = &outcome.report["findings"][0];
    assert_eq!(unreadable["kind"], "unreadable");
    assert_eq!(unreadable["part"], *stream);
}

#[test]
fn without_the_permission_it_reads_by_stream_and_says_so() {
    let records = generate(480, 24, begin(), HOUR);
    let denied = |call: &Call<'_>, _: &mut Stores| match call.operation {
        "FilterLogEvents" => Fault::Refused(400, "AccessDeniedException"),
        _ => Fault::None,
    };
    let stores = stores(&records, &records);
    let outcome = check(
        stores,
        Speed::default(),
        Box::new(denied),
        &["--cwl-rate", "1000"],
    );
    outcome.assert_consistent(480);
    assert_eq!(outcome.calls("FilterLogEvents"), 1);
    assert!(
        outcome.notes().contains("`logs:FilterLogEvents`"),
        "{}",
        outcome.notes()
    );
}

/// Nor is it when it fails in the middle: nothing counts twice.
#[test]
fn a_call_that_fails_for_good_costs_nothing_but_time() {
    let records = generate(480, 24, begin(), HOUR);
    for (status, code) in [(400, "InvalidParameterException"), (500, "InternalFailure")] {
        let fails = move |call: &Call<'_>, _: &mut Stores| match call.operation {
            "FilterLogEvents" if call.nth > 3 => Fault::Refused(status, code),
            _ => Fault::None,
        };
        let speed = Speed {
            page: Some(50),
            ..Speed::default()
        };
        let more = ["--cwl-rate", "1000"];
        let outcome = check(stores(&records, &records), speed, Box::new(fails), &more);
        outcome.assert_consistent(480);
        assert!(
            outcome.notes().contains("stream by stream"),
            "{}",
            outcome.notes()
        );
    }
}

#[test]
fn tokens_and_pages_that_repeat_or_fall_short_change_nothing() {
    let records = generate(480, 24, begin(), HOUR);
    for always in [false, true] {
        for fault in [
            Fault::EmptyPage,
            Fault::SameToken,
            Fault::Repeats,
            Fault::Short,
            Fault::Circle,
            Fault::Refused(400, "InvalidParameterException"),
        ] {
            let meddler = move |call: &Call<'_>, _: &mut Stores| match call.operation {
                "FilterLogEvents" if call.continued && (call.nth.is_multiple_of(2) || always) => {
                    fault
                }
                _ => Fault::None,
            };
            let speed = Speed {
                page: Some(40),
                ..Speed::default()
            };
            let more = ["--cwl-rate", "1000"];
            let outcome = check(stores(&records, &records), speed, Box::new(meddler), &more);
            println!("{fault:?} {always} {:?} {}", outcome.calls, outcome.notes());
            outcome.assert_consistent(480);
            assert!(outcome.calls("FilterLogEvents") < 5000);
        }
    }
}
