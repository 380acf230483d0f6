//! What is exported by tasks of CloudWatch Logs.

use clap::Args;

/// What can be said about an export.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// The log group: cwl://GROUP or its ARN
    #[arg(value_name = "GROUP")]
    pub group: String,

    /// Where to: s3://BUCKET[/PREFIX], in the group's region
    #[arg(
        long,
        value_name = "BUCKET",
        env = "FLOWDIFF_TO",
        help_heading = "Export"
    )]
    pub to: String,

    /// Records whose `start` is not before this; spelt as in `check`
    #[arg(
        long,
        value_name = "TIME",
        env = "FLOWDIFF_SINCE",
        help_heading = "Export",
        allow_hyphen_values = true
    )]
    pub since: String,

    /// Records whose `start` is before this
    #[arg(
        long,
        value_name = "TIME",
        env = "FLOWDIFF_UNTIL",
        help_heading = "Export",
        allow_hyphen_values = true
    )]
    pub until: String,

    /// The longest stretch of one task
    #[arg(
        long,
        value_name = "AGE",
        env = "FLOWDIFF_STEP",
        default_value = "1d",
        help_heading = "Export"
    )]
    pub step: String,

    /// The region of group and bucket [default: that of the ARN, or what the AWS CLI takes]
    #[arg(
        long,
        value_name = "REGION",
        env = "FLOWDIFF_REGION",
        help_heading = "Export"
    )]
    pub region: Option<String>,
}
