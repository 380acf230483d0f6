//! Runs flowdiff against stores with faults, and what may be said of any such run.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::aws::{BUCKET, Call, Fault, GROUP, Meddler, Server, Speed, Stores};
use crate::support::records::{Delivery, FlowRecord, generate, recent, streams};
use crate::support::{REGION, offline};

pub(super) const HOUR: i64 = 3600;
pub(super) const INTERFACES: u32 = 12;
/// In each object.
pub(super) const RECORDS: usize = 20;

/// What a run ended with.
pub(super) struct Outcome {
    pub(super) code: i32,
    pub(super) report: Value,
    pub(super) stderr: String,
    /// Calls that came in.
    pub(super) calls: usize,
}

pub(super) fn records() -> Vec<FlowRecord> {
    generate(480, INTERFACES, recent(), HOUR)
}

pub(super) fn stores(s3: &[FlowRecord], cwl: &[FlowRecord]) -> Stores {
    let mut stores = Stores::default();
    let delivery = Delivery {
        object_records: RECORDS,
        ..Delivery::default()
    };
    put(&mut stores, &delivery, s3);
    for (name, events) in streams(cwl) {
        stores.streams.insert(name, Arc::new(events));
    }
    stores
}

pub(super) fn put(stores: &mut Stores, delivery: &Delivery, records: &[FlowRecord]) {
    for (key, bytes) in delivery.objects(records) {
        stores.put(&key, bytes);
    }
}

/// Checks the last hours of the stores while the meddler meddles. Pages are of 15 keys or events.
pub(super) fn check(
    stores: Stores,
    meddler: impl FnMut(&Call<'_>, &mut Stores) -> Fault + Send + 'static,
) -> Outcome {
    check_with(stores, Box::new(meddler), &[])
}

pub(super) fn check_with(stores: Stores, meddler: Meddler, more: &[&str]) -> Outcome {
    run(stores, 15, meddler, more)
}

/// The same with pages of so many keys or events.
pub(super) fn check_paged(
    stores: Stores,
    page: usize,
    fault: impl Fn(&str) -> Fault + Send + 'static,
) -> Outcome {
    let meddler = move |call: &Call<'_>, _: &mut Stores| fault(call.operation);
    run(stores, page, Box::new(meddler), &[])
}

fn run(stores: Stores, page: usize, meddler: Meddler, more: &[&str]) -> Outcome {
    let speed = Speed {
        page: Some(page),
        ..Speed::default()
    };
    let server = Server::start(stores, speed, meddler);
    let outcome = Outcome::of(
        &server.endpoint,
        &format!("s3://{BUCKET}"),
        &format!("cwl://{GROUP}"),
        more,
    );
    Outcome {
        calls: server.take_answered().len(),
        ..outcome
    }
}

/// Does the same for all of them, each in a thread of its own: runs that suffer mostly wait.
pub(super) fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, each: impl Fn(T) + Sync) {
    let each = &each;
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || each(case));
        }
    });
}

impl Outcome {
    /// Checks the last hours of the stores at the endpoint.
    pub(super) fn of(endpoint: &str, s3: &str, cwl: &str, more: &[&str]) -> Self {
        let time = |second| Timestamp::from_second(second).unwrap().to_string();
        let (from, to) = (recent() - HOUR, recent() + 2 * HOUR);
        let output = offline()
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", endpoint)
            .args(["check", s3, cwl])
            .args(["--output", "json", "--cwl-rate", "1000", "--timeout", "2s"])
            // What is done to calls is done to a stream's, if not said otherwise; tests/together.rs has the other way.
            .args((!more.contains(&"--cwl-read")).then_some("--cwl-read=by-stream"))
            .args(match more.contains(&"--since") {
                true => Vec::new(),
                false => vec![
                    "--since".to_owned(),
                    time(from),
                    "--until".to_owned(),
                    time(to),
                ],
            })
            .args(more)
            .output()
            .unwrap();
        let outcome = Self {
            code: output.status.code().unwrap(),
            report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            calls: 0,
        };
        outcome.assert_honest();
        outcome
    }

    /// What holds whatever happens. (That only reading calls are made is what the servers insist on.)
    #[track_caller]
    pub(super) fn assert_honest(&self) {
        if self.code == 0 {
            for side in ["s3", "cwl"] {
                assert_eq!(self.report["sides"][side]["unreadable_parts"], 0);
            }
        }
    }

    #[track_caller]
    pub(super) fn assert_consistent(&self, records: usize) {
        let Self { report, stderr, .. } = self;
        assert_eq!(self.code, 0, "{report:#}\n{stderr}");
        assert_eq!(report["counts"]["matched"], records, "{report:#}");
        assert_eq!(report["findings"], json!([]), "{report:#}");
    }

    /// Asserts that nothing is called different and that each of these parts is named, with what is said of it.
    #[track_caller]
    pub(super) fn assert_unreadable(&self, parts: &[(&str, &str)]) {
        let Self { report, stderr, .. } = self;
        assert_eq!(self.code, 3, "{report:#}\n{stderr}");
        self.assert_nothing_different();
        let undetermined = &report["counts"]["undetermined"];
        assert_ne!(undetermined, &json!({"s3": 0, "cwl": 0}), "{report:#}");
        self.assert_named(parts);
    }

    /// Asserts that no record is called missing, surplus or divergent.
    #[track_caller]
    pub(super) fn assert_nothing_different(&self) {
        let counts = &self.report["counts"];
        for kind in ["missing", "surplus"] {
            assert_eq!(
                counts[kind],
                json!({"s3": 0, "cwl": 0}),
                "{:#}",
                self.report
            );
        }
        assert_eq!(counts["divergent"], 0, "{:#}", self.report);
    }

    #[track_caller]
    pub(super) fn assert_named(&self, parts: &[(&str, &str)]) {
        let findings = self.report["findings"].as_array().unwrap().iter();
        let unreadable = findings.filter(|finding| finding["kind"] == "unreadable");
        let named: Vec<(&str, &str)> = unreadable
            .map(|it| (it["part"].as_str().unwrap(), it["reason"].as_str().unwrap()))
            .collect();
        assert_eq!(named.len(), parts.len(), "{named:#?}");
        for (part, said) in parts {
            let reason = named.iter().find(|(name, _)| name == part);
            let (_, reason) = reason.unwrap_or_else(|| panic!("{part}: {named:#?}"));
            assert!(reason.contains(said), "{part}: {reason}");
        }
    }

    #[track_caller]
    pub(super) fn assert_trouble(&self, named: &[&str]) {
        assert_eq!(self.code, 2, "{:#}\n{}", self.report, self.stderr);
        assert_eq!(self.report, Value::Null);
        for name in named {
            assert!(self.stderr.contains(name), "{name}: {}", self.stderr);
        }
    }
}

/// The keys and the streams of the stores, in order.
pub(super) fn names(stores: &Stores) -> (Vec<String>, Vec<String>) {
    let keys = stores.objects.keys().cloned().collect();
    (keys, stores.streams.keys().cloned().collect())
}

pub(super) fn both(records: &[FlowRecord]) -> Stores {
    stores(records, records)
}
