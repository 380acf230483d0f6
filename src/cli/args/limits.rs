//! What a run may take.

use clap::{Args, ValueEnum};

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

    /// How often each operation of CloudWatch Logs is called in a second at most [default: 80 % of the region's quota]
    ///
    /// GetLogEvents, FilterLogEvents and the listing calls have a quota each, for the account and the region as a whole.
    /// Where the service throttles, the pace is halved and slowly raised again.
    #[arg(
        long,
        value_name = "CALLS",
        env = "FLOWDIFF_CWL_RATE",
        help_heading = "Limits"
    )]
    pub cwl_rate: Option<f64>,

    /// How a log group's events are read
    #[arg(
        long,
        value_name = "WAY",
        env = "FLOWDIFF_CWL_READ",
        default_value = "auto",
        help_heading = "Limits"
    )]
    pub cwl_read: CwlRead,

    /// How long a service may keep silent before the call is given up and made again
    #[arg(
        long,
        value_name = "AGE",
        env = "FLOWDIFF_TIMEOUT",
        default_value = "30s",
        help_heading = "Limits"
    )]
    pub timeout: String,

    /// How long a run may take as a whole; then it ends with exit code 2, and with --state what was done before is kept
    ///
    /// Default: as long as it takes; with --state an hour; of `watch` each round as long as it is to the next, at least 15m.
    #[arg(
        long,
        value_name = "AGE",
        env = "FLOWDIFF_DEADLINE",
        help_heading = "Limits"
    )]
    pub deadline: Option<String>,

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

/// How a log group's events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CwlRead {
    /// Together, if there are more than a few streams
    Auto,
    /// Quiet streams with FilterLogEvents, many at once; busy ones with GetLogEvents at the same time
    Together,
    /// Each stream with GetLogEvents: at least two calls for every stream
    ByStream,
}
