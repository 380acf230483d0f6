//! Columns of a Parquet file: values to cells, a batch at a time.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ::parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use ::parquet::column::page::PageReader;
use ::parquet::column::reader::ColumnReader::{
    BoolColumnReader, ByteArrayColumnReader, DoubleColumnReader, FixedLenByteArrayColumnReader,
    FloatColumnReader, Int32ColumnReader, Int64ColumnReader, Int96ColumnReader,
};
use ::parquet::column::reader::{ColumnReaderImpl, get_column_reader};
use ::parquet::data_type::{ByteArray, DataType, Int96};
use ::parquet::errors::ParquetError;
use ::parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};
use thiserror::Error;

use super::gate::Gate;
use crate::record::FieldName;
use crate::record::field::ValueForm;

/// What the values of a column are. Source: Apache Parquet's "Logical Types", and the older converted types there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    /// Bytes, in whatever encoding.
    Bytes,
    /// Whole numbers; of a time, so many of what it counts in are a second, else it is 1.
    Signed { a_second: i128 },
    /// Whole numbers that have no sign.
    Unsigned,
    /// Times of 96 bits: a day, and nanoseconds.
    Days,
    /// Numbers that may have a fraction.
    Floats,
    /// All of them NULL, whatever their type would be otherwise.
    Nothing,
}

impl ColumnKind {
    /// Returns what the values of a column are; `None` if it cannot be a field.
    pub(super) fn of(column: &ColumnDescriptor) -> Option<Self> {
        let (logical, converted) = (column.logical_type_ref(), column.converted_type());
        if let Some(LogicalType::Unknown) = logical {
            return Some(Self::Nothing);
        }
        match column.physical_type() {
            Physical::INT32 | Physical::INT64 => match logical {
                Some(logical) => Self::of_logical(logical),
                None => Self::of_converted(converted),
            },
            Physical::INT96 => Some(Self::Days),
            Physical::FLOAT | Physical::DOUBLE => Some(Self::Floats),
            Physical::BYTE_ARRAY => match (logical, converted) {
                (Some(LogicalType::Decimal(_)), _) | (None, ConvertedType::DECIMAL) => None,
                _ => Some(Self::Bytes),
            },
            Physical::BOOLEAN | Physical::FIXED_LEN_BYTE_ARRAY => None,
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "dates, times of day and decimals are in no flow log; what is still to come is not known"
    )]
    fn of_logical(logical: &LogicalType) -> Option<Self> {
        match logical {
            LogicalType::Integer(integer) if integer.is_signed => {
                Some(Self::Signed { a_second: 1 })
            }
            LogicalType::Integer(_) => Some(Self::Unsigned),
            LogicalType::Timestamp(time) => Some(Self::Signed {
                a_second: match time.unit {
                    TimeUnit::MILLIS => 1_000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                },
            }),
            _ => None,
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "dates, times of day and decimals are in no flow log"
    )]
    fn of_converted(converted: ConvertedType) -> Option<Self> {
        match converted {
            ConvertedType::NONE
            | ConvertedType::INT_8
            | ConvertedType::INT_16
            | ConvertedType::INT_32
            | ConvertedType::INT_64 => Some(Self::Signed { a_second: 1 }),
            ConvertedType::UINT_8
            | ConvertedType::UINT_16
            | ConvertedType::UINT_32
            | ConvertedType::UINT_64 => Some(Self::Unsigned),
            ConvertedType::TIMESTAMP_MILLIS => Some(Self::Signed { a_second: 1_000 }),
            ConvertedType::TIMESTAMP_MICROS => Some(Self::Signed {
                a_second: 1_000_000,
            }),
            _ => None,
        }
    }
}

