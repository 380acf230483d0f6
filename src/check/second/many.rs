//! The second look when there are more differences than the first sketch could tell.
//!
//! Buckets that one side lacks altogether are told by their counts, without keeping a row. Of the others, all copies
//! are kept and compared; or, if that would be far more than differ, a larger sketch tells those that do. Either way
//! costs a pass or two, however many differences there are.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::causes::Lone;
use crate::digest::{Balance, BucketId, Ledger, Sketch};
use crate::model::delay::Delays;
use crate::model::finding::Bucket;
use crate::model::{Error, Side, Sides};

use super::SecondLook;
use super::again::narrowed;
use super::closer::{BucketVisitor, CloserScope, Strategy, lone_kind};
use super::copies::{BYTES_A_COPY, CopyIntake};
use super::question::BucketState;
use crate::diff::{DifferenceCounts, EveryDifference};

/// How often one looks because the sides have changed under the look before.
const MOST_TRIES: usize = 3;

/// One part in so many is added to the estimate of differences, which may be off by a few per cent.
const MARGIN: u64 = 8;

/// A small sketch needs room to spare, and costs nothing.
const LEAST_CAPACITY: u64 = 2_000;

/// Buckets, and how they stood at the last look.
type Buckets = HashMap<BucketId, BucketState>;

