//! Streams that are passed over: what was not read is not missing.

use std::sync::Arc;

use serde_json::json;

use super::{Outcome, begin, check_plainly, stores, stream_of};
use crate::support::aws::Stores;
use crate::support::records::{FlowRecord, generate, streams};

const HOUR: i64 = 3600;
const WAYS: [[&str; 2]; 2] = [["--cwl-read", "together"], ["--cwl-read", "by-stream"]];

fn records() -> Vec<FlowRecord> {
    generate(480, 24, begin(), HOUR)
}

/// Both sides, as the listing is before it has heard of what is in a stream.
fn with_an_old_listing(records: &[FlowRecord], stream: &str) -> Stores {
    let mut stores = stores(records, records);
    let at = (begin() - 48 * HOUR) * 1000;
    let told =
        json!({"firstEventTimestamp": at, "lastEventTimestamp": at, "lastIngestionTime": at});
    stores.listed.insert(stream.to_owned(), told);
    stores
}

#[test]
fn a_stream_passed_over_for_its_age_is_read_before_anything_is_missing() {
    let records = records();
    let stream = stream_of(&records[7]);
    for way in WAYS {
        let outcome = check_plainly(with_an_old_listing(&records, &stream), &way);
        outcome.assert_consistent(480);
        assert!(outcome.notes().contains("1 log stream not read, unless"));
        // What is not in it either is missing.
        let mut stores = with_an_old_listing(&records, &stream);
        stores.streams.insert(stream.clone(), Arc::new(Vec::new()));
        let outcome = check_plainly(stores, &way);
        assert_eq!(outcome.code, 1, "{:#}", outcome.report);
        assert_eq!(outcome.report["counts"]["missing"]["cwl"], 20);
    }
}

/// The records of an interface stand in a stream of another name.
fn renamed(records: &[FlowRecord], is_renamed: impl Fn(&str) -> bool) -> Stores {
    let mut stores = stores(records, &[]);
    for (name, events) in streams(records) {
        let name = match is_renamed(&name) {
            true => name.replace("eni-", "flow-"),
            false => name,
        };
        stores.streams.insert(name, Arc::new(events));
    }
    stores
}

#[test]
fn what_may_be_in_a_stream_of_another_name_is_not_known_to_be_missing() {
    let records = records();
    let stream = stream_of(&records[7]);
    let one = || renamed(&records, |name| name == stream);
    for way in WAYS {
        let outcome = check_plainly(one(), &way);
        assert_eq!(outcome.code, 3, "{:#}", outcome.report);
        let counts = &outcome.report["counts"];
        assert_eq!(counts["missing"], json!({"s3": 0, "cwl": 0}));
        assert_eq!(counts["undetermined"], json!({"s3": 0, "cwl": 20}));
        assert!(outcome.notes().contains("--all-streams reads them"));
        let more = [&way[..], &["--all-streams"]].concat();
        check_plainly(one(), &more).assert_consistent(480);
    }
}

/// What is lacking on the other side is not in any stream, so it is missing there.
#[test]
fn a_stream_of_another_name_hides_nothing_that_the_other_side_lacks() {
    let records = records();
    let mut stores = stores(&records[..470], &records);
    stores.streams.insert("other".into(), Arc::new(Vec::new()));
    let outcome = check_plainly(stores, &[]);
    assert_eq!(outcome.code, 1, "{:#}", outcome.report);
    assert_eq!(
        outcome.report["counts"]["missing"],
        json!({"s3": 10, "cwl": 0})
    );
}

#[test]
fn where_no_stream_is_named_after_an_interface_all_are_read() {
    let records = records();
    for way in WAYS {
        check_plainly(renamed(&records, |_| true), &way).assert_consistent(480);
        let interface = &records[7].interface;
        let more = [&way[..], &["--interface", interface]].concat();
        let outcome: Outcome = check_plainly(renamed(&records, |_| true), &more);
        outcome.assert_consistent(20);
    }
}
