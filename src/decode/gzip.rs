//! Gzip: one member or many, in memory or as a stream, and never shorter than it was.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;
use libdeflater::{Decompressor, crc32};
use memchr::memmem;

use super::DecodeError;
use super::buffer::Buffer;

/// How a member begins: the magic and the only compression method there is (RFC 1952).
pub(super) const MAGIC: &[u8] = &[0x1f, 0x8b, 0x08];

/// What unpacks to less than this is unpacked whole, so that its checksums are known to be right
/// before the first row is delivered.
const WHOLE: usize = 32 << 20;

/// No deflate stream unpacks to more than this many times its size.
pub(super) const LARGEST_RATIO: usize = 1032;

/// Unpacks all members, every checksum verified; `None` if that is more than 32 MiB, which must be
/// read as [`Members`].
///
/// # Errors
/// Cut off, damaged, or followed by something that is not gzip.
pub(super) fn unpack(packed: &[u8]) -> Result<Option<Buffer>, DecodeError> {
    unpack_below(WHOLE, packed)
}

/// Unpacks as much as the first bytes of a gzip hold; that it breaks off is no news.
pub(super) fn beginning(packed: &[u8]) -> Vec<u8> {
    let (mut unpacked, mut chunk) = (Vec::new(), [0; 4096]);
    let mut member = GzDecoder::new(packed);
    while let Ok(read @ 1..) = member.read(&mut chunk) {
        unpacked.extend_from_slice(&chunk[..read]);
    }
    unpacked
}

/// Unpacks all members as [`unpack`] does; `None` if that is `limit` bytes or more.
///
/// # Errors
/// Cut off, damaged, or followed by something that is not gzip.
pub(super) fn unpack_below(limit: usize, packed: &[u8]) -> Result<Option<Buffer>, DecodeError> {
    let last_member = last_length(packed);
    if last_member.is_some_and(|size| size >= limit) {
        return Ok(None);
    }
    let mut unpacked = Buffer::for_bytes(last_member.unwrap_or(0));
    if last_member.is_some_and(|size| unpack_member(size, packed, &mut unpacked)) {
        return Ok(Some(unpacked));
    }
    let mut members = GzipMembers::new(packed);
    loop {
        if unpacked.len() >= limit {
            return Ok(None);
        }
        let more = unpacked.len().max(64 << 10).min(limit - unpacked.len());
        match members.read(unpacked.space(more))? {
            0 => return Ok(Some(unpacked)),
            read => unpacked.filled(read),
        }
    }
}

/// Returns what the last member says it unpacks to, if that can be.
fn last_length(packed: &[u8]) -> Option<usize> {
    let size = u32::from_le_bytes(*packed.last_chunk()?) as usize;
    (size / LARGEST_RATIO <= packed.len()).then_some(size)
}

/// The fast way for what AWS writes, a single member. False if it is anything else or not sound: the slow
/// way then tells what.
///
/// libdeflate stops at the end of the first member and does not tell where that was. So that nothing
/// follows must be known in other ways: no other member can begin anywhere, and the file ends in the
/// checksum and the length of what came out. (Junk that ends in those same eight bytes passes, but
/// it can hold no rows.)
fn unpack_member(size: usize, packed: &[u8], unpacked: &mut Buffer) -> bool {
    let Some(((body, checksum), length)) = body(packed).and_then(|body| {
        let (body, length) = body.split_last_chunk::<4>()?;
        Some((body.split_last_chunk::<4>()?, length))
    }) else {
        return false;
    };
    let text = unpacked.space(size);
    let sound = Decompressor::new().deflate_decompress(body, text) == Ok(size)
        && crc32(text) == u32::from_le_bytes(*checksum);
    if sound && !may_hold_another(packed, length) {
        unpacked.filled(size);
        return true;
    }
    false
}

