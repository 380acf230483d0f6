//! Temporary files: what does not fit memory, or is read twice and came through a pipe.

use std::fs::File;
use std::io;

/// Makes one that only this user can read. It has no name where the system can do without, and is gone with the process
/// however that ends.
///
/// # Errors
/// Says which folder has no room, and what to do about it.
pub fn file() -> io::Result<File> {
    let file = tempfile::tempfile().map_err(|error| no_room(&error))?;
    keep_private(&file).map_err(|error| no_room(&error))?;
    Ok(file)
}

/// Says of an error of a temporary file where there was no room, and what to do about it.
pub fn no_room(error: &io::Error) -> io::Error {
    let folder = std::env::temp_dir();
    io::Error::new(
        error.kind(),
        format!(
            "cannot be put into a temporary file in `{}`: {error}; make room there, or set TMPDIR to another folder",
            folder.display()
        ),
    )
}

/// A file without a name is made with the permissions of any other.
#[cfg(unix)]
fn keep_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    file.set_permissions(PermissionsExt::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_private(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_this_user_can_read_it() {
        use std::os::unix::fs::PermissionsExt;

        let mode = file().unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
