//! Decoding: bytes to rows. Tells formats by content; knows nothing of what rows mean or where
//! bytes came from.

mod around;
mod buffer;
#[cfg(test)]
mod collected;
mod csv;
mod cut;
mod envelopes;
mod events;
mod foreign;
mod form;
mod gzip;
mod kept;
mod limits;
mod marks;
mod parquet;
mod rows;
mod several;
#[cfg(test)]
mod shapes;
mod text;
mod unpacking;
mod utf16;
mod yaml;
mod zstd;

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::sync::Arc;

use buffer::Buffer;
use bytes::Bytes;
use form::{HEAD, LogForm};

use crate::record::{Cells, Layout, RowPlace};

use unpacking::Unpacking;

pub use buffer::give_back_memory;
pub use kept::KeptRow;
pub use parquet::table;
pub use unpacking::unpacks_to;

/// A piece of a part, to be decoded on its own.
#[derive(Debug)]
pub enum Content {
    /// A whole object, in memory.
    Bytes(Bytes),
    /// A whole file, read from its start.
    File(File),
    /// Events of a log stream.
    Events(Vec<Event>),
    /// Some rows of a part, kept when it was read before.
    Kept(Arc<[KeptRow]>),
}

impl Content {
    /// Returns its size in bytes as it was fetched (compressed, if it is); of events, their messages.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file) => file.metadata().map_or(0, |metadata| metadata.len()),
            Self::Events(events) => events.iter().map(|event| event.message.len() as u64).sum(),
            Self::Kept(rows) => rows.iter().map(|row| row.text.len() as u64).sum(),
        }
    }
}

impl Content {
    /// Returns the same content once more, to be decoded after this one; `None` of live events, which nobody reads twice.
    ///
    /// # Errors
    /// The system gives no second handle for a file.
    pub fn again(&self) -> Result<Option<Self>, DecodeError> {
        Ok(match self {
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::File(file) => Some(Self::File(file.try_clone()?)),
            Self::Events(_) => None,
            Self::Kept(rows) => Some(Self::Kept(Arc::clone(rows))),
        })
    }
}

/// One event of a log stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Milliseconds since 1970; a flow-log record's `start`.
    pub timestamp: i64,
    /// One record without a header.
    pub message: String,
    /// When the service took it in, in milliseconds since 1970, if it says so.
    pub ingested: Option<i64>,
}

/// The layouts of rows that come without a header.
#[derive(Clone, Debug)]
pub struct Format {
    /// The columns.
    pub layout: Layout,
    /// Other layouts that rows may have as well: each row has the one that it fits.
    pub others: Vec<Layout>,
    /// Whether the user named them. If not, rows of the Transit Gateway default format are told by their shape.
    pub given: bool,
}

impl Format {
    /// Returns the one that is taken if none is given: the version 2 default format.
    pub fn not_given() -> Self {
        Self {
            layout: Layout::vpc_default(),
            others: Vec::new(),
            given: false,
        }
    }

    /// Returns the one that a user has named.
    pub fn named(layout: Layout) -> Self {
        Self {
            layout,
            others: Vec::new(),
            given: true,
        }
    }

    /// Returns all layouts that rows may have, as they were named.
    pub fn layouts(&self) -> impl Iterator<Item = &Layout> {
        std::iter::once(&self.layout).chain(&self.others)
    }
}

/// One row of a part.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Where it stands: line of a text (1-based, headers and blank lines counted), row of a Parquet
    /// file (1-based), event of a JSON file (1-based, over all its documents), or the timestamp
    /// of a live event in milliseconds, by which CloudWatch Logs finds it.
    pub number: u64,
    /// One cell for each column of the layout in force. Empty and `-` are absent.
    pub cells: Cells<'a>,
    /// Whether nothing but them stands in a line of text, or only a time stamp before them.
    pub alone: bool,
    /// A word before them that was taken for the name of a log stream. It may as well be a cell too many.
    pub named: Option<&'a [u8]>,
    /// The event's id, where the file has one: two rows with one id are one event.
    pub event_id: Option<&'a str>,
}

