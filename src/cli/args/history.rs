//! What can be said about a history.

use std::path::PathBuf;

use clap::Args;

/// The arguments of `history`.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// The folder that `--archive` was given
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,

    /// See that the archive ends as this state knows: the folder that `--state` was given
    #[arg(long, value_name = "DIR", env = "FLOWDIFF_STATE")]
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

    /// Run as if it were this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub now: Option<String>,
}
