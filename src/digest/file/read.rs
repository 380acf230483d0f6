//! Reads a digest, and refuses what is none, whatever has become of it.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use super::body::{Numbers, sums};
use super::{About, SCHEMA, SideDigest, fingerprints_of};
use crate::digest::KEY;

/// How a digest begins: its name, and the version of what follows.
pub const MAGIC: &[u8] = b"flowdiff digest 1\n";

/// What all versions begin with.
const ANY_VERSION: &[u8] = b"flowdiff digest ";

/// The length of the SHA-256 at the end.
const SUM: usize = 32;

/// The most bytes that are unpacked: some 60 million lines of a ledger.
pub(super) const MOST: u64 = 2 << 30;

/// Tells whether something that begins like this is a digest, of whatever version.
pub fn is_digest(head: &[u8]) -> bool {
    head.starts_with(ANY_VERSION)
}

impl SideDigest {
    /// Reads one. `key` is the key that it was made with, if it was made with one.
    ///
    /// # Errors
    /// It is no digest, a newer one, damaged, or made with another key: a sentence that fits after its name.
    pub fn read(file: &[u8], key: Option<&[u8; KEY]>) -> Result<Self, String> {
        let body = unpacked(file)?;
        let end = body.iter().position(|&byte| byte == b'\n');
        let (head, numbers) = body.split_at(end.ok_or("it says nothing of itself")? + 1);
        let about: About = serde_json::from_slice(head)
            .map_err(|error| format!("what it says of itself cannot be understood: {error}"))?;
        if about.schema != SCHEMA {
            return Err(format!(
                "it is a `{}`, and this flowdiff knows `{SCHEMA}`",
                about.schema
            ));
        }
        let fingerprints = fingerprints_of(&about, key)?;
        let sums = sums(&about, &fingerprints, &mut Numbers(numbers))?;
        Ok(Self {
            about,
            ledger: sums.ledger,
            sketch: sums.sketch,
        })
    }
}

/// Returns the body of a digest that is whole.
fn unpacked(file: &[u8]) -> Result<Vec<u8>, String> {
    if !is_digest(file) {
        return Err("it is no digest".to_owned());
    }
    if !file.starts_with(MAGIC) {
        let version = file[ANY_VERSION.len()..]
            .split(|&byte| byte == b'\n')
            .next();
        let version = String::from_utf8_lossy(version.unwrap_or_default());
        let version: String = version.chars().take(20).collect();
        return Err(format!(
            "it is a digest of version `{version}`, and this flowdiff knows version 1: use a newer flowdiff"
        ));
    }
    let damaged = || {
        "it is damaged or cut off: its checksum is not that of its bytes; make or copy it again"
            .to_owned()
    };
    let (bytes, sum) = file.split_last_chunk::<SUM>().ok_or_else(damaged)?;
    if Sha256::digest(bytes).as_slice() != sum {
        return Err(damaged());
    }
    let packed = bytes.get(MAGIC.len()..).unwrap_or_default();
    unpack(packed).map_err(|error| format!("it cannot be unpacked: {error}"))
}

fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let unpacking = zstd::stream::read::Decoder::new(packed)?;
    let taken = unpacking.take(MOST + 1).read_to_end(&mut body)?;
    if taken as u64 > MOST {
        return Err(io::Error::other("it is larger than 2 GiB"));
    }
    Ok(body)
}
