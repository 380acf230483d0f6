//! The second look when there are more differences than the first sketch could tell.
//!
//! Buckets that one side lacks altogether are told by their counts, without holding a row. The others
//! are looked at with a larger sketch, in shares of all flows that are split until each one peels.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::digest::{BucketId, Ledger, Sketch};
use crate::error::Error;
use crate::source::{Side, Sides};

use super::evidence::{EveryDifference, Lone, Look, Standing};
use super::visitors::{Closer, Scope, Share, lone_kind};

/// How often one starts over because a side has received records in buckets that it had lacked.
const MOST_TRIES: usize = 3;

/// Into how many a share is split that has too many differences.
const SPLIT: u64 = 4;

/// Shares that are still too large after this many splits hold copies of few flows; splitting does not help.
const MOST_SHARES: u64 = 1 << 24;

/// Buckets, and how they stood at the last look.
type Buckets = HashMap<BucketId, Standing>;

impl Look<'_> {
    /// Tells the differences in these buckets. Returns those that still differ.
    pub(super) async fn many(
        &mut self,
        buckets: &Buckets,
        mut every: Option<&mut EveryDifference<'_>>,
    ) -> Result<Buckets, Error> {
        let mut filled = HashSet::new();
        for tries in (0..MOST_TRIES).rev() {
            // Whoever wants every difference wants the lone buckets' records too: they are collected like the others. So
            // are all in the end, if records keep arriving.
            let counted = every.is_none() && tries > 0;
            let lacking: HashMap<BucketId, Side> = buckets
                .iter()
                .filter_map(|(&id, standing)| Some((id, standing.lacking()?)))
                .collect();
            let is_lone =
                |id: &&BucketId| counted && !filled.contains(*id) && lacking.contains_key(*id);
            let (lone, shared) = buckets.keys().partition(is_lone);
            let scope = Arc::new(Scope {
                shared,
                lone,
                flow: self.flow.clone(),
                arriving: lacking,
                looks: (self.last, self.reader.settle.now),
            });
            match self.shares(&scope, buckets, every.as_deref_mut()).await? {
                Told::All(left) => return Ok(left),
                Told::Nothing(more) => filled.extend(more),
            }
        }
        unreachable!("in the last try no bucket is lone")
    }

    /// Goes through the scope share by share.
    async fn shares(
        &mut self,
        scope: &Arc<Scope>,
        buckets: &Buckets,
        mut every: Option<&mut EveryDifference<'_>>,
    ) -> Result<Told, Error> {
        let capacity = self.capacity();
        let least = least_differences(&scope.shared, buckets)
            .div_ceil(capacity as u64)
            .max(1);
        let mut shares: Vec<Share> = Share::ALL.split(least).collect();
        let mut now = None;
        while let Some(share) = shares.pop() {
            let closer = Closer::new(Arc::clone(scope), share, capacity);
            let passed = self.pass(closer).await?;
            self.note_unreadable(passed.unreadable);
            let closer = passed.taken.visitor;
            let mut lone = Lone::new();
            if now.is_none() {
                let is_filled = |id: &&BucketId| {
                    let side = scope.arriving.get(*id);
                    side.is_some_and(|&side| closer.ledgers[side].sums(**id).copies > 0)
                };
                let filled: HashSet<BucketId> =
                    scope.lone.iter().filter(is_filled).copied().collect();
                if !filled.is_empty() {
                    return Ok(Told::Nothing(filled));
                }
                self.note_arrivals(buckets, &closer.ledgers);
                for side in Side::BOTH {
                    self.explained.late[side].delays.merge(&closer.delays[side]);
                }
                lone = self.count_lone(scope, &closer.ledgers);
                now = Some(closer.ledgers);
            }
            match closer.sketch.peel() {
                Ok(found) => {
                    self.few(&found, share, lone, every.as_deref_mut()).await?;
                }
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
        Ok(Told::All(self.left(buckets, &now.unwrap_or_default())))
    }

    /// Returns the buckets that still differ, and how they stand now.
    fn left(&self, buckets: &Buckets, now: &Sides<Ledger>) -> Buckets {
        let lacking = self.explained.outcome.lacking();
        let differ = |id: &&BucketId| now.s3.sums(**id) != now.cwl.sums(**id);
        let standing = |&id: &BucketId| {
            let bucket = self.screened.digests.bucket(id);
            let before = buckets.get(&id).copied().unwrap_or_default();
            let arrived = self.arrived.get(&id).copied().unwrap_or_default();
            let standing = Standing {
                copies: Sides::from_fn(|side| {
                    before.copies[side].saturating_add_signed(arrived[side])
                }),
                lacked: bucket
                    .and_then(|bucket| lacking.get(&bucket).copied())
                    .unwrap_or_default(),
            };
            (id, standing)
        };
        buckets.keys().filter(differ).map(standing).collect()
    }

    /// Returns how many differences a sketch tells if all that are alive at once take half of the memory.
    fn capacity(&self) -> usize {
        let alive = 1 + 2 * self.reader.limits.workers as u64;
        Sketch::differences_in(self.reader.check.memory / 2 / alive)
    }

    /// Compares the buckets with the last look: what a side has gained and had lacked has arrived.
    fn note_arrivals(&mut self, buckets: &Buckets, now: &Sides<Ledger>) {
        for (&id, standing) in buckets {
            for side in Side::BOTH {
                let copies = now[side].sums(id).copies.cast_signed();
                let change = copies - standing.copies[side].cast_signed();
                self.arrive(id, side, change);
                let gained = u64::try_from(change).unwrap_or(0);
                self.explained.late[side].records += gained.min(standing.lacked[side]);
            }
        }
    }

    /// Counts the records of lone buckets and returns these buckets, whose first records are to be shown.
    fn count_lone(&mut self, scope: &Scope, now: &Sides<Ledger>) -> Lone {
        let mut lone = Lone::new();
        for &id in &scope.lone {
            let (Some(&lacking), Some(bucket)) =
                (scope.arriving.get(&id), self.screened.digests.bucket(id))
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

/// How far a try has come.
enum Told {
    /// Everything is told; these buckets still differ.
    All(Buckets),
    /// Nothing is, because these lone buckets have meanwhile received records on the side that lacked them.
    Nothing(HashSet<BucketId>),
}

impl Standing {
    /// Returns the side that had nothing.
    fn lacking(&self) -> Option<Side> {
        Side::BOTH.into_iter().find(|&side| self.copies[side] == 0)
    }
}

/// Returns how many differences there are at least, by the numbers of copies.
fn least_differences(shared: &HashSet<BucketId>, buckets: &Buckets) -> u64 {
    let standing = shared.iter().filter_map(|id| buckets.get(id));
    standing
        .map(|standing| standing.copies.s3.abs_diff(standing.copies.cwl))
        .sum()
}
