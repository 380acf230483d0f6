//! An archive, wherever it is: tells where its lines end, adds lines with their files, and finds files again.
//!
//! Only this file, [`super::prune`] and the places themselves change anything in it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use itertools::Itertools;

use crate::model::Error;

use super::bucket::{BucketPlace, attempts};
use super::chain::ChainEnd;
use super::day::{DayName, day_of};
use super::folder::FolderPlace;
use super::line::{ArchiveLine, hash};
use super::place::{Added, ArchivePlace, Place, trouble};
use super::{LINES, RECEIPTS, REPORTS};

/// How a file of lines ends.
const ENDING: &str = ".jsonl";

/// An archive.
#[derive(Debug)]
pub struct Archive {
    pub(super) place: Box<dyn Place>,
    /// Where the lines end, as it was read and not used yet.
    tail: Mutex<Option<Tail>>,
}

/// A file that a line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// Its name within the archive, with `/` between folders.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A line and the files that it names.
pub type LineWithFiles = (ArchiveLine, Vec<KeptFile>);

/// Where the lines end: the last that is whole, and what stands after it.
#[derive(Clone, Debug, Default)]
struct Tail {
    end: Option<ChainEnd>,
    /// The beginning of a line that a killed run has left.
    torn: Vec<u8>,
    /// The file that they stand in.
    day: Option<DayName>,
}

impl Archive {
    /// Takes an archive that lines are to be added to. A folder is made if there is none; of a bucket nothing is called yet.
    ///
    /// # Errors
    /// It cannot be made, or something is wrong with the configuration files.
    pub fn create(place: &ArchivePlace) -> Result<Self, Error> {
        Ok(Self::at(match place {
            ArchivePlace::Folder(folder) => Box::new(FolderPlace::create(folder)?),
            ArchivePlace::Bucket { address, options } => {
                Box::new(BucketPlace::open(address, options)?)
            }
        }))
    }

    /// Takes an archive that is there already.
    ///
    /// # Errors
    /// There is none.
    pub fn open(place: &ArchivePlace) -> Result<Self, Error> {
        let (address, options) = match place {
            ArchivePlace::Folder(folder) => {
                return Ok(Self::at(Box::new(FolderPlace::open(folder)?)));
            }
            ArchivePlace::Bucket { address, options } => (address, options),
        };
        let archive = Self::at(Box::new(BucketPlace::open(address, options)?));
        if archive.place.list(LINES)?.is_empty() && archive.start()?.is_none() {
            return Err(trouble(
                archive.path().to_owned(),
                "is no archive: it has no objects in `lines/`".to_owned(),
                Some("name the place that `--archive` was given"),
            ));
        }
        Ok(archive)
    }

    fn at(place: Box<dyn Place>) -> Self {
        Self {
            place,
            tail: Mutex::new(None),
        }
    }

    /// Returns its folder or address.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Returns what it is known by: as [`Self::path`], but whole.
    ///
    /// # Errors
    /// The working folder cannot be told.
    pub fn identity(&self) -> Result<PathBuf, Error> {
        self.place.identity()
    }

    /// Gives up what is waited for, now and from now on, or no longer from now on. A write that is given up may be done all
    /// the same: [`Self::append`] finds what of its lines stands there.
    pub fn give_up(&self, is_given_up: bool) {
        self.place.give_up(is_given_up);
    }

    /// Tells whether it is given up.
    pub fn is_given_up(&self) -> bool {
        self.place.is_given_up()
    }

