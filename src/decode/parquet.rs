//! Parquet: columns to cells.
//!
//! Source of the shape: VPC User Guide "Flow log records" (the Parquet type of each field) and "Flow
//! log files". Which integers are absent is told by NULL, which strings by `-`.

mod columns;
mod encrypted;
mod gate;
mod lines;
mod sizes;
pub mod table;

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

use ::parquet::basic::{ConvertedType, Repetition};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ParquetMetaDataReader, RowGroupMetaData};
use ::parquet::file::reader::ChunkReader;
use ::parquet::file::serialized_reader::SerializedPageReader;
use ::parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use bytes::Bytes;
use thiserror::Error;

use self::columns::{ColumnError, ColumnKind, GroupColumn};
use self::lines::Lines;
use super::limits::AtMost;
use super::{DecodeError, Row, Sink};
use crate::record::{Cells, FieldName, Layout};

/// How a file begins, and ends.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// How many rows are in memory at a time, besides the pages they come from.
const BATCH: usize = 8192;

/// The most text that these rows may have.
const LARGEST_BATCH: usize = 64 << 20;

/// Decodes a file in memory.
pub(super) fn decode<S: Sink>(file: Bytes, sink: &mut S) -> Result<(), DecodeError> {
    rows(file, sink)
}

/// Decodes a file on disk.
pub(super) fn decode_file<S: Sink>(file: File, sink: &mut S) -> Result<(), DecodeError> {
    rows(file, sink)
}

/// The largest file that is put on disk to be read. AWS writes some 75 MB at most.
const LARGEST_SPOOL: u64 = 128 << 20;

/// Decodes a file that can only be read once from start to end. The columns' place is told at the end, so
/// it is put on disk first.
pub(super) fn stream<S: Sink>(file: &mut dyn io::Read, sink: &mut S) -> Result<(), DecodeError> {
    let mut spool = crate::temporary::file()?;
    let reason = "Parquet within gzip that unpacks to more than 128 MiB: unpack it first";
    io::copy(&mut AtMost::new(LARGEST_SPOOL, file, reason), &mut spool)?;
    rows(spool, sink)
}

fn rows<S: Sink>(file: impl ChunkReader + 'static, sink: &mut S) -> Result<(), DecodeError> {
    sizes::check_footer(&file)?;
    // Pages are not looked at before the rows on earlier ones have been delivered.
    sink.provisional();
    let metadata = sound(|| ParquetMetaDataReader::new().parse_and_finish(&file))?;
    sizes::check_pages(&file, &metadata).map_err(|error| {
        if encrypted::is_encrypted(&file) {
            let reason = "Parquet: its columns are encrypted: write it without encryption first";
            return DecodeError::Unreadable(reason.to_owned());
        }
        error
    })?;
    let (layout, values) = layout(metadata.file_metadata().schema_descr())?;
    let file = Arc::new(file);
    let mut number = 0;
    let mut lines = Lines::new();
    for (index, group) in metadata.row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        let mut columns = sound(|| open(&file, group, &layout, &values))?;
        let first = number;
        while let read @ 1.. = sound(|| read(&mut columns))? {
            if number == 0 {
                sink.layout(&layout)?;
            }
            deliver(&columns, read, &mut lines, &mut number, sink)?;
        }
        let found = number - first;
        if found != rows {
            let reason = format!("Parquet: row group {index} has {found} rows, not {rows}");
            return Err(DecodeError::Unreadable(reason));
        }
    }
    Ok(())
}

/// Opens the columns of a row group.
fn open<R: ChunkReader + 'static>(
    file: &Arc<R>,
    group: &RowGroupMetaData,
    layout: &Layout,
    values: &[ColumnKind],
) -> Result<Vec<Box<dyn GroupColumn>>, ParquetError> {
    let rows = usize::try_from(group.num_rows()).unwrap_or(0);
    let columns = group.columns().iter().zip(layout.columns()).zip(values);
    let columns = columns.map(|((column, name), &values)| {
        let pages = SerializedPageReader::new(Arc::clone(file), column, rows, None)?;
        let described = column.column_descr_ptr();
        Ok(columns::open(&described, Box::new(pages), values, name))
    });
    columns.collect()
}

