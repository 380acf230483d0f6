//! Files that a run writes: opened before the work starts, complete or not there at all.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::model::Error;
use crate::system::{Waiting, fill, folder, or_fill, pointed_to};
use crate::temporary;

/// How the names begin that files have before they are complete, where they need one.
pub(crate) const PREFIX: &str = ".flowdiff-report-";

/// What a killed run left is swept up once it is this old: a younger file may be one that is just being made.
const STALE: Duration = Duration::from_secs(60);

/// A file being written. Unless it is finished it never appears under its name.
///
/// Where the system can, what was written has no name at all until then, so that nothing is left of a run that is
/// killed. Elsewhere, and for the instant in which it takes another file's place, it stands beside it under a temporary
/// name, which only this user can read and the next run into the folder sweeps up.
///
/// It is written where its path points: behind symbolic links, which stay. What is no regular file (a pipe, a terminal),
/// and whatever standard output or standard error go to (`/dev/stdout`, be it a file), is written directly. A file that
/// cannot be replaced because it is mounted by itself, or because nothing can be made in its folder, gets its content
/// when the whole of it is there.
#[derive(Debug)]
pub struct Output {
    /// As it was given.
    path: PathBuf,
    /// Where that points.
    target: PathBuf,
    place: OutputPlace,
    /// Whether it is what a job is to go on with.
    kept: bool,
}

/// What finishing consists of; told before each step, so that a test can die there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FinishStep {
    /// Write what is still buffered.
    Write,
    /// Put it on the disk.
    Sync,
    /// Give it its name.
    Name,
    /// Put the name on the disk, if it is kept.
    SyncFolder,
    /// Nothing any more.
    Done,
}

#[derive(Debug)]
enum OutputPlace {
    Unnamed(BufWriter<File>),
    Beside(BufWriter<NamedTempFile>, Permissions),
    /// Kept in a temporary file until it is whole, and then put into the file that is there.
    Into(BufWriter<File>, File),
    Direct(BufWriter<File>),
    /// One of this process's own streams: who reads it may leave, which is no trouble.
    Stream(BufWriter<Waiting<File>>),
}

impl Output {
    /// Opens the file for writing.
    ///
    /// # Errors
    /// The folder is not there or cannot be written to, or the path is a folder.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::create(path).map_err(|source| Error::Output {
            path: path.to_owned(),
            source,
        })
    }

    /// As [`Output::open`], with what the system says.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let (target, place) = match stream::open(path)? {
            Some(stream) => (
                path.to_owned(),
                OutputPlace::Stream(BufWriter::new(Waiting(stream))),
            ),
            None => {
                let target = pointed_to(path)?;
                let place = place(&target)?;
                (target, place)
            }
        };
        Ok(Self {
            path: path.to_owned(),
            target,
            place,
            kept: false,
        })
    }

    /// Makes it a file that a job is to go on with: only this user may read it, whatever it replaces, and once it is
    /// finished its name is on the disk as well.
    #[must_use]
    pub(crate) fn kept(self) -> Self {
        Self { kept: true, ..self }
    }

    /// Returns what stands under the file's name so far; nothing if it is no regular file or no text.
    pub fn previous(&self) -> String {
        match self.place {
            OutputPlace::Unnamed(_) | OutputPlace::Beside(..) | OutputPlace::Into(..) => {
                fs::read_to_string(&self.target).unwrap_or_default()
            }
            OutputPlace::Direct(_) | OutputPlace::Stream(_) => String::new(),
        }
    }

    /// Gives the file its name, and the permissions of what it replaces.
    ///
    /// # Errors
    /// The last bytes cannot be written or the file cannot be given its name.
    pub fn finish(self) -> Result<(), Error> {
        let path = self.path.clone();
        let finished = self.finish_by_steps(|_| {});
        finished.map_err(|source| Error::Output { path, source })
    }

    /// Finishes; `before` is told each step.
    pub(crate) fn finish_by_steps(self, mut before: impl FnMut(FinishStep)) -> io::Result<()> {
        let Self {
            target,
            place,
            kept,
            ..
        } = self;
        let permissions = || match kept {
            true => only_this_user(),
            false => fs::metadata(&target).map(|there| there.permissions()).ok(),
        };
        before(FinishStep::Write);
        match place {
            OutputPlace::Direct(mut file) => return file.flush(),
            OutputPlace::Stream(mut file) => return stream::unless_left(file.flush(), ()),
            OutputPlace::Into(file, into) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                return fill(into, &file);
            }
            OutputPlace::Unnamed(file) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                if let Some(permissions) = permissions() {
                    file.set_permissions(permissions)?;
                }
                before(FinishStep::Sync);
                file.sync_all()?;
                before(FinishStep::Name);
                or_fill(unnamed::link(&file, &target), &target, &file)?;
            }
            OutputPlace::Beside(file, usual) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                let permissions = permissions().unwrap_or(usual);
                file.as_file().set_permissions(permissions)?;
                before(FinishStep::Sync);
                file.as_file().sync_all()?;
                before(FinishStep::Name);
                if let Err(failed) = file.persist(&target) {
                    or_fill(Err(failed.error), &target, failed.file.as_file())?;
                }
            }
        }
        before(FinishStep::SyncFolder);
        // Elsewhere a folder cannot be opened, and a rename is durable by itself.
        #[cfg(unix)]
        if kept {
            File::open(folder(&target))?.sync_all()?;
        }
        before(FinishStep::Done);
        Ok(())
    }

    /// Returns the file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            OutputPlace::Beside(file, _) => file.write(bytes),
            OutputPlace::Stream(file) => stream::unless_left(file.write(bytes), bytes.len()),
            OutputPlace::Unnamed(file) | OutputPlace::Direct(file) | OutputPlace::Into(file, _) => {
                file.write(bytes)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            OutputPlace::Beside(file, _) => file.flush(),
            OutputPlace::Stream(file) => stream::unless_left(file.flush(), ()),
            OutputPlace::Unnamed(file) | OutputPlace::Direct(file) | OutputPlace::Into(file, _) => {
                file.flush()
            }
        }
    }
}