/// A row that is no record of the layout in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where it stands; see [`Row::number`].
    pub number: u64,
    /// Why it is none, as a sentence that a report can show.
    pub reason: String,
    /// How many cells stand in it at most: so many cells of records it may be made of. 0 if nothing is known of them.
    pub cells: u64,
    /// How many columns the narrowest layout has that it may be meant in; `None` for the one in force.
    pub columns: Option<usize>,
    /// The event's id and a number for what it says, where the file has an id: two events with one id that say other things
    /// are two.
    pub event: Option<String>,
    /// What its cells tell of it in each of the layouts that it may be meant in, which have as many columns; nothing if there
    /// is none.
    pub places: Vec<RowPlace>,
    /// What of the layout in force does not fit, as a clause, if that can be told; of a part's first such rows only.
    pub misfit: Option<String>,
}

impl Malformed {
    /// Makes one of which no cells are known.
    pub fn new(number: u64, reason: String) -> Self {
        Self {
            number,
            reason,
            cells: 0,
            columns: None,
            event: None,
            places: Vec::new(),
            misfit: None,
        }
    }
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

    /// Tells when the rows that follow were delivered, in Unix seconds, if their event says so. Not called for rows that
    /// are no events.
    fn delivered(&mut self, _at: Option<i64>) {}

    /// Tells the log stream that the rows that follow stood in, if their event says so. Not called for rows that are no
    /// events.
    fn stream(&mut self, _name: Option<&str>) {}

    /// Tells that a line of text, without its time stamp, needs no cutting: whatever it is, nobody wants it. Asked of
    /// lines only if [`Sink::may_skip`] says so.
    fn skips(&self, _line: &[u8]) -> bool {
        false
    }

    /// Tells whether lines may be skipped.
    fn may_skip(&self) -> bool {
        false
    }

