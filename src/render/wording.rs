//! The answer in words.

use std::collections::BTreeMap;

use super::escape::escape;
use crate::model::window::rfc3339;
use crate::model::words::{count, thousands};
use crate::model::{Side, Sides};
use crate::report::gap::Gap;
use crate::report::{FieldDoubt, JobSummary, Report, Verdict};

/// Returns the verdict as the one sentence that a person reads first.
pub(crate) fn verdict(report: &Report) -> String {
    match report.verdict {
        Verdict::Consistent => consistent(report),
        Verdict::Different => format!("Different: {}.", list(&differences(report))),
        Verdict::Unknown if report.state.as_ref().is_some_and(JobSummary::is_nothing) => {
            "No verdict: nothing was due, for longer than --settle and two windows: is --until still meant?".to_owned()
        }
        Verdict::Unknown => format!("No verdict: {}.", list(&doubts(report))),
    }
}

/// Says that the run was ended before its last look, if it was.
pub(crate) fn interruption(report: &Report) -> Option<String> {
    let looks = match report.looks {
        1 => "the first look".to_owned(),
        looks => format!("look {looks}"),
    };
    report
        .interrupted
        .then(|| format!("Interrupted while waiting for late records: this is what {looks} found."))
}

/// Returns what is not known besides what the verdict says, if there is anything.
pub(crate) fn reservation(report: &Report) -> Option<String> {
    let open = open_questions(report);
    (report.verdict == Verdict::Different && !open.is_empty())
        .then(|| format!("Still open: {}.", list(&open)))
}

/// A gap of less is as well told by its row.
const LEAST_GAP: u64 = 2;

/// What is said of a divergent pair of which only sums are known.
pub(super) const FROM_SUMS: &str = "unequal values, of which a digest has none";

/// Says of what a side has nothing at all: a sentence for each stretch of time, that of most records first.
pub(super) fn gaps(report: &Report) -> Vec<String> {
    let mut by_time: BTreeMap<(Side, i64, i64), Vec<&Gap>> = BTreeMap::new();
    for gap in report.gaps.iter().filter(|gap| gap.records >= LEAST_GAP) {
        let stretch = (gap.side, gap.since, gap.until);
        by_time.entry(stretch).or_default().push(gap);
    }
    let told = by_time.into_iter().map(|((side, since, until), gaps)| {
        let records: u64 = gaps.iter().map(|gap| gap.records).sum();
        let who = match gaps[..] {
            [gap] if *gap.interface == *"-" => "no interface".to_owned(),
            [gap] => escape(&gap.interface),
            _ => count(gaps.len() as u64, "interface"),
        };
        let (from, to) = (rfc3339(since), until_after(since, until));
        let what = count(records, "record");
        (
            records,
            format!("{who}: all {what} of {from} to {to} are missing on {side}"),
        )
    });
    let mut told: Vec<(u64, String)> = told.collect();
    told.sort_by(|(a, _), (b, _)| b.cmp(a));
    told.into_iter().map(|(_, text)| text).collect()
}

/// Writes the end of a stretch without the day, if that is the same.
fn until_after(since: i64, until: i64) -> String {
    let (since, until) = (rfc3339(since), rfc3339(until));
    match (since.split_once('T'), until.split_once('T')) {
        (Some((day, _)), Some((same, time))) if day == same => time.to_owned(),
        _ => until,
    }
}

fn consistent(report: &Report) -> String {
    if report.state.as_ref().is_some_and(JobSummary::is_nothing) {
        "Nothing was due: all that has settled has been checked, and nothing is open.".to_owned()
    } else if is_empty(report) {
        "Consistent: neither destination holds a record here, which was allowed.".to_owned()
    } else {
        let records = count(report.counts.matched, "record");
        format!("Consistent: both destinations hold the same {records}.")
    }
}

fn differences(report: &Report) -> Vec<String> {
    let counts = &report.counts;
    let mut parts = on_sides(&counts.missing, "missing on");
    if counts.divergent > 0 {
        parts.push((counts.divergent, "divergent".to_owned()));
    }
    parts.extend(on_sides(&counts.surplus, "surplus on"));
    records(parts)
}

