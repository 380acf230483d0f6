//! Causes in words.

use std::time::Duration;

use humantime::format_duration;

use crate::causes;
use crate::causes::{Cause, ConfigMismatch, Explanation};
use crate::model::window::rfc3339;
use crate::model::words::{count, thousands};
use crate::model::{Side, Sides};
use crate::report::Report;
use crate::source::{PassedOver, Remark};

/// Returns what a report says beside its findings, a sentence each.
pub(super) fn notes(report: &Report) -> Vec<String> {
    report.causes.iter().filter_map(note).collect()
}

/// Says why records differ, and how sure that is.
pub(crate) fn explained(cause: &Explanation) -> String {
    let text = (causes::kind(cause.kind).text)(cause);
    let text = match cause.certain {
        true => text,
        false => format!("likely: {text}"),
    };
    match cause.known_since {
        None => text,
        Some(since) => format!("known since {}: {text}", rfc3339(since)),
    }
}

/// Says what to do about it.
pub(super) fn step(cause: &Explanation) -> String {
    (causes::kind(cause.kind).step)(cause).text
}

/// Says what a cause is; `None` of the flow logs' configurations, which are listed with the findings.
pub(super) fn note(cause: &Cause) -> Option<String> {
    Some(match cause {
        Cause::Configuration(_) => return None,
        Cause::Listed { side, remark } => listed(*side, remark),
        Cause::FinerTimes { side, unit } => {
            format!("{side}: times are told in {unit}, and were cut to the seconds that AWS writes")
        }
        Cause::SkipData { side } => format!(
            "{side}: SKIPDATA rows stand for flows that AWS itself lost before delivery; nobody can tell how many"
        ),
        Cause::DefaultFormatUnfit { side } => format!(
            "{side}: no row fits the default format; give the flow log's own with --{side}-format"
        ),
        Cause::SameTraffic => {
            "packets and bytes add up to the same in every bucket that differs: the same traffic, told in other records \
             (do the flow logs have the same aggregation interval and traffic type?)"
                .to_owned()
        }
        Cause::Vanished { records } => format!(
            "{records} differing records were not found again at the second look; they count as undetermined"
        ),
        Cause::RecheckFailed { number, of, error } => {
            format!("recheck {number} of {of} failed, so the look before it counts: {error}")
        }
        Cause::Rechecked { times, wait, late } => rechecked(*times, *wait, *late),
        Cause::WrongClock { side, ahead } => wrong_clock(*side, *ahead),
        Cause::ComparedByMore { window, fields } => {
            format!("{window}: compared by {} as well", fields.join(", "))
        }
        Cause::NothingDue { next, ago } => {
            let ago = humantime::format_duration(Duration::from_secs(*ago));
            format!("nothing was due: everything up to {}, {ago} ago, has been taken up", rfc3339(*next))
        }
        Cause::FoundBefore {
            at,
            window,
            missing,
            surplus,
            divergent,
        } => {
            let of = |name: &str, numbers: &Sides<u64>| {
                let sides = Side::BOTH.into_iter().filter(|side| numbers[*side] > 0);
                sides
                    .map(|side| format!("{} {name} on {side}", count(numbers[side], "record")))
                    .collect::<Vec<_>>()
            };
            let mut found = of("missing", missing);
            found.extend(of("surplus", surplus));
            if *divergent > 0 {
                found.push(format!("{} divergent", count(*divergent, "record")));
            }
            format!(
                "found last, and told at {}: {}, in what was read of {window}",
                rfc3339(*at),
                found.join(", ")
            )
        }
        Cause::GivenUp { records } => format!(
            "{records} undetermined records are not looked for any more: --give-up has passed and what they may sit in still \
             cannot be read, or neither destination has them any more"
        ),
        Cause::Tolerated {
            figure,
            records,
            of,
            limit,
        } => format!(
            "tolerated: {} of {} {figure} (--fail-on {limit})",
            count(*records, "record"),
            thousands(*of)
        ),
        Cause::Digest { side, of, both, .. } => {
            let both = match both {
                true => "; since both sides are, an extra copy of a record that both have counts as missing",
                false => "",
            };
            format!(
                "{side} is a digest of {}: its records are told by fingerprints, in row 0{both}",
                of.join(", ")
            )
        }
        Cause::AtLeast {
            differences,
            buckets,
        } => format!(
            "more differs than the digests tell (--differences {differences}): in each of {} that differ as many are counted as \
             must be missing at least",
            count(*buckets, "bucket")
        ),
        Cause::StandIns { lasting } => {
            let reach = match lasting {
                true => "wherever this key is used",
                false => "throughout this run",
            };
            format!(
                "addresses, account ids and resource ids are stand-ins: the same one means the same thing {reach}"
            )
        }
    })
}

