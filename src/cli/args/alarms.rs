//! How much may differ, and who is told.

use clap::Args;
use clap::builder::FalseyValueParser;

/// What can be said about alarms.
#[derive(Clone, Debug, Args)]
pub struct AlarmArgs {
    /// How much may differ before the exit code is 1, e.g. missing>0.001%,divergent>0
    ///
    /// FIGURE>NUMBER or FIGURE>=NUMBER, where the figure is missing, surplus or divergent; with %, of the records that
    /// either side holds. What is not named fails when it is more than 0. What is tolerated is still in the report, and
    /// what could not be checked still makes the exit code 3.
    #[arg(
        long,
        value_name = "LIMITS",
        env = "FLOWDIFF_FAIL_ON",
        value_delimiter = ',',
        help_heading = "Alarms"
    )]
    pub fail_on: Vec<String>,

    /// Print one line for Nagios, and exit with 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN
    ///
    /// Also when it could not run. Without ranges anything missing, surplus or divergent is CRITICAL, and no verdict is
    /// UNKNOWN.
    #[arg(long, env = "FLOWDIFF_NAGIOS", value_parser = FalseyValueParser::new(), help_heading = "Alarms")]
    pub nagios: bool,

    /// With --nagios: the ranges outside of which it is WARNING, e.g. missing=10,lag=900
    ///
    /// [FIGURE=]RANGE in Nagios's syntax: 10 is 0 to 10, `10:` is 10 and more, `~:10` is 10 and less, `@10:20` is an
    /// alarm inside. The figures are missing (if none is named), surplus, divergent, pending and lag, which is the
    /// delivery delay in seconds, p99, of the slower side. A figure with a range is judged by it alone.
    #[arg(
        long,
        short,
        value_name = "RANGES",
        env = "FLOWDIFF_WARNING",
        value_delimiter = ',',
        allow_hyphen_values = true,
        help_heading = "Alarms"
    )]
    pub warning: Vec<String>,

    /// With --nagios: the ranges outside of which it is CRITICAL
    #[arg(
        long,
        short,
        value_name = "RANGES",
        env = "FLOWDIFF_CRITICAL",
        value_delimiter = ',',
        allow_hyphen_values = true,
        help_heading = "Alarms"
    )]
    pub critical: Vec<String>,
}
