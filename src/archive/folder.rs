//! An archive in a folder of this machine.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::model::Error;
use crate::output::Output;

use super::place::{Added, Place, Take, trouble};
use super::{LINES, REPORTS};

const LOCK: &str = "lock";
/// How many bytes at the end of a file are read in search of its last line, at first.
const END: u64 = 64 << 10;

/// A folder.
#[derive(Debug)]
pub(super) struct FolderPlace(PathBuf);

impl FolderPlace {
    /// Takes a folder, whatever is in it.
    pub(super) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Makes the folder if there is none.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn create(folder: &Path) -> Result<Self, Error> {
        let place = Self(folder.to_owned());
        let made = fs::create_dir_all(folder.join(LINES));
        made.map_err(|error| trouble(folder.to_owned(), error.to_string(), None))?;
        Ok(place)
    }

    /// Takes a folder that an archive is in already.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn open(folder: &Path) -> Result<Self, Error> {
        let refused =
            |reason: String, hint: Option<&str>| Err(trouble(folder.to_owned(), reason, hint));
        match fs::metadata(folder.join(LINES)) {
            Ok(there) if there.is_dir() => Ok(Self(folder.to_owned())),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                refused(error.to_string(), None)
            }
            Ok(_) | Err(_) => refused(
                "is no archive: it has no folder `lines`".to_owned(),
                Some("name the folder that `--archive` was given"),
            ),
        }
    }

    fn fault(&self, name: &str, error: &io::Error) -> Error {
        self.trouble(name, error.to_string(), None)
    }
}

impl Place for FolderPlace {
    fn path(&self) -> &Path {
        &self.0
    }

    fn identity(&self) -> Result<PathBuf, Error> {
        std::path::absolute(&self.0)
            .map_err(|error| trouble(self.0.clone(), error.to_string(), None))
    }

    fn path_of(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn lock(&self) -> Result<Option<File>, Error> {
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        let file = options
            .open(self.path_of(LOCK))
            .map_err(|error| self.fault(LOCK, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Err(trouble(
                self.0.clone(),
                "is being changed by another run".to_owned(),
                Some("wait for it to end; the lock goes with its process"),
            )),
            Err(fs::TryLockError::Error(error)) => Err(self.fault(LOCK, &error)),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        for entry in WalkDir::new(self.path_of(folder)).sort_by_file_name() {
            let entry = match entry {
                Err(error) if error.depth() == 0 && is_absent(&error) => break,
                entry => entry.map_err(|error| self.trouble(folder, error.to_string(), None))?,
            };
            let within = entry.path().strip_prefix(&self.0).ok();
            if let Some(within) = within.filter(|_| !entry.file_type().is_dir()) {
                let steps = within.iter().map(|step| step.to_string_lossy());
                names.push(steps.collect::<Vec<_>>().join("/"));
            }
        }
        Ok(names)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        match fs::read(self.path_of(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.fault(name, &error)),
        }
    }

    fn read_each(&self, names: &[String], take: &mut Take<'_>) -> Result<(), Error> {
        names.iter().try_for_each(|name| {
            let bytes = fs::read(self.path_of(name)).map_err(|error| self.fault(name, &error))?;
            take(name, bytes)
        })
    }

    fn read_end(&self, name: &str) -> Result<Vec<u8>, Error> {
        end_of(&self.path_of(name)).map_err(|error| self.fault(name, &error))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        match self.read(name)? {
            Some(there) if there == bytes => return Ok(()),
            Some(_) => {
                let reason = "is there already, and is another file".to_owned();
                return Err(self.trouble(name, reason, Some("see what else writes there")));
            }
            None => {}
        }
        let made = fs::create_dir_all(crate::system::folder(&self.path_of(name)));
        made.map_err(|error| self.fault(name, &error))?;
        self.replace(name, bytes, None)
    }

    fn add(&self, name: &str, bytes: &[u8]) -> Result<Added, Error> {
        add(&self.path_of(name), bytes).map_err(|error| self.fault(name, &error))?;
        Ok(Added::Done)
    }

    fn check_conditions(&self) -> Result<(), Error> {
        Ok(())
    }

    fn replace(&self, name: &str, bytes: &[u8], _: Option<&[u8]>) -> Result<(), Error> {
        let written = || {
            let mut output = Output::create(&self.path_of(name))?.kept();
            output.write_all(bytes)?;
            output.finish_by_steps(|_| {})
        };
        written().map_err(|error| self.fault(name, &error))
    }

    fn remove(&self, name: &str, _: Option<&[u8]>) -> Result<(), Error> {
        let path = self.path_of(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(self.fault(name, &error));
            }
            Ok(()) | Err(_) => {}
        }
        if name.starts_with(REPORTS)
            && let Some(folder) = path.parent()
        {
            // It goes with the last file in it.
            let _ = fs::remove_dir(folder);
        }
        Ok(())
    }
}

fn is_absent(error: &walkdir::Error) -> bool {
    let error = error.io_error();
    error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Reads a file from its last whole line on, or from before it.
fn end_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut wanted = END;
    loop {
        let from = length.saturating_sub(wanted);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        file.read_to_end(&mut bytes)?;
        let mut ends = memchr::memrchr_iter(b'\n', &bytes);
        if from == 0 || ends.nth(1).is_some() {
            return Ok(bytes);
        }
        wanted *= 4;
    }
}

/// Adds to the end of a file, which is made if there is none; only this user may read it. Then file and name are on the disk.
fn add(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // Elsewhere a folder cannot be opened.
    #[cfg(unix)]
    File::open(crate::system::folder(path))?.sync_all()?;
    Ok(())
}
