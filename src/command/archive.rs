//! `flowdiff archive`: looks after what a job keeps.

use crate::archive;
use crate::archive::{Archive, ArchivePlace, archives_within};
use crate::cli::PruneArgs;
use crate::cli::plan::{archive_at, before, clock_or};
use crate::model::Error;
use crate::model::words::{count, thousands};
use crate::render::escape;

use super::clock;
use super::print::print;

/// Removes what is old, and says how much that was.
pub(super) fn prune(args: &PruneArgs) -> Result<u8, Error> {
    let now = clock_or(args.now.as_deref(), clock())?;
    let before = before("--older-than", &args.older_than, now)?;
    let place = archive_at("PLACE", &args.place, &args.reach)?;
    if !args.each {
        return print(pruned(&place, before, now)?.as_bytes());
    }
    let mut failed = None;
    for place in archives_within(&place)? {
        match pruned(&place, before, now) {
            Ok(text) => {
                let name = escape(&place.path().display().to_string());
                print(format!("{name}: {text}").as_bytes())?;
            }
            // One that is not whole keeps no other from being looked after.
            Err(error) => {
                if let Some(before) = failed.replace(error) {
                    super::complain(&before, None);
                }
            }
        }
    }
    failed.map_or(Ok(0), Err)
}

fn pruned(place: &ArchivePlace, before: i64, now: i64) -> Result<String, Error> {
    let pruned = archive::prune(&Archive::open(place)?, before, now)?;
    Ok(format!(
        "{} and {} removed; the first line is {}\n",
        count(pruned.lines, "line"),
        count(pruned.reports, "report"),
        thousands(pruned.from)
    ))
}
