//! The cells of a row, wherever they stand.

use itertools::Either;

/// The cells of one row, one for each column of its layout.
#[derive(Clone, Copy, Debug)]
pub enum Cells<'a> {
    /// Each on its own.
    Apart(&'a [&'a [u8]]),
    /// All in one line.
    InLine(Line<'a>),
}

impl<'a> Cells<'a> {
    /// Returns how many there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        match self {
            Self::Apart(cells) => cells.len(),
            Self::InLine(line) => line.cells,
        }
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the first byte of the first cell.
    ///
    /// # Panics
    /// If there is no cell, or the first one is empty.
    #[inline(always)]
    pub fn first_byte(&self) -> u8 {
        match self {
            Self::Apart(cells) => cells[0][0],
            Self::InLine(line) => line.text[line.start],
        }
    }

    /// Returns a byte counted from where the first cell begins; `None` if nothing stands there. Where cells stand in a line
    /// it need not be of the first cell, nor of the line.
    #[inline(always)]
    pub fn byte(&self, index: usize) -> Option<u8> {
        match self {
            Self::Apart(cells) => cells.first()?.get(index).copied(),
            Self::InLine(line) => line.text.get(line.start + index).copied(),
        }
    }

    /// Returns a cell, counted from 0.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub fn get(&self, index: usize) -> &'a [u8] {
        match self {
            Self::Apart(cells) => cells[index],
            Self::InLine(line) => line.cell(index),
        }
    }

    /// Returns the first cell, and those that follow.
    ///
    /// # Panics
    /// If there is none.
    #[inline(always)]
    pub fn split_first(self) -> (&'a [u8], Self) {
        match self {
            Self::Apart(cells) => (cells[0], Self::Apart(&cells[1..])),
            Self::InLine(line) => {
                let (first, rest) = line.split_first();
                (first, Self::InLine(rest))
            }
        }
    }

    /// Returns the cells, first to last.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        match self {
            Self::Apart(cells) => Either::Left(cells.iter().copied()),
            Self::InLine(line) => Either::Right(line.iter()),
        }
    }

    /// Returns them without the first few.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    #[must_use]
    pub fn skip(self, cells: usize) -> Self {
        match self {
            Self::Apart(all) => Self::Apart(&all[cells..]),
            Self::InLine(line) => Self::InLine(line.skip(cells)),
        }
    }
}

/// What is known of 64 bytes of a text, a bit for each, the first one lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Which are a space or below.
    pub white: u64,
    /// Which keep their cell from being a canonical number: no digit, or a 0 before another digit. White space has none,
    /// and a bit too many is never wrong.
    pub other: u64,
}

/// Cells as they stand in a line: exactly one space between any two, none of them empty.
///
/// Whoever cuts a text looks at every byte anyway. The bits kept of that make it cheap to find a cell when it is asked
/// for, and to tell that a row is canonical as it stands.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    text: &'a [u8],
    marks: &'a [Mark],
    start: usize,
    end: usize,
    cells: usize,
}

impl<'a> Line<'a> {
    /// Takes the line from `start` to `end` (which is not included) of a text, of so many cells. There is a mark for each 64
    /// bytes begun of the text, and one more.
    #[inline(always)]
    pub fn new(text: &'a [u8], marks: &'a [Mark], start: usize, end: usize, cells: usize) -> Self {
        Self {
            text,
            marks,
            start,
            end,
            cells,
        }
    }

