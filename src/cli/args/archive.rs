//! What can be done with an archive.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ReachArgs;

/// What can be done with an archive.
#[derive(Clone, Debug, Subcommand)]
pub enum ArchiveCommand {
    /// Remove what is old, so that the rest can still be checked
    ///
    /// Whole days of lines, by when they were written, with their reports; nothing else ever removes anything. Nothing is removed
    /// of an archive that is not whole. Exit codes: 0 done, 2 it could not.
    #[command(mut_args(|arg| arg.hide_env(true)))]
    Prune(PruneArgs),
}

/// What is removed.
#[derive(Clone, Debug, Args)]
pub struct PruneArgs {
    /// The place that `--archive` was given: a folder or s3://BUCKET/PREFIX
    #[arg(value_name = "PLACE")]
    pub place: PathBuf,

    /// How old what is removed is at least, e.g. 400d
    #[arg(long, value_name = "AGE")]
    pub older_than: String,

    /// Every archive in the folders of PLACE: those of a job with --pairs
    #[arg(long)]
    pub each: bool,

    /// How a bucket is reached.
    #[command(flatten)]
    pub reach: ReachArgs,

    /// Run as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,
}
