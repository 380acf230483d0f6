//! The cells of a row, wherever they stand.

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
            Self::InLine(line) => line.ends.len(),
        }
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    /// Returns the cells, first to last.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map(|index| self.get(index))
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

/// Cells as they stand in a line: exactly one space between any two, none of them empty.
///
/// Whoever cuts a text looks at every byte anyway. A bit kept for each byte makes it cheap to tell later that a
/// row is canonical as it stands.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    text: &'a [u8],
    start: usize,
    ends: &'a [u32],
    others: &'a [u64],
}

impl<'a> Line<'a> {
    /// Takes the cells that begin at `start` of a text and end before each of `ends`. Bit `n` of `others`, 64 to a
    /// word, says that byte `n` of the text keeps its cell from being a canonical number: it is no digit, or
    /// a 0 before another digit. White space has none, and a bit too many is never wrong.
    #[inline(always)]
    pub fn new(text: &'a [u8], start: usize, ends: &'a [u32], others: &'a [u64]) -> Self {
        Self {
            text,
            start,
            ends,
            others,
        }
    }

    /// Returns the line's bytes.
    #[inline(always)]
    pub fn text(&self) -> &'a [u8] {
        let end = self.ends.last().map_or(self.start, |end| *end as usize);
        &self.text[self.start..end]
    }

    /// Returns a cell.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub fn cell(&self, index: usize) -> &'a [u8] {
        &self.text[self.start_of(index)..self.ends[index] as usize]
    }

    /// Tells whether the cells from `first` to `last` are canonical numbers: digits, of which the first is not 0 if
    /// there is another. False is never wrong.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub fn are_numbers(&self, first: usize, last: usize) -> bool {
        let (start, end) = (self.start_of(first), self.ends[last] as usize);
        let (word, bit, length) = (start / 64, start % 64, end - start);
        let word_at = |at: usize| self.others.get(at).copied().unwrap_or(0);
        // The bits of two words, so that those wanted are together at the low end.
        let bits = word_at(word) >> bit | word_at(word + 1) << 1 << (63 - bit);
        length <= 64 && bits << (64 - length) == 0
    }

    /// Returns the value of a cell that is a canonical number of at most eight digits.
    #[inline(always)]
    pub(super) fn small_number(&self, index: usize) -> Option<u64> {
        let (start, end) = (self.start_of(index), self.ends[index] as usize);
        // Eight bytes are read at once, some of them perhaps from before the cell.
        let eight = self.text[..end].last_chunk::<8>()?;
        (end - start <= 8).then(|| super::digits::last_digits(*eight, end - start))
    }

    #[inline(always)]
    fn start_of(&self, index: usize) -> usize {
        match index {
            0 => self.start,
            _ => self.ends[index - 1] as usize + 1,
        }
    }

    #[inline(always)]
    fn skip(self, cells: usize) -> Self {
        Self {
            start: self.start_of(cells),
            ends: &self.ends[cells..],
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells_in_a_line_and_apart_are_the_same() {
        let text = b"12 eni-0aa 7 1234567 123456789 9";
        let ends = [2u32, 10, 12, 20, 30, 32];
        let mut others = [0; 1];
        (3..10).for_each(|at| others[0] |= 1 << at);
        let line = Line::new(text, 0, &ends, &others);
        let apart: Vec<&[u8]> = text.split(|byte| *byte == b' ').collect();
        let (apart, line) = (Cells::Apart(&apart), Cells::InLine(line));
        for skipped in 0..=apart.len() {
            let (apart, line) = (apart.skip(skipped), line.skip(skipped));
            assert!(line.iter().eq(apart.iter()), "{skipped}");
            assert_eq!(line.is_empty(), skipped == 6);
        }
        let (Cells::InLine(whole), Cells::InLine(line)) = (line, line.skip(2)) else {
            panic!("a line stays one");
        };
        assert!(whole.are_numbers(0, 0) && !whole.are_numbers(0, 1) && !whole.are_numbers(1, 2));
        assert_eq!(line.text(), b"7 1234567 123456789 9");
        assert!(line.are_numbers(0, 3) && line.are_numbers(1, 1));
        let numbers = [0, 1, 2, 3].map(|cell| line.small_number(cell));
        assert_eq!(numbers, [Some(7), Some(1_234_567), None, Some(9)]);
    }

    proptest! {
        #[test]
        fn numbers_are_told_over_word_borders(
            before in 0usize..200,
            cells in prop::collection::vec((1usize..40, any::<bool>()), 1..6),
        ) {
            let (mut text, mut ends) = (vec![b'x'; before], Vec::new());
            for (length, number) in &cells {
                text.extend(std::iter::repeat_n(if *number { b'1' } else { b'y' }, *length));
                ends.push(u32::try_from(text.len()).unwrap());
                text.push(b' ');
            }
            let mut others = vec![0u64; text.len() / 64 + 1];
            for (at, _) in text.iter().enumerate().filter(|(_, byte)| **byte > b'9') {
                others[at / 64] |= 1 << (at % 64);
            }
            let line = Line::new(&text, before, &ends, &others);
            for first in 0..cells.len() {
                for last in first..cells.len() {
                    let short = line.skip(first).ends[last - first] as usize - line.start_of(first) <= 64;
                    let numbers = cells[first..=last].iter().all(|(_, number)| *number);
                    prop_assert_eq!(line.are_numbers(first, last), numbers && short, "{} {}", first, last);
                }
            }
        }
    }
}
