//! Faults between flowdiff and a server that others wrote: what our own server misunderstands of the protocols does not
//! hide what flowdiff does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use super::WIRES;
use super::run::{HOUR, Outcome, at_once};
use crate::support::REGION;
use crate::support::aws::http::Wire;
use crate::support::aws::{Call, Fault};
use crate::support::moto::moto;
use crate::support::proxy::{self, Breaker};
use crate::support::records::{Delivery, FlowRecord, generate, recent, streams};

const BUCKET: &str = "flowdiff-behind-a-proxy";
const GROUP: &str = "/flowdiff/behind-a-proxy";
const RECORDS: usize = 120;

/// What stands in the bucket; the log group lacks the last one.
static RECORDS_THERE: LazyLock<Vec<FlowRecord>> = LazyLock::new(|| {
    let records = generate(120, 4, recent(), HOUR);
    moto().create_bucket(BUCKET, REGION);
    moto().create_group(GROUP, REGION);
    moto().put_objects(BUCKET, Delivery::default().objects(&records));
    for (stream, events) in streams(&records[..RECORDS - 1]) {
        moto().put_events(GROUP, REGION, &stream, &events);
    }
    records
});

fn check(breaker: Breaker) -> Outcome {
    check_with(breaker, &[])
}

fn check_with(breaker: Breaker, more: &[&str]) -> Outcome {
    LazyLock::force(&RECORDS_THERE);
    let endpoint = proxy::start(moto().endpoint(), breaker);
    Outcome::of(
        &endpoint,
        &format!("s3://{BUCKET}"),
        &format!("cwl://{GROUP}"),
        more,
    )
}

/// moto's `FilterLogEvents` gives what its `GetLogEvents` gives, also where each call fails once.
#[test]
fn streams_of_moto_are_read_together() {
    at_once(
        [Fault::None, Fault::Refused(400, "ThrottlingException")],
        |fault| {
            let together = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&together);
            let breaker = move |call: &Call<'_>| {
                let reads = call.operation == "FilterLogEvents";
                counted.fetch_add(usize::from(reads), Ordering::Relaxed);
                if call.nth == 1 { fault } else { Fault::None }
            };
            let outcome = check_with(Box::new(breaker), &["--cwl-read", "together"]);
            assert_eq!(outcome.code, 1, "{:#}\n{}", outcome.report, outcome.stderr);
            let counts = &outcome.report["counts"];
            assert_eq!(counts["matched"], RECORDS - 1, "{counts}");
            assert_eq!(counts["missing"]["cwl"], 1, "{counts}");
            assert!(together.load(Ordering::Relaxed) > 0);
            let notes = outcome.report["notes"].to_string();
            assert!(!notes.contains("stream by stream"), "{notes}");
        },
    );
}

/// Every first answer, whatever it is about, suffers; and one record is missing.
#[test]
fn faults_in_front_of_moto_pass_and_hide_nothing() {
    let wires = WIRES.map(Fault::Wire);
    let refusals = [
        Fault::Refused(503, "SlowDown"),
        Fault::Refused(500, "InternalError"),
        Fault::Refused(400, "ThrottlingException"),
    ];
    at_once(wires.into_iter().chain(refusals), |fault| {
        let outcome = check(Box::new(
            move |call| if call.nth == 1 { fault } else { Fault::None },
        ));
        assert_eq!(
            outcome.code, 1,
            "{fault:?} {:#}\n{}",
            outcome.report, outcome.stderr
        );
        let counts = &outcome.report["counts"];
        assert_eq!(counts["matched"], RECORDS - 1, "{fault:?} {counts}");
        assert_eq!(counts["missing"]["cwl"], 1, "{fault:?} {counts}");
        let retries = |side: &str| outcome.report["sides"][side]["retries"].as_u64();
        // An answer that arrives before the connection is reset is an answer.
        if fault != Fault::Wire(Wire::ResetAfter) {
            assert!(
                retries("s3") > Some(0) && retries("cwl") > Some(0),
                "{fault:?}"
            );
        }
    });
}

/// The stream and the object that could show the record, or the lack of it, suffer for good.
#[test]
fn what_cannot_be_read_of_moto_is_named_and_accuses_nobody() {
    let lost = &RECORDS_THERE[RECORDS - 1];
    let stream = format!("{}-all", lost.interface);
    let object = Delivery::default().objects(&RECORDS_THERE).pop().unwrap().0;
    let cases = [
        ("GetLogEvents", stream, Wire::ResetWithin),
        ("GetObject", object, Wire::Short),
    ];
    at_once(cases, |(operation, part, wire)| {
        let name = part.clone();
        let outcome = check(Box::new(move |call| {
            if call.operation == operation && call.name == name {
                Fault::Wire(wire)
            } else {
                Fault::None
            }
        }));
        assert_eq!(outcome.code, 3, "{:#}\n{}", outcome.report, outcome.stderr);
        outcome.assert_nothing_different();
        outcome.assert_named(&[(
            &part,
            if operation == "GetObject" {
                "bytes"
            } else {
                "reset"
            },
        )]);
    });
}
