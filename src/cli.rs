//! The command line: what can be typed, and the help that says so.
//!
//! Holds words only; [`crate::plan`] checks them.

use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::{FalseyValueParser, TypedValueParser};
use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Parser, Subcommand, ValueEnum,
};

use crate::report::RENDERERS;
use crate::source::flow_logs::FlowLog;
use crate::source::{Side, Sides};

const EXAMPLES: &str = "\
Examples:
  The last settled hour of both destinations:
    flowdiff check s3://fa-014 cwl://fa-014-FlowLogGroup

  The two flow logs of a subnet, wherever they deliver:
    flowdiff check --resource subnet-0fa0140fa0140fa01

  A day, as JSON, and a text report beside it:
    flowdiff check s3://fa-014 cwl://fa-014-FlowLogGroup --since 2022-01-07 --until 2022-01-08 \\
      --output json --report text=report.txt

  Two folders of exported files:
    flowdiff check ./s3-sync ./cwl-export

Exit codes: 0 consistent, 1 different, 2 it could not run, 3 no verdict, 130 interrupted.
With --nagios: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.";

const SOURCES: &str = "\
Sources:
  s3://BUCKET[/PREFIX]             objects as flow logs (or an export task) deliver them
  arn:aws:s3:::BUCKET[/PREFIX]     the same
  cwl://GROUP                      a log group: cwl:///vpc/flow is the group /vpc/flow
  arn:aws:logs:REGION:ACCOUNT:log-group:NAME   the same, also of another account
  PATH                             a file or a folder of files
  -                                standard input";

/// Tells whether VPC Flow Logs delivered to S3 and to CloudWatch Logs hold the same records.
#[derive(Debug, Parser)]
#[command(name = "flowdiff", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: What,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Compare the records of two sources
    ///
    /// Reads the same time window from both, brings every row to one form and compares them as multisets: two copies
    /// of a record are two copies. What differs is read a second time before it is reported.
    ///
    /// Every option can also be set by an environment variable: --cwl-rate is FLOWDIFF_CWL_RATE.
    #[command(after_long_help = format!("{SOURCES}\n\n{EXAMPLES}"), mut_args(|arg| arg.hide_env(true)))]
    Check(Box<CheckArgs>),
    /// Say what a check would read, from listings alone
    ///
    /// Objects, bytes, streams, API calls by kind, minutes at the quota, US dollars for the calls and the bound of memory.
    /// Takes the arguments of `check`; --output is text or json. Exit codes: 0 done, 2 it could not run.
    #[command(mut_args(|arg| arg.hide_env(true)))]
    Plan(Box<CheckArgs>),
    /// Check again and again, as a long-lived process
    ///
    /// What `check --state DIR` does once, every few minutes: one line of JSON on standard output for each round. After
    /// trouble it waits longer, up to an hour. SIGTERM and Ctrl-C end it with what is decided saved.
    #[command(mut_args(|arg| arg.hide_env(true)))]
    Watch(Box<WatchArgs>),
    /// Plant faults in made-up logs and see that exactly these are found
    ///
    /// Each seed makes up two flow logs, what became of them on the way, and the truth; both sides are written in one of
    /// the forms that logs come in, checked, and the report is compared with the truth. Needs no network and writes nothing
    /// but temporary files. Exits with 0 if every report was the truth, else with 1.
    #[command(name = "selftest")]
    SelfTest {
        /// How many seeds [default: 1000, or 1 with --seed]
        #[arg(long, value_name = "N")]
        seeds: Option<u64>,
        /// The first seed: replays one that failed
        #[arg(long, value_name = "S")]
        seed: Option<u64>,
        /// Also print what each seed's situation is, on standard error
        #[arg(short, long)]
        verbose: bool,
    },
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
}

/// What can be said about watching.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// How long from the beginning of one round to that of the next
    #[arg(
        long,
        value_name = "AGE",
        env = "FLOWDIFF_EVERY",
        default_value = "5m",
        help_heading = "Scheduled job"
    )]
    pub every: String,

    /// What each round checks.
    #[command(flatten)]
    pub check: CheckArgs,
}

/// What can be said about a job that runs again and again.
#[derive(Clone, Debug, Args)]
pub struct JobArgs {
    /// Keep in this directory what has been decided, and go on where the last run ended
    ///
    /// Each run reads the windows that have become due since, oldest first, and looks again for what the runs before
    /// could not decide. The first run begins at --since, by default an hour before what has settled. One directory is
    /// for one pair of sources and one set of compared fields, and for one run at a time.
    #[arg(
        long,
        value_name = "DIR",
        env = "FLOWDIFF_STATE",
        help_heading = "Scheduled job"
    )]
    pub state: Option<PathBuf>,

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

