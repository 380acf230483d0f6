//! What time has to do with it: a clock that is wrong, records that come late, how long they take.

use std::sync::Arc;

use serde_json::json;

use super::OTHER_DELIVERY;
use super::run::{HOUR, both, check, check_with, put, records, stores};
use crate::support::aws::{Fault, INGESTION, Meddler};
use crate::support::records::streams;

/// This machine's clock is ahead, so that records look older than they are.
#[test]
fn by_a_clock_that_is_wrong_nothing_is_called_missing() {
    let records = records();
    let fewer = &records[..470];
    let settle = &["--settle", "119m"];
    let quiet = || -> Meddler { Box::new(|_, _| Fault::None) };
    let right = check_with(stores(&records, fewer), quiet(), settle);
    assert_eq!(right.code, 1);
    assert!(!right.report["notes"].to_string().contains("clock"));
    for (clock, code, said) in [
        (-20 * 60, 3, "20m ahead of the service's"),
        (20 * 60, 1, "20m behind the service's"),
    ] {
        let mut stores = stores(&records, fewer);
        stores.clock = clock;
        let outcome = check_with(stores, quiet(), settle);
        assert_eq!(outcome.code, code, "{:#}", outcome.report);
        let kind = if code == 3 { "pending" } else { "missing" };
        assert_eq!(outcome.report["counts"][kind]["cwl"], 10);
        let notes = outcome.report["notes"].to_string();
        for side in ["s3", "cwl"] {
            // A second may pass on the way.
            let close = notes.contains(&format!("{side}: this machine's clock is {said}"))
                || notes.contains(&format!("{side}: this machine's clock is 19m 59s"))
                || notes.contains(&format!("{side}: this machine's clock is 20m 1s"));
            assert!(close, "{notes}");
        }
    }
}

/// Too wrong for the services to listen at all.
#[test]
fn a_clock_too_wrong_to_be_listened_to_is_to_be_set() {
    for operation in ["ListObjectsV2", "DescribeLogStreams"] {
        let outcome = check(both(&records()), move |call, _| match call.operation {
            it if it != operation => Fault::None,
            "ListObjectsV2" => Fault::Refused(403, "RequestTimeTooSkewed"),
            _ => Fault::Refused(400, "RequestTimeTooSkewed"),
        });
        outcome.assert_trouble(&["RequestTimeTooSkewed", "set this machine's clock"]);
    }
}

#[test]
fn delays_are_measured_and_a_settle_time_is_suggested() {
    let outcome = check(both(&records()), |_, _| Fault::None);
    let side = |side: &str| &outcome.report["sides"][side]["delivery_delay_seconds"];
    // Records take up to 58 s from their start to their end.
    let cwl = side("cwl");
    assert_eq!(cwl["max"], INGESTION / 1000, "{cwl}");
    assert!((242..300).contains(&cwl["p50"].as_i64().unwrap()), "{cwl}");
    // Objects are put there now, some two or three hours late.
    let s3 = side("s3")["p50"].as_i64().unwrap();
    assert!((2 * HOUR..4 * HOUR).contains(&s3), "{s3}");
    let p99 = side("s3")["p99"].as_i64().unwrap();
    let suggested = outcome.report["suggested_settle_seconds"].as_i64().unwrap();
    assert!((p99 * 3 / 2..p99 * 3 / 2 + 301).contains(&suggested));
}

/// The live way of `--recheck`: what comes to either side while it is waited for.
#[test]
fn what_comes_to_the_stores_during_a_recheck_is_late() {
    let records = records();
    let (early, late) = (&records[..460], records[460..].to_vec());
    for (s3, cwl, counted) in [
        (early, &records[..], json!({"s3": 20, "cwl": 0})),
        (&records[..], early, json!({"s3": 0, "cwl": 20})),
    ] {
        let (late, all, lacks) = (late.clone(), records.clone(), s3.len() < records.len());
        let meddler: Meddler = Box::new(move |call, stores| {
            // The third listing is the first recheck's.
            let third = call.nth == 3 && call.name.is_empty();
            if third && call.operation == "ListObjectsV2" && lacks {
                put(stores, &OTHER_DELIVERY, &late);
            }
            if third && call.operation == "DescribeLogGroups" && !lacks {
                for (name, events) in streams(&all) {
                    stores.streams.insert(name, Arc::new(events));
                }
            }
            Fault::None
        });
        let more = ["--settle", "5h", "--recheck", "2", "--recheck-every", "1s"];
        let outcome = check_with(stores(s3, cwl), meddler, &more);
        outcome.assert_consistent(480);
        assert_eq!(outcome.report["counts"]["late"], counted);
        let (came, other) = if lacks { ("s3", "cwl") } else { ("cwl", "s3") };
        let delay = |side: &str| &outcome.report["sides"][side]["late_delay_seconds"];
        assert!(
            delay(came)["max"].as_i64().unwrap() > 0,
            "{:#}",
            outcome.report
        );
        assert!(delay(other).is_null());
    }
}

#[test]
fn credentials_that_expire_while_it_is_waited_cost_no_answer() {
    let records = records();
    let meddler: Meddler = Box::new(|call, _| match (call.operation, call.nth) {
        ("ListObjectsV2", 3) if call.name.is_empty() => Fault::Refused(400, "ExpiredToken"),
        _ => Fault::None,
    });
    let more = ["--settle", "5h", "--recheck", "2", "--recheck-every", "1s"];
    let outcome = check_with(stores(&records, &records[..470]), meddler, &more);
    assert_eq!(outcome.code, 3, "{:#}", outcome.report);
    assert_eq!(outcome.report["counts"]["pending"]["cwl"], 10);
    let notes = outcome.report["notes"].to_string();
    assert!(
        notes.contains("recheck 1 of 2 failed") && notes.contains("ExpiredToken"),
        "{notes}"
    );
}
