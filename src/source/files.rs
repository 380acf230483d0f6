//! Files: a folder, a file, or what comes through a pipe. All of them hold what a service once
//! delivered or answered.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
#[cfg(unix)]
use std::io::IsTerminal;
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(unix)]
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use super::changes::{FilesRead, version};
use super::folder::reason;
use super::meant::{meant, no_flow_log};
use super::passed_over::EMPTY;
use super::spool::Spool;
use super::{Ask, Listing, Outlet, Part, ReadError, Source, SourceIdentity, folder};
use crate::decode::Content;
use crate::model::{Error, Side};
use crate::system::Waiting;

/// A folder with all that is below it, a single file, or a pipe. Links are followed.
///
/// What other readers pass over in a folder (`.DS_Store`, `_temporary`) is left out, and a note says so; all else
/// is a part, and what cannot be opened or is no file (a socket, a loop of links) is an unreadable one.
#[derive(Debug)]
pub(super) struct Files {
    address: String,
    place: Arc<FilePlace>,
    side: Side,
    /// The flow logs whose objects are read; empty is all.
    flow_logs: Vec<String>,
    read: FilesRead,
}

#[derive(Debug)]
enum FilePlace {
    Folder(PathBuf),
    File {
        path: PathBuf,
        name: String,
    },
    /// What came through a pipe, kept because it may be read twice; goes away with the source.
    Spool {
        file: Spool,
        name: String,
    },
}

impl Files {
    /// Opens a path. A pipe (`/dev/fd/63`, say) is read to its end at once. With `flow_logs`, a folder's objects are
    /// read only if their names tell that they are of these.
    ///
    /// # Errors
    /// [`Error::Source`]: there is nothing there, it may not be looked at, or a pipe breaks. [`Error::Usage`]: a
    /// single file is not of these flow logs by its name.
    pub(super) fn open(side: Side, path: &Path, flow_logs: &[String]) -> Result<Self, Error> {
        let address = path.display().to_string();
        let failed = |error: &io::Error| failure(side, &address, error);
        let metadata = fs::metadata(path).map_err(|error| {
            let is_nothing = error.kind() == io::ErrorKind::NotFound;
            Error::Source {
                side,
                address: address.clone(),
                reason: reason(&error),
                hint: is_nothing.then(|| meant(side, &address)).flatten(),
            }
        })?;
        if !metadata.is_dir() {
            refuse_other_flow_logs(path, flow_logs)?;
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let path = path.to_owned();
        let place = if metadata.is_dir() {
            FilePlace::Folder(path)
        } else if metadata.is_file() {
            FilePlace::File { path, name }
        } else {
            let pipe = File::open(&path).and_then(ending);
            let file = pipe.and_then(Spool::of).map_err(|error| failed(&error))?;
            FilePlace::Spool { file, name }
        };
        let place = Arc::new(place);
        Ok(Self {
            address,
            place,
            side,
            flow_logs: flow_logs.to_vec(),
            read: FilesRead::default(),
        })
    }

    /// Reads standard input to its end. The one part is named `-`.
    ///
    /// # Errors
    /// [`Error::Source`]: standard input cannot be read or not be kept. [`Error::Usage`]: flow logs are asked for, and it
    /// does not tell whose it is.
    pub(super) fn stdin(side: Side, flow_logs: &[String]) -> Result<Self, Error> {
        let address = "-".to_owned();
        refuse_other_flow_logs(Path::new(&address), flow_logs)?;
        let file = ending(io::stdin().lock()).and_then(|input| Spool::of(Waiting(input)));
        let file = file.map_err(|error| failure(side, &address, &error))?;
        let name = address.clone();
        Ok(Self {
            address,
            place: Arc::new(FilePlace::Spool { file, name }),
            side,
            flow_logs: Vec::new(),
            read: FilesRead::default(),
        })
    }
}

#[async_trait]
impl Source for Files {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn identity(&self) -> SourceIdentity {
        let path = match &*self.place {
            FilePlace::Folder(path) | FilePlace::File { path, .. } => fs::canonicalize(path).ok(),
            FilePlace::Spool { .. } => None,
        };
        let place = path.map(|path| path.display().to_string());
        SourceIdentity {
            place: place.unwrap_or_else(|| self.address.clone()),
            ..SourceIdentity::default()
        }
    }

    /// Of a folder, objects with a time in their name that lies outside the window, and export
    /// tasks' folders of other interfaces, are not listed. A single file always is.
    async fn list(&self, ask: &Ask) -> Result<Listing, Error> {
        let (place, ask, flow_logs) = (self.place.clone(), ask.clone(), self.flow_logs.clone());
        let listed = blocking(move || place.list(&ask, &flow_logs)).await;
        let (listing, met) = listed.map_err(|error| failure(self.side, &self.address, &error))?;
        if let Some(met) = met
            && let Some(id) = self.flow_logs.iter().find(|&id| !met.contains(id))
        {
            return Err(no_flow_log(self.side, &self.address, id, &met));
        }
        Ok(listing)
    }

