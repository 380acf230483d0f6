//! What is boiled down into a file, and how.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser};

use super::{ChainArgs, ReadingArgs};
use crate::digest::Algorithm;
use crate::model::Side;

/// What can be said about a digest.
#[derive(Clone, Debug, Args)]
pub struct DigestArgs {
    /// What is boiled down: s3://BUCKET[/PREFIX], cwl://GROUP, a path or -; with --merge, the digests
    #[arg(value_name = "SOURCE", required = true)]
    pub sources: Vec<String>,

    /// The side it stands for: s3 or cwl
    #[arg(
        long,
        value_name = "SIDE",
        env = "FLOWDIFF_SIDE",
        value_parser = PossibleValuesParser::new(["s3", "cwl"]).map(|name| side(&name)),
        required_unless_present = "merge",
        conflicts_with = "merge",
        help_heading = "Digest"
    )]
    pub side: Option<Side>,

    /// The file to write; it appears under its name when it is complete
    #[arg(
        long,
        short = 'o',
        value_name = "FILE",
        env = "FLOWDIFF_TO",
        help_heading = "Digest"
    )]
    pub to: PathBuf,

    /// Read just these parts, as `flowdiff plan --parts` prints them; lines of the other side are passed over
    ///
    /// A file, or `-` for standard input. Nothing is listed: so a listing is made once and shared out among many readers, whose
    /// digests are added up with --merge. Each part is read by itself.
    #[arg(
        long,
        value_name = "FILE",
        env = "FLOWDIFF_PARTS",
        conflicts_with = "merge",
        help_heading = "Digest"
    )]
    pub parts: Option<PathBuf>,

    /// Keep some records whole, a few hundred, so that `check --first-look` tells causes as a check of both sides does
    ///
    /// Without it a digest has no record's content.
    #[arg(long, env = "FLOWDIFF_SAMPLE", value_parser = FalseyValueParser::new(), conflicts_with_all = ["merge", "receipt"], help_heading = "Digest")]
    pub sample: bool,

    /// Add up digests of disjoint parts of one side, in any order
    #[arg(long, env = "FLOWDIFF_MERGE", value_parser = FalseyValueParser::new(), help_heading = "Digest")]
    pub merge: bool,

    /// Write a receipt: a digest as proof, for `flowdiff verify`; needs --key-file
    #[arg(long, conflicts_with = "merge", help_heading = "Receipt")]
    pub receipt: bool,

    /// Where it stands in its chain.
    #[command(flatten)]
    pub chain: ChainArgs,

    /// How many differences the digest can be expected to tell record by record
    ///
    /// About 80 bytes each in the file. Where more differ, it tells them by bucket.
    #[arg(
        long,
        value_name = "N",
        env = "FLOWDIFF_DIFFERENCES",
        default_value_t = 10_000,
        help_heading = "Digest"
    )]
    pub differences: u32,

    /// How records become fingerprints: xxh3 is fast, blake3 is proof against whoever does not have the key
    #[arg(
        long,
        value_name = "NAME",
        env = "FLOWDIFF_FINGERPRINT",
        default_value = "xxh3",
        value_parser = PossibleValuesParser::new(["xxh3", "blake3"]).map(|name| algorithm(&name)),
        help_heading = "Digest"
    )]
    pub fingerprint: Algorithm,

    /// What is read, and how.
    #[command(flatten)]
    pub reading: ReadingArgs,
}

/// Only these names pass.
pub(super) fn side(name: &str) -> Side {
    match name {
        "s3" => Side::S3,
        _ => Side::Cwl,
    }
}

/// Only these names pass.
fn algorithm(name: &str) -> Algorithm {
    Algorithm::named(name).unwrap_or_default()
}
