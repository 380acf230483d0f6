//! The scene: all that is known when it is asked why records differ, what is still unexplained, and what explains the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::decode::Format;
use crate::diff::DifferenceKind;
use crate::digest::{BucketId, Digest, Fingerprints, Lowest};
use crate::model::delay::DelaySummary;
use crate::model::finding::Bucket;
use crate::model::window::{Settle, Window};
use crate::model::{Cover, Side, Sides};
use crate::record::Record;
use crate::source::flow_logs::FlowLog;

use super::explanation::{Explanation, Share, Why};
use super::grid::Grid;
use super::noted::{NotedDifferences, SortCells};
use super::traits::Traits;

/// From so many records on, what all of them have in common is no chance.
pub(super) const ENOUGH: u64 = 10;

/// What is known of a side.
#[derive(Debug)]
pub struct SideFacts<'a> {
    /// Its address.
    pub source: String,
    /// Whether a service is read, rather than files.
    pub is_live: bool,
    /// For how many days it keeps records, if it says so.
    pub kept_days: Option<i64>,
    /// How many records it has.
    pub records: u64,
    /// How many of them are NODATA rows.
    pub nodata: u64,
    /// How many of them are SKIPDATA rows.
    pub skipdata: u64,
    /// How many records have values that cannot be seen.
    pub masked: u64,
    /// How many rows are no record.
    pub malformed: u64,
    /// Why the first of these are none.
    pub refusals: Vec<&'a str>,
    /// What could not be read, what it may hold, and why.
    pub unread: Vec<(Arc<str>, Cover, String)>,
    /// The earliest `start`.
    pub first_start: Option<i64>,
    /// The latest `start`.
    pub last_start: Option<i64>,
    /// The names of its parts.
    pub parts: Vec<Arc<str>>,
    /// Some of its records with the parts that hold them: which ones depends on the records alone.
    pub sample: &'a Lowest<(Record, Arc<str>)>,
    /// How its rows are read that come without a header.
    pub format: &'a Format,
    /// Whether they never come with one.
    pub is_headerless: bool,
    /// How long its records were on their way.
    pub delays: Option<DelaySummary>,
}

impl SideFacts<'_> {
    /// Tells whether each of its rows that was read is a record. Of rows that are none it is not known what they would have
    /// been: what it has no record of may be what they tell.
    pub fn knows_its_rows(&self) -> bool {
        self.malformed == 0
    }

    /// Tells whether nothing of it is unknown, so that what it has no record of it does not have.
    pub fn is_known_whole(&self) -> bool {
        self.unread.is_empty() && self.knows_its_rows()
    }
}

/// All that is known.
pub struct Scene<'a> {
    /// What was asked for.
    pub window: Window,
    /// The clock, and how long a record may be on its way.
    pub settle: Settle,
    /// A settle time that the delays suggest, in seconds.
    pub suggested_settle: Option<u64>,
    /// How the flow logs are set up, if that is known.
    pub flow_logs: Option<&'a Sides<FlowLog>>,
    /// What is known of each side.
    pub sides: Sides<SideFacts<'a>>,
    /// How many records there are where.
    pub grid: Grid,
    /// What each side boils down to.
    pub digests: &'a Sides<Digest>,
    /// The key of these.
    pub key: &'a Fingerprints,
    /// Whether the sides tell times by clocks that differ, so that neither tells when the other one has nothing.
    pub times_are_off: bool,
    /// The side that sums traffic up over a longer interval than the other, and that interval in seconds, if that is why they
    /// differ: of so long it may have no start.
    pub summed_over: Option<(Side, i64)>,
    /// Whether packets and bytes of what differs add up to the same in every bucket.
    pub same_traffic: bool,
    /// Whether differing records were seen once and not again.
    pub vanished: bool,
    /// What was noted; its cells are what is still unexplained.
    pub noted: NotedDifferences,
    causes: Vec<Explanation>,
    /// What explains the records of cells, by their numbers in order. No table of its own goes by where cells are: there may be
    /// hundreds of thousands.
    shares: Vec<(u32, Share)>,
}

/// Some records that differ, of one sort.
#[derive(Clone, Copy, Debug)]
pub struct SceneCell<'a> {
    /// Where.
    pub bucket: &'a Bucket,
    /// What they were found to be.
    pub kind: DifferenceKind,
    /// What they have in common.
    pub traits: &'a Traits,
}