/// Why a batch could not be read.
#[derive(Debug, Error)]
enum BatchError {
    #[error(transparent)]
    Column(#[from] ColumnError),
    #[error("its columns are of unequal length")]
    Ragged,
}

/// Reads a batch of all columns, and returns how many rows it has; none at the end of the row group.
fn read(columns: &mut [Box<dyn GroupColumn>]) -> Result<usize, BatchError> {
    let mut room = LARGEST_BATCH;
    let mut read = None;
    for column in columns {
        let rows = column.read(BATCH, &mut room)?;
        if *read.get_or_insert(rows) != rows {
            return Err(BatchError::Ragged);
        }
    }
    Ok(read.unwrap_or(0))
}

thread_local! {
    /// Whether a panic on this thread is one of the reader's, which is caught and reported as what it is: a damaged file.
    static IS_READING: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the process's panic hook from printing a reader's panics; all others it gets as before.
static QUIET: Once = Once::new();

fn quiet_readers() {
    QUIET.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_READING.get() {
                hook(panic);
            }
        }));
    });
}

/// Takes a step of the reader. It panics on some damaged files (a negative offset in the footer is
/// one, in parquet 60): one part must not stop a run. The reader is not used again after that.
fn sound<T, E: std::error::Error>(step: impl FnOnce() -> Result<T, E>) -> Result<T, DecodeError> {
    quiet_readers();
    IS_READING.set(true);
    let stepped = catch_unwind(AssertUnwindSafe(step));
    IS_READING.set(false);
    let reason = match stepped {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(said), _) => (*said).to_owned(),
            (None, Some(said)) => said.clone(),
            (None, None) => "damaged".to_owned(),
        },
    };
    Err(DecodeError::Unreadable(format!("Parquet: {reason}")))
}

/// So many columns are named of a file that has none of a flow log's.
const NAMED: usize = 5;

/// Returns the fields that the columns are, and what the values of each are.
fn layout(schema: &SchemaDescriptor) -> Result<(Layout, Vec<ColumnKind>), DecodeError> {
    let fields = schema.root_schema().get_fields();
    let refuse = |name: &str, what: &str| {
        let reason = format!("Parquet: column `{name}` cannot be a field, it is {what}");
        Err(DecodeError::Unreadable(reason))
    };
    let mut values = Vec::with_capacity(fields.len());
    for (index, field) in fields.iter().enumerate() {
        let about = field.get_basic_info();
        if about.has_repetition() && about.repetition() == Repetition::REPEATED {
            return refuse(field.name(), "nested: a list");
        }
        if field.is_group() {
            return refuse(field.name(), "nested: a group of columns");
        }
        // As all before it are columns of their own, the columns are the fields.
        let column = schema.column(index);
        match ColumnKind::of(&column) {
            Some(kind) => values.push(kind),
            None => return refuse(field.name(), &spelt(&column)),
        }
    }
    let layout = Layout::from_names(fields.iter().map(|field| field.name()));
    let layout = layout.map_err(|error| DecodeError::Unreadable(format!("Parquet: {error}")))?;
    if !layout.columns().iter().any(FieldName::is_known) {
        let names = layout.columns().iter().take(NAMED);
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        return Err(DecodeError::Unreadable(format!(
            "Parquet: no column is a field of a flow log: the first are {}",
            names.join(", ")
        )));
    }
    Ok((layout, values))
}

/// A column's type in Parquet's own words.
fn spelt(column: &ColumnDescriptor) -> String {
    let (physical, converted) = (column.physical_type(), column.converted_type());
    if converted == ConvertedType::NONE {
        return physical.to_string();
    }
    format!("{physical} ({converted})")
}

