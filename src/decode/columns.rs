//! Columns of a Parquet file: values to cells, a batch at a time.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BinaryArray, StringArray};
use arrow_schema::{DataType, TimeUnit};

use super::DecodeError;
use crate::record::FieldName;
use crate::record::field::Kind;

/// Tells whether a column of this type can be a field.
pub(super) fn is_readable(kind: &DataType) -> bool {
    kind.is_integer()
        || matches!(
            kind,
            DataType::Utf8
                | DataType::Binary
                | DataType::Float32
                | DataType::Float64
                | DataType::Timestamp(..)
                | DataType::Null
        )
}

/// A number that is not whole.
pub(super) struct Fraction(f64);

impl Fraction {
    pub(super) fn within(&self, column: &FieldName) -> DecodeError {
        let value = self.0;
        DecodeError::Unreadable(format!(
            "Parquet: column `{column}` holds {value:?}, which cannot be told exactly as a whole number"
        ))
    }
}

/// The cells of one column in one batch.
pub(super) enum Column<'b> {
    Text {
        values: &'b dyn Bytewise,
        /// Whether `None` is absent: among numbers it was NULL before pandas made it a string.
        numbers: bool,
    },
    Numbers(Numbers),
    Absent,
}

impl<'b> Column<'b> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "`is_readable` has let through only what stands here"
    )]
    pub(super) fn new(values: &'b ArrayRef, kind: Kind) -> Result<Self, Fraction> {
        use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
        let numbers = matches!(kind, Kind::Integer | Kind::Time | Kind::TrafficPath);
        let text = |values: &'b dyn Bytewise| Self::Text { values, numbers };
        Ok(match values.data_type() {
            DataType::Utf8 => text(values.as_string::<i32>()),
            DataType::Binary => text(values.as_binary::<i32>()),
            DataType::Int8 => whole::<Int8Type>(values, 1),
            DataType::Int16 => whole::<Int16Type>(values, 1),
            DataType::Int32 => whole::<Int32Type>(values, 1),
            DataType::Int64 => whole::<Int64Type>(values, 1),
            DataType::UInt8 => whole::<UInt8Type>(values, 1),
            DataType::UInt16 => whole::<UInt16Type>(values, 1),
            DataType::UInt32 => whole::<UInt32Type>(values, 1),
            DataType::UInt64 => whole::<UInt64Type>(values, 1),
            DataType::Timestamp(Second, _) => whole::<TimestampSecondType>(values, 1),
            DataType::Timestamp(Millisecond, _) => whole::<TimestampMillisecondType>(values, 1_000),
            DataType::Timestamp(Microsecond, _) => {
                whole::<TimestampMicrosecondType>(values, 1_000_000)
            }
            DataType::Timestamp(Nanosecond, _) => {
                whole::<TimestampNanosecondType>(values, 1_000_000_000)
            }
            DataType::Float32 => floats::<Float32Type>(values)?,
            DataType::Float64 => floats::<Float64Type>(values)?,
            // `Null`.
            _ => Self::Absent,
        })
    }

    pub(super) fn cell(&self, row: usize) -> &[u8] {
        match self {
            Self::Text { values, numbers } => match values.bytes(row) {
                b"None" if *numbers => b"",
                cell => cell,
            },
            Self::Numbers(numbers) => numbers.cell(row),
            Self::Absent => b"",
        }
    }
}

/// Arrays whose values are bytes as they are; NULL is empty.
pub(super) trait Bytewise {
    fn bytes(&self, row: usize) -> &[u8];
}

impl Bytewise for StringArray {
    fn bytes(&self, row: usize) -> &[u8] {
        if self.is_null(row) {
            b""
        } else {
            self.value(row).as_bytes()
        }
    }
}

impl Bytewise for BinaryArray {
    fn bytes(&self, row: usize) -> &[u8] {
        if self.is_null(row) {
            b""
        } else {
            self.value(row)
        }
    }
}

/// Numbers as text, one after the other; an absent one is empty.
pub(super) struct Numbers {
    text: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Numbers {
    fn with_capacity(rows: usize) -> Self {
        Self {
            text: Vec::with_capacity(rows * 8),
            ends: Vec::with_capacity(rows),
        }
    }

    fn push(&mut self, number: Option<i128>) {
        if let Some(number) = number {
            if number < 0 {
                self.text.push(b'-');
            }
            self.push_digits(number.unsigned_abs());
        }
        self.ends.push(self.text.len());
    }

    fn push_digits(&mut self, number: u128) {
        // As wide as the widest 64-bit number; and 64-bit division is much faster than 128-bit.
        let mut rest = u64::try_from(number).unwrap_or(u64::MAX);
        let mut digits = [b'0'; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] += u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.text.extend_from_slice(&digits[at..]);
    }

    fn cell(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[start..self.ends[row]]
    }
}

/// Whole numbers, divided and rounded down: seconds from what a time stamp counts in.
fn whole<T: ArrowPrimitiveType<Native: Into<i128>>>(
    values: &ArrayRef,
    divisor: i128,
) -> Column<'static> {
    let mut numbers = Numbers::with_capacity(values.len());
    for value in values.as_primitive::<T>() {
        let value = value.map(Into::into);
        numbers.push(if divisor == 1 {
            value
        } else {
            value.map(|value: i128| value.div_euclid(divisor))
        });
    }
    Column::Numbers(numbers)
}

/// pandas turns a column of integers with NULLs into floats, and NULL into NaN.
fn floats<T: ArrowPrimitiveType<Native: Into<f64>>>(
    values: &ArrayRef,
) -> Result<Column<'static>, Fraction> {
    /// The first whole number whose neighbour a float cannot tell from it.
    const INEXACT: f64 = 9_007_199_254_740_992.0;
    let mut numbers = Numbers::with_capacity(values.len());
    for value in values.as_primitive::<T>() {
        let value = value.map(Into::into).filter(|value: &f64| !value.is_nan());
        if let Some(value) = value
            && (value.fract() != 0.0 || value.abs() >= INEXACT)
        {
            return Err(Fraction(value));
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        numbers.push(value.map(|value| value as i128));
    }
    Ok(Column::Numbers(numbers))
}
