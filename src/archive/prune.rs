//! Removing what is old from an archive, so that the rest of the chain can still be checked.

use std::collections::BTreeSet;

use crate::model::Error;

use super::REPORTS;
use super::chain::{ChainEnd, Start};
use super::day::day_of;
use super::kept::Archive;
use super::line::{ArchiveLine, hash};

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Lines.
    pub lines: u64,
    /// Files of reports.
    pub reports: u64,
    /// Where the chain goes on: the number of the first line that is left, or that will be written.
    pub from: u64,
}

/// A file of lines that is to be removed.
struct OldFile {
    name: String,
    bytes: Vec<u8>,
}

/// Removes the lines of days before the one that `before` lies in, with their reports. Which line was the last is kept. A run that
/// is killed leaves a whole archive; the next one goes on with what it had to remove.
///
/// # Errors
/// Something cannot be read or removed, or a line is damaged: then no more is removed.
pub fn prune(archive: &Archive, before: i64, now: i64) -> Result<Pruned, Error> {
    let _lock = archive.place.lock()?;
    // Nothing of a chain is removed that is not whole: what is wrong with it could not be told any more.
    archive.chain(None, |_, _| {})?;
    let old = old_files(archive, before)?;
    let mut pruned = Pruned::default();
    let mut last = None;
    let mut names = Vec::new();
    for OldFile { name, bytes } in &old {
        for text in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(text) = text.strip_suffix(b"\n") else {
                let reason = "ends in the middle of a line: let the job run once".to_owned();
                return Err(archive.place.trouble(name, reason, None));
            };
            let line = ArchiveLine::parse(&String::from_utf8_lossy(text))
                .map_err(|reason| archive.place.trouble(name, reason, None))?;
            last = Some(ChainEnd {
                number: line.number,
                hash: hash(text),
            });
            let report = line.report.into_iter();
            names.extend(report.flat_map(|report| [report.json.name, report.html.name]));
            pruned.lines += 1;
        }
    }
    pruned.from = archive.note_start(last.map(|last| Start::new(last, now)))? + 1;
    let there: BTreeSet<String> = match names.is_empty() {
        true => BTreeSet::new(),
        false => archive.place.list(REPORTS)?.into_iter().collect(),
    };
    for name in &names {
        if there.contains(archive.checked(name)?) {
            archive.place.remove(name, None)?;
            pruned.reports += 1;
        }
    }
    for OldFile { name, bytes } in &old {
        archive.place.remove(name, Some(bytes))?;
    }
    Ok(pruned)
}

/// Reads the files up to the last one of a day before that: what a clock that was ahead has written is older than what came after it.
fn old_files(archive: &Archive, before: i64) -> Result<Vec<OldFile>, Error> {
    let (limit, days) = (day_of(before), archive.days()?);
    let old = days.iter().rposition(|day| day.day() < limit);
    let names: Vec<String> = days[..old.map_or(0, |last| last + 1)]
        .iter()
        .map(Archive::name_of)
        .collect();
    let mut files = Vec::new();
    archive.place.read_each(&names, &mut |name, bytes| {
        let name = name.to_owned();
        files.push(OldFile { name, bytes });
        Ok(())
    })?;
    Ok(files)
}
