//! What the passes do with records: the screen boils them down, the scoped screen boils down a
//! part of them, the collection keeps the copies of those that differ.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::{HashMap, HashSet};
use xxhash_rust::xxh3::xxh3_64;

use crate::delay::Delays;
use crate::diff::{Doubt, Flow, Group, Groups, Kept, Kind, Outcome, Shown};
use crate::digest::{BucketId, Digest, Fingerprints, Ledger, Sketch};
use crate::finding::{Bucket, Evidence};
use crate::source::{Side, Sides};

use super::intake::{Seen, Visitor};

/// One share of all flows: those whose number leaves this remainder. All copies of a record, and all
/// records of a flow, are in one share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// The remainder, below `of`.
    pub number: u64,
    /// How many shares there are.
    pub of: u64,
}

impl Share {
    /// All flows.
    pub(super) const ALL: Self = Self { number: 0, of: 1 };

    /// Returns the shares of this share.
    pub(super) fn split(self, into: u64) -> impl Iterator<Item = Self> {
        (0..into).map(move |number| Self {
            number: self.number + number * self.of,
            of: self.of * into,
        })
    }

    /// Unkeyed, so that every run shares out the same way.
    fn has(self, flow: &Flow, text: &[u8]) -> bool {
        self.of == 1 || xxh3_64(&flow.of(text)) % self.of == self.number
    }
}

/// Which events have been taken, by fingerprint: an event found again in another answer is no second copy.
///
/// What comes from a part that may still turn out to be unreadable must turn no other part's copy away. So its claims
/// are held until it is known to be whole, and become final all at once, or not at all.
#[derive(Default)]
struct Claims {
    /// What parts that are whole have taken, for all workers.
    last: Arc<Sides<Mutex<HashSet<u128>>>>,
    /// What the part at hand has taken.
    held: Sides<HashSet<u128>>,
}

impl Claims {
    /// Nothing held, the same final claims.
    fn fresh(&self) -> Self {
        Self {
            last: Arc::clone(&self.last),
            held: Sides::default(),
        }
    }

    /// Tells whether a row counts: it has no id, or its event has not been taken before.
    #[inline(always)]
    fn claim(&mut self, seen: &Seen<'_>, key: &Fingerprints) -> bool {
        match seen.row.event_id {
            Some(id) => self.claim_event(seen.origin.side, key.of_record(id.as_bytes())),
            None => true,
        }
    }

    fn claim_event(&mut self, side: Side, event: u128) -> bool {
        !self.final_of(side).contains(&event) && self.held[side].insert(event)
    }

    /// Makes what is held final; false, and nothing changes, if other parts have taken any of it since.
    fn make_final(&mut self) -> bool {
        for side in Side::BOTH {
            let held = mem::take(&mut self.held[side]);
            let mut last = self.final_of(side);
            if held.iter().any(|event| last.contains(event)) {
                return false;
            }
            last.extend(held);
        }
        true
    }

    fn final_of(&self, side: Side) -> MutexGuard<'_, HashSet<u128>> {
        self.last[side]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first look: everything, boiled down.
pub(super) struct Screen {
    /// What each side boils down to.
    pub digests: Sides<Digest>,
    capacity: usize,
    claims: Claims,
}

impl Screen {
    /// Starts with nothing; the sketches can be expected to tell `capacity` differences.
    pub(super) fn new(capacity: usize) -> Self {
        let digests = Sides::from_fn(|_| Digest::for_differences(capacity));
        Self {
            digests,
            capacity,
            claims: Claims::default(),
        }
    }
}

impl Visitor for Screen {
    fn fresh(&self) -> Self {
        Self {
            claims: self.claims.fresh(),
            ..Self::new(self.capacity)
        }
    }

    #[inline(always)]
    fn visit(&mut self, seen: &Seen<'_>, key: &Fingerprints) -> bool {
        if !self.claims.claim(seen, key) {
            return false;
        }
        self.digests[seen.origin.side].add(&seen.print);
        true
    }

    fn merge(&mut self, other: Self) {
        self.digests.s3.merge(&other.digests.s3);
        self.digests.cwl.merge(&other.digests.cwl);
    }

    fn make_final(&mut self) -> bool {
        self.claims.make_final()
    }
}

/// What a closer look is about.
#[derive(Debug)]
pub(super) struct Scope {
    /// Buckets that both sides have something in, and not the same: each record counts.
    pub shared: HashSet<BucketId>,
    /// Buckets that only one side has anything in: the count says it all.
    pub lone: HashSet<BucketId>,
    /// What tells flows.
    pub flow: Flow,
    /// Buckets that a side had nothing in at the last look, and which side that is: what it has now has arrived.
    pub arriving: HashMap<BucketId, Side>,
    /// The clock at the last look and at this one: what was delivered later than that has arrived, and what tells no
    /// time has by now.
    pub looks: (i64, i64),
}

impl Scope {
    /// Returns `end` and delivery of a record that has arrived since the last look.
    fn arrival(&self, seen: &Seen<'_>) -> Option<(i64, i64)> {
        let (last, now) = self.looks;
        let arrived = self.arriving.get(&seen.print.bucket) == Some(&seen.origin.side)
            || seen.delivered.is_some_and(|at| at > last);
        let end = seen.normal.end.filter(|_| arrived)?;
        Some((end, seen.delivered.unwrap_or(now)))
    }
}

/// A closer look, when the first sketch could not tell the differences: a share of the unequal buckets, with a
/// larger sketch.
pub(super) struct Closer {
    /// The unequal buckets as they are now, whatever the share.
    pub ledgers: Sides<Ledger>,
    /// The share's differences: what S3 has more.
    pub sketch: Sketch,
    /// How long it took what has arrived since the last look.
    pub delays: Sides<Delays>,
    scope: Arc<Scope>,
    share: Share,
    capacity: usize,
    claims: Claims,
}

impl Closer {
    /// Starts with nothing; the sketch can be expected to tell `capacity` differences.
    pub(super) fn new(scope: Arc<Scope>, share: Share, capacity: usize) -> Self {
        let sketch = Sketch::for_differences(capacity);
        Self {
            ledgers: Sides::default(),
            sketch,
            delays: Sides::default(),
            scope,
            share,
            capacity,
            claims: Claims::default(),
        }
    }
}

impl Visitor for Closer {
    fn fresh(&self) -> Self {
        let empty = Self::new(Arc::clone(&self.scope), self.share, self.capacity);
        Self {
            claims: self.claims.fresh(),
            ..empty
        }
    }

