//! Columns of a Parquet file: values to cells, a batch at a time.

use std::net::Ipv4Addr;

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
        /// Whether they are addresses, which databases write as networks of one.
        addresses: bool,
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
        let addresses = kind == Kind::Address;
        let text = |values: &'b dyn Bytewise| Self::Text {
            values,
            numbers,
            addresses,
        };
        if addresses && let Some(column) = dotted(values) {
            return Ok(column);
        }
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
            Self::Text {
                values,
                numbers,
                addresses,
            } => match values.bytes(row) {
                b"None" if *numbers => b"",
                cell if *addresses => lone_address(cell),
                cell => cell,
            },
            Self::Numbers(numbers) => numbers.cell(row),
            Self::Absent => b"",
        }
    }
}

/// Takes the length off that databases put after an address which is a network of its own.
fn lone_address(cell: &[u8]) -> &[u8] {
    let whole = if cell.contains(&b':') { "/128" } else { "/32" };
    cell.strip_suffix(whole.as_bytes()).unwrap_or(cell)
}

/// Reads IPv4 addresses that are kept as numbers, as databases and data frames do to save room; `None` if these are no
/// numbers. A number that is no address stays as it is.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of all types, these can hold addresses"
)]
fn dotted(values: &ArrayRef) -> Option<Column<'static>> {
    fn all<T: ArrowPrimitiveType<Native: Into<i128>>>(values: &ArrayRef) -> Column<'static> {
        let mut numbers = Numbers::with_capacity(values.len());
        for value in values.as_primitive::<T>() {
            let value: Option<i128> = value.map(Into::into);
            match value.and_then(|value| u32::try_from(value).ok()) {
                Some(address) => {
                    let text = Ipv4Addr::from(address).to_string();
                    numbers.text.extend_from_slice(text.as_bytes());
                    numbers.ends.push(numbers.text.len());
                }
                None => numbers.push(value),
            }
        }
        Column::Numbers(numbers)
    }
    Some(match values.data_type() {
        DataType::Int64 => all::<Int64Type>(values),
        DataType::UInt32 => all::<UInt32Type>(values),
        DataType::UInt64 => all::<UInt64Type>(values),
        _ => return None,
    })
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, UInt32Array};

    use super::*;

    #[test]
    fn addresses_are_read_as_databases_keep_them() {
        let cells = |values: ArrayRef, kind: Kind| -> Vec<String> {
            let column = Column::new(&values, kind).ok().unwrap();
            let cells = (0..values.len()).map(|row| column.cell(row).to_vec());
            cells.map(|cell| String::from_utf8(cell).unwrap()).collect()
        };
        let numbers = || Int64Array::from(vec![Some(167_772_161), None, Some(-1), Some(1 << 32)]);
        let dotted = ["10.0.0.1", "", "-1", "4294967296"];
        assert_eq!(cells(Arc::new(numbers()), Kind::Address), dotted);
        assert_eq!(cells(Arc::new(numbers()), Kind::Integer)[0], "167772161");
        let top = UInt32Array::from(vec![u32::MAX]);
        assert_eq!(cells(Arc::new(top), Kind::Address), ["255.255.255.255"]);
        let texts = ["10.0.0.1/32", "fd00::1/128", "10.0.0.0/8", "-"];
        let networks = StringArray::from(texts.to_vec());
        let alone = ["10.0.0.1", "fd00::1", "10.0.0.0/8", "-"];
        assert_eq!(cells(Arc::new(networks.clone()), Kind::Address), alone);
        assert_eq!(cells(Arc::new(networks), Kind::Text), texts);
    }
}
