//! Rows that are no records, before the first one that is.

use crate::decode::DecodeError;
use crate::model::Cover;

use super::taken::Taken;
use super::visitor::{Origin, Visitor};

/// How many are kept as they are; more than a report shows unless it is asked for more.
const KEPT: usize = 1000;

/// A row that is no record.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) row: u64,
    /// Which records it may stand for.
    pub(super) cover: Cover,
    /// How many.
    pub(super) records: u64,
    pub(super) reason: String,
}

impl Misfit {
    pub(super) fn give<V: Visitor>(self, origin: &Origin, taken: &mut Taken<V>) {
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
    pub(super) fn give<V: Visitor>(self, origin: &Origin, taken: &mut Taken<V>) {
        let last = self.first.last().map_or(0, |misfit| misfit.row);
        self.first
            .into_iter()
            .for_each(|misfit| misfit.give(origin, taken));
        for (row, records) in (last + 1..).zip(self.more) {
            let reason = || "no record, as the ones before it".to_owned();
            taken.malformed(origin, row, origin.cover.clone(), records, reason);
        }
    }

    /// Refuses the part, if there are any; `hint` says what else may be wrong than the rows.
    ///
    /// # Errors
    /// Says what is wrong with the first row.
    pub(super) fn refuse(&self, hint: &str) -> Result<(), DecodeError> {
        let Some(Misfit { row, reason, .. }) = self.first.first() else {
            return Ok(());
        };
        Err(DecodeError::Unreadable(format!(
            "no row in it is a flow-log record (row {row}: {reason}), so how many it stands for is not known{hint}"
        )))
    }
}
