//! What the services do wrong, and what becomes of it: the right answer in the end, or no verdict and a message that
//! names what could not be read. Never "consistent" about a part not read whole, never "missing" about a record that
//! may sit in one.

mod clock;
mod run;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::REGION;
use crate::support::aws::http::Wire;
use crate::support::aws::{BUCKET, Call, Fault};
use crate::support::records::{Delivery, generate, recent, streams};

use run::{HOUR, INTERFACES, both, check, check_with, names, put, records, stores};

/// One answer suffers from it, in one way or another.
const WIRES: [Wire; 7] = [
    Wire::Short,
    Wire::CutOff,
    Wire::ResetBefore,
    Wire::ResetWithin,
    Wire::ResetAfter,
    Wire::Stalled,
    Wire::Silent,
];

/// A delivery of its own: other names.
const OTHER_DELIVERY: Delivery = Delivery {
    prefix: "",
    region: REGION,
    flow_log_id: "fl-0fa0150fa0150fa01",
    hive: false,
    hourly: false,
    parquet: false,
    object_records: usize::MAX,
};

/// Tells the calls that either side's second listing begins with.
fn is_second_look(call: &Call<'_>) -> bool {
    call.nth == 2
        && ["DescribeLogGroups", "ListObjectsV2"].contains(&call.operation)
        && call.name.is_empty()
}

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
    for (status, s3, cwl) in [
        (500, "InternalError", "InternalFailure"),
        (503, "ServiceUnavailable", "ServiceUnavailableException"),
    ] {
        let outcome = check(both(&records()), move |call, _| match call.operation {
            _ if call.nth > 2 => Fault::None,
            "GetObject" | "ListObjectsV2" => Fault::Refused(status, s3),
            _ => Fault::Refused(status, cwl),
        });
        outcome.assert_consistent(480);
    }
}

/// Every first answer of an operation, whatever it is about, suffers.
#[test]
fn broken_answers_are_fetched_again() {
    std::thread::scope(|scope| {
        for wire in WIRES {
            scope.spawn(move || {
                let outcome = check(both(&records()), move |call, _| match call.nth {
                    1 => Fault::Wire(wire),
                    _ => Fault::None,
                });
                println!("{wire:?}");
                outcome.assert_consistent(480);
            });
        }
    });
}

/// What the services can do to a part for good, and what is said of it.
fn lasting(operation: &str) -> Vec<(Fault, &'static str)> {
    let short = match operation {
        "GetObject" => "bytes were received",
        _ => "the answer cannot be read",
    };
    vec![
        (Fault::Refused(500, "InternalError"), "InternalError"),
        (Fault::Refused(503, "SlowDown"), "SlowDown"),
        (Fault::Refused(400, "ThrottlingException"), "Throttling"),
        (Fault::Refused(403, "AccessDenied"), "denied: needs `"),
        (
            Fault::Refused(400, "ExpiredTokenException"),
            "sign in again",
        ),
        (Fault::Wire(Wire::Short), short),
        (
            Fault::Wire(Wire::CutOff),
            "end of file before message length reached",
        ),
        (Fault::Wire(Wire::ResetBefore), "reset by peer"),
        (Fault::Wire(Wire::ResetWithin), "reset by peer"),
        (Fault::Wire(Wire::Stalled), "stalled"),
        (Fault::Wire(Wire::Silent), "in time"),
    ]
}

/// Each of the first objects, or streams, suffers for good from something else; the time is bounded.
fn suffers_for_good(operation: &'static str) {
    let began = Instant::now();
    let stores = both(&records());
    let (keys, streams) = names(&stores);
    let parts = if operation == "GetObject" {
        keys
    } else {
        streams
    };
    let faults: Vec<_> = parts.into_iter().zip(lasting(operation)).collect();
    assert_eq!(faults.len(), lasting(operation).len());
    let meddled = faults.clone();
    let outcome = check(stores, move |call, _| {
        let fault = meddled.iter().find(|(name, _)| call.name == name);
        match fault {
            Some((_, (fault, _))) if call.operation == operation => *fault,
            _ => Fault::None,
        }
    });
    let named: Vec<(&str, &str)> = faults
        .iter()
        .map(|(name, (_, said))| (name.as_str(), *said))
        .collect();
    outcome.assert_unreadable(&named);
    // Two looks, each with its attempts.
    assert!(began.elapsed() < Duration::from_secs(100));
}

