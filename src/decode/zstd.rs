//! Zstandard: one frame or many, in memory or as a stream, and never shorter than it was.
//!
//! Source of the shape: RFC 8878. AWS delivers none; people pack their archives anew with it.

use std::io::{self, BufRead, Read};

use super::DecodeError;
use super::buffer::Buffer;

/// How a frame begins (RFC 8878, section 3.1.1).
pub(super) const MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";

/// The largest window, as a power of 2, that a frame may ask for: 8 MiB, which decoders are told to support (RFC 8878, section
/// 3.1.1.1.2) and which all levels without `--long` and `--ultra` keep to.
const WINDOW: u32 = 23;

/// What unpacks to less than this is unpacked whole, so that it is known to be sound before the first row is delivered.
const WHOLE: usize = 32 << 20;

/// Reads what is in a file, all frames one after the other.
pub(super) struct Frames<R: BufRead> {
    frames: zstd::stream::read::Decoder<'static, R>,
}

impl<R: BufRead> Frames<R> {
    /// # Errors
    /// There is no memory for a decoder.
    pub(super) fn new(packed: R) -> io::Result<Self> {
        let mut frames = zstd::stream::read::Decoder::with_buffer(packed)?;
        frames.window_log_max(WINDOW)?;
        Ok(Self { frames })
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.frames.read(into).map_err(explain)
    }
}

/// Says what is wrong with the file; what is wrong with reading it stays as it is.
fn explain(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    let said = error.to_string();
    io::Error::other(if error.kind() == io::ErrorKind::UnexpectedEof {
        "zstd: cut off".to_owned()
    } else if said.contains("too much memory") {
        "zstd: packed with a window above 8 MiB (--long or --ultra): pack it anew without"
            .to_owned()
    } else {
        format!("zstd: damaged, or followed by something else: {said}")
    })
}

/// Unpacks all frames; `None` if that is more than 32 MiB, or than it may be, which must be read as [`Frames`].
///
/// # Errors
/// Cut off, damaged, or followed by something else.
pub(super) fn unpack(packed: &[u8]) -> Result<Option<Buffer>, DecodeError> {
    let mut unpacked = Buffer::for_bytes(packed.len().saturating_mul(8).min(WHOLE));
    let mut frames = Frames::new(packed)?;
    loop {
        if unpacked.len() >= WHOLE {
            return Ok(None);
        }
        match frames.read(unpacked.space(256 << 10))? {
            0 => return Ok(Some(unpacked)),
            read => unpacked.filled(read),
        }
    }
}

/// Unpacks as much as the first bytes of a file hold; that it breaks off is no news.
pub(super) fn beginning(packed: &[u8]) -> Vec<u8> {
    let (mut unpacked, mut chunk) = (Vec::new(), [0; 4096]);
    if let Ok(mut frames) = Frames::new(packed) {
        while let Ok(read @ 1..) = frames.read(&mut chunk) {
            unpacked.extend_from_slice(&chunk[..read]);
        }
    }
    unpacked
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One frame.
    pub(crate) fn packed(content: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(content, 3).unwrap()
    }

    fn text(packed: &[u8]) -> Result<Vec<u8>, String> {
        unpack(packed)
            .map(|unpacked| unpacked.unwrap().to_vec())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn all_frames_are_read_and_none_is_shorter_than_it_was() {
        let two = [packed(b"some rows\n"), packed(b"more rows\n")].concat();
        assert_eq!(text(&two).unwrap(), b"some rows\nmore rows\n");
        let first = packed(b"some rows\n").len();
        for len in (1..two.len()).filter(|len| *len != first) {
            let error = text(&two[..len]).unwrap_err();
            assert!(error.starts_with("zstd: "), "{len}: {error}");
        }
        let junk = [&two[..], b"2 1234"].concat();
        assert!(text(&junk).unwrap_err().starts_with("zstd: damaged"));
        assert!(beginning(&two[..two.len() - 1]).starts_with(b"some rows\n"));
    }

    #[test]
    fn a_large_window_is_refused() {
        let mut packer = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        packer.long_distance_matching(true).unwrap();
        packer.window_log(27).unwrap();
        io::copy(&mut io::repeat(b'x').take(64 << 20), &mut packer).unwrap();
        let error = text(&packer.finish().unwrap()).unwrap_err();
        assert!(error.contains("window above 8 MiB"), "{error}");
    }

    #[test]
    fn what_is_large_is_not_unpacked_whole() {
        let bomb = packed(&vec![b'x'; WHOLE + 1]);
        assert!(unpack(&bomb).unwrap().is_none());
    }
}
