//! How a bucket is reached that a job keeps something in.

use clap::Args;

/// What can be said about it; the rest is the environment's.
#[derive(Clone, Debug, Default, Args)]
pub struct ReachArgs {
    /// Profile of the AWS configuration, for an archive or a state in a bucket
    #[arg(long, value_name = "NAME", env = "FLOWDIFF_PROFILE")]
    pub profile: Option<String>,

    /// Region, for the same
    #[arg(long, value_name = "REGION", env = "FLOWDIFF_REGION")]
    pub region: Option<String>,

    /// Endpoint, for the same
    #[arg(long, value_name = "URL", env = "FLOWDIFF_ENDPOINT_URL")]
    pub endpoint_url: Option<String>,
}
