//! Sizes that a Parquet file claims, looked at before its reader believes them.
//!
//! The reader makes room for whatever a page's header says, and unpacks gzip pages to their end whatever it says. Whatever
//! else is wrong with a file, the reader itself says.
//!
//! Sources: Apache Parquet's `parquet.thrift` (`FileMetaData`, `PageHeader`) and Thrift's "Thrift compact protocol".

use std::io::{self, Read};

use ::parquet::basic::Compression;
use ::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use ::parquet::file::reader::ChunkReader;

use crate::decode::{DecodeError, gzip};

/// The largest footer that is taken. Each column of each row group takes some 100 bytes of it.
const LARGEST_FOOTER: u64 = 4 << 20;

/// The most elements of a schema that are looked at. How many can be fields, `Layout` says.
const MOST_ELEMENTS: u64 = 10_000;

/// How much the pages that are in memory at one time may unpack to: of each column the dictionary and a page of values.
/// Most writers begin another page after 1 MiB.
const LARGEST_PAGES: u64 = 128 << 20;

/// A gzip page that can unpack to less than this is not unpacked once more to see whether it does.
const SMALL_PAGE: u64 = 64 << 20;

/// No file has more rows for each of its bytes than a gzip of text can have lines.
const MOST_ROWS_A_BYTE: u64 = gzip::LARGEST_RATIO as u64;

fn refuse(reason: &str) -> DecodeError {
    DecodeError::Unreadable(format!("Parquet: {reason}"))
}

/// Refuses a footer for which the reader would need many times its size of memory: each of a million columns of a few
/// bytes costs it hundreds.
pub(super) fn check_footer(file: &impl ChunkReader) -> Result<(), DecodeError> {
    let bytes = |start, length| file.get_bytes(start, length).ok();
    let Some(end) = file.len().checked_sub(8) else {
        return Ok(());
    };
    let Some(length) = bytes(end, 4).and_then(|end| end[..].try_into().ok()) else {
        return Ok(());
    };
    let length = u64::from(u32::from_le_bytes(length));
    let Some(start) = end.checked_sub(length) else {
        return Ok(());
    };
    if length > LARGEST_FOOTER {
        let reason = format!("a footer of {length} bytes, more than 4 MiB");
        return Err(refuse(&reason));
    }
    let head = bytes(start, usize::try_from(length.min(32)).unwrap_or(32)).unwrap_or_default();
    match schema_elements(&head) {
        Some(elements) if elements > MOST_ELEMENTS => {
            Err(refuse(&format!("a schema of {elements} elements")))
        }
        _ => Ok(()),
    }
}

/// Returns how many elements the schema at the beginning of a footer has: the first field is the version, the second the
/// list of elements.
fn schema_elements(footer: &[u8]) -> Option<u64> {
    let mut footer = Compact::new(footer);
    let (i32_next, list_next, long_list_of_structs) = (0x15, 0x19, 0xfc);
    (footer.byte()? == i32_next).then_some(())?;
    let _version = footer.varint()?;
    (footer.byte()? == list_next).then_some(())?;
    match footer.byte()? {
        list if list == long_list_of_structs => footer.varint(),
        list => Some(u64::from(list >> 4)),
    }
}

/// Refuses more rows and more columns than a file can hold, and pages that would not fit memory, or are not what they
/// claim.
pub(super) fn check_pages(
    file: &impl ChunkReader,
    metadata: &ParquetMetaData,
) -> Result<(), DecodeError> {
    let groups = metadata.row_groups().iter();
    let columns = groups.clone().flat_map(|group| group.columns());
    let rows = sum(groups.map(|group| group.num_rows()));
    let bytes = sum(columns.map(ColumnChunkMetaData::compressed_size));
    let size = file.len();
    if rows / MOST_ROWS_A_BYTE > size {
        return Err(refuse(&format!("{rows} rows in {size} bytes")));
    }
    // Or else a small file could have the same pages read over and over.
    if bytes > size {
        return Err(refuse(&format!("columns of {bytes} bytes in {size} bytes")));
    }
    for group in metadata.row_groups() {
        let mut in_memory: u64 = 0;
        for column in group.columns() {
            in_memory = in_memory.saturating_add(unpacked_pages(file, column)?);
        }
        if in_memory > LARGEST_PAGES {
            let reason = format!(
                "pages that unpack to {in_memory} bytes must be in memory at one time, more than 128 MiB: \
                 write it with smaller pages"
            );
            return Err(refuse(&reason));
        }
    }
    Ok(())
}

