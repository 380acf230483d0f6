//! Marks: where the cells and the lines of a piece of text begin and end.
//!
//! As in the first stage of Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 2019: 64 bytes at a time become
//! bits, and the bits become places, without a branch that depends on the text, but for rare ones, since each wrong guess
//! of the processor costs as much as 64 bytes.

use wide::u8x64;

use crate::record::MOST_CELLS;

/// So many cells of 64 bytes are told whether there are so many or not, which costs less than to guess; seldom are there more.
const MOST_TOLD: usize = 12;

/// Where a line ends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineEnd {
    /// The place of its newline; that of the text's end if the last line lacks its newline.
    pub(super) place: u16,
    /// How many cells of the text end up to there. Of a line that ends with a carriage return and a newline, the newline
    /// ends an empty cell.
    pub(super) cells: u16,
}

/// The marks of one piece; kept for their allocations. All have room to spare.
#[derive(Default)]
pub(super) struct Marks {
    /// Where cells begin: behind each white byte, and at 0.
    starts: Vec<u16>,
    ends: Vec<LineEnd>,
    lines: usize,
    unusual: Unusual,
}

/// What there is in a piece that asks for a look at each line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unusual {
    /// A byte is white and neither the one space after a cell nor the end of a line.
    pub(super) odd: bool,
    /// A carriage return before a newline belongs to the end of the line.
    pub(super) crlf: bool,
}

/// Which of 64 bytes are what, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MarkBits {
    space: u64,
    newline: u64,
    /// Only if they are asked for.
    carriage_return: u64,
}

/// Looks at bytes.
trait ByteScan {
    /// Tells what kinds of bytes there are.
    fn kinds<const CRLF: bool>(&mut self, block: &[u8; 64]) -> MarkBits;

    /// Tells whether there has been a byte below space, but for newlines and what carriage returns were asked for.
    fn any_control<const CRLF: bool>(&self) -> bool;
}

/// Returns the places of all newlines, in order. For lines of a hundred bytes this is faster than starting anew behind each,
/// as `memchr_iter` does.
pub(super) fn newlines(text: &[u8]) -> impl Iterator<Item = usize> {
    let (blocks, rest) = text.as_chunks::<64>();
    let in_blocks = blocks.iter().enumerate().flat_map(|(number, block)| {
        let newlines = u8x64::new(*block).simd_eq(u8x64::splat(b'\n'));
        let mut left = newlines.to_bitmask();
        std::iter::from_fn(move || {
            let place = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(64 * number + place)
        })
    });
    let before = text.len() - rest.len();
    let in_rest = memchr::memchr_iter(b'\n', rest).map(move |place| before + place);
    in_blocks.chain(in_rest)
}

/// With what every processor has.
#[derive(Default)]
struct Portable {
    controls: u64,
}

impl ByteScan for Portable {
    #[inline(always)]
    fn kinds<const CRLF: bool>(&mut self, block: &[u8; 64]) -> MarkBits {
        let bytes = u8x64::new(*block);
        let is = |byte: u8| bytes.simd_eq(u8x64::splat(byte)).to_bitmask();
        let (newline, carriage_return) = (is(b'\n'), if CRLF { is(b'\r') } else { 0 });
        let low = bytes.simd_lt(u8x64::splat(b' ')).to_bitmask();
        self.controls |= low ^ newline ^ carriage_return;
        MarkBits {
            space: is(b' '),
            newline,
            carriage_return,
        }
    }

    #[inline(always)]
    fn any_control<const CRLF: bool>(&self) -> bool {
        self.controls != 0
    }
}

impl Marks {
    /// Reads a piece of less than 64 KiB. Only its last line may lack its newline.
    #[inline(always)]
    pub(super) fn read(&mut self, text: &[u8]) {
        self.read_by(text, Portable::default());
    }

    /// Returns where cells begin, from one of them on; what is behind the last one ends two bytes before the next would begin.
    #[inline(always)]
    pub(super) fn starts(&self, cell: usize) -> &[u16] {
        &self.starts[cell..]
    }

