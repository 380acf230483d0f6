//! What is compared, or asked about.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clap::builder::FalseyValueParser;

use crate::model::Sides;
use crate::source::flow_logs::FlowLog;

/// What can be said about sources.
#[derive(Clone, Debug, Args)]
pub struct SourceArgs {
    /// The S3 side: s3://BUCKET[/PREFIX], a path or -
    #[arg(value_name = "S3-SOURCE", required_unless_present_any = ["flow_logs", "resource", "pairs"])]
    pub s3: Option<String>,

    /// The CloudWatch side: cwl://GROUP, s3://BUCKET[/PREFIX] of an export task, a path or -
    #[arg(value_name = "CWL-SOURCE", required_unless_present_any = ["flow_logs", "resource", "pairs"])]
    pub cwl: Option<String>,

    /// Two flow logs instead of sources: EC2 is asked where and how they deliver
    ///
    /// Takes `ec2:DescribeFlowLogs`, and stands for the sources, --*-format, --*-region and --flow-log-id; an option
    /// that is given wins. Each id is looked for with either side's credentials and region, in any order. What the two
    /// flow logs do not share is reported before the result.
    #[arg(
        long,
        value_names = ["FL", "FL"],
        env = "FLOWDIFF_FLOW_LOGS",
        num_args = 2,
        value_delimiter = ',',
        conflicts_with_all = ["s3", "cwl", "resource"],
        help_heading = "Sources"
    )]
    pub flow_logs: Vec<String>,

    /// The same for the flow logs of a vpc-..., subnet-... or eni-..., if it has one to each destination
    #[arg(
        long,
        value_name = "ID",
        env = "FLOWDIFF_RESOURCE",
        conflicts_with_all = ["s3", "cwl"],
        help_heading = "Sources"
    )]
    pub resource: Option<String>,

    /// Every pair of a file that `flowdiff pairs --output jsonl` has written, one after the other
    ///
    /// A path, or s3://BUCKET/KEY, which is reached as a state in a bucket is. A line for each; exit code 1 if any is different, else 2 if any could not be checked, else 3 without a verdict of any, else 0.
    /// With --state each has a folder of its own there, named like the pair. --deadline, --memory and the calls are for all of them
    /// together. `{pair}` in the names of files that are written stands for the pair's name.
    #[arg(
        long,
        value_name = "FILE",
        env = "FLOWDIFF_PAIRS",
        conflicts_with_all = ["s3", "cwl", "flow_logs", "resource", "flow_log_id", "repair", "nagios", "plan"],
        help_heading = "Sources"
    )]
    pub pairs: Option<PathBuf>,

    /// Say what the check would read, as `flowdiff plan` does, and read nothing but listings
    #[arg(long, env = "FLOWDIFF_PLAN", value_parser = FalseyValueParser::new(), help_heading = "Sources")]
    pub plan: bool,

    /// What EC2 said of the flow logs; nothing that can be typed.
    #[arg(skip)]
    pub configured: Option<Arc<Sides<FlowLog>>>,

    /// The pair that it is, of several; nothing that can be typed.
    #[arg(skip)]
    pub pair: Option<OneOfSeveral>,
}

/// What a check of one of several pairs is called, and what would be typed for it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOfSeveral {
    /// The pair's name.
    pub name: String,
    /// The command line.
    pub typed: Vec<OsString>,
}
