//! What can be said about a history.

use std::path::PathBuf;

use clap::Args;

use super::ReachArgs;

/// The arguments of `history`.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// The place that `--archive` was given: a folder or s3://BUCKET/PREFIX
    #[arg(value_name = "PLACE")]
    pub place: PathBuf,

    /// See that the archive ends as this state knows: the place that `--state` was given
    #[arg(long, value_name = "PLACE", env = "FLOWDIFF_STATE")]
    pub state: Option<PathBuf>,

    /// Only windows that begin at this time or later, spelt as in `check`; the whole chain is checked all the same
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,

    /// Also read every report in the archive, and compare its SHA-256 with the line's
    #[arg(long)]
    pub reports: bool,

    /// text, json, csv or html
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: String,

    /// How a bucket is reached.
    #[command(flatten)]
    pub reach: ReachArgs,

    /// Run as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,
}
