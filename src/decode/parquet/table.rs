//! Tables written as Parquet: by the selftest, by tests, and for measurements. No reading in here.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use ::parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use ::parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type,
};
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::{Type, TypePtr};

/// The values of a column, a row each; `None` is NULL. A column without any NULL is written as one that can have none.
#[derive(Clone, Debug)]
pub enum ColumnValues {
    /// `BOOLEAN`.
    Bool(Vec<Option<bool>>),
    /// `INT32`.
    I32(Vec<Option<i32>>),
    /// `INT64`.
    I64(Vec<Option<i64>>),
    /// `INT64` without a sign.
    U64(Vec<Option<u64>>),
    /// `INT64` that is a time in milliseconds.
    Millis(Vec<Option<i64>>),
    /// `FLOAT`.
    F32(Vec<Option<f32>>),
    /// `DOUBLE`.
    F64(Vec<Option<f64>>),
    /// `BYTE_ARRAY` that is text.
    Text(Vec<Option<String>>),
    /// `BYTE_ARRAY`.
    Bytes(Vec<Option<Vec<u8>>>),
    /// So many rows of a column that has nothing.
    Nothing(usize),
}

impl ColumnValues {
    fn rows(&self) -> usize {
        match self {
            Self::Bool(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::I64(values) | Self::Millis(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Bytes(values) => values.len(),
            Self::Nothing(rows) => *rows,
        }
    }

    fn has_null(&self) -> bool {
        match self {
            Self::Bool(values) => values.contains(&None),
            Self::I32(values) => values.contains(&None),
            Self::I64(values) | Self::Millis(values) => values.contains(&None),
            Self::U64(values) => values.contains(&None),
            Self::F32(values) => values.contains(&None),
            Self::F64(values) => values.contains(&None),
            Self::Text(values) => values.contains(&None),
            Self::Bytes(values) => values.contains(&None),
            Self::Nothing(_) => true,
        }
    }

    fn described(&self, name: &str) -> Result<TypePtr> {
        let (physical, logical) = match self {
            Self::Bool(_) => (Physical::BOOLEAN, None),
            Self::I32(_) => (Physical::INT32, None),
            Self::I64(_) => (Physical::INT64, None),
            Self::U64(_) => (Physical::INT64, Some(LogicalType::integer(64, false))),
            Self::Millis(_) => {
                let millis = LogicalType::timestamp(true, TimeUnit::MILLIS);
                (Physical::INT64, Some(millis))
            }
            Self::F32(_) => (Physical::FLOAT, None),
            Self::F64(_) => (Physical::DOUBLE, None),
            Self::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Self::Bytes(_) => (Physical::BYTE_ARRAY, None),
            Self::Nothing(_) => (Physical::INT32, Some(LogicalType::Unknown)),
        };
        let repetition = match self.has_null() {
            true => Repetition::OPTIONAL,
            false => Repetition::REQUIRED,
        };
        let described = Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition);
        described.build().map(Arc::new)
    }

    fn put(
        &self,
        group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
        rows: Range<usize>,
    ) -> Result<()> {
        match self {
            Self::Bool(values) => put::<BoolType, _>(group, &values[rows], |value| *value),
            Self::I32(values) => put::<Int32Type, _>(group, &values[rows], |value| *value),
            Self::I64(values) | Self::Millis(values) => {
                put::<Int64Type, _>(group, &values[rows], |value| *value)
            }
            Self::U64(values) => {
                put::<Int64Type, _>(group, &values[rows], |value| value.cast_signed())
            }
            Self::F32(values) => put::<FloatType, _>(group, &values[rows], |value| *value),
            Self::F64(values) => put::<DoubleType, _>(group, &values[rows], |value| *value),
            Self::Text(values) => put::<ByteArrayType, _>(group, &values[rows], |text| {
                text.as_bytes().to_vec().into()
            }),
            Self::Bytes(values) => {
                put::<ByteArrayType, _>(group, &values[rows], |bytes| bytes.clone().into())
            }
            Self::Nothing(_) => {
                put::<Int32Type, i32>(group, &vec![None; rows.len()], |value| *value)
            }
        }
    }
}

fn put<T: DataType, V>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    rows: &[Option<V>],
    value: impl Fn(&V) -> T::T,
) -> Result<()> {
    let column = group.next_column()?;
    let mut column = column.ok_or_else(|| ParquetError::General("no column".to_owned()))?;
    let levels: Vec<i16> = rows.iter().map(|row| row.is_some().into()).collect();
    let values: Vec<T::T> = rows.iter().flatten().map(value).collect();
    column
        .typed::<T>()
        .write_batch(&values, Some(&levels), None)?;
    column.close()
}

/// Writes columns of one length, in row groups as long as `properties` has them.
///
/// # Errors
///
/// If they are of unequal length, or what is written to takes no more.
pub fn write(
    columns: &[(&str, ColumnValues)],
    properties: WriterProperties,
    to: impl Write + Send,
) -> Result<()> {
    let rows = columns.first().map_or(0, |(_, values)| values.rows());
    if columns.iter().any(|(_, values)| values.rows() != rows) {
        return Err(ParquetError::General(
            "columns of unequal length".to_owned(),
        ));
    }
    let fields = columns.iter().map(|(name, values)| values.described(name));
    let schema = Type::group_type_builder("schema").with_fields(fields.collect::<Result<_>>()?);
    let schema = Arc::new(schema.build()?);
    let at_once = properties
        .max_row_group_row_count()
        .unwrap_or(1 << 20)
        .max(1);
    let mut file = SerializedFileWriter::new(to, schema, Arc::new(properties))?;
    for first in (0..rows).step_by(at_once) {
        let mut group = file.next_row_group()?;
        for (_, values) in columns {
            values.put(&mut group, first..rows.min(first + at_once))?;
        }
        group.close()?;
    }
    file.close().map(drop)
}
