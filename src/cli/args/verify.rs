//! What is held against receipts.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::{CheckArgs, ComparisonArgs, KeyArgs, LimitArgs, ReadingArgs, SideArgs, TimeArgs};

/// What can be said about a verification.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// The receipts, in any order, all of their chain from the first; then the archive: s3://BUCKET[/PREFIX], cwl://GROUP or a path
    #[arg(value_name = "RECEIPT", num_args = 1.., required = true)]
    pub receipts: Vec<String>,

    /// The key they were made with.
    #[command(flatten)]
    pub key: KeyArgs,

    /// Read just this flow log's objects of the archive (repeatable)
    #[arg(
        long,
        value_name = "FL",
        env = "FLOWDIFF_FLOW_LOG_ID",
        value_delimiter = ',',
        help_heading = "Archive"
    )]
    pub flow_log_id: Vec<String>,

    /// How the archive is reached: by the options of the side that the receipts are of.
    #[command(flatten)]
    pub sides: SideArgs,

    /// What a run may take.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// What is printed: text or json
    #[arg(
        long,
        short = 'o',
        value_name = "FORMAT",
        env = "FLOWDIFF_OUTPUT",
        value_parser = ["text", "json"],
        conflicts_with = "quiet",
        help_heading = "Output"
    )]
    pub output: Option<String>,

    /// Print nothing but errors: the exit code tells
    #[arg(long, short, env = "FLOWDIFF_QUIET", value_parser = FalseyValueParser::new(), conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,

    /// Say what is being done, and every retry; twice for more
    #[arg(long, short, env = "FLOWDIFF_VERBOSE", action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
}

impl VerifyArgs {
    /// Returns what a check would be asked that reads the archive in the same way.
    pub fn as_check(&self) -> CheckArgs {
        let time = TimeArgs {
            since: None,
            until: None,
            settle: "15m".to_owned(),
            recheck: 0,
            recheck_every: "5m".to_owned(),
            now: None,
        };
        let comparison = ComparisonArgs {
            fields: Vec::new(),
            ignore_fields: Vec::new(),
            interface: Vec::new(),
            flow_log_id: self.flow_log_id.clone(),
            all_streams: false,
            ignore_nodata: false,
            allow_empty: false,
        };
        ReadingArgs {
            key: self.key.clone(),
            time,
            comparison,
            sides: self.sides.clone(),
            limits: self.limits.clone(),
            quiet: self.quiet,
            verbose: self.verbose,
        }
        .as_check()
    }
}
