//! Rows: the text of one, a line or an event's message, to cells.
//!
//! Sources of the shapes: VPC User Guide "Flow log files" (a header, then records), CloudWatch Logs
//! User Guide "Export log data to Amazon S3" (a time stamp before each record), AWS CLI `aws logs tail`
//! (a time stamp, and with `--format detailed` the stream's name).

mod choices;
mod unfit;

use std::collections::BTreeSet;
use std::mem;

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use super::around::{STAMP_T, is_stream, is_time_stamp};
use super::cut::{Cut, Cutter, TakeLines};
use super::several::{CellsRun, records};
use super::{DecodeError, Format, Malformed, Row, Sink, foreign};
use crate::record::{Cells, Layout, LayoutError, RowPlace};

const ESCAPE: u8 = 0x1b;

/// Where the record type stands in the Transit Gateway default format, and what it is there.
const TRANSIT_GATEWAY: (usize, &[u8]) = (1, b"TransitGateway");

/// Where the text of a row stood.
#[derive(Clone, Copy, Debug)]
pub(super) enum RowOrigin<'a> {
    /// A line of a text, which may be a header.
    Line(u64),
    /// An event, with its number and its id if it has one. There are no headers among events.
    Event(u64, Option<&'a str>),
}

/// What a row of a layout must have besides the right number of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    None,
    /// A word in a column.
    Word(usize, &'static [u8]),
    /// Values that its fields can have, since it may be of another layout as well.
    Values,
}

/// A layout, and how a row of it is told.
struct Shape {
    layout: Layout,
    columns: usize,
    sign: Sign,
}

impl Shape {
    fn new(layout: Layout, sign: Sign) -> Self {
        Self {
            columns: layout.columns().len(),
            layout,
            sign,
        }
    }

    /// Tells whether the cells are a record for their number alone.
    #[inline(always)]
    fn fits(&self, cells: &Cells<'_>) -> bool {
        cells.len() == self.columns && self.sign == Sign::None
    }

    fn has_sign(&self, record: Cells<'_>) -> bool {
        match self.sign {
            Sign::None => true,
            Sign::Word(at, word) => record.get(at) == word,
            Sign::Values => self.layout.takes(record),
        }
    }

    /// Tells whether all values have the shapes that their fields' values have.
    fn is_like(&self, record: Cells<'_>) -> bool {
        let cells: CellsRun<'_> = record.iter().collect();
        self.layout.can_hold(&cells)
    }

    /// Returns the cells of the record. Only in a row that begins with a time stamp may the
    /// stream's name come before it.
    fn fit<'t>(&self, cells: Cells<'t>, stamped: bool) -> Option<Cells<'t>> {
        let before = cells.len().checked_sub(self.columns)?;
        let record = cells.skip(before);
        // A number is no stream's name, but a row with one cell too many.
        let is_named = before == 0 || cells.get(0).iter().any(|byte| !byte.is_ascii_digit());
        (is_named && before <= usize::from(stamped) && self.has_sign(record)).then_some(record)
    }

    /// Returns the cells of the records in these cells, if there is nothing else in them, or one with what tools write
    /// around it.
    fn records<'t>(&self, cells: &[&'t [u8]]) -> Option<CellsRun<'t>> {
        let run = records(&self.layout, cells)?;
        let has_sign = |record: &[&[u8]]| self.has_sign(Cells::Apart(record));
        run.chunks(self.columns).all(has_sign).then_some(run)
    }
}

/// What cells are.
enum Fit<'t> {
    /// A record of the layout in force.
    Record(Cells<'t>),
    /// A record of no layout.
    None,
    /// A record of all of these.
    Several(Vec<Layout>),
}

/// The most headers of one part that are not alike. Files of some formats may have been put one after the other; each
/// format is remembered and compared with all others.
const MOST_HEADERS: usize = 100;

