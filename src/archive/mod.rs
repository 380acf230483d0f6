//! The archive of a scheduled job: a line for each window, chained by hash, and the reports of those with findings.
//!
//! The format is in docs/archives.md. [`ArchiveLine`] is a line, [`Archive`] the folder that it is kept in, `chain` how it is
//! read back and checked, [`History`] what the lines add up to. Nothing in an archive is replaced, and nothing is removed but
//! by [`prune`].

mod chain;
mod folder;
mod history;
mod line;
mod prune;

pub use chain::{Chain, ChainEnd, Start};
pub use folder::{Archive, KeptFile};
pub use history::{
    DayLoss, DayTally, Gap, History, InterfaceTally, KnownCause, LossTally, WindowLoss,
};
pub use line::{
    ArchiveLine, ArchivedReport, LineCause, LineInterface, LineWindow, Look, NamedHash, hash,
};
pub use prune::{Pruned, prune};