/// What can be said about a check.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
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

    /// Records whose `start` is not before this
    ///
    /// RFC 3339, a date, Unix seconds, or an age such as 90s, 15m, 1h30m or 2d. UTC unless an offset is given.
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

    /// What makes it a job that runs again and again.
    #[command(flatten)]
    pub job: JobArgs,

    /// Compare just these fields, e.g. start,end,bytes
    #[arg(
        long,
        value_name = "NAMES",
        env = "FLOWDIFF_FIELDS",
        value_delimiter = ',',
        help_heading = "Comparison"
    )]
    pub fields: Vec<String>,

    /// Compare all fields but these
    #[arg(
        long,
        value_name = "NAMES",
        env = "FLOWDIFF_IGNORE_FIELDS",
        value_delimiter = ',',
        help_heading = "Comparison"
    )]
    pub ignore_fields: Vec<String>,

    /// Compare just this interface (repeatable)
    #[arg(
        long,
        value_name = "ENI",
        env = "FLOWDIFF_INTERFACE",
        value_delimiter = ',',
        help_heading = "Comparison"
    )]
    pub interface: Vec<String>,

    /// Read just this flow log's objects on the S3 side (repeatable)
    #[arg(
        long,
        value_name = "FL",
        env = "FLOWDIFF_FLOW_LOG_ID",
        value_delimiter = ',',
        help_heading = "Comparison"
    )]
    pub flow_log_id: Vec<String>,

    /// Read all streams of the log group, not just those named after an interface
    #[arg(long, env = "FLOWDIFF_ALL_STREAMS", value_parser = FalseyValueParser::new(), help_heading = "Comparison")]
    pub all_streams: bool,

    /// Leave NODATA records out
    #[arg(long, env = "FLOWDIFF_IGNORE_NODATA", value_parser = FalseyValueParser::new(), help_heading = "Comparison")]
    pub ignore_nodata: bool,

    /// Take two empty sides for consistent (exit code 0 instead of 3)
    #[arg(long, env = "FLOWDIFF_ALLOW_EMPTY", value_parser = FalseyValueParser::new(), help_heading = "Comparison")]
    pub allow_empty: bool,

    /// What differs by side.
    #[command(flatten)]
    pub sides: SideArgs,

    /// The form of the report on standard output [default: text]
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        env = "FLOWDIFF_OUTPUT",
        value_parser = renderer_names(),
        help_heading = "Output"
    )]
    pub output: Option<String>,

    /// Write another report of the same run to a file (repeatable), e.g. json=report.json
    ///
    /// Formats as in --output. The file appears under its name when it is complete. `-` is standard output, in place of
    /// what --output would print there.
    #[arg(
        long,
        value_name = "FORMAT=PATH",
        env = "FLOWDIFF_REPORT",
        help_heading = "Output"
    )]
    pub report: Vec<String>,

    /// Write every difference to a file, as JSON lines, however many there are
    #[arg(
        long,
        value_name = "FILE",
        env = "FLOWDIFF_ALL_DIFFERENCES",
        help_heading = "Output"
    )]
    pub all_differences: Option<PathBuf>,

    /// How many differing records the report shows; it counts all of them
    #[arg(
        long,
        value_name = "N",
        env = "FLOWDIFF_MAX_EVIDENCE",
        default_value_t = 100,
        help_heading = "Output"
    )]
    pub max_evidence: usize,

    /// Replace addresses, account ids and resource ids by stand-ins, so that the report can be given away
    ///
    /// In every report and message. The same text has the same stand-in throughout the run, and addresses that share a
    /// prefix still do. Names of buckets, log groups, folders and services are kept.
    #[arg(long, env = "FLOWDIFF_REDACT", value_parser = FalseyValueParser::new(), help_heading = "Output")]
    pub redact: bool,

    /// Redact with this key: the same stand-ins in every run that has it
    ///
    /// At least 16 bytes, kept secret: with it addresses can be turned back. Better given as FLOWDIFF_REDACT_KEY, since
    /// other users of the machine can see command lines.
    #[arg(
        long,
        value_name = "KEY",
        env = "FLOWDIFF_REDACT_KEY",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub redact_key: Option<String>,

    /// Print nothing but errors: the exit code tells, and --report writes
    #[arg(long, short, env = "FLOWDIFF_QUIET", value_parser = FalseyValueParser::new(), conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,

    /// Say what is being done, and every retry; twice for more
    #[arg(long, short, env = "FLOWDIFF_VERBOSE", action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,

    /// Whether to use colour; NO_COLOR is respected
    #[arg(
        long,
        value_name = "WHEN",
        env = "FLOWDIFF_COLOR",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub color: Color,

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
    #[arg(
        long,
        value_name = "SIZE",
        env = "FLOWDIFF_MEMORY",
        default_value = "256MiB",
        help_heading = "Limits"
    )]
    pub memory: String,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

