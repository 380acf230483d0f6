//! Pages and tokens: what comes in pieces is read whole, or nothing is said about it.

use serde_json::json;

use super::run::{HOUR, INTERFACES, at_once, both, check, check_paged, names, records, stores};
use crate::support::aws::http::Wire;
use crate::support::aws::{BUCKET, Fault, GROUP};
use crate::support::records::{generate, recent};

/// What lists, and what reads page by page.
const PAGED: [&str; 3] = ["ListObjectsV2", "DescribeLogStreams", "GetLogEvents"];

/// A listing that is not whole is no listing.
#[test]
fn a_listing_whose_continuation_fails_is_trouble() {
    let cases = [
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
    ];
    at_once(cases, |(operation, first, fault, named)| {
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
    });
}

/// Nor one of the second look: what was to be confirmed is not.
#[test]
fn a_second_listing_that_fails_is_trouble() {
    let records = records();
    let cases = [
        ("ListObjectsV2", "s3:ListBucket", BUCKET),
        ("DescribeLogStreams", "logs:DescribeLogStreams", GROUP),
    ];
    at_once(cases, |(operation, needed, named)| {
        let mut second = false;
        let outcome = check(stores(&records, &records[..470]), move |call, _| {
            second |= super::is_second_look(call);
            if second && call.operation == operation {
                Fault::Refused(403, "AccessDenied")
            } else {
                Fault::None
            }
        });
        outcome.assert_trouble(&[needed, named]);
    });
}

#[test]
fn empty_pages_in_a_row_are_not_the_end() {
    at_once(PAGED, |operation| {
        let outcome = check(both(&records()), move |call, _| {
            if call.operation == operation && (2..=5).contains(&call.nth) {
                Fault::EmptyPage
            } else {
                Fault::None
            }
        });
        outcome.assert_consistent(480);
    });
}

/// Nor do they, or short ones, show that nothing comes later when the newest are asked for: where the other side lacks the
/// last records, nothing else would tell.
#[test]
fn newest_pages_that_are_empty_or_short_prove_nothing() {
    let records = generate(480, 1, recent(), HOUR);
    at_once([Fault::EmptyPage, Fault::Short], |fault| {
        for nth in [2, 3] {
            let outcome = check(stores(&records[..20], &records), move |call, _| {
                // The first page is cut short, and what is asked for then is what proves the end.
                match call.operation == "GetLogEvents" && call.nth <= nth {
                    true if call.nth == 1 => Fault::Short,
                    true => fault,
                    false => Fault::None,
                }
            });
            assert_eq!(outcome.code, 1, "{:#}", outcome.report);
            let missing = &outcome.report["counts"]["missing"];
            assert_eq!(*missing, json!({"s3": 460, "cwl": 0}), "{fault:?}");
        }
    });
}

/// The token that was sent means the end: that is all a service says about it. So nobody believes it who has not seen
/// that nothing comes later.
#[test]
fn a_token_that_repeats_too_early_is_found_out() {
    // A stream of few events is read in one page, a stream of many is not.
    let cases = [
        (INTERFACES, false),
        (INTERFACES, true),
        (1, false),
        (1, true),
    ];
    at_once(cases, |(interfaces, always)| {
        let records = generate(480, interfaces, recent(), HOUR);
        let outcome = check(both(&records), move |call, _| {
            if call.operation == "GetLogEvents" && (always || call.nth == 2) {
                Fault::SameToken
            } else {
                Fault::None
            }
        });
        outcome.assert_consistent(480);
    });
}

/// The other side has no more than what was shown before the token came again.
#[test]
fn a_stream_that_ends_too_early_agrees_with_nobody() {
    let records = generate(480, 1, recent(), HOUR);
    let stream = format!("{}-all", records[0].interface);
    for always in [false, true] {
        let outcome = check(stores(&records[..15], &records), move |call, _| {
            if call.operation == "GetLogEvents" && (call.nth == 2 || always && call.nth > 1) {
                Fault::Ended
            } else {
                Fault::None
            }
        });
        if always {
            assert_eq!(outcome.code, 3, "{:#}", outcome.report);
            outcome.assert_nothing_different();
            outcome.assert_named(&[(&stream, "its end cannot be told")]);
        } else {
            assert_eq!(outcome.code, 1, "{:#}", outcome.report);
            let missing = &outcome.report["counts"]["missing"];
            assert_eq!(*missing, json!({"s3": 465, "cwl": 0}));
        }
    }
}

