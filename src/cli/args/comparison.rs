//! Which records and fields are compared.

use clap::Args;
use clap::builder::FalseyValueParser;

/// What can be said about what is compared.
#[derive(Clone, Debug, Args)]
pub struct ComparisonArgs {
    /// Compare just these fields, e.g. start,end,bytes
    #[arg(
        long,
        value_name = "NAMES",
        env = "FLOWDIFF_FIELDS",
        value_delimiter = ',',
        help_heading = "Comparison"
    )]
    pub fields: Vec<String>,

    /// Compare all fields but these
    #[arg(
        long,
        value_name = "NAMES",
        env = "FLOWDIFF_IGNORE_FIELDS",
        value_delimiter = ',',
        help_heading = "Comparison"
    )]
    pub ignore_fields: Vec<String>,

    /// Compare just this interface (repeatable)
    #[arg(
        long,
        value_name = "ENI",
        env = "FLOWDIFF_INTERFACE",
        value_delimiter = ',',
        help_heading = "Comparison"
    )]
    pub interface: Vec<String>,

    /// Read just this flow log's objects on the S3 side (repeatable)
    #[arg(
        long,
        value_name = "FL",
        env = "FLOWDIFF_FLOW_LOG_ID",
        value_delimiter = ',',
        help_heading = "Comparison"
    )]
    pub flow_log_id: Vec<String>,

    /// Read all streams of the log group, not just those named after an interface
    #[arg(long, env = "FLOWDIFF_ALL_STREAMS", value_parser = FalseyValueParser::new(), help_heading = "Comparison")]
    pub all_streams: bool,

    /// Leave NODATA records out
    #[arg(long, env = "FLOWDIFF_IGNORE_NODATA", value_parser = FalseyValueParser::new(), help_heading = "Comparison")]
    pub ignore_nodata: bool,

    /// Take two empty sides for consistent (exit code 0 instead of 3), and a prefix or folder under which there is nothing for an empty side
    #[arg(long, env = "FLOWDIFF_ALLOW_EMPTY", value_parser = FalseyValueParser::new(), help_heading = "Comparison")]
    pub allow_empty: bool,
}
