//! What does not pass: no verdict, and the parts are named with what became of them; and what is known all the same.

use std::time::{Duration, Instant};

use serde_json::json;

use super::OTHER_DELIVERY;
use super::run::{at_once, both, check, names, put, records, stores};
use crate::support::aws::http::Wire;
use crate::support::aws::{BUCKET, Fault};
use crate::support::records::Delivery;

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

/// Policies often allow no more than what flow logs are delivered to.
#[test]
fn a_bucket_of_which_only_the_delivered_logs_may_be_listed_is_read() {
    let denies = |allowed: &'static str| {
        check(both(&records()), move |call, _| {
            match call.operation == "ListObjectsV2" && !call.name.starts_with(allowed) {
                true => Fault::Refused(403, "AccessDenied"),
                false => Fault::None,
            }
        })
    };
    denies("AWSLogs/").assert_consistent(480);
    let address = "give the address with it, such as `s3://BUCKET/PREFIX/AWSLogs/ACCOUNT/`";
    denies("AWSLogs/123456789012/").assert_trouble(&["s3:ListBucket", address]);
}

/// Of two regions' objects in a bucket: what may not be listed is not left out in silence.
#[test]
fn one_prefix_of_several_that_may_not_be_listed_is_trouble_and_named() {
    let mut stores = both(&records());
    let elsewhere = Delivery {
        region: "us-east-1",
        ..OTHER_DELIVERY
    };
    put(&mut stores, &elsewhere, &records()[..10]);
    let outcome = check(stores, |call, _| {
        if call.operation == "ListObjectsV2" && call.name.contains("/us-east-1/") {
            Fault::Refused(403, "AccessDenied")
        } else {
            Fault::None
        }
    });
    outcome.assert_trouble(&["vpcflowlogs/us-east-1/", "s3:ListBucket"]);
}

/// The credentials expire while parts are read, of both sides or of one.
#[test]
fn expired_credentials_leave_parts_unreadable_and_say_what_to_do() {
    at_once(["s3", "cwl", "both"], |side| {
        let mut reads = 0;
        let outcome = check(both(&records()), move |call, _| {
            reads += usize::from(["GetLogEvents", "GetObject"].contains(&call.operation));
            let s3 = ["GetObject", "ListObjectsV2"].contains(&call.operation);
            match s3 {
                _ if reads < 10 => Fault::None,
                true if side != "cwl" => Fault::Refused(400, "ExpiredToken"),
                false if side != "s3" => Fault::Refused(400, "ExpiredTokenException"),
                _ => Fault::None,
            }
        });
        // What was read differs from what was not, and there is no second look without credentials.
        outcome.assert_trouble(&["the credentials have expired: sign in again"]);
    });
}

/// They expire with the first look's last part, or with the second look's first.
#[test]
fn credentials_that_expire_later_are_no_difference_either() {
    let equal = both(&records());
    let (keys, _) = names(&equal);
    let last = keys.last().unwrap().clone();
    let key = last.clone();
    let outcome = check(equal, move |call, _| match call.operation {
        "GetObject" if call.name == last => Fault::Refused(400, "ExpiredToken"),
        _ => Fault::None,
    });
    outcome.assert_unreadable(&[(&key, "sign in again")]);
    let records = records();
    at_once(
        [
            "GetObject",
            "GetLogEvents",
            "ListObjectsV2",
            "DescribeLogStreams",
        ],
        |operation| {
            let mut second = false;
            let outcome = check(stores(&records, &records[..470]), move |call, _| {
                second |= super::is_second_look(call);
                match (second, call.operation == operation) {
                    (true, true) => Fault::Refused(400, "ExpiredToken"),
                    _ => Fault::None,
                }
            });
            if operation.starts_with("Get") {
                // Nothing is confirmed.
                assert_eq!(outcome.code, 3, "{operation}: {:#}", outcome.report);
                outcome.assert_nothing_different();
                let findings = outcome.report["findings"].to_string();
                assert!(findings.contains("sign in again"), "{findings}");
            } else {
                outcome.assert_trouble(&["the credentials have expired: sign in again"]);
            }
        },
    );
}