#[test]
fn tokens_in_circles_are_told_and_end() {
    // So many objects that there are three pages of one day's, also when it is soon after midnight.
    let many = generate(1600, 20, recent(), HOUR);
    at_once(["ListObjectsV2", "DescribeLogStreams"], |operation| {
        let outcome = check(both(&many), move |call, _| {
            if call.operation == operation && call.nth > 1 {
                Fault::SameToken
            } else {
                Fault::None
            }
        });
        outcome.assert_trouble(&["goes in circles"]);
        // A store may take no notice of the token (s3s-project/s3s #542).
        let outcome = check(both(&many), move |call, _| {
            if call.operation == operation {
                Fault::FirstAgain
            } else {
                Fault::None
            }
        });
        outcome.assert_trouble(&["goes in circles", "came twice"]);
    });
    let records = generate(480, 1, recent(), HOUR);
    let stream = format!("{}-all", records[0].interface);
    let outcome = check(both(&records), |call, _| {
        if call.operation == "GetLogEvents" && call.nth % 3 == 1 {
            Fault::Circle
        } else {
            Fault::None
        }
    });
    outcome.assert_unreadable(&[(&stream, "go in circles")]);
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

/// A store that is only like S3 may list keys in another order, or one on two pages.
#[test]
fn keys_in_another_order_or_twice_are_objects_all_the_same() {
    at_once([Fault::Swapped, Fault::Twice], |fault| {
        let outcome = check(both(&records()), move |call, _| match call.operation {
            "ListObjectsV2" => fault,
            _ => Fault::None,
        });
        outcome.assert_consistent(480);
    });
}

/// Pages that overlap at one timestamp make no copies, and take none away from those that there are.
#[test]
fn pages_that_overlap_at_a_timestamp_are_no_copies() {
    let records = generate(480, 1, recent(), HOUR);
    // Seven of one time, three of them alike; the page's end falls among them.
    let mut alike = records.clone();
    for n in 96..103 {
        let mut copy = records[if n < 99 { 96 } else { n }].clone();
        copy.start = records[96].start;
        copy.end = records[96].end;
        alike[n] = copy;
    }
    let mut fewer = alike.clone();
    fewer.remove(97);
    at_once(97..=103, |page| {
        for fault in [Fault::Overlaps, Fault::None] {
            for (cwl, code) in [(&alike, 0), (&fewer, 1)] {
                let outcome = check_paged(stores(&alike, cwl), page, move |call| match call {
                    "GetLogEvents" => fault,
                    _ => Fault::None,
                });
                assert_eq!(outcome.code, code, "{page} {fault:?} {:#}", outcome.report);
                let counts = &outcome.report["counts"];
                assert_eq!(counts["missing"], json!({"s3": 0, "cwl": 0}), "{counts}");
                assert_eq!(counts["surplus"], json!({"s3": code, "cwl": 0}), "{counts}");
            }
        }
    });
}

/// Seen where all events have expired: empty pages for ever, each with a token of its own.
#[test]
fn pages_that_are_empty_for_ever_end() {
    let records = records();
    at_once(["ListObjectsV2", "DescribeLogStreams"], |operation| {
        let outcome = check(both(&records), move |call, _| match call.operation {
            called if called == operation => Fault::EmptyPage,
            _ => Fault::None,
        });
        outcome.assert_trouble(&["never comes to an end"]);
        assert!(outcome.calls < 2000, "{}", outcome.calls);
    });
    let stores = both(&records);
    let stream = names(&stores).1[5].clone();
    let endless = stream.clone();
    let outcome = check(stores, move |call, _| {
        match call.operation == "GetLogEvents" && call.name == endless && call.nth > 1 {
            true => Fault::EmptyPage,
            false => Fault::None,
        }
    });
    outcome.assert_unreadable(&[(&stream, "never come to an end")]);
    assert!(outcome.calls < 2000, "{}", outcome.calls);
}
