//! What is compared, or asked about.

use std::sync::Arc;

use clap::Args;
use clap::builder::FalseyValueParser;

use crate::model::Sides;
use crate::source::flow_logs::FlowLog;

/// What can be said about sources.
#[derive(Clone, Debug, Args)]
pub struct SourceArgs {
    /// The S3 side: s3://BUCKET[/PREFIX], a path or -
    #[arg(value_name = "S3-SOURCE", required_unless_present_any = ["flow_logs", "resource"])]
    pub s3: Option<String>,

    /// The CloudWatch side: cwl://GROUP, s3://BUCKET[/PREFIX] of an export task, a path or -
    #[arg(value_name = "CWL-SOURCE", required_unless_present_any = ["flow_logs", "resource"])]
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

    /// Say what the check would read, as `flowdiff plan` does, and read nothing but listings
    #[arg(long, env = "FLOWDIFF_PLAN", value_parser = FalseyValueParser::new(), help_heading = "Sources")]
    pub plan: bool,

    /// What EC2 said of the flow logs; nothing that can be typed.
    #[arg(skip)]
    pub configured: Option<Arc<Sides<FlowLog>>>,
}
