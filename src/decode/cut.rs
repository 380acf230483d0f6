//! The cut: text to lines and lines to cells, in one go over all bytes.
//!
//! Bytes become bits that tell what kind each is ([`super::marks`]), and only the bits are walked through.

use super::marks::{Marks, Unusual};
use crate::record::{CellsLine, MOST_CELLS, Simd};

/// How much is cut at a time: the marks of so much, and the text itself, stay in the processor's cache until its
/// last line has been taken. A longer line is left to the general way.
const PIECE: usize = 32 << 10;

/// A line of a text, without what ends it.
pub(super) struct Cut<'t> {
    /// Its bytes.
    pub(super) text: &'t [u8],
    /// Its cells, if there is one space between any two and nothing else below `!`: no control bytes, no blank line.
    pub(super) cells: Option<CellsLine<'t>>,
}

/// Takes the lines of a text. (No closure, since the body of one cannot be told to be a part of the loop that calls it.)
pub(super) trait TakeLines {
    type Error;

    fn line(&mut self, line: &Cut<'_>) -> Result<(), Self::Error>;
}

/// Cuts texts into lines and cells; kept for its allocations.
#[derive(Default)]
pub(super) struct Cutter {
    marks: Marks,
}

impl Cutter {
    /// Cuts a text into lines, each ended by a newline, or the last one by the end, and hands them on in order.
    ///
    /// # Errors
    /// What `to` says; the rest is then left.
    #[inline(always)]
    pub(super) fn cut<T: TakeLines>(
        &mut self,
        mut text: &[u8],
        to: &mut T,
    ) -> Result<(), T::Error> {
        while !text.is_empty() {
            let piece = &text[..text.len().min(PIECE)];
            let piece = match memchr::memrchr(b'\n', piece) {
                Some(last) => &text[..=last],
                None if piece.len() == text.len() => text,
                None => {
                    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
                    to.line(&Cut {
                        text: &text[..end],
                        cells: None,
                    })?;
                    text = text.get(end + 1..).unwrap_or_default();
                    continue;
                }
            };
            self.piece(piece, to)?;
            text = &text[piece.len()..];
        }
        Ok(())
    }

    /// Cuts one piece; only its last line may lack its newline.
    #[inline(always)]
    fn piece<T: TakeLines>(&mut self, text: &[u8], to: &mut T) -> Result<(), T::Error> {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            let marks = &mut self.marks;
            return simd.vectorize(WithAvx2 {
                simd,
                marks,
                text,
                to,
            });
        }
        self.marks.read(text);
        lines(&self.marks, text, Simd::Portable, to)
    }
}

/// The same, compiled for what a processor of the last ten years has over the oldest of its kind: it halves the cost of
/// looking at bytes, and helps with what is done with the lines.
#[cfg(target_arch = "x86_64")]
struct WithAvx2<'a, T> {
    simd: pulp::x86::V3,
    marks: &'a mut Marks,
    text: &'a [u8],
    to: &'a mut T,
}

#[cfg(target_arch = "x86_64")]
impl<T: TakeLines> pulp::NullaryFnOnce for WithAvx2<'_, T> {
    type Output = Result<(), T::Error>;

    #[inline(always)]
    fn call(self) -> Self::Output {
        self.marks.read_with(self.simd, self.text);
        lines(self.marks, self.text, Simd::Avx2(self.simd), self.to)
    }
}

/// Hands on the lines of a piece whose marks have been read.
#[inline(always)]
fn lines<T: TakeLines>(marks: &Marks, text: &[u8], simd: Simd, to: &mut T) -> Result<(), T::Error> {
    let unusual = marks.unusual();
    let is_usual = unusual == Unusual::default();
    let (mut start, mut before) = (0, 0);
    for line_end in marks.line_ends() {
        let (newline, up_to) = (usize::from(line_end.place), usize::from(line_end.cells));
        let line = &text[start..newline];
        let mut shape = LineShape {
            end: newline,
            cells: up_to - before,
            plain: true,
        };
        if !is_usual || shape.cells > MOST_CELLS {
            shape = shape.looked_at(line, unusual);
        }
        let cells = (start, shape.end);
        let cells = shape.plain.then(|| {
            let starts = marks.starts(before);
            CellsLine::new(text, cells, starts, shape.cells, simd)
        });
        to.line(&Cut { text: line, cells })?;
        (start, before) = (newline + 1, up_to);
    }
    Ok(())
}

