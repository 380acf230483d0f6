//! What is to be made for the side that lacks records.

use std::path::PathBuf;

use clap::Args;

/// What can be said about a cure.
#[derive(Clone, Debug, Args)]
pub struct RepairArgs {
    /// Make files and scripts that bring missing records to the side that lacks them, in a new folder
    ///
    /// Objects and `aws s3 cp` for S3, events and `aws logs put-log-events` for CloudWatch Logs. flowdiff itself writes
    /// nothing to AWS. What would be refused, and what is surplus or divergent, is listed.
    #[arg(
        long,
        value_name = "DIR",
        env = "FLOWDIFF_REPAIR",
        help_heading = "Repair"
    )]
    pub repair: Option<PathBuf>,

    /// With --repair: the bucket for S3's side [default: S3-SOURCE, if that is one]
    #[arg(
        long,
        value_name = "S3-SOURCE",
        env = "FLOWDIFF_REPAIR_S3",
        help_heading = "Repair"
    )]
    pub repair_s3: Option<String>,

    /// With --repair: the log group for CloudWatch's side [default: CWL-SOURCE, if that is one]
    #[arg(
        long,
        value_name = "CWL-SOURCE",
        env = "FLOWDIFF_REPAIR_CWL",
        help_heading = "Repair"
    )]
    pub repair_cwl: Option<String>,
}
