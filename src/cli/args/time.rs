//! Which records, by time, and how long to wait for them.

use clap::Args;

/// What can be said about time.
#[derive(Clone, Debug, Args)]
pub struct TimeArgs {
    /// Records whose `start` is not before this
    ///
    /// RFC 3339, a date, `today`, `yesterday`, Unix seconds, or an age such as 90s, 15m, 1h30m or 2d. UTC unless an offset is given.
    /// Default: with a live source, an hour before --until; with files, everything.
    #[arg(
        long,
        value_name = "TIME",
        env = "FLOWDIFF_SINCE",
        alias = "start-time",
        help_heading = "Time",
        allow_hyphen_values = true
    )]
    pub since: Option<String>,

    /// Records whose `start` is before this
    ///
    /// Spelt as in --since. Default: with a live source, --settle ago; with files, everything.
    #[arg(
        long,
        value_name = "TIME",
        env = "FLOWDIFF_UNTIL",
        alias = "end-time",
        help_heading = "Time",
        allow_hyphen_values = true
    )]
    pub until: Option<String>,

    /// How long after its `end` a record may still be on its way: younger ones are pending, never missing
    #[arg(
        long,
        value_name = "AGE",
        env = "FLOWDIFF_SETTLE",
        default_value = "15m",
        help_heading = "Time"
    )]
    pub settle: String,

    /// Wait for pending records, and look for them again up to N times
    ///
    /// Reads again just what may hold records that differ, until nothing is pending. What has arrived is counted as
    /// late, not as missing. Without pending records nothing is waited for.
    #[arg(
        long,
        value_name = "N",
        env = "FLOWDIFF_RECHECK",
        default_value_t = 0,
        help_heading = "Time"
    )]
    pub recheck: u32,

    /// How long to wait before each recheck
    #[arg(
        long,
        value_name = "AGE",
        env = "FLOWDIFF_RECHECK_EVERY",
        default_value = "5m",
        help_heading = "Time"
    )]
    pub recheck_every: String,

    /// Run as if it were this time
    ///
    /// What --settle, the default window and ages are counted from; spelt as in --since. With it, a check of what has not
    /// changed since can be repeated exactly.
    #[arg(
        long,
        value_name = "TIME",
        env = "FLOWDIFF_NOW",
        help_heading = "Time",
        allow_hyphen_values = true
    )]
    pub now: Option<String>,
}
