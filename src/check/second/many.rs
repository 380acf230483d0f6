//! The second look when there are more differences than the first sketch could tell.
//!
//! Buckets that one side lacks altogether are told by their counts, without keeping a row. Of the others, all copies
//! are kept and compared; or, if that would be far more than differ, a larger sketch tells those that do, or if they are too
//! many for one, all fingerprints, so that no other copies are kept. It costs a pass or two, however many differences there are.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::causes::Lone;
use crate::digest::{Balance, BucketId, BucketTally, Sketch};
use crate::model::delay::Delays;
use crate::model::finding::Bucket;
use crate::model::{Error, Side, Sides};

use super::SecondLook;
use super::again::narrowed;
use super::closer::{BucketVisitor, CloserScope, Strategy, lone_kind};
use super::copies::{BYTES_A_COPY, CopyIntake};
use super::question::BucketState;
use super::unequal::{FingerprintIntake, Unequal};
use crate::diff::{DifferenceCounts, EveryDifference};

/// How often one looks because the sides have changed under the look before.
const MOST_TRIES: usize = 3;

/// One part in so many is added to the estimate of differences, which may be off by a few per cent.
const MARGIN: u64 = 8;

/// A small sketch needs room to spare, and costs nothing.
const LEAST_CAPACITY: u64 = 2_000;

/// Where one copy in so many differs, or fewer, it pays to tell first which.
const FEW: u64 = 4;

/// Buckets, and how they stood at the last look.
type Buckets = HashMap<BucketId, BucketState>;

/// What was found in buckets at this look; nothing in those that are not among them.
type Tallies = HashMap<BucketId, BucketTally>;

