//! The cut: text to lines and lines to cells, in one go over all bytes.
//!
//! Works like the first stage of Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 2019: 64
//! bytes become bits that tell what kind each is, and only the bits are walked through.

use wide::u8x64;

use crate::record::Line;

/// A line with more cells is left to the general way, and so is one that is longer than a piece.
const MOST_CELLS: usize = 256;

/// How much is cut at a time: the bits of so much, and the text itself, stay in the processor's cache until its
/// last line has been taken.
const PIECE: usize = 32 << 10;

/// A line of a text, without what ends it.
pub(super) struct Cut<'t> {
    /// Its bytes.
    pub(super) text: &'t [u8],
    /// Its cells, if there is one space between any two and nothing else below `!`: no control bytes, no blank line.
    pub(super) cells: Option<Line<'t>>,
}

/// What kind each of 64 bytes is, a bit for each.
struct Kinds {
    /// A space or below.
    white: u64,
    newline: u64,
    /// White, and neither a newline nor the one space after a cell.
    odd: u64,
    /// Whatever keeps a cell from being a canonical number: not a digit, or a 0 before another digit.
    other: u64,
}

impl Kinds {
    /// `begins` says in its lowest bit whether a cell begins with the first byte, and is renewed for the next 64.
    #[inline(always)]
    fn of(block: &[u8; 64], begins: &mut u64) -> Self {
        let bytes = u8x64::new(*block);
        let white = bytes.simd_le(u8x64::splat(b' ')).to_bitmask();
        let space = bytes.simd_eq(u8x64::splat(b' ')).to_bitmask();
        let newline = bytes.simd_eq(u8x64::splat(b'\n')).to_bitmask();
        let digit = (bytes - u8x64::splat(b'0'))
            .simd_le(u8x64::splat(9))
            .to_bitmask();
        let zero = bytes.simd_eq(u8x64::splat(b'0')).to_bitmask();
        let first = white << 1 | *begins;
        *begins = white >> 63;
        // What follows the last byte is not known; a 0 there is taken for a leading one, which is never wrong.
        let leading_zero = zero & first & !(white >> 1);
        Self {
            white,
            newline,
            odd: (white ^ space ^ newline) | (white & first),
            other: !(white | digit) | leading_zero,
        }
    }
}

/// Cuts texts into lines and cells; kept for its allocations.
#[derive(Default)]
pub(super) struct Cutter {
    /// Where the cells of a line end.
    ends: Vec<u32>,
    /// Which bytes of a piece keep cells from being numbers.
    others: Vec<u64>,
}