    fn visit(&mut self, seen: &Seen<'_>, key: &Fingerprints) -> bool {
        let bucket = seen.print.bucket;
        let shared = self.scope.shared.contains(&bucket);
        if !(shared || self.scope.lone.contains(&bucket)) || !self.claims.claim(seen, key) {
            return false;
        }
        self.ledgers[seen.origin.side].add(&seen.print);
        if let Some((end, delivered)) = self.scope.arrival(seen) {
            self.delays[seen.origin.side].add(end, delivered);
        }
        if shared && self.share.has(&self.scope.flow, seen.normal.text) {
            let more = match seen.origin.side {
                Side::S3 => 1,
                Side::Cwl => -1,
            };
            self.sketch.add(seen.print.fingerprint, bucket, more);
        }
        true
    }

    fn merge(&mut self, other: Self) {
        self.ledgers.s3.merge(&other.ledgers.s3);
        self.ledgers.cwl.merge(&other.ledgers.cwl);
        self.sketch += &other.sketch;
        self.delays.s3.merge(&other.delays.s3);
        self.delays.cwl.merge(&other.delays.cwl);
    }

    fn make_final(&mut self) -> bool {
        self.claims.make_final()
    }
}

/// What to collect.
#[derive(Debug)]
pub(super) struct Wish {
    /// The records of which every copy is kept.
    pub fingerprints: Arc<HashSet<u128>>,
    /// The share they are kept of.
    pub share: Share,
    /// What tells flows.
    pub flow: Flow,
    /// Buckets of which the first records are shown, and which side lacks them.
    pub lone: HashMap<BucketId, (Bucket, Side)>,
    /// What may hide copies.
    pub doubt: Doubt,
    /// How many records are shown.
    pub most_shown: usize,
}

/// The collection: the copies of records that differ.
pub(super) struct Collection {
    /// The copies.
    pub groups: Groups,
    /// The first records of the lone buckets, shown and not counted.
    pub shown: Outcome,
    wish: Arc<Wish>,
}

impl Collection {
    /// Starts with nothing.
    pub(super) fn new(wish: Arc<Wish>) -> Self {
        Self {
            groups: Groups::default(),
            shown: Outcome::showing(wish.most_shown),
            wish,
        }
    }

    fn show_lone(&mut self, seen: &Seen<'_>) {
        let Some((bucket, lacking)) = self.wish.lone.get(&seen.print.bucket) else {
            return;
        };
        let kind = lone_kind(bucket, *lacking, seen.print.young, &self.wish.doubt);
        let evidence = Evidence {
            record: seen.record(),
            found_in: seen.place(),
        };
        self.shown.show(bucket, kind, Shown::Leftover(evidence));
    }
}

/// Returns what a record is whose bucket the other side lacks altogether: it has no flow to be paired
/// with there, and no copy.
pub(super) fn lone_kind(bucket: &Bucket, lacking: Side, young: bool, doubt: &Doubt) -> Kind {
    if young {
        Kind::Pending(lacking)
    } else if doubt.may_hide(lacking, bucket) {
        Kind::Undetermined(lacking)
    } else {
        Kind::Missing(lacking)
    }
}

impl Visitor for Collection {
    fn fresh(&self) -> Self {
        Self::new(Arc::clone(&self.wish))
    }

    fn visit(&mut self, seen: &Seen<'_>, key: &Fingerprints) -> bool {
        let print = &seen.print;
        if !self.wish.lone.is_empty() {
            self.show_lone(seen);
        }
        if !self.wish.fingerprints.contains(&print.fingerprint)
            || !self.wish.share.has(&self.wish.flow, seen.normal.text)
        {
            return true;
        }
        let event = seen.row.event_id.map(|id| key.of_record(id.as_bytes()));
        let kept = Kept {
            place: seen.place(),
            event,
            record: seen.record(),
            end: seen.normal.end,
            delivered: seen.delivered,
        };
        self.groups.add(
            print.fingerprint,
            seen.origin.side,
            kept,
            print.young,
            || Group {
                text: seen.normal.text.into(),
                bucket: Bucket {
                    interface: String::from_utf8_lossy(print.interface).into(),
                    slot: print.slot,
                },
                young: print.young,
                copies: Sides::default(),
            },
        );
        true
    }

    /// Of lone buckets any record may be shown.
    fn wanted(&self) -> Option<&HashSet<u128>> {
        let few = self.wish.lone.is_empty();
        few.then_some(&*self.wish.fingerprints)
    }

    fn merge(&mut self, other: Self) {
        self.groups.merge(other.groups);
        self.shown.merge(other.shown);
    }
}
