//! What came through a pipe, kept on disk because it may be read twice.

use std::fs::{File, Metadata};
use std::io::{self, Read};

use tempfile::{NamedTempFile, TempPath};

/// A temporary file that only this user can read. It goes away with the value, and with the process however that ends:
/// it has no name, except on systems where a file without one cannot be opened a second time.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    name: Option<TempPath>,
}

impl Spool {
    /// Reads the pipe to its end.
    pub(super) fn of(mut pipe: impl Read) -> io::Result<Self> {
        let file = tempfile::tempfile()?;
        let mut spool = Self { file, name: None };
        if spool.reopen().is_err() {
            let (file, name) = NamedTempFile::with_prefix("flowdiff-")?.into_parts();
            spool = Self {
                file,
                name: Some(name),
            };
        }
        io::copy(&mut pipe, &mut spool.file)?;
        Ok(spool)
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
}
