//! Rows as lines, as a text would have them: so they are taken as they stand, like any text.

use super::columns::GroupColumn;
use crate::record::{CellsLine, MOST_CELLS, Simd};

/// The longest line that is told by its places. Any other row is taken cell by cell.
const LONGEST: usize = 32 << 10;

/// How much more than the line there is, so that its last cells can be looked at many bytes at a time.
const TO_SPARE: usize = 64;

/// How much of a cell is copied at a time.
const STEP: usize = 32;

/// How an absent value stands in a text.
const ABSENT: &[u8] = b"-";

/// Writes one row after the other, each over the one before.
pub(super) struct Lines {
    /// As long as the longest line, and what is to spare.
    text: Box<[u8]>,
    starts: [u16; 2 * MOST_CELLS],
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            text: vec![0; LONGEST + TO_SPARE].into(),
            starts: [0; 2 * MOST_CELLS],
        }
    }

    /// Returns a row of the columns' batch as a line. `None` if it has too many cells or is too long. No cell may hold a byte
    /// that ends one in a text: [`Column::is_plain`].
    pub(super) fn line(
        &mut self,
        columns: &[Box<dyn GroupColumn>],
        row: usize,
    ) -> Option<CellsLine<'_>> {
        if columns.is_empty() || columns.len() >= MOST_CELLS {
            return None;
        }
        let mut len = 0;
        for (column, start) in columns.iter().zip(&mut self.starts) {
            *start = u16::try_from(len).ok()?;
            let (text, cell) = match column.cell_and_more(row) {
                (_, 0) => (ABSENT, ABSENT.len()),
                cell => cell,
            };
            let end = len + cell;
            if end >= LONGEST {
                return None;
            }
            // A whole step, since copying just so many bytes costs a call; what is too much is written over.
            match (
                text.first_chunk::<STEP>(),
                self.text[len..].first_chunk_mut::<STEP>(),
            ) {
                (Some(text), Some(line)) if cell <= STEP => *line = *text,
                _ => self.text[len..end].copy_from_slice(&text[..cell]),
            }
            self.text[end] = b' ';
            len = end + 1;
        }
        self.starts[columns.len()] = u16::try_from(len).ok()?;
        Some(CellsLine::new(
            &self.text,
            (0, len - 1),
            &self.starts,
            columns.len(),
            Simd::Portable,
        ))
    }
}
