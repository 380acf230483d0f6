//! Limits for content that is decoded as it is read: what a few KiB can unpack to must neither fill memory nor take for ever.

use std::io::{self, Read};

/// The longest string of a JSON document. The largest that AWS writes is the `data` of what Lambda is given, 6 MB at most.
const LONGEST_STRING: usize = 16 << 20;

/// How deep brackets may be within each other. The parser refuses far fewer where it looks, but passes over any number
/// where it does not, with a byte of memory for each.
const DEEPEST: usize = 1 << 20;

/// JSON of which the parser needs no more memory than a string's and a few bytes for each bracket that is open. It keeps
/// a string in memory until its end, however far that is.
pub(super) struct Json<R> {
    json: R,
    /// Bytes of the string so far; `None` outside of strings.
    string: Option<usize>,
    /// Whether the last byte was a backslash within a string, which makes the next one no end.
    escaped: bool,
    open: usize,
}

impl<R> Json<R> {
    pub(super) fn new(json: R) -> Self {
        Self {
            json,
            string: None,
            escaped: false,
            open: 0,
        }
    }

    fn look_at(&mut self, mut json: &[u8]) -> io::Result<()> {
        while !json.is_empty() {
            let seen = match self.string {
                Some(before) => self.within_string(before, json)?,
                None => self.outside(json)?,
            };
            json = &json[seen..];
        }
        Ok(())
    }

    fn within_string(&mut self, before: usize, json: &[u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.escaped) {
            self.string = Some(before + 1);
            return Ok(1);
        }
        let end = memchr::memchr2(b'"', b'\\', json);
        let length = before + end.unwrap_or(json.len());
        if length > LONGEST_STRING {
            return Err(io::Error::other("JSON: a string longer than 16 MiB"));
        }
        let Some(end) = end else {
            self.string = Some(length);
            return Ok(json.len());
        };
        self.escaped = json[end] == b'\\';
        self.string = self.escaped.then_some(length + 1);
        Ok(end + 1)
    }

    fn outside(&mut self, json: &[u8]) -> io::Result<usize> {
        for (at, byte) in json.iter().enumerate() {
            match byte {
                b'"' => {
                    self.string = Some(0);
                    return Ok(at + 1);
                }
                b'[' | b'{' if self.open == DEEPEST => {
                    return Err(io::Error::other("JSON: nested more than a million deep"));
                }
                b'[' | b'{' => self.open += 1,
                b']' | b'}' => self.open = self.open.saturating_sub(1),
                _ => {}
            }
        }
        Ok(json.len())
    }
}

impl<R: Read> Read for Json<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.json.read(into)?;
        self.look_at(&into[..read])?;
        Ok(read)
    }
}

/// Content that ends in an error where it is longer than it may be.
pub(super) struct AtMost<'a, R> {
    content: R,
    left: u64,
    /// What the error says.
    reason: &'a str,
}

impl<'a, R> AtMost<'a, R> {
    pub(super) fn new(bytes: u64, content: R, reason: &'a str) -> Self {
        Self {
            content,
            left: bytes,
            reason,
        }
    }
}

impl<R: Read> Read for AtMost<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(into)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other(self.reason))?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is read of JSON that comes in pieces of some bytes.
    fn read(json: &[u8], pieces: usize) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        let reader = io::BufReader::with_capacity(pieces, json);
        let mut limited = Json::new(reader);
        let mut piece = vec![0; pieces];
        loop {
            match limited.read(&mut piece)? {
                0 => return Ok(all),
                read => all.extend_from_slice(&piece[..read]),
            }
        }
    }

    #[test]
    fn strings_and_nesting_have_an_end() {
        let long = |bytes: usize| [&b"[\"\\\""[..], &vec![b'['; bytes - 2], b"\"]"].concat();
        let deep = |open: usize| vec![b'{'; open];
        let shallow = b"[{}]".repeat(DEEPEST);
        for (json, reason) in [
            (long(LONGEST_STRING), None),
            (
                long(LONGEST_STRING + 1),
                Some("JSON: a string longer than 16 MiB"),
            ),
            (deep(DEEPEST), None),
            (
                deep(DEEPEST + 1),
                Some("JSON: nested more than a million deep"),
            ),
            (shallow, None),
        ] {
            let result = read(&json, 1 << 20);
            let found = result.as_ref().err().map(ToString::to_string);
            assert_eq!(found.as_deref(), reason);
            assert!(found.is_some() || result.unwrap() == json);
        }
    }

    proptest! {
        #[test]
        fn strings_are_told_wherever_pieces_end(json in "([\"\\\\\\[\\]{}a]){0,60}", pieces in 1usize..9) {
            let json = json.as_bytes();
            let mut limited = Json::new(json);
            let (mut string, mut at) = (false, 0);
            while at < json.len() {
                match (json[at], string) {
                    (b'\\', true) => at += 1,
                    (b'"', _) => string = !string,
                    _ => {}
                }
                at += 1;
            }
            for piece in json.chunks(pieces) {
                limited.look_at(piece).unwrap();
            }
            prop_assert_eq!(limited.string.is_some(), string);
        }
    }

    #[test]
    fn what_is_longer_than_it_may_be_is_an_error() {
        for (bytes, fine) in [(9, true), (8, false)] {
            let mut all = Vec::new();
            let read = AtMost::new(bytes, &b"some rows"[..], "too long").read_to_end(&mut all);
            assert_eq!(read.is_ok(), fine);
        }
    }
}
