//! Rows: the text of one, a line or an event's message, to cells.
//!
//! Sources of the shapes: VPC User Guide "Flow log files" (a header, then records), CloudWatch Logs
//! User Guide "Export log data to Amazon S3" (a time stamp before each record), AWS CLI `aws logs tail`
//! (a time stamp, and with `--format detailed` the stream's name).

use std::collections::BTreeSet;
use std::mem;

use smallvec::SmallVec;

use super::around::{STAMP_T, is_time_stamp};
use super::cut::{Cut, Cutter, TakeLines};
use super::several::{Passing, Run, is_beside, line_of_object, passing, pieces, records};
use super::{DecodeError, Format, Malformed, Row, Sink, foreign};
use crate::record::{Cells, Layout, LayoutError};

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

/// A layout, and how a row of it is told.
struct Shape {
    layout: Layout,
    columns: usize,
    /// What a row must have besides the right number of cells: a word in a column.
    word: Option<(usize, &'static [u8])>,
}

impl Shape {
    fn new(layout: Layout, word: Option<(usize, &'static [u8])>) -> Self {
        Self {
            columns: layout.columns().len(),
            layout,
            word,
        }
    }

    /// Tells whether the cells are a record for their number alone.
    #[inline(always)]
    fn fits(&self, cells: &Cells<'_>) -> bool {
        cells.len() == self.columns && self.word.is_none()
    }

    /// Returns the cells of the record. Only in a row that begins with a time stamp may the
    /// stream's name come before it.
    fn fit<'t>(&self, cells: Cells<'t>, stamped: bool) -> Option<Cells<'t>> {
        let before = cells.len().checked_sub(self.columns)?;
        let record = cells.skip(before);
        let has_word = self.word.is_none_or(|(at, word)| record.get(at) == word);
        // A number is no stream's name, but a row with one cell too many.
        let is_named = before == 0 || cells.get(0).iter().any(|byte| !byte.is_ascii_digit());
        (has_word && is_named && before <= usize::from(stamped)).then_some(record)
    }

    /// Returns the cells of the records in these cells, if there is nothing else in them, or one with what tools write
    /// around it.
    fn records<'t>(&self, cells: &[&'t [u8]]) -> Option<Run<'t>> {
        let run = records(&self.layout, cells)?;
        let has_word = |record: &[&[u8]]| self.word.is_none_or(|(at, word)| record[at] == word);
        run.chunks(self.columns).all(has_word).then_some(run)
    }
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
    cutter: Cutter,
    /// The headers met.
    headers: BTreeSet<Layout>,
}

impl<'a, S: Sink> Rows<'a, S> {
    pub(super) fn new(format: &Format, sink: &'a mut S) -> Self {
        let other = || Shape::new(Layout::transit_gateway_default(), Some(TRANSIT_GATEWAY));
        Self {
            sink,
            shape: Shape::new(format.layout.clone(), None),
            announced: false,
            other: (!format.given).then(other),
            cutter: Cutter::default(),
            headers: BTreeSet::new(),
        }
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
        let (number, event_id) = match from {
            From::Line(number) => (number, None),
            From::Event(number, id) => (number, id.map(str::to_owned)),
        };
        Ok(self.sink.malformed(Malformed {
            number,
            reason,
            cells: cells as u64,
            event_id,
        })?)
    }

    #[inline(always)]
    fn cells(&mut self, all: Cells<'_>, text: &[u8], from: From<'_>) -> Result<(), DecodeError> {
        if all.is_empty() {
            return Ok(());
        }
        // No value of the usual first fields begins with a letter or a bracket, so this costs next to nothing.
        if all.first_byte() >= b'<'
            && let Some(done) = self.no_record(all, from)
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
            let Some(fitting) = self.fit(cells, stamped) else {
                return self.unfit(text, from, Some(cells.len()));
            };
            record = fitting;
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

    /// Takes a row that is a header, or that tells that the rows are not all there; `None` if it may be a record.
    #[cold]
    fn no_record(&mut self, all: Cells<'_>, from: From<'_>) -> Option<Result<(), DecodeError>> {
        if all.first_byte().is_ascii_lowercase()
            && let Some(header) = Layout::from_header(all)
        {
            return Some(self.header(header, from));
        }
        let From::Line(number) = from else {
            return None;
        };
        let text = all.iter().collect::<Vec<_>>().join(&b' ');
        let failure = foreign::failure(&text)?;
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
        for piece in pieces(text) {
            if self.is_header(piece, from)? {
                taken += 1;
                continue;
            }
            match self.records_of(piece) {
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
        let columns = self.shape.columns;
        let found = found.unwrap_or_else(|| count_cells(text));
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

    /// Returns the cells of the record. If they are of the other default, that is the layout in force from now on. Apart from
    /// what most rows need, so that those are not copied about.
    #[inline(never)]
    fn fit<'t>(&mut self, cells: Cells<'t>, stamped: bool) -> Option<Cells<'t>> {
        let record = self.shape.fit(cells, stamped);
        if record.is_some() {
            return record;
        }
        let other = self.other.as_mut()?;
        let record = other.fit(cells, stamped)?;
        mem::swap(&mut self.shape, other);
        self.announced = false;
        Some(record)
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
        self.shape = Shape::new(layout, None);
        self.other = None;
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
