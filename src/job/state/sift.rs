//! What becomes of a look's findings: what is news is reported, what has been reported is not reported again, what is
//! not decided is kept. Pure.
//!
//! A look shows every copy that one side has and the other lacks. In a bucket that was looked at before, some of
//! these have been reported and some are being waited for; those are told from news by their text.

mod visit;

use std::collections::BTreeMap;
use std::io;

use crate::diff::{DifferenceCounts, DifferenceKind, EveryDifference, Shown};
use crate::model::finding::{Bucket, Finding, ReadTrouble};
use crate::model::window::{Settle, Window, slot};
use crate::model::{Counts, Cover, Side, Sides};
use crate::report::Report;

use super::{ComparedFields, JobState, OpenBucket, Unreadable, is_young_slot};
use visit::BucketReconcile;

/// How long an undecided copy is looked for.
#[derive(Clone, Copy, Debug)]
pub struct GiveUp {
    /// The clock, in Unix seconds.
    pub now: i64,
    /// How long after a record's `end` it is given up, in seconds.
    pub give_up: i64,
}

impl GiveUp {
    pub(super) fn twice(self) -> Self {
        Self {
            give_up: self.give_up * 2,
            ..self
        }
    }

    /// Until then a copy is waited for; the same rule as for records that are not due yet.
    pub(super) fn settle(self) -> Settle {
        Settle {
            now: self.now,
            seconds: self.give_up,
        }
    }
}

/// Copies that were waited for and have been found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrivedLate {
    /// By the side they were found on.
    pub found: Sides<u64>,
    /// The longest time from a record's `end` to the look that found it, in seconds. They arrived before that.
    pub longest: Option<i64>,
}

/// What a look had to say.
#[derive(Debug)]
pub struct Reconciled {
    /// What had not been reported yet, and what is still waited for.
    pub findings: Vec<Finding>,
    /// What could not be read of what was in question.
    pub troubles: Vec<ReadTrouble>,
    /// Whether there is more evidence than the findings show.
    pub capped: bool,
    /// The totals of these findings; `matched` is 0.
    pub counts: Counts,
    /// What was waited for and is there now.
    pub late: ArrivedLate,
    /// Copies given up by this look without a decision.
    pub given_up: u64,
}

