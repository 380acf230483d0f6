//! What came through a pipe, kept on disk because it may be read twice.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};

use tempfile::{NamedTempFile, TempPath};

use crate::temporary::{self, no_room};

/// How much of a pipe is read at once.
const BUFFER: usize = 64 << 10;

/// A temporary file that only this user can read. It goes away with the value, and with the process however that ends:
/// it has no name, except on systems where a file without one cannot be opened a second time.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    name: Option<TempPath>,
}

impl Spool {
    /// Reads the pipe to its end.
    ///
    /// # Errors
    /// The pipe breaks, or there is no room for what comes through it, which the error's text tells.
    pub(super) fn of(mut pipe: impl Read) -> io::Result<Self> {
        let mut spool = Self::unnamed().or_else(|_| Self::named())?;
        let mut buffer = vec![0; BUFFER];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => return Ok(spool),
                Ok(read) => spool
                    .file
                    .write_all(&buffer[..read])
                    .map_err(|error| no_room(&error))?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes one that can be opened again without a name.
    fn unnamed() -> io::Result<Self> {
        let file = temporary::file()?;
        reopen_unnamed(&file)?;
        Ok(Self { file, name: None })
    }

    fn named() -> io::Result<Self> {
        let named = NamedTempFile::with_prefix("flowdiff-");
        let (file, name) = named.map_err(|error| no_room(&error))?.into_parts();
        Ok(Self {
            file,
            name: Some(name),
        })
    }

    /// Opens it at its beginning. A handle of its own: clones of one share where they stand.
    pub(super) fn reopen(&self) -> io::Result<File> {
        match &self.name {
            Some(name) => File::open(name),
            None => reopen_unnamed(&self.file),
        }
    }

    /// Returns its size and times.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }
}

#[cfg(target_os = "linux")]
fn reopen_unnamed(file: &File) -> io::Result<File> {
    use std::os::fd::AsRawFd;

    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(not(target_os = "linux"))]
fn reopen_unnamed(_: &File) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_often_as_wanted_and_has_no_name() {
        let spool = Spool::of(&b"a pipe"[..]).unwrap();
        for _ in 0..2 {
            let mut text = String::new();
            spool.reopen().unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "a pipe");
        }
        assert_eq!(spool.metadata().unwrap().len(), 6);
        if cfg!(target_os = "linux") {
            assert!(spool.name.is_none());
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_this_user_can_read_it() {
        use std::os::unix::fs::PermissionsExt;

        for make in [Spool::unnamed, Spool::named] {
            let mode = make().unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
