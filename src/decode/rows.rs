//! Rows: the text of one, a line or an event's message, to cells.
//!
//! Sources of the shapes: VPC User Guide "Flow log files" (a header, then records), CloudWatch Logs
//! User Guide "Export log data to Amazon S3" (a time stamp before each record), AWS CLI `aws logs tail`
//! (a time stamp, and with `--format detailed` the stream's name).

use std::mem;

use smallvec::SmallVec;
use wide::u8x16;

use super::{DecodeError, Format, Row, Sink};
use crate::record::{Layout, LayoutError, Line};

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

    /// Returns the cells of the record. Only in a row that begins with a time stamp may the
    /// stream's name come before it.
    fn fit<'c, 't>(&self, cells: &'c [&'t [u8]], stamped: bool) -> Option<&'c [&'t [u8]]> {
        let before = cells.len().checked_sub(self.columns)?;
        let record = &cells[before..];
        let has_word = self.word.is_none_or(|(at, word)| record[at] == word);
        (has_word && before <= usize::from(stamped)).then_some(record)
    }
}

/// Takes texts of one row each and hands their cells to the sink.
pub(super) struct Rows<'a, S> {
    pub(super) sink: &'a mut S,
    /// The layout in force.
    shape: Shape,
    /// Whether the sink knows it.
    announced: bool,
    /// The other default, as long as the one in force is nobody's word.
    other: Option<Shape>,
    /// Of the last text; kept for its allocation.
    digits: Vec<u64>,
}

impl<'a, S: Sink> Rows<'a, S> {
    pub(super) fn new(format: &Format, sink: &'a mut S) -> Self {
        let other = || Shape::new(Layout::transit_gateway_default(), Some(TRANSIT_GATEWAY));
        Self {
            sink,
            shape: Shape::new(format.layout.clone(), None),
            announced: false,
            other: (!format.given).then(other),
            digits: Vec::new(),
        }
    }

    /// Takes the text of a row. Blank text is no row and passes.
    ///
    /// # Errors
    /// A header that cannot be one, or no more is wanted.
    pub(super) fn take(&mut self, text: &[u8], from: From<'_>) -> Result<(), DecodeError> {
        let mut digits = mem::take(&mut self.digits);
        let mut cells = Cells::new();
        let result = match split(text, &mut cells, &mut digits) {
            Ok(between) => {
                let line = (between == Between::OneSpace).then(|| Line::new(text, 0, &digits));
                self.cells(&cells, line, from)
            }
            Err(ESCAPE) => self.coloured(text, from),
            Err(control) => self.refuse_control(control, from),
        };
        self.digits = digits;
        result
    }

    /// `aws logs tail` colours what it writes to a terminal, `script` and `--color on` keep that.
    fn coloured(&mut self, text: &[u8], from: From<'_>) -> Result<(), DecodeError> {
        // Stripping would take other control bytes away as well.
        let control = |byte: &u8| is_control(*byte) && *byte != ESCAPE;
        if let Some(&control) = text.iter().find(|byte| control(byte)) {
            return self.refuse_control(control, from);
        }
        let plain = anstream::adapter::strip_bytes(text).into_vec();
        if plain.contains(&ESCAPE) {
            return self.refuse_control(ESCAPE, from);
        }
        self.take(&plain, from)
    }

    fn refuse_control(&mut self, control: u8, from: From<'_>) -> Result<(), DecodeError> {
        self.refuse(from, format!("control byte 0x{control:02x} within it"))
    }

    fn refuse(&mut self, from: From<'_>, reason: String) -> Result<(), DecodeError> {
        let (From::Line(number) | From::Event(number, _)) = from;
        Ok(self.sink.malformed(number, reason)?)
    }

    fn cells(
        &mut self,
        cells: &[&[u8]],
        line: Option<Line<'_>>,
        from: From<'_>,
    ) -> Result<(), DecodeError> {
        let Some(first) = cells.first() else {
            return Ok(());
        };
        // No value of the usual first fields begins with a small letter, so this costs next to nothing.
        if first[0].is_ascii_lowercase()
            && let Some(header) = Layout::from_header(cells)
        {
            return self.header(header, from);
        }
        let all = cells;
        let stamped = is_time_stamp(first);
        let cells = if stamped { &all[1..] } else { all };
        if self.shape.fit(cells, stamped).is_none()
            && let Some(other) = &mut self.other
            && other.fit(cells, stamped).is_some()
        {
            mem::swap(&mut self.shape, other);
            self.announced = false;
        }
        let Some(record) = self.shape.fit(cells, stamped) else {
            let (found, columns) = (cells.len(), self.shape.columns);
            let reason = format!("{found} columns where the layout has {columns}");
            return self.refuse(from, reason);
        };
        if !self.announced {
            self.announced = true;
            self.sink.layout(&self.shape.layout)?;
        }
        let before = &all[..all.len() - record.len()];
        let line = line.map(|line| line.after(before.iter().map(|cell| cell.len() + 1).sum()));
        let (number, event_id) = match from {
            From::Line(number) => (number, None),
            From::Event(number, id) => (number, id),
        };
        Ok(self.sink.row(Row {
            number,
            cells: record,
            line,
            event_id,
        })?)
    }