fn rechecked(times: u32, wait: Duration, late: u64) -> String {
    let wait = format_duration(wait);
    let times = match times {
        1 => format!("once, after {wait}"),
        _ => format!("{times} times, {wait} apart"),
    };
    let late = count(late, "record");
    format!("what was pending was looked for again {times}: {late} came late")
}

/// Says that this machine's clock is wrong, and what that does.
fn wrong_clock(side: Side, ahead: i64) -> String {
    let by = format_duration(Duration::from_secs(ahead.unsigned_abs()));
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    format!(
        "{side}: this machine's clock is {by} {direction} the service's. What is pending is told by the service's, but \
         the default window, and times that are given as an age, go by this machine's: set it"
    )
}

/// Says what a source says of its listing.
pub(crate) fn listed(side: Side, remark: &Remark) -> String {
    format!("{side}: {}", said(remark))
}

fn said(remark: &Remark) -> String {
    let quoted = |names: &[String]| {
        let names = names.iter().map(|name| format!("`{name}`"));
        names.collect::<Vec<_>>().join(", ")
    };
    match remark {
        Remark::EmptyFolder { folder } => format!("`{folder}` holds no files"),
        Remark::NoFiles { folder, in_window } => {
            let which = if *in_window { " for this window" } else { "" };
            format!("`{folder}` holds no files{which}")
        }
        Remark::NamelessFiles(files) => format!(
            "left out: {files} whose name tells no flow log, since flow logs are asked for by id"
        ),
        Remark::PassedOver { what, count, first } => {
            let what = match what {
                PassedOver::Hidden => "hidden (the name begins with a dot or an underscore)",
                PassedOver::Marker => "empty objects that mark folders",
                PassedOver::Unfinished => "unfinished downloads whose whole lies beside them",
            };
            left_out(*count, what, first)
        }
        Remark::LeftBehind { count, first } => {
            left_out(*count, "left by the system, an editor or Athena", first)
        }
        Remark::PackedTwins { count, first } => {
            let what = "packed, of files that lie beside them unpacked";
            left_out(*count, what, first)
        }
        Remark::Links { count, first } => left_out(
            *count,
            "linked, of files that are read by another name",
            first,
        ),
        Remark::NamelessObjects(number) => format!(
            "{} left out: the name tells no flow log, and flow logs are asked for by id",
            objects(*number)
        ),
        Remark::BesideTheTree {
            address,
            tree,
            first,
            more,
        } => {
            let (first, more) = (quoted(first), if *more { " and more" } else { "" });
            format!("only `{tree}` is read of `{address}`; not read: {first}{more}")
        }
        Remark::Nothing { address, nearest } => {
            let nearest = nearest.as_ref();
            let nearest = nearest.map(|nearest| format!("; the nearest thing is `{nearest}`"));
            format!(
                "there is nothing under `{address}`{}",
                nearest.unwrap_or_default()
            )
        }
        Remark::NothingWanted { address } => {
            format!("by their names, no objects under `{address}` hold what is asked for")
        }
        Remark::NoObjectOf { flow_log } => {
            format!("no object of flow log `{flow_log}` in the window")
        }
        Remark::FlowLogsRead(read) => {
            let read = read.iter();
            let read = read.map(|(id, number)| format!("{id} ({})", objects(*number)));
            format!("flow logs read: {}", read.collect::<Vec<_>>().join(", "))
        }
        Remark::OtherStreams { count, first } => {
            let streams = if *count == 1 {
                "log stream"
            } else {
                "log streams"
            };
            let more = if *count > first.len() { ", ..." } else { "" };
            format!(
                "{count} {streams} not read, because the name begins with no interface: {}{more}. What is lacking may be \
                 there: --all-streams reads them",
                quoted(first)
            )
        }
        Remark::SilentStreams(streams) => format!(
            "{streams} log stream{} not read, unless records of their interfaces are missing: the last event is more than a \
             day before the window",
            if *streams == 1 { "" } else { "s" }
        ),
        Remark::NoStream { address } => format!("no log stream to read in `{address}`"),
        Remark::NotTogether { said } => format!(
            "read stream by stream, which takes two calls or more for each: `FilterLogEvents` is denied and needs \
             `logs:FilterLogEvents` ({said})"
        ),
        Remark::ByStream { why } => format!("read stream by stream: {why}"),
        Remark::Throttled { operation, times } => {
            let times = match times {
                1 => "once".to_owned(),
                times => format!("{times} times"),
            };
            format!(
                "`{operation}` was throttled and its pace halved {times}, so reading took longer: others use the same \
                 quota, or --cwl-rate is too high"
            )
        }
    }
}

fn objects(number: usize) -> String {
    format!("{number} object{}", if number == 1 { "" } else { "s" })
}

