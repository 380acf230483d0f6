//! Where an archive can be, and what is done there.

use std::fmt::Debug;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use itertools::Itertools;

use crate::model::Error;
use crate::source::{Address, SourceOptions};

use super::bucket::BucketPlace;
use super::folder::FolderPlace;
use super::{LINES, START};

/// Where an archive is to be.
#[derive(Clone, Debug)]
pub enum ArchivePlace {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// In a folder of a bucket.
    Bucket {
        /// Its address, which is a bucket's.
        address: Address,
        /// How it is reached.
        options: Box<SourceOptions>,
    },
}

/// What became of lines that were to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// They stand there.
    Done,
    /// They may stand there or not, for this reason: what stands there is to be read anew.
    Unsure(String),
}

/// A place that an archive is in. Names have `/` between folders.
pub(super) trait Place: Debug + Send + Sync {
    /// Returns the place, for messages.
    fn path(&self) -> &Path;

    /// Returns what it is, however it was written and wherever the run began.
    ///
    /// # Errors
    /// The working folder cannot be told.
    fn identity(&self) -> Result<PathBuf, Error>;

    /// Returns where a file is, for messages.
    fn path_of(&self, name: &str) -> PathBuf;

    /// Keeps others from changing the archive until what is returned is dropped; `None` where each change is made on the
    /// condition that nobody else has made one.
    ///
    /// # Errors
    /// Another run is changing it.
    fn lock(&self) -> Result<Option<File>, Error>;

    /// Gives up what is waited for, now and from now on, or no longer from now on. Of a folder nothing is waited for.
    fn give_up(&self, _is_given_up: bool) {}

    /// Tells whether it is given up.
    fn is_given_up(&self) -> bool {
        false
    }

    /// Lets time pass before another attempt to change something; none if that is given up.
    fn rest(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// Returns the names of the files below a folder, which ends with a slash, in order.
    ///
    /// # Errors
    /// They cannot be listed.
    fn list(&self, folder: &str) -> Result<Vec<String>, Error>;

    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error>;

    /// Reads files, and gives them to `take` in this order.
    ///
    /// # Errors
    /// One cannot be read, or what `take` says.
    fn read_each(&self, names: &[String], take: &mut Take<'_>) -> Result<(), Error>;

    /// Reads the end of a file of lines: its last whole line, if it has one, and what comes after it. More may stand before it.
    ///
    /// # Errors
    /// It cannot be read.
    fn read_end(&self, name: &str) -> Result<Vec<u8>, Error>;

    /// Puts a file there, if it is not there yet.
    ///
    /// # Errors
    /// It cannot be written, or another one is there.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error>;

    /// Adds to the end of a file that [`Self::read_end`] has read last, or makes a new one.
    ///
    /// # Errors
    /// It cannot be written.
    fn add(&self, name: &str, bytes: &[u8]) -> Result<Added, Error>;

    /// Sees that conditions hold where changes are made on them, once lines stand there.
    ///
    /// # Errors
    /// The service takes no notice of one.
    fn check_conditions(&self) -> Result<(), Error>;

    /// Writes a file in the place of the one that was read; `None` if there was none.
    ///
    /// # Errors
    /// It cannot be written, or there is another one by now.
    fn replace(&self, name: &str, bytes: &[u8], was: Option<&[u8]>) -> Result<(), Error>;

    /// Removes a file, if it is still this one where it is said which.
    ///
    /// # Errors
    /// It cannot be removed, or it is another one by now.
    fn remove(&self, name: &str, still: Option<&[u8]>) -> Result<(), Error>;

    /// Makes an error about a file.
    fn trouble(&self, name: &str, reason: String, hint: Option<&str>) -> Error {
        trouble(self.path_of(name), reason, hint)
    }
}

/// Takes the files that are read one after the other: which of the names, and what is in it.
pub(super) type Take<'a> = dyn FnMut(&str, Vec<u8>) -> Result<(), Error> + 'a;

/// Makes an error about an archive or something in it.
pub(super) fn trouble(path: PathBuf, reason: String, hint: Option<&str>) -> Error {
    Error::Archive {
        path,
        reason,
        hint: hint.map(str::to_owned),
    }
}

/// Returns the places of the archives in the folders of a place: those of a job of several pairs, in order.
///
/// # Errors
/// There is none, or they cannot be listed.
pub fn archives_within(place: &ArchivePlace) -> Result<Vec<ArchivePlace>, Error> {
    let names = match place {
        ArchivePlace::Folder(folder) => FolderPlace::at(folder).list("")?,
        ArchivePlace::Bucket { address, options } => {
            BucketPlace::open(address, options)?.list("")?
        }
    };
    let archives = names.iter().filter_map(|name| {
        let (folder, rest) = name.split_once('/')?;
        (rest.starts_with(LINES) || rest == START).then_some(folder)
    });
    let archives: Vec<_> = archives
        .dedup()
        .map(|folder| place.within(folder))
        .collect();
    if archives.is_empty() {
        return Err(trouble(
            place.path(),
            "has no archive in a folder of its own".to_owned(),
            Some("name the place that `--archive` was given, beside `--pairs`"),
        ));
    }
    archives.into_iter().collect()
}

impl ArchivePlace {
    fn within(&self, folder: &str) -> Result<Self, Error> {
        let path = self.path().join(folder);
        Ok(match self {
            Self::Folder(_) => Self::Folder(path),
            Self::Bucket { options, .. } => Self::Bucket {
                address: path.to_string_lossy().parse()?,
                options: options.clone(),
            },
        })
    }

    /// Returns the path or the address, for messages.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.clone(),
            Self::Bucket { address, .. } => PathBuf::from(address.to_string()),
        }
    }
}
