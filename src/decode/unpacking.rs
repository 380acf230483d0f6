//! Unpacking: how far, and whether what comes out is what stands elsewhere.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};

use super::limits::AtMost;
use super::{DecodeError, gzip, head_of, zstd};

/// How many packings may be within each other: an object packed once more by hand, and one to spare.
const DEPTH: u32 = 3;

/// How far a content may still be unpacked.
#[derive(Clone, Copy)]
pub(super) struct Unpacking {
    /// How many packings may be within it.
    layers: u32,
    /// How many bytes may come out of each of them: as many as of one gzip of the size of what was fetched. So a gzip
    /// within a gzip, or a zstd, which could be a billion times as large as what it is kept in, takes no longer than any other.
    pub(super) bytes: u64,
}

impl Unpacking {
    /// What may be done with so many bytes as they were fetched.
    pub(super) fn of(size: u64) -> Self {
        Self {
            layers: DEPTH,
            bytes: size.saturating_mul(gzip::LARGEST_RATIO as u64),
        }
    }

    /// What may be done within one more packing.
    pub(super) fn deeper(self) -> Result<Self, DecodeError> {
        let Some(layers) = self.layers.checked_sub(1) else {
            return Err(DecodeError::Unreadable(
                "gzip within gzip, too many times".to_owned(),
            ));
        };
        Ok(Self { layers, ..self })
    }

    /// Reads the members of a gzip file as far as they may be unpacked.
    pub(super) fn unpack<R: io::BufRead>(self, packed: R) -> impl Read {
        let reason = "gzip within gzip that unpacks to more than 1032 times its size";
        AtMost::new(self.bytes, gzip::GzipMembers::new(packed), reason)
    }

    /// Reads the frames of a zstd file as far as they may be unpacked.
    pub(super) fn unpack_zstd<R: io::BufRead>(self, packed: R) -> Result<impl Read, DecodeError> {
        let reason = "zstd that unpacks to more than 1032 times its size";
        Ok(AtMost::new(self.bytes, zstd::Frames::new(packed)?, reason))
    }
}

/// Tells whether what is packed in one file, gzip or zstd, is what stands in the other.
///
/// # Errors
/// One of them cannot be read, or what is packed is damaged.
pub fn unpacks_to(mut packed: File, whole: File) -> Result<bool, DecodeError> {
    let head = head_of(&mut packed)?;
    packed.rewind()?;
    let unpacking = Unpacking::of(packed.metadata()?.len());
    let packed = BufReader::with_capacity(64 << 10, packed);
    if head.starts_with(gzip::MAGIC) {
        same(unpacking.unpack(packed), whole)
    } else if head.starts_with(zstd::MAGIC) {
        same(unpacking.unpack_zstd(packed)?, whole)
    } else {
        Ok(false)
    }
}

fn same(left: impl Read, right: impl Read) -> Result<bool, DecodeError> {
    let [mut left, mut right] = [Box::new(left) as Box<dyn Read>, Box::new(right)]
        .map(|content| BufReader::with_capacity(256 << 10, content));
    loop {
        let (a, b) = (left.fill_buf()?, right.fill_buf()?);
        let common = a.len().min(b.len());
        if common == 0 || a[..common] != b[..common] {
            return Ok(a.is_empty() && b.is_empty());
        }
        left.consume(common);
        right.consume(common);
    }
}
