//! Faults between flowdiff and a server that others wrote: what our own server misunderstands of the protocols does not
//! hide what flowdiff does.

use std::sync::LazyLock;

use super::WIRES;
use super::run::{HOUR, Outcome, at_once};
use crate::support::REGION;
use crate::support::aws::Fault;
use crate::support::aws::http::Wire;
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
    LazyLock::force(&RECORDS_THERE);
    let endpoint = proxy::start(moto().endpoint(), breaker);
    Outcome::of(
        &endpoint,
        &format!("s3://{BUCKET}"),
        &format!("cwl://{GROUP}"),
        &[],
    )
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