/// Returns what follows a member's header (RFC 1952, section 2.3). `None` if the header has more than a name, which
/// nobody writes.
fn body(packed: &[u8]) -> Option<&[u8]> {
    const NAME: u8 = 1 << 3;
    let (header, rest) = packed.split_first_chunk::<10>()?;
    match header[3] {
        0 => Some(rest),
        NAME => {
            let end = memchr::memchr(0, rest)?;
            Some(&rest[end + 1..])
        }
        _ => None,
    }
}

/// Tells whether another member may begin after one of this length. The magic alone says little:
/// compressed data holds it once in 16 MiB by chance. But before it would stand the length of the first
/// member, or padding.
fn may_hold_another(packed: &[u8], length: &[u8; 4]) -> bool {
    memmem::find_iter(packed, MAGIC)
        .skip(1)
        .any(|at| packed[at - 1] == 0 || packed[..at].ends_with(length))
}

/// Reads what is in a gzip file, all members one after the other. The end is reported only after the last
/// checksum has been verified and nothing but zeros follows.
///
/// flate2's own `MultiGzDecoder` would do but for what may follow the last member: padding is an
/// error to it.
pub(super) struct GzipMembers<R> {
    /// `None` after the last.
    member: Option<GzDecoder<CountedBytes<R>>>,
}

impl<R: BufRead> GzipMembers<R> {
    pub(super) fn new(packed: R) -> Self {
        let packed = CountedBytes { packed, count: 0 };
        Self {
            member: Some(GzDecoder::new(packed)),
        }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            let read = member.read(into);
            match read.map_err(|error| explain(error, member.get_ref().count))? {
                0 => self.member = self.member.take().map_or(Ok(None), next)?,
                read => return Ok(read),
            }
        }
        Ok(0)
    }
}

/// Begins the member that follows, if one does.
fn next<R: BufRead>(
    ended: GzDecoder<CountedBytes<R>>,
) -> io::Result<Option<GzDecoder<CountedBytes<R>>>> {
    let mut rest = ended.into_inner();
    let end = rest.count;
    if rest.fill_buf()?.first() == Some(&MAGIC[0]) {
        return Ok(Some(GzDecoder::new(rest)));
    }
    // Tape blocks and block devices pad with zeros; gzip itself ignores those.
    loop {
        let padding = rest.fill_buf()?;
        let len = padding.len();
        if len == 0 {
            return Ok(None);
        }
        if padding.iter().any(|&byte| byte != 0) {
            let reason = format!("gzip: something that is not gzip follows after {end} bytes");
            return Err(io::Error::other(reason));
        }
        rest.consume(len);
    }
}

/// Says what is wrong with the gzip file; what is wrong with reading it stays as it is.
fn explain(error: io::Error, count: u64) -> io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    let kind = error.kind();
    if kind == io::ErrorKind::UnexpectedEof {
        io::Error::other(format!("gzip: cut off after {count} bytes"))
    } else if matches!(
        kind,
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
    ) {
        // flate2 has one error with this word: the comparison with what ends a member.
        if error.to_string().contains("checksum") {
            io::Error::other("gzip: checksum does not match")
        } else {
            io::Error::other(format!("gzip: damaged within the first {count} bytes"))
        }
    } else {
        error
    }
}

/// Counts the bytes that were consumed.
struct CountedBytes<R> {
    packed: R,
    count: u64,
}

