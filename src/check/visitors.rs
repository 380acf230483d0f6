//! What the passes do with records: the screen boils them down; the closer look tells, or keeps, those of the buckets
//! that differ; the collection keeps the copies of those that are known to differ.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::{HashMap, HashSet};

use crate::delay::Delays;
use crate::diff::{Doubt, Kind, Outcome, Shown};
use crate::digest::{BucketId, Digest, Fingerprints, Grain, Ledger, Sketch};
use crate::finding::{Bucket, Evidence};
use crate::source::{Side, Sides};

use super::copies::Copies;
use super::intake::{Seen, Visitor};
use super::span::FilterMemory;

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

/// How large digests may become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// How many differences their sketches can be expected to tell.
    pub differences: usize,
    /// How many lines their ledgers have at most.
    pub lines: usize,
    /// How many bytes the filters take that tell which records parts held.
    pub filters: u64,
}

/// The first look: everything, boiled down.
pub(super) struct Screen {
    /// What each side boils down to.
    pub digests: Sides<Digest>,
    size: Size,
    filters: Arc<FilterMemory>,
    claims: Claims,
}

impl Screen {
    /// Starts with nothing.
    pub(super) fn new(size: Size) -> Self {
        let digest = |_| Digest::for_differences(size.differences, size.lines);
        Self {
            digests: Sides::from_fn(digest),
            size,
            filters: Arc::new(FilterMemory::of(size.filters)),
            claims: Claims::default(),
        }
    }
}

impl Visitor for Screen {
    fn fresh(&self) -> Self {
        Self {
            claims: self.claims.fresh(),
            filters: Arc::clone(&self.filters),
            ..Self::new(self.size)
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

    fn filters(&self) -> Option<&Arc<FilterMemory>> {
        Some(&self.filters)
    }

    fn merge(&mut self, other: Self) {
        self.digests.s3.merge(other.digests.s3);
        self.digests.cwl.merge(other.digests.cwl);
    }

    fn make_final(&mut self) -> bool {
        self.claims.make_final()
    }
}

/// Lines of a ledger.
#[derive(Debug)]
pub(super) struct Lines {
    /// How coarse they are.
    pub grain: Grain,
    /// Their numbers.
    pub ids: HashSet<BucketId>,
}

/// The first look once more, at what differs in coarse lines.
pub(super) struct Finer {
    /// What that boils down to.
    pub screen: Screen,
    within: Arc<Lines>,
}

impl Finer {
    /// Starts with nothing.
    pub(super) fn new(within: Arc<Lines>, size: Size) -> Self {
        Self {
            screen: Screen::new(size),
            within,
        }
    }
}

impl Visitor for Finer {
    fn fresh(&self) -> Self {
        Self {
            screen: self.screen.fresh(),
            within: Arc::clone(&self.within),
        }
    }

    fn visit(&mut self, seen: &Seen<'_>, key: &Fingerprints) -> bool {
        let line = self.within.grain.line(&seen.print);
        self.within.ids.contains(&line) && self.screen.visit(seen, key)
    }

    fn merge(&mut self, other: Self) {
        self.screen.merge(other.screen);
    }

    fn make_final(&mut self) -> bool {
        self.screen.make_final()
    }
}

/// What a closer look is about.
#[derive(Debug)]
pub(super) struct Scope {
    /// Buckets that both sides have something in, and not the same: each record counts.
    pub shared: HashSet<BucketId>,
    /// Buckets that only one side has anything in, and which side lacks them: the count says it all.
    pub lone: HashMap<BucketId, (Bucket, Side)>,
    /// Buckets that a side had nothing in at the last look, and which side that is: what it has now has arrived.
    pub arriving: HashMap<BucketId, Side>,
    /// The clock at the last look and at this one: what was delivered later than that has arrived, and what tells no
    /// time has by now.
    pub looks: (i64, i64),
    /// How many records of lone buckets are shown.
    pub most_shown: usize,
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

/// What a closer look makes of the records of the shared buckets.
pub(super) enum Means {
    /// The differences, as many as it can be expected to tell: what S3 has more.
    Sketch(Sketch, usize),
    /// All copies.
    Copies(Copies),
}

impl Means {
    fn fresh(&self) -> Self {
        match self {
            Self::Sketch(_, capacity) => {
                Self::Sketch(Sketch::for_differences(*capacity), *capacity)
            }
            Self::Copies(copies) => Self::Copies(copies.fresh()),
        }
    }

    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Sketch(sketch, _), Self::Sketch(more, _)) => *sketch += &more,
            (Self::Copies(copies), Self::Copies(more)) => copies.merge(more),
            _ => unreachable!("visitors of one pass are of one kind"),
        }
    }
}