/// Takes texts of one row each and hands their cells to the sink.
pub(super) struct RowTexts<'a, S> {
    pub(super) sink: &'a mut S,
    /// The layout in force.
    shape: Shape,
    /// Whether the sink knows it.
    announced: bool,
    /// The other default, as long as the one in force is nobody's word.
    other: Option<Shape>,
    /// The layouts that a row may have, as long as several are somebody's word.
    choices: Vec<Layout>,
    /// A number for what the event at hand says, if it has an id, and how much of it has been refused.
    said: u64,
    refused: u32,
    /// What does not fit of the row that is about to be refused, and of how many that has been looked for.
    misfit: Option<String>,
    misfits: u32,
    /// Whether the text at hand is the last line of a text, and has no end.
    unended: bool,
    /// The number of the last line `None`, which says that more follows if it is the last of all.
    none: Option<u64>,
    cutter: Cutter,
    /// The headers met.
    headers: BTreeSet<Layout>,
}

impl<'a, S: Sink> RowTexts<'a, S> {
    pub(super) fn new(format: &Format, sink: &'a mut S) -> Self {
        let (at, word) = TRANSIT_GATEWAY;
        let other = || Shape::new(Layout::transit_gateway_default(), Sign::Word(at, word));
        let (sign, choices) = match format.others.is_empty() {
            true => (Sign::None, Vec::new()),
            false => (Sign::Values, format.layouts().cloned().collect()),
        };
        Self {
            sink,
            shape: Shape::new(format.layout.clone(), sign),
            announced: false,
            other: (!format.given).then(other),
            choices,
            said: 0,
            refused: 0,
            misfit: None,
            misfits: 0,
            unended: false,
            none: None,
            cutter: Cutter::default(),
            headers: BTreeSet::new(),
        }
    }

    /// Tells whether a line, without its time stamp, can be of no other layout than the one in force, as far as its first
    /// words tell.
    pub(super) fn is_of_shape(&self, line: &[u8]) -> bool {
        if self.other.is_none() {
            return self.choices.is_empty();
        }
        let (at, word) = TRANSIT_GATEWAY;
        let second = line.split(|byte| *byte == b' ').nth(at);
        (second == Some(word)) == (self.shape.sign != Sign::None)
    }

    /// Returns how many columns the layout in force has.
    pub(super) fn columns(&self) -> usize {
        self.shape.columns
    }

    /// Takes the text of a row. Blank text is no row and passes.
    ///
    /// # Errors
    /// A header that cannot be one, or no more is wanted.
    pub(super) fn take(&mut self, text: &[u8], from: RowOrigin<'_>) -> Result<(), DecodeError> {
        let asterisks = memchr::memchr(b'*', text).is_some();
        self.sink.asterisks(asterisks);
        if matches!(from, RowOrigin::Event(_, Some(_))) {
            (self.said, self.refused) = (xxh3_64(text), 0);
        }
        if memchr::memchr(b'\n', text).is_some() {
            return self.unfit(text, from, None);
        }
        let mut cutter = mem::take(&mut self.cutter);
        let result = cutter.cut(text, &mut One { rows: self, from });
        self.cutter = cutter;
        result
    }

    /// Takes a row that has been cut. A blank line is no row and passes.
    ///
    /// # Errors
    /// A header that cannot be one, or no more is wanted.
    #[inline(always)]
    pub(super) fn take_cut(
        &mut self,
        line: &Cut<'_>,
        from: RowOrigin<'_>,
    ) -> Result<(), DecodeError> {
        match line.cells {
            Some(cells) => self.cells(Cells::InLine(cells), line.text, from),
            None => self.take_odd(line.text, from),
        }
    }

    /// Takes a text with more than one space between cells, with other white space or control bytes, or with
    /// ever so many cells.
    fn take_odd(&mut self, text: &[u8], from: RowOrigin<'_>) -> Result<(), DecodeError> {
        match text.iter().find(|byte| is_control(**byte)) {
            Some(&ESCAPE) => return self.coloured(text, from),
            Some(&control) => return self.refuse_control(control, text, from),
            None => {}
        }
        let white = |byte: &u8| *byte <= b' ';
        let cells = text.split(white).filter(|cell| !cell.is_empty());
        // More than a layout of all known fields has go to the heap.
        let cells: SmallVec<[&[u8]; 80]> = cells.collect();
        self.cells(Cells::Apart(&cells), text, from)
    }

