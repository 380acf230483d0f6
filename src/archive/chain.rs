//! Reading an archive back, and seeing that no line of it was changed, removed or put in.

use serde::{Deserialize, Serialize};

use crate::model::Error;
use crate::report::times;

use super::START;
use super::day::day_of;
use super::kept::Archive;
use super::line::{ArchiveLine, hash};

/// The name of the format of [`Start`].
const SCHEMA: &str = "flowdiff.archive-start/1";

/// A line, as the one after it refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainEnd {
    /// Its number.
    pub number: u64,
    /// Its SHA-256, in hexadecimal.
    pub hash: String,
}

/// Where the chain begins, once lines have been removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The name of the format.
    schema: String,
    /// The last line that was removed.
    pub number: u64,
    /// Its SHA-256, in hexadecimal.
    pub hash: String,
    /// When that was done, in Unix seconds.
    #[serde(with = "times::text")]
    pub removed_at: i64,
}

impl Start {
    /// Makes one: the line was the last to be removed.
    pub(super) fn new(last: ChainEnd, removed_at: i64) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            number: last.number,
            hash: last.hash,
            removed_at,
        }
    }
}

/// A chain that has been read, and how far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// The last line.
    pub end: Option<ChainEnd>,
    /// What was removed, if anything was.
    pub start: Option<Start>,
    /// Whether a line is being written, or was when its run was killed: the next run completes it.
    pub unfinished: bool,
}

impl Archive {
    /// Reads the lines, oldest first, and tells each with its hash. With `since`, only those of files of the day of that time and
    /// later, and nothing is said of those before.
    ///
    /// # Errors
    /// A line cannot be read, or is not the one that the line after it was written after.
    pub fn chain(
        &self,
        since: Option<i64>,
        mut each: impl FnMut(ArchiveLine, &str),
    ) -> Result<Chain, Error> {
        let start = self.start()?;
        let since = since.map(day_of);
        let days = self.days()?;
        // A day that a clock has told which was ahead ends what is passed over.
        let skipped = days
            .iter()
            .take_while(|day| since.is_some_and(|since| day.day() < since))
            .count();
        let mut reader = ChainReader {
            archive: self,
            start: start.as_ref(),
            before: None,
            is_middle: skipped > 0,
        };
        let names: Vec<String> = days[skipped..].iter().map(Self::name_of).collect();
        let mut unfinished = false;
        self.place.read_each(&names, &mut |name, bytes| {
            for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
                match line.strip_suffix(b"\n") {
                    None => unfinished = true,
                    Some(line) => {
                        if let Some((line, hash)) = reader.take(name, at + 1, line)? {
                            each(line, &hash);
                        }
                    }
                }
            }
            if unfinished && names.last().is_none_or(|last| last != name) {
                let reason = "ends in the middle of a line".to_owned();
                return Err(self.place.trouble(name, reason, None));
            }
            Ok(())
        })?;
        let removed = start.as_ref().map(|start| ChainEnd {
            number: start.number,
            hash: start.hash.clone(),
        });
        let end = reader.before.or(removed.filter(|_| skipped == 0));
        Ok(Chain {
            end,
            start,
            unfinished,
        })
    }

    /// Returns where the chain begins, if lines have been removed.
    ///
    /// # Errors
    /// The file that says so cannot be read.
    pub(super) fn start(&self) -> Result<Option<Start>, Error> {
        let text = self.place.read(START)?;
        text.map(|text| self.parse_start(&text)).transpose()
    }

    fn parse_start(&self, text: &[u8]) -> Result<Start, Error> {
        let damaged = |reason: String| {
            let reason = format!("is damaged: {reason}");
            self.place.trouble(START, reason, None)
        };
        let start: Start =
            serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
        if start.schema != SCHEMA {
            return Err(damaged(format!("it is no `{SCHEMA}`")));
        }
        Ok(start)
    }

    /// Keeps where the chain begins, if it began before that, and returns the number of the line before its first.
    ///
    /// # Errors
    /// It cannot be written, or another run has just done so.
    pub(super) fn note_start(&self, start: Option<Start>) -> Result<u64, Error> {
        let was = self.place.read(START)?;
        let known = match &was {
            Some(text) => self.parse_start(text)?.number,
            None => 0,
        };
        let Some(start) = start.filter(|start| known < start.number) else {
            return Ok(known);
        };
        let text = serde_json::to_string(&start)
            .map_err(|error| self.place.trouble(START, error.to_string(), None))?;
        let text = text + "\n";
        self.place.replace(START, text.as_bytes(), was.as_deref())?;
        Ok(start.number)
    }
}

struct ChainReader<'a> {
    archive: &'a Archive,
    start: Option<&'a Start>,
    before: Option<ChainEnd>,
    /// Whether the first line is in the middle of the chain.
    is_middle: bool,
}

impl ChainReader<'_> {
    /// Takes the next line; `None` if it was to be removed.
    fn take(
        &mut self,
        name: &str,
        row: usize,
        bytes: &[u8],
    ) -> Result<Option<(ArchiveLine, String)>, Error> {
        let fault = |reason: String| {
            let hint = "what stands before and after it can be read; a copy of the archive may have it as it was";
            let place = &self.archive.place;
            place.trouble(name, format!("row {row} {reason}"), Some(hint))
        };
        let text =
            std::str::from_utf8(bytes).map_err(|error| fault(format!("is damaged: {error}")))?;
        let line = ArchiveLine::parse(text).map_err(fault)?;
        let hash = hash(bytes);
        let removed = self.start.map_or(0, |start| start.number);
        let expected = self.before.as_ref();
        match expected {
            Some(before) if line.number != before.number + 1 => {
                return Err(fault(format!(
                    "is line {}, after line {}: lines in between were removed, or put in",
                    line.number, before.number
                )));
            }
            Some(before) if line.previous.as_ref() != Some(&before.hash) => {
                return Err(fault(format!(
                    "is line {}, and was written after another line {}: one of them was changed",
                    line.number, before.number
                )));
            }
            Some(_) => {}
            None if self.is_middle => {}
            None => self.check_first(&line).map_err(fault)?,
        }
        if let Some(start) = self.start.filter(|start| start.number == line.number)
            && start.hash != hash
        {
            return Err(fault(format!(
                "is another line {} than the one that was to be removed",
                line.number
            )));
        }
        self.before = Some(ChainEnd {
            number: line.number,
            hash: hash.clone(),
        });
        Ok((line.number > removed).then_some((line, hash)))
    }

    fn check_first(&self, line: &ArchiveLine) -> Result<(), String> {
        let number = line.number;
        match self.start {
            None if number == 1 && line.previous.is_none() => Ok(()),
            None => Err(format!(
                "is line {number}, and should be the first: lines before it were removed, and not by `flowdiff archive prune`"
            )),
            // A run that was killed while it removed lines has left some.
            Some(start) if number <= start.number => Ok(()),
            Some(start)
                if number == start.number + 1 && line.previous.as_ref() == Some(&start.hash) =>
            {
                Ok(())
            }
            Some(start) => Err(format!(
                "is line {number}, and should be the one after line {}, which was the last to be removed",
                start.number
            )),
        }
    }
}