    /// Files are always read whole. One that changes meanwhile, or has since it was listed or first read, is unreadable:
    /// nobody can tell what it held before.
    async fn read(
        &self,
        part: &Part,
        _starts: &[crate::model::window::Window],
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        let (place, name) = (self.place.clone(), part.name.clone());
        let opened = blocking(move || {
            let file = place.open(&name)?;
            let version = version(&file.metadata()?);
            Ok((file, version))
        });
        let (file, before) = opened.await.map_err(|error| unreadable(&error))?;
        self.read.note(part, &before)?;
        let delivered = outlet.deliver(Content::File(file)).await;
        if let Err(ReadError::Stopped) = delivered {
            return delivered;
        }
        let (place, name) = (self.place.clone(), part.name.clone());
        let after = blocking(move || Ok(version(&place.metadata(&name)?)));
        match after.await {
            Ok(after) if after == before => delivered,
            _ => Err(ReadError::Unreadable(
                "changed while it was read: check again once nobody writes to it".to_owned(),
            )),
        }
    }
}

fn refuse_other_flow_logs(path: &Path, flow_logs: &[String]) -> Result<(), Error> {
    if folder::of_flow_log(path, flow_logs) == Some(true) {
        return Ok(());
    }
    let wanted = flow_logs.join(", ");
    Err(Error::Usage(format!(
        "--flow-log-id: `{}` is not of {wanted} by its name",
        path.display()
    )))
}

/// Runs what waits for the disk on a thread that may wait. `spawn_blocking` rather than `block_in_place`,
/// because it works in every kind of runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

impl FilePlace {
    /// Lists what there is, and of a folder the flow logs that names tell.
    fn list(
        &self,
        ask: &Ask,
        flow_logs: &[String],
    ) -> io::Result<(Listing, Option<BTreeSet<String>>)> {
        let mut met = None;
        let mut listing = Listing::default();
        match self {
            Self::Folder(folder) => {
                // One that has vanished since it was opened is no empty one.
                fs::metadata(folder)?;
                met = Some(folder::list(folder, ask, flow_logs, &mut listing));
            }
            Self::File { path, name } => {
                let part = Arc::new(folder::part(name, &fs::metadata(path)?));
                match part.size {
                    Some(0) => listing.unreadable.push((part, EMPTY.to_owned())),
                    _ => listing.parts.push(part),
                }
            }
            Self::Spool { file, name } => {
                let part = Arc::new(folder::part(name, &file.metadata()?));
                match file.metadata()?.len() {
                    0 => listing.unreadable.push((part, EMPTY.to_owned())),
                    _ => listing.parts.push(part),
                }
            }
        }
        Ok((listing, met))
    }

    /// Returns what is known of a part now without opening it.
    fn metadata(&self, name: &str) -> io::Result<fs::Metadata> {
        match self {
            Self::Folder(folder) => fs::metadata(folder.join(name)),
            Self::File { path, .. } => fs::metadata(path),
            Self::Spool { file, .. } => file.metadata(),
        }
    }

    /// Opens a part from its start.
    fn open(&self, name: &str) -> io::Result<File> {
        let file = match self {
            Self::Folder(folder) => open_file(&folder.join(name))?,
            Self::File { path, .. } => open_file(path)?,
            Self::Spool { file, .. } => file.reopen()?,
        };
        Ok(file)
    }
}

/// Refuses what has no end and would fill the disk: a device such as `/dev/zero` or a disk. A terminal ends when its user
/// says so, and `/dev/null` at once.
#[cfg(unix)]
fn ending<P: AsFd>(pipe: P) -> io::Result<P> {
    let file = File::from(pipe.as_fd().try_clone_to_owned()?);
    let metadata = file.metadata()?;
    let kind = metadata.file_type();
    let null = || fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == metadata.rdev());
    if kind.is_block_device() || (kind.is_char_device() && !file.is_terminal() && !null()) {
        let reason = "a device, neither a file nor a folder nor a pipe";
        return Err(io::Error::other(reason));
    }
    Ok(pipe)
}

#[cfg(not(unix))]
fn ending<P>(pipe: P) -> io::Result<P> {
    Ok(pipe)
}

/// Opens what still is a file: opening a pipe would wait for somebody to write.
fn open_file(path: &Path) -> io::Result<File> {
    if fs::metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other(folder::NO_FILE))
    }
}