/// Why a batch could not be read.
#[derive(Debug, Error)]
pub(super) enum ColumnError {
    #[error(transparent)]
    Damaged(#[from] ParquetError),
    #[error("column `{column}` holds {value:?}, which cannot be told exactly as a whole number")]
    Fraction { column: FieldName, value: f64 },
    #[error("column `{column}`: 8192 rows hold more than 64 MiB, which no fields of a flow log do")]
    Large { column: FieldName },
}

/// A column of a row group.
pub(super) trait GroupColumn {
    /// Reads the next rows, and returns how many: fewer only at the end of the row group. `room` is how many bytes of text
    /// the batch may still take, and what it has taken is gone from it.
    fn read(&mut self, rows: usize, room: &mut usize) -> Result<usize, ColumnError>;

    /// Returns the text from a cell of the rows that were read last on, and how long the cell is; what is absent is empty.
    fn cell_and_more(&self, row: usize) -> (&[u8], usize);

    /// Tells whether no cell of these rows has white space or a control character in it, so that they can stand in a line.
    fn is_plain(&self) -> bool;

    /// Tells whether one of these cells has an asterisk, so that it may be masked.
    fn has_asterisk(&self) -> bool;
}

/// Opens a column of a row group. `values` is what [`Values::of`] says of it.
pub(super) fn open(
    column: &ColumnDescPtr,
    pages: Box<dyn PageReader>,
    values: ColumnKind,
    name: &FieldName,
) -> Box<dyn GroupColumn> {
    let a_second = match values {
        ColumnKind::Signed { a_second } => a_second,
        ColumnKind::Bytes
        | ColumnKind::Unsigned
        | ColumnKind::Days
        | ColumnKind::Floats
        | ColumnKind::Nothing => 1,
    };
    let (gate, pages) = Gate::before(pages);
    let reader = get_column_reader(Arc::clone(column), pages);
    let opening = Opening { gate, name };
    match (reader, values) {
        (ByteArrayColumnReader(reader), ColumnKind::Bytes) => {
            // Among numbers `None` was NULL before pandas made it a string.
            let kind = name.kind();
            let is_number = matches!(
                kind,
                ValueForm::Integer | ValueForm::Time | ValueForm::TrafficPath
            );
            opening.cells(reader, move |value: &ByteArray, text| {
                match value.data() {
                    b"None" if is_number => {}
                    cell if kind == ValueForm::Address => {
                        text.extend_from_slice(lone_address(cell));
                    }
                    cell => text.extend_from_slice(cell),
                }
                Ok(())
            })
        }
        (Int32ColumnReader(reader), ColumnKind::Signed { .. }) => {
            opening.numbers(reader, move |&value: &i32| seconds(value.into(), a_second))
        }
        (Int64ColumnReader(reader), ColumnKind::Signed { .. }) => {
            opening.numbers(reader, move |&value: &i64| seconds(value.into(), a_second))
        }
        (Int32ColumnReader(reader), ColumnKind::Unsigned) => {
            opening.numbers(reader, |value: &i32| value.cast_unsigned().into())
        }
        (Int64ColumnReader(reader), ColumnKind::Unsigned) => {
            opening.numbers(reader, |value: &i64| value.cast_unsigned().into())
        }
        (Int96ColumnReader(reader), ColumnKind::Days) => {
            opening.numbers(reader, |value: &Int96| value.to_seconds().into())
        }
        (FloatColumnReader(reader), ColumnKind::Floats) => {
            let name = name.clone();
            opening.cells(reader, move |&value: &f32, text| {
                push_whole(value.into(), EXACT_32, &name, text)
            })
        }
        (DoubleColumnReader(reader), ColumnKind::Floats) => {
            let name = name.clone();
            opening.cells(reader, move |&value: &f64, text| {
                push_whole(value, EXACT_64, &name, text)
            })
        }
        // All NULL: what else they could be does not matter.
        (BoolColumnReader(reader), _) => opening.nothing(reader),
        (Int32ColumnReader(reader), _) => opening.nothing(reader),
        (Int64ColumnReader(reader), _) => opening.nothing(reader),
        (Int96ColumnReader(reader), _) => opening.nothing(reader),
        (FloatColumnReader(reader), _) => opening.nothing(reader),
        (DoubleColumnReader(reader), _) => opening.nothing(reader),
        (ByteArrayColumnReader(reader), _) => opening.nothing(reader),
        (FixedLenByteArrayColumnReader(reader), _) => opening.nothing(reader),
    }
}

/// A time in whole seconds, rounded down.
fn seconds(time: i128, a_second: i128) -> i128 {
    match a_second {
        1 => time,
        _ => time.div_euclid(a_second),
    }
}

struct Opening<'n> {
    gate: Arc<Gate>,
    name: &'n FieldName,
}