#[test]
fn objects_that_cannot_be_read_are_named() {
    suffers_for_good("GetObject");
}

#[test]
fn streams_that_cannot_be_read_are_named() {
    suffers_for_good("GetLogEvents");
}

/// The stream is read in part; its later pages hold what the S3 side has.
#[test]
fn a_stream_that_ends_in_an_error_is_unreadable() {
    let stores = both(&records());
    let (_, streams) = names(&stores);
    let stream = streams[3].clone();
    let broken = stream.clone();
    let outcome = check(stores, move |call, _| {
        if call.name == broken && call.nth > 1 {
            Fault::Refused(403, "AccessDeniedException")
        } else {
            Fault::None
        }
    });
    outcome.assert_unreadable(&[(&stream, "logs:GetLogEvents")]);
}

/// What is missing elsewhere is still told.
#[test]
fn a_difference_beside_an_unreadable_part_is_told() {
    let records = records();
    let mut fewer = records.clone();
    let lost = fewer.remove(300);
    let stores = stores(&records, &fewer);
    let (_, streams) = names(&stores);
    let other = streams
        .into_iter()
        .find(|name| !name.starts_with(&lost.interface));
    let other = other.unwrap();
    let denied = other.clone();
    let outcome = check(stores, move |call, _| {
        if call.name == denied {
            Fault::Refused(403, "AccessDeniedException")
        } else {
            Fault::None
        }
    });
    assert_eq!(outcome.code, 1);
    let counts = &outcome.report["counts"];
    assert_eq!(counts["missing"], json!({"s3": 0, "cwl": 1}));
    assert_eq!(counts["undetermined"], json!({"s3": 0, "cwl": 40}));
    outcome.assert_named(&[(&other, "denied")]);
}

/// A listing that is not whole is no listing.
#[test]
fn a_listing_whose_continuation_fails_is_trouble() {
    for (operation, first, fault, named) in [
        (
            "ListObjectsV2",
            1,
            Fault::Refused(403, "AccessDenied"),
            "s3:ListBucket",
        ),
        (
            "ListObjectsV2",
            1,
            Fault::Refused(500, "InternalError"),
            "InternalError",
        ),
        ("ListObjectsV2", 1, Fault::Wire(Wire::CutOff), BUCKET),
        (
            "DescribeLogStreams",
            1,
            Fault::Refused(403, "AccessDeniedException"),
            "logs:DescribeLogStreams",
        ),
        (
            "DescribeLogStreams",
            1,
            Fault::Refused(400, "ExpiredTokenException"),
            "sign in again",
        ),
    ] {
        let many = generate(480, 20, recent(), HOUR);
        let outcome = check(both(&many), move |call, _| {
            let continued = call.nth > first
                && (operation != "ListObjectsV2" || call.name.contains("vpcflowlogs/"));
            if call.operation == operation && continued {
                fault
            } else {
                Fault::None
            }
        });
        outcome.assert_trouble(&[named]);
    }
}

#[test]
fn a_prefix_that_may_not_be_listed_is_trouble_and_named() {
    let outcome = check(both(&records()), |call, _| {
        if call.operation == "ListObjectsV2" && call.name.contains("vpcflowlogs/") {
            Fault::Refused(403, "AccessDenied")
        } else {
            Fault::None
        }
    });
    outcome.assert_trouble(&[BUCKET, "vpcflowlogs/", "s3:ListBucket"]);
}

#[test]
fn empty_pages_in_a_row_are_not_the_end() {
    let outcome = check(both(&records()), |call, _| {
        if call.operation == "GetLogEvents" && (2..=5).contains(&call.nth) {
            Fault::EmptyPage
        } else {
            Fault::None
        }
    });
    outcome.assert_consistent(480);
}

/// The token that was sent means the end: that is all a service says about it. What was not shown is taken for
/// missing and looked for again, and by then a service is not taken at its word: it is asked again from where it has
/// ended.
#[test]
fn a_token_that_repeats_too_early_is_found_out_by_the_second_look() {
    // A stream of few events is read again in one page, a stream of many is not.
    for (interfaces, always) in [
        (INTERFACES, false),
        (INTERFACES, true),
        (1, false),
        (1, true),
    ] {
        let records = generate(480, interfaces, recent(), HOUR);
        let outcome = check(both(&records), move |call, _| {
            if call.operation == "GetLogEvents" && (always || call.nth == 2) {
                Fault::SameToken
            } else {
                Fault::None
            }
        });
        outcome.assert_consistent(480);
    }
}

