//! The archive of a scheduled job: a line for each window, chained by hash, and the reports of those with findings.
//!
//! The format is in docs/archives.md. [`ArchiveLine`] is a line, [`Archive`] all of them with their reports, in a folder or in a
//! bucket, `chain` how it is read back and checked, [`History`] what the lines add up to. Nothing in an archive is replaced, and
//! nothing is removed but by [`prune`].

mod bucket;
mod chain;
mod day;
mod folder;
mod history;
mod kept;
mod line;
mod place;
mod prune;
mod tally;

pub use chain::{Chain, ChainEnd, Start};
pub(crate) use history::DAY;
pub use history::{Gap, History, InterfaceTally, KnownCause, WindowLoss};
pub use kept::{Archive, KeptFile, LineWithFiles};
pub use line::{
    ArchiveLine, ArchivedReport, LineCause, LineInterface, LineWindow, Look, NamedHash, hash,
};
pub use place::{ArchivePlace, archives_within};
pub use prune::{Pruned, prune};
pub use tally::{DayLoss, DayTally, LossTally};

/// Where the lines are, within the archive.
const LINES: &str = "lines/";
/// Where it is kept where the chain begins, within the archive.
const START: &str = "start.json";
/// Where receipts are, within the archive.
const RECEIPTS: &str = "receipts/";
/// Where reports are, within the archive.
const REPORTS: &str = "reports/";
