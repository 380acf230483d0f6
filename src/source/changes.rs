//! Files that change while they are compared. Their rows are of two states, of which each may lack what the other holds.

use std::fs::Metadata;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::{Part, ReadError};

/// Says what tells a file's content from that of any other one that may take its place: nanoseconds since 1970 of the
/// last change, bytes, and the file's number on its disk.
pub(super) fn version(metadata: &Metadata) -> String {
    let modified = metadata.modified().ok();
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified = modified.map_or(0, |since| since.as_nanos());
    format!("{modified} {} {}", metadata.len(), number(metadata))
}

/// Tells whether two [`version`]s are of one file, by its number on the disk. False where the system tells no numbers.
pub(super) fn is_one_file(one: &str, other: &str) -> bool {
    one == other && !one.is_empty() && !one.ends_with(" 0")
}

/// Returns the seconds since 1970 of the last change that a [`version`] tells.
pub(super) fn modified(version: &str) -> Option<i64> {
    let nanoseconds: i64 = version.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1_000_000_000)
}

#[cfg(unix)]
fn number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn number(_: &Metadata) -> u64 {
    0
}

/// The files read so far, each with what it was then.
#[derive(Debug, Default)]
pub(super) struct FilesRead(Mutex<HashMap<Arc<str>, u64>>);

impl FilesRead {
    /// Takes note that a file is read, with what it is now.
    ///
    /// # Errors
    /// It is another one than was listed, or than was read before: what was found then is not known to be there.
    pub(super) fn note(&self, part: &Part, now: &str) -> Result<(), ReadError> {
        let changed = |since: &str| {
            Err(ReadError::Unreadable(format!(
                "changed since it was {since}: check again once nobody writes to it"
            )))
        };
        if part.version != now {
            return changed("listed");
        }
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let version = xxh3_64(now.as_bytes());
        let before = *read.entry(Arc::clone(&part.name)).or_insert(version);
        if before != version {
            return changed("first read");
        }
        Ok(())
    }
}
