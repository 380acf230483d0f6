//! Decoding: bytes to rows. Tells formats by content; knows nothing of what rows mean or where
//! bytes came from.

use std::fs::File;

use bytes::Bytes;

use crate::record::Layout;

/// A piece of a part, to be decoded on its own.
#[derive(Debug)]
pub enum Content {
    /// A whole object, in memory.
    Bytes(Bytes),
    /// A whole file, read from its start.
    File(File),
    /// Events of a log stream.
    Events(Vec<Event>),
}

/// One event of a log stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Milliseconds since 1970; a flow-log record's `start`.
    pub timestamp: i64,
    /// One record without a header.
    pub message: String,
}

/// The layout of rows that come without a header.
#[derive(Clone, Debug)]
pub struct Format {
    /// The columns.
    pub layout: Layout,
    /// Whether the user named it. If not, rows of the Transit Gateway default format are told by their shape.
    pub given: bool,
}

/// One row of a part.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Where it stands: line of a text (1-based, headers and blank lines counted), row of a Parquet
    /// file (1-based), event of a JSON file (1-based, over all its documents), or the timestamp
    /// of a live event in milliseconds, by which CloudWatch Logs finds it.
    pub number: u64,
    /// One cell for each column of the layout in force. Empty and `-` are absent.
    pub cells: &'a [&'a [u8]],
    /// The event's id, where the file has one: two rows with one id are one event.
    pub event_id: Option<&'a str>,
}

/// The receiver of rows wants no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// Takes the rows of a part, in order.
pub trait Sink {
    /// Announces that rows which follow may still turn out to belong to an unreadable part: a
    /// checksum or a closing bracket has not been seen yet.
    fn provisional(&mut self);

    /// Sets the layout of the rows that follow. Called before the first row and at each header.
    ///
    /// # Errors
    /// No more is wanted.
    fn layout(&mut self, layout: &Layout) -> Result<(), Stop>;

    /// Takes a row.
    ///
    /// # Errors
    /// No more is wanted.
    fn row(&mut self, row: Row<'_>) -> Result<(), Stop>;

    /// Takes note of a row that is no record of the layout in force. The reason is a sentence that
    /// a report can show.
    ///
    /// # Errors
    /// No more is wanted.
    fn malformed(&mut self, number: u64, reason: String) -> Result<(), Stop>;
}

/// Why decoding ended early.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not a format flowdiff knows, or damaged; a sentence that a report can show.
    #[error("{0}")]
    Unreadable(String),
    /// The sink wants no more.
    #[error("stopped")]
    Stopped,
}

impl From<Stop> for DecodeError {
    fn from(_: Stop) -> Self {
        Self::Stopped
    }
}
