//! The place of an archive: a folder, with a file of lines for each day and the reports beside them.
//!
//! Only this file and [`super::prune`] change anything in it. Another kind of place needs what [`Archive`] does: tell the chain's
//! end, put a file that is not there yet, add lines at the end, list and read them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::model::Error;
use crate::model::window::rfc3339;
use crate::output::Output;

use super::chain::ChainEnd;
use super::line::{ArchiveLine, hash};

/// Where the lines are, within the archive.
const LINES: &str = "lines";
/// How a file of lines ends.
const ENDING: &str = ".jsonl";
/// Where reports are, within the archive.
pub(super) const REPORTS: &str = "reports/";
const LOCK: &str = "lock";

/// A folder with an archive in it.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: PathBuf,
}

/// A file that a line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// Its name within the archive, with `/` between folders.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Where the lines end: the last that is whole, and what stands after it.
pub(super) struct Tail {
    pub(super) end: Option<ChainEnd>,
    /// The beginning of a line that a killed run has left.
    torn: Vec<u8>,
    /// The file that they stand in.
    day: Option<String>,
}

impl Archive {
    /// Makes the folder if there is none.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn create(folder: &Path) -> Result<Self, Error> {
        let archive = Self {
            folder: folder.to_owned(),
        };
        let made = fs::create_dir_all(folder.join(LINES));
        made.map_err(|error| archive.fault(folder, &error))?;
        Ok(archive)
    }

    /// Takes a folder that an archive is in already.
    ///
    /// # Errors
    /// There is none.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let archive = Self {
            folder: folder.to_owned(),
        };
        match fs::metadata(folder.join(LINES)) {
            Ok(there) if there.is_dir() => Ok(archive),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(archive.fault(folder, &error))
            }
            Ok(_) | Err(_) => Err(archive.trouble(
                folder,
                format!("is no archive: it has no folder `{LINES}`"),
                Some("name the folder that `--archive` was given"),
            )),
        }
    }

    /// Returns its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps others from changing it until the file that is returned is dropped.
    ///
    /// # Errors
    /// Another run is changing it.
    pub(super) fn lock(&self) -> Result<File, Error> {
        let path = self.folder.join(LOCK);
        let mut options = File::options();
        options.write(true).create(true).truncate(false);
        let file = options
            .open(&path)
            .map_err(|error| self.fault(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(self.trouble(
                &self.folder,
                "is being changed by another run".to_owned(),
                Some("wait for it to end; the lock goes with its process"),
            )),
            Err(fs::TryLockError::Error(error)) => Err(self.fault(&path, &error)),
        }
    }

    /// Tells where the chain ends: the last line that is whole, or what was removed last; `None` if there never was one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn end(&self) -> Result<Option<ChainEnd>, Error> {
        Ok(self.tail()?.end)
    }

    pub(super) fn tail(&self) -> Result<Tail, Error> {
        let mut tail = Tail {
            end: None,
            torn: Vec::new(),
            day: None,
        };
        for day in self.days()?.into_iter().rev() {
            let bytes = self.read_day(&day)?;
            let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
            if tail.day.is_none() {
                tail.torn = bytes[whole..].to_vec();
                tail.day = Some(day.clone());
            }
            let Some(last) = bytes[..whole].strip_suffix(b"\n") else {
                continue;
            };
            let last = &last[memchr::memrchr(b'\n', last).map_or(0, |at| at + 1)..];
            let text = String::from_utf8_lossy(last);
            let line = ArchiveLine::parse(&text).map_err(|reason| {
                self.trouble(&self.day(&day), format!("{reason}, in its last line"), None)
            })?;
            tail.end = Some(ChainEnd {
                number: line.number,
                hash: hash(last),
            });
            return Ok(tail);
        }
        tail.end = self.start()?.map(|start| ChainEnd {
            number: start.number,
            hash: start.hash,
        });
        Ok(tail)
    }

    /// Adds lines with their files at the end. `after` is the line that the first of them comes after. What of it stands there
    /// already, by a run that was killed, is left as it is.
    ///
    /// # Errors
    /// It cannot be written; or what stands there is neither the line before nor one of these: then nothing is.
    pub fn append(
        &self,
        after: Option<&ChainEnd>,
        lines: &[(ArchiveLine, Vec<KeptFile>)],
    ) -> Result<(), Error> {
        let _lock = self.lock()?;
        let tail = self.tail()?;
        let there = self.already_there(after, lines, tail.end.as_ref())?;
        let mut day = tail.day;
        let mut torn = tail.torn;
        for (line, files) in &lines[there..] {
            for file in files {
                self.put(file)?;
            }
            let text = line.text() + "\n";
            let today = rfc3339(line.read_at)[..10].to_owned();
            // A clock that goes back does not: the chain goes on from file to file.
            let place = match day {
                Some(last) if last >= today || !torn.is_empty() => last,
                Some(_) | None => today,
            };
            let path = self.day(&place);
            let Some(rest) = text.as_bytes().strip_prefix(&torn[..]) else {
                let reason =
                    "ends in the middle of a line that is not this job's next one".to_owned();
                return Err(self.trouble(&path, reason, Some("see what else writes there")));
            };
            add(&path, rest).map_err(|error| self.fault(&path, &error))?;
            torn.clear();
            day = Some(place);
        }
        match day {
            Some(day) if there < lines.len() => {
                sync(&self.day(&day)).map_err(|error| self.fault(&self.folder, &error))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns how many of the lines stand there already.
    fn already_there(
        &self,
        after: Option<&ChainEnd>,
        lines: &[(ArchiveLine, Vec<KeptFile>)],
        end: Option<&ChainEnd>,
    ) -> Result<usize, Error> {
        if end == after {
            return Ok(0);
        }
        let same = |line: &ArchiveLine| {
            end.is_some_and(|end| {
                end.number == line.number && end.hash == hash(line.text().as_bytes())
            })
        };
        if let Some(at) = lines.iter().position(|(line, _)| same(line)) {
            return Ok(at + 1);
        }
        let told = |end: Option<&ChainEnd>| {
            end.map_or_else(
                || "nothing".to_owned(),
                |end| format!("line {}", end.number),
            )
        };
        let reason = match (
            end.map_or(0, |it| it.number),
            after.map_or(0, |it| it.number),
        ) {
            (is, was) if is == was => {
                format!("ends with another line {is} than the one that the state knows")
            }
            _ => format!(
                "ends with {}, and the state knows {}",
                told(end),
                told(after)
            ),
        };
        Err(self.trouble(
            &self.folder,
            reason,
            Some(
                "its end was removed or changed, or another job writes there: put back what was there, or give --archive a new folder, \
                 in which a new chain begins",
            ),
        ))
    }

    /// Puts a file there, if it is not there yet.
    fn put(&self, file: &KeptFile) -> Result<(), Error> {
        let path = self.path_of(&file.name)?;
        match fs::read(&path) {
            Ok(there) if there == file.bytes => return Ok(()),
            Ok(_) => {
                let reason = "is there already, and is another file".to_owned();
                return Err(self.trouble(&path, reason, Some("see what else writes there")));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.fault(&path, &error)),
        }
        let written = || {
            fs::create_dir_all(crate::system::folder(&path))?;
            let mut output = Output::create(&path)?.kept();
            output.write_all(&file.bytes)?;
            output.finish_by_steps(|_| {})
        };
        written().map_err(|error| self.fault(&path, &error))
    }

    /// Reads a file that a line names.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.path_of(name)?;
        fs::read(&path).map_err(|error| self.fault(&path, &error))
    }

    /// Returns where a report is. Names come from a file: they must not lead elsewhere.
    pub(super) fn path_of(&self, name: &str) -> Result<PathBuf, Error> {
        let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        let safe = name
            .strip_prefix(REPORTS)
            .is_some_and(|rest| rest.split('/').all(plain) && !rest.contains('\\'));
        if !safe {
            let reason = format!("names a report `{name}`, which is none of an archive's");
            return Err(self.trouble(&self.folder, reason, None));
        }
        Ok(self.folder.join(name))
    }

    /// Returns the days of which there are lines, oldest first.
    pub(super) fn days(&self) -> Result<Vec<String>, Error> {
        let folder = self.folder.join(LINES);
        let mut days = Vec::new();
        for entry in fs::read_dir(&folder).map_err(|error| self.fault(&folder, &error))? {
            let entry = entry.map_err(|error| self.fault(&folder, &error))?;
            let name = entry.file_name();
            if let Some(day) = name.to_str().and_then(|name| name.strip_suffix(ENDING)) {
                days.push(day.to_owned());
            }
        }
        days.sort_unstable();
        Ok(days)
    }

    /// Returns the file with a day's lines.
    pub(super) fn day(&self, day: &str) -> PathBuf {
        self.folder.join(LINES).join(format!("{day}{ENDING}"))
    }

    pub(super) fn read_day(&self, day: &str) -> Result<Vec<u8>, Error> {
        let path = self.day(day);
        fs::read(&path).map_err(|error| self.fault(&path, &error))
    }

    pub(super) fn fault(&self, path: &Path, error: &io::Error) -> Error {
        self.trouble(path, error.to_string(), None)
    }

    pub(super) fn trouble(&self, path: &Path, reason: String, hint: Option<&str>) -> Error {
        Error::Archive {
            path: path.to_owned(),
            reason,
            hint: hint.map(str::to_owned),
        }
    }
}

/// Adds to the end of a file, which is made if there is none; only this user may read it.
fn add(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

/// Puts a file and its name on the disk.
fn sync(path: &Path) -> io::Result<()> {
    File::options().append(true).open(path)?.sync_all()?;
    // Elsewhere a folder cannot be opened.
    #[cfg(unix)]
    File::open(crate::system::folder(path))?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests;