fn deliver<S: Sink>(
    columns: &[Box<dyn GroupColumn>],
    rows: usize,
    lines: &mut Lines,
    number: &mut u64,
    sink: &mut S,
) -> Result<(), DecodeError> {
    let are_plain = columns.iter().all(|column| column.is_plain());
    sink.asterisks(columns.iter().any(|column| column.has_asterisk()));
    let mut cells = Vec::with_capacity(columns.len());
    for row in 0..rows {
        *number += 1;
        let line = are_plain.then(|| lines.line(columns, row)).flatten();
        let cells = match line {
            Some(line) => Cells::InLine(line),
            None => {
                cells.clear();
                cells.extend(columns.iter().map(|column| {
                    let (text, len) = column.cell_and_more(row);
                    &text[..len]
                }));
                Cells::Apart(&cells)
            }
        };
        sink.row(Row {
            number: *number,
            cells,
            alone: false,
            named: None,
            event_id: None,
        })?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use ::parquet::basic::{Compression, LogicalType, Type as Physical};
    use ::parquet::data_type::{DataType, FixedLenByteArrayType, Int32Type, Int96, Int96Type};
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::types::{PrimitiveTypeBuilder, Type};
    use proptest::prelude::*;

    use super::table::ColumnValues::{
        self, Bool, Bytes as Binary, F32, F64, I64, Millis, Nothing, Text, U64,
    };
    use super::*;
    use crate::decode::Content;
    use crate::decode::collected::{Collected, default_format, every_way, fixture};

    /// A file with small pages and row groups, gzip compressed as AWS's are.
    pub(crate) fn written(columns: &[(&str, ColumnValues)]) -> Vec<u8> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::GZIP(Default::default()))
            .set_data_page_row_count_limit(5)
            .set_write_batch_size(5)
            .set_max_row_group_row_count(Some(11))
            .build();
        let mut file = Vec::new();
        table::write(columns, properties, &mut file).unwrap();
        file
    }

    fn of(columns: &[(&str, ColumnValues)]) -> Result<Collected, String> {
        every_way(&written(columns), &default_format()).map_err(|error| error.to_string())
    }

    fn text(values: &[Option<&str>]) -> ColumnValues {
        Text(values.iter().map(|text| text.map(str::to_owned)).collect())
    }

    #[test]
    fn each_type_has_its_text() {
        let all = of(&[
            ("start", Millis(vec![Some(1_700_000_000_999), Some(-1)])),
            ("bytes", F64(vec![Some(840.0), Some(f64::NAN)])),
            ("packets", I64(vec![Some(i64::MIN), None])),
            ("brand_new", U64(vec![Some(u64::MAX), Some(0)])),
            ("srcport", text(&[Some("None"), Some("443")])),
            ("instance_id", text(&[Some("None"), None])),
            (
                "az_id",
                Binary(vec![Some(b"\xff x".to_vec()), Some(b"-".to_vec())]),
            ),
            ("region", Nothing(2)),
            ("dstport", F32(vec![None, Some(-5.0)])),
        ])
        .unwrap();
        let names = [
            "start",
            "bytes",
            "packets",
            "brand-new",
            "srcport",
            "instance-id",
            "az-id",
            "region",
            "dstport",
        ];
        assert_eq!(all.layouts, [Layout::from_names(names).unwrap()]);
        let cells: [&[&[u8]]; 2] = [
            &[
                b"1700000000",
                b"840",
                b"-9223372036854775808",
                b"18446744073709551615",
                b"",
                b"None",
                b"\xff x",
                b"",
                b"",
            ],
            &[b"-1", b"", b"", b"0", b"443", b"", b"-", b"", b"-5"],
        ];
        for (row, expected) in all.rows.iter().zip(cells) {
            assert_eq!(row.cells, expected);
        }
        assert_eq!(all.numbers(), [1, 2]);
    }

    /// A file of one column of two values, of a type that no table has.
    fn column_of<T: DataType>(
        values: &[T::T; 2],
        change: impl Fn(PrimitiveTypeBuilder<'_>) -> PrimitiveTypeBuilder<'_>,
    ) -> Vec<u8> {
        let column = Type::primitive_type_builder("start", T::get_physical_type());
        let column = change(column.with_repetition(Repetition::REQUIRED));
        file_of(column.build().unwrap(), |group| {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<T>().write_batch(values, None, None).unwrap();
            column.close().unwrap();
        })
    }

    type RowGroup<'f> = ::parquet::file::writer::SerializedRowGroupWriter<'f, Vec<u8>>;

    fn file_of(column: Type, put: impl FnOnce(&mut RowGroup<'_>)) -> Vec<u8> {
        let schema = Type::group_type_builder("schema").with_fields(vec![Arc::new(column)]);
        let schema = Arc::new(schema.build().unwrap());
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
        let mut group = file.next_row_group().unwrap();
        put(&mut group);
        group.close().unwrap();
        file.into_inner().unwrap()
    }

    fn cells_of(file: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let all = every_way(file, &default_format()).map_err(|error| error.to_string())?;
        let rows = all.rows.into_iter();
        Ok(rows.flat_map(|row| row.cells).collect())
    }

    #[test]
    fn older_and_rarer_types_have_their_text() {
        // Half a second after one o'clock of the second day of 1970, which is the Julian day 2440589.
        let nanos = 3_600_500_000_000_u64.to_le_bytes();
        let [low, high] =
            [0, 4].map(|at| u32::from_le_bytes(nanos[at..at + 4].try_into().unwrap()));
        let days = [[low, high, 2_440_589], [0, 0, 2_440_588]];
        let days = days.map(|parts| Int96::from(parts.to_vec()));
        let days = column_of::<Int96Type>(&days, |it| it);
        assert_eq!(cells_of(&days).unwrap(), [&b"90000"[..], b"0"]);
        let types: [(ConvertedType, &[u8]); 3] = [
            (ConvertedType::INT_8, b"-1"),
            (ConvertedType::UINT_32, b"4294967295"),
            (ConvertedType::NONE, b"-1"),
        ];
        for (converted, expected) in types {
            let file = column_of::<Int32Type>(&[-1, 7], |it| it.with_converted_type(converted));
            assert_eq!(cells_of(&file).unwrap(), [expected, b"7"], "{converted}");
        }
        let micros = column_of::<::parquet::data_type::Int64Type>(&[-1, 1_999_999], |it| {
            it.with_converted_type(ConvertedType::TIMESTAMP_MICROS)
        });
        assert_eq!(cells_of(&micros).unwrap(), [b"-1", &b"1"[..]]);
    }

    #[test]
    fn types_that_cannot_be_fields_are_named() {
        let date =
            column_of::<Int32Type>(&[1, 2], |it| it.with_logical_type(Some(LogicalType::Date)));
        let fixed = column_of::<FixedLenByteArrayType>(
            &[vec![1_u8, 2].into(), vec![3_u8, 4].into()],
            |it| it.with_length(2),
        );
        let list = Type::primitive_type_builder("start", Physical::INT32);
        let list = list.with_repetition(Repetition::REPEATED).build().unwrap();
        let list = file_of(list, |group| {
            let mut column = group.next_column().unwrap().unwrap();
            let levels = (Some(&[1, 1][..]), Some(&[0, 1][..]));
            let written = column
                .typed::<Int32Type>()
                .write_batch(&[1, 2], levels.0, levels.1);
            written.unwrap();
            column.close().unwrap();
        });
        let inner = Type::primitive_type_builder("a", Physical::INT32)
            .build()
            .unwrap();
        let group = Type::group_type_builder("start")
            .with_repetition(Repetition::OPTIONAL)
            .with_fields(vec![Arc::new(inner)]);
        let nested = file_of(group.build().unwrap(), |group| {
            let mut column = group.next_column().unwrap().unwrap();
            let written = column
                .typed::<Int32Type>()
                .write_batch(&[1], Some(&[2]), None);
            written.unwrap();
            column.close().unwrap();
        });
        for (file, what) in [
            (date, "INT32 (DATE)"),
            (fixed, "FIXED_LEN_BYTE_ARRAY"),
            (list, "nested: a list"),
            (nested, "nested: a group of columns"),
        ] {
            let expected = format!("Parquet: column `start` cannot be a field, it is {what}");
            assert_eq!(cells_of(&file).unwrap_err(), expected);
        }
    }

    #[test]
    fn columns_that_cannot_be_fields_are_named() {
        let numbers = I64(vec![Some(1)]);
        for (name, column, reason) in [
            (
                "x",
                Bool(vec![Some(true)]),
                "Parquet: column `x` cannot be a field, it is BOOLEAN",
            ),
            (
                "bytes",
                F64(vec![Some(1.5)]),
                "Parquet: column `bytes` holds 1.5, ",
            ),
            (
                "bytes",
                F64(vec![Some(1e17)]),
                "Parquet: column `bytes` holds 1e17, ",
            ),
        ] {
            let found = of(&[("start", numbers.clone()), (name, column)]).unwrap_err();
            assert!(found.starts_with(reason), "{found}");
        }
    }

    /// A dictionary has each text once, so a small file can have many rows of a large one.
    #[test]
    fn rows_of_texts_that_fit_no_memory_are_refused() {
        let large = "x".repeat(1 << 20);
        let large = text(&[Some(large.as_str()); 100]);
        let mut file = Vec::new();
        table::write(&[("start", large)], WriterProperties::default(), &mut file).unwrap();
        assert!(file.len() < 3 << 20, "{}", file.len());
        let reason = every_way(&file, &default_format()).unwrap_err().to_string();
        assert!(
            reason.contains("column `start`: 8192 rows hold more than 64 MiB"),
            "{reason}"
        );
    }

    #[test]
    fn a_file_without_rows_is_no_rows() {
        assert_eq!(of(&[("start", I64(Vec::new()))]).unwrap().rows, []);
    }

    #[test]
    fn a_file_cut_short_is_unreadable() {
        let whole = fixture("s3.log.parquet");
        for len in [4, 8, 100, whole.len() - 9, whole.len() - 1] {
            let error = every_way(&whole[..len], &default_format()).unwrap_err();
            assert!(error.to_string().starts_with("Parquet: "), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn damage_makes_nothing_panic(
            name in prop::sample::select(vec!["s3.log.parquet", "pandas.parquet"]),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut file = fixture(name);
            for (at, byte) in damage {
                let at = at.index(file.len() - 4).max(4);
                file[at] = byte;
            }
            let _ = Collected::of(Content::Bytes(file.into()), &default_format());
        }
    }
}
