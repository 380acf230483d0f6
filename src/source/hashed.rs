//! A source of which the bytes of each part are summed up on their way, as they came: packed, if they are.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use super::{
    Ask, Listing, Outlet, Outlets, Part, PartRequest, ReadError, Room, Source, StartOver,
    UnreadParts,
};
use crate::decode::Content;
use crate::model::Error;
use crate::model::window::Window;
use crate::model::words::hexadecimal;

/// The SHA-256 of parts, as hexadecimal digits, by name.
type Hashes = Mutex<HashMap<String, String>>;

/// A source whose parts are hashed as they are read. A log stream is read in part and has no hash.
pub struct Hashed {
    source: Arc<dyn Source>,
    hashes: Hashes,
}

impl Hashed {
    /// Hashes what is read of a source from now on.
    pub fn of(source: Arc<dyn Source>) -> Self {
        Self {
            source,
            hashes: Mutex::default(),
        }
    }

    /// Returns the SHA-256 of a part's bytes, as hexadecimal digits; `None` if it was not read, or not as a whole.
    pub fn hash(&self, part: &str) -> Option<String> {
        self.hashes().get(part).cloned()
    }

    fn hashes(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.hashes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what was delivered of a part.
    async fn note(&self, part: &str, content: &Content) {
        let Ok(Some(same)) = content.again() else {
            return;
        };
        let hash = tokio::task::spawn_blocking(move || hash(same)).await;
        if let Ok(Some(hash)) = hash {
            self.hashes().insert(part.to_owned(), hash);
        }
    }
}

/// Returns the hash of a whole object or file. A file's handles share where they stand, and decoding begins at its start.
fn hash(content: Content) -> Option<String> {
    let sum = match content {
        Content::Bytes(bytes) => Sha256::digest(&bytes),
        Content::File(file) => of_file(file).ok()?,
        Content::Events(_) | Content::Kept(_) => return None,
    };
    Some(hexadecimal(&sum))
}

fn of_file(mut file: File) -> io::Result<sha2::digest::Output<Sha256>> {
    file.rewind()?;
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => break,
            read => sum.update(&buffer[..read]),
        }
    }
    file.rewind()?;
    Ok(sum.finalize())
}

/// Hashes what is delivered of many parts.
struct HashedOutlets<'a> {
    hashed: &'a Hashed,
    wanted: &'a [PartRequest],
    outlets: &'a dyn Outlets,
}

#[async_trait]
impl Outlets for HashedOutlets<'_> {
    async fn room(&self, bytes: u64) -> Room {
        self.outlets.room(bytes).await
    }

    async fn deliver(&self, pieces: Vec<(usize, Content)>) -> Vec<(usize, ReadError)> {
        for (number, content) in &pieces {
            self.hashed
                .note(&self.wanted[*number].part.name, content)
                .await;
        }
        self.outlets.deliver(pieces).await
    }

    fn are_closed(&self) -> bool {
        self.outlets.are_closed()
    }

    fn done(&self, number: usize) {
        self.outlets.done(number);
    }
}

#[async_trait]
impl Source for Hashed {
    fn address(&self) -> String {
        self.source.address()
    }

    fn behind(&self) -> Option<&dyn Source> {
        Some(&*self.source)
    }

    async fn list(&self, ask: &Ask) -> Result<Listing, Error> {
        self.source.list(ask).await
    }

    async fn read(
        &self,
        part: &Part,
        starts: &[Window],
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        self.source.read(part, starts, outlet).await
    }

    async fn read_all(
        &self,
        wanted: &[PartRequest],
        concurrency: usize,
        outlets: &dyn Outlets,
    ) -> Result<UnreadParts, StartOver> {
        let outlets = HashedOutlets {
            hashed: self,
            wanted,
            outlets,
        };
        let unread = self.source.read_all(wanted, concurrency, &outlets).await?;
        for (number, _) in &unread {
            self.hashes().remove(&*wanted[*number].part.name);
        }
        Ok(unread)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_file_is_hashed_whole_and_read_from_its_start() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        let content = Content::File(file.try_clone().unwrap());
        assert_eq!(hash(content).as_deref(), Some(abc));
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
        assert_eq!(hash(Content::Bytes("abc".into())).as_deref(), Some(abc));
        assert_eq!(hash(Content::Events(Vec::new())), None);
    }
}