    /// Returns where lines end, in order.
    #[inline(always)]
    pub(super) fn line_ends(&self) -> &[LineEnd] {
        &self.ends[..self.lines]
    }

    /// Tells what is unusual about the piece.
    #[inline(always)]
    pub(super) fn unusual(&self) -> Unusual {
        self.unusual
    }

    #[inline(always)]
    fn read_by(&mut self, text: &[u8], look: impl ByteScan) {
        if text.ends_with(b"\r\n") {
            self.read_lines::<true>(text, look);
        } else {
            self.read_lines::<false>(text, look);
        }
    }

    /// `CRLF` tells whether lines may end with a carriage return and a newline.
    #[inline(always)]
    fn read_lines<const CRLF: bool>(&mut self, text: &[u8], mut look: impl ByteScan) {
        let (blocks, rest) = text.as_chunks::<64>();
        let mut last = [b'x'; 64];
        last[..rest.len()].copy_from_slice(rest);
        if !text.ends_with(b"\n") {
            last[rest.len()] = b'\n';
        }
        // For newlines only.
        let most = 64 * (blocks.len() + 1) + 1;
        if self.ends.len() < most {
            self.ends.resize(most, LineEnd::default());
            self.starts.resize(most + MOST_CELLS, 0);
        }
        let mut so_far = SoFar {
            ends: &mut self.ends,
            starts: &mut self.starts,
            lines: 0,
            cells: 0,
            place: 0,
            // A cell begins with the first byte.
            begins: 1,
            returned: 0,
            odd: 0,
        };
        for block in blocks {
            so_far.add::<CRLF>(look.kinds::<CRLF>(block));
        }
        so_far.add::<CRLF>(look.kinds::<CRLF>(&last));
        self.lines = so_far.lines;
        self.unusual = Unusual {
            odd: so_far.odd != 0 || look.any_control::<CRLF>(),
            crlf: CRLF,
        };
    }
}

/// How far a piece has been read.
struct SoFar<'a> {
    ends: &'a mut [LineEnd],
    starts: &'a mut [u16],
    lines: usize,
    cells: u32,
    place: u16,
    /// In its lowest bit, whether a cell begins with the next byte.
    begins: u64,
    /// In its lowest bit, whether the next byte comes after a carriage return.
    returned: u64,
    odd: u64,
}

impl SoFar<'_> {
    /// Adds 64 bytes.
    #[inline(always)]
    fn add<const CRLF: bool>(&mut self, kinds: MarkBits) {
        let (newline, returns) = (kinds.newline, kinds.carriage_return);
        let white = kinds.space | newline | returns;
        let begins = white << 1 | self.begins;
        self.begins = white >> 63;
        if CRLF {
            let after = returns << 1 | self.returned;
            self.returned = returns >> 63;
            // A newline that follows one is no second end of a cell.
            self.odd |= (after & !newline) | (white & begins & !(after & newline));
        } else {
            self.odd |= white & begins;
        }
        self.tell_lines(newline, white);
        self.tell_cells(white);
        self.place = self.place.wrapping_add(64);
    }

    #[inline(always)]
    fn tell_lines(&mut self, mut newline: u64, white: u64) {
        // The first one whether there is one or not, which costs less than to guess; 64 bytes seldom have more.
        self.ends[self.lines] = self.line_end(newline, white);
        while newline & newline.wrapping_sub(1) != 0 {
            newline &= newline - 1;
            self.lines += 1;
            self.ends[self.lines] = self.line_end(newline, white);
        }
        self.lines += usize::from(newline != 0);
    }

    /// Tells of the line that ends with the lowest of these newlines.
    #[inline(always)]
    fn line_end(&self, newline: u64, white: u64) -> LineEnd {
        let up_to = newline ^ newline.wrapping_sub(1);
        LineEnd {
            place: self.place.wrapping_add(short(newline.trailing_zeros())),
            cells: short(self.cells) + short((white & up_to).count_ones()),
        }
    }

    #[inline(always)]
    fn tell_cells(&mut self, mut white: u64) {
        let begin = self.cells as usize + 1;
        self.cells += white.count_ones();
        let room: &mut [u16; 64] = self.starts[begin..]
            .first_chunk_mut()
            .expect("there is room for as many cells as bytes");
        let place = self.place.wrapping_add(1);
        for start in &mut room[..MOST_TOLD] {
            *start = place.wrapping_add(short(white.trailing_zeros()));
            white &= white.wrapping_sub(1);
        }
        let mut told = MOST_TOLD;
        while white != 0 {
            room[told % 64] = place.wrapping_add(short(white.trailing_zeros()));
            white &= white - 1;
            told += 1;
        }
    }
}