    /// `aws logs tail` colours what it writes to a terminal, `script` and `--color on` keep that.
    fn coloured(&mut self, text: &[u8], from: RowOrigin<'_>) -> Result<(), DecodeError> {
        // Stripping would take other control bytes away as well.
        let control = |byte: &u8| is_control(*byte) && *byte != ESCAPE;
        if let Some(&control) = text.iter().find(|byte| control(byte)) {
            return self.refuse_control(control, text, from);
        }
        let plain = anstream::adapter::strip_bytes(text).into_vec();
        if plain.contains(&ESCAPE) {
            return self.refuse_control(ESCAPE, text, from);
        }
        self.take(&plain, from)
    }

    fn refuse_control(
        &mut self,
        control: u8,
        text: &[u8],
        from: RowOrigin<'_>,
    ) -> Result<(), DecodeError> {
        // A control byte may stand where there was a space.
        let cells = text
            .split(|byte| *byte <= b' ')
            .filter(|cell| !cell.is_empty());
        let reason = format!("control byte 0x{control:02x} within it");
        // A hole that was never written, or was lost, may have held as many records as fit into it.
        let holes = if control == 0 { text.len() / 2 } else { 0 };
        self.refuse(from, reason, cells.count().max(holes))
    }

    fn refuse(
        &mut self,
        from: RowOrigin<'_>,
        reason: String,
        cells: usize,
    ) -> Result<(), DecodeError> {
        let columns = self.layouts().map(|layout| layout.columns().len());
        let columns = columns.min();
        let (number, event) = self.told(from);
        Ok(self.sink.malformed(Malformed {
            cells: cells as u64,
            columns,
            event,
            misfit: self.misfit.take(),
            ..Malformed::new(number, reason)
        })?)
    }

    /// Returns the number of a row and, if it is of an event with an id, what tells that event from others.
    fn told(&mut self, from: RowOrigin<'_>) -> (u64, Option<String>) {
        match from {
            RowOrigin::Line(number) => (number, None),
            RowOrigin::Event(number, id) => {
                let id = id.filter(|id| !id.is_empty());
                let (said, nth) = (self.said, self.refused);
                self.refused += 1;
                (number, id.map(|id| format!("{id} {said:016x}/{nth}")))
            }
        }
    }

    /// Refuses a row whose cells tell something of it in the layouts that have as many columns.
    fn refuse_cells(
        &mut self,
        from: RowOrigin<'_>,
        reason: String,
        cells: Cells<'_>,
    ) -> Result<(), DecodeError> {
        let meant = |layout: &&Layout| layout.columns().len() == cells.len();
        let places = self
            .layouts()
            .filter(meant)
            .map(|layout| layout.place(cells));
        let places: Vec<RowPlace> = places.collect();
        if places.is_empty() {
            return self.refuse(from, reason, cells.len());
        }
        let (number, event) = self.told(from);
        Ok(self.sink.malformed(Malformed {
            cells: cells.len() as u64,
            columns: Some(cells.len()),
            event,
            places,
            ..Malformed::new(number, reason)
        })?)
    }

    #[inline(always)]
    fn cells(
        &mut self,
        all: Cells<'_>,
        text: &[u8],
        from: RowOrigin<'_>,
    ) -> Result<(), DecodeError> {
        if all.is_empty() {
            self.pass_blank(from);
            return Ok(());
        }
        // No value of the usual first fields begins with a letter or a bracket, so this costs next to nothing.
        if all.first_byte() >= b'<'
            && let Some(done) = self.no_record(all, text, from)
        {
            return done;
        }
        let (mut cells, mut stamped) = (all, false);
        if all.byte(STAMP_T) == Some(b'T')
            && let (first, rest) = all.split_first()
            && is_time_stamp(first)
        {
            (cells, stamped) = (rest, true);
        }
        let mut record = cells;
        if !self.shape.fits(&cells) {
            match self.fit(cells, stamped && !is_divided(text)) {
                Fit::Record(fitting) => record = fitting,
                Fit::None => return self.unfit(text, from, Some(cells.len())),
                Fit::Several(layouts) => return self.refuse_several(&layouts, cells, from),
            }
        }
        self.announce()?;
        let before = all.len() - record.len();
        let at = usize::from(stamped);
        let named = (before > at).then(|| all.get(at));
        let (number, event_id, alone) = match from {
            RowOrigin::Line(number) => (number, None, before == at),
            RowOrigin::Event(number, id) => (number, id, false),
        };
        Ok(self.sink.row(Row {
            number,
            cells: record,
            alone,
            named,
            event_id,
        })?)
    }