/// Adds up sizes, those below 0 being none.
fn sum(sizes: impl Iterator<Item = i64>) -> u64 {
    sizes.fold(0, |all: u64, size| {
        all.saturating_add(u64::try_from(size).unwrap_or(0))
    })
}

/// Returns how much of a column must be in memory at one time: its dictionary and its largest page of values.
fn unpacked_pages(
    file: &impl ChunkReader,
    column: &ColumnChunkMetaData,
) -> Result<u64, DecodeError> {
    let start = column.dictionary_page_offset();
    let start = start.unwrap_or(column.data_page_offset());
    let (Ok(mut start), Ok(length)) = (
        u64::try_from(start),
        u64::try_from(column.compressed_size()),
    ) else {
        return Ok(0);
    };
    let end = start.saturating_add(length);
    let (mut dictionary, mut values) = (0, 0);
    while start < end && start < file.len() {
        let Ok(from) = file.get_read(start) else {
            break;
        };
        let mut header = Compact::new(from);
        let Some(page) = PageSizes::read(&mut header) else {
            let reason = format!(
                "column `{}`: the header of a page at byte {start} is damaged",
                column.column_path().string()
            );
            return Err(refuse(&reason));
        };
        start = start.saturating_add(header.read);
        let largest = match page.kind {
            PageSizes::DICTIONARY => &mut dictionary,
            _ => &mut values,
        };
        *largest = page.unpacked.max(page.packed).max(*largest);
        let gzip = matches!(column.compression(), Compression::GZIP(_)) && !page.is_uncompressed;
        if gzip && page.packed.saturating_mul(gzip::LARGEST_RATIO as u64) > SMALL_PAGE {
            check_gzip(file, column, &page, start)?;
        }
        start = start.saturating_add(page.packed);
    }
    Ok(dictionary + values)
}

/// Refuses a gzip page that unpacks to something else than it claims.
fn check_gzip(
    file: &impl ChunkReader,
    column: &ColumnChunkMetaData,
    page: &PageSizes,
    start: u64,
) -> Result<(), DecodeError> {
    let levels: u64 = page.levels.iter().sum();
    let (Some(length), Some(unpacked)) = (
        page.packed.checked_sub(levels),
        page.unpacked.checked_sub(levels),
    ) else {
        return Ok(());
    };
    let claimed = usize::try_from(unpacked.min(LARGEST_PAGES)).unwrap_or(usize::MAX);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let Ok(packed) = file.get_bytes(start + levels, length) else {
        return Ok(());
    };
    let unpacked = gzip::unpack_below(claimed + 1, &packed);
    if unpacked.is_ok_and(|unpacked| unpacked.is_some_and(|page| page.len() == claimed)) {
        return Ok(());
    }
    let reason = format!(
        "column `{}`: a gzip page at byte {start} does not unpack to the {claimed} bytes that it claims",
        column.column_path().string()
    );
    Err(refuse(&reason))
}

/// What the header of a page says of its size.
#[derive(Debug, Default)]
struct PageSizes {
    kind: u64,
    unpacked: u64,
    packed: u64,
    /// Bytes before what is compressed, in version 2: of definition levels and of repetition levels.
    levels: [u64; 2],
    is_uncompressed: bool,
}

