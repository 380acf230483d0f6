//! Rows: the text of one, a line or an event's message, to cells.
//!
//! Sources of the shapes: VPC User Guide "Flow log files" (a header, then records), CloudWatch Logs
//! User Guide "Export log data to Amazon S3" (a time stamp before each record), AWS CLI `aws logs tail`
//! (a time stamp, and with `--format detailed` the stream's name).

use std::collections::BTreeSet;
use std::mem;

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use super::around::{STAMP_T, is_time_stamp};
use super::cut::{Cut, Cutter, TakeLines};
use super::several::{Passing, Run, is_beside, line_of_object, passing, pieces, records};
use super::{DecodeError, Format, Malformed, Row, Sink, foreign};
use crate::record::{Cells, Layout, LayoutError, RowPlace};

const ESCAPE: u8 = 0x1b;

/// Where the record type stands in the Transit Gateway default format, and what it is there.
const TRANSIT_GATEWAY: (usize, &[u8]) = (1, b"TransitGateway");

/// Where the text of a row stood.
#[derive(Clone, Copy, Debug)]
pub(super) enum From<'a> {
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
        let cells: Run<'_> = record.iter().collect();
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
    fn records<'t>(&self, cells: &[&'t [u8]]) -> Option<Run<'t>> {
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
pub(super) struct Rows<'a, S> {
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
    /// Whether the text at hand is the last line of a text, and has no end.
    unended: bool,
    cutter: Cutter,
    /// The headers met.
    headers: BTreeSet<Layout>,
}