/// Returns what is set on each side, if it is of both.
pub(crate) fn values(mismatch: &ConfigMismatch) -> Option<Sides<String>> {
    match mismatch {
        ConfigMismatch::TrafficType(values) | ConfigMismatch::Resource { values, .. } => {
            Some(values.clone())
        }
        ConfigMismatch::AggregationInterval(values) => Some(values.map(|seconds| {
            seconds.map_or_else(|| "unknown".to_owned(), |seconds| format!("{seconds} s"))
        })),
        ConfigMismatch::Format(only) => Some(only.as_ref().map(|names| match names.as_slice() {
            [] => "none".to_owned(),
            names => names.join(", "),
        })),
        ConfigMismatch::MadeAfter { .. }
        | ConfigMismatch::MadeWithin { .. }
        | ConfigMismatch::NotActive { .. }
        | ConfigMismatch::NotDelivering { .. } => None,
    }
}

/// Says what follows from it.
pub(crate) fn reason(mismatch: &ConfigMismatch) -> String {
    match mismatch {
        ConfigMismatch::TrafficType(_) => {
            "records of the traffic that only one of them takes are on its side only".to_owned()
        }
        ConfigMismatch::AggregationInterval(_) => {
            "the same traffic is told in other records, with other times, packets and bytes"
                .to_owned()
        }
        ConfigMismatch::Resource {
            common: Some(interface),
            ..
        } => format!(
            "only what both watch can be on both sides: {interface} is compared unless --interface says otherwise"
        ),
        ConfigMismatch::Resource { common: None, .. } => {
            "records of what only one of them watches are on its side only".to_owned()
        }
        ConfigMismatch::Format(_) => {
            "these fields are in one format only and cannot be compared".to_owned()
        }
        ConfigMismatch::MadeAfter { flow_log, at, .. } => {
            let at = rfc3339(*at);
            format!("{flow_log} was made at {at}, after the window: it has no record of it")
        }
        ConfigMismatch::MadeWithin { flow_log, at, .. } => {
            let at = rfc3339(*at);
            format!(
                "{flow_log} was made at {at}: it has no record from before, nor from its first minutes"
            )
        }
        ConfigMismatch::NotActive {
            flow_log, status, ..
        } => format!("{flow_log} is {status}, not ACTIVE"),
        ConfigMismatch::NotDelivering {
            flow_log, error, ..
        } => {
            let error = match error.as_str() {
                "" => "EC2 does not say why".to_owned(),
                error => format!("EC2 says `{error}`"),
            };
            format!("{flow_log} cannot deliver all its records: {error}")
        }
    }
}

fn left_out(count: usize, what: &str, first: &[String]) -> String {
    let more = if count > first.len() { ", ..." } else { "" };
    let names = first.join(", ");
    format!("left out: {count} {what}: {names}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(remark: &Remark) -> String {
        listed(Side::S3, remark)
    }

    #[test]
    fn what_is_left_out_is_named_up_to_a_few() {
        let first = || ["a", "b", "c"].map(str::to_owned).to_vec();
        let hidden = |count| Remark::PassedOver {
            what: PassedOver::Hidden,
            count,
            first: first(),
        };
        assert!(told(&hidden(3)).ends_with("a dot or an underscore): a, b, c"));
        assert!(told(&hidden(4)).ends_with(": a, b, c, ..."));
        let streams = |count, first: Vec<String>| Remark::OtherStreams { count, first };
        assert!(told(&streams(1, vec!["x".to_owned()])).contains("1 log stream not read"));
        let four = told(&streams(4, first()));
        assert!(four.contains("no interface: `a`, `b`, `c`, .... What is lacking"));
        assert!(four.ends_with("--all-streams reads them"));
        let beside = |more| Remark::BesideTheTree {
            address: "s3://bucket".to_owned(),
            tree: "AWSLogs/".to_owned(),
            first: first(),
            more,
        };
        assert!(told(&beside(true)).ends_with("not read: `a`, `b`, `c` and more"));
        assert!(told(&beside(false)).ends_with("not read: `a`, `b`, `c`"));
    }

    #[test]
    fn rechecks_are_counted() {
        let wait = Duration::from_secs(300);
        assert!(rechecked(1, wait, 1).contains("once, after 5m: 1 record came late"));
        assert!(rechecked(3, wait, 0).contains("3 times, 5m apart: 0 records came late"));
    }

    #[test]
    fn a_clock_is_ahead_or_behind() {
        assert!(wrong_clock(Side::S3, 90).contains("is 1m 30s ahead of the service's"));
        assert!(wrong_clock(Side::S3, -60).contains("is 1m behind the service's"));
    }

    #[test]
    fn fields_of_one_format_only_are_named() {
        let only = Sides {
            s3: vec!["a".to_owned(), "b".to_owned()],
            cwl: Vec::new(),
        };
        let values = values(&ConfigMismatch::Format(only)).unwrap();
        assert_eq!((values.s3.as_str(), values.cwl.as_str()), ("a, b", "none"));
    }
}