impl SceneCell<'_> {
    /// Tells whether they are confirmed missing on the side.
    pub fn is_missing_on(&self, side: Side) -> bool {
        self.kind == DifferenceKind::Missing(side)
    }

    /// Returns the first second that they may start in.
    pub fn from(&self) -> Option<i64> {
        let slot = self.bucket.slot?;
        Some(match self.traits.minute {
            Traits::NO_MINUTE => slot,
            minute => slot + 60 * i64::from(minute),
        })
    }

    /// Returns the first second that they cannot start in any more.
    pub fn to(&self) -> Option<i64> {
        let length = match self.traits.minute {
            Traits::NO_MINUTE => crate::model::window::SLOT,
            _ => 60,
        };
        Some(self.from()? + length)
    }

    /// Tells whether they may all lie in a stretch, to the minute.
    pub fn lies_in(&self, since: i64, until: i64) -> bool {
        let times = self.from().zip(self.to());
        times.is_some_and(|(from, to)| since < to && from < until)
    }
}

/// A cause that was found, before it is known what it explains.
#[derive(Clone, Debug)]
pub struct Found {
    /// As [`Explanation::kind`].
    pub kind: &'static str,
    /// As [`Explanation::side`].
    pub side: Option<Side>,
    /// As [`Explanation::certain`].
    pub certain: bool,
    /// The stretch; of what is explained, if it is not given.
    pub times: Option<(i64, i64)>,
    /// What else is known.
    pub detail: Map<String, Value>,
}

impl Found {
    /// A likely cause of no known time.
    pub fn new(kind: &'static str, side: impl Into<Option<Side>>) -> Self {
        Self {
            kind,
            side: side.into(),
            certain: false,
            times: None,
            detail: Map::new(),
        }
    }

    /// Says whether it is proved.
    #[must_use]
    pub fn certain(self, certain: bool) -> Self {
        Self { certain, ..self }
    }

    /// Says when it was, in Unix seconds, the end not included.
    #[must_use]
    pub fn within(self, since: i64, until: i64) -> Self {
        Self {
            times: Some((since, until)),
            ..self
        }
    }

    /// Adds something that is known.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}

impl<'a> Scene<'a> {
    /// Sets it, with nothing explained yet.
    pub fn new(
        (window, settle): (Window, Settle),
        sides: Sides<SideFacts<'a>>,
        (digests, key): (&'a Sides<Digest>, &'a Fingerprints),
        grid: Grid,
        noted: NotedDifferences,
    ) -> Self {
        Self {
            window,
            settle,
            suggested_settle: None,
            flow_logs: None,
            sides,
            grid,
            digests,
            key,
            times_are_off: false,
            summed_over: None,
            same_traffic: false,
            vanished: false,
            noted,
            causes: Vec::new(),
            shares: Vec::new(),
        }
    }

    /// Returns how many records each side has in a bucket, at the first look.
    pub fn copies(&self, bucket: &Bucket) -> Sides<u64> {
        let name = self.key.of_name(bucket.interface.as_bytes());
        let id = BucketId::new(name, bucket.slot);
        self.digests
            .as_ref()
            .map(|digest| digest.ledger.sums(id).copies)
    }

    /// Tells whether a side has any record of an interface.
    pub fn has(&self, side: Side, interface: &str) -> bool {
        let of = self.grid.interfaces.get(interface);
        of.is_some_and(|of| of[side].is_some())
    }

    /// Tells whether a side's columns were read in another order, or its times by another clock: what is left may be of records
    /// that it has.
    pub fn is_misread(&self) -> bool {
        let is_exchanged = |side| self.has_found("columns-exchanged", side);
        self.times_are_off || Side::BOTH.into_iter().any(is_exchanged)
    }

    /// Tells whether a cause has been found on a side.
    pub fn has_found(&self, kind: &str, side: Side) -> bool {
        let mut causes = self.causes.iter();
        causes.any(|cause| cause.kind == kind && cause.side == Some(side))
    }