impl Cutter {
    /// Cuts a text into lines, each ended by a newline, or the last one by the end, and hands them on in order.
    ///
    /// # Errors
    /// What `each` says; the rest is then left.
    #[inline(always)]
    pub(super) fn cut<E>(
        &mut self,
        mut text: &[u8],
        mut each: impl FnMut(Cut<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.ends.resize(MOST_CELLS, 0);
        while !text.is_empty() {
            let piece = &text[..text.len().min(PIECE)];
            match memchr::memrchr(b'\n', piece) {
                Some(last) => {
                    self.piece(&text[..=last], &mut each)?;
                    text = &text[last + 1..];
                }
                None if piece.len() == text.len() => return self.piece(text, &mut each),
                None => {
                    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
                    each(Cut {
                        text: &text[..end],
                        cells: None,
                    })?;
                    text = text.get(end + 1..).unwrap_or_default();
                }
            }
        }
        Ok(())
    }

    /// Cuts one piece; only its last line may lack its newline.
    #[inline(always)]
    fn piece<E>(
        &mut self,
        text: &[u8],
        each: &mut impl FnMut(Cut<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (blocks, rest) = text.as_chunks::<64>();
        let mut last = [b'x'; 64];
        last[..rest.len()].copy_from_slice(rest);
        if !text.ends_with(b"\n") {
            last[rest.len()] = b'\n';
        }
        self.others.clear();
        let ends = self.ends.first_chunk_mut::<MOST_CELLS>();
        let ends = ends.expect("as many as `cut` made");
        let (mut count, mut start, mut begins, mut odd) = (0, 0, 1, 0);
        for (block, first) in blocks.iter().chain([&last]).zip((0u32..).step_by(64)) {
            let kinds = Kinds::of(block, &mut begins);
            self.others.push(kinds.other);
            odd |= kinds.odd;
            let (mut white, mut newline) = (kinds.white, kinds.newline);
            while newline != 0 {
                // All bits up to the newline's.
                let line = newline ^ (newline - 1);
                count = end_cells(ends, count, first, white & line);
                (white, newline) = (white & !line, newline & !line);
                let end = (first + line.count_ones() - 1) as usize;
                let plain = odd == 0 && count <= MOST_CELLS;
                each(Cut {
                    text: &text[start..end],
                    cells: plain.then(|| Line::new(text, start, &ends[..count], &self.others)),
                })?;
                // What is odd in this block may belong to the next line as well.
                (count, start, odd) = (0, end + 1, kinds.odd);
            }
            count = end_cells(ends, count, first, white);
        }
        Ok(())
    }
}

/// Takes note of where cells end, for those bits of the 64 bytes from `first` on; returns how many cells there are then.
#[inline(always)]
fn end_cells(ends: &mut [u32; MOST_CELLS], mut count: usize, first: u32, mut white: u64) -> usize {
    while white != 0 {
        ends[count % MOST_CELLS] = first + white.trailing_zeros();
        (count, white) = (count + 1, white & (white - 1));
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Cells;

    /// A line's cells, if they are to be told, by looking at one byte after the other.
    fn naive(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let cells = line.split(|byte| *byte == b' ').map(<[u8]>::to_vec);
        let cells: Vec<Vec<u8>> = cells.collect();
        let plain = line.iter().all(|byte| *byte >= b' ')
            && cells.iter().all(|cell| !cell.is_empty())
            && cells.len() <= MOST_CELLS;
        plain.then_some(cells)
    }

    type Kept = (Vec<u8>, Option<Vec<Vec<u8>>>);

    fn all_cuts(text: &[u8]) -> Vec<Kept> {
        let mut cuts = Vec::new();
        let mut keep = |cut: Cut<'_>| {
            let cells = cut.cells.map(Cells::InLine);
            let cells = cells.map(|cells| cells.iter().map(<[u8]>::to_vec).collect());
            cuts.push((cut.text.to_vec(), cells));
            Ok::<(), ()>(())
        };
        Cutter::default().cut(text, &mut keep).unwrap();
        cuts
    }

    fn check(text: &[u8]) {
        let lines = text.strip_suffix(b"\n").unwrap_or(text);
        let expected: Vec<&[u8]> = match text {
            b"" => Vec::new(),
            _ => lines.split(|byte| *byte == b'\n').collect(),
        };
        let cuts = all_cuts(text);
        assert_eq!(
            cuts.iter().map(|(text, _)| text).collect::<Vec<_>>(),
            expected
        );
        for (text, cells) in &cuts {
            // Not to tell is never wrong.
            assert!(
                cells.is_none() || *cells == naive(text),
                "{text:?} {cells:?}"
            );
        }
        // But there must be a reason.
        let plain = expected
            .iter()
            .all(|line| line.len() < PIECE && naive(line).is_some());
        assert!(
            !plain || cuts.iter().all(|(_, cells)| cells.is_some()),
            "{text:?}"
        );
    }

    proptest! {
        #[test]
        fn lines_and_cells_are_what_one_byte_after_the_other_gives(
            text in "([!a-z0-9~\u{80}-\u{10ff}]{1,9}|[0-9]{1,20}|[ ]|[ ][0]|[ \t\r\0]|\n){0,90}",
            plain in "[!-~\u{80}-\u{10ff}]{1,30}([ \n][!-~]{1,30}){0,40}\n?",
        ) {
            check(text.as_bytes());
            check(plain.as_bytes());
        }

        #[test]
        fn canonical_numbers_are_told(
            cells in prop::collection::vec("([0-9]{1,3}|[0-9]{60,64}|0[0-9]|[0-9]?[a:/-][0-9]?)", 1..64),
        ) {
            let text = cells.join(" ");
            let mut told = Vec::new();
            let mut tell = |cut: Cut<'_>| {
                let line = cut.cells.unwrap();
                told.extend((0..cells.len()).map(|cell| line.are_numbers(cell, cell)));
                Ok::<(), ()>(())
            };
            Cutter::default().cut(text.as_bytes(), &mut tell).unwrap();
            let mut start = 0;
            for (cell, told) in cells.iter().zip(told) {
                let digits = cell.bytes().all(|byte| byte.is_ascii_digit());
                let number = digits && (cell.len() == 1 || !cell.starts_with('0'));
                // Whether a 0 at the end of a block is the whole cell is not known; see `Kinds`.
                let unknown = cell == "0" && start % 64 == 63;
                prop_assert_eq!(told, number && !unknown, "{}", cell);
                start += cell.len() + 1;
            }
        }
    }

    #[test]
    fn what_is_too_much_is_left_to_the_general_way() {
        for cells in [MOST_CELLS, MOST_CELLS + 1, 3 * MOST_CELLS] {
            let text = vec!["1"; cells].join(" ");
            check(text.as_bytes());
            assert_eq!(
                all_cuts(text.as_bytes())[0].1.is_some(),
                cells <= MOST_CELLS
            );
        }
        for length in [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE] {
            let long = "x".repeat(length);
            for text in [
                &long,
                &format!("{long}\n"),
                &format!("1\n{long}\n2\n{long}"),
                &format!("{long}\n\n2"),
            ] {
                check(text.as_bytes());
            }
        }
    }

    #[test]
    fn pieces_are_joined() {
        let row = "2 123456789010 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK\n";
        check(row.repeat(5 * PIECE / row.len()).as_bytes());
    }

    #[test]
    fn the_first_error_ends_it() {
        let mut seen = 0;
        let mut stop = |_: Cut<'_>| {
            seen += 1;
            if seen == 2 { Err(seen) } else { Ok(()) }
        };
        assert_eq!(Cutter::default().cut(b"1\n2\n3", &mut stop), Err(2));
    }
}
