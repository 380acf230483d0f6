//! Putting a file in its place: where its path points, and whole where that can be.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

/// How many symbolic links may lead to each other; Linux follows as many.
pub(crate) const LINKS: u32 = 40;

/// The folder of a file: where its name is given to it in one atomic step.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Follows symbolic links, also those that lead to what is not there yet: their target is where a file appears.
pub(crate) fn pointed_to(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = folder(&target).join(next),
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// Where a file cannot take another's place because that is a mount of its own (a single file mounted into a container),
/// the content goes into it.
pub(crate) fn or_fill(replaced: io::Result<()>, target: &Path, content: &File) -> io::Result<()> {
    match replaced {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            fill(File::options().write(true).open(target)?, content)
        }
        replaced => replaced,
    }
}

pub(crate) fn fill(mut target: File, mut content: &File) -> io::Result<()> {
    content.rewind()?;
    target.set_len(0)?;
    io::copy(&mut content, &mut target)?;
    target.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_cannot_be_replaced_is_filled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mounted");
        fs::write(&path, "what was there before, and longer").unwrap();
        let mut content = tempfile::tempfile().unwrap();
        content.write_all(b"whole").unwrap();
        let busy = Err(io::ErrorKind::ResourceBusy.into());
        or_fill(busy, &path, &content).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        let other = or_fill(Err(io::ErrorKind::StorageFull.into()), &path, &content);
        assert_eq!(other.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
