//! Several windows in one report: what a run of a scheduled job found out, told as one.

use std::collections::btree_map::Entry;

use crate::causes::Cause;
use crate::diff::DifferenceKind;
use crate::model::finding::{Bucket, FewerFields, Finding, ReadTrouble};
use crate::model::window::Window;
use crate::model::{Side, Sides};

use super::{Report, SideSummary, gap};

/// Joins the reports of disjoint windows, oldest first, into one that shows at most `most` differences. `None` if there
/// is none.
///
/// Parts and malformed rows are counted as often as they were met: an object may hold records of two windows. Calls made
/// again are counted by the sources, which all windows share. Of delays the longest are told, since quantiles do not add.
/// Compared
/// is what all windows could be compared by; a note says where more was.
pub fn join(reports: Vec<Report>, most: usize) -> Option<Report> {
    let mut reports = reports.into_iter();
    let mut joined = reports.next()?;
    reports.for_each(|report| joined.add(report));
    joined.findings.sort_by(|a, b| order(a).cmp(&order(b)));
    // A part or row that was met in two windows is one.
    joined.troubles.sort_by(|a, b| which(a).cmp(&which(b)));
    joined
        .troubles
        .dedup_by(|later, first| which(later) == which(first));
    for side in Side::BOTH {
        let unreadable = |it: &&ReadTrouble| matches!(it, ReadTrouble::Unreadable { side: of, .. } if *of == side);
        joined.sides[side].unreadable_parts =
            joined.troubles.iter().filter(unreadable).count() as u64;
    }
    joined.evidence_capped |= cap(&mut joined.findings, most);
    joined.evidence_capped |= cap_rows(&mut joined.troubles, most);
    Some(joined)
}

impl Report {
    fn add(&mut self, other: Self) {
        let only = |a: &Self, b: &Self| {
            let names = a.fields.iter().flat_map(|(kind, names)| {
                let others = b.fields.get(kind);
                let more =
                    move |name: &&String| others.is_some_and(|others| !others.contains(name));
                names.iter().filter(more)
            });
            (a.window, names.cloned().collect::<Vec<_>>())
        };
        for (window, names) in [only(self, &other), only(&other, self)] {
            if !names.is_empty() {
                self.causes.push(Cause::ComparedByMore {
                    window,
                    fields: names,
                });
            }
        }
        for (kind, others) in other.fields {
            match self.fields.entry(kind) {
                Entry::Occupied(mut mine) => mine.get_mut().retain(|name| others.contains(name)),
                Entry::Vacant(none) => {
                    none.insert(others);
                }
            }
        }
        for (kind, more) in other.fields_left_out {
            let mine = self.fields_left_out.entry(kind).or_default();
            for (mine, more) in [(&mut mine.s3, more.s3), (&mut mine.cwl, more.cwl)] {
                let new: Vec<_> = more
                    .into_iter()
                    .filter(|name| !mine.contains(name))
                    .collect();
                mine.extend(new);
            }
        }
        for doubt in other.field_doubts {
            if !self.field_doubts.contains(&doubt) {
                self.field_doubts.push(doubt);
            }
        }
        for more in other.fewer_fields {
            let same = |one: &&mut FewerFields| {
                (one.kind, &one.not_compared) == (more.kind, &more.not_compared)
            };
            match self.fewer_fields.iter_mut().find(same) {
                Some(mine) => mine.records += more.records,
                None => self.fewer_fields.push(more),
            }
        }
        self.why.add(other.why);
        self.verdict = self.verdict.and(other.verdict);
        self.window = hull(self.window, other.window);
        self.sides.s3.add(&other.sides.s3);
        self.sides.cwl.add(&other.sides.cwl);
        self.counts.add(&other.counts);
        self.findings.extend(other.findings);
        self.troubles.extend(other.troubles);
        self.evidence_capped |= other.evidence_capped;
        self.rechecked |= other.rechecked;
        self.looks = self.looks.max(other.looks);
        self.suggested_settle_seconds = self
            .suggested_settle_seconds
            .max(other.suggested_settle_seconds);
        self.copies.extend(other.copies);
        self.gaps.extend(other.gaps);
        self.gaps = gap::joined(std::mem::take(&mut self.gaps));
        self.held.add(other.held);
        for (hour, records) in other.hours {
            let sum = self.hours.entry(hour).or_default();
            sum.s3 += records.s3;
            sum.cwl += records.cwl;
        }
        // The flow logs are the same for all windows.
        let new: Vec<_> = other
            .causes
            .into_iter()
            .filter(|cause| !self.causes.contains(cause))
            .collect();
        self.causes.extend(new);
    }
}

fn hull(a: Window, b: Window) -> Window {
    Window {
        start: a.start.zip(b.start).map(|(a, b)| a.min(b)),
        end: a.end.zip(b.end).map(|(a, b)| a.max(b)),
    }
}