#[test]
fn pages_out_of_order_are_read_whole() {
    let records = records();
    let mut fewer = records.clone();
    let lost = fewer.remove(200);
    for (cwl, code) in [(&records, 0), (&fewer, 1)] {
        let outcome = check(stores(&records, cwl), |call, _| match call.operation {
            "GetLogEvents" => Fault::Swapped,
            _ => Fault::None,
        });
        assert_eq!(outcome.code, code, "{:#}", outcome.report);
        let missing = outcome.report["counts"]["missing"]["cwl"].as_u64();
        assert_eq!(missing, Some(u64::from(code == 1)));
        let findings = outcome.report["findings"].to_string();
        assert_eq!(findings.contains(&lost.interface), code == 1);
    }
}

#[test]
fn an_object_deleted_or_replaced_after_it_was_listed_is_unreadable() {
    let records = records();
    for (replaced, said) in [(false, "vanished"), (true, "replaced")] {
        let stores = both(&records);
        let key = names(&stores).0[5].clone();
        let meddled = key.clone();
        let outcome = check(stores, move |call, stores| {
            if call.operation == "GetObject" && call.name == meddled {
                if replaced {
                    stores.put(&meddled, b"something else".to_vec());
                } else {
                    stores.objects.remove(&meddled);
                }
            }
            Fault::None
        });
        outcome.assert_unreadable(&[(&key, said)]);
    }
}

/// Deleted between the two looks: what they held is not known to be there any more, and nothing to accuse the other
/// side of.
#[test]
fn what_is_deleted_between_the_two_looks_accuses_nobody() {
    let records = records();
    let fewer = &records[..470];
    for (s3, cwl, lacking) in [(&records[..], fewer, "cwl"), (fewer, &records[..], "s3")] {
        let outcome = check(stores(s3, cwl), move |call, stores| {
            if is_second_look(call) {
                match lacking {
                    "cwl" => stores.objects.clear(),
                    _ => stores.streams.clear(),
                }
            }
            Fault::None
        });
        assert_eq!(outcome.code, 3, "{:#}", outcome.report);
        let counts = &outcome.report["counts"];
        assert_eq!(counts["missing"], json!({"s3": 0, "cwl": 0}));
        assert_eq!(counts["undetermined"][lacking], 10);
        let findings = outcome.report["findings"].to_string();
        assert!(
            findings.contains("vanished since it was first read"),
            "{findings}"
        );
    }
}

/// Both sides lack something at the first look and have it at the second.
#[test]
fn what_arrives_between_the_two_looks_is_not_missing() {
    let records = records();
    let (early, late) = (&records[..460], &records[460..]);
    for (s3, cwl) in [
        (early, &records[..]),
        (&records[..], early),
        (early, &records[10..]),
    ] {
        let late = late.to_vec();
        let all = records.clone();
        let (mut arrived, lacks) = (false, s3.len() < records.len());
        let outcome = check(stores(s3, cwl), move |call, stores| {
            if is_second_look(call) && !std::mem::replace(&mut arrived, true) {
                if lacks {
                    put(stores, &OTHER_DELIVERY, &late);
                }
                for (name, events) in streams(&all) {
                    stores.streams.insert(name, Arc::new(events));
                }
            }
            Fault::None
        });
        outcome.assert_consistent(480);
    }
}

/// The credentials expire while parts are read.
#[test]
fn expired_credentials_leave_parts_unreadable_and_say_what_to_do() {
    let mut calls = 0;
    let outcome = check(both(&records()), move |call, _| {
        calls += usize::from(call.operation == "GetLogEvents");
        match call.operation {
            _ if calls < 10 => Fault::None,
            "GetObject" | "ListObjectsV2" => Fault::Refused(400, "ExpiredToken"),
            _ => Fault::Refused(400, "ExpiredTokenException"),
        }
    });
    if outcome.code == 2 {
        outcome.assert_trouble(&["the credentials have expired: sign in again"]);
    } else {
        assert_eq!(outcome.code, 3);
        let findings = outcome.report["findings"].to_string();
        assert!(findings.contains("sign in again"), "{findings}");
    }
}