impl SecondLook<'_> {
    /// Tells the differences in these buckets. Returns those that still differ.
    pub(super) async fn many(
        &mut self,
        buckets: &Buckets,
        mut every: Option<&mut EveryDifference<'_>>,
    ) -> Result<Buckets, Error> {
        let mut estimate = Some(self.screened.digests.estimate());
        let mut filled = HashSet::new();
        // How they stood at the look before, if that was not the one that put the question.
        let mut before: Option<Buckets> = None;
        for tries in (0..MOST_TRIES).rev() {
            // Whoever wants every difference wants the lone buckets' records too: they are compared like the others. So
            // are all in the end, if records keep arriving; where records may match on fewer fields, since one of them may have
            // no interface; and where malformed rows may be some of them, since which tells more than their buckets.
            let counted = every.is_none()
                && tries > 0
                && self.sets.is_one_a_kind()
                && Side::BOTH.iter().all(|&side| self.hiding[side].is_over());
            let scope = Arc::new(self.scope(buckets, |id| counted && !filled.contains(id)));
            let means = self.means(&scope, estimate.filter(|_| tries > 0));
            let mut passed = self
                .pass(BucketVisitor::new(Arc::clone(&scope), means))
                .await?;
            let unreadable = passed.take_unreadable();
            let all_read = unreadable.s3.is_empty() && unreadable.cwl.is_empty();
            self.note_unreadable(unreadable);
            let seen = passed.visitor;
            let now: Buckets = buckets
                .keys()
                .map(|&id| (id, BucketState::of(Balance::of(seen.ledgers.as_ref(), id))))
                .collect();
            let more = scope.lone.iter().filter(|(id, (_, lacking))| {
                let standing = now.get(*id);
                standing.is_some_and(|standing| standing.balance.copies[*lacking] > 0)
            });
            let known = filled.len();
            filled.extend(more.map(|(id, _)| *id));
            if filled.len() > known {
                continue;
            }
            match seen.means {
                Strategy::Sketch(sketch, _) => match sketch.peel() {
                    Ok(found) => {
                        self.note_arrivals(buckets, &now, &seen.delays);
                        self.count_lone(&scope, &seen.ledgers, seen.settled, seen.young, seen.lone);
                        self.wanted = narrowed(self.reader, self.screened, &self.wanted, &found);
                        self.few(&found, every.as_deref_mut()).await?;
                    }
                    // Too many after all: next time all copies are kept.
                    Err(_) => {
                        estimate = None;
                        continue;
                    }
                },
                Strategy::Copies(copies) => {
                    let changed = |id: &BucketId| {
                        let before = before.as_ref().unwrap_or(buckets);
                        let both = before.get(id).zip(now.get(id));
                        both.is_some_and(|(before, now)| !before.balance.differs_as(&now.balance))
                    };
                    // What only one look has seen may have come while it was made.
                    if tries > 0 && all_read && scope.shared.iter().any(changed) {
                        before = Some(now);
                        continue;
                    }
                    self.note_arrivals(buckets, &now, &seen.delays);
                    let gathered = copies.gathered().map_err(Error::Temporary)?;
                    self.count_lone(&scope, &seen.ledgers, seen.settled, seen.young, seen.lone);
                    self.compare(gathered, false, every.as_deref_mut(), |_, _| {})?;
                }
            }
            return Ok(self.left(buckets, &now));
        }
        unreachable!("the last try tells everything")
    }

    fn scope(&self, buckets: &Buckets, counted: impl Fn(&BucketId) -> bool) -> CloserScope {
        let lacking =
            |(&id, standing): (&BucketId, &BucketState)| Some((id, standing.balance.lacking()?));
        let arriving: HashMap<BucketId, Side> = buckets.iter().filter_map(lacking).collect();
        let (mut shared, mut lone) = (HashSet::new(), HashMap::new());
        for &id in buckets.keys() {
            let lacking = arriving.get(&id).filter(|_| counted(&id));
            match lacking.zip(self.screened.digests.bucket(id)) {
                Some((&lacking, bucket)) => {
                    lone.insert(id, (bucket, lacking));
                }
                None => {
                    shared.insert(id);
                }
            }
        }
        CloserScope {
            shared,
            lone,
            arriving,
            looks: (self.last, self.reader.settle.now),
            most_shown: self.reader.check.max_evidence,
        }
    }

    /// Chooses between keeping all copies, which takes one pass, and telling those that differ first, which takes two
    /// but no disk. `estimate` is how many differences there are; without it the copies are kept.
    fn means(&self, scope: &CloserScope, estimate: Option<u64>) -> Strategy {
        let allowed = self.allowance(scope.shared.iter().copied());
        let capacity = estimate.map(|estimate| {
            let lone = self.allowance(scope.lone.keys().copied()).copies;
            estimate.saturating_sub(lone) + estimate / MARGIN + LEAST_CAPACITY
        });
        let sketches = self.reader.memory / 4 / allowed.keepers;
        let capacity = capacity
            .and_then(|capacity| usize::try_from(capacity).ok())
            .filter(|&capacity| capacity <= Sketch::differences_in(sketches));
        match capacity {
            Some(capacity) if allowed.copies * BYTES_A_COPY > allowed.bytes => {
                Strategy::Sketch(Sketch::for_differences(capacity), capacity)
            }
            _ => Strategy::Copies(CopyIntake::new(Arc::clone(&self.sets), allowed)),
        }
    }

    /// Returns the buckets that still differ, and how they stand now.
    fn left(&self, buckets: &Buckets, now: &Buckets) -> Buckets {
        if self.reader.check.recheck.times == 0 {
            // Nobody looks again.
            return Buckets::new();
        }
        let lacking = self.explained.outcome.lacking();
        let standing = |(&id, now): (&BucketId, &BucketState)| {
            let bucket = self.screened.digests.bucket(id);
            let before = buckets.get(&id).copied().unwrap_or_default();
            let arrived = self.arrived.get(&id).copied().unwrap_or_default();
            let standing = BucketState {
                balance: Balance {
                    copies: Sides::from_fn(|side| {
                        before.balance.copies[side].saturating_add_signed(arrived[side])
                    }),
                    ..now.balance
                },
                lacked: bucket
                    .and_then(|bucket| lacking.get(&bucket).copied())
                    .unwrap_or_default(),
            };
            (id, standing)
        };
        let differing = now.iter().filter(|(_, now)| now.balance.differs());
        differing.map(standing).collect()
    }

    /// Compares the buckets with the last look: what a side has gained and had lacked has arrived.
    fn note_arrivals(&mut self, buckets: &Buckets, now: &Buckets, delays: &Sides<Delays>) {
        for (&id, standing) in buckets {
            for side in Side::BOTH {
                let copies = now
                    .get(&id)
                    .map_or(0, |now| now.balance.copies[side])
                    .cast_signed();
                let change = copies - standing.balance.copies[side].cast_signed();
                self.arrive(id, side, change);
                let gained = u64::try_from(change).unwrap_or(0);
                self.explained.late[side].records += gained.min(standing.lacked[side]);
            }
        }
        for side in Side::BOTH {
            self.explained.late[side].delays.merge(&delays[side]);
        }
    }

    /// Counts the records of lone buckets, and shows the first of them.
    fn count_lone(
        &mut self,
        scope: &CloserScope,
        now: &Sides<Ledger>,
        settled: DifferenceCounts,
        young: DifferenceCounts,
        noted: Lone,
    ) {
        if !scope.lone.is_empty() {
            // What they hold, the other side has nothing to set against.
            self.explained.traffic.leave_out();
        }
        let outcome = &mut self.explained.outcome;
        for (&id, (bucket, lacking)) in &scope.lone {
            let sums = now[lacking.other()].sums(id);
            for (young, copies) in [(true, sums.young), (false, sums.copies - sums.young)] {
                let kind = lone_kind(bucket, *lacking, young, &self.doubt);
                outcome.count(bucket, kind, copies);
            }
        }
        let lacking: HashMap<&Bucket, Side> = scope.lone.values().map(|(b, s)| (b, *s)).collect();
        outcome.merge(settled.retell(|bucket| {
            let lacking = lacking.get(bucket).copied();
            lone_kind(bucket, lacking.unwrap_or(Side::S3), false, &self.doubt)
        }));
        outcome.merge(young);
        let bucket = |id| scope.lone.get(&id).map(|(bucket, _)| bucket);
        noted.tell(&mut self.explained.noted, bucket, |bucket, young| {
            let lacking = lacking.get(bucket).copied();
            lone_kind(bucket, lacking.unwrap_or(Side::S3), young, &self.doubt)
        });
    }
}