/// The permissions of what only this user may read; `None` where the system knows none.
fn only_this_user() -> Option<Permissions> {
    #[cfg(unix)]
    return Some(<Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600));
    #[cfg(not(unix))]
    None
}

fn place(target: &Path) -> io::Result<OutputPlace> {
    let there = fs::metadata(target);
    match &there {
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => {
            let file = File::options().write(true).open(target)?;
            return Ok(OutputPlace::Direct(BufWriter::new(file)));
        }
        Ok(_) | Err(_) => {}
    }
    sweep(folder(target));
    let made = match unnamed::open(folder(target)) {
        Ok(file) => return Ok(OutputPlace::Unnamed(BufWriter::new(file))),
        Err(_) => beside(folder(target)),
    };
    match made {
        Err(_) if there.is_ok() => {
            let file = File::options().write(true).open(target)?;
            Ok(OutputPlace::Into(BufWriter::new(temporary::file()?), file))
        }
        made => made,
    }
}

/// Private until it is finished; then with the permissions that any other new file gets, which are those it is made
/// with, while there is nothing in it.
fn beside(folder: &Path) -> io::Result<OutputPlace> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    builder.permissions(<Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o666));
    let file = builder.tempfile_in(folder)?;
    let usual = file.as_file().metadata()?.permissions();
    if let Some(permissions) = only_this_user() {
        file.as_file().set_permissions(permissions)?;
    }
    // Tells other runs that this one is alive; where locks do not work, they leave alone what they cannot lock.
    let _ = file.as_file().lock();
    Ok(OutputPlace::Beside(BufWriter::new(file), usual))
}

/// Removes what killed runs left in the folder: nobody alive holds it.
fn sweep(folder: &Path) {
    let stale = |path: &Path| -> io::Result<bool> {
        let there = fs::symlink_metadata(path)?;
        let old = there.modified()?.elapsed().is_ok_and(|age| age > STALE);
        Ok(there.is_file() && old && File::open(path)?.try_lock().is_ok())
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && stale(&entry.path()).unwrap_or(false) {
            // Somebody else may have swept it up meanwhile.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// What this process has open already.
#[cfg(unix)]
mod stream {
    use std::fs::{self, File};
    use std::io;
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    /// Opens the path if it is what standard output or standard error go to, or another stream of this process: writing
    /// goes on where the stream is, and never from the start of the file that it may be.
    pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
        let Ok(there) = fs::metadata(path) else {
            return Ok(None);
        };
        let (out, err) = (io::stdout(), io::stderr());
        for stream in [out.as_fd(), err.as_fd()] {
            let file = File::from(stream.try_clone_to_owned()?);
            let same = |open: fs::Metadata| (open.dev(), open.ino()) == (there.dev(), there.ino());
            if file.metadata().is_ok_and(same) {
                return Ok(Some(file));
            }
        }
        if there.is_file() && is_of_a_process(path) {
            return File::options().append(true).open(path).map(Some);
        }
        Ok(None)
    }

    /// Tells whether a path leads through a process's table of open files (`/dev/fd/3`).
    fn is_of_a_process(path: &Path) -> bool {
        let mut path = path.to_owned();
        for _ in 0..crate::system::LINKS {
            let folder = fs::canonicalize(crate::system::folder(&path)).unwrap_or_default();
            let names: Vec<_> = folder.iter().collect();
            if folder == Path::new("/dev/fd")
                || (folder.starts_with("/proc") && names.ends_with(&["fd".as_ref()]))
            {
                return true;
            }
            match fs::read_link(&path) {
                Ok(next) => path = crate::system::folder(&path).join(next),
                Err(_) => return false,
            }
        }
        false
    }

    /// Whoever reads a stream of this process and has seen enough does no harm.
    pub(super) fn unless_left<T>(done: io::Result<T>, otherwise: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(otherwise),
            done => done,
        }
    }
}

/// What this process has open already cannot be told by a path.
#[cfg(not(unix))]
mod stream {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn open(_: &Path) -> io::Result<Option<File>> {
        Ok(None)
    }

    pub(super) fn unless_left<T>(done: io::Result<T>, _: T) -> io::Result<T> {
        done
    }
}

/// Files that have no name until they are complete.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::{self, File};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, Mode, OFlags};

    /// Opens one in the folder.
    pub(super) fn open(folder: &Path) -> io::Result<File> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(
            CWD,
            folder,
            flags,
            Mode::from_raw_mode(0o666),
        )?);
        // Whether it can be given a name later.
        fs::metadata(handle(&file))?;
        Ok(file)
    }

    /// Gives it its name, in place of what has it.
    pub(super) fn link(file: &File, path: &Path) -> io::Result<()> {
        let link =
            |name: &Path| rustix::fs::linkat(CWD, handle(file), CWD, name, AtFlags::SYMLINK_FOLLOW);
        match link(path) {
            Err(rustix::io::Errno::EXIST) => {
                let unique =
                    getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
                let beside =
                    crate::system::folder(path).join(format!("{}{unique:016x}", super::PREFIX));
                link(&beside)?;
                fs::rename(&beside, path).inspect_err(|_| {
                    let _ = fs::remove_file(&beside);
                })
            }
            linked => Ok(linked?),
        }
    }

    fn handle(file: &File) -> String {
        format!("/proc/self/fd/{}", file.as_raw_fd())
    }
}

