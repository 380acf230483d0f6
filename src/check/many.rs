//! The second look when there are more differences than the first sketch could tell.
//!
//! Buckets that one side lacks altogether are told by their counts, without holding a row. The others
//! are looked at with a larger sketch, in shares of all flows that are split until each one peels.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashSet;

use crate::digest::{BucketId, Ledger, Sketch};
use crate::error::Error;
use crate::source::{Side, Sides};

use super::evidence::{EveryDifference, Lone, Look};
use super::visitors::{Closer, Scope, Share, lone_kind};

/// How often one starts over because a side has received records in buckets that it had lacked.
const MOST_TRIES: usize = 3;

/// Into how many a share is split that has too many differences.
const SPLIT: u64 = 4;

/// Shares that are still too large after this many splits hold copies of few flows; splitting does not help.
const MOST_SHARES: u64 = 1 << 24;

impl Look<'_> {
    /// Tells the differences in these buckets.
    pub(super) async fn many(
        &mut self,
        unequal: &BTreeSet<BucketId>,
        mut every: Option<&mut EveryDifference<'_>>,
    ) -> Result<(), Error> {
        // Whoever wants every difference wants the lone buckets' records too: they are collected like the others.
        let counted = every.is_none();
        let mut filled = HashSet::new();
        for _ in 0..MOST_TRIES {
            let is_lone =
                |id: &&BucketId| counted && !filled.contains(*id) && self.lacking(**id).is_some();
            let (lone, shared) = unequal.iter().partition(is_lone);
            let scope = Arc::new(Scope {
                shared,
                lone,
                flow: self.flow.clone(),
            });
            let more = self.shares(&scope, every.as_deref_mut()).await?;
            if more.is_empty() {
                return Ok(());
            }
            filled.extend(more);
        }
        Err(Error::Incomparable(
            "records keep arriving in slots that were empty on one side: check an older window (--until)".into(),
        ))
    }

    /// Goes through the scope share by share. Returns lone buckets that have meanwhile received records on the side
    /// that lacked them; then nothing has been told.
    async fn shares(
        &mut self,
        scope: &Arc<Scope>,
        mut every: Option<&mut EveryDifference<'_>>,
    ) -> Result<HashSet<BucketId>, Error> {
        let capacity = self.capacity();
        let least = self
            .least_differences(&scope.shared)
            .div_ceil(capacity as u64)
            .max(1);
        let mut shares: Vec<Share> = Share::ALL.split(least).collect();
        let mut first = true;
        while let Some(share) = shares.pop() {
            let visitor = Closer::new(Arc::clone(scope), share, capacity);
            let passed = self
                .reader
                .pass(&self.wanted, &self.screened.rules, visitor)
                .await;
            self.note_unreadable(passed.unreadable);
            let closer = passed.taken.visitor;
            let mut lone = Lone::new();
            if std::mem::take(&mut first) {
                let filled = scope
                    .lone
                    .iter()
                    .filter(|id| self.is_filled(**id, &closer.ledgers))
                    .copied();
                let filled: HashSet<BucketId> = filled.collect();
                if !filled.is_empty() {
                    return Ok(filled);
                }
                self.note_arrivals(scope, &closer.ledgers);
                lone = self.count_lone(scope, &closer.ledgers);
            }
            match closer.sketch.peel() {
                Ok(found) => self.few(&found, share, lone, every.as_deref_mut()).await?,
                Err(_) if share.of >= MOST_SHARES => {
                    return Err(Error::Incomparable(
                        "too many differences in too few flows: raise --memory".into(),
                    ));
                }
                Err(_) => {
                    self.few(&[], share, lone, None).await?;
                    shares.extend(share.split(SPLIT));
                }
            }
        }
        Ok(HashSet::new())
    }

    /// Returns how many differences a sketch tells if all that are alive at once take half of the memory.
    fn capacity(&self) -> usize {
        let alive = 1 + 2 * self.reader.limits.workers as u64;
        Sketch::differences_in(self.reader.check.memory / 2 / alive)
    }

    /// Returns how many differences there are at least, by the numbers of copies.
    fn least_differences(&self, buckets: &HashSet<BucketId>) -> u64 {
        let digests = &self.screened.digests;
        let copies = |side: Side, id: BucketId| digests[side].ledger.sums(id).copies;
        buckets
            .iter()
            .map(|&id| copies(Side::S3, id).abs_diff(copies(Side::Cwl, id)))
            .sum()
    }

    /// Returns the side that had nothing in the bucket at the first look.
    fn lacking(&self, id: BucketId) -> Option<Side> {
        Side::BOTH
            .into_iter()
            .find(|&side| self.screened.digests[side].ledger.sums(id).copies == 0)
    }

    fn is_filled(&self, id: BucketId, now: &Sides<Ledger>) -> bool {
        self.lacking(id)
            .is_some_and(|side| now[side].sums(id).copies > 0)
    }

    fn note_arrivals(&mut self, scope: &Scope, now: &Sides<Ledger>) {
        for side in Side::BOTH {
            let copies = |ledger: &Ledger, id: BucketId| ledger.sums(id).copies.cast_signed();
            let before = &self.screened.digests[side].ledger;
            let all = scope.shared.iter().chain(&scope.lone);
            let change: i64 = all
                .map(|&id| copies(&now[side], id) - copies(before, id))
                .sum();
            self.explained.arrivals[side] += change;
        }
    }

    /// Counts the records of lone buckets and returns these buckets, whose first records are to be shown.
    fn count_lone(&mut self, scope: &Scope, now: &Sides<Ledger>) -> Lone {
        let mut lone = Lone::new();
        for &id in &scope.lone {
            let (Some(lacking), Some(bucket)) =
                (self.lacking(id), self.screened.digests.bucket(id))
            else {
                continue;
            };
            let sums = now[lacking.other()].sums(id);
            for (young, copies) in [(true, sums.young), (false, sums.copies - sums.young)] {
                let kind = lone_kind(&bucket, lacking, young, &self.doubt);
                self.explained.outcome.count(&bucket, kind, copies);
            }
            lone.insert(id, (bucket, lacking));
        }
        lone
    }
}
