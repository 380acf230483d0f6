//! For tests: a sink that keeps everything, and what tests feed to decoders.

use std::io::{Seek, Write};
use std::path::Path;

use super::{Content, DecodeError, Format, Malformed, Row, Sink, Stop, decode};
use crate::record::{Layout, RowPlace};

/// A row, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CollectedRow {
    pub(super) number: u64,
    /// The layout then in force.
    pub(super) layout: Layout,
    pub(super) cells: Vec<Vec<u8>>,
    /// The cells with one space between.
    pub(super) text: String,
    pub(super) event_id: Option<String>,
    pub(super) delivered: Option<i64>,
}

/// Everything a decoder said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Collected {
    pub(super) provisional: bool,
    pub(super) layouts: Vec<Layout>,
    pub(super) rows: Vec<CollectedRow>,
    pub(super) malformed: Vec<(u64, String)>,
    /// What is known of each of these.
    pub(super) places: Vec<Vec<RowPlace>>,
    /// When the rows that follow were delivered.
    pub(super) delivered: Option<i64>,
    /// Stops after so many rows.
    pub(super) stop_after: Option<usize>,
}

impl Collected {
    /// Decodes into a fresh one; what was collected before an error is dropped.
    pub(super) fn of(content: Content, format: &Format) -> Result<Self, DecodeError> {
        let mut collected = Self::default();
        decode(content, format, &mut collected).map(|()| collected)
    }

    pub(super) fn texts(&self) -> Vec<&str> {
        self.rows.iter().map(|row| row.text.as_str()).collect()
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.rows.iter().map(|row| row.number).collect()
    }
}

impl Sink for Collected {
    fn provisional(&mut self) {
        self.provisional = true;
    }

    fn layout(&mut self, layout: &Layout) -> Result<(), Stop> {
        self.layouts.push(layout.clone());
        Ok(())
    }

    fn delivered(&mut self, at: Option<i64>) {
        self.delivered = at;
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Stop> {
        let layout = self.layouts.last().expect("a layout before the first row");
        assert_eq!(row.cells.len(), layout.columns().len());
        if self.stop_after == Some(self.rows.len()) {
            return Err(Stop);
        }
        self.rows.push(CollectedRow {
            number: row.number,
            layout: layout.clone(),
            cells: row.cells.iter().map(<[u8]>::to_vec).collect(),
            text: String::from_utf8_lossy(&row.cells.iter().collect::<Vec<_>>().join(&b' '))
                .into_owned(),
            event_id: row.event_id.map(str::to_owned),
            delivered: self.delivered,
        });
        Ok(())
    }

    fn malformed(&mut self, row: Malformed) -> Result<(), Stop> {
        self.malformed.push((row.number, row.reason));
        self.places.push(row.places);
        Ok(())
    }
}

/// The version 2 default, not given by the user.
pub(super) fn default_format() -> Format {
    Format::not_given()
}

/// A layout that the user gave, for short rows.
pub(super) fn given(format: &str) -> Format {
    Format::named(Layout::from_format(format).unwrap())
}

/// One gzip member.
pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

/// A file of that content, read from its start.
pub(super) fn file(content: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file.rewind().unwrap();
    file
}

/// The content of a file in `fixtures/formats`.
pub(super) fn fixture(name: &str) -> Vec<u8> {
    let formats = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats");
    std::fs::read(formats.join(name)).unwrap()
}

/// Decodes from memory, from a file and as a stream, which must agree.
pub(super) fn every_way(content: &[u8], format: &Format) -> Result<Collected, DecodeError> {
    let bytes = Collected::of(Content::Bytes(content.to_vec().into()), format);
    let file = Collected::of(Content::File(file(content)), format);
    assert_eq!(bytes, file);
    let mut streamed = Collected::default();
    let content = Content::Bytes(content.to_vec().into());
    let result = super::decode_as_read(content, format, &mut streamed);
    streamed.provisional = bytes.as_ref().is_ok_and(|bytes| bytes.provisional);
    assert_eq!(bytes, result.map(|()| streamed));
    bytes
}