    /// Returns how many records are unexplained, of those that are meant.
    pub fn left(&self, is: impl Fn(&SceneCell<'_>) -> bool) -> u64 {
        cells(&self.noted.cells)
            .filter(|(cell, _)| is(cell))
            .map(|(_, records)| records)
            .sum()
    }

    /// Returns the interfaces of unexplained records of those that are meant, and how many records each has.
    pub fn left_by_interface(
        &self,
        is: impl Fn(&SceneCell<'_>) -> bool,
    ) -> BTreeMap<Arc<str>, u64> {
        let mut interfaces = BTreeMap::new();
        for (cell, records) in cells(&self.noted.cells).filter(|(cell, _)| is(cell)) {
            let of = interfaces.entry(Arc::clone(&cell.bucket.interface));
            *of.or_default() += records;
        }
        interfaces
    }

    /// Explains all records that are meant and not explained yet. Returns how many.
    pub fn explain(&mut self, found: Found, is: impl Fn(&SceneCell<'_>) -> bool) -> u64 {
        self.take(found, |cell, left| if is(cell) { left } else { 0 })
    }

    /// Explains so many of each sort as are not explained yet.
    pub fn explain_counted(
        &mut self,
        found: Found,
        of: &BTreeMap<(Bucket, DifferenceKind, Traits), u64>,
    ) -> u64 {
        self.take(found, |cell, left| {
            let key = (cell.bucket.clone(), cell.kind, *cell.traits);
            of.get(&key).copied().unwrap_or(0).min(left)
        })
    }

    /// Explains as many of each sort as it is told to.
    pub fn take(
        &mut self,
        found: Found,
        mut how_many: impl FnMut(&SceneCell<'_>, u64) -> u64,
    ) -> u64 {
        let number = self.next_number();
        let mut explained = Explanation {
            known_since: None,
            number,
            kind: found.kind,
            side: found.side,
            certain: found.certain,
            records: 0,
            interfaces: 0,
            since: None,
            until: None,
            detail: found.detail,
        };
        let mut interfaces = BTreeSet::new();
        for (cell_number, ((bucket, kind), by_traits)) in (0..).zip(&mut self.noted.cells) {
            let mut of_finding = 0;
            for (traits, left) in by_traits.iter_mut() {
                let cell = SceneCell {
                    bucket,
                    kind: *kind,
                    traits,
                };
                let records = how_many(&cell, *left).min(*left);
                if records == 0 {
                    continue;
                }
                *left -= records;
                of_finding += records;
                let earlier = explained.since.into_iter().chain(cell.from()).min();
                explained.since = earlier;
                explained.until = explained.until.max(cell.to());
            }
            if of_finding > 0 {
                by_traits.forget_none();
                explained.records += of_finding;
                interfaces.insert(Arc::clone(&bucket.interface));
                let share = Share {
                    number,
                    records: of_finding,
                };
                self.shares.push((cell_number, share));
            }
        }
        explained.interfaces = interfaces.len() as u64;
        if let Some((since, until)) = found.times {
            (explained.since, explained.until) = (Some(since), Some(until));
        }
        let records = explained.records;
        if records > 0 {
            self.causes.push(explained);
        }
        records
    }

    /// There are never many causes.
    fn next_number(&self) -> u32 {
        u32::try_from(self.causes.len() + 1).unwrap_or(u32::MAX)
    }

    /// Notes a cause that explains no difference, but why something could not be compared.
    pub fn note(&mut self, found: Found) {
        let times = found.times;
        self.causes.push(Explanation {
            known_since: None,
            number: self.next_number(),
            kind: found.kind,
            side: found.side,
            certain: found.certain,
            records: 0,
            interfaces: 0,
            since: times.map(|times| times.0),
            until: times.map(|times| times.1),
            detail: found.detail,
        });
    }

    /// Returns what explains what, and counts what nothing explains.
    pub fn why(mut self) -> Why {
        let unexplained = self.left(|_| true);
        self.grid = Grid::default();
        // Stable: of one cell, the cause that was found first stays first.
        self.shares.sort_by_key(|(cell, _)| *cell);
        let mut shares = self.shares.into_iter().peekable();
        let of_cells = (0..)
            .zip(self.noted.cells)
            .filter_map(|(number, (cell, _))| {
                let mut next = || Some(shares.next_if(|(of, _)| *of == number)?.1);
                // Most have one, and take up no more.
                let mut of_cell = vec![next()?];
                of_cell.extend(std::iter::from_fn(next));
                Some((cell, of_cell))
            });
        let mut why = Why {
            causes: self.causes,
            shares: of_cells.collect(),
            unexplained,
        };
        why.in_order();
        why
    }
}

/// Visits the cells.
fn cells(all: &SortCells) -> impl Iterator<Item = (SceneCell<'_>, u64)> {
    all.iter().flat_map(|((bucket, kind), by_traits)| {
        by_traits.iter().map(move |(traits, records)| {
            let cell = SceneCell {
                bucket,
                kind: *kind,
                traits,
            };
            (cell, records)
        })
    })
}
