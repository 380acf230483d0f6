//! Parquet: columns to cells.
//!
//! Source of the shape: VPC User Guide "Flow log records" (the Parquet type of each field) and "Flow
//! log files". Which integers are absent is told by NULL, which strings by `-`.

mod encrypted;
mod sizes;

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use ::parquet::file::reader::ChunkReader;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;

use super::columns::{Column, is_readable};
use super::limits::AtMost;
use super::{DecodeError, Row, Sink};
use crate::record::{Cells, Layout};

/// How a file begins, and ends.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// How many rows are in memory at a time, besides the pages they come from.
const BATCH: usize = 8192;

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
    // What the writer's own types were does not matter: the Parquet types say all that is needed, and
    // there are fewer of them.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = sound(|| ArrowReaderMetadata::load(&file, options))?;
    sizes::check_pages(&file, metadata.metadata()).map_err(|error| {
        if encrypted::is_encrypted(&file) {
            let reason = "Parquet: its columns are encrypted: write it without encryption first";
            return DecodeError::Unreadable(reason.to_owned());
        }
        error
    })?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let layout = layout(reader.schema())?;
    let mut batches = sound(|| reader.with_batch_size(BATCH).build())?;
    let mut number = 0;
    while let Some(batch) = sound(|| batches.next().transpose())? {
        if number == 0 {
            sink.layout(&layout)?;
        }
        deliver(&batch, &layout, &mut number, sink)?;
    }
    Ok(())
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

fn layout(schema: &SchemaRef) -> Result<Layout, DecodeError> {
    let fields = schema.fields();
    for field in fields {
        let kind = field.data_type();
        if !is_readable(kind) {
            let (name, nested) = (field.name(), if kind.is_nested() { "nested: " } else { "" });
            let reason =
                format!("Parquet: column `{name}` cannot be a field, it is {nested}{kind}");
            return Err(DecodeError::Unreadable(reason));
        }
    }
    Layout::from_names(fields.iter().map(|field| field.name().as_str()))
        .map_err(|error| DecodeError::Unreadable(format!("Parquet: {error}")))
}

fn deliver<S: Sink>(
    batch: &RecordBatch,
    layout: &Layout,
    number: &mut u64,
    sink: &mut S,
) -> Result<(), DecodeError> {
    let columns = batch.columns().iter().zip(layout.columns());
    let columns = columns
        .map(|(values, name)| Column::new(values, name.kind()).map_err(|it| it.within(name)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut cells = Vec::with_capacity(columns.len());
    for row in 0..batch.num_rows() {
        cells.clear();
        cells.extend(columns.iter().map(|column| column.cell(row)));
        *number += 1;
        sink.row(Row {
            number: *number,
            cells: Cells::Apart(&cells),
            alone: false,
            event_id: None,
        })?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use ::parquet::arrow::ArrowWriter;
    use ::parquet::basic::Compression;
    use ::parquet::file::properties::WriterProperties;
    use arrow_array::{
        ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, NullArray, StringArray,
        StructArray, TimestampMillisecondArray, UInt64Array,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::decode::Content;
    use crate::decode::collected::{Collected, default_format, every_way, fixture};

    /// A file with small pages and row groups, gzip compressed as AWS's are.
    pub(crate) fn written(batch: &RecordBatch) -> Vec<u8> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::GZIP(Default::default()))
            .set_data_page_row_count_limit(5)
            .set_write_batch_size(5)
            .set_max_row_group_row_count(Some(11))
            .build();
        let mut file = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        file
    }

    fn of(columns: Vec<(&str, ArrayRef)>) -> Result<Collected, String> {
        let columns = columns
            .into_iter()
            .map(|(name, values)| (name, values, true));
        let file = written(&RecordBatch::try_from_iter_with_nullable(columns).unwrap());
        every_way(&file, &default_format()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_type_has_its_text() {
        let all = of(vec![
            (
                "start",
                Arc::new(TimestampMillisecondArray::from(vec![1_700_000_000_999, -1])),
            ),
            (
                "bytes",
                Arc::new(Float64Array::from(vec![Some(840.0), Some(f64::NAN)])),
            ),
            (
                "packets",
                Arc::new(Int64Array::from(vec![Some(i64::MIN), None])),
            ),
            ("brand_new", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
            ("srcport", Arc::new(StringArray::from(vec!["None", "443"]))),
            (
                "instance_id",
                Arc::new(StringArray::from(vec![Some("None"), None])),
            ),
            (
                "az_id",
                Arc::new(BinaryArray::from(vec![&b"\xff x"[..], b"-"])),
            ),
            ("region", Arc::new(NullArray::new(2))),
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
            ],
            &[b"-1", b"", b"", b"0", b"443", b"", b"-", b""],
        ];
        for (row, expected) in all.rows.iter().zip(cells) {
            assert_eq!(row.cells, expected);
        }
        assert_eq!(all.numbers(), [1, 2]);
    }

    #[test]
    fn columns_that_cannot_be_fields_are_named() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let nested = StructArray::try_from(vec![("a", numbers.clone())]).unwrap();
        for (name, column, reason) in [
            (
                "x",
                Arc::new(nested) as ArrayRef,
                "Parquet: column `x` cannot be a field, it is nested: ",
            ),
            (
                "x",
                Arc::new(BooleanArray::from(vec![true])),
                "Parquet: column `x` cannot be a field, it is Boolean",
            ),
            (
                "bytes",
                Arc::new(Float64Array::from(vec![1.5])),
                "Parquet: column `bytes` holds 1.5, ",
            ),
            (
                "bytes",
                Arc::new(Float64Array::from(vec![1e17])),
                "Parquet: column `bytes` holds 1e17, ",
            ),
            (
                "start-",
                numbers.clone(),
                "Parquet: field `start-` stands twice",
            ),
        ] {
            let found = of(vec![("start_", numbers.clone()), (name, column)]).unwrap_err();
            assert!(found.starts_with(reason), "{found}");
        }
    }

    #[test]
    fn a_file_without_rows_is_no_rows() {
        let none: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
        assert_eq!(of(vec![("start", none)]).unwrap().rows, []);
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