/// A piece has less than 64 KiB.
#[expect(clippy::cast_possible_truncation, reason = "it is less than 65,536")]
#[inline(always)]
fn short(number: u32) -> u16 {
    number as u16
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::__m256i;

    use pulp::cast;
    use pulp::x86::V3;

    use super::{ByteScan, MarkBits, Marks};

    impl Marks {
        /// Reads a piece as [`Marks::read`] does, 32 bytes at once.
        #[inline(always)]
        pub(in crate::decode) fn read_with(&mut self, simd: V3, text: &[u8]) {
            let avx = simd.avx;
            self.read_by(
                text,
                Avx2 {
                    controls: 0,
                    least: avx._mm256_set1_epi8(-1),
                    simd,
                },
            );
        }
    }

    struct Avx2 {
        simd: V3,
        /// Where there have been bytes below space and no ends of lines ...
        controls: u64,
        /// ... or the least bytes, changed. Only in the end is it asked whether any was too low, which is faster.
        least: __m256i,
    }

    impl ByteScan for Avx2 {
        #[inline(always)]
        fn kinds<const CRLF: bool>(&mut self, block: &[u8; 64]) -> MarkBits {
            let [low, high]: [__m256i; 2] = cast(*block);
            let avx2 = self.simd.avx2;
            let newline = self.bits([self.is(low, b'\n'), self.is(high, b'\n')]);
            let mut carriage_return = 0;
            if CRLF {
                carriage_return = self.bits([self.is(low, b'\r'), self.is(high, b'\r')]);
                let controls = self.bits([self.is_control(low), self.is_control(high)]);
                self.controls |= controls ^ newline ^ carriage_return;
            } else {
                let least = avx2._mm256_min_epu8(self.above_newline(low), self.above_newline(high));
                self.least = avx2._mm256_min_epu8(self.least, least);
            }
            MarkBits {
                space: self.bits([self.is(low, b' '), self.is(high, b' ')]),
                newline,
                carriage_return,
            }
        }

        #[inline(always)]
        fn any_control<const CRLF: bool>(&self) -> bool {
            // What a changed byte below space is at most.
            let most = self.all(b' ' - 2);
            let avx2 = self.simd.avx2;
            let low = avx2._mm256_cmpeq_epi8(avx2._mm256_min_epu8(self.least, most), self.least);
            self.controls != 0 || avx2._mm256_movemask_epi8(low) != 0
        }
    }

    // No closures and no `map`: their bodies would not become part of the loop.
    impl Avx2 {
        #[inline(always)]
        fn all(&self, byte: u8) -> __m256i {
            self.simd.avx._mm256_set1_epi8(byte.cast_signed())
        }

        #[inline(always)]
        fn is(&self, bytes: __m256i, byte: u8) -> __m256i {
            self.simd.avx2._mm256_cmpeq_epi8(bytes, self.all(byte))
        }

        #[inline(always)]
        fn is_control(&self, bytes: __m256i) -> __m256i {
            let avx2 = self.simd.avx2;
            avx2._mm256_cmpeq_epi8(avx2._mm256_min_epu8(bytes, self.all(b' ' - 1)), bytes)
        }

        /// Changes bytes so that those are low, below 31, which are below space and no newline.
        #[inline(always)]
        fn above_newline(&self, bytes: __m256i) -> __m256i {
            let avx2 = self.simd.avx2;
            let changed = avx2._mm256_xor_si256(bytes, self.all(b'\n'));
            avx2._mm256_sub_epi8(changed, self.all(1))
        }

        #[inline(always)]
        fn bits(&self, [low, high]: [__m256i; 2]) -> u64 {
            let avx2 = self.simd.avx2;
            let [low, high] = [
                avx2._mm256_movemask_epi8(low),
                avx2._mm256_movemask_epi8(high),
            ];
            u64::from(low.cast_unsigned()) | u64::from(high.cast_unsigned()) << 32
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is told of a text by looking at one byte after the other, and that of the processor's own way.
    fn check(text: &[u8]) {
        let mut ways = [Marks::default(), Marks::default()];
        ways[0].read(text);
        ways[1].read(text);
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            ways[1].read_with(simd, text);
        }
        let crlf = text.ends_with(b"\r\n");
        let white = |byte: u8| matches!(byte, b' ' | b'\n') || (crlf && byte == b'\r');
        let begins = |place: usize| place == 0 || white(text[place - 1]);
        let end = (!text.ends_with(b"\n")).then_some(text.len() + 1);
        let starts = (0..=text.len()).filter(|&place| begins(place));
        let starts: Vec<usize> = starts.chain(end).collect();
        for marks in ways {
            let told = marks.starts.iter().map(|start| usize::from(*start));
            let told: Vec<usize> = told.take(starts.len()).collect();
            assert_eq!(told, starts, "starts of {text:?}");
            let lines = text.split_inclusive(|byte| *byte == b'\n');
            let ends = lines.scan((0, 0), |(place, cells), line| {
                let unended = usize::from(!line.ends_with(b"\n"));
                *place += line.len();
                *cells += line.iter().filter(|byte| white(**byte)).count() + unended;
                Some((*place - 1 + unended, *cells))
            });
            let told = marks.line_ends().iter();
            let told = told.map(|end| (usize::from(end.place), usize::from(end.cells)));
            assert!(told.eq(ends), "{:?} of {text:?}", marks.line_ends());
            let odd = |place: usize| match text[place] {
                b'\n' if crlf && place > 0 && text[place - 1] == b'\r' => false,
                b' ' | b'\n' => begins(place),
                b'\r' if crlf && text.get(place + 1) == Some(&b'\n') => begins(place),
                byte => byte < b' ',
            };
            // What stands for the newline that the last line lacks ends no cell after a space.
            let after = text.ends_with(b" ");
            let unusual = Unusual {
                odd: after || (0..text.len()).any(odd),
                crlf,
            };
            assert_eq!(marks.unusual(), unusual, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn newlines_are_where_looking_at_one_byte_after_the_other_finds_them(
            text in "([\0-\u{ff}]{0,9}\n?){0,60}",
        ) {
            let text = text.as_bytes();
            let naive = (0..text.len()).filter(|&place| text[place] == b'\n');
            prop_assert_eq!(newlines(text).collect::<Vec<_>>(), naive.collect::<Vec<_>>());
        }

        #[test]
        fn marks_are_what_one_byte_after_the_other_tells(
            text in "([!a-z0-9~\u{80}-\u{10ff}]{1,9}|[0-9]{1,20}|[ ]|[ ][0-]|[ \t\r\0]|\n|\r\n){0,90}",
            plain in "[!-~\u{80}-\u{10ff}]{1,30}([ \n][!-~]{1,30}){0,40}\n?",
            returned in "([!-~]{1,30}([ ][!-~]{1,30}){0,9}\r?\n){1,9}(\r\n)?",
            short in "([a-z0-9][ \n]){1,300}",
            any in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            for text in [text.as_bytes(), plain.as_bytes(), returned.as_bytes(), short.as_bytes(), &any] {
                if !text.is_empty() {
                    check(text);
                }
            }
        }
    }

    #[test]
    fn marks_are_read_again_for_a_shorter_piece() {
        let mut marks = Marks::default();
        marks.read(&b"a  b*\n".repeat(99));
        marks.read(b"1 2\n");
        let ends = marks.line_ends().iter();
        assert!(ends.map(|end| (end.place, end.cells)).eq([(3, 2)]));
        assert_eq!(marks.unusual(), Unusual::default());
        check(&b"1\n".repeat(99));
    }
}
