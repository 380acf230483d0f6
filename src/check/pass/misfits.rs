//! Rows that are no records, before the first one that is.

use crate::diff::RowCover;

use super::taken::WorkerResult;
use super::visitor::{Origin, Visitor};

/// How many are kept as they are; more than a report shows unless it is asked for more.
const KEPT: usize = 1000;

/// A row that is no record.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) row: u64,
    /// Which records it may stand for.
    pub(super) cover: RowCover,
    /// How many.
    pub(super) records: u64,
    pub(super) reason: String,
}

impl Misfit {
    pub(super) fn give<V: Visitor>(self, origin: &Origin, taken: &mut WorkerResult<V>) {
        taken.malformed(origin, self.row, self.cover, self.records, || self.reason);
    }
}

/// Rows of a part in which no record has been met so far.
#[derive(Debug, Default)]
pub(super) struct Misfits {
    first: Vec<Misfit>,
    /// How many records each of the others may stand for.
    more: Vec<u64>,
}

impl Misfits {
    pub(super) fn add(&mut self, misfit: Misfit) {
        if self.first.len() < KEPT {
            self.first.push(misfit);
        } else {
            self.more.push(misfit.records);
        }
    }

    /// Gives them over as malformed rows of a part that has records too.
    pub(super) fn give<V: Visitor>(self, origin: &Origin, taken: &mut WorkerResult<V>) {
        let last = self.first.last().map_or(0, |misfit| misfit.row);
        self.first
            .into_iter()
            .for_each(|misfit| misfit.give(origin, taken));
        for (row, records) in (last + 1..).zip(self.more) {
            let reason = || "no record, as the ones before it".to_owned();
            let cover = RowCover::of_part(origin.cover.clone());
            taken.malformed(origin, row, cover, records, reason);
        }
    }
}
