//! Outputs that would take the place of what is read, or of each other.

use std::path::{Path, PathBuf};

use crate::model::Error;

/// Refuses outputs that are the same file as one of what is read, or one in a folder that is read, or the same as another output.
/// An output that is no regular file (a pipe, a terminal) may be both.
///
/// # Errors
/// [`Error::Usage`] that names the option and the file.
pub fn refuse_overwriting(outputs: &[(&str, &Path)], all: &[&str]) -> Result<(), Error> {
    let read: Vec<PathBuf> = all
        .iter()
        .filter_map(|path| place(Path::new(path)))
        .collect();
    let folders = all.iter().map(|path| Path::new(*path));
    let folders = folders.filter(|path| path.is_dir());
    let folders: Vec<PathBuf> = folders
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    let mut taken: Vec<(PathBuf, &str)> = Vec::new();
    for &(option, path) in outputs {
        let Some(place) = place(path) else {
            continue;
        };
        let shown = path.display();
        let is_within = |folder: &PathBuf| place.exists() && place.starts_with(folder);
        if read.contains(&place) || folders.iter().any(is_within) {
            return Err(Error::Usage(format!(
                "{option}: `{shown}` is one of the files that are read, and would be replaced; write to another one"
            )));
        }
        let is_taken = |(known, _): &&(PathBuf, &str)| *known == place && !path.is_symlink();
        if let Some((_, other)) = taken.iter().find(is_taken) {
            return Err(Error::Usage(format!(
                "{option}: `{shown}` is what {other} writes as well, and one of them would be lost; write to another one"
            )));
        }
        // What a link leads to may be a standard stream, which takes one after the other.
        if !path.is_symlink() {
            taken.push((place, option));
        }
    }
    Ok(())
}

/// Returns where a regular file is, or would be, links followed; `None` of what is none.
fn place(path: &Path) -> Option<PathBuf> {
    if let Ok(there) = path.metadata() {
        return there.is_file().then(|| path.canonicalize().ok()).flatten();
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
    Some(folder.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn nothing_is_written_over_what_is_read_or_written_twice() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.log"), "x").unwrap();
        fs::create_dir(at("sub")).unwrap();
        let (log, roundabout) = (at("a.log"), at("sub/../a.log"));
        let refused = |outputs: &[(&str, &Path)], read: &[&str]| {
            refuse_overwriting(outputs, read)
                .err()
                .map(|error| error.to_string())
        };
        let said = refused(&[("--report", &roundabout)], &[log.to_str().unwrap()]).unwrap();
        assert!(
            said.starts_with("--report: `") && said.contains("that are read"),
            "{said}"
        );
        let (new, same) = (at("new.json"), at("sub/../new.json"));
        let said = refused(&[("--report", &new), ("--all-differences", &same)], &[]).unwrap();
        assert!(
            said.starts_with("--all-differences: `") && said.contains("--report writes"),
            "{said}"
        );
        let within = folder.path().to_str().unwrap();
        assert!(refused(&[("--report", &log)], &[within]).is_some());
        assert_eq!(refused(&[("--report", &new)], &[within]), None);
        let null = Path::new("/dev/null");
        assert_eq!(
            refused(
                &[("--report", null), ("--report", null)],
                &["/dev/null", "-"]
            ),
            None
        );
        assert_eq!(
            refused(
                &[("--report", &new)],
                &[log.to_str().unwrap(), "s3://bucket"]
            ),
            None
        );
    }
}