impl SideSummary {
    fn add(&mut self, other: &Self) {
        self.parts += other.parts;
        self.bytes += other.bytes;
        self.records += other.records;
        self.nodata += other.nodata;
        self.skipdata += other.skipdata;
        self.malformed += other.malformed;
        self.unreadable_parts += other.unreadable_parts;
        self.retries = self.retries.max(other.retries);
        for (at, (bound, more)) in other.delivery_bins.iter().enumerate() {
            match self.delivery_bins.get_mut(at) {
                Some((_, number)) => *number += more,
                None => self.delivery_bins.push((*bound, *more)),
            }
        }
        for (mine, more) in [
            (
                &mut self.delivery_delay_seconds,
                other.delivery_delay_seconds,
            ),
            (&mut self.late_delay_seconds, other.late_delay_seconds),
        ] {
            *mine = match (*mine, more) {
                (Some(mine), Some(more)) => Some(mine.longest(&more)),
                (one, other) => one.or(other),
            };
        }
        self.first_start = [self.first_start, other.first_start]
            .into_iter()
            .flatten()
            .min();
        self.last_start = [self.last_start, other.last_start]
            .into_iter()
            .flatten()
            .max();
    }
}

/// The order of findings: by bucket and kind.
fn order(finding: &Finding) -> (&Bucket, DifferenceKind) {
    match finding {
        Finding::Leftovers {
            kind, side, bucket, ..
        } => (bucket, DifferenceKind::of(*kind, *side)),
        Finding::Divergent { bucket, .. } => (bucket, DifferenceKind::Divergent),
    }
}

/// Returns which part or row it is, and the order: unreadable parts, then malformed rows, by side.
fn which(trouble: &ReadTrouble) -> (u8, Side, &str, u64) {
    match trouble {
        ReadTrouble::Unreadable { side, part, .. } => (0, *side, part, 0),
        ReadTrouble::Malformed { side, place, .. } => (1, *side, &place.part, place.row),
    }
}

/// Shows the first `most` differences, and tells whether there were more.
fn cap(findings: &mut [Finding], most: usize) -> bool {
    let (mut left, mut capped) = (most, false);
    let mut shorten = |length: usize| {
        let shown = length.min(left);
        left -= shown;
        capped |= shown < length;
        shown
    };
    for finding in findings.iter_mut() {
        match finding {
            Finding::Leftovers { evidence, .. } => evidence.truncate(shorten(evidence.len())),
            Finding::Divergent { evidence, .. } => evidence.truncate(shorten(evidence.len())),
        }
    }
    capped
}

/// Shows the first `most` malformed rows of each side, and tells whether there were more.
fn cap_rows(troubles: &mut Vec<ReadTrouble>, most: usize) -> bool {
    let mut left = Sides {
        s3: most,
        cwl: most,
    };
    let before = troubles.len();
    troubles.retain(|trouble| match trouble {
        ReadTrouble::Malformed { side, .. } => {
            let there_is_room = left[*side] > 0;
            left[*side] = left[*side].saturating_sub(1);
            there_is_room
        }
        ReadTrouble::Unreadable { .. } => true,
    });
    troubles.len() < before
}

#[cfg(test)]
mod tests {

    use std::collections::BTreeSet;

    use super::*;
    use crate::report::Verdict;
    use crate::report::sample;

    #[test]
    fn two_windows_are_told_as_one() {
        let (different, mut later) = (sample::different(), sample::unknown());
        later.window = Window::new(1_641_600_000, 1_641_603_600);
        later
            .fields
            .values_mut()
            .for_each(|names| drop(names.pop()));
        let joined = join(vec![different.clone(), later.clone()], 100).unwrap();
        assert_eq!(joined.verdict, Verdict::Different);
        assert_eq!(joined.window, Window::new(1_641_596_400, 1_641_603_600));
        assert_eq!(joined.fields, later.fields);
        assert!(joined.causes.iter().any(|cause| matches!(
            cause,
            Cause::ComparedByMore { fields, .. } if fields[..] == ["log-status"]
        )));
        let sum = different.sides.s3.records + later.sides.s3.records;
        assert_eq!(joined.sides.s3.records, sum);
        assert_eq!(
            joined.counts.matched,
            different.counts.matched + later.counts.matched
        );
        // The same part was unreadable in both.
        assert_eq!(joined.sides.s3.unreadable_parts, 1);
        let kinds: BTreeSet<u8> = joined.troubles.iter().map(|it| which(it).0).collect();
        assert_eq!(kinds, BTreeSet::from([0, 1]));
        assert!(joined.findings.is_sorted_by_key(order));
        assert!(joined.troubles.is_sorted_by_key(which));
        assert_eq!(join(Vec::new(), 1), None);
    }

    #[test]
    fn evidence_is_capped_over_all() {
        let joined = join(vec![sample::different()], 2).unwrap();
        let shown: usize = joined
            .findings
            .iter()
            .map(|finding| match finding {
                Finding::Leftovers { evidence, .. } => evidence.len(),
                Finding::Divergent { evidence, .. } => evidence.len(),
            })
            .sum();
        assert_eq!(shown, 2);
        assert!(joined.evidence_capped);
    }
}