fn renderer_names() -> impl TypedValueParser<Value = String> {
    clap::builder::PossibleValuesParser::new(RENDERERS.iter().map(|renderer| renderer.name))
        .map(|name: String| name)
}

/// What can be said about one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfSide {
    /// The profile of the AWS configuration.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// A role to assume.
    pub role_arn: Option<String>,
    /// The external id to assume it with.
    pub external_id: Option<String>,
    /// Another endpoint.
    pub endpoint_url: Option<String>,
    /// The format of rows without a header.
    pub format: Option<String>,
    /// The only flow log whose objects are read; nothing that can be typed.
    pub flow_log_id: Option<String>,
}

/// The options that each side has: `--s3-profile`, `--cwl-profile` and so on, from one table.
#[derive(Clone, Debug, Default)]
pub struct SideArgs(pub Sides<OfSide>);

struct SideOption {
    name: &'static str,
    value: &'static str,
    help: &'static str,
    field: fn(&mut OfSide) -> &mut Option<String>,
}

const SIDE_OPTIONS: [SideOption; 6] = [
    SideOption {
        name: "profile",
        value: "NAME",
        help: "Profile of the AWS configuration",
        field: |of| &mut of.profile,
    },
    SideOption {
        name: "region",
        value: "REGION",
        help: "Region",
        field: |of| &mut of.region,
    },
    SideOption {
        name: "role-arn",
        value: "ARN",
        help: "Role to assume",
        field: |of| &mut of.role_arn,
    },
    SideOption {
        name: "external-id",
        value: "ID",
        help: "External id for the role",
        field: |of| &mut of.external_id,
    },
    SideOption {
        name: "endpoint-url",
        value: "URL",
        help: "Endpoint",
        field: |of| &mut of.endpoint_url,
    },
    SideOption {
        name: "format",
        value: "FORMAT",
        help: "Format of rows without a header, as the flow log's LogFormat: '${version} ${account-id} ...' \
               [default: the version 2 default format]",
        field: |of| &mut of.format,
    },
];

fn side_options() -> impl Iterator<Item = (Side, &'static SideOption, String)> {
    let of_side = |side: Side| {
        SIDE_OPTIONS
            .iter()
            .map(move |option| (side, option, format!("{side}-{}", option.name)))
    };
    Side::BOTH.into_iter().flat_map(of_side)
}

impl Args for SideArgs {
    fn augment_args(command: Command) -> Command {
        side_options().fold(command, |command, (side, option, name)| {
            let heading = match side {
                Side::S3 => "S3 side",
                Side::Cwl => "CloudWatch side",
            };
            let env = format!("FLOWDIFF_{}", name.replace('-', "_").to_uppercase());
            let arg = Arg::new(name.clone())
                .long(name)
                .value_name(option.value)
                .env(env);
            command.arg(arg.help(option.help).help_heading(heading))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SideArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        Ok(args)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for (side, option, name) in side_options() {
            *(option.field)(&mut self.0[side]) = matches.get_one::<String>(&name).cloned();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_has_its_environment_variable() {
        let command = Cli::command();
        let check = command.find_subcommand("check").unwrap();
        for arg in check
            .get_arguments()
            .filter(|arg| arg.get_long().is_some_and(|long| long != "help"))
        {
            let expected = format!(
                "FLOWDIFF_{}",
                arg.get_long().unwrap().replace('-', "_").to_uppercase()
            );
            assert_eq!(
                arg.get_env().and_then(|env| env.to_str()),
                Some(expected.as_str())
            );
        }
    }

    #[test]
    fn options_of_a_side_go_to_that_side() {
        let words = [
            "flowdiff",
            "check",
            "a",
            "b",
            "--cwl-region",
            "eu-west-1",
            "--s3-format",
            "${start}",
        ];
        let What::Check(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not a check")
        };
        assert_eq!(args.sides.0.cwl.region.as_deref(), Some("eu-west-1"));
        assert_eq!(args.sides.0.s3.format.as_deref(), Some("${start}"));
        assert_eq!(args.sides.0.s3.region, None);
    }
}