/// Files always have a name.
#[cfg(not(target_os = "linux"))]
mod unnamed {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn open(_: &Path) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn link(_: &File, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &Path) -> Output {
        Output {
            path: path.to_owned(),
            target: path.to_owned(),
            place: beside(folder(path)).unwrap(),
            kept: false,
        }
    }

    #[test]
    fn a_file_appears_only_when_finished() {
        let open = |path: &Path| Output::open(path).unwrap();
        for open in [open, named] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("report.json");
            let mut output = open(&path);
            output.write_all(b"whole").unwrap();
            assert!(!path.exists());
            output.finish().unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"whole");
            drop(open(&path));
            assert_eq!(fs::read(&path).unwrap(), b"whole");
            let mut output = open(&path);
            output.write_all(b"another").unwrap();
            output.finish().unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"another");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[cfg(unix)]
    #[test]
    fn it_is_private_while_it_has_another_name_and_then_as_the_one_it_replaces() {
        use std::os::unix::fs::PermissionsExt;

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let usual = folder.path().join("usual");
        File::create(&usual).unwrap();
        let output = named(&path);
        let OutputPlace::Beside(file, _) = &output.place else {
            panic!("no name")
        };
        assert_eq!(mode(file.get_ref().path()), 0o600);
        output.finish().unwrap();
        assert_eq!(mode(&path), mode(&usual));
        fs::remove_file(&path).unwrap();
        Output::open(&path).unwrap().finish().unwrap();
        assert_eq!(mode(&path), mode(&usual));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        for output in [Output::open(&path).unwrap(), named(&path)] {
            output.finish().unwrap();
            assert_eq!(mode(&path), 0o640);
        }
        let secret = Output::open(&path).unwrap().kept();
        secret.finish().unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn what_a_killed_run_left_is_swept_up() {
        let folder = tempfile::tempdir().unwrap();
        let long_ago = std::time::SystemTime::now() - 2 * STALE;
        let make = |name: &str, old: bool| {
            let file = File::create(folder.path().join(name)).unwrap();
            if old {
                file.set_modified(long_ago).unwrap();
            }
            file
        };
        let held = make(".flowdiff-report-held", true);
        held.lock().unwrap();
        drop(make(".flowdiff-report-young", false));
        drop(make(".flowdiff-report-left", true));
        drop(make(".flowdiff-other", true));
        drop(Output::open(&folder.path().join("report")).unwrap());
        let names = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let kept = [
            ".flowdiff-other",
            ".flowdiff-report-held",
            ".flowdiff-report-young",
        ];
        assert_eq!(names, kept);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_and_what_it_points_to_is_written() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("below")).unwrap();
        symlink("second", at("first")).unwrap();
        symlink("below/report", at("second")).unwrap();
        // What it points to is made, and then replaced.
        for content in ["made", "replaced"] {
            let mut output = Output::open(&at("first")).unwrap();
            output.write_all(content.as_bytes()).unwrap();
            output.finish().unwrap();
            assert_eq!(fs::read_to_string(at("below/report")).unwrap(), content);
        }
        assert_eq!(Output::open(&at("first")).unwrap().previous(), "replaced");
        for link in ["first", "second"] {
            assert!(at(link).is_symlink());
        }
        symlink("loop", at("loop")).unwrap();
        let error = Output::open(&at("loop")).unwrap_err().to_string();
        assert!(error.contains("symbolic links"), "{error}");
    }

    #[test]
    fn a_file_whose_folder_takes_no_other_gets_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mounted");
        fs::write(&path, "whole").unwrap();
        let into = File::options().write(true).open(&path).unwrap();
        let kept = BufWriter::new(temporary::file().unwrap());
        let mut output = Output {
            path: path.clone(),
            target: path.clone(),
            place: OutputPlace::Into(kept, into),
            kept: false,
        };
        output.write_all(b"other").unwrap();
        assert_eq!(output.previous(), "whole");
        output.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"other");
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
