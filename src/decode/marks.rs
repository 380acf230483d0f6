//! Marks: what is known of the bytes of a piece of text, 64 of them at a time.
//!
//! As in the first stage of Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 2019: without a branch
//! that depends on the text, but for rare ones, since each wrong guess of the processor costs as much as 64 bytes.

use wide::u8x64;

use crate::record::Mark;

/// Where a line ends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LineEnd {
    /// The place of its newline; that of the text's end if the last line lacks its newline.
    pub(super) place: u32,
    /// How many cells of the text end up to there.
    pub(super) cells: u32,
}

/// The marks of one piece; kept for their allocations.
#[derive(Default)]
pub(super) struct Marks {
    /// What cells are told by, with room to spare.
    marks: Vec<Mark>,
    /// Where lines end, with room to spare.
    ends: Vec<LineEnd>,
    lines: usize,
    /// Whether any byte is odd: white and neither a newline nor the one space after a cell.
    any_odd: bool,
}

/// What kind each of 64 bytes is, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds {
    /// A space or below.
    white: u64,
    space: u64,
    newline: u64,
    digit: u64,
    zero: u64,
}

/// Tells what kinds of bytes there are.
trait KindsOf {
    fn kinds(&self, block: &[u8; 64]) -> Kinds;
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
struct Portable;

impl KindsOf for Portable {
    #[inline(always)]
    fn kinds(&self, block: &[u8; 64]) -> Kinds {
        let bytes = u8x64::new(*block);
        let is = |byte: u8| bytes.simd_eq(u8x64::splat(byte)).to_bitmask();
        Kinds {
            white: bytes.simd_le(u8x64::splat(b' ')).to_bitmask(),
            space: is(b' '),
            newline: is(b'\n'),
            digit: (bytes - u8x64::splat(b'0'))
                .simd_le(u8x64::splat(9))
                .to_bitmask(),
            zero: is(b'0'),
        }
    }
}

impl Marks {
    /// Reads a piece of at most 4 GiB. Only its last line may lack its newline.
    #[inline(always)]
    pub(super) fn read(&mut self, text: &[u8]) {
        self.read_by(text, &Portable);
    }

    /// Returns the marks; see [`crate::record::Line`].
    #[inline(always)]
    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Returns where lines end, in order.
    #[inline(always)]
    pub(super) fn line_ends(&self) -> &[LineEnd] {
        &self.ends[..self.lines]
    }

    /// Tells whether any byte of the piece is white and neither a newline nor the one space after a cell.
    #[inline(always)]
    pub(super) fn any_odd(&self) -> bool {
        self.any_odd
    }

    #[inline(always)]
    fn read_by(&mut self, text: &[u8], of: &impl KindsOf) {
        let (blocks, rest) = text.as_chunks::<64>();
        let mut last = [b'x'; 64];
        last[..rest.len()].copy_from_slice(rest);
        if !text.ends_with(b"\n") {
            last[rest.len()] = b'\n';
        }
        let words = blocks.len() + 1;
        if self.marks.len() <= words {
            self.marks.resize(words + 1, Mark::default());
            // For newlines only.
            self.ends.resize(64 * words + 1, LineEnd::default());
        }
        let mut so_far = SoFar {
            ends: &mut self.ends,
            lines: 0,
            cells: 0,
            place: 0,
            // A cell begins with the first byte.
            begins: 1,
            odd: 0,
        };
        let (whole, rest) = self.marks.split_at_mut(blocks.len());
        for (block, mark) in blocks.iter().zip(whole) {
            *mark = so_far.add(&of.kinds(block));
        }
        rest[0] = so_far.add(&of.kinds(&last));
        // Nothing of a longer piece that was read before is left behind this one.
        rest[1] = Mark::default();
        (self.lines, self.any_odd) = (so_far.lines, so_far.odd != 0);
    }
}

/// How far a piece has been read.
struct SoFar<'a> {
    ends: &'a mut [LineEnd],
    lines: usize,
    cells: u32,
    place: u32,
    /// In its lowest bit, whether a cell begins with the next byte.
    begins: u64,
    odd: u64,
}

