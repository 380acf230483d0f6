//! Removing what is old from an archive, so that the rest of the chain can still be checked.

use std::fs;
use std::io::{self, Write};

use crate::model::Error;
use crate::model::window::rfc3339;
use crate::output::Output;

use super::chain::{ChainEnd, Start};
use super::folder::Archive;
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

/// Removes the lines of days before the one that `before` lies in, with their reports. Which line was the last is kept. A run that
/// is killed leaves a whole archive; the next one goes on with what it had to remove.
///
/// # Errors
/// Something cannot be read or removed, or a line is damaged: then no more is removed.
pub fn prune(archive: &Archive, before: i64, now: i64) -> Result<Pruned, Error> {
    let _lock = archive.lock()?;
    // Nothing of a chain is removed that is not whole: what is wrong with it could not be told any more.
    archive.chain(None, |_, _| {})?;
    let limit = rfc3339(before)[..10].to_owned();
    let days = archive.days()?;
    let old: Vec<_> = days.into_iter().filter(|day| *day < limit).collect();
    let mut pruned = Pruned::default();
    let mut last = None;
    let mut names = Vec::new();
    for day in &old {
        let bytes = archive.read_day(day)?;
        for text in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(text) = text.strip_suffix(b"\n") else {
                let reason = "ends in the middle of a line: let the job run once".to_owned();
                return Err(archive.trouble(&archive.day(day), reason, None));
            };
            let line = ArchiveLine::parse(&String::from_utf8_lossy(text))
                .map_err(|reason| archive.trouble(&archive.day(day), reason, None))?;
            last = Some(ChainEnd {
                number: line.number,
                hash: hash(text),
            });
            let report = line.report.into_iter();
            names.extend(report.flat_map(|report| [report.json.name, report.html.name]));
            pruned.lines += 1;
        }
    }
    let known = archive.start()?;
    if let Some(last) = last
        && known
            .as_ref()
            .is_none_or(|known| known.number < last.number)
    {
        pruned.from = last.number + 1;
        note(archive, &Start::new(last, now))?;
    } else {
        pruned.from = known.map_or(1, |known| known.number + 1);
    }
    for name in names {
        let path = archive.path_of(&name)?;
        pruned.reports += u64::from(remove(&path).map_err(|error| archive.fault(&path, &error))?);
        if let Some(folder) = path.parent() {
            // It goes with the last file in it.
            let _ = fs::remove_dir(folder);
        }
    }
    for day in &old {
        let path = archive.day(day);
        remove(&path).map_err(|error| archive.fault(&path, &error))?;
    }
    Ok(pruned)
}

/// Tells whether there was something to remove.
fn remove(path: &std::path::Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        done => done.map(|()| true),
    }
}

fn note(archive: &Archive, start: &Start) -> Result<(), Error> {
    let path = archive.start_path();
    let written = || {
        let mut output = Output::create(&path)?.kept();
        serde_json::to_writer(&mut output, start)?;
        output.write_all(b"\n")?;
        output.finish_by_steps(|_| {})
    };
    written().map_err(|error| archive.fault(&path, &error))
}