impl PageSizes {
    const DICTIONARY: u64 = 2;

    /// Reads a header. `None` if it is damaged, or tells a size in another way than all others: the reader might take
    /// another size from it.
    fn read(header: &mut Compact<impl Read>) -> Option<Self> {
        let mut page = Self::default();
        header.fields(&mut Vec::new(), &mut |field, value| {
            match (field, value) {
                ([1], ThriftValue::Int(kind)) => page.kind = kind,
                ([2], ThriftValue::Int(bytes)) => page.unpacked = bytes,
                ([3], ThriftValue::Int(bytes)) => page.packed = bytes,
                ([8, 5], ThriftValue::Int(bytes)) => page.levels[0] = bytes,
                ([8, 6], ThriftValue::Int(bytes)) => page.levels[1] = bytes,
                ([8, 7], ThriftValue::Bool(compressed)) => page.is_uncompressed = !compressed,
                ([8], ThriftValue::Struct) => {}
                ([1..=3] | [8] | [8, 5..=7], _) => return None,
                _ => {}
            }
            Some(())
        })?;
        Some(page)
    }
}

/// A field of a struct, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ThriftValue {
    Bool(bool),
    Int(u64),
    Struct,
    /// Also an integer below 0.
    Other,
}

impl ThriftValue {
    /// The value of 32 bits. `None` if it has more.
    fn of_int(int: i64) -> Option<Self> {
        let int = i32::try_from(int).ok()?;
        Some(u64::try_from(int).map_or(Self::Other, Self::Int))
    }
}

/// How deep structs are within each other: statistics are within what the header says of a page.
const DEEPEST: usize = 3;

type TellField<'a> = &'a mut dyn FnMut(&[i64], ThriftValue) -> Option<()>;

/// Reads Thrift's compact form; `None` of what is cut off, or is not what stands in the header of a page.
struct Compact<R> {
    bytes: R,
    /// How many bytes have been read.
    read: u64,
}

impl<R: Read> Compact<R> {
    fn new(bytes: R) -> Self {
        Self { bytes, read: 0 }
    }