    /// Takes a row that is a header, or that tells that the rows are not all there; `None` if it may be a record. Not cold: of
    /// some formats every row begins with a letter.
    #[inline(never)]
    fn no_record(
        &mut self,
        all: Cells<'_>,
        text: &[u8],
        from: RowOrigin<'_>,
    ) -> Option<Result<(), DecodeError>> {
        if all.first_byte().is_ascii_lowercase()
            && let Some(header) = Layout::from_header(all)
        {
            return Some(self.header(header, from));
        }
        let RowOrigin::Line(number) = from else {
            return None;
        };
        let failure = foreign::failure(text.trim_ascii_start())?;
        let reason = format!("line {number} is {failure}");
        Some(Err(DecodeError::Unreadable(reason)))
    }

    #[inline(always)]
    fn announce(&mut self) -> Result<(), DecodeError> {
        if !self.announced {
            self.announced = true;
            self.sink.layout(&self.shape.layout)?;
        }
        Ok(())
    }

    /// Returns the cells of the record. If they are of another layout that rows may have, that is the one in force from now
    /// on. Apart from what most rows need, so that those are not copied about.
    #[inline(never)]
    fn fit<'t>(&mut self, cells: Cells<'t>, stamped: bool) -> Fit<'t> {
        if !self.choices.is_empty() {
            return self.choose(cells, stamped);
        }
        if let Some(record) = self.shape.fit(cells, stamped) {
            return Fit::Record(record);
        }
        let Some(other) = self.other.as_mut() else {
            return Fit::None;
        };
        let Some(record) = other.fit(cells, stamped) else {
            return Fit::None;
        };
        mem::swap(&mut self.shape, other);
        self.announced = false;
        Fit::Record(record)
    }

    fn header(
        &mut self,
        header: Result<Layout, LayoutError>,
        from: RowOrigin<'_>,
    ) -> Result<(), DecodeError> {
        let RowOrigin::Line(number) = from else {
            return self.refuse(from, "a header, not a record".to_owned(), 0);
        };
        let layout = header.map_err(|error| {
            DecodeError::Unreadable(format!("the header in line {number}: {error}"))
        })?;
        self.refuse_none()?;
        self.headers.insert(layout.clone());
        if self.headers.len() > MOST_HEADERS {
            let reason = format!("more than {MOST_HEADERS} different headers, up to line {number}");
            return Err(DecodeError::Unreadable(reason));
        }
        self.shape = Shape::new(layout, Sign::None);
        self.other = None;
        self.choices.clear();
        self.announced = true;
        Ok(self.sink.layout(&self.shape.layout)?)
    }
}

/// A text of one row, on its way through the cutter.
struct One<'r, 'a, 'f, S> {
    rows: &'r mut RowTexts<'a, S>,
    from: RowOrigin<'f>,
}

impl<S: Sink> TakeLines for One<'_, '_, '_, S> {
    type Error = DecodeError;

    #[inline(always)]
    fn line(&mut self, line: &Cut<'_>) -> Result<(), DecodeError> {
        self.rows.take_cut(line, self.from)
    }
}

/// Tells whether a tab or a line break follows a time stamp and one word with spaces between. Such a word is a piece of its own:
/// behind a stream's name `aws logs tail` writes a space as well.
fn is_divided(text: &[u8]) -> bool {
    let Some(end) = memchr::memchr2(b'\t', b'\r', text) else {
        return false;
    };
    let words = unfit::cells_of(&text[..end]);
    matches!(words[..], [word] if !is_stream(word))
}

fn count_cells(text: &[u8]) -> usize {
    let cells = text.split(|byte| *byte <= b' ');
    cells.filter(|cell| !cell.is_empty()).count()
}

/// Tells whether a byte has no business in a line: below space, and no white space.
fn is_control(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\r')
}

#[cfg(test)]
mod tests;
