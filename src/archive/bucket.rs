//! An archive in a folder of a bucket, with the same files as one in a folder of this machine.
//!
//! S3 has no append. The lines of a day are one object all the same, written anew with each run's lines, on the condition that it is
//! still the one that was read (`If-Match`), or that there is none (`If-None-Match`); reports are written once. An object for each
//! line would never be written anew, but a year of five-minute windows would be 105,120 objects to read instead of 366;
//! and as it is, copying the objects to a folder makes an archive that is read in the same way. In a versioned bucket each day's
//! object keeps what it was before.
//!
//! A write whose answer is an error may have been done. What stands there is read anew then: whoever has written these lines, they
//! stand in a state that was saved, so they are right.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::Error;
use crate::source::{
    Address, AwaitedFolder, FolderTrouble, HEEDED_ELSEWHERE, PutAttempts, PutCondition, PutOutcome,
    SourceOptions, StoredObject,
};

use super::place::{Added, Place, Take, trouble};

/// How often a write is tried before it is given up, and for how long: the next run writes what this one does not.
const ATTEMPTS: u32 = 8;
const LONGEST: Duration = Duration::from_secs(60);

/// A folder of a bucket.
#[derive(Debug)]
pub(super) struct BucketPlace {
    path: PathBuf,
    folder: AwaitedFolder,
    /// The object of lines that was read or written last.
    known: Mutex<Option<KnownObject>>,
}

/// An object of lines.
#[derive(Debug)]
struct KnownObject {
    name: String,
    bytes: Vec<u8>,
    etag: String,
}

/// Begins with the first attempt to write something.
pub(super) fn attempts() -> PutAttempts {
    PutAttempts::new(ATTEMPTS, LONGEST)
}

impl BucketPlace {
    /// Gets ready; nothing is called yet.
    ///
    /// # Errors
    /// What is wrong with the configuration files.
    pub(super) fn open(address: &Address, options: &SourceOptions) -> Result<Self, Error> {
        Ok(Self {
            path: PathBuf::from(address.to_string()),
            folder: AwaitedFolder::open(address, options)?,
            known: Mutex::new(None),
        })
    }

    fn get(&self, name: &str) -> Result<Option<StoredObject>, Error> {
        let found = self.folder.get(name);
        found.map_err(|refused| self.refused(name, refused))
    }

    fn put_once(
        &self,
        name: &str,
        bytes: Vec<u8>,
        condition: &PutCondition,
    ) -> Result<PutOutcome, Error> {
        let outcome = self.folder.put(name, bytes, condition);
        outcome.map_err(|refused| self.refused(name, refused))
    }

    fn refused(&self, name: &str, FolderTrouble { reason, hint }: FolderTrouble) -> Error {
        self.trouble(name, reason, hint.as_deref())
    }