    /// Takes a row.
    ///
    /// # Errors
    /// No more is wanted.
    fn row(&mut self, row: Row<'_>) -> Result<(), Stop>;

    /// Tells whether asterisks stand among the rows that follow, so that values may be masked. Until told otherwise, none do
    /// in rows whose cells stand in a line.
    fn asterisks(&mut self, _are_there: bool) {}

    /// Takes note of a row that is no record of the layout in force.
    ///
    /// # Errors
    /// No more is wanted.
    fn malformed(&mut self, row: Malformed) -> Result<(), Stop>;
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

impl From<io::Error> for DecodeError {
    /// Keeps what a decoder says about its input; what the system says is introduced.
    fn from(error: io::Error) -> Self {
        Self::Unreadable(match error.raw_os_error() {
            Some(_) => format!("cannot be read: {error}"),
            None => error.to_string(),
        })
    }
}

/// A file of at most so many bytes is read whole, which is faster and needs no second thoughts about its rows.
const WHOLE_FILE: usize = 16 << 20;

/// Decodes a content, whatever its form, and hands its rows to the sink in order. Empty content
/// has no rows. Memory does not depend on how much a file unpacks to.
///
/// Until [`Sink::provisional`] is called, rows come from content that is known to be whole.
///
/// # Errors
/// The content is in no form flowdiff knows, or is damaged, cut off or followed by something else.
/// Rows delivered before that were in it; others may be lost. Or the sink wants no more.
pub fn decode(content: Content, format: &Format, sink: &mut impl Sink) -> Result<(), DecodeError> {
    match content {
        Content::Events(events) => events::live(&events, format, sink),
        Content::Kept(rows) => kept::decode(&rows, sink),
        Content::Bytes(bytes) if bytes.starts_with(parquet::MAGIC) => parquet::decode(bytes, sink),
        Content::Bytes(bytes) => whole(&bytes, Unpacking::of(bytes.len() as u64), format, sink),
        Content::File(file) => from_file(file, WHOLE_FILE, format, sink),
    }
}

/// Decodes a content like [`decode`], but as it is unpacked, so that what a sink leaves costs nothing. All rows are provisional.
///
/// # Errors
/// As of [`decode`].
pub fn decode_as_read(
    content: Content,
    format: &Format,
    sink: &mut impl Sink,
) -> Result<(), DecodeError> {
    sink.provisional();
    match content {
        Content::Bytes(bytes) if !bytes.starts_with(parquet::MAGIC) => {
            let unpacking = Unpacking::of(bytes.len() as u64);
            stream(&mut &bytes[..], unpacking, format, sink)
        }
        Content::File(file) => from_file(file, 0, format, sink),
        content @ (Content::Bytes(_) | Content::Events(_) | Content::Kept(_)) => {
            decode(content, format, sink)
        }
    }
}

/// Returns the text that the first bytes of a file hold, as far as they go, packed or not; `None` if it is Parquet, which
/// tells what is in it at its end.
pub fn beginning(head: &[u8]) -> Option<Vec<u8>> {
    if head.starts_with(parquet::MAGIC) {
        return None;
    }
    Some(if head.starts_with(gzip::MAGIC) {
        gzip::beginning(head)
    } else if head.starts_with(zstd::MAGIC) {
        zstd::beginning(head)
    } else {
        head.to_vec()
    })
}

/// Decodes a file, which is read whole if it has at most so many bytes.
fn from_file(
    mut file: File,
    most_whole: usize,
    format: &Format,
    sink: &mut impl Sink,
) -> Result<(), DecodeError> {
    file.rewind()?;
    let head = head_of(&mut file)?;
    file.rewind()?;
    if head.starts_with(parquet::MAGIC) {
        sink.provisional();
        return parquet::decode_file(file, sink);
    }
    let size = file.metadata()?.len();
    let unpacking = Unpacking::of(size);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size <= most_whole {
        let content = Buffer::read(&mut file, size)?;
        return whole(&content, unpacking, format, sink);
    }
    sink.provisional();
    stream(&mut file, unpacking, format, sink)
}

/// Decodes what is in memory.
fn whole<S: Sink>(
    content: &[u8],
    unpacking: Unpacking,
    format: &Format,
    sink: &mut S,
) -> Result<(), DecodeError> {
    match form::told(&content[..content.len().min(HEAD)])? {
        LogForm::WriteTest => Ok(()),
        LogForm::Text => text::decode(content, format, sink),
        LogForm::Json => events::decode(content, format, sink),
        LogForm::Csv(table) => csv::stream(&table, &mut &content[..], format, sink),
        LogForm::Yaml => events::stream(&mut yaml::AsJson::new(content), format, sink),
        LogForm::Utf16 => {
            let unpacking = unpacking.deeper()?;
            sink.provisional();
            stream(&mut utf16::AsUtf8::new(content), unpacking, format, sink)
        }
        LogForm::Base64 => events::base64(&mut &content[..], format, sink),
        LogForm::Parquet => parquet::decode(Bytes::copy_from_slice(content), sink),
        LogForm::Zstd => {
            let unpacking = unpacking.deeper()?;
            match zstd::unpack(content)? {
                Some(unpacked) if (unpacked.len() as u64) <= unpacking.bytes => {
                    whole(&unpacked, unpacking, format, sink)
                }
                _ => {
                    sink.provisional();
                    stream(
                        &mut unpacking.unpack_zstd(content)?,
                        unpacking,
                        format,
                        sink,
                    )
                }
            }
        }
        LogForm::Gzip => {
            let unpacking = unpacking.deeper()?;
            match gzip::unpack(content)? {
                Some(unpacked) => whole(&unpacked, unpacking, format, sink),
                None => {
                    sink.provisional();
                    stream(&mut unpacking.unpack(content), unpacking, format, sink)
                }
            }
        }
    }
}

/// Decodes what is read once from start to end. The sink knows that it is provisional.
fn stream<S: Sink>(
    content: &mut dyn Read,
    unpacking: Unpacking,
    format: &Format,
    sink: &mut S,
) -> Result<(), DecodeError> {
    let head = head_of(content)?;
    let form = form::told(&head)?;
    let mut content = Cursor::new(head).chain(content);
    match form {
        LogForm::WriteTest => Ok(()),
        LogForm::Text => text::stream(&mut content, format, sink),
        LogForm::Json => events::stream(&mut content, format, sink),
        LogForm::Csv(table) => csv::stream(&table, &mut content, format, sink),
        LogForm::Yaml => {
            let text = BufReader::with_capacity(64 << 10, content);
            events::stream(&mut yaml::AsJson::new(text), format, sink)
        }
        LogForm::Utf16 => {
            let unpacking = unpacking.deeper()?;
            stream(&mut utf16::AsUtf8::new(content), unpacking, format, sink)
        }
        LogForm::Base64 => events::base64(&mut content, format, sink),
        LogForm::Parquet => parquet::stream(&mut content, sink),
        LogForm::Zstd => {
            let unpacking = unpacking.deeper()?;
            let packed = BufReader::with_capacity(64 << 10, content);
            stream(&mut unpacking.unpack_zstd(packed)?, unpacking, format, sink)
        }
        LogForm::Gzip => {
            let unpacking = unpacking.deeper()?;
            let packed = BufReader::with_capacity(64 << 10, content);
            stream(&mut unpacking.unpack(packed), unpacking, format, sink)
        }
    }
}

fn head_of(content: &mut dyn Read) -> Result<Vec<u8>, DecodeError> {
    let mut head = Vec::with_capacity(HEAD);
    content.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::collected::{Collected, default_format, every_way, file, fixture, given, gzip};
    use super::*;

    #[test]
    fn transit_gateway_rows_and_the_write_test() {
        let all = every_way(&fixture("tgw.txt"), &default_format()).unwrap();
        assert_eq!(all.layouts, [Layout::transit_gateway_default()]);
        assert_eq!((all.rows.len(), all.malformed.len()), (2, 0));
        let none = every_way(&fixture("aws-logs-write-test"), &default_format()).unwrap();
        assert_eq!((none.rows.len(), none.malformed.len()), (0, 0));
    }

    #[test]
    fn nothing_at_all_is_no_rows() {
        for content in [&b""[..], b"\n \n", &gzip(b""), b"[]"] {
            let all = every_way(content, &default_format()).unwrap();
            assert_eq!((all.rows.len(), all.malformed.len()), (0, 0), "{content:?}");
        }
    }

    #[test]
    fn json_may_hold_whatever_its_strings_may() {
        let message = "\u{7f}".repeat(300);
        let json = format!(r#"{{"events":[{{"eventId":"1","message":"{message}"}}]}}"#);
        let all = every_way(json.as_bytes(), &default_format()).unwrap();
        assert_eq!((all.rows.len(), all.malformed.len()), (0, 1));
    }

    #[test]
    fn what_is_no_flow_log_is_unreadable() {
        let neither = form::NEITHER;
        let latin = [&b"2 caf\xe9 "[..], &[b'x'; 2000]].concat();
        let deep = (0..4).fold(b"1 2".to_vec(), |content, _| gzip(&content));
        for (content, reason) in [
            (&b"2 1\0 3"[..], neither),
            (b"\x89PNG\r\n\x1a\n\0\0", neither),
            (&latin, neither),
            (b"\x01\x02\x03", neither),
            (
                b"\xff\xfe2",
                "UTF-16 text that is cut off within a character",
            ),
            (b"\x28\xb5\x2f\xfd\0", "zstd: cut off"),
            (
                b"BZh9",
                "bzip2 compressed: not a form AWS delivers; unpack it first",
            ),
            (
                b"PK\x03\x04",
                "a zip archive: not a form AWS delivers; unpack it first",
            ),
            (&deep, "gzip within gzip, too many times"),
            (b"\x1f\x8b\x08", "gzip: cut off after 3 bytes"),
        ] {
            let error = every_way(content, &default_format()).unwrap_err();
            assert_eq!(error, DecodeError::Unreadable(reason.to_owned()));
        }
    }

    #[test]
    fn a_character_may_be_cut_where_looking_ends() {
        let text = format!("1 {}\u{e9}\n", "x".repeat(1024 - 3));
        let all = every_way(text.as_bytes(), &given("${start} ${end}")).unwrap();
        assert_eq!(all.rows.len(), 1);
    }

    #[test]
    fn only_what_is_known_to_be_whole_is_not_provisional() {
        for (name, provisional) in [
            ("plain.txt", false),
            ("s3-header.log.gz", false),
            ("s3.log.parquet", true),
            ("get-log-events.json", true),
        ] {
            let bytes = Content::Bytes(fixture(name).into());
            let all = Collected::of(bytes, &default_format()).unwrap();
            assert_eq!(all.provisional, provisional, "{name}");
            let file = Content::File(file(&fixture(name)));
            let all = Collected::of(file, &default_format()).unwrap();
            assert_eq!(all.provisional, provisional, "{name} from a file");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(
            magic in prop::sample::select(vec![&b""[..], b"\x1f\x8b\x08\0", b"PAR1", b"{", b"[", b"{\"events\":["]),
            mut content in prop::collection::vec(any::<u8>(), 0..200),
            end in prop::sample::select(vec![&b""[..], b"PAR1"]),
        ) {
            content.splice(..0, magic.iter().copied());
            content.extend_from_slice(end);
            let _ = every_way(&content, &default_format());
            let _ = every_way(&gzip(&content), &default_format());
        }

        #[test]
        fn damage_makes_nothing_panic(
            name in prop::sample::select(vec!["s3-header.log.gz", "subscription.gz", "lambda-event.json"]),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
            len in any::<prop::sample::Index>(),
        ) {
            let mut content = fixture(name);
            let at = at.index(content.len());
            content[at] = byte;
            content.truncate(len.index(content.len()) + 1);
            let _ = every_way(&content, &default_format());
        }
    }
}
