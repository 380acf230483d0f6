//! What changes between a listing and a reading, and between two looks.

use std::sync::Arc;

use serde_json::json;

use super::run::{at_once, both, check, names, put, records, stores};
use super::{OTHER_DELIVERY, is_second_look};
use crate::support::aws::Fault;
use crate::support::records::{Delivery, streams};

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

#[test]
fn a_stream_deleted_after_it_was_listed_is_unreadable() {
    let stores = both(&records());
    let stream = names(&stores).1[5].clone();
    let meddled = stream.clone();
    let outcome = check(stores, move |call, stores| {
        if call.operation == "GetLogEvents" && call.name == meddled {
            stores.streams.remove(&meddled);
        }
        Fault::None
    });
    outcome.assert_unreadable(&[(&stream, "vanished since it was listed")]);
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

/// The object that holds what CloudWatch lacks is another one at the second look: of the same records, without what was
/// in question, or with more of it.
#[test]
fn an_object_replaced_between_the_two_looks_counts_as_it_is_then() {
    let records = records();
    let object = |records: &[_]| Delivery::default().objects(records);
    // One object for the last slot, which holds the lost record.
    let lost = records.len() - 1;
    let slot = |record: &crate::support::records::FlowRecord| record.end.div_euclid(300);
    let mine: Vec<_> = records
        .iter()
        .filter(|it| slot(it) == slot(&records[lost]))
        .cloned()
        .collect();
    let others: Vec<_> = records
        .iter()
        .filter(|it| slot(it) != slot(&records[lost]))
        .cloned()
        .collect();
    let without: Vec<_> = mine
        .iter()
        .filter(|it| **it != records[lost])
        .cloned()
        .collect();
    let twice = [&mine[..], &[records[lost].clone()]].concat();
    let cases = [(mine.clone(), 1, 0), (without, 0, 1), (twice, 2, 0)];
    at_once(cases, |(new, missing, undetermined)| {
        let mut stores = stores(&others, &records[..lost]);
        put(&mut stores, &OTHER_DELIVERY, &mine);
        let key = object(&mine)[0]
            .0
            .replace(Delivery::default().flow_log_id, OTHER_DELIVERY.flow_log_id);
        assert!(stores.objects.contains_key(&key), "{key}");
        let body = object(&new)[0].1.clone();
        let mut replaced = false;
        let outcome = check(stores, move |call, stores| {
            if is_second_look(call) && !std::mem::replace(&mut replaced, true) {
                stores.put(&key, body.clone());
            }
            Fault::None
        });
        let counts = &outcome.report["counts"];
        assert_eq!(outcome.code, if missing > 0 { 1 } else { 3 }, "{counts:#}");
        assert_eq!(counts["missing"], json!({"s3": 0, "cwl": missing}));
        assert_eq!(
            counts["undetermined"],
            json!({"s3": 0, "cwl": undetermined})
        );
        assert_eq!(counts["surplus"], json!({"s3": 0, "cwl": 0}));
    });
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
