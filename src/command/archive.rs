//! `flowdiff archive`: looks after what a job keeps.

use std::path::Path;

use crate::archive;
use crate::archive::Archive;
use crate::cli::plan::{before, clock_or};
use crate::model::Error;
use crate::model::words::{count, thousands};

use super::clock;
use super::print::print;

/// Removes what is old, and says how much that was.
pub(super) fn prune(folder: &Path, older_than: &str, now: Option<&str>) -> Result<u8, Error> {
    let now = clock_or(now, clock())?;
    let before = before("--older-than", older_than, now)?;
    let pruned = archive::prune(&Archive::open(folder)?, before, now)?;
    let text = format!(
        "{} and {} removed; the first line is {}\n",
        count(pruned.lines, "line"),
        count(pruned.reports, "report"),
        thousands(pruned.from)
    );
    print(text.as_bytes())
}
