//! What of a check was, or is, done elsewhere.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::ReadingArgs;
use super::digest::side;
use crate::model::Side;

/// What can be said about looks that were made elsewhere.
#[derive(Clone, Debug, Default, Args)]
pub struct LooksArgs {
    /// Take the first look from these digests of the two sources, made with --sample, instead of reading both
    ///
    /// That of S3 first. What differs by them is looked at again as ever, by reading just what may hold it. Options that decide what
    /// is compared must be those that the digests were made with.
    #[arg(
        long,
        value_names = ["DIGEST", "DIGEST"],
        env = "FLOWDIFF_FIRST_LOOK",
        num_args = 2,
        value_delimiter = ',',
        conflicts_with_all = ["flow_logs", "resource", "pairs", "state", "recheck", "receipt", "plan"],
        hide_short_help = true,
        help_heading = "Looks made elsewhere"
    )]
    pub first_look: Vec<PathBuf>,

    /// Take what `flowdiff second-look` has read for the second look: a file, or a folder of such files (repeatable)
    ///
    /// Objects and files that are in none of them, or have changed since, are read here; a log stream that is in one is as it was then.
    #[arg(
        long,
        value_name = "PATH",
        env = "FLOWDIFF_SECOND_LOOK",
        requires = "first_look",
        hide_short_help = true,
        help_heading = "Looks made elsewhere"
    )]
    pub second_look: Vec<PathBuf>,
}

/// What can be said about a share of a second look.
#[derive(Clone, Debug, Args)]
pub struct SecondLookArgs {
    /// The digest of the S3 side
    #[arg(value_name = "S3-DIGEST")]
    pub s3: PathBuf,

    /// The digest of the CloudWatch side
    #[arg(value_name = "CWL-DIGEST")]
    pub cwl: PathBuf,

    /// The parts that there are, as `flowdiff plan --parts` prints them: a file, or `-` for standard input
    #[arg(
        long,
        value_name = "FILE",
        env = "FLOWDIFF_PARTS",
        help_heading = "Second look"
    )]
    pub parts: PathBuf,

    /// Read this source, one of the two that the digests are of, and write the rows in question
    #[arg(long, value_name = "SOURCE", requires_all = ["side", "to"], help_heading = "Second look")]
    pub read: Option<String>,

    /// Which side the source stands for
    #[arg(
        long,
        value_parser = PossibleValuesParser::new(["s3", "cwl"]).map(|name| side(&name)),
        env = "FLOWDIFF_SIDE",
        help_heading = "Second look"
    )]
    pub side: Option<Side>,

    /// The file to write; it appears under its name when it is complete
    #[arg(
        long,
        short = 'o',
        value_name = "FILE",
        env = "FLOWDIFF_TO",
        requires = "read",
        help_heading = "Second look"
    )]
    pub to: Option<PathBuf>,

    /// What is read, and how; the key is that of the digests.
    #[command(flatten)]
    pub reading: ReadingArgs,
}