    /// Returns the line's bytes.
    #[inline(always)]
    pub fn text(&self) -> &'a [u8] {
        &self.text[self.start..self.end]
    }

    /// Returns the bytes from a place of the text to another one, which is not included.
    #[inline(always)]
    pub(super) fn bytes(&self, from: usize, to: usize) -> &'a [u8] {
        &self.text[from..to]
    }

    /// Returns the places in the text where the line begins and ends.
    #[inline(always)]
    pub(super) fn places(&self) -> (usize, usize) {
        (self.start, self.end)
    }

    /// Returns what is known of the 64 bytes from a place of the text on. Behind the end of the text is nothing.
    #[inline(always)]
    pub(super) fn mark_at(&self, place: usize) -> Mark {
        let (word, bit) = (place / 64, place % 64);
        let [low, high] = self.marks[word..]
            .first_chunk()
            .expect("there is one more mark than words");
        let joined = |low: u64, high: u64| low >> bit | high << 1 << (63 - bit);
        Mark {
            white: joined(low.white, high.white),
            other: joined(low.other, high.other),
        }
    }

    /// Returns the place in the text where the first cell ends.
    #[inline(always)]
    fn first_end(&self) -> usize {
        let mut at = self.start;
        loop {
            let white = self.mark_at(at).white;
            if white != 0 || at + 64 >= self.end {
                return (at + white.trailing_zeros() as usize).min(self.end);
            }
            at += 64;
        }
    }

    /// Returns the places in the text where cells end, in order.
    #[inline(always)]
    pub(super) fn ends(mut self) -> impl Iterator<Item = usize> {
        std::iter::from_fn(move || {
            let end = (self.cells > 0).then(|| self.first_end())?;
            self = self.skip(1);
            Some(end)
        })
    }

    /// Returns a cell, which takes as long as it has cells before it.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub fn cell(&self, index: usize) -> &'a [u8] {
        assert!(index < self.cells, "there are fewer cells");
        let rest = self.skip(index);
        &self.text[rest.start..rest.first_end()]
    }

    /// Returns the cells, first to last.
    fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut start = self.start;
        self.ends().map(move |end| {
            let cell = &self.text[start..end];
            start = end + 1;
            cell
        })
    }

    #[inline(always)]
    fn split_first(mut self) -> (&'a [u8], Self) {
        let end = self.first_end();
        let first = &self.text[self.start..end];
        self.start = (end + 1).min(self.end);
        self.cells -= 1;
        (first, self)
    }

    #[inline(always)]
    fn skip(mut self, cells: usize) -> Self {
        for _ in 0..cells {
            (_, self) = self.split_first();
        }
        self
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Marks a text as cutting it does.
    pub(in crate::record) fn marks(text: &[u8]) -> Vec<Mark> {
        let mut marks = vec![Mark::default(); text.len() / 64 + 2];
        for (at, byte) in text.iter().enumerate() {
            let first = at == 0 || text[at - 1] <= b' ';
            let zero = *byte == b'0' && first && text.get(at + 1).is_some_and(u8::is_ascii_digit);
            let white = *byte <= b' ';
            let other = zero || !(white || byte.is_ascii_digit());
            marks[at / 64].white |= u64::from(white) << (at % 64);
            marks[at / 64].other |= u64::from(other) << (at % 64);
        }
        marks
    }

    proptest! {
        #[test]
        fn cells_in_a_line_and_apart_are_the_same(
            before in 0usize..200,
            cells in prop::collection::vec("[!-~]{1,40}|[0-9]|[a-z]{60,70}", 0..20),
            skipped in 0usize..20,
            after in " ?[0-9]{0,70}",
        ) {
            let line = cells.join(" ");
            let text = format!("{}{line}\n{after}", "x ".repeat(before));
            let (start, marks) = (2 * before, marks(text.as_bytes()));
            let line = Line::new(text.as_bytes(), &marks, start, start + line.len(), cells.len());
            let skipped = skipped.min(cells.len());
            let apart: Vec<&[u8]> = cells.iter().map(String::as_bytes).collect();
            let (apart, line) = (Cells::Apart(&apart).skip(skipped), Cells::InLine(line).skip(skipped));
            prop_assert_eq!(line.len(), apart.len());
            prop_assert_eq!(line.is_empty(), apart.is_empty());
            prop_assert!(line.iter().eq(apart.iter()));
            for index in 0..apart.len() {
                prop_assert_eq!(line.get(index), apart.get(index));
            }
            for index in 0..apart.iter().next().map_or(0, <[u8]>::len) {
                prop_assert_eq!(line.byte(index), apart.byte(index));
            }
        }
    }

    #[test]
    fn cells_apart_are_counted_and_looked_into() {
        let all: [&[u8]; 2] = [b"12", b"eni"];
        let (cells, none) = (Cells::Apart(&all), Cells::Apart(&[]));
        assert_eq!((cells.len(), none.len()), (2, 0));
        assert!(none.is_empty() && !cells.is_empty());
        assert_eq!(cells.first_byte(), b'1');
        assert_eq!(cells.skip(1).first_byte(), b'e');
        assert_eq!(
            [0, 1, 2].map(|index| cells.byte(index)),
            [Some(b'1'), Some(b'2'), None]
        );
        assert_eq!(none.byte(0), None);
    }
}