impl SecondLook<'_> {
    /// Tells the differences in these buckets. Returns those that still differ.
    pub(super) async fn many(
        &mut self,
        mut buckets: Buckets,
        mut every: Option<&mut EveryDifference<'_>>,
    ) -> Result<Buckets, Error> {
        let mut estimate = Some(self.screened.digests.estimate());
        let mut filled = HashSet::new();
        // Which records may differ, once that is known.
        let mut unequal = None;
        // How they stood at the look before, if that was not the one that put the question.
        let mut before: Option<Tallies> = None;
        for tries in (0..MOST_TRIES).rev() {
            // Whoever wants every difference wants the lone buckets' records too: they are compared like the others. So
            // are all in the end, if records keep arriving; where records may match on fewer fields, since one of them may have
            // no interface; and where malformed rows may be some of them, since which tells more than their buckets.
            let counted = every.is_none()
                && tries > 0
                && self.sets.is_one_a_kind()
                && Side::BOTH.iter().all(|&side| self.hiding[side].is_over());
            let scope = Arc::new(self.scope(&buckets, |id| counted && !filled.contains(id)));
            let is_first = tries + 1 == MOST_TRIES;
            let estimate_now = estimate.filter(|_| tries > 0);
            let means = self.means(&scope, estimate_now, is_first, unequal.take());
            let mut passed = self
                .pass(BucketVisitor::new(Arc::clone(&scope), means))
                .await?;
            let unreadable = passed.take_unreadable();
            let all_read = unreadable.s3.is_empty() && unreadable.cwl.is_empty();
            self.note_unreadable(unreadable);
            let seen = passed.visitor;
            let mut now = seen.tallies;
            let more = scope
                .lone
                .iter()
                .filter(|(id, lacking)| balance(&now, **id).copies[**lacking] > 0);
            let known = filled.len();
            filled.extend(more.map(|(id, _)| *id));
            if filled.len() > known {
                continue;
            }
            match seen.means {
                Strategy::Sketch(sketch, _) => match sketch.peel() {
                    Ok(found) => {
                        self.note_arrivals(&buckets, &now, &seen.delays);
                        self.count_lone(&scope, &now, seen.settled, seen.young, seen.lone);
                        self.wanted = narrowed(self.reader, self.screened, &self.wanted, &found);
                        self.few(&found, every.as_deref_mut()).await?;
                    }
                    // Too many after all: next time all copies are kept.
                    Err(_) => {
                        estimate = None;
                        continue;
                    }
                },
                Strategy::Fingerprints(all) => {
                    // How many there are is known now, and if they are too many there is no other way.
                    estimate = None;
                    let told = all.unequal().map_err(Error::Temporary)?;
                    unequal = told.filter(|_| all_read).map(Arc::new);
                    before = Some(now);
                    continue;
                }
                Strategy::Copies(copies, only) => {
                    let changed = |id: &BucketId| {
                        let before = match &before {
                            Some(before) => balance(before, *id),
                            None => buckets.get(id).copied().unwrap_or_default().balance,
                        };
                        !before.differs_as(&balance(&now, *id))
                    };
                    // What only one look has seen may have come while it was made; and what lacks because a part could not be
                    // read again may be a copy that was not kept.
                    let again = match all_read {
                        true => scope.shared.iter().any(changed),
                        false => only.is_some(),
                    };
                    if tries > 0 && again {
                        before = Some(now);
                        continue;
                    }
                    self.note_arrivals(&buckets, &now, &seen.delays);
                    let gathered = copies.gathered().map_err(Error::Temporary)?;
                    self.count_lone(&scope, &now, seen.settled, seen.young, seen.lone);
                    if self.reader.check.recheck.times == 0 {
                        // Nobody looks again, and what is compared needs the memory.
                        (buckets, now) = (Buckets::new(), Tallies::new());
                    }
                    drop(scope);
                    self.compare(gathered, false, every.as_deref_mut(), |_, _| {})?;
                }
            }
            return Ok(self.left(&buckets, &now));
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
            match lacking {
                Some(&lacking) => {
                    lone.insert(id, lacking);
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
    /// but little disk, and by fingerprints only if this `is_first`, so that there is another one if it proves wrong. `estimate` is
    /// how many differences there are; without it copies are kept, those that may be unequal if that is known.
    fn means(
        &self,
        scope: &CloserScope,
        estimate: Option<u64>,
        is_first: bool,
        unequal: Option<Arc<Unequal>>,
    ) -> Strategy {
        let allowed = self.allowance(scope.shared.iter().copied());
        let lone = self.allowance(scope.lone.keys().copied()).copies;
        let estimate = estimate.filter(|_| allowed.copies * BYTES_A_COPY > allowed.bytes);
        let differing = estimate.map(|estimate| estimate.saturating_sub(lone));
        let margin = estimate.map(|estimate| estimate / MARGIN + LEAST_CAPACITY);
        let capacity = differing.zip(margin).map(|(most, margin)| most + margin);
        let capacity = capacity.and_then(|capacity| usize::try_from(capacity).ok());
        let sketches = self.reader.memory / 4 / allowed.keepers;
        if let Some(capacity) = capacity.filter(|it| *it <= Sketch::differences_in(sketches)) {
            return Strategy::Sketch(Sketch::for_differences(capacity), capacity);
        }
        let few = |differing: u64| differing <= allowed.copies / FEW;
        if is_first && differing.is_some_and(few) {
            return Strategy::Fingerprints(FingerprintIntake::new(allowed));
        }
        Strategy::Copies(CopyIntake::new(Arc::clone(&self.sets), allowed), unequal)
    }

    /// Returns the buckets that still differ, and how they stand now.
    fn left(&self, buckets: &Buckets, now: &Tallies) -> Buckets {
        if self.reader.check.recheck.times == 0 {
            // Nobody looks again.
            return Buckets::new();
        }
        let lacking = self.explained.outcome.lacking();
        let standing = |id: BucketId, now: Balance| {
            let bucket = self.screened.digests.bucket(id);
            let before = buckets.get(&id).copied().unwrap_or_default();
            let arrived = self.arrived.get(&id).copied().unwrap_or_default();
            let standing = BucketState {
                balance: Balance {
                    copies: Sides::from_fn(|side| {
                        before.balance.copies[side].saturating_add_signed(arrived[side])
                    }),
                    ..now
                },
                lacked: bucket
                    .and_then(|bucket| lacking.get(&bucket).copied())
                    .unwrap_or_default(),
            };
            (id, standing)
        };
        let now = buckets.keys().map(|&id| (id, balance(now, id)));
        let differing = now.filter(|(_, now)| now.differs());
        differing.map(|(id, now)| standing(id, now)).collect()
    }

    /// Compares the buckets with the last look: what a side has gained and had lacked has arrived.
    fn note_arrivals(&mut self, buckets: &Buckets, now: &Tallies, delays: &Sides<Delays>) {
        for (&id, standing) in buckets {
            for side in Side::BOTH {
                let copies = balance(now, id).copies[side].cast_signed();
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
        now: &Tallies,
        settled: DifferenceCounts,
        young: DifferenceCounts,
        noted: Lone,
    ) {
        if !scope.lone.is_empty() {
            // What they hold, the other side has nothing to set against.
            self.explained.traffic.leave_out();
        }
        let outcome = &mut self.explained.outcome;
        let digests = &self.screened.digests;
        for (&id, lacking) in &scope.lone {
            let (Some(bucket), Some(tally)) = (digests.bucket(id), now.get(&id)) else {
                continue;
            };
            let settled = tally.balance.copies[lacking.other()] - tally.young;
            for (young, copies) in [(true, tally.young), (false, settled)] {
                let kind = lone_kind(&bucket, *lacking, young, &self.doubt);
                outcome.count(&bucket, kind, copies);
            }
        }
        let key = &self.screened.rules.key;
        let lacking = |bucket: &Bucket| {
            let name = key.of_name(bucket.interface.as_bytes());
            let id = BucketId::new(name, bucket.slot);
            scope.lone.get(&id).copied().unwrap_or(Side::S3)
        };
        outcome
            .merge(settled.retell(|bucket| lone_kind(bucket, lacking(bucket), false, &self.doubt)));
        outcome.merge(young);
        let bucket = |id| digests.bucket(id);
        noted.tell(&mut self.explained.noted, bucket, |bucket, young| {
            lone_kind(bucket, lacking(bucket), young, &self.doubt)
        });
    }
}

fn balance(tallies: &Tallies, id: BucketId) -> Balance {
    tallies.get(&id).copied().unwrap_or_default().balance
}