    fn header(
        &mut self,
        header: Result<Layout, LayoutError>,
        from: From<'_>,
    ) -> Result<(), DecodeError> {
        let From::Line(number) = from else {
            return self.refuse(from, "a header, not a record".to_owned());
        };
        let layout = header.map_err(|error| {
            DecodeError::Unreadable(format!("the header in line {number}: {error}"))
        })?;
        self.shape = Shape::new(layout, None);
        self.other = None;
        self.announced = true;
        Ok(self.sink.layout(&self.shape.layout)?)
    }
}

/// Tells by its shape whether a cell is `2025-02-25T12:25:04...`.
fn is_time_stamp(cell: &[u8]) -> bool {
    cell.len() >= "2025-02-25T12:25:04".len()
        && (cell[4], cell[7], cell[10], cell[13]) == (b'-', b'-', b'T', b':')
        && cell[..4].iter().all(u8::is_ascii_digit)
}

/// Tells whether a byte has no business in a line: below space, and no white space.
fn is_control(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\r')
}

/// The cells of one text. More than a layout of all known fields has go to the heap.
type Cells<'t> = SmallVec<[&'t [u8]; 80]>;

/// What stands between cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    /// One space between any two, nothing before and after them.
    OneSpace,
    /// Any white space.
    Any,
}

/// Cuts at runs of white space, and sets the bits of `digits` where there are digits. Looks at 16 bytes at a
/// time, which is what makes it cheap: a line has many short cells.
///
/// # Errors
/// The first control byte.
fn split<'t>(text: &'t [u8], cells: &mut Cells<'t>, digits: &mut Vec<u64>) -> Result<Between, u8> {
    let mut start = 0;
    let mut between = Between::OneSpace;
    digits.clear();
    let (chunks, rest) = text.as_chunks::<16>();
    let mut last = [b'x'; 16];
    last[..rest.len()].copy_from_slice(rest);
    for (index, chunk) in chunks.iter().chain([&last]).enumerate() {
        let (mut white, digit) = classes(*chunk);
        match digits.last_mut() {
            Some(word) if index % 4 != 0 => *word |= digit << (index % 4 * 16),
            _ => digits.push(digit),
        }
        while white != 0 {
            let at = index * 16 + white.trailing_zeros() as usize;
            white &= white - 1;
            if text[at] != b' ' {
                if is_control(text[at]) {
                    return Err(text[at]);
                }
                between = Between::Any;
            }
            if at > start {
                cells.push(&text[start..at]);
            } else {
                between = Between::Any;
            }
            start = at + 1;
        }
    }
    if start < text.len() {
        cells.push(&text[start..]);
    } else {
        between = Between::Any;
    }
    Ok(between)
}

/// Sets a bit for each byte that is a space or below, and for each that is a digit.
#[inline]
fn classes(chunk: [u8; 16]) -> (u32, u64) {
    let bytes = u8x16::from(chunk);
    let white = bytes.simd_le(u8x16::splat(b' '));
    let digit = (bytes - u8x16::splat(b'0')).simd_le(u8x16::splat(9));
    (white.to_bitmask(), u64::from(digit.to_bitmask()))
}

#[cfg(test)]
mod tests {
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

    proptest! {
        #[test]
        fn cells_are_what_white_space_divides(line in "[ \t\r!a-z0-9~\u{80}-\u{10ff}]{0,70}") {
            let (mut cells, mut digits) = (Cells::new(), Vec::new());
            let between = split(line.as_bytes(), &mut cells, &mut digits).unwrap();
            let one_space = !cells.is_empty() && cells.join(&b' ') == line.as_bytes();
            prop_assert_eq!(between == Between::OneSpace, one_space);
            for (at, byte) in line.bytes().enumerate() {
                prop_assert_eq!(digits[at / 64] >> (at % 64) & 1 == 1, byte.is_ascii_digit());
            }
            let expected: Vec<&[u8]> = line
                .split([' ', '\t', '\r'])
                .filter(|cell| !cell.is_empty())
                .map(str::as_bytes)
                .collect();
            prop_assert_eq!(cells.to_vec(), expected);
        }

        #[test]
        fn control_bytes_are_found(line in prop::collection::vec(any::<u8>(), 0..40)) {
            let control = line.iter().copied().find(|byte| *byte != b'\n' && is_control(*byte));
            let line: Vec<u8> = line.into_iter().filter(|byte| *byte != b'\n').collect();
            prop_assert_eq!(split(&line, &mut Cells::new(), &mut Vec::new()).err(), control);
        }
    }
}