fn doubts(report: &Report) -> Vec<String> {
    let mut parts = open_questions(report);
    if parts.is_empty() {
        parts.push(if is_empty(report) {
            "neither destination holds a record here".to_owned()
        } else {
            "not everything could be checked".to_owned()
        });
    }
    parts
}

/// Returns what is not known, a phrase each.
pub(super) fn open_questions(report: &Report) -> Vec<String> {
    let counts = &report.counts;
    let mut parts = on_sides(&counts.undetermined, "undetermined on");
    parts.extend(on_sides(&counts.pending, "pending on"));
    let fewer = counts.matched_on_fewer_fields;
    if fewer > 0 {
        parts.push((fewer, "matched on fewer fields".to_owned()));
    }
    let mut parts = records(parts);
    parts.extend(report.field_doubts.iter().map(FieldDoubt::phrase));
    let unread = report
        .state
        .as_ref()
        .map_or(0, |state| state.carried.unread_windows);
    if unread > 0 {
        parts.push(format!(
            "{} not read or still empty",
            count(unread, "window")
        ));
    }
    for (side, summary) in Side::BOTH.map(|side| (side, &report.sides[side])) {
        if summary.unreadable_parts > 0 {
            let number = count(summary.unreadable_parts, "part");
            parts.push(format!("{number} unreadable on {side}"));
        }
        if summary.masked > 0 {
            let number = count(summary.masked, "record");
            parts.push(format!("{number} with masked values on {side}"));
        }
        if summary.malformed > 0 {
            let number = count(summary.malformed, "row");
            parts.push(format!("{number} malformed on {side}"));
        }
    }
    parts
}

fn is_empty(report: &Report) -> bool {
    Side::BOTH
        .iter()
        .all(|&side| report.sides[side].records == 0)
}

fn on_sides(numbers: &Sides<u64>, what: &str) -> Vec<(u64, String)> {
    let there = |side: &Side| numbers[*side] > 0;
    Side::BOTH
        .into_iter()
        .filter(there)
        .map(|side| (numbers[side], format!("{what} {side}")))
        .collect()
}

/// Says "records" once, on the first number.
fn records(parts: Vec<(u64, String)>) -> Vec<String> {
    let mut words = parts.into_iter();
    let first = words
        .next()
        .map(|(number, what)| format!("{} {what}", count(number, "record")));
    first
        .into_iter()
        .chain(words.map(|(number, what)| format!("{} {what}", thousands(number))))
        .collect()
}

fn list(parts: &[String]) -> String {
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Counts;
    use crate::report::sample;

    #[test]
    fn verdicts_in_words() {
        assert_eq!(
            verdict(&sample::consistent()),
            "Consistent: both destinations hold the same 57 records."
        );
        assert_eq!(
            verdict(&sample::different()),
            "Different: 3 records missing on cwl, 1 divergent, 1 surplus on s3."
        );
        assert_eq!(
            verdict(&sample::unknown()),
            "No verdict: 1 record undetermined on s3, 1 part unreadable on s3."
        );
    }

    #[test]
    fn a_difference_does_not_hide_what_is_not_known() {
        assert_eq!(
            reservation(&sample::different()).unwrap(),
            "Still open: 1 record undetermined on s3, 1 pending on s3, \
             1 part unreadable on s3, 1 row malformed on cwl."
        );
        assert_eq!(reservation(&sample::consistent()), None);
        assert_eq!(reservation(&sample::unknown()), None);
    }

    #[test]
    fn nothing_on_either_side_is_said() {
        let mut report = sample::consistent();
        report.counts = Counts::default();
        report.sides = Sides::default();
        assert!(verdict(&report).starts_with("Consistent: neither destination"));
        report.verdict = Verdict::Unknown;
        assert_eq!(
            verdict(&report),
            "No verdict: neither destination holds a record here."
        );
    }
}
