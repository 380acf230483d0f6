//! `flowdiff history`: what an archive adds up to, and whether its chain is whole.

use std::time::Duration;

use crate::archive::{Archive, ArchiveLine, Chain, History, hash};
use crate::cli::HistoryArgs;
use crate::cli::plan::{archive_at, clock_or, since, state_at};
use crate::job::state::{JobState, StatePlace, read_state};
use crate::model::Error;
use crate::render::{HISTORY_FORMS, ToldHistory};

use super::clock;
use super::print::{print, standard_output};

/// A run may be writing while this one reads: so often, and so far apart, both are read before they are said to differ.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);

/// Reads the archive, checks its chain and says what it adds up to.
pub(super) fn run(args: &HistoryArgs) -> Result<u8, Error> {
    let form = HISTORY_FORMS
        .iter()
        .find(|form| form.name == args.output)
        .ok_or_else(|| {
            let names: Vec<_> = HISTORY_FORMS.iter().map(|form| form.name).collect();
            Error::Usage(format!(
                "--output: history has the forms {}, not `{}`",
                names.join(", "),
                args.output
            ))
        })?;
    let now = clock_or(args.now.as_deref(), clock())?;
    let from = since(args.since.as_deref(), now)?;
    let archive = Archive::open(&archive_at("PLACE", &args.place, &args.reach)?)?;
    let state = args.state.as_deref();
    let state = state
        .map(|state| state_at(state, &args.reach))
        .transpose()?;
    let (lines, chain) = read(&archive, state.as_ref())?;
    if args.reports {
        compare_reports(&archive, &lines)?;
    }
    let told = ToldHistory {
        folder: archive.path(),
        history: &History::of(&lines, from, &chain),
        compared: args.state.is_some(),
    };
    let mut text = Vec::new();
    (form.write)(told, &mut text).map_err(standard_output)?;
    print(&text)
}

/// Reads all lines, and compares the end of the chain with what a state knows.
fn read(archive: &Archive, state: Option<&StatePlace>) -> Result<(Vec<ArchiveLine>, Chain), Error> {
    let mut tries = TRIES;
    loop {
        let mut lines = Vec::new();
        let chain = archive.chain(None, |line, _| lines.push(line))?;
        let Some(state) = state else {
            return Ok((lines, chain));
        };
        match compare(&read_state(state)?, archive, &chain) {
            Ok(()) => return Ok((lines, chain)),
            Err(error) if tries <= 1 => return Err(error),
            Err(_) => {}
        }
        tries -= 1;
        std::thread::sleep(PAUSE);
    }
}

fn compare(state: &JobState, archive: &Archive, chain: &Chain) -> Result<(), Error> {
    let differs = |reason: String, hint: &str| Error::Archive {
        path: archive.path().to_owned(),
        reason,
        hint: Some(hint.to_owned()),
    };
    let Some(kept) = &state.archive else {
        return Err(differs(
            "cannot be compared: the state knows of no archive".to_owned(),
            "name the place of the job that writes there",
        ));
    };
    kept.check(chain.end.as_ref()).map_err(|reason| {
        differs(
            reason,
            "see what was removed or changed: a copy of the archive may have it; this one proves nothing about it",
        )
    })
}

fn compare_reports(archive: &Archive, lines: &[ArchiveLine]) -> Result<(), Error> {
    let reports = lines
        .iter()
        .filter_map(|line| Some((line.number, line.report.as_ref()?)));
    for (number, report) in reports {
        for file in [&report.json, &report.html] {
            if hash(&archive.read(&file.name)?) != file.sha256 {
                return Err(Error::Archive {
                    path: archive.path_of(&file.name),
                    reason: format!("is not what line {number} says: it was changed"),
                    hint: Some("a copy of the archive may have it as it was".to_owned()),
                });
            }
        }
    }
    Ok(())
}