    /// Writes a file as often as it takes to know what became of it; on which condition is told anew by what stands there, or that
    /// nothing is to be done.
    fn write(
        &self,
        name: &str,
        bytes: &[u8],
        condition: impl Fn(Option<StoredObject>) -> Result<Option<PutCondition>, Error>,
        mut first: Option<PutCondition>,
    ) -> Result<(), Error> {
        let mut attempts = attempts();
        loop {
            let found = match first.take() {
                Some(condition) => Some(condition),
                None => condition(self.get(name)?)?,
            };
            let Some(condition) = found else {
                return Ok(());
            };
            let reason = match self.put_once(name, bytes.to_vec(), &condition)? {
                PutOutcome::Written(_) => return Ok(()),
                PutOutcome::Unsure(reason) => reason,
            };
            let next = attempts.next(&reason);
            self.rest(next.map_err(|reason| self.trouble(name, reason, None))?);
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<KnownObject>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place for BucketPlace {
    fn path(&self) -> &Path {
        &self.path
    }

    fn identity(&self) -> Result<PathBuf, Error> {
        Ok(PathBuf::from(self.folder.address("")))
    }

    fn path_of(&self, name: &str) -> PathBuf {
        PathBuf::from(self.folder.address(name))
    }

    fn lock(&self) -> Result<Option<File>, Error> {
        Ok(None)
    }

    fn give_up(&self, is_given_up: bool) {
        self.folder.give_up(is_given_up);
    }

    fn is_given_up(&self) -> bool {
        self.folder.is_given_up()
    }

    fn rest(&self, time: Duration) {
        self.folder.rest(time);
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let names = self.folder.list(folder);
        names.map_err(|refused| self.refused(folder, refused))
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.get(name)?.map(|object| object.bytes))
    }

    fn read_each(&self, names: &[String], take: &mut Take<'_>) -> Result<(), Error> {
        self.folder.get_each(names, |name, found| match found {
            Ok(Some(object)) => take(name, object.bytes),
            Ok(None) => Err(self.trouble(name, "is not there any more".to_owned(), None)),
            Err(refused) => Err(self.refused(name, refused)),
        })
    }

    fn read_end(&self, name: &str) -> Result<Vec<u8>, Error> {
        let Some(StoredObject { bytes, etag, .. }) = self.get(name)? else {
            return Err(self.trouble(name, "is not there any more".to_owned(), None));
        };
        *self.known() = Some(KnownObject {
            name: name.to_owned(),
            bytes: bytes.clone(),
            etag,
        });
        Ok(bytes)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let condition = |found: Option<StoredObject>| match found {
            None => Ok(Some(PutCondition::Absent)),
            Some(found) if found.bytes == bytes => Ok(None),
            Some(_) => {
                let reason = "is there already, and is another file".to_owned();
                Err(self.trouble(name, reason, Some("see what else writes there")))
            }
        };
        self.write(name, bytes, condition, Some(PutCondition::Absent))
    }

    fn add(&self, name: &str, bytes: &[u8]) -> Result<Added, Error> {
        let mut known = self.known();
        let before = known.take().filter(|known| known.name == name);
        let (mut all, condition) = match before {
            Some(known) => (known.bytes, PutCondition::Unchanged(known.etag)),
            None => (Vec::new(), PutCondition::Absent),
        };
        all.extend_from_slice(bytes);
        match self.put_once(name, all.clone(), &condition)? {
            PutOutcome::Unsure(reason) => Ok(Added::Unsure(reason)),
            PutOutcome::Written(etag) => {
                *known = Some(KnownObject {
                    name: name.to_owned(),
                    bytes: all,
                    etag,
                });
                Ok(Added::Done)
            }
        }
    }

    /// Where one writes whatever the condition, one run would overwrite the lines of another.
    fn check_conditions(&self) -> Result<(), Error> {
        let known = self.known();
        let Some(KnownObject { name, bytes, .. }) = &*known else {
            return Ok(());
        };
        let heeds = self.folder.unheeded(name, bytes);
        match heeds.map_err(|refused| self.refused(name, refused))? {
            None => Ok(()),
            Some(header) => Err(trouble(
                self.path.clone(),
                format!(
                    "cannot be kept: the service takes no notice of `{header}`, so that two runs would overwrite each other's lines"
                ),
                Some(HEEDED_ELSEWHERE),
            )),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8], was: Option<&[u8]>) -> Result<(), Error> {
        let condition = |found: Option<StoredObject>| match found {
            Some(found) if found.bytes == bytes => Ok(None),
            None if was.is_none() => Ok(Some(PutCondition::Absent)),
            Some(found) if Some(&found.bytes[..]) == was => {
                Ok(Some(PutCondition::Unchanged(found.etag)))
            }
            Some(_) | None => {
                let reason = "was written by another run meanwhile".to_owned();
                Err(self.trouble(name, reason, Some("do it again")))
            }
        };
        self.write(name, bytes, condition, None)
    }

    fn remove(&self, name: &str, still: Option<&[u8]>) -> Result<(), Error> {
        let etag = match still {
            None => None,
            Some(still) => match self.get(name)? {
                None => return Ok(()),
                Some(found) if found.bytes == still => Some(found.etag),
                Some(_) => {
                    let reason = "was written by a run while it was to be removed".to_owned();
                    return Err(self.trouble(name, reason, Some("do it again")));
                }
            },
        };
        let removed = self.folder.remove(name, etag.as_deref());
        removed.map_err(|refused| self.refused(name, refused))
    }
}
