//! Digests that are kept: one side boiled down, as a file. docs/digests.md has the format.

mod about;
mod body;
mod read;
mod sample;
#[cfg(test)]
pub(super) mod tests;
mod unlike;

use std::collections::BTreeSet;

use itertools::Itertools;

use super::fingerprint::{Algorithm, Fingerprints};
use super::flow::{FlowPrint, FlowSketch};
use super::{Ledger, RecordPrint};
use crate::model::delay::Delays;

pub use about::{
    About, Counted, HiddenRows, KnownOfRow, MalformedRow, MayHold, Measured, PartHeld, PartRead,
    SCHEMA, SourceRead, Stretch, UnreadPart,
};
pub use read::{MAGIC, is_digest};
pub use sample::{Sample, SampledRecord, ToldSample};
pub use unlike::{Unlike, unlike};

/// How many malformed rows are named, those that come first.
const MOST_MALFORMED: usize = 1000;

/// One side, or some of its parts, boiled down. Digests of disjoint parts that are made alike merge in any order.
#[derive(Clone, Debug)]
pub struct SideDigest {
    /// What it says of itself.
    pub about: About,
    /// How much is where.
    pub ledger: Ledger,
    /// Which records.
    pub sketch: FlowSketch,
}

/// The sums of a digest as records are added.
#[derive(Clone, Debug)]
pub struct FlowSums {
    /// How much is where.
    pub ledger: Ledger,
    /// Which records.
    pub sketch: FlowSketch,
    differences: usize,
}

impl FlowSums {
    /// Starts with nothing; the sketch can be expected to tell this many differences.
    pub fn for_differences(differences: usize) -> Self {
        Self {
            ledger: Ledger::default(),
            sketch: FlowSketch::for_differences(differences),
            differences,
        }
    }

    /// Starts with nothing, the same size.
    #[must_use]
    pub fn empty_like(&self) -> Self {
        Self::for_differences(self.differences)
    }

    /// Adds one copy of a record of a flow.
    #[inline(always)]
    pub fn add(&mut self, print: &RecordPrint<'_>, flow: u64, (start, end): Times) {
        // What is young depends on the clock, and that of the digest is not that of whoever compares it.
        self.ledger.add(&RecordPrint {
            young: false,
            ..*print
        });
        self.sketch.add_flow(&FlowPrint {
            fingerprint: print.fingerprint,
            bucket: print.bucket,
            flow,
            start,
            end,
        });
    }

    /// Adds others.
    pub fn merge(&mut self, other: Self) {
        self.ledger.merge(other.ledger);
        self.sketch += &other.sketch;
    }
}

/// `start` and `end` of a record, as far as they are compared.
pub type Times = (Option<i64>, Option<i64>);

impl SideDigest {
    /// Makes one of what a side says of itself and what its records add up to.
    pub fn new(about: About, sums: FlowSums) -> Self {
        Self {
            about,
            ledger: sums.ledger,
            sketch: sums.sketch,
        }
    }

    /// Returns the fingerprints it was made with, given the key that it names, if it names one.
    ///
    /// # Errors
    /// It was made with another key, or none.
    pub fn fingerprints(&self, key: Option<&[u8; super::KEY]>) -> Result<Fingerprints, String> {
        fingerprints_of(&self.about, key)
    }

    /// Adds a digest of other parts.
    ///
    /// # Errors
    /// It was made otherwise, or a part is in both: what is unlike, as a sentence.
    pub fn merge(&mut self, other: Self) -> Result<(), String> {
        if let Some(unlike) = unlike(&self.about, &other.about, true) {
            return Err(unlike.to_string());
        }
        self.refuse_overlap(&other.about)?;
        self.ledger.merge(other.ledger);
        self.sketch += &other.sketch;
        self.about.merge(other.about);
        Ok(())
    }

    /// A part is told by the store that it is in and its name, together: one folder may be read as such and as part of another.
    fn refuse_overlap(&self, other: &About) -> Result<(), String> {
        let names = |about: &About| -> BTreeSet<String> {
            let of = |source: &SourceRead| {
                let store = source.store.clone();
                let parts = source.parts.iter();
                let named = parts.map(|part| format!("{store}/{}", part.name));
                named.collect_vec()
            };
            about.sources.iter().flat_map(of).collect()
        };
        let (mine, others) = (names(&self.about), names(other));
        match mine.intersection(&others).next() {
            None => Ok(()),
            Some(name) => Err(format!(
                "the part `{name}` was read for both: its records would count twice; digest each part once"
            )),
        }
    }
}

/// Returns the fingerprints that a digest was made with; see [`SideDigest::fingerprints`].
fn fingerprints_of(about: &About, key: Option<&[u8; super::KEY]>) -> Result<Fingerprints, String> {
    let algorithm = Algorithm::named(&about.fingerprint).ok_or_else(|| {
        format!(
            "its fingerprints are `{}`, which this flowdiff does not know",
            about.fingerprint
        )
    })?;
    match (&about.key, key) {
        (None, _) if algorithm == Algorithm::Blake3 => Err(
            "it says that it was made with BLAKE3 and without a key, which cannot be".to_owned(),
        ),
        (None, None) => Ok(Fingerprints::seeded(0)),
        (None, Some(_)) => Err(
            "it was made without a key: leave --key-file out, or make it again with --key-file"
                .to_owned(),
        ),
        (Some(name), None) => Err(format!(
            "it was made with the key {name}: give that with --key-file"
        )),
        (Some(name), Some(key)) => {
            let given = super::name_of_key(key);
            if given == *name {
                return Ok(Fingerprints::keyed(key, algorithm));
            }
            Err(format!(
                "it was made with the key {name}, and --key-file has the key {given}"
            ))
        }
    }
}

impl About {
    fn merge(&mut self, other: Self) {
        self.read_at = self.read_at.min(other.read_at);
        self.fields.extend(other.fields);
        self.counts.add(&other.counts);
        let delays = |measured: &Measured| Delays::of_written(measured.longest, &measured.counted);
        let mut all = delays(&self.delays);
        all.merge(&delays(&other.delays));
        let (longest, counted) = all.written();
        self.delays = Measured { longest, counted };
        self.malformed.extend(other.malformed);
        self.malformed.sort();
        self.malformed.truncate(MOST_MALFORMED);
        self.hidden.extend(other.hidden);
        self.hidden.sort();
        for (mine, more) in [
            (&mut self.unreadable, other.unreadable),
            (&mut self.passed_over, other.passed_over),
        ] {
            mine.extend(more);
            mine.sort();
        }
        self.sources.extend(other.sources);
        self.sources.sort();
        self.layouts.extend(other.layouts);
        self.units.extend(other.units);
        // Of a side of which only a share was sampled there is no sample.
        let samples = self.sample.take().zip(other.sample);
        self.sample = samples.map(|(mine, other)| mine.with(&other));
    }
}
