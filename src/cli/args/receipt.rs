//! What is kept as proof of a check.

use std::path::PathBuf;

use clap::Args;

/// What can be said about a receipt's place.
#[derive(Clone, Debug, Args)]
pub struct ChainArgs {
    /// The receipt before this one in its chain [default: this is the first]
    #[arg(
        long,
        value_name = "RECEIPT",
        env = "FLOWDIFF_PREVIOUS",
        requires = "receipt",
        help_heading = "Receipt"
    )]
    pub previous: Option<PathBuf>,
}

/// What can be said about a receipt.
#[derive(Clone, Debug, Args)]
pub struct ReceiptArgs {
    /// Write a receipt of what the S3 side held, and whether the other side held the same, for `flowdiff verify`
    ///
    /// Needs --key-file. Reads both sides once more.
    #[arg(
        long,
        value_name = "FILE",
        env = "FLOWDIFF_RECEIPT",
        requires = "key_file",
        help_heading = "Receipt"
    )]
    pub receipt: Option<PathBuf>,

    /// Where it stands in its chain.
    #[command(flatten)]
    pub chain: ChainArgs,
}
