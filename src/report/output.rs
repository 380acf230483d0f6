//! Files that a run writes: opened before the work starts, complete or not there at all.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::Error;

/// A file being written. Unless it is finished it never appears under its name: what was written stands beside it
/// under a temporary name until then. What is not a regular file (a pipe, `/dev/stdout`) is written directly.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Beside(BufWriter<NamedTempFile>),
    Direct(BufWriter<File>),
}

impl Output {
    /// Opens the file for writing.
    ///
    /// # Errors
    /// The folder is not there or cannot be written to, or the path is a folder.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let open = || match fs::metadata(path) {
            Ok(there) if there.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            Ok(there) if !there.is_file() => Ok(Place::Direct(BufWriter::new(
                File::options().write(true).open(path)?,
            ))),
            _ => Ok(Place::Beside(BufWriter::new(temporary_beside(path)?))),
        };
        let place = open().map_err(|source| Error::Output {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            place,
        })
    }

    /// Returns what stands under the file's name so far; nothing if it is no regular file or no text.
    pub fn previous(&self) -> String {
        match self.place {
            Place::Beside(_) => fs::read_to_string(&self.path).unwrap_or_default(),
            Place::Direct(_) => String::new(),
        }
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// The last bytes cannot be written or the file cannot be renamed.
    pub fn finish(self) -> Result<(), Error> {
        let Self { path, place } = self;
        let finish = || match place {
            Place::Direct(mut file) => file.flush(),
            Place::Beside(file) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.persist(&path).map(drop).map_err(|error| error.error)
            }
        };
        finish().map_err(|source| Error::Output {
            path: path.clone(),
            source,
        })
    }

    /// Returns the file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::Beside(file) => file.write(bytes),
            Place::Direct(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            Place::Beside(file) => file.flush(),
            Place::Direct(file) => file.flush(),
        }
    }
}

/// In the same folder, so that giving it its name is one atomic step; with the permissions that any other new file gets.
fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(<Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666));
    builder.prefix(".flowdiff-").tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_only_when_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let mut output = Output::open(&path).unwrap();
        output.write_all(b"whole").unwrap();
        assert!(!path.exists());
        output.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        drop(Output::open(&path).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            folder.path().to_owned(),
            folder.path().join("no/such/folder/x"),
        ] {
            let message = Output::open(&path).unwrap_err().to_string();
            assert!(message.contains(&path.display().to_string()), "{message}");
        }
    }
}