impl Opening<'_> {
    fn cells<T, F>(self, reader: ColumnReaderImpl<T>, write: F) -> Box<dyn GroupColumn>
    where
        T: DataType + 'static,
        F: Fn(&T::T, &mut Vec<u8>) -> Result<(), ColumnError> + 'static,
    {
        Box::new(CellColumn {
            reader,
            gate: self.gate,
            name: self.name.clone(),
            write,
            levels: Vec::new(),
            values: Vec::new(),
            text: Vec::new(),
            ends: Vec::new(),
        })
    }

    fn numbers<T: DataType + 'static>(
        self,
        reader: ColumnReaderImpl<T>,
        number: impl Fn(&T::T) -> i128 + 'static,
    ) -> Box<dyn GroupColumn> {
        let form = NumberForm::of(self.name);
        self.cells(reader, move |value, text| {
            form.push(number(value), text);
            Ok(())
        })
    }

    fn nothing<T: DataType + 'static>(self, reader: ColumnReaderImpl<T>) -> Box<dyn GroupColumn> {
        self.cells(reader, |_, _| Ok(()))
    }
}

/// Cells as text, one after the other.
struct CellColumn<T: DataType, F> {
    reader: ColumnReaderImpl<T>,
    gate: Arc<Gate>,
    name: FieldName,
    /// Appends a value's text.
    write: F,
    /// Of each row that the reader gave 0 if it is NULL, else 1; none where nothing can be NULL.
    levels: Vec<i16>,
    /// The values of these rows that are not NULL.
    values: Vec<T::T>,
    text: Vec<u8>,
    /// Where each cell ends.
    ends: Vec<usize>,
}

impl<T, F> CellColumn<T, F>
where
    T: DataType,
    F: Fn(&T::T, &mut Vec<u8>) -> Result<(), ColumnError>,
{
    /// Appends the cells of the rows that the reader gave.
    fn append(&mut self, room: usize) -> Result<(), ColumnError> {
        let mut values = self.values.iter();
        let rows = self.levels.len().max(self.values.len());
        for row in 0..rows {
            let is_null = self.levels.get(row) == Some(&0);
            if let Some(value) = (!is_null).then(|| values.next()).flatten() {
                (self.write)(value, &mut self.text)?;
                if self.text.len() > room {
                    let column = self.name.clone();
                    return Err(ColumnError::Large { column });
                }
            }
            self.ends.push(self.text.len());
        }
        Ok(())
    }
}

impl<T, F> GroupColumn for CellColumn<T, F>
where
    T: DataType,
    F: Fn(&T::T, &mut Vec<u8>) -> Result<(), ColumnError>,
{
    fn read(&mut self, rows: usize, room: &mut usize) -> Result<usize, ColumnError> {
        self.text.clear();
        self.ends.clear();
        while self.ends.len() < rows && !self.gate.is_at_end() {
            self.levels.clear();
            self.values.clear();
            // So that of a column no more is in memory than a page of values and their text.
            self.gate.let_a_page_pass();
            let rows = rows - self.ends.len();
            let (levels, values) = (Some(&mut self.levels), &mut self.values);
            self.reader.read_records(rows, levels, None, values)?;
            self.append(*room)?;
        }
        *room -= self.text.len();
        Ok(self.ends.len())
    }

    fn cell_and_more(&self, row: usize) -> (&[u8], usize) {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        (&self.text[start..], self.ends[row] - start)
    }

    fn is_plain(&self) -> bool {
        // Not `all`, which would stop at each byte to ask: so many are looked at at once.
        let is_odd = |byte: &u8| *byte <= b' ' || *byte == 0x7f;
        !self.text.iter().fold(false, |odd, byte| odd | is_odd(byte))
    }

    fn has_asterisk(&self) -> bool {
        memchr::memchr(b'*', &self.text).is_some()
    }
}

