//! Lines: rows as they stand in a text, with what was found out about their bytes while cutting them.

/// The cells of a row with exactly one space between, none of them empty, and which bytes are digits.
///
/// Whoever cuts a text looks at every byte anyway; keeping a bit for each makes it cheap to tell
/// later that an integer is one.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    text: &'a [u8],
    start: usize,
    digits: &'a [u64],
}

impl<'a> Line<'a> {
    /// Takes the line that begins at `start` of a text and goes to its end. Bit `n` of `digits`, 64 to a
    /// word, is set if byte `n` of the *text* is a digit.
    pub fn new(text: &'a [u8], start: usize, digits: &'a [u64]) -> Self {
        Self {
            text,
            start,
            digits,
        }
    }

    /// Returns the line without its first bytes.
    #[must_use]
    pub fn after(self, bytes: usize) -> Self {
        Self {
            start: self.start + bytes,
            ..self
        }
    }

    /// Returns the line's bytes.
    pub fn text(&self) -> &'a [u8] {
        &self.text[self.start..]
    }

    /// Tells whether the bytes from `start` on are digits, at most 64 of them. False is never wrong.
    #[inline]
    pub fn are_digits(&self, start: usize, length: usize) -> bool {
        let (word, bit) = ((self.start + start) / 64, (self.start + start) % 64);
        let word_at = |at: usize| self.digits.get(at).copied().unwrap_or(0);
        // The bits of two words, so that those wanted are together at the low end.
        let low = word_at(word) >> bit;
        let bits = if bit == 0 {
            low
        } else {
            low | word_at(word + 1) << (64 - bit)
        };
        length <= 64 && bits.trailing_ones() as usize >= length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_looked_up_over_word_borders() {
        let text = [b"x".repeat(60), b"12345678".to_vec(), b" 99".to_vec()].concat();
        let mut digits = vec![0u64; 2];
        for (at, byte) in text.iter().enumerate() {
            digits[at / 64] |= u64::from(byte.is_ascii_digit()) << (at % 64);
        }
        let line = Line::new(&text, 60, &digits);
        assert_eq!(line.text(), b"12345678 99");
        for (start, length, expected) in [
            (0, 8, true),
            (0, 9, false),
            (4, 4, true),
            (9, 2, true),
            (9, 3, false),
            (8, 1, false),
            (0, 65, false),
        ] {
            assert_eq!(line.are_digits(start, length), expected, "{start} {length}");
        }
    }
}
