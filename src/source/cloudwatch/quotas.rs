//! How often CloudWatch Logs may be called in each region.
//!
//! Source: CloudWatch Logs User Guide "CloudWatch Logs quotas" (transactions per second, for the account and the region
//! as a whole; those of reading cannot be raised).

use crate::source::region::KNOWN;

/// Reads one stream.
pub(crate) const GET: &str = "GetLogEvents";
/// Reads a group.
pub(crate) const FILTER: &str = "FilterLogEvents";
/// Lists streams.
pub(crate) const STREAMS: &str = "DescribeLogStreams";
/// Lists groups.
pub(super) const GROUPS: &str = "DescribeLogGroups";

/// This share of a quota is used: the account's other readers, dashboards and alarms among them, draw on it too.
const SHARE: f64 = 0.8;

/// Returns how many calls of an operation a region takes in a second. What the guide says of "all others" is not taken for
/// regions that have come since: of one that is not known, it is the fewest that any takes.
fn quota(operation: &str, region: &str) -> f64 {
    let known = KNOWN.contains(&region);
    match (operation, region) {
        (GET, "eu-west-3") => 30.0,
        (
            GET,
            "us-west-2" | "eu-west-1" | "eu-central-1" | "ap-northeast-3" | "ap-southeast-3"
            | "ca-west-1" | "il-central-1",
        ) => 10.0,
        (GET, _) if known => 25.0,
        (FILTER, "us-east-1") => 25.0,
        (
            FILTER,
            "eu-central-1" | "ap-northeast-3" | "ap-southeast-3" | "ca-west-1" | "il-central-1",
        ) => 5.0,
        (FILTER, _) if !known => 5.0,
        (STREAMS, _) if known => 25.0,
        _ => 10.0,
    }
}

/// Returns how many calls of each operation to make in a second at most: so many of each, if that is asked for, or a share
/// of what the region takes.
pub(super) fn rates(
    region: &str,
    asked: Option<f64>,
) -> impl Iterator<Item = (&'static str, f64)> + '_ {
    [GET, FILTER, STREAMS, GROUPS]
        .into_iter()
        .map(move |operation| (operation, asked.unwrap_or_else(|| rate(operation, region))))
}

/// Returns how many calls of an operation are made in a second if nothing else is asked for.
pub(crate) fn rate(operation: &str, region: &str) -> f64 {
    quota(operation, region) * SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_has_its_regions_quota() {
        for (region, get, filter, streams) in [
            ("us-east-2", 25.0, 10.0, 25.0),
            ("us-east-1", 25.0, 25.0, 25.0),
            ("eu-west-1", 10.0, 10.0, 25.0),
            ("eu-west-3", 30.0, 10.0, 25.0),
            ("eu-central-1", 10.0, 5.0, 25.0),
            ("xx-nowhere-1", 10.0, 5.0, 10.0),
        ] {
            let found = [GET, FILTER, STREAMS, GROUPS].map(|it| quota(it, region));
            assert_eq!(found, [get, filter, streams, 10.0], "{region}");
        }
    }

    #[test]
    fn a_rate_that_is_asked_for_is_each_calls() {
        let rates = |asked| rates("eu-west-1", asked).collect::<Vec<_>>();
        assert!(rates(Some(3.0)).iter().all(|(_, rate)| *rate == 3.0));
        assert_eq!(rates(None)[0], (GET, 8.0));
        assert_eq!(rates(None)[2], (STREAMS, 20.0));
    }
}
