//! Texts that are no record as they stand: of several records, of one with something around it, or of none.

use std::mem;

use xxhash_rust::xxh3::Xxh3;

use super::{RowOrigin, RowTexts, count_cells, is_control};
use crate::decode::around::is_time_stamp;
use crate::decode::several::{CellsRun, Passing, is_beside, line_of_object, passing, pieces};
use crate::decode::{DecodeError, Row, Sink};
use crate::record::{Cells, Layout};

/// Of so many rows of a part it is looked for what does not fit: whoever reads of it needs one.
const MOST_MISFITS: u32 = 3;

/// What the AWS CLI writes for nothing.
const NONE: &[u8] = b"None";

impl<S: Sink> RowTexts<'_, S> {
    /// Takes a text that is no record as it stands: of several records, of one with something around it, or of none. So many
    /// cells were found in it, if it has been cut.
    #[inline(never)]
    pub(super) fn unfit(
        &mut self,
        text: &[u8],
        from: RowOrigin<'_>,
        found: Option<usize>,
    ) -> Result<(), DecodeError> {
        let several = self.id_of_several(text, from);
        let from = match (&several, from) {
            (Some(id), RowOrigin::Event(number, _)) => RowOrigin::Event(number, Some(id)),
            _ => from,
        };
        let mut taken: u32 = 0;
        let mut refused = Vec::new();
        let count = pieces(text).count();
        let last = pieces(text).last().filter(|_| self.unended);
        for piece in pieces(text) {
            if self.is_header(piece, from)? {
                taken += 1;
                continue;
            }
            let run = self.records_of(piece);
            let is_cut = |run: &CellsRun<'_>| {
                let cell = run.last().copied().unwrap_or_default();
                last.is_some_and(|last| std::ptr::eq(last, piece))
                    && self.shape.layout.ends_within(cell)
            };
            match run.filter(|run| !is_cut(run)) {
                Some(run) => self.hand_over(&run, from, &mut taken)?,
                None if is_beside(text, piece) => {}
                None => refused.push(piece),
            }
        }
        if taken == 0 && !self.are_rows(text, &refused) {
            return self.unfit_line(text, from, found);
        }
        let columns = self.shape.columns;
        for piece in refused {
            let cells = cells_of(piece);
            let reason = format!(
                "one of {count} pieces in it is no record: the layout has {columns} columns"
            );
            self.refuse_cells(from, reason, Cells::Apart(&cells))?;
        }
        Ok(())
    }

    /// Returns an id for the event at hand if it holds several records: its own does not tell it from an event with the same
    /// id that holds a part of them, and two events with one id that say other things are two.
    fn id_of_several(&mut self, text: &[u8], from: RowOrigin<'_>) -> Option<String> {
        let RowOrigin::Event(_, Some(id)) = from else {
            return None;
        };
        let (mut records, mut said) = (0, Xxh3::new());
        for piece in pieces(text) {
            if let Some(run) = self.records_of(piece) {
                records += run.len() / self.shape.columns;
                run.iter().for_each(|cell| {
                    said.update(cell);
                    said.update(b" ");
                });
            } else if !is_beside(text, piece) {
                records += 1;
                said.update(piece);
                said.update(b" ");
            }
        }
        let several = records > 1 && !id.is_empty();
        several.then(|| format!("{id} {:016x}", said.digest()))
    }

    /// Tells whether pieces of a text of which none is a record are rows all the same: one has as many cells as the layout
    /// has columns.
    fn are_rows(&self, text: &[u8], pieces: &[&[u8]]) -> bool {
        let is_row = |piece: &&[u8]| cells_of(piece).len() == self.shape.columns;
        pieces.len() > 1
            && self.choices.is_empty()
            && pieces.iter().any(is_row)
            && passing(text) == Passing::No
            && !text.iter().any(|byte| is_control(*byte) && *byte != b'\n')
    }

    /// Takes a piece of a line that is a header: lines may end in CR alone.
    fn is_header(&mut self, piece: &[u8], from: RowOrigin<'_>) -> Result<bool, DecodeError> {
        if !(piece.first().is_some_and(u8::is_ascii_lowercase)
            && matches!(from, RowOrigin::Line(_)))
        {
            return Ok(false);
        }
        let cells = piece.split(u8::is_ascii_whitespace);
        let cells: CellsRun<'_> = cells.filter(|cell| !cell.is_empty()).collect();
        match Layout::from_header(Cells::Apart(&cells)) {
            Some(header) => self.header(header, from).map(|()| true),
            None => Ok(false),
        }
    }

    /// Takes a text that holds no record.
    fn unfit_line(
        &mut self,
        text: &[u8],
        from: RowOrigin<'_>,
        found: Option<usize>,
    ) -> Result<(), DecodeError> {
        if let RowOrigin::Line(number) = from {
            match passing(text) {
                Passing::Over => return Ok(()),
                Passing::More => {
                    return Err(DecodeError::Unreadable(format!(
                        "stops where more events follow: line {number} holds the token to go on with; ask for the rest as well"
                    )));
                }
                // The AWS CLI writes it in place of the token, where `--query` asks for messages alone.
                Passing::No if text.trim_ascii() == NONE => {
                    self.refuse_none()?;
                    self.none = Some(number);
                    return Ok(());
                }
                Passing::No => {}
            }
        }
        self.unfit_row(text, from, found)
    }

    /// Passes over a blank line: what stands before it may be the last line all the same.
    pub(super) fn pass_blank(&mut self, from: RowOrigin<'_>) {
        if let (RowOrigin::Line(number), Some(none)) = (from, &mut self.none)
            && *none + 1 == number
        {
            *none = number;
        }
    }

    /// Ends a text of so many lines.
    ///
    /// # Errors
    /// Its last line says that more events follow.
    pub(in crate::decode) fn end(&mut self, lines: u64) -> Result<(), DecodeError> {
        if self.none != Some(lines) {
            return self.refuse_none();
        }
        Err(DecodeError::Unreadable(
            "stops where more events follow: the last line is the `None` that the AWS CLI writes after what `--max-items` has \
             cut; ask for the rest as well"
                .to_owned(),
        ))
    }

    /// Refuses a line `None` that is not the last one.
    pub(super) fn refuse_none(&mut self) -> Result<(), DecodeError> {
        match self.none.take() {
            Some(number) => self.unfit_row(NONE, RowOrigin::Line(number), None),
            None => Ok(()),
        }
    }

    /// Refuses a text that holds no record.
    fn unfit_row(
        &mut self,
        text: &[u8],
        from: RowOrigin<'_>,
        found: Option<usize>,
    ) -> Result<(), DecodeError> {
        if let Some(control) = text
            .iter()
            .find(|byte| is_control(**byte) && **byte != b'\n')
        {
            return self.refuse_control(*control, text, from);
        }
        let found = found.unwrap_or_else(|| count_cells(text));
        if !self.choices.is_empty() {
            let cells = cells_of(text);
            let formats = self.choices.len();
            let reason = format!("{found} columns that are a record in none of {formats} formats");
            return self.refuse_cells(from, reason, Cells::Apart(&cells));
        }
        let columns = self.shape.columns;
        let reason = format!("{found} columns where the layout has {columns}");
        if self.misfits < MOST_MISFITS && found.abs_diff(columns) == 1 {
            self.misfits += 1;
            self.misfit = self.shape.layout.misfit(&cells_of(text));
        }
        self.refuse(from, reason, found)
    }

    /// Returns the cells of the records that a piece of a text holds. If they are of the other default, that is the layout in
    /// force from now on.
    fn records_of<'t>(&mut self, piece: &'t [u8]) -> Option<CellsRun<'t>> {
        if piece.iter().any(|byte| is_control(*byte)) {
            return None;
        }
        let piece = line_of_object(piece).unwrap_or(piece);
        let cells = piece.split(u8::is_ascii_whitespace);
        let cells: CellsRun<'t> = cells.filter(|cell| !cell.is_empty()).collect();
        if !self.choices.is_empty() {
            return self.choose_run(&cells);
        }
        if let Some(run) = self.shape.records(&cells) {
            return Some(run);
        }
        let other = self.other.as_mut()?;
        let run = other.records(&cells)?;
        mem::swap(&mut self.shape, other);
        self.announced = false;
        Some(run)
    }

    /// Hands over records of one text, of which so many have been handed over before.
    fn hand_over(
        &mut self,
        run: &[&[u8]],
        from: RowOrigin<'_>,
        taken: &mut u32,
    ) -> Result<(), DecodeError> {
        self.announce()?;
        for record in run.chunks(self.shape.columns) {
            let (RowOrigin::Line(number) | RowOrigin::Event(number, _)) = from;
            let id = match from {
                RowOrigin::Event(_, id) => id,
                RowOrigin::Line(_) => None,
            };
            // Records of one event are no copies of each other.
            let own_id = id.filter(|_| *taken > 0).map(|id| format!("{id}/{taken}"));
            *taken += 1;
            self.sink.row(Row {
                number,
                cells: Cells::Apart(record),
                alone: false,
                named: None,
                event_id: own_id.as_deref().or(id),
            })?;
        }
        Ok(())
    }
}

/// Cuts where a space or anything below it stands, and leaves a time stamp at the head out.
pub(super) fn cells_of(text: &[u8]) -> CellsRun<'_> {
    let cells = text.split(|byte| *byte <= b' ');
    let mut cells = cells.filter(|cell| !cell.is_empty()).peekable();
    cells.next_if(|cell| is_time_stamp(cell));
    cells.collect()
}