/// Takes the length off that databases put after an address which is a network of its own.
fn lone_address(cell: &[u8]) -> &[u8] {
    let whole = if cell.contains(&b':') { "/128" } else { "/32" };
    cell.strip_suffix(whole.as_bytes()).unwrap_or(cell)
}

/// What the numbers of a column stand for.
#[derive(Clone, Copy)]
enum NumberForm {
    Plain,
    /// The id of an account, which has twelve digits: as a number it loses leading zeros.
    Account,
    /// IPv4 addresses, which databases and data frames keep as numbers to save room.
    Address,
}

impl NumberForm {
    fn of(name: &FieldName) -> Self {
        match name.kind() {
            ValueForm::Address => Self::Address,
            ValueForm::Text if name.as_str().ends_with("account-id") => Self::Account,
            ValueForm::Text | ValueForm::Integer | ValueForm::Time | ValueForm::TrafficPath => {
                Self::Plain
            }
        }
    }

    /// Appends a number's text. A number that is no address or account stays as it is.
    fn push(self, number: i128, text: &mut Vec<u8>) {
        match (self, u32::try_from(number)) {
            (Self::Address, Ok(address)) => {
                let address = Ipv4Addr::from(address).to_string();
                text.extend_from_slice(address.as_bytes());
            }
            (Self::Account, _) if (0..1_000_000_000_000).contains(&number) => {
                text.extend_from_slice(format!("{number:012}").as_bytes());
            }
            _ => match i64::try_from(number) {
                Ok(number) => text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
                Err(_) => text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
            },
        }
    }
}

/// The first whole numbers whose neighbours a float of 32 bits, and one of 64, cannot tell from them.
const EXACT_32: f64 = 16_777_216.0;
const EXACT_64: f64 = 9_007_199_254_740_992.0;

/// pandas turns a column of integers with NULLs into floats, and NULL into NaN.
fn push_whole(
    value: f64,
    inexact: f64,
    column: &FieldName,
    text: &mut Vec<u8>,
) -> Result<(), ColumnError> {
    if value.is_nan() {
        return Ok(());
    }
    if value.fract() != 0.0 || value.abs() >= inexact {
        let column = column.clone();
        return Err(ColumnError::Fraction { column, value });
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    NumberForm::of(column).push(value as i128, text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, number: i128) -> String {
        let mut text = Vec::new();
        NumberForm::of(&FieldName::new(name)).push(number, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn numbers_stand_for_what_their_column_holds() {
        for (name, number, expected) in [
            ("bytes", 84, "84"),
            ("account-id", 12_345_678_901, "012345678901"),
            ("account-id", 1_234_567_890_123, "1234567890123"),
            ("account-id", -1, "-1"),
            ("srcaddr", 167_772_161, "10.0.0.1"),
            ("srcaddr", 1 << 32, "4294967296"),
            ("srcaddr", -1, "-1"),
        ] {
            assert_eq!(text(name, number), expected, "{name} {number}");
        }
    }

    #[test]
    fn an_address_that_is_a_network_of_its_own_is_that_address() {
        for (cell, expected) in [
            ("10.0.0.1/32", "10.0.0.1"),
            ("fd00::1/128", "fd00::1"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("-", "-"),
        ] {
            assert_eq!(lone_address(cell.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn floats_are_whole_numbers_as_long_as_they_are_exact() {
        let name = FieldName::new("start");
        for (value, inexact, fine) in [
            (16_777_215.0, EXACT_32, true),
            (16_777_216.0, EXACT_32, false),
            (1_700_000_000.0, EXACT_64, true),
            (EXACT_64, EXACT_64, false),
            (0.5, EXACT_64, false),
        ] {
            let pushed = push_whole(value, inexact, &name, &mut Vec::new());
            assert_eq!(pushed.is_ok(), fine, "{value}");
        }
    }
}
