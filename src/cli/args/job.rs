//! What makes a check one of many.

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

/// What can be said about a job that runs again and again.
#[derive(Clone, Debug, Args)]
pub struct JobArgs {
    /// Keep in this directory, or at s3://BUCKET/PREFIX, what has been decided, and go on where the last run ended
    ///
    /// Each run reads the windows that have become due since, oldest first, and looks again for what the runs before
    /// could not decide. The first run begins at --since, by default an hour before what has settled. One place is
    /// for one pair of sources and one set of compared fields, and for one run at a time. A bucket is reached with --profile,
    /// --region and --endpoint-url or the environment, whatever is said of the two sides.
    #[arg(
        long,
        value_name = "PLACE",
        env = "FLOWDIFF_STATE",
        help_heading = "Scheduled job"
    )]
    pub state: Option<PathBuf>,

    /// With a state in a bucket: a run that has not renewed its hold of it for so long is taken for dead [default: 60s]
    ///
    /// A run renews it three times as often. The next run waits for as long after one that was killed.
    #[arg(
        long,
        value_name = "AGE",
        env = "FLOWDIFF_LEASE",
        help_heading = "Scheduled job",
        requires = "state"
    )]
    pub lease: Option<String>,

    /// Keep in this folder, or at s3://BUCKET/PREFIX, a line for each window, and the whole report of those with findings
    ///
    /// The lines are chained by hash, and no line and no report is ever replaced, or removed but by `flowdiff archive prune`;
    /// `flowdiff history` says what they add up to. One place is for one job. A bucket is reached as one of --state is.
    #[arg(
        long,
        value_name = "PLACE",
        env = "FLOWDIFF_ARCHIVE",
        help_heading = "Scheduled job",
        requires = "state"
    )]
    pub archive: Option<PathBuf>,

    /// With --archive and --key-file: keep there, once all of a day is decided, a receipt of it, for `flowdiff verify`
    ///
    /// Of what the S3 side held on that day (UTC), each naming the one before. For that the day's S3 side is read once more.
    #[arg(
        long,
        env = "FLOWDIFF_RECEIPTS",
        value_parser = FalseyValueParser::new(),
        help_heading = "Scheduled job",
        requires_all = ["archive", "key_file"]
    )]
    pub receipts: bool,

    /// Take up again what comes after this time, as if it had not been read; for a state that a wrong clock has written
    ///
    /// Spelt as in --since. What was reported of that time may be reported once more.
    #[arg(
        long,
        value_name = "TIME",
        env = "FLOWDIFF_STATE_REWIND",
        help_heading = "Scheduled job",
        requires = "state",
        allow_hyphen_values = true
    )]
    pub state_rewind: Option<String>,

    /// The length of the windows that are read one after the other; a multiple of 5m
    #[arg(
        long,
        value_name = "AGE",
        env = "FLOWDIFF_STEP",
        default_value = "1h",
        help_heading = "Scheduled job"
    )]
    pub step: String,

    /// How many windows a run reads at most; what is left is for the next run
    #[arg(
        long,
        value_name = "N",
        env = "FLOWDIFF_MAX_WINDOWS",
        default_value_t = 24,
        help_heading = "Scheduled job"
    )]
    pub max_windows: usize,

    /// How long after its `end` a record that is pending or undetermined is looked for: then it is missing
    #[arg(
        long,
        value_name = "AGE",
        env = "FLOWDIFF_GIVE_UP",
        default_value = "24h",
        help_heading = "Scheduled job"
    )]
    pub give_up: String,
}
