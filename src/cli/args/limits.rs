//! What a run may take.

use clap::Args;

/// What can be said about limits.
#[derive(Clone, Debug, Args)]
pub struct LimitArgs {
    /// How many parts (objects, streams, files) of a side are read at once
    #[arg(
        long,
        value_name = "N",
        env = "FLOWDIFF_CONCURRENCY",
        default_value_t = 64,
        help_heading = "Limits"
    )]
    pub concurrency: usize,

    /// Calls to CloudWatch Logs per second; the lowest quota of any region is 10
    #[arg(
        long,
        value_name = "CALLS",
        env = "FLOWDIFF_CWL_RATE",
        default_value_t = 10.0,
        help_heading = "Limits"
    )]
    pub cwl_rate: f64,

    /// How long a service may keep silent before the call is given up and made again
    #[arg(
        long,
        value_name = "AGE",
        env = "FLOWDIFF_TIMEOUT",
        default_value = "30s",
        help_heading = "Limits"
    )]
    pub timeout: String,

    /// Memory to stay within, e.g. 256MiB
    ///
    /// What does not fit costs time and disk instead: where more differ than can be told at once, all records in question
    /// go through a private temporary file, about 180 bytes each, in the folder of TMPDIR; where there are more buckets
    /// (interface and five minutes) than have room, those that differ are looked for in further readings. -v tells. Not
    /// bounded: what the report itself names (each bucket that differs), the ids of events in files of filter-log-events,
    /// and copies of one flow when few fields are compared.
    #[arg(
        long,
        value_name = "SIZE",
        env = "FLOWDIFF_MEMORY",
        default_value = "256MiB",
        help_heading = "Limits"
    )]
    pub memory: String,
}