impl Reconciled {
    /// Tells each difference that the findings show.
    ///
    /// # Errors
    /// Of the one who is told.
    pub fn tell(&self, every: &mut EveryDifference<'_>) -> io::Result<()> {
        for finding in &self.findings {
            match finding {
                Finding::Leftovers {
                    kind,
                    side,
                    bucket,
                    evidence,
                    ..
                } => {
                    for one in evidence {
                        every(
                            bucket,
                            DifferenceKind::of(*kind, *side),
                            &Shown::Leftover(one.clone()),
                        )?;
                    }
                }
                Finding::Divergent {
                    bucket, evidence, ..
                } => {
                    for pair in evidence {
                        every(
                            bucket,
                            DifferenceKind::Divergent,
                            &Shown::Divergent(Box::new(pair.clone())),
                        )?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A look's differences of one bucket.
type BucketDifferences<'a> = Vec<&'a Finding>;

impl JobState {
    /// Takes in a look at a window of whole slots. `first`: nothing of the window has been decided before. The look's
    /// evidence should be as complete as memory allows.
    pub fn take(
        &mut self,
        report: &Report,
        first: bool,
        patience: GiveUp,
        most: usize,
    ) -> Reconciled {
        let mut sift = Reconcile {
            window: report.window,
            report,
            first,
            patience,
            before: take_within(&mut self.unreadable, report.window),
            hidden: Vec::new(),
            outcome: DifferenceCounts::showing(most),
            late: ArrivedLate::default(),
            given_up: 0,
        };
        sift.hidden = sift.hidden_now();
        if self.fields != report.fields {
            for open in &mut self.open {
                open.fields.get_or_insert_with(|| self.fields.clone());
            }
            self.fields.clone_from(&report.fields);
        }
        let inside = |open: &OpenBucket| report.window.contains(open.slot);
        let (old, kept) = std::mem::take(&mut self.open).into_iter().partition(inside);
        self.open = kept;
        let mut buckets: BTreeMap<Bucket, (Option<OpenBucket>, BucketDifferences<'_>)> =
            BTreeMap::new();
        for open in Vec::<OpenBucket>::into_iter(old) {
            buckets.insert(open.bucket(), (Some(open), Vec::new()));
        }
        for finding in &report.findings {
            let (Finding::Leftovers { bucket, .. } | Finding::Divergent { bucket, .. }) = finding;
            if first || sift.was_hidden(bucket) || buckets.contains_key(bucket) {
                buckets.entry(bucket.clone()).or_default().1.push(finding);
            }
        }
        for (bucket, (open, found)) in buckets {
            self.open.extend(sift.bucket(&bucket, open, &found));
        }
        self.open
            .sort_by(|a, b| (a.slot, &a.interface).cmp(&(b.slot, &b.interface)));
        for open in &mut self.open {
            open.fields.take_if(|fields| *fields == self.fields);
        }
        self.unreadable.extend(sift.hidden.iter().cloned());
        sift.taken()
    }

    /// Forgets what has been looked for long enough and is no longer looked at.
    pub fn give_up(&mut self, patience: GiveUp) {
        let settle = patience.settle();
        self.unreadable
            .retain(|part| is_young_slot(slot(part.end - 1), &settle));
        let hidden = &self.unreadable;
        self.open.retain(|open| {
            open.is_open() || hidden.iter().any(|part| part.may_hold(&open.bucket()))
        });
    }
}

/// Takes the entries out that fall into the window, and leaves what of them lies outside.
fn take_within(entries: &mut Vec<Unreadable>, window: Window) -> Vec<Unreadable> {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for entry in entries.drain(..) {
        let (from, to) = (
            window.start.unwrap_or(i64::MIN),
            window.end.unwrap_or(i64::MAX),
        );
        let piece = |start: i64, end: i64, to: &mut Vec<Unreadable>| {
            if start < end {
                to.push(Unreadable {
                    start,
                    end,
                    ..entry.clone()
                });
            }
        };
        piece(entry.start, entry.end.min(from), &mut outside);
        piece(entry.start.max(from), entry.end.min(to), &mut inside);
        piece(entry.start.max(to), entry.end, &mut outside);
    }
    *entries = outside;
    inside
}

/// One look, being taken in.
pub(super) struct Reconcile<'a> {
    window: Window,
    pub(super) report: &'a Report,
    pub(super) first: bool,
    pub(super) patience: GiveUp,
    /// What was hidden before.
    before: Vec<Unreadable>,
    /// What is hidden now and will be looked at again.
    hidden: Vec<Unreadable>,
    pub(super) outcome: DifferenceCounts,
    pub(super) late: ArrivedLate,
    pub(super) given_up: u64,
}

impl Reconcile<'_> {
    /// Returns what the look's unreadable parts may hold of what was in question.
    fn hidden_now(&self) -> Vec<Unreadable> {
        let settle = self.patience.settle();
        let mut hidden = Vec::new();
        for trouble in &self.report.troubles {
            let ReadTrouble::Unreadable {
                side, part, cover, ..
            } = trouble
            else {
                continue;
            };
            let mut entry = |within: Window, interface: Option<&String>| {
                let bound = |a: Option<i64>, b: Option<i64>, most: fn(i64, i64) -> i64| match (a, b)
                {
                    (Some(a), Some(b)) => Some(most(a, b)),
                    (one, other) => one.or(other),
                };
                let start = bound(cover.starts.start, within.start, i64::max);
                let end = bound(cover.starts.end, within.end, i64::min);
                let (Some(start), Some(end)) = (start, end) else {
                    return;
                };
                if start < end && is_young_slot(slot(end - 1), &settle) {
                    hidden.push(Unreadable {
                        side: *side,
                        part: part.to_string(),
                        interface: interface.cloned(),
                        start,
                        end,
                    });
                }
            };
            if self.first {
                entry(self.window, cover.interface.as_ref());
            }
            for before in self.before.iter().filter(|before| before.side == *side) {
                match (&cover.interface, &before.interface) {
                    (Some(now), Some(then)) if now != then => {}
                    (now, then) => entry(before.window(), now.as_ref().or(then.as_ref())),
                }
            }
        }
        hidden.sort_by(|a, b| {
            (a.start, a.end, a.side, &a.part, &a.interface).cmp(&(
                b.start,
                b.end,
                b.side,
                &b.part,
                &b.interface,
            ))
        });
        hidden.dedup();
        hidden
    }

    pub(super) fn was_hidden(&self, bucket: &Bucket) -> bool {
        self.before.iter().any(|part| part.may_hold(bucket))
    }

    /// Takes in one bucket; returns what is to be kept of it.
    fn bucket(
        &mut self,
        bucket: &Bucket,
        open: Option<OpenBucket>,
        found: &BucketDifferences<'_>,
    ) -> Option<OpenBucket> {
        let (slot, report) = (bucket.slot?, self.report);
        let now = self.report.copies.get(bucket).copied().unwrap_or_default();
        let mut before = open.unwrap_or_else(|| OpenBucket {
            copies: now,
            ..OpenBucket::new(bucket, slot)
        });
        let mut after = OpenBucket {
            copies: before.copies,
            fields: Some(
                before
                    .fields
                    .take()
                    .unwrap_or_else(|| report.fields.clone()),
            ),
            ..OpenBucket::new(bucket, slot)
        };
        let fields = after.fields.clone().unwrap_or_default();
        for side in Side::BOTH {
            after.copied(side).told = before.copied(side).told.clone();
        }
        let mut visit = BucketReconcile {
            sift: self,
            bucket,
            slot,
            now,
            before: &mut before,
            after: &mut after,
            fields: &fields,
        };
        if are_fewer(&report.fields, &fields) {
            visit.keep_open();
            self.hide_again(bucket);
            return after.is_open().then_some(after);
        }
        // Those that are told by their text first, so that none is taken for another.
        found.iter().for_each(|finding| visit.named(finding));
        found.iter().for_each(|finding| visit.numbered(finding));
        visit.found_again();
        let hidden = self.hidden.iter().any(|part| part.may_hold(bucket));
        let told = Side::BOTH
            .iter()
            .any(|&side| !after.copied(side).told.is_empty());
        (after.is_open() || (hidden && told)).then_some(after)
    }

    /// Leaves what may hold more of a bucket to another look.
    fn hide_again(&mut self, bucket: &Bucket) {
        let settle = self.patience.settle();
        let again = self
            .before
            .iter()
            .filter(|part| part.may_hold(bucket) && is_young_slot(slot(part.end - 1), &settle));
        for part in again.cloned().collect::<Vec<_>>() {
            if !self.hidden.contains(&part) {
                self.hidden.push(part);
            }
        }
    }

    /// Tells whether a copy that a side had may be hidden there now.
    pub(super) fn may_hide(&self, side: Side, bucket: &Bucket) -> bool {
        self.report.troubles.iter().any(|trouble| match trouble {
            ReadTrouble::Unreadable {
                side: of, cover, ..
            } => *of == side && cover_may_hold(cover, bucket),
            ReadTrouble::Malformed { .. } => false,
        })
    }

    fn taken(self) -> Reconciled {
        let counts = self.outcome.totals();
        let (findings, capped) = self.outcome.into_findings();
        let in_question = |side: Side, cover: &Cover| {
            self.first
                || self
                    .before
                    .iter()
                    .any(|before| before.side == side && cover.starts.overlaps(&before.window()))
        };
        let troubles = self.report.troubles.iter().filter(|trouble| match trouble {
            ReadTrouble::Unreadable { side, cover, .. } => in_question(*side, cover),
            ReadTrouble::Malformed { .. } => self.first,
        });
        let troubles = troubles.cloned().collect();
        Reconciled {
            findings,
            troubles,
            capped: capped || (self.first && self.report.evidence_capped),
            counts,
            late: self.late,
            given_up: self.given_up,
        }
    }
}

/// Tells whether a look compared records of a kind in fewer fields than these.
fn are_fewer(compared: &ComparedFields, than: &ComparedFields) -> bool {
    than.iter().any(|(kind, names)| {
        let now = compared.get(kind);
        now.is_some_and(|now| names.iter().any(|name| !now.contains(name)))
    })
}

fn cover_may_hold(cover: &Cover, bucket: &Bucket) -> bool {
    cover.may_hold(&bucket.interface, bucket.slot)
}
