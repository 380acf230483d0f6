//! UTF-16 as UTF-8: what PowerShell's `>` writes on Windows.

use std::io::{self, Read};

/// How little-endian and big-endian UTF-16 begin.
pub(super) const LITTLE: &[u8] = b"\xff\xfe";
pub(super) const BIG: &[u8] = b"\xfe\xff";

/// How much is read at a time.
const CHUNK: usize = 64 << 10;

/// Reads UTF-16 that begins with its byte order mark.
pub(super) struct AsUtf8<R> {
    text: R,
    /// Whether the higher byte comes first; known after the mark.
    big: Option<bool>,
    /// Bytes that are no whole character yet.
    rest: Vec<u8>,
    utf8: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> AsUtf8<R> {
    pub(super) fn new(text: R) -> Self {
        Self {
            text,
            big: None,
            rest: Vec::new(),
            utf8: Vec::new(),
            at: 0,
            ended: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let before = self.rest.len();
        self.rest.resize(before + CHUNK, 0);
        let read = self.text.read(&mut self.rest[before..])?;
        self.rest.truncate(before + read);
        self.ended = read == 0;
        if self.big.is_none() && self.rest.len() >= 2 {
            self.big = Some(self.rest.starts_with(BIG));
            self.rest.drain(..2);
        }
        let mut units: Vec<u16> = self
            .rest
            .chunks_exact(2)
            .map(|pair| self.unit(pair))
            .collect();
        let mut used = units.len() * 2;
        // The second half of a character may not have been read yet.
        if !self.ended
            && units
                .last()
                .is_some_and(|unit| (0xd800..0xdc00).contains(unit))
        {
            units.pop();
            used -= 2;
        }
        if self.ended && used < self.rest.len() {
            return Err(io::Error::other(
                "UTF-16 text that is cut off within a character",
            ));
        }
        self.rest.drain(..used);
        self.utf8.clear();
        self.at = 0;
        let mut bytes = [0; 4];
        for character in char::decode_utf16(units) {
            let character = character
                .map_err(|_| io::Error::other("UTF-16 text with half a character in it"))?;
            self.utf8
                .extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
        }
        Ok(())
    }

    fn unit(&self, pair: &[u8]) -> u16 {
        let pair = [pair[0], pair[1]];
        if self.big == Some(true) {
            u16::from_be_bytes(pair)
        } else {
            u16::from_le_bytes(pair)
        }
    }
}

impl<R: Read> Read for AsUtf8<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.utf8.len() {
            if self.ended {
                return Ok(0);
            }
            self.fill()?;
        }
        let rest = &self.utf8[self.at..];
        let read = rest.len().min(into.len());
        into[..read].copy_from_slice(&rest[..read]);
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text with its mark, little-endian.
    pub(crate) fn written(text: &str) -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        LITTLE.iter().copied().chain(units).collect()
    }

    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let piece = self.1.min(into.len());
            self.0.read(&mut into[..piece])
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "[a-z\u{e9}\u{1f600}\n ]{0,60}", piece in 1usize..7) {
            let little = written(&text);
            let big: Vec<u8> = little.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
            for utf16 in [little, big] {
                let mut read = String::new();
                AsUtf8::new(Pieces(&utf16, piece)).read_to_string(&mut read).unwrap();
                prop_assert_eq!(&read, &text);
            }
        }
    }

    #[test]
    fn what_is_cut_or_broken_is_said() {
        for utf16 in [
            &b"\xff\xfe2"[..],
            b"\xff\xfe2\0\x00\xd8",
            b"\xff\xfe\x00\xdc2\0",
        ] {
            let mut read = Vec::new();
            let error = AsUtf8::new(utf16).read_to_end(&mut read).unwrap_err();
            assert!(error.to_string().starts_with("UTF-16 text"), "{error}");
        }
    }
}