    /// Tells where the chain ends: the last line that is whole, or what was removed last; `None` if there never was one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn end(&self) -> Result<Option<ChainEnd>, Error> {
        let tail = self.read_tail()?;
        let end = tail.end.clone();
        *self.tail.lock().unwrap_or_else(PoisonError::into_inner) = Some(tail);
        Ok(end)
    }

    fn read_tail(&self) -> Result<Tail, Error> {
        let mut tail = Tail::default();
        for day in self.days()?.into_iter().rev() {
            let name = Self::name_of(&day);
            let bytes = self.place.read_end(&name)?;
            let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
            if tail.day.is_none() {
                tail.torn = bytes[whole..].to_vec();
                tail.day = Some(day);
            }
            let Some(last) = bytes[..whole].strip_suffix(b"\n") else {
                continue;
            };
            let last = &last[memchr::memrchr(b'\n', last).map_or(0, |at| at + 1)..];
            let line = ArchiveLine::parse(&String::from_utf8_lossy(last)).map_err(|reason| {
                self.place
                    .trouble(&name, format!("{reason}, in its last line"), None)
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

    /// Returns the end that was read last, if nobody can have changed it unnoticed; else reads it.
    fn known_tail(&self, is_locked: bool) -> Result<Tail, Error> {
        let known = self
            .tail
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A lock keeps others away from when it was taken, a condition from when the end was read.
        match known {
            Some(tail) if !is_locked => Ok(tail),
            Some(_) | None => self.read_tail(),
        }
    }

    /// Adds lines with their files at the end. `after` is the line that the first of them comes after. What of it stands there
    /// already, by a run that was killed, is left as it is.
    ///
    /// # Errors
    /// It cannot be written; or what stands there is neither the line before nor one of these: then nothing is.
    pub fn append(&self, after: Option<&ChainEnd>, lines: &[LineWithFiles]) -> Result<(), Error> {
        let lock = self.place.lock()?;
        let mut tail = self.known_tail(lock.is_some())?;
        let mut attempts = attempts();
        loop {
            let there = self.already_there(after, lines, tail.end.as_ref())?;
            let reason = match self.add(&tail, &lines[there..])? {
                // Until a chain has begun with that, it is not known to hold.
                Added::Done if after.is_none() => return self.place.check_conditions(),
                Added::Done => return Ok(()),
                Added::Unsure(reason) => reason,
            };
            let next = attempts.next(&reason);
            let next = next.map_err(|reason| trouble(self.path().to_owned(), reason, None));
            self.place.rest(next?);
            tail = self.read_tail()?;
        }
    }

    /// Adds lines behind what is there; their files first, so that each that is named is there.
    fn add(&self, tail: &Tail, lines: &[LineWithFiles]) -> Result<Added, Error> {
        for file in lines.iter().flat_map(|(_, files)| files) {
            self.place.put(self.checked(&file.name)?, &file.bytes)?;
        }
        let mut last = tail.day.clone();
        let in_files = lines.iter().enumerate().map(|(at, (line, _))| {
            // What is torn is completed where it stands.
            if at > 0 || tail.torn.is_empty() {
                last = Some(DayName::after(last.as_ref(), day_of(line.read_at)));
            }
            (last.clone(), line)
        });
        let mut torn = &tail.torn[..];
        for (day, lines) in &in_files.chunk_by(|(day, _)| day.clone()) {
            let name = day.as_ref().map_or_else(String::new, Self::name_of);
            let text: String = lines.map(|(_, line)| line.text() + "\n").collect();
            let Some(rest) = text.as_bytes().strip_prefix(torn) else {
                let reason =
                    "ends in the middle of a line that is not this job's next one".to_owned();
                let hint = Some("see what else writes there");
                return Err(self.place.trouble(&name, reason, hint));
            };
            torn = &[];
            match self.place.add(&name, rest)? {
                Added::Done => {}
                unsure @ Added::Unsure(_) => return Ok(unsure),
            }
        }
        Ok(Added::Done)
    }

    /// Returns how many of the lines stand there already.
    fn already_there(
        &self,
        after: Option<&ChainEnd>,
        lines: &[LineWithFiles],
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
        Err(self.other_end(end, after))
    }

    /// Sees that the chain ends with this line.
    ///
    /// # Errors
    /// It does not.
    pub fn check_end(&self, end: Option<&ChainEnd>, known: Option<&ChainEnd>) -> Result<(), Error> {
        match end == known {
            true => Ok(()),
            false => Err(self.other_end(end, known)),
        }
    }

    fn other_end(&self, end: Option<&ChainEnd>, known: Option<&ChainEnd>) -> Error {
        let told = |end: Option<&ChainEnd>| {
            end.map_or_else(
                || "nothing".to_owned(),
                |end| format!("line {}", end.number),
            )
        };
        let number = |end: Option<&ChainEnd>| end.map_or(0, |it| it.number);
        let reason = match number(end) {
            is if is == number(known) => {
                format!("ends with another line {is} than the one that the state knows")
            }
            _ => format!(
                "ends with {}, and the state knows {}",
                told(end),
                told(known)
            ),
        };
        trouble(
            self.path().to_owned(),
            reason,
            Some(
                "its end was removed or changed, or another job writes there: put back what was there, or give --archive a new place, \
                 in which a new chain begins",
            ),
        )
    }

    /// Reads a file that a line names.
    ///
    /// # Errors
    /// It cannot be read, or is not there.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let name = self.checked(name)?;
        let found = self.place.read(name)?;
        found.ok_or_else(|| self.place.trouble(name, "is not there".to_owned(), None))
    }

    /// Reads the receipt of the day that begins with this second; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn receipt(&self, day: i64) -> Result<Option<Vec<u8>>, Error> {
        self.place.read(&receipt_of(day))
    }

    /// Keeps the receipt of a day. Nothing takes its place, and [`super::prune`] leaves it: a chain of receipts begins with the first.
    ///
    /// # Errors
    /// It cannot be written, or another one is there.
    pub fn keep_receipt(&self, day: i64, bytes: &[u8]) -> Result<(), Error> {
        self.place.put(&receipt_of(day), bytes)
    }

    /// Makes an error about the receipt of a day.
    pub fn refuse_receipt(&self, day: i64, why: &str) -> Error {
        let hint = "it is left as it is; move it away to make another one, or give the key that it was made with";
        self.place.trouble(
            &receipt_of(day),
            format!("is no receipt of this job: {why}"),
            Some(hint),
        )
    }

    /// Returns where a file that a line names is, for messages.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.place.path_of(name)
    }

    /// Returns the name of a report. Names come from a file: they must not lead elsewhere.
    pub(super) fn checked<'a>(&self, name: &'a str) -> Result<&'a str, Error> {
        let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        let safe = name
            .strip_prefix(REPORTS)
            .is_some_and(|rest| rest.split('/').all(plain) && !rest.contains('\\'));
        if !safe {
            let reason = format!("names a report `{name}`, which is none of an archive's");
            return Err(trouble(self.path().to_owned(), reason, None));
        }
        Ok(name)
    }

    /// Returns the days of which there are lines, oldest first.
    pub(super) fn days(&self) -> Result<Vec<DayName>, Error> {
        let names = self.place.list(LINES)?;
        let files = names.iter().filter_map(|name| {
            let day = name.strip_prefix(LINES)?.strip_suffix(ENDING)?;
            Some((name, DayName::parse(day)))
        });
        let days = files.map(|(name, day)| {
            let reason = "has no name of a day, as a file of lines has";
            day.ok_or_else(|| self.place.trouble(name, reason.to_owned(), None))
        });
        let mut days: Vec<_> = days.collect::<Result<_, _>>()?;
        days.sort_unstable();
        Ok(days)
    }

    /// Returns the name of the file with a day's lines.
    pub(super) fn name_of(day: &DayName) -> String {
        format!("{LINES}{day}{ENDING}")
    }
}

fn receipt_of(day: i64) -> String {
    format!("{RECEIPTS}{}.receipt", day_of(day))
}

#[cfg(test)]
mod tests;
