//! What the targets have in common: a sink that checks what every decoder promises, and contents to feed it.

use bytes::Bytes;
use flowdiff::decode::{Content, DecodeError, Format, Malformed, Row, Sink, Stop, decode};
use flowdiff::record::Layout;

pub mod memory;

/// A row, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its place.
    pub number: u64,
    /// Its cells.
    pub cells: Vec<Vec<u8>>,
    /// Its event's id.
    pub event_id: Option<String>,
}

/// Everything a decoder said. Checks on the way that rows fit the layout in force and stand in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// The layouts, as announced.
    pub layouts: Vec<Layout>,
    /// The rows.
    pub rows: Vec<Kept>,
    /// The rows that are no record, with the reason.
    pub malformed: Vec<(u64, String)>,
    last: u64,
}

impl Collected {
    /// Decodes a content in memory, as far as it can be decoded.
    pub fn of(content: &[u8], format: &Format) -> (Self, Result<(), DecodeError>) {
        Self::of_content(Content::Bytes(Bytes::copy_from_slice(content)), format)
    }

    /// Decodes any content.
    pub fn of_content(content: Content, format: &Format) -> (Self, Result<(), DecodeError>) {
        let mut collected = Self::default();
        let result = decode(content, format, &mut collected);
        assert_ne!(result, Err(DecodeError::Stopped), "nobody said stop");
        (collected, result)
    }

    /// The cells of all rows.
    pub fn cells(&self) -> Vec<&[Vec<u8>]> {
        self.rows.iter().map(|row| &row.cells[..]).collect()
    }

    fn place(&mut self, number: u64) {
        assert!(self.last < number, "{number} after {}", self.last);
        self.last = number;
    }
}

impl Sink for Collected {
    fn provisional(&mut self) {
        assert!(self.rows.is_empty(), "provisional after rows");
    }

    fn layout(&mut self, layout: &Layout) -> Result<(), Stop> {
        self.layouts.push(layout.clone());
        Ok(())
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Stop> {
        let layout = self.layouts.last().expect("a layout before the first row");
        assert_eq!(row.cells.len(), layout.columns().len());
        self.place(row.number);
        self.rows.push(Kept {
            number: row.number,
            cells: row.cells.iter().map(<[u8]>::to_vec).collect(),
            event_id: row.event_id.map(str::to_owned),
        });
        Ok(())
    }

    fn malformed(&mut self, row: Malformed) -> Result<(), Stop> {
        assert!(!row.reason.is_empty());
        self.place(row.number);
        self.malformed.push((row.number, row.reason));
        Ok(())
    }
}

/// The version 2 default, not given by the user.
pub fn default_format() -> Format {
    Format::not_given()
}

/// A layout of two columns that the user gave, so that short rows are rows.
pub fn short_format() -> Format {
    Format::named(Layout::from_format("${start} ${end}").expect("a format"))
}