fn unreadable(error: &io::Error) -> ReadError {
    ReadError::Unreadable(format!("cannot be read: {}", reason(error)))
}

fn failure(side: Side, address: &str, error: &io::Error) -> Error {
    Error::Source {
        side,
        address: address.to_owned(),
        reason: reason(error),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::fs::symlink;
    use std::sync::Mutex;

    use super::super::{PassedOver, Remark, Room};
    use super::*;
    use crate::model::window::Window;

    /// Keeps the bytes of what is delivered, and whether they came as a file.
    #[derive(Default)]
    struct Kept(Mutex<Vec<Vec<u8>>>);

    #[async_trait]
    impl Outlet for Kept {
        async fn room(&self, bytes: u64) -> Room {
            let permits = Arc::new(tokio::sync::Semaphore::new(usize::MAX >> 3));
            let bytes = u32::try_from(bytes).unwrap();
            Room::new(permits.acquire_many_owned(bytes).await.unwrap())
        }

        async fn deliver(&self, content: Content) -> Result<(), ReadError> {
            let Content::File(mut file) = content else {
                unreachable!()
            };
            let mut kept = Vec::new();
            file.read_to_end(&mut kept).unwrap();
            self.0.lock().unwrap().push(kept);
            Ok(())
        }
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(work)
    }

    fn listed(files: &Files, ask: &Ask) -> Listing {
        run(files.list(ask)).unwrap()
    }

    fn names(parts: &[Arc<Part>]) -> Vec<&str> {
        parts.iter().map(|part| &*part.name).collect()
    }

    fn content(files: &Files, part: &Part) -> Result<Vec<u8>, String> {
        let kept = Kept::default();
        run(files.read(part, &[], &kept)).map_err(|error| error.to_string())?;
        Ok(kept.0.into_inner().unwrap().pop().unwrap())
    }

    fn write(folder: &Path, name: &str, content: &[u8]) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn a_folder_is_listed_by_name_with_all_that_is_below() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a/b.gz",
            "a.gz",
            ".DS_Store",
            ".git/x",
            "exports/t/eni-0aa-all/000000.gz",
        ] {
            write(folder.path(), name, name.as_bytes());
        }
        let files = Files::open(Side::S3, folder.path(), &[]).unwrap();
        let listing = listed(&files, &Ask::default());
        let expected = ["a.gz", "a/b.gz", "exports/t/eni-0aa-all/000000.gz"];
        assert_eq!(names(&listing.parts), expected);
        assert_eq!(listing.parts[2].cover.interface.as_deref(), Some("eni-0aa"));
        assert_eq!(listing.parts[0].size, Some(4));
        assert!(!listing.parts[0].version.is_empty());
        let hidden = Remark::PassedOver {
            what: PassedOver::Hidden,
            count: 2,
            first: vec![".DS_Store".to_owned(), ".git".to_owned()],
        };
        assert_eq!(listing.remarks, [hidden]);
        assert!(listing.unreadable.is_empty());
        let read = content(&files, &listing.parts[1]).unwrap();
        assert_eq!(read, b"a/b.gz");
        let other = Ask {
            interfaces: vec!["eni-0bb".to_owned()],
            ..Ask::default()
        };
        assert_eq!(names(&listed(&files, &other).parts), ["a.gz", "a/b.gz"]);
    }

    #[test]
    fn delivered_objects_outside_the_window_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let object = |time: &str| format!("1_vpcflowlogs_eu-west-1_fl-0aa_{time}_0a.log.gz");
        for time in ["20220107T2205Z", "20220107T2300Z", "20220108T0020Z"] {
            write(folder.path(), &object(time), b"x");
        }
        let hour = Window::new(1_641_596_400, 1_641_600_000);
        let ask = Ask {
            window: hour,
            ..Ask::default()
        };
        let files = Files::open(Side::S3, folder.path(), &[]).unwrap();
        assert_eq!(
            names(&listed(&files, &ask).parts),
            [object("20220107T2300Z")]
        );
        // Whoever names a file wants it read.
        let files =
            Files::open(Side::S3, &folder.path().join(object("20220107T2205Z")), &[]).unwrap();
        assert_eq!(listed(&files, &ask).parts.len(), 1);
    }

    #[test]
    fn flow_logs_asked_for_by_id_are_told_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let name = |id: &str| {
            format!("123456789010_vpcflowlogs_eu-west-1_{id}_20220107T2205Z_1a2b3c4d.log.gz")
        };
        for file in [&name("fl-0a"), &name("fl-0b"), "notes.txt"] {
            std::fs::write(folder.path().join(file), "x").unwrap();
        }
        let ids = ["fl-0a".to_owned()];
        let listing = listed(
            &Files::open(Side::S3, folder.path(), &ids).unwrap(),
            &Ask::default(),
        );
        assert_eq!(
            listing
                .parts
                .iter()
                .map(|part| &*part.name)
                .collect::<Vec<_>>(),
            [name("fl-0a")]
        );
        assert_eq!(listing.remarks, [Remark::NamelessFiles(1)]);
        for (file, taken) in [
            (name("fl-0a"), true),
            (name("fl-0b"), false),
            ("notes.txt".to_owned(), false),
        ] {
            let opened = Files::open(Side::S3, &folder.path().join(&file), &ids);
            assert_eq!(opened.is_ok(), taken, "{file}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_a_part_nevertheless() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "below/good", b"x");
        write(folder.path(), "good", b"x");
        symlink("..", folder.path().join("below/loop")).unwrap();
        symlink("gone", folder.path().join("dangling")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        let files = Files::open(Side::Cwl, folder.path(), &[]).unwrap();
        let listing = listed(&files, &Ask::default());
        assert_eq!(names(&listing.parts), ["below/good", "good"]);
        let unreadable: Vec<(&str, &str)> = listing
            .unreadable
            .iter()
            .map(|(part, reason)| (&*part.name, reason.as_str()))
            .collect();
        let expected = [
            ("below/loop", "a link that leads back to a folder above it"),
            ("dangling", "no such file or folder"),
            ("socket", "neither a file nor a folder"),
        ];
        assert_eq!(unreadable, expected);
        fs::remove_file(folder.path().join("below/good")).unwrap();
        let reason = content(&files, &listing.parts[0]).unwrap_err();
        assert_eq!(reason, "cannot be read: no such file or folder");
    }

    #[test]
    fn a_folder_that_vanishes_cannot_be_listed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a", b"x");
        let files = Files::open(Side::S3, folder.path(), &[]).unwrap();
        assert_eq!(listed(&files, &Ask::default()).parts.len(), 1);
        folder.close().unwrap();
        let error = run(files.list(&Ask::default())).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("no such file or folder"), "{error}");
    }

    /// What it held before may be matched by what the other side has, and what it holds now by what it lacked.
    #[test]
    fn a_file_that_changes_is_unreadable() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c"] {
            write(folder.path(), name, b"old");
        }
        let files = Files::open(Side::S3, folder.path(), &[]).unwrap();
        let list = || listed(&files, &Ask::default()).parts;
        let before = list();
        assert_eq!(content(&files, &before[0]).unwrap(), b"old");
        // Grown, and another of the same size in its place.
        write(folder.path(), "a", b"old and new");
        fs::remove_file(folder.path().join("b")).unwrap();
        write(folder.path(), "b", b"new");
        let said = |part: &Part| content(&files, part).unwrap_err();
        for part in &before[..2] {
            assert!(said(part).starts_with("changed since it was listed"));
        }
        let after = list();
        assert!(said(&after[0]).starts_with("changed since it was first read"));
        assert_eq!(content(&files, &after[1]).unwrap(), b"new");
        assert_eq!(content(&files, &after[2]).unwrap(), b"old");
        // While it is read.
        let path = folder.path().join("c");
        let grown = Changing(|| fs::write(&path, b"new and more").unwrap());
        let read = run(files.read(&after[2], &[], &grown)).unwrap_err();
        assert!(read.to_string().starts_with("changed while it was read"));
    }

    /// Changes what is read before it is taken.
    struct Changing<F>(F);

    #[async_trait]
    impl<F: Fn() + Send + Sync> Outlet for Changing<F> {
        async fn room(&self, _: u64) -> Room {
            unreachable!()
        }

        async fn deliver(&self, _: Content) -> Result<(), ReadError> {
            (self.0)();
            Ok(())
        }
    }

    #[test]
    fn nothing_there_stops_a_run_and_an_empty_folder_does_not() {
        let error = Files::open(Side::S3, Path::new("/no/such/place"), &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "s3: `/no/such/place`: no such file or folder"
        );
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(Side::S3, folder.path(), &[]).unwrap();
        let none = Remark::EmptyFolder {
            folder: folder.path().display().to_string(),
        };
        assert_eq!(listed(&files, &Ask::default()).remarks, [none]);
    }

    #[test]
    fn a_pipe_can_be_read_twice() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"some rows").unwrap();
        drop(writer);
        let fd = std::os::fd::AsRawFd::as_raw_fd(&reader);
        let files = Files::open(Side::S3, Path::new(&format!("/dev/fd/{fd}")), &[]).unwrap();
        let listing = listed(&files, &Ask::default());
        assert_eq!(listing.parts[0].size, Some(9));
        for _ in 0..2 {
            let read = content(&files, &listing.parts[0]).unwrap();
            assert_eq!(read, b"some rows");
        }
    }
}
