//! One bucket of a look: each copy that differs is told from what was told or waited for before.

use crate::diff::{DifferenceKind, Shown};
use crate::model::finding::{Bucket, Evidence, Finding, LeftoverKind};
use crate::model::{Side, Sides};
use crate::record::Record;

use super::{GiveUp, Reconcile};
use crate::job::state::{BucketCopies, ComparedFields, OpenBucket, is_young_slot};

/// A copy of a look, as far as it is known.
struct LookCopy<'a> {
    /// The side that has it.
    owner: Side,
    record: &'a Record,
}

/// A bucket while its copies are gone through.
pub(super) struct BucketReconcile<'a, 'b> {
    pub(super) sift: &'a mut Reconcile<'b>,
    pub(super) bucket: &'a Bucket,
    pub(super) slot: i64,
    /// How many copies each side holds now.
    pub(super) now: Sides<u64>,
    /// What was known before, less what has been met.
    pub(super) before: &'a mut OpenBucket,
    /// What is known now.
    pub(super) after: &'a mut OpenBucket,
    /// The fields by whose values its copies are known.
    pub(super) fields: &'a ComparedFields,
}

impl BucketReconcile<'_, '_> {
    pub(super) fn named(&mut self, finding: &Finding) {
        match finding {
            Finding::Leftovers {
                kind,
                side,
                evidence,
                ..
            } => {
                for one in evidence {
                    self.leftover(*kind, *side, one);
                }
            }
            Finding::Divergent { evidence, .. } => {
                for pair in evidence {
                    let copies =
                        [(Side::S3, &pair.s3), (Side::Cwl, &pair.cwl)].map(|(owner, one)| {
                            LookCopy {
                                owner,
                                record: &one.record,
                            }
                        });
                    let texts = copies.each_ref().map(|copy| self.text(copy.record));
                    let known = copies.iter().zip(&texts);
                    let told =
                        known.filter(|(copy, text)| self.before.copied(copy.owner).told.take(text));
                    if told.count() == copies.len() {
                        continue;
                    }
                    for (copy, text) in copies.iter().zip(&texts) {
                        self.forget(copy.owner, text);
                        self.after
                            .copied(copy.owner)
                            .told
                            .add(text, end(copy.record));
                    }
                    let shown = Shown::Divergent(Box::new(pair.clone()));
                    self.news(DifferenceKind::Divergent, shown);
                }
            }
        }
    }

    fn leftover(&mut self, kind: LeftoverKind, side: Side, one: &Evidence) {
        let owner = kind.owner(side);
        let text = self.text(&one.record);
        if self.before.copied(owner).told.take(&text) {
            return;
        }
        let end = end(&one.record);
        let not_seen = matches!(kind, LeftoverKind::Pending | LeftoverKind::Undetermined);
        if not_seen && self.forget(owner.other(), &text).is_some() {
            // The copy that was waited for here. The one it was waited for by is out of sight, but was seen before.
            self.found(owner, 1, end);
            return;
        }
        let waited_for = self.forget(owner, &text);
        if kind == LeftoverKind::Undetermined && waited_for.is_none() && !self.is_unseen() {
            return;
        }
        let was_pending = waited_for == Some(LeftoverKind::Pending);
        let is_young = |patience: GiveUp| patience.settle().is_young(start(&one.record), end);
        let young = is_young(self.sift.patience);
        let out_of_sight = self.sift.patience.twice();
        let after = self.after.copied(owner);
        let told = match kind {
            LeftoverKind::Pending => {
                after.pending.add(&text, end);
                DifferenceKind::of(kind, side)
            }
            LeftoverKind::Missing | LeftoverKind::Surplus if was_pending && young => {
                after.pending.add(&text, end);
                DifferenceKind::Pending(owner.other())
            }
            // It was seen to be missing and is only out of sight just when it should be said: it gets as long again.
            LeftoverKind::Undetermined if was_pending && is_young(out_of_sight) => {
                after.pending.add(&text, end);
                DifferenceKind::of(kind, side)
            }
            LeftoverKind::Undetermined if young => {
                after.undetermined.add(&text, end);
                DifferenceKind::of(kind, side)
            }
            LeftoverKind::Undetermined => {
                self.sift.given_up += 1;
                after.told.add(&text, end);
                DifferenceKind::of(kind, side)
            }
            LeftoverKind::Missing | LeftoverKind::Surplus => {
                after.told.add(&text, end);
                DifferenceKind::of(kind, side)
            }
        };
        self.news(told, Shown::Leftover(one.clone()));
    }

    /// Tells whether not all of the bucket has been seen before. If it has, copies that are undetermined now and were
    /// not waited for were matched then, and it is their other copies that are out of sight now.
    fn is_unseen(&self) -> bool {
        self.sift.first || self.sift.was_hidden(self.bucket)
    }

    /// No longer waits for the other copy of one that `owner` has; tells what it was, if it was waited for.
    fn forget(&mut self, owner: Side, text: &str) -> Option<LeftoverKind> {
        let copied = self.before.copied(owner);
        if copied.pending.take(text) {
            Some(LeftoverKind::Pending)
        } else {
            copied
                .undetermined
                .take(text)
                .then_some(LeftoverKind::Undetermined)
        }
    }

    /// Copies that were waited for have arrived on a side.
    fn found(&mut self, side: Side, copies: u64, end: Option<i64>) {
        let late = &mut self.sift.late;
        late.found[side] += copies;
        let waited = self.sift.patience.now - end.unwrap_or(self.slot);
        late.longest = late.longest.max((copies > 0).then_some(waited));
    }

