//! Rows that are no record: what they may stand for, and when a part has nothing else.

use std::mem;

use super::{Intake, RowIntake};
use crate::check::pass::misfits::Misfit;
use crate::check::pass::visitor::Visitor;
use crate::decode::{DecodeError, Row, Sink};
use crate::diff::RowCover;
use crate::record::{NormalisedRow, RowPlace};
use crate::source::key::stream_interface;

impl<V: Visitor> Intake<'_, V> {
    /// Takes a row that is no record. Those before the first record are kept back, since without any the part is none.
    #[cold]
    pub(super) fn misfit(&mut self, misfit: Misfit) {
        if self.fits {
            self.give_misfits();
            misfit.give(self.origin, self.scratch.as_mut().unwrap_or(self.taken));
        } else {
            self.misfits.add(misfit);
        }
    }

    pub(super) fn give_misfits(&mut self) {
        let misfits = mem::take(&mut self.misfits);
        misfits.give(self.origin, self.scratch.as_mut().unwrap_or(self.taken));
    }

    /// Refuses a part of which no row is a record: whatever it is, nobody knows how many records it stands for. Where rows
    /// were passed over unseen, they had been records at the first look.
    pub(super) fn whole(&mut self) -> Result<(), DecodeError> {
        if let Some((row, reason)) = self.none.take().filter(|_| !self.fits && !self.may_skip()) {
            let side = self.origin.side;
            let hint = match self.rules.formats[side].given {
                true => String::new(),
                false => format!("; if its format is another one, give that with --{side}-format"),
            };
            return Err(DecodeError::Unreadable(format!(
                "no row in it is a flow-log record (row {row}: {reason}), so how many it stands for is not known{hint}"
            )));
        }
        self.give_misfits();
        Ok(())
    }

    /// Takes a row that has as many cells as the layout has columns and still is no record. What can be read of it tells
    /// which records it may stand for.
    #[cold]
    pub(super) fn refuse(&mut self, row: &Row<'_>, reason: String) {
        self.note_none(row.number, &reason);
        if !self.claims(row) {
            return;
        }
        let place = |look: &RowIntake| look.normaliser.layout().place(row.cells);
        let place = self.look.as_ref().map(place);
        // Where a record begins is not known behind a word that is no name of its stream.
        let place = place.filter(|place| match row.named {
            None => true,
            Some(name) => {
                let name = String::from_utf8_lossy(name);
                let of = stream_interface(&name);
                of.is_some() && of == place.interface.as_deref()
            }
        });
        self.misfit(Misfit {
            row: row.number,
            cover: self.cover(place.into_iter().collect()),
            records: 1,
            reason,
        });
    }

    /// Takes a row whose times no flow log can have. What it says of its time is not to be believed.
    #[cold]
    pub(super) fn refuse_time(&mut self, row: &Row<'_>, normal: &NormalisedRow<'_>) {
        let reason = self.rules.plausible.refusal(normal);
        self.note_none(row.number, &reason);
        if !self.claims(row) {
            return;
        }
        self.misfit(Misfit {
            row: row.number,
            cover: self.cover(Vec::new()),
            records: 1,
            reason,
        });
    }

    /// Tells whether a row that is no record counts: an event that is found again in another answer is one row.
    fn claims(&mut self, row: &Row<'_>) -> bool {
        let Some(id) = row.event_id.filter(|id| !id.is_empty()) else {
            return true;
        };
        let cells = row.cells.iter().collect::<Vec<_>>().join(&b' ');
        let said = [id.as_bytes(), b" ", &cells].concat();
        let event = self.rules.key.of_record(&said);
        let taken = self.scratch.as_mut().unwrap_or(self.taken);
        taken.visitor.claim(self.origin.side, event)
    }

    /// Takes note of a row that is no record, be it an event that counts elsewhere: whether a part holds any record must not
    /// depend on which part came first.
    pub(super) fn note_none(&mut self, row: u64, reason: &str) {
        if !self.fits && self.none.is_none() {
            self.none = Some((row, reason.to_owned()));
        }
    }

    /// Returns which records a row may stand for that is none itself. `places` is what its cells tell in each of the layouts
    /// that may be meant.
    pub(super) fn cover(&self, places: Vec<RowPlace>) -> RowCover {
        let mut part = self.origin.cover.clone();
        if part.interface.is_none() {
            part.interface = stream_interface(&self.stream).map(str::to_owned);
        }
        let mut known = places;
        for place in &mut known {
            let plausible = |start: &i64| self.rules.plausible.has(Some(*start));
            place.start = place.start.filter(plausible);
        }
        known.sort();
        known.dedup();
        RowCover { part, known }
    }
}