impl<'a, S: Sink> Rows<'a, S> {
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
            unended: false,
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
    pub(super) fn take(&mut self, text: &[u8], from: From<'_>) -> Result<(), DecodeError> {
        let asterisks = memchr::memchr(b'*', text).is_some();
        self.sink.asterisks(asterisks);
        if matches!(from, From::Event(_, Some(_))) {
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
    pub(super) fn take_cut(&mut self, line: &Cut<'_>, from: From<'_>) -> Result<(), DecodeError> {
        match line.cells {
            Some(cells) => self.cells(Cells::InLine(cells), line.text, from),
            None => self.take_odd(line.text, from),
        }
    }

    /// Takes a text with more than one space between cells, with other white space or control bytes, or with
    /// ever so many cells.
    fn take_odd(&mut self, text: &[u8], from: From<'_>) -> Result<(), DecodeError> {
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
    fn coloured(&mut self, text: &[u8], from: From<'_>) -> Result<(), DecodeError> {
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
        from: From<'_>,
    ) -> Result<(), DecodeError> {
        // A control byte may stand where there was a space.
        let cells = text
            .split(|byte| *byte <= b' ')
            .filter(|cell| !cell.is_empty());
        let reason = format!("control byte 0x{control:02x} within it");
        self.refuse(from, reason, cells.count())
    }

    fn refuse(&mut self, from: From<'_>, reason: String, cells: usize) -> Result<(), DecodeError> {
        let columns = self.layouts().map(|layout| layout.columns().len());
        let columns = columns.min();
        let (number, event) = self.told(from);
        Ok(self.sink.malformed(Malformed {
            cells: cells as u64,
            columns,
            event,
            ..Malformed::new(number, reason)
        })?)
    }

    /// Returns the number of a row and, if it is of an event with an id, what tells that event from others.
    fn told(&mut self, from: From<'_>) -> (u64, Option<String>) {
        match from {
            From::Line(number) => (number, None),
            From::Event(number, id) => {
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
        from: From<'_>,
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
    fn cells(&mut self, all: Cells<'_>, text: &[u8], from: From<'_>) -> Result<(), DecodeError> {
        if all.is_empty() {
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
            match self.fit(cells, stamped) {
                Fit::Record(fitting) => record = fitting,
                Fit::None => return self.unfit(text, from, Some(cells.len())),
                Fit::Several(layouts) => return self.refuse_several(&layouts, cells, from),
            }
        }
        self.announce()?;
        let before = all.len() - record.len();
        let (number, event_id, alone) = match from {
            From::Line(number) => (number, None, before == usize::from(stamped)),
            From::Event(number, id) => (number, id, false),
        };
        Ok(self.sink.row(Row {
            number,
            cells: record,
            alone,
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
        from: From<'_>,
    ) -> Option<Result<(), DecodeError>> {
        if all.first_byte().is_ascii_lowercase()
            && let Some(header) = Layout::from_header(all)
        {
            return Some(self.header(header, from));
        }
        let From::Line(number) = from else {
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

    /// Takes a text that is no record as it stands: of several records, of one with something around it, or of none. So many
    /// cells were found in it, if it has been cut.
    #[inline(never)]
    fn unfit(
        &mut self,
        text: &[u8],
        from: From<'_>,
        found: Option<usize>,
    ) -> Result<(), DecodeError> {
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
            let is_cut = |run: &Run<'_>| {
                let cell = run.last().copied().unwrap_or_default();
                last.is_some_and(|last| std::ptr::eq(last, piece))
                    && self.shape.layout.ends_within(cell)
            };
            match run.filter(|run| !is_cut(run)) {
                Some(run) => self.hand_over(&run, from, &mut taken)?,
                None if is_beside(text, piece) => {}
                None => refused.push(count_cells(piece)),
            }
        }
        if taken == 0 {
            return self.unfit_line(text, from, found);
        }
        let columns = self.shape.columns;
        for cells in refused {
            let reason = format!(
                "one of {count} pieces in it is no record: the layout has {columns} columns"
            );
            self.refuse(from, reason, cells)?;
        }
        Ok(())
    }

    /// Takes a piece of a line that is a header: lines may end in CR alone.
    fn is_header(&mut self, piece: &[u8], from: From<'_>) -> Result<bool, DecodeError> {
        if !(piece.first().is_some_and(u8::is_ascii_lowercase) && matches!(from, From::Line(_))) {
            return Ok(false);
        }
        let cells = piece.split(u8::is_ascii_whitespace);
        let cells: Run<'_> = cells.filter(|cell| !cell.is_empty()).collect();
        match Layout::from_header(Cells::Apart(&cells)) {
            Some(header) => self.header(header, from).map(|()| true),
            None => Ok(false),
        }
    }

    /// Takes a text that holds no record.
    fn unfit_line(
        &mut self,
        text: &[u8],
        from: From<'_>,
        found: Option<usize>,
    ) -> Result<(), DecodeError> {
        if let From::Line(number) = from {
            match passing(text) {
                Passing::Over => return Ok(()),
                Passing::More => {
                    return Err(DecodeError::Unreadable(format!(
                        "stops where more events follow: line {number} holds the token to go on with; ask for the rest as well"
                    )));
                }
                Passing::No => {}
            }
        }
        if let Some(control) = text
            .iter()
            .find(|byte| is_control(**byte) && **byte != b'\n')
        {
            return self.refuse_control(*control, text, from);
        }
        let found = found.unwrap_or_else(|| count_cells(text));
        if !self.choices.is_empty() {
            let cells = text.split(|byte| *byte <= b' ');
            let cells: Run<'_> = cells.filter(|cell| !cell.is_empty()).collect();
            let formats = self.choices.len();
            let reason = format!("{found} columns that are a record in none of {formats} formats");
            return self.refuse_cells(from, reason, Cells::Apart(&cells));
        }
        let columns = self.shape.columns;
        let reason = format!("{found} columns where the layout has {columns}");
        self.refuse(from, reason, found)
    }

    /// Returns the cells of the records that a piece of a text holds. If they are of the other default, that is the layout in
    /// force from now on.
    fn records_of<'t>(&mut self, piece: &'t [u8]) -> Option<Run<'t>> {
        if piece.iter().any(|byte| is_control(*byte)) {
            return None;
        }
        let piece = line_of_object(piece).unwrap_or(piece);
        let cells = piece.split(u8::is_ascii_whitespace);
        let cells: Run<'t> = cells.filter(|cell| !cell.is_empty()).collect();
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

    /// Returns the cells of the records in a piece of a text, if they are that in one layout only of those given.
    fn choose_run<'t>(&mut self, cells: &[&'t [u8]]) -> Option<Run<'t>> {
        let shapes = self.choices.iter().cloned();
        let shapes = shapes.map(|layout| Shape::new(layout, Sign::Values));
        let mut fitting = shapes.filter_map(|shape| Some((shape.records(cells)?, shape)));
        let (run, shape) = fitting.next()?;
        if fitting.next().is_some() {
            return None;
        }
        drop(fitting);
        self.enforce(shape);
        Some(run)
    }

    /// Hands over records of one text, of which so many have been handed over before.
    fn hand_over(
        &mut self,
        run: &[&[u8]],
        from: From<'_>,
        taken: &mut u32,
    ) -> Result<(), DecodeError> {
        self.announce()?;
        for record in run.chunks(self.shape.columns) {
            let (From::Line(number) | From::Event(number, _)) = from;
            let id = match from {
                From::Event(_, id) => id,
                From::Line(_) => None,
            };
            // Records of one event are no copies of each other.
            let own_id = id.filter(|_| *taken > 0).map(|id| format!("{id}/{taken}"));
            *taken += 1;
            self.sink.row(Row {
                number,
                cells: Cells::Apart(record),
                alone: false,
                event_id: own_id.as_deref().or(id),
            })?;
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

    /// Chooses the one of the layouts given whose fields can have all values of a row. Those whose values also have the right
    /// shapes come before others.
    fn choose<'t>(&mut self, cells: Cells<'t>, stamped: bool) -> Fit<'t> {
        let shapes = self.choices.iter().cloned();
        let shapes = shapes.map(|layout| Shape::new(layout, Sign::Values));
        let fitting = shapes.filter_map(|shape| Some((shape.fit(cells, stamped)?, shape)));
        let mut fitting: Vec<(Cells<'t>, Shape)> = fitting.collect();
        if fitting.iter().any(|(record, shape)| shape.is_like(*record)) {
            fitting.retain(|(record, shape)| shape.is_like(*record));
        }
        match fitting.pop() {
            None => Fit::None,
            Some((record, shape)) if fitting.is_empty() => {
                self.enforce(shape);
                Fit::Record(record)
            }
            Some((_, last)) => {
                let shapes = fitting.into_iter().map(|(_, shape)| shape).chain([last]);
                Fit::Several(shapes.map(|shape| shape.layout).collect())
            }
        }
    }

    /// Makes a layout the one in force.
    fn enforce(&mut self, shape: Shape) {
        if shape.layout != self.shape.layout {
            self.shape = shape;
            self.announced = false;
        }
    }

    /// Refuses a row that is a record in more than one layout.
    #[cold]
    fn refuse_several(
        &mut self,
        layouts: &[Layout],
        cells: Cells<'_>,
        from: From<'_>,
    ) -> Result<(), DecodeError> {
        let formats = layouts.iter().map(|layout| format!("`{layout}`"));
        let formats = formats.collect::<Vec<_>>().join(" and ");
        let reason = format!("it is a record in more than one of the formats given: {formats}");
        self.refuse_cells(from, reason, cells)
    }

    /// Takes the last line of a text, which nothing ends. A value that the field at its end cannot have was cut off then.
    pub(super) fn take_unended(&mut self, text: &[u8], number: u64) -> Result<(), DecodeError> {
        let cells = text.split(|byte| *byte <= b' ');
        let cells: Run<'_> = cells.filter(|cell| !cell.is_empty()).collect();
        let all = Cells::Apart(&cells);
        let from = From::Line(number);
        let stamped = cells.first().is_some_and(|cell| is_time_stamp(cell));
        let rest = if stamped { all.split_first().1 } else { all };
        if self.is_cut(rest, stamped) {
            let last = String::from_utf8_lossy(cells.last().copied().unwrap_or_default());
            let reason = format!("the line ends within its last value, `{last}`");
            return self.refuse_cells(from, reason, rest);
        }
        self.unended = true;
        let result = self.take(text, from);
        self.unended = false;
        result
    }

    /// Tells whether cells are of a record in no layout but one that they end within a value of.
    fn is_cut(&self, cells: Cells<'_>, stamped: bool) -> bool {
        let Some(last) = cells.len().checked_sub(1).map(|last| cells.get(last)) else {
            return false;
        };
        let fits = |layout: &Layout| {
            let shape = Shape::new(layout.clone(), self.shape.sign);
            shape.fit(cells, stamped).is_some()
        };
        let mut fitting = self.layouts().filter(|layout| fits(layout)).peekable();
        fitting.peek().is_some() && fitting.all(|layout| layout.ends_within(last))
    }

    /// The layouts that a row may have.
    fn layouts(&self) -> impl Iterator<Item = &Layout> {
        let choices = self.choices.iter();
        let alone = self.choices.is_empty().then_some(&self.shape.layout);
        choices.chain(alone)
    }

    fn header(
        &mut self,
        header: Result<Layout, LayoutError>,
        from: From<'_>,
    ) -> Result<(), DecodeError> {
        let From::Line(number) = from else {
            return self.refuse(from, "a header, not a record".to_owned(), 0);
        };
        let layout = header.map_err(|error| {
            DecodeError::Unreadable(format!("the header in line {number}: {error}"))
        })?;
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
    rows: &'r mut Rows<'a, S>,
    from: From<'f>,
}

impl<S: Sink> TakeLines for One<'_, '_, '_, S> {
    type Error = DecodeError;

    #[inline(always)]
    fn line(&mut self, line: &Cut<'_>) -> Result<(), DecodeError> {
        self.rows.take_cut(line, self.from)
    }
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
mod tests {
    use itertools::Itertools;
    use proptest::prelude::*;

    use super::*;
    use crate::decode::collected::{Collected, default_format, given};

    const ROW: &str = "2 123456789010 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK";

    fn of(lines: &[&str], format: &Format) -> Collected {
        let mut all = Collected::default();
        let mut rows = Rows::new(format, &mut all);
        for (number, line) in (1..).zip(lines) {
            rows.take(line.as_bytes(), From::Line(number)).unwrap();
        }
        all
    }

    #[test]
    fn transit_gateway_rows_are_told_by_shape_if_no_layout_is_given() {
        let gateway = format!("6 TransitGateway {}", ["-"; 34].join(" "));
        let other = format!("6 VPC {}", ["-"; 34].join(" "));
        let stamped = format!("2023-11-14T22:13:20Z tgw-0aa {gateway}");
        let lines = [&gateway, &other, ROW, &stamped];
        let all = of(&lines, &default_format());
        assert_eq!(all.texts(), [&gateway, ROW, &gateway]);
        let (vpc, gateways) = (Layout::vpc_default(), Layout::transit_gateway_default());
        assert_eq!(all.layouts, [gateways.clone(), vpc, gateways]);
        assert_eq!(all.malformed.len(), 1);
        let told = Format {
            given: true,
            ..default_format()
        };
        assert_eq!(of(&lines, &told).texts(), [ROW]);
    }

    #[test]
    fn a_header_is_none_among_events() {
        let mut all = Collected::default();
        let mut rows = Rows::new(&given("${start} ${end}"), &mut all);
        for (number, message) in [(7, "start end"), (8, "1 2"), (9, "\x1b[1m3 4\x1b[0m")] {
            rows.take(message.as_bytes(), From::Event(number, Some("id")))
                .unwrap();
        }
        assert_eq!(all.malformed, [(7, "a header, not a record".to_owned())]);
        assert_eq!(all.texts(), ["1 2", "3 4"]);
        assert_eq!(all.rows[1].event_id.as_deref(), Some("id"));
    }

    #[test]
    fn a_text_may_hold_several_records_and_what_tools_write_around_them() {
        let (a, b) = (ROW, ROW.replace("840", "841"));
        for text in [
            format!("{a}\t{b}"),
            format!("{a}\r{b}\r"),
            format!("{a}\n\n{b}\n"),
            format!("{a}\\n{b}\\n"),
            format!("{a} {b}"),
            format!("{a}{b}"),
        ] {
            let all = of(&[&text], &default_format());
            assert_eq!(all.texts(), [a, &b], "{text:?}");
            assert_eq!((all.numbers(), &all.malformed), (vec![1, 1], &vec![]));
            let mut events = Collected::default();
            Rows::new(&default_format(), &mut events)
                .take(text.as_bytes(), From::Event(1, Some("7")))
                .unwrap();
            let ids = events.rows.iter().map(|row| row.event_id.as_deref());
            assert_eq!(ids.collect::<Vec<_>>(), [Some("7"), Some("7/1")]);
        }
        let tabs = format!(
            "1700000000000\teni-0aa-all\t{a}\nEVENTS\t7\t1700000312345\t{a}\t1700000000000"
        );
        let all = of(&tabs.split('\n').collect::<Vec<_>>(), &default_format());
        assert_eq!((all.texts(), &all.malformed), (vec![a, a], &vec![]));
    }

    #[test]
    fn what_stands_among_records_and_is_none_is_named() {
        let all = of(&[&format!("{ROW}\t2 3\t{ROW}\tfoo")], &default_format());
        let reason = "one of 4 pieces in it is no record: the layout has 14 columns";
        assert_eq!(all.texts(), [ROW, ROW]);
        assert_eq!(
            all.malformed,
            [(1, reason.to_owned()), (1, reason.to_owned())]
        );
        let mut all = Collected::default();
        let mut rows = Rows::new(&default_format(), &mut all);
        let more = rows.take(b"NEXTTOKEN\teyJuZXh0", From::Line(7));
        let reason = "stops where more events follow: line 7 holds the token to go on with; ask for the rest as well";
        assert_eq!(more, Err(DecodeError::Unreadable(reason.to_owned())));
    }

    #[test]
    fn a_line_may_hold_lines_that_end_in_cr_alone() {
        let all = of(&["end start\r2 1\r4 3"], &default_format());
        assert_eq!(all.texts(), ["2 1", "4 3"]);
        assert_eq!(all.layouts, [Layout::from_names(["end", "start"]).unwrap()]);
    }

    #[test]
    fn a_row_with_a_cell_too_many_is_no_other_record() {
        let format = default_format();
        let more = ROW.replacen("2 123456789010", "2 123456789010 x", 1);
        for line in [more.clone(), format!("2023-11-14T22:13:20.000Z {more}")] {
            let all = of(&[&line], &format);
            assert_eq!((all.rows.len(), all.malformed.len()), (0, 1), "{line}");
        }
    }

    proptest! {
        #[test]
        fn cells_are_what_white_space_divides(line in "[ \t\r!0-9~\u{80}-\u{10ff}]{0,70}") {
            let expected: Vec<&str> = line.split([' ', '\t', '\r']).filter(|cell| !cell.is_empty()).collect();
            let format = given(&(1..=expected.len().max(1)).map(|n| format!("${{f{n}}}")).join(" "));
            let all = of(&[&line], &format);
            prop_assert_eq!(&all.malformed, &[]);
            prop_assert_eq!(all.rows.iter().flat_map(|row| &row.cells).collect::<Vec<_>>(), expected.iter().map(|cell| cell.as_bytes()).collect::<Vec<_>>());
        }

        #[test]
        fn control_bytes_are_found(line in prop::collection::vec(any::<u8>(), 0..40)) {
            let control = line.iter().copied().find(|byte| is_control(*byte) && !matches!(*byte, ESCAPE | b'\n'));
            prop_assume!(control.is_some());
            let mut all = Collected::default();
            Rows::new(&default_format(), &mut all).take(&line, From::Line(1)).unwrap();
            prop_assert_eq!(all.rows.len(), 0);
            prop_assert!(all.malformed[0].1.starts_with("control byte 0x"));
        }
    }
}