impl SoFar<'_> {
    #[inline(always)]
    fn add(&mut self, kinds: &Kinds) -> Mark {
        let starts = kinds.white << 1 | self.begins;
        self.begins = kinds.white >> 63;
        self.odd |= (kinds.white ^ kinds.space ^ kinds.newline) | (kinds.white & starts);
        // The first one whether there is one or not, which costs less than to guess; 64 bytes seldom have more.
        let mut newline = kinds.newline;
        self.ends[self.lines] = self.line_end(newline, kinds.white);
        while newline & newline.wrapping_sub(1) != 0 {
            newline &= newline - 1;
            self.lines += 1;
            self.ends[self.lines] = self.line_end(newline, kinds.white);
        }
        self.lines += usize::from(newline != 0);
        self.cells += kinds.white.count_ones();
        self.place += 64;
        // What follows the last byte is not known; a 0 there is taken for a leading one, which is never wrong.
        let leading_zero = kinds.zero & starts & !(kinds.white >> 1);
        Mark {
            white: kinds.white,
            other: !(kinds.white | kinds.digit) | leading_zero,
        }
    }

    /// Tells of the line that ends with the lowest of these newlines.
    #[inline(always)]
    fn line_end(&self, newline: u64, white: u64) -> LineEnd {
        let up_to = newline ^ newline.wrapping_sub(1);
        LineEnd {
            place: self.place + newline.trailing_zeros(),
            cells: self.cells + (white & up_to).count_ones(),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::__m256i;

    use pulp::cast;
    use pulp::x86::V3;

    use super::{Kinds, Marks};

    impl Marks {
        /// Reads a piece as [`Marks::read`] does, 32 bytes at once.
        #[inline(always)]
        pub(in crate::decode) fn read_with(&mut self, simd: V3, text: &[u8]) {
            self.read_by(text, &Block(simd));
        }
    }

    struct Block(V3);

    impl super::KindsOf for Block {
        #[inline(always)]
        fn kinds(&self, block: &[u8; 64]) -> Kinds {
            let halves: [__m256i; 2] = cast(*block);
            Kinds {
                white: self.up_to(halves, b' '),
                space: self.is(halves, b' '),
                newline: self.is(halves, b'\n'),
                digit: self.up_to(self.less(halves, b'0'), 9),
                zero: self.is(halves, b'0'),
            }
        }
    }

    // No closures and no `map`: their bodies would not become part of the loop.
    impl Block {
        #[inline(always)]
        fn is(&self, [low, high]: [__m256i; 2], byte: u8) -> u64 {
            let avx2 = self.0.avx2;
            let byte = self.all(byte);
            self.bits([
                avx2._mm256_cmpeq_epi8(low, byte),
                avx2._mm256_cmpeq_epi8(high, byte),
            ])
        }

        #[inline(always)]
        fn up_to(&self, [low, high]: [__m256i; 2], last: u8) -> u64 {
            let avx2 = self.0.avx2;
            let last = self.all(last);
            self.bits([
                avx2._mm256_cmpeq_epi8(avx2._mm256_min_epu8(low, last), low),
                avx2._mm256_cmpeq_epi8(avx2._mm256_min_epu8(high, last), high),
            ])
        }

        #[inline(always)]
        fn less(&self, [low, high]: [__m256i; 2], less: u8) -> [__m256i; 2] {
            let avx2 = self.0.avx2;
            let less = self.all(less);
            [
                avx2._mm256_sub_epi8(low, less),
                avx2._mm256_sub_epi8(high, less),
            ]
        }

        #[inline(always)]
        fn all(&self, byte: u8) -> __m256i {
            self.0.avx._mm256_set1_epi8(byte.cast_signed())
        }

        #[inline(always)]
        fn bits(&self, [low, high]: [__m256i; 2]) -> u64 {
            let avx2 = self.0.avx2;
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
        for marks in ways {
            let white = |at: usize| text[at] <= b' ';
            for at in 0..text.len() {
                let mark = marks.marks()[at / 64];
                let bit = |bits: u64| bits >> (at % 64) & 1 == 1;
                assert_eq!(bit(mark.white), white(at), "white {at} of {text:?}");
                let begins = at == 0 || white(at - 1);
                // Whether a 0 at the end of a block is the whole cell is not known.
                let more = at % 64 == 63 || text.get(at + 1).is_some_and(|next| *next > b' ');
                let leading_zero = text[at] == b'0' && begins && more;
                let other = leading_zero || !(white(at) || text[at].is_ascii_digit());
                assert_eq!(bit(mark.other), other, "other {at} of {text:?}");
            }
            let lines = text.split_inclusive(|byte| *byte == b'\n');
            let ends = lines.scan((0, 0), |(place, cells), line| {
                *place += line.len();
                let ended = line.iter().filter(|byte| **byte <= b' ').count();
                *cells += ended + usize::from(!line.ends_with(b"\n"));
                Some((*place - usize::from(line.ends_with(b"\n")), *cells))
            });
            let told = marks.line_ends().iter();
            let told = told.map(|end| (end.place as usize, end.cells as usize));
            assert!(told.eq(ends), "{:?} of {text:?}", marks.line_ends());
            let odd = |at: usize| match text[at] {
                b' ' | b'\n' => at == 0 || white(at - 1),
                byte => byte < b' ',
            };
            // What stands for the newline that the last line lacks ends no cell after a space.
            let after = text
                .last()
                .is_some_and(|last| *last <= b' ' && *last != b'\n');
            assert_eq!(
                marks.any_odd(),
                after || (0..text.len()).any(odd),
                "{text:?}"
            );
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
            text in "([!a-z0-9~\u{80}-\u{10ff}]{1,9}|[0-9]{1,20}|[ ]|[ ][0]|[ \t\r\0]|\n){0,90}",
            plain in "[!-~\u{80}-\u{10ff}]{1,30}([ \n][!-~]{1,30}){0,40}\n?",
            numbers in "(0|0?[1-9][0-9]{0,70}|[0-9]{60,64})([ \n](0|0?[1-9][0-9]{0,9})){0,60}",
            any in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            for text in [text.as_bytes(), plain.as_bytes(), numbers.as_bytes(), &any] {
                if !text.is_empty() {
                    check(text);
                }
            }
        }
    }

    #[test]
    fn marks_are_read_again_for_a_shorter_piece() {
        let mut marks = Marks::default();
        marks.read(&b"a  b\n".repeat(99));
        marks.read(b"1 2\n");
        assert_eq!((marks.line_ends().len(), marks.any_odd()), (1, false));
        check(&b"1\n".repeat(99));
        assert_eq!(marks.marks()[1], Mark::default());
    }
}
