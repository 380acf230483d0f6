//! The arguments of a check, under the headings of its help.

mod alarms;
mod archive;
mod comparison;
mod digest;
mod export;
mod history;
mod job;
mod key;
mod limits;
mod looks;
mod output;
mod pairs;
mod reach;
mod reading;
mod receipt;
mod repair;
mod sides;
mod sources;
mod time;
mod verify;

use clap::Args;

pub use alarms::AlarmArgs;
pub use archive::{ArchiveCommand, PruneArgs};
pub use comparison::ComparisonArgs;
pub use digest::DigestArgs;
pub use export::ExportArgs;
pub use history::HistoryArgs;
pub use job::JobArgs;
pub use key::KeyArgs;
pub use limits::{CwlRead, LimitArgs};
pub use looks::{LooksArgs, SecondLookArgs};
pub use output::{Color, OutputArgs};
pub use pairs::{PairsArgs, PairsForm};
pub use reach::ReachArgs;
pub use reading::ReadingArgs;
pub use receipt::{ChainArgs, ReceiptArgs};
pub use repair::RepairArgs;
pub use sides::{OfSide, SideArgs};
pub use sources::{OneOfSeveral, SourceArgs};
pub use time::TimeArgs;
pub use verify::VerifyArgs;

/// What can be said about watching.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// How long from the beginning of one round to that of the next
    #[arg(
        long,
        value_name = "AGE",
        env = "FLOWDIFF_EVERY",
        default_value = "5m",
        help_heading = "Scheduled job"
    )]
    pub every: String,

    /// What each round checks.
    #[command(flatten)]
    pub check: CheckArgs,
}

/// What can be said about a plan.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Print every part of both sides instead, a line of JSON each, for `flowdiff digest --parts`
    #[arg(long, help_heading = "Sources")]
    pub parts: bool,

    /// What the check would be.
    #[command(flatten)]
    pub check: CheckArgs,
}

/// What can be said about a check, under the headings of its help.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// What is compared.
    #[command(flatten)]
    pub sources: SourceArgs,

    /// Which records, by time.
    #[command(flatten)]
    pub time: TimeArgs,

    /// What makes it a job that runs again and again.
    #[command(flatten)]
    pub job: JobArgs,

    /// Which records and fields are compared.
    #[command(flatten)]
    pub comparison: ComparisonArgs,

    /// What differs by side.
    #[command(flatten)]
    pub sides: SideArgs,

    /// What is printed and written.
    #[command(flatten)]
    pub output: OutputArgs,

    /// What is made for the side that lacks records.
    #[command(flatten)]
    pub repair: RepairArgs,

    /// How much may differ, and who is told.
    #[command(flatten)]
    pub alarms: AlarmArgs,

    /// What a run may take.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// The key of digests that are compared.
    #[command(flatten)]
    pub key: KeyArgs,

    /// What is kept as proof.
    #[command(flatten)]
    pub proof: ReceiptArgs,

    /// Which looks were made elsewhere.
    #[command(flatten)]
    pub looks: LooksArgs,
}