/// A closer look at the unequal buckets, when the first sketch could not tell the differences.
pub(super) struct Closer {
    /// The unequal buckets as they are now.
    pub ledgers: Sides<Ledger>,
    /// How long it took what has arrived since the last look.
    pub delays: Sides<Delays>,
    /// The first records of lone buckets, shown and not counted: those that are settled, as missing ...
    pub settled: Outcome,
    /// ... and those that are young.
    pub young: Outcome,
    /// The records of shared buckets.
    pub means: Means,
    scope: Arc<Scope>,
    claims: Claims,
}

impl Closer {
    /// Starts with nothing.
    pub(super) fn new(scope: Arc<Scope>, means: Means) -> Self {
        Self {
            ledgers: Sides::default(),
            delays: Sides::default(),
            settled: Outcome::showing(scope.most_shown),
            young: Outcome::showing(scope.most_shown),
            means,
            scope,
            claims: Claims::default(),
        }
    }

    fn show_lone(&mut self, seen: &Seen<'_>) {
        let Some((bucket, lacking)) = self.scope.lone.get(&seen.print.bucket) else {
            return;
        };
        let (shown, kind) = match seen.print.young {
            true => (&mut self.young, Kind::Pending(*lacking)),
            false => (&mut self.settled, Kind::Missing(*lacking)),
        };
        if shown.may_show(bucket, kind) {
            let evidence = Evidence {
                record: seen.record(),
                found_in: seen.place(),
            };
            shown.show(bucket, kind, Shown::Leftover(evidence));
        }
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

impl Visitor for Closer {
    fn fresh(&self) -> Self {
        Self {
            claims: self.claims.fresh(),
            ..Self::new(Arc::clone(&self.scope), self.means.fresh())
        }
    }

    fn visit(&mut self, seen: &Seen<'_>, key: &Fingerprints) -> bool {
        let bucket = seen.print.bucket;
        let shared = self.scope.shared.contains(&bucket);
        if !shared && !self.scope.lone.contains_key(&bucket) {
            return false;
        }
        let counts = self.claims.claim(seen, key);
        match &mut self.means {
            _ if !shared => self.show_lone(seen),
            // An event that is found twice is kept twice, so that which of the two is shown is not left to chance.
            Means::Copies(copies) => copies.keep(seen, key),
            Means::Sketch(sketch, _) if counts => {
                let more = match seen.origin.side {
                    Side::S3 => 1,
                    Side::Cwl => -1,
                };
                sketch.add(seen.print.fingerprint, bucket, more);
            }
            Means::Sketch(..) => {}
        }
        if counts {
            self.ledgers[seen.origin.side].add(&seen.print);
            if let Some((end, delivered)) = self.scope.arrival(seen) {
                self.delays[seen.origin.side].add(end, delivered);
            }
        }
        counts
    }

    fn merge(&mut self, other: Self) {
        self.ledgers.s3.merge(other.ledgers.s3);
        self.ledgers.cwl.merge(other.ledgers.cwl);
        self.delays.s3.merge(&other.delays.s3);
        self.delays.cwl.merge(&other.delays.cwl);
        self.settled.merge(other.settled);
        self.young.merge(other.young);
        self.means.merge(other.means);
    }

    fn make_final(&mut self) -> bool {
        self.claims.make_final()
    }
}

/// The collection: the copies of records that are known to differ.
pub(super) struct Collection {
    /// The copies.
    pub copies: Copies,
    fingerprints: Arc<HashSet<u128>>,
}

impl Collection {
    /// Starts with nothing.
    pub(super) fn new(fingerprints: Arc<HashSet<u128>>, copies: Copies) -> Self {
        Self {
            copies,
            fingerprints,
        }
    }
}

impl Visitor for Collection {
    fn fresh(&self) -> Self {
        Self::new(Arc::clone(&self.fingerprints), self.copies.fresh())
    }

    fn visit(&mut self, seen: &Seen<'_>, key: &Fingerprints) -> bool {
        if self.fingerprints.contains(&seen.print.fingerprint) {
            self.copies.keep(seen, key);
        }
        true
    }

    fn wanted(&self) -> Option<&HashSet<u128>> {
        Some(&self.fingerprints)
    }

    fn merge(&mut self, other: Self) {
        self.copies.merge(other.copies);
    }
}
