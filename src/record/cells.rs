//! The cells of a row, wherever they stand.

use itertools::Either;

use super::simd::Simd;

/// The cells of one row, one for each column of its layout.
#[derive(Clone, Copy, Debug)]
pub enum Cells<'a> {
    /// Each on its own.
    Apart(&'a [&'a [u8]]),
    /// All in one line.
    InLine(CellsLine<'a>),
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

/// The most cells of a line that are told by their places: a byte can count them, and no layout of known fields has as many.
pub const MOST_CELLS: usize = 256;

/// Cells as they stand in a line: exactly one space between any two, none of them empty, at least one and at most [`MOST_CELLS`].
///
/// Whoever cuts a text finds out where cells begin, since it looks at every byte anyway. That makes it cheap to find a cell
/// when it is asked for, and to tell that a row is canonical as it stands.
#[derive(Clone, Copy, Debug)]
pub struct CellsLine<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
    /// Where cells begin, one for each: the one after it begins two bytes behind its end. With [`MOST_CELLS`] to spare.
    starts: &'a [u16],
    cells: usize,
    simd: Simd,
}

impl<'a> CellsLine<'a> {
    /// Takes the line from `start` to `end` (which is not included) of a text of less than 64 KiB, with so many cells. `starts` tells where in the text they begin,
    /// and at what is no cell any more two bytes behind the last one's end; it has [`MOST_CELLS`] to spare.
    #[inline(always)]
    pub fn new(
        text: &'a [u8],
        (start, end): (usize, usize),
        starts: &'a [u16],
        cells: usize,
        simd: Simd,
    ) -> Self {
        Self {
            text,
            start,
            end,
            starts,
            cells,
            simd,
        }
    }

    /// Returns the line's bytes.
    #[inline(always)]
    pub fn text(&self) -> &'a [u8] {
        self.bytes(self.start, self.end)
    }

    /// Returns how bytes are looked at.
    #[inline(always)]
    pub(super) fn simd(&self) -> Simd {
        self.simd
    }

    /// Returns the bytes from a place of the text to another one, which is not included.
    #[inline(always)]
    pub(super) fn bytes(&self, from: usize, to: usize) -> &'a [u8] {
        &self.text[from..to]
    }

    /// Returns all of the text from a place on.
    #[inline(always)]
    pub(super) fn text_from(&self, place: usize) -> &'a [u8] {
        &self.text[place..]
    }

    /// Returns the places of the text where cells begin; behind the last one stands where another one would.
    #[inline(always)]
    pub(super) fn places(&self) -> &'a [u16; MOST_CELLS + 1] {
        let starts = self.starts.first_chunk();
        starts.expect("there are places to spare")
    }

    #[inline(always)]
    fn place(&self, cell: usize) -> usize {
        usize::from(self.starts[cell])
    }

    /// Returns a cell.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub fn cell(&self, index: usize) -> &'a [u8] {
        assert!(index < self.cells, "there are fewer cells");
        self.bytes(self.place(index), self.place(index + 1) - 1)
    }

    /// Returns the cells from `first` up to the one before `after`, with the spaces between them.
    ///
    /// # Panics
    /// If there are fewer, or `after` is not behind `first`.
    #[inline(always)]
    pub fn neighbours(&self, first: usize, after: usize) -> &'a [u8] {
        assert!(after <= self.cells, "there are fewer cells");
        self.bytes(self.place(first), self.place(after) - 1)
    }

    /// Returns the cells, first to last.
    fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.cells).map(move |index| self.cell(index))
    }

    #[inline(always)]
    fn split_first(self) -> (&'a [u8], Self) {
        (self.cell(0), self.skip(1))
    }

    #[inline(always)]
    fn skip(self, cells: usize) -> Self {
        Self {
            start: self.place(cells),
            starts: &self.starts[cells..],
            cells: self.cells - cells,
            ..self
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text, and what cutting it finds out.
    pub(in crate::record) struct CutText {
        text: Vec<u8>,
        starts: Vec<u16>,
    }

    impl CutText {
        pub(in crate::record) fn new(text: &[u8]) -> Self {
            let white = |place: usize| text.get(place).is_none_or(|byte| *byte <= b' ');
            let starts = (0..=text.len() + 1).filter(|&place| place == 0 || white(place - 1));
            let mut starts: Vec<u16> = starts.map(|place| place.try_into().unwrap()).collect();
            starts.extend([0; MOST_CELLS]);
            let text = text.to_vec();
            Self { text, starts }
        }

        /// The line that begins with a cell and has so many.
        pub(in crate::record) fn line(
            &self,
            first: usize,
            cells: usize,
            simd: Simd,
        ) -> CellsLine<'_> {
            let starts = &self.starts[first..];
            let (start, end) = (usize::from(starts[0]), usize::from(starts[cells]) - 1);
            CellsLine::new(&self.text, (start, end), starts, cells, simd)
        }
    }

    proptest! {
        #[test]
        fn cells_in_a_line_and_apart_are_the_same(
            before in 0usize..200,
            cells in prop::collection::vec("[!-~]{1,40}|[0-9]|[a-z]{60,70}", 1..20),
            skipped in 0usize..20,
            after in " ?[0-9]{0,70}",
        ) {
            let line = cells.join(" ");
            let text = format!("{}{line}\n{after}", "x ".repeat(before));
            let cut = CutText::new(text.as_bytes());
            prop_assert_eq!(cut.line(before, cells.len(), Simd::Portable).text(), line.as_bytes());
            let line = cut.line(before, cells.len(), Simd::Portable);
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