impl<R: BufRead> Read for CountedBytes<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.packed.read(into)?;
        self.count += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for CountedBytes<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.packed.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.count += amount as u64;
        self.packed.consume(amount);
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;
    use crate::decode::collected::gzip;

    /// Both ways, which must agree.
    fn unpacked(packed: &[u8]) -> Result<Vec<u8>, String> {
        let whole = unpack(packed)
            .map(|unpacked| unpacked.unwrap().to_vec())
            .map_err(|error| error.to_string());
        let mut stream = Vec::new();
        let streamed = GzipMembers::new(BufReader::with_capacity(7, packed))
            .read_to_end(&mut stream)
            .map(|_| stream)
            .map_err(|error| error.to_string());
        assert_eq!(whole, streamed);
        whole
    }

    #[test]
    fn the_beginning_of_a_gzip_gives_the_beginning_of_its_text() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        let packed = gzip(&text);
        for length in [0, 1, 10, 11, 500, 1024, packed.len() / 2] {
            let unpacked = beginning(&packed[..length]);
            assert!(text.starts_with(&unpacked), "{length}");
            assert!(length < 1024 || unpacked.len() > 500, "{length}");
        }
        assert_eq!(beginning(&packed), text);
    }

    #[test]
    fn all_members_are_read() {
        let one = gzip(b"some rows\n");
        assert_eq!(unpacked(&one).unwrap(), b"some rows\n");
        // Equal members end in equal lengths: the fast way must not take the first for all.
        let two = [one.clone(), one.clone()].concat();
        assert_eq!(unpacked(&two).unwrap(), b"some rows\nsome rows\n");
        let three = [one.clone(), gzip(b""), one].concat();
        assert_eq!(unpacked(&three).unwrap(), b"some rows\nsome rows\n");
        assert_eq!(unpacked(&gzip(b"")).unwrap(), b"");
    }

    #[test]
    fn the_magic_within_compressed_data_is_no_member() {
        let length = 0x0203_0405u32.to_le_bytes();
        for (before, may) in [(length, true), ([9, 9, 9, 0], true), ([9; 4], false)] {
            let packed = [MAGIC, &[7; 9], &before, MAGIC, &[7; 9]].concat();
            assert_eq!(may_hold_another(&packed, &length), may, "{before:?}");
        }
    }

    #[test]
    fn nothing_is_shorter_than_it_was() {
        let two = [gzip(b"some rows\n"), gzip(&b"more rows\n".repeat(999))].concat();
        let first = gzip(b"some rows\n").len();
        for len in (1..two.len()).filter(|len| *len != first) {
            let reason = unpacked(&two[..len]).unwrap_err();
            assert_eq!(reason, format!("gzip: cut off after {len} bytes"));
        }
    }

    #[test]
    fn damage_is_named() {
        let good = gzip(b"some rows\n");
        let len = good.len();
        let mut bad = good.clone();
        bad[len - 5] ^= 1;
        assert_eq!(unpacked(&bad).unwrap_err(), "gzip: checksum does not match");
        let follows = format!("gzip: something that is not gzip follows after {len} bytes");
        let padded = [&[0; 9], &good[..]].concat();
        for junk in [&b"2 1234"[..], b"\0\0\0x", &good[len - 4..], &padded] {
            let bad = [&good[..], junk].concat();
            assert_eq!(unpacked(&bad).unwrap_err(), follows, "{junk:?}");
        }
        let bad = [&good[..], &[0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]].concat();
        assert!(unpacked(&bad).unwrap_err().starts_with("gzip: damaged"));
        let padded = [&good[..], &[0; 999]].concat();
        assert_eq!(unpacked(&padded).unwrap(), b"some rows\n");
    }

    #[test]
    fn what_is_large_is_not_unpacked_whole() {
        for bomb in [
            gzip(&[b'x'; 5000]),
            [gzip(&[b'x'; 4990]), gzip(&[b'x'; 10])].concat(),
        ] {
            assert!(unpack_below(5000, &bomb).unwrap().is_none());
            assert_eq!(unpack_below(5001, &bomb).unwrap().unwrap().len(), 5000);
        }
    }

    proptest! {
        #[test]
        fn a_flipped_bit_is_never_taken_for_the_same_content(at in 10usize..1000, bit in 0u32..8) {
            let rows: Vec<u8> = (0..400u32).flat_map(|n| n.to_string().into_bytes()).collect();
            let mut packed = gzip(&rows);
            let at = at % packed.len();
            packed[at] ^= 1 << bit;
            if let Ok(unpacked) = unpacked(&packed) {
                prop_assert_eq!(unpacked, rows);
            }
        }
    }
}