/// Where a line ends, and what is to be known of it.
#[derive(Clone, Copy)]
struct LineShape {
    end: usize,
    cells: usize,
    plain: bool,
}

impl LineShape {
    /// Looks at a line of a piece that is not as usual.
    #[inline(never)]
    fn looked_at(mut self, mut line: &[u8], unusual: Unusual) -> Self {
        if unusual.crlf && line.ends_with(b"\r") {
            line = &line[..line.len() - 1];
            (self.end, self.cells) = (self.end - 1, self.cells - 1);
        }
        self.plain = self.cells <= MOST_CELLS && (!unusual.odd || is_plain(line));
        self
    }
}

/// Tells whether there is one space between any two cells and nothing else below `!`.
fn is_plain(line: &[u8]) -> bool {
    line.iter().all(|byte| *byte >= b' ')
        && line
            .split(|byte| *byte == b' ')
            .all(|cell| !cell.is_empty())
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
        let plain =
            line.iter().all(|byte| *byte >= b' ') && cells.iter().all(|cell| !cell.is_empty());
        plain.then_some(cells)
    }

    type Kept = (Vec<u8>, Option<Vec<Vec<u8>>>);

    /// Hands lines to a closure.
    struct Each<F>(F);

    impl<E, F: FnMut(&Cut<'_>) -> Result<(), E>> TakeLines for Each<F> {
        type Error = E;

        fn line(&mut self, line: &Cut<'_>) -> Result<(), E> {
            self.0(line)
        }
    }

    fn all_cuts(text: &[u8]) -> Vec<Kept> {
        let mut cuts = Vec::new();
        let keep = |cut: &Cut<'_>| {
            let cells = cut.cells.map(Cells::InLine);
            let cells = cells.map(|cells| cells.iter().map(<[u8]>::to_vec).collect());
            cuts.push((cut.text.to_vec(), cells));
            Ok::<(), ()>(())
        };
        Cutter::default().cut(text, &mut Each(keep)).unwrap();
        cuts
    }

    fn check(text: &[u8]) {
        let lines = text.strip_suffix(b"\n").unwrap_or(text);
        let expected: Vec<&[u8]> = match text {
            b"" => Vec::new(),
            _ => lines.split(|byte| *byte == b'\n').collect(),
        };
        let cuts = all_cuts(text);
        // A carriage return at the end of a line may be told or not.
        let told = |text: &[u8]| text.strip_suffix(b"\r").unwrap_or(text).to_vec();
        let texts: Vec<_> = cuts.iter().map(|(text, _)| told(text)).collect();
        let expected_texts: Vec<_> = expected.iter().map(|text| told(text)).collect();
        assert_eq!(texts, expected_texts);
        for (text, cells) in &cuts {
            // Not to tell is never wrong.
            assert!(
                cells.is_none() || *cells == naive(&told(text)),
                "{text:?} {cells:?}"
            );
        }
        // But there must be a reason.
        let plain = expected.iter().all(|line| {
            line.len() < PIECE && naive(line).is_some_and(|cells| cells.len() <= MOST_CELLS)
        });
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
            returned in "(([!-~]{1,30}([ ][!-~]{1,30}){0,9}|[ \t]?)\r?\n){1,9}(\r\n)?",
            many in "([a-z0-9] ){240,270}x\n",
        ) {
            check(text.as_bytes());
            check(plain.as_bytes());
            check(returned.as_bytes());
            check(many.as_bytes());
        }
    }

    #[test]
    fn lines_may_end_with_a_carriage_return() {
        let cuts = all_cuts(b"1 2\r\n3\n\r\n4 5\r\n");
        let cells =
            |cells: &[&str]| Some(cells.iter().map(|cell| cell.as_bytes().to_vec()).collect());
        let found: Vec<_> = cuts.into_iter().map(|(_, cells)| cells).collect();
        assert_eq!(
            found,
            [cells(&["1", "2"]), cells(&["3"]), None, cells(&["4", "5"])]
        );
    }

    #[test]
    fn what_is_too_long_is_left_to_the_general_way() {
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
        let stop = |_: &Cut<'_>| {
            seen += 1;
            if seen == 2 { Err(seen) } else { Ok(()) }
        };
        assert_eq!(Cutter::default().cut(b"1\n2\n3", &mut Each(stop)), Err(2));
    }
}
