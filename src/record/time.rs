//! Times: Unix seconds, and what else other programs make of them.
//!
//! AWS writes seconds, and has been seen to write milliseconds. Databases and data frames write microseconds, nanoseconds
//! and text with a zone. Told by the number of digits: seconds have at most 11 until the year 5138.

use jiff::Timestamp;

use super::digits::digits;
use super::normalise::{is_absent, push_integer, significant};

/// A unit that is finer than a second.
#[derive(Debug)]
pub(super) struct Unit {
    /// How many digits times of our days have in it.
    digits: usize,
    /// How many of them are the fraction of a second.
    fraction: usize,
    pub(super) name: &'static str,
    /// Whether a note says that times were told so.
    pub(super) noted: bool,
}

const UNITS: [Unit; 3] = [
    Unit {
        digits: 13,
        fraction: 3,
        name: "milliseconds",
        noted: false,
    },
    Unit {
        digits: 16,
        fraction: 6,
        name: "microseconds",
        noted: true,
    },
    Unit {
        digits: 19,
        fraction: 9,
        name: "nanoseconds",
        noted: true,
    },
];

/// Tells the unit by the number of digits, leading zeros not counted; `None` if it is the second.
#[inline]
pub(super) fn finer(significant: &[u8]) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.digits == significant.len())
}

/// Returns the name of a unit that is finer than a second, if it is one that this program tells.
pub fn finer_unit(name: &str) -> Option<&'static str> {
    let mut names = UNITS.iter().map(|unit| unit.name);
    names.find(|unit| *unit == name)
}

/// Appends whole seconds; false if it is no time.
pub(super) fn push_time(cell: &[u8], text: &mut Vec<u8>) -> bool {
    if !cell.iter().all(u8::is_ascii_digit) {
        let Some(second) = zoned(cell) else {
            return false;
        };
        text.extend_from_slice(second.to_string().as_bytes());
        return true;
    }
    let time = significant(cell);
    let fraction = finer(time).map_or(0, |unit| unit.fraction);
    push_integer(&time[..time.len() - fraction], text)
}

/// `Some(None)` is absent, `None` is not a time.
#[expect(
    clippy::option_option,
    reason = "absent and wrong are different answers"
)]
pub(super) fn seconds(cell: &[u8]) -> Option<Option<i64>> {
    if is_absent(cell) {
        return Some(None);
    }
    if !cell.iter().all(u8::is_ascii_digit) {
        return zoned(cell).map(Some);
    }
    let time = significant(cell);
    let fraction = finer(time).map_or(0, |unit| unit.fraction);
    let value = digits(&time[..time.len() - fraction])?;
    Some(Some(i64::try_from(value).ok()?))
}

/// Reads a time as databases write it, if it has a zone; not before 1970.
fn zoned(cell: &[u8]) -> Option<i64> {
    // The shortest has a day, an hour, a minute and a zone.
    let text = std::str::from_utf8(cell)
        .ok()
        .filter(|text| text.len() > 15)?;
    let text = match text.strip_suffix("UTC").or(text.strip_suffix("GMT")) {
        Some(time) => format!("{}Z", time.trim_end()),
        // Some put a blank before the offset.
        None => text.replace(" +", "+").replace(" -", "-"),
    };
    let time: Timestamp = text.parse().ok()?;
    Some(time.as_second()).filter(|second| *second >= 0)
}
