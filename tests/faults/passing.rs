//! What passes: the right answer in the end, and no more calls than it takes.

use std::sync::{Arc, Mutex};

use super::WIRES;
use super::run::{at_once, both, check, check_with, records};
use crate::support::aws::Fault;
use crate::support::aws::http::Wire;

#[test]
fn a_storm_of_throttling_passes() {
    let records = records();
    let outcome = check(both(&records), |call, _| match call.operation {
        _ if call.nth > 3 => Fault::None,
        "GetObject" | "ListObjectsV2" => Fault::Refused(503, "SlowDown"),
        _ => Fault::Refused(400, "ThrottlingException"),
    });
    outcome.assert_consistent(480);
}

/// How often calls were made again is known to the one who wants to know, exactly: each one is a call that failed.
#[test]
fn retries_are_counted_and_told() {
    let refused = Arc::new(Mutex::new([0_u64; 2]));
    let counted = Arc::clone(&refused);
    let outcome = check_with(
        both(&records()),
        Box::new(move |call, _| {
            let s3 = ["GetObject", "ListObjectsV2"].contains(&call.operation);
            // Of a body that breaks off too.
            let fault = match call.nth {
                1 if s3 => Fault::Wire(Wire::ResetWithin),
                2 => Fault::Refused(500, "InternalError"),
                _ => return Fault::None,
            };
            counted.lock().unwrap()[usize::from(!s3)] += 1;
            fault
        }),
        &["-v"],
    );
    outcome.assert_consistent(480);
    let [s3, cwl] = *refused.lock().unwrap();
    assert_eq!(outcome.report["sides"]["s3"]["retries"], s3);
    assert_eq!(outcome.report["sides"]["cwl"]["retries"], cwl);
    let told = outcome.stderr.matches("calling again").count() as u64;
    assert_eq!(told, s3 + cwl, "{}", outcome.stderr);
    // Without faults there are none, and no more calls than needed.
    let calls = outcome.calls as u64;
    let outcome = check(both(&records()), |_, _| Fault::None);
    assert_eq!(outcome.report["sides"]["s3"]["retries"], 0);
    // A glance at the first object, for its header, fetches it once more; who is first is up to chance.
    assert!(outcome.calls as u64 + s3 + cwl <= calls + 1);
}

#[test]
fn errors_of_the_services_pass() {
    let errors = [
        (500, "InternalError", "InternalFailure"),
        (503, "ServiceUnavailable", "ServiceUnavailableException"),
        (503, "SlowDown", "ThrottlingException"),
        (429, "TooManyRequests", "TooManyRequestsException"),
    ];
    at_once(errors, |(status, s3, cwl)| {
        let outcome = check(both(&records()), move |call, _| match call.operation {
            _ if call.nth > 2 => Fault::None,
            "GetObject" | "ListObjectsV2" => Fault::Refused(status, s3),
            _ => Fault::Refused(status, cwl),
        });
        outcome.assert_consistent(480);
    });
}

/// The status may say that all is well, and the answer be an error (mldbai/mldb #322).
#[test]
fn an_error_that_comes_as_an_answer_is_one() {
    at_once([2, usize::MAX], |failing| {
        let outcome = check(both(&records()), move |call, _| match call.operation {
            "ListObjectsV2" if call.nth <= failing => Fault::Refused(200, "InternalError"),
            _ => Fault::None,
        });
        match failing {
            2 => outcome.assert_consistent(480),
            _ => outcome.assert_trouble(&["`: InternalError: as the test wants it"]),
        }
    });
}

/// Every first answer of an operation, whatever it is about, suffers.
#[test]
fn broken_answers_are_fetched_again() {
    at_once(WIRES, |wire| {
        let outcome = check(both(&records()), move |call, _| match call.nth {
            1 => Fault::Wire(wire),
            _ => Fault::None,
        });
        println!("{wire:?}");
        outcome.assert_consistent(480);
    });
}
