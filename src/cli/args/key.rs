//! The key that digests share.

use std::path::PathBuf;

use clap::Args;

/// What can be said about the key of digests.
#[derive(Clone, Debug, Args)]
pub struct KeyArgs {
    /// The key of digests, as `flowdiff key` makes it [default: the one that everybody has]
    ///
    /// Digests that are compared or added up must have been made with the same one. Without it nobody can make up records
    /// that a digest takes for others.
    #[arg(
        long,
        value_name = "FILE",
        env = "FLOWDIFF_KEY_FILE",
        help_heading = "Digest"
    )]
    pub key_file: Option<PathBuf>,
}
