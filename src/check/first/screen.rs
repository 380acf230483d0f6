//! What the first look does with records: it boils them down.

use std::sync::Arc;

use hashbrown::HashSet;

use crate::causes::of_text;
use crate::check::pass::claims::EventDedup;
use crate::check::pass::span::FilterMemory;
use crate::check::pass::visitor::{SeenRecord, Visitor};
use crate::digest::file::Sample;
use crate::digest::{BucketId, Digest, Fingerprints, Resolution};
use crate::model::{Side, Sides};

/// How large digests may become.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Size {
    /// How many differences their sketches can be expected to tell.
    pub differences: usize,
    /// How many lines their ledgers have at most.
    pub lines: usize,
    /// How many bytes the filters take that tell which records parts held.
    pub filters: u64,
}

/// The first look: everything, boiled down.
pub(in crate::check) struct DigestVisitor {
    /// What each side boils down to.
    pub digests: Sides<Digest>,
    /// Some records of each side, kept whole to tell what a side has at all.
    pub samples: Sides<Sample>,
    size: Size,
    filters: Arc<FilterMemory>,
    claims: EventDedup,
}

impl DigestVisitor {
    /// Starts with nothing.
    pub(in crate::check) fn new(size: Size) -> Self {
        let digest = |_| Digest::for_differences(size.differences, size.lines);
        Self {
            digests: Sides::from_fn(digest),
            samples: Sides::from_fn(|_| Sample::empty()),
            size,
            filters: Arc::new(FilterMemory::of(size.filters)),
            claims: EventDedup::default(),
        }
    }
}

impl DigestVisitor {
    /// Keeps a record, as few are.
    #[cold]
    #[inline(never)]
    fn keep(&mut self, seen: &SeenRecord<'_>, number: u64) {
        let part = Arc::clone(&seen.origin.name);
        self.samples[seen.origin.side].add(number, (seen.record(), part));
    }
}

impl Visitor for DigestVisitor {
    fn empty_like(&self) -> Self {
        Self {
            claims: self.claims.empty_like(),
            filters: Arc::clone(&self.filters),
            ..Self::new(self.size)
        }
    }

    #[inline(always)]
    fn visit(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) -> bool {
        if !self.claims.claim(seen, key) {
            return false;
        }
        self.digests[seen.origin.side].add(&seen.print);
        let number = of_text(seen.normal.text, seen.normal.start, seen.normal.end);
        if self.samples[seen.origin.side].takes(number) {
            self.keep(seen, number);
        }
        true
    }

    fn claim(&mut self, side: Side, event: u128) -> bool {
        self.claims.claim_event(side, event)
    }

    fn filters(&self) -> Option<&Arc<FilterMemory>> {
        Some(&self.filters)
    }

    fn merge(&mut self, other: Self) {
        self.digests.s3.merge(other.digests.s3);
        self.digests.cwl.merge(other.digests.cwl);
        self.samples.s3.merge(other.samples.s3);
        self.samples.cwl.merge(other.samples.cwl);
    }

    fn make_final(&mut self) -> bool {
        self.claims.make_final()
    }
}

/// Lines of a ledger.
#[derive(Debug)]
pub(in crate::check) struct LedgerLines {
    /// How coarse they are.
    pub grain: Resolution,
    /// Their numbers.
    pub ids: HashSet<BucketId>,
}

/// The first look once more, at what differs in coarse lines.
pub(in crate::check) struct RefineVisitor {
    /// What that boils down to.
    pub screen: DigestVisitor,
    within: Arc<LedgerLines>,
}

impl RefineVisitor {
    /// Starts with nothing.
    pub(in crate::check) fn new(within: Arc<LedgerLines>, size: Size) -> Self {
        Self {
            screen: DigestVisitor::new(size),
            within,
        }
    }
}

impl Visitor for RefineVisitor {
    fn empty_like(&self) -> Self {
        Self {
            screen: self.screen.empty_like(),
            within: Arc::clone(&self.within),
        }
    }

    fn visit(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) -> bool {
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