    /// Reads a struct to its end and tells its fields, those of structs within it too: the numbers that lead to each.
    fn fields(&mut self, path: &mut Vec<i64>, tell: TellField<'_>) -> Option<()> {
        let mut field: i64 = 0;
        loop {
            let head = self.byte()?;
            let kind = head & 0xf;
            if kind == 0 {
                return Some(());
            }
            field = match head >> 4 {
                0 => zigzag(self.varint()?),
                more => field.checked_add(more.into())?,
            };
            path.push(field);
            let value = match kind {
                1 | 2 => ThriftValue::Bool(kind == 1),
                3 => self.pass_over(1)?,
                4 | 6 => self.varint().map(|_| ThriftValue::Other)?,
                5 => ThriftValue::of_int(zigzag(self.varint()?))?,
                7 => self.pass_over(8)?,
                8 => {
                    let length = self.varint()?;
                    self.pass_over(length)?
                }
                12 if path.len() < DEEPEST => {
                    self.fields(path, tell)?;
                    ThriftValue::Struct
                }
                _ => return None,
            };
            tell(path, value)?;
            path.pop();
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        self.bytes.read_exact(&mut byte).ok()?;
        self.read += 1;
        Some(byte[0])
    }

    fn pass_over(&mut self, length: u64) -> Option<ThriftValue> {
        let passed = io::copy(&mut self.bytes.by_ref().take(length), &mut io::sink()).ok()?;
        self.read += passed;
        (passed == length).then_some(ThriftValue::Other)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use ::parquet::file::metadata::ParquetMetaDataReader;
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::decode::collected::fixture;

    fn metadata(file: &Bytes) -> ParquetMetaData {
        ParquetMetaDataReader::new().parse_and_finish(file).unwrap()
    }

    #[test]
    fn pages_of_sound_files_end_where_their_column_does() {
        for name in ["s3.log.parquet", "pandas.parquet"] {
            let file = Bytes::from(fixture(name));
            let metadata = metadata(&file);
            check_footer(&file).unwrap();
            check_pages(&file, &metadata).unwrap();
            for column in metadata
                .row_groups()
                .iter()
                .flat_map(|group| group.columns())
            {
                let (start, length) = column.byte_range();
                let (mut at, mut values) = (start, 0);
                while at < start + length {
                    let mut header = Compact::new(file.get_read(at).unwrap());
                    let page = PageSizes::read(&mut header).unwrap();
                    assert!(!page.is_uncompressed || page.packed == page.unpacked);
                    values += u64::from(page.kind != PageSizes::DICTIONARY);
                    at += header.read + page.packed;
                }
                assert_eq!(at, start + length, "{name}");
                assert!(values > 0);
            }
        }
    }

    #[test]
    fn a_header_of_the_second_version_tells_what_stands_before_the_compressed_bytes() {
        // type 3, 1000 unpacked, 100 packed, checksum -1, and of version 2: 9 values, 1 NULL, 9 rows, plain, 20 and 0
        // bytes of levels, not compressed, statistics: NULLs 1, a greatest value of two bytes, exact.
        let header = [
            0x15, 6, 0x15, 0xd0, 0x0f, 0x15, 0xc8, 0x01, 0x15, 1, 0x4c, 0x15, 18, 0x15, 2, 0x15,
            18, 0x15, 0, 0x15, 40, 0x15, 0, 0x12, 0x1c, 0x36, 2, 0x28, 2, 7, 7, 0x21, 0, 0, 0,
        ];
        let mut compact = Compact::new(&header[..]);
        let page = PageSizes::read(&mut compact).unwrap();
        assert_eq!((page.kind, page.unpacked, page.packed), (3, 1000, 100));
        assert_eq!((page.levels, page.is_uncompressed), ([20, 0], true));
        assert_eq!(compact.read, header.len() as u64);
        for cut in 0..header.len() {
            assert!(
                PageSizes::read(&mut Compact::new(&header[..cut])).is_none(),
                "{cut}"
            );
        }
    }

    #[test]
    fn what_others_might_read_in_another_way_is_damage() {
        for (damaged, what) in [
            (&[0x16, 6, 0][..], "no integer of 32 bits"),
            (
                &[0x15, 6, 0x15, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0],
                "more than 32 bits",
            ),
            (&[0x15, 6, 0x15, 1, 0], "a size below 0"),
            (&[0x15, 6, 0x75, 2, 0], "a version 2 that is no struct"),
            (&[0x5c, 0x1c, 0x1c, 0, 0, 0, 0], "structs that are too deep"),
            (&[0x59, 0], "a list"),
            (&[0x05, 2, 0x15, 2], "no end"),
        ] {
            assert!(
                PageSizes::read(&mut Compact::new(damaged)).is_none(),
                "{what}"
            );
        }
        // As the reader does it, the last of two counts, also of levels.
        let twice = [0x8c, 0x55, 8, 0x05, 10, 6, 0, 0];
        let page = PageSizes::read(&mut Compact::new(&twice[..])).unwrap();
        assert_eq!(page.levels, [3, 0]);
        // What is not known is passed over.
        let odd = [
            0x03, 0x28, 9, 0x07, 0x2a, 0, 0, 0, 0, 0, 0, 0, 0, 0x05, 4, 8, 0x05, 4, 6, 0,
        ];
        let mut compact = Compact::new(&odd[..]);
        assert_eq!(PageSizes::read(&mut compact).unwrap().unpacked, 3);
        assert_eq!(compact.read, odd.len() as u64);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_header_or_damage(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut compact = Compact::new(&bytes[..]);
            let _ = PageSizes::read(&mut compact);
            prop_assert!(compact.read <= bytes.len() as u64);
        }
    }
}