    fn news(&mut self, kind: DifferenceKind, shown: Shown) {
        self.sift.outcome.count(self.bucket, kind, 1);
        self.sift.outcome.show(self.bucket, kind, shown);
    }

    /// Copies of which only the number is known are taken to be those that were known by number before.
    pub(super) fn numbered(&mut self, finding: &Finding) {
        match finding {
            Finding::Leftovers {
                kind,
                side,
                records,
                evidence,
                ..
            } => {
                let owner = kind.owner(*side);
                let all = records - evidence.len() as u64;
                let mut rest = all - self.before.copied(owner).told.take_more(all);
                let young = is_young_slot(self.slot, &self.sift.patience.settle());
                if matches!(kind, LeftoverKind::Missing | LeftoverKind::Surplus) && young {
                    let waited_for = self.before.copied(owner).pending.take_more(rest);
                    self.after.copied(owner).pending.add_more(waited_for);
                    self.count(DifferenceKind::Pending(owner.other()), waited_for);
                    rest -= waited_for;
                }
                let copied = self.before.copied(owner);
                let undetermined = copied.undetermined.take_more(rest);
                let forgotten = undetermined + copied.pending.take_more(rest - undetermined);
                if *kind == LeftoverKind::Undetermined && !self.is_unseen() {
                    rest = forgotten;
                }
                let after = self.after.copied(owner);
                match kind {
                    LeftoverKind::Pending => after.pending.add_more(rest),
                    LeftoverKind::Undetermined if young => after.undetermined.add_more(rest),
                    LeftoverKind::Undetermined => {
                        after.told.add_more(rest);
                        self.sift.given_up += rest;
                    }
                    LeftoverKind::Missing | LeftoverKind::Surplus => after.told.add_more(rest),
                }
                self.count(DifferenceKind::of(*kind, *side), rest);
            }
            Finding::Divergent {
                records, evidence, ..
            } => {
                let all = records - evidence.len() as u64;
                let known = Side::BOTH.map(|side| self.before.copied(side).told.take_more(all));
                let rest = all - known[0].min(known[1]);
                for side in Side::BOTH {
                    let copied = self.before.copied(side);
                    let forgotten = copied.undetermined.take_more(rest);
                    copied.pending.take_more(rest - forgotten);
                    self.after.copied(side).told.add_more(rest);
                }
                self.count(DifferenceKind::Divergent, rest);
            }
        }
    }

    fn count(&mut self, kind: DifferenceKind, copies: u64) {
        self.sift.outcome.count(self.bucket, kind, copies);
        self.sift.outcome.note_more(copies > 0);
    }

    /// What was waited for and is no difference any more is there now, unless its own copy is out of sight or gone
    /// (log groups forget).
    pub(super) fn found_again(&mut self) {
        for owner in Side::BOTH {
            let mut waited_for = std::mem::take(&mut self.before.copied(owner).pending);
            let undetermined = std::mem::take(&mut self.before.copied(owner).undetermined);
            if self.sift.may_hide(owner, self.bucket) {
                // As with a copy whose other one is out of sight just when it should be said to be missing.
                self.keep_hidden(owner, LeftoverKind::Pending, waited_for);
                self.keep_hidden(owner, LeftoverKind::Undetermined, undetermined);
                continue;
            }
            waited_for.merge(undetermined);
            let gone = self.before.copies[owner].saturating_sub(self.now[owner]);
            let gone = gone.min(waited_for.total());
            self.count(DifferenceKind::Undetermined(owner.other()), gone);
            self.sift.given_up += gone;
            self.found(
                owner.other(),
                waited_for.total() - gone,
                waited_for.earliest_end(),
            );
        }
    }

    /// Goes on waiting for everything: records were compared in fewer fields than when they were opened, so what agrees now
    /// may be another record.
    pub(super) fn keep_open(&mut self) {
        for owner in Side::BOTH {
            let pending = std::mem::take(&mut self.before.copied(owner).pending);
            let undetermined = std::mem::take(&mut self.before.copied(owner).undetermined);
            self.keep_hidden(owner, LeftoverKind::Pending, pending);
            self.keep_hidden(owner, LeftoverKind::Undetermined, undetermined);
        }
    }

    /// Goes on waiting for the other copies of what `owner` had and is out of sight there now, unless it is too long ago.
    fn keep_hidden(&mut self, owner: Side, kind: LeftoverKind, copies: BucketCopies) {
        let (lacking, number) = (owner.other(), copies.total());
        self.count(DifferenceKind::of(kind, lacking), number);
        let (patience, after) = (self.sift.patience, self.after.copied(owner));
        let (patience, kept) = match kind {
            LeftoverKind::Pending => (patience.twice(), &mut after.pending),
            LeftoverKind::Undetermined | LeftoverKind::Missing | LeftoverKind::Surplus => {
                (patience, &mut after.undetermined)
            }
        };
        if is_young_slot(self.slot, &patience.settle()) {
            kept.merge(copies);
        } else {
            after.told.merge(copies);
            self.sift.given_up += number;
        }
    }

    /// Two records are the same if their compared fields are.
    fn text(&self, record: &Record) -> String {
        let fields = self.fields.get(&record.kind());
        let values = fields.into_iter().flatten();
        let values = values.map(|name| record.get(name).unwrap_or("-"));
        values.collect::<Vec<_>>().join(" ")
    }
}

fn start(record: &Record) -> Option<i64> {
    record.get("start")?.parse().ok()
}

fn end(record: &Record) -> Option<i64> {
    record.get("end")?.parse().ok()
}
