//! The everyday line: the default format, canonical as it stands.
//!
//! Only a faster way to what [`super::Normaliser::normalise`] gives for the same line. What it needs of the line is told by the
//! bits of 64 bytes at its beginning and of 64 bytes at its end, without going from cell to cell.

use super::digits::ten_digits;
use super::normal::{Normal, Status};
use super::verbatim::may_be_ipv6;
use super::{Line, Mark};

/// Two cells of ten digits, which times have from 2001 to 2286, as bits of what is white: a space, ten digits and
/// once more.
const TIMES: u64 = 1 | 1 << 11;
const TIMES_BITS: u32 = 22;

/// Numbers of at most 18 digits are sure to fit 64 bits; with the space before them:
const MOST_DIGITS: u32 = 19;

/// How many ends of cells there are from that of `dstaddr` to that of `start`.
const NUMBERS: u32 = 7;

/// Reads a line of as many cells as the default format has. `None` if it is not canonical, or might not be.
#[inline(always)]
pub(super) fn read(line: Line<'_>) -> Option<Normal<'_>> {
    let (start, end) = line.places();
    let (head, tail) = (line.mark_at(start), line.mark_at(end.checked_sub(64)?));
    let place = |bit: u32| end - 64 + bit as usize;

    // From the beginning: version account-id interface-id srcaddr dstaddr.
    let mut spaces = head.white;
    let version = take_lowest(&mut spaces)?;
    let account = start + take_lowest(&mut spaces)? as usize;
    let interface = start + take_lowest(&mut spaces)? as usize;
    let srcaddr = start + lowest(spaces)? as usize;
    if head.other & below(version) != 0
        || may_be_ipv6(line.bytes(interface + 1, srcaddr))
        || may_be_ipv6(line.bytes(srcaddr + 1, end))
    {
        return None;
    }

    // From the end: log-status action end start bytes packets.
    let mut spaces = tail.white;
    let action = take_highest(&mut spaces)?;
    let ended = highest(spaces)?;
    let started = ended.checked_sub(TIMES_BITS)?;
    if spaces >> started & below(TIMES_BITS) != TIMES || !are_numbers(tail, ended) {
        return None;
    }
    spaces &= below(started);
    let bytes = take_highest(&mut spaces)?;
    let packets = highest(spaces)?;
    if (started - bytes).max(bytes - packets) > MOST_DIGITS {
        return None;
    }
    Some(Normal {
        text: line.text(),
        interface: line.bytes(account + 1, interface),
        start: Some(time(&line, place(started) + 1)?),
        end: Some(time(&line, place(started) + 12)?),
        status: Status::said(line.bytes(place(action) + 1, end)),
        verbatim: true,
    })
}

/// Tells whether the seven cells before a bit are canonical numbers: since the last byte that is part of none, as many cells
/// have ended.
#[inline(always)]
fn are_numbers(tail: Mark, end: u32) -> bool {
    let Some(other) = highest(tail.other & below(end)) else {
        return false;
    };
    (tail.white & below(end) & !below(other)).count_ones() >= NUMBERS
}

/// Reads ten digits.
#[inline(always)]
fn time(line: &Line<'_>, from: usize) -> Option<i64> {
    let cell = line.bytes(from, from + 10);
    Some(ten_digits(*cell.as_array()?).cast_signed())
}

/// All bits below one of 64.
#[inline(always)]
fn below(bit: u32) -> u64 {
    (1 << bit) - 1
}

#[inline(always)]
fn lowest(bits: u64) -> Option<u32> {
    (bits != 0).then(|| bits.trailing_zeros())
}

#[inline(always)]
fn highest(bits: u64) -> Option<u32> {
    (bits != 0).then(|| bits.ilog2())
}

#[inline(always)]
fn take_lowest(bits: &mut u64) -> Option<u32> {
    let bit = lowest(*bits)?;
    *bits &= *bits - 1;
    Some(bit)
}

#[inline(always)]
fn take_highest(bits: &mut u64) -> Option<u32> {
    let bit = highest(*bits)?;
    *bits ^= 1 << bit;
    Some(bit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::record::cells::tests::marks;
    use crate::record::{Cells, Comparison, Layout, Line, Normaliser};

    const ROW: [&str; 14] = [
        "2|10",
        "[0-9]{12}|unknown",
        "eni-([0-9a-f]{8}|[0-9a-f]{17})",
        "10\\.[0-9]{1,3}\\.[0-9]\\.[0-9]{1,3}",
        "(1|22)\\.[0-9]{1,3}\\.255\\.[0-9]",
        "0|[1-9][0-9]{0,4}",
        "0|[1-9][0-9]{0,4}",
        "1|6|17",
        "[1-9][0-9]{0,3}",
        "[1-9][0-9]{0,5}",
        "1[0-9]{9}",
        "1[0-9]{9}",
        "ACCEPT|REJECT",
        "OK",
    ];

    fn row() -> impl Strategy<Value = Vec<String>> {
        ROW.map(|cell| cell.prop_map(String::from)).to_vec()
    }

    /// What a value may be that is not as usual.
    fn odd() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("-"),
            Just("0"),
            Just("00"),
            Just("007"),
            Just("x"),
            Just("1641597879000"),
            Just("164159787"),
            Just("12345678901234"),
            Just("99999999999999999999999"),
            Just("2001:DB8::A"),
            Just("::1"),
            Just("NODATA"),
            Just("SKIPDATA"),
        ]
        .prop_map(String::from)
    }

    fn default_format() -> Normaliser {
        let layout = Layout::vpc_default();
        Normaliser::new(&layout, &Comparison::new(layout.columns().to_vec())).unwrap()
    }

    proptest! {
        #[test]
        fn an_everyday_line_is_what_the_general_way_makes_of_it(
            mut cells in row(),
            odd in prop::collection::vec((0usize..14, odd()), 0..3),
            before in 0usize..200,
            after in "\n?[0-9 a-z]{0,70}",
        ) {
            for (at, value) in &odd {
                cells[*at].clone_from(value);
            }
            let row = cells.join(" ");
            let text = format!("{}{row}{after}", "x 1\n".repeat(before));
            let (start, marks) = (4 * before, marks(text.as_bytes()));
            let line = Line::new(text.as_bytes(), &marks, start, start + row.len(), cells.len());
            let normaliser = default_format();
            let everyday = normaliser.everyday(Cells::InLine(line));
            let apart: Vec<&[u8]> = cells.iter().map(String::as_bytes).collect();
            let mut written = Vec::new();
            let general = normaliser.normalise(Cells::Apart(&apart), &mut written);
            match everyday {
                Some(mut everyday) => {
                    prop_assert!(everyday.verbatim);
                    everyday.verbatim = false;
                    prop_assert_eq!(Ok(everyday), general);
                }
                // There must be a reason. More than 64 bytes may stand behind the last address. A line of less than 64 bytes may be at the beginning of the text, and
                // the mark of a 0 at the end of 64 bytes does not tell whether it is a leading one.
                None => prop_assert!(!odd.is_empty() || before < 16 || cells[5..7].contains(&"0".to_owned())),
            }
        }
    }

    #[test]
    fn a_line_with_an_ipv6_address_is_no_everyday_one() {
        let normaliser = default_format();
        for address in [
            "::",
            "1::2",
            "12:3::4",
            "123:4::5",
            "1234:5::6",
            "2001:DB8::A",
        ] {
            for [source, destination] in [[address, "10.0.0.1"], ["10.0.0.1", address]] {
                let text = format!(
                    "2 012345678901 eni-0aa {source} {destination} 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK"
                );
                let marks = marks(text.as_bytes());
                let line = Line::new(text.as_bytes(), &marks, 0, text.len(), 14);
                assert!(normaliser.everyday(Cells::InLine(line)).is_none(), "{text}");
            }
        }
    }

    #[test]
    fn amounts_that_may_not_fit_are_left_to_the_general_way() {
        let normaliser = default_format();
        for (digits, everyday) in [(1, true), (18, true), (19, false), (20, false)] {
            let large = "9".repeat(digits);
            for [packets, bytes] in [[large.as_str(), "1"], ["1", &large]] {
                let text = format!(
                    "2 012345678901 eni-0aa 10.0.0.5 10.0.1.9 0 0 1 {packets} {bytes} 1700000000 1700000058 ACCEPT OK"
                );
                let marks = marks(text.as_bytes());
                let line = Line::new(text.as_bytes(), &marks, 0, text.len(), 14);
                let read = normaliser.everyday(Cells::InLine(line));
                assert_eq!(read.is_some(), everyday, "{text}");
            }
        }
    }

    #[test]
    fn other_layouts_and_comparisons_have_no_everyday_line() {
        let text = "2 012345678901 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK";
        let marks = marks(text.as_bytes());
        let line = || Cells::InLine(Line::new(text.as_bytes(), &marks, 0, text.len(), 14));
        assert!(default_format().everyday(line()).is_some());
        let layout = Layout::vpc_default();
        let fewer = Comparison::new(layout.columns()[..13].to_vec());
        let normaliser = Normaliser::new(&layout, &fewer).unwrap();
        assert!(normaliser.everyday(line()).is_none());
        let mut columns: Vec<String> = layout.columns().iter().map(ToString::to_string).collect();
        columns.swap(0, 1);
        let layout = Layout::from_names(columns.iter().map(String::as_str)).unwrap();
        let all = Comparison::new(layout.columns().to_vec());
        let normaliser = Normaliser::new(&layout, &all).unwrap();
        assert!(normaliser.everyday(line()).is_none());
    }
}
