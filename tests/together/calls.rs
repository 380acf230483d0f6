//! How many calls it takes, and how long, where the service enforces its quotas.

use std::time::Duration;

use serde_json::json;

use super::{begin, check, no_faults, stores};
use crate::support::aws::{Quotas, Speed};
use crate::support::records::generate;

const HOUR: i64 = 3600;

fn like_aws() -> Speed {
    Speed {
        latency: Duration::from_millis(30),
        quota: Some(Quotas::MOST),
        page: None,
    }
}

/// A round of a job over two thousand quiet interfaces.
#[test]
fn a_round_over_many_quiet_interfaces_takes_few_calls() {
    let records = generate(10_000, 2_000, begin(), HOUR);
    let outcome = check(
        stores(&records, &records),
        like_aws(),
        no_faults(),
        &["--cwl-region", "us-east-2"],
    );
    outcome.assert_consistent(10_000);
    let all: usize = [
        "DescribeLogGroups",
        "DescribeLogStreams",
        "FilterLogEvents",
        "GetLogEvents",
    ]
    .map(|operation| outcome.calls(operation))
    .iter()
    .sum();
    println!("{:?} {:?}", outcome.calls, outcome.took);
    assert!(all <= 60, "{:?}", outcome.calls);
    // At this pace they take three seconds; how long it is in all depends on what else the machine does.
    assert_eq!(outcome.throttled, 0);
}

/// A group keeps a stream for each interface that ever was.
#[test]
fn streams_that_ended_long_ago_cost_nothing_but_their_listing() {
    let records = generate(5_000, 500, begin(), HOUR);
    let mut stores = stores(&records, &records);
    let long_ago = (begin() - 90 * 24 * HOUR) * 1000;
    for number in 0..20_000 {
        let name = format!("eni-0f{number:015x}-all");
        let told = json!({"firstEventTimestamp": long_ago - 1000, "lastEventTimestamp": long_ago, "lastIngestionTime": long_ago});
        stores.listed.insert(name.clone(), told);
        let events: Vec<(i64, String)> = Vec::new();
        stores.streams.insert(name, std::sync::Arc::new(events));
    }
    let outcome = check(
        stores,
        Speed::default(),
        no_faults(),
        &["--cwl-rate", "1000"],
    );
    outcome.assert_consistent(5_000);
    // Fifty a page.
    assert_eq!(outcome.calls("DescribeLogStreams"), 410);
    assert_eq!(outcome.calls("FilterLogEvents"), 1);
    assert!(
        outcome.notes().contains("20000 log streams"),
        "{}",
        outcome.notes()
    );
    assert!(outcome.calls("GetLogEvents") <= 15, "{:?}", outcome.calls);
}
