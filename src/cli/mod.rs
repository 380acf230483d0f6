//! The command line: what can be typed, and the help that says so.
//!
//! Holds words only; [`crate::cli::plan`] checks them.

mod again;
pub mod args;
mod empty;
mod pages;
pub mod plan;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use again::again;
pub use args::{
    ArchiveCommand, CheckArgs, Color, DigestArgs, ExportArgs, HistoryArgs, OfSide, OneOfSeveral,
    PairsArgs, PairsForm, PlanArgs, PruneArgs, SecondLookArgs, VerifyArgs, WatchArgs,
};
pub use pages::{HelpPage, PAGES};

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
  PATH                             a file or a folder of files, or what `flowdiff digest` has made of one
  -                                standard input";

/// Tells whether VPC Flow Logs delivered to S3 and to CloudWatch Logs hold the same records.
#[derive(Debug, Parser)]
#[command(
    name = "flowdiff",
    version,
    max_term_width = 100,
    disable_help_subcommand = true
)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", pages::topics()))]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
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
    /// Objects, bytes, streams, API calls by kind, the time at the quota, US dollars for the calls, once and in a month of a job that
    /// reads every five minutes, and the bound of memory.
    /// Takes the arguments of `check`; --output is text or json. Exit codes: 0 done, 2 it could not run.
    #[command(mut_args(|arg| arg.hide_env(true)))]
    Plan(Box<PlanArgs>),
    /// Say whether a check could run and be believed, and what it lacks
    ///
    /// For each side who calls, where, and what is found there: how objects lie, the newest one, streams, retention, class,
    /// encryption. Every permission that a check needs is tried with the smallest call that proves it, and what is lacking
    /// is named as IAM has it: the action and the resource. Nothing is written, and of records no more is read than the
    /// first KiB of one object and the newest event of one stream. With --flow-logs or --resource also what the flow logs'
    /// configurations do not share.
    ///
    /// Takes the arguments of `check`; --output is text or json. Exit codes: 0 all is ok, 1 there are warnings, 2 something
    /// has failed, or it could not run.
    #[command(mut_args(|arg| arg.hide_env(true)))]
    Doctor(Box<CheckArgs>),
    /// Check again and again, as a long-lived process
    ///
    /// What `check --state DIR` does once, every few minutes. On a terminal, or with --output text, a line for each round, the
    /// report when something was found, and a dot when nothing was due; else a line of JSON for each round, with findings. After
    /// trouble it waits longer, up to an hour. SIGTERM and Ctrl-C end it with what is decided saved.
    #[command(mut_args(|arg| arg.hide_env(true)))]
    Watch(Box<WatchArgs>),
    /// Boil one side down to a file that can be kept, sent and compared
    ///
    /// Reads a source once and writes what tells its records from others: how many there are in each bucket (interface and
    /// five minutes), sums of their fingerprints, and a sketch that tells which ones differ. No record's content. `flowdiff
    /// check` takes the file in place of either source. Takes check's options for time, fields, interfaces, formats and access.
    ///
    /// Exit codes: 0 all was read, 3 written, but some parts could not be read or some rows are no record (it names them), 2
    /// not written.
    #[command(mut_args(|arg| arg.hide_env(true)))]
    Digest(Box<DigestArgs>),
    /// Say which parts a check must look at again, or look at some of them, where many machines share a check
    ///
    /// By two digests that were made with --sample. Without --read it prints those lines of --parts whose parts may hold what differs;
    /// with it, it reads these parts of one source and writes their rows in question, which `flowdiff check --second-look` takes.
    ///
    /// Exit codes: 0 done, 3 done, but some parts could not be read (it names them), 2 it could not run.
    #[command(name = "second-look", mut_args(|arg| arg.hide_env(true)))]
    SecondLook(Box<SecondLookArgs>),
    /// Print the calls that export a log group to S3, where reading it by calls cannot keep up
    ///
    /// A script for sh and the AWS CLI: the `create-export-task` calls of a window in order, each when the one before is done,
    /// since an account runs one at a time; and in comments the permissions that they take. Nothing is called.
    #[command(name = "export-plan", mut_args(|arg| arg.hide_env(true)))]
    ExportPlan(ExportArgs),
    /// Make a key for digests that are to prove something
    ///
    /// 32 random bytes as hexadecimal digits, in a new file that only this user can read. Whoever has it can make up records
    /// that a digest takes for others; without it digests made with it can be neither compared nor added up.
    Key {
        /// The file to make; one that is there already is left alone
        file: PathBuf,
    },
    /// Find the resources that have a flow log to S3 and one to CloudWatch Logs
    ///
    /// Asks EC2 for the flow logs of an account and region, or of each profile and region that is given, joins those of one
    /// resource (of several, those that are most alike), and says what a pair does not share in configuration. Takes
    /// `ec2:DescribeFlowLogs`. As JSON lines it is what --pairs of `check` and `watch` takes.
    ///
    /// Exit codes: 0 done, 2 not all could be asked.
    #[command(mut_args(|arg| arg.hide_env(true)))]
    Pairs(PairsArgs),
    /// Tell whether an archive still holds what receipts say that it held
    ///
    /// Every record of then is there, none was changed and none was added, and no receipt of the chain is lacking. The content
    /// decides: records that were packed anew, moved or converted to Parquet are as they were.
    ///
    /// Exit codes: 0 everything is as it was, 1 it is not, 2 it could not run, or a receipt is lacking, damaged, forged or of
    /// another key, 3 not all could be read.
    #[command(
        override_usage = "flowdiff verify [OPTIONS] <RECEIPT>... <ARCHIVE>",
        mut_args(|arg| arg.hide_env(true))
    )]
    Verify(Box<VerifyArgs>),
    /// Say what a job has found over time, from its archive
    ///
    /// Loss by day, interface and cause, the worst windows, how many records were late and how late, and the times that no run
    /// has read. Every line of the archive is checked: exit code 0 if the chain is whole, whatever was lost; 2 if it is broken or
    /// cannot be read.
    #[command(mut_args(|arg| arg.hide_env(true)))]
    History(HistoryArgs),
    /// Look after the archive that a job keeps
    Archive {
        /// What to do with it.
        #[command(subcommand)]
        command: ArchiveCommand,
    },
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
    /// Print the JSON Schema of a format that flowdiff writes
    ///
    /// report: `--output json`; line: `--output jsonl`; difference: `--all-differences`; round: what `watch` prints; archive: a
    /// line of `--archive`; history, plan and doctor: `--output json` of these commands; pairs: a line of `flowdiff pairs --output
    /// jsonl`; several: a line of a check with --pairs; part: a line of `plan --parts`; verify: `--output json` of it.
    Schema {
        /// report, line, difference, round, archive, history, plan, doctor, pairs, several, part or verify
        name: String,
    },
    /// Print a page about a topic, or the help of a command
    Help {
        /// A topic, such as records, or a command, such as check
        topic: Option<String>,
    },
}

impl Cli {
    /// Reads a command line and the environment. A variable that is set to nothing is as if it were not set; an option
    /// that is given nothing is refused by name, since nobody means that: it is a shell variable that was not set.
    ///
    /// # Errors
    /// What cannot be understood, or what was asked about the command line itself.
    pub fn read<T: Into<OsString> + Clone>(
        words: impl IntoIterator<Item = T>,
    ) -> Result<Self, clap::Error> {
        let mut command = empty::without_empty_variables(Self::command());
        let matches = command.try_get_matches_from_mut(words)?;
        empty::refuse_empty_options(&mut command, &matches)?;
        Self::from_arg_matches(&matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Sides;
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
        let Command::Check(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not a check")
        };
        assert_eq!(args.sides.0.cwl.region.as_deref(), Some("eu-west-1"));
        assert_eq!(args.sides.0.s3.format.as_deref(), Some("${start}"));
        assert_eq!(args.sides.0.s3.region, None);
        let words = [
            "flowdiff",
            "check",
            "a",
            "b",
            "--region",
            "eu-west-2",
            "--cwl-region",
            "eu-west-1",
            "--s3-request-payer",
        ];
        let Command::Check(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not a check")
        };
        let Sides { s3, cwl } = &args.sides.0;
        assert_eq!(
            (s3.region.as_deref(), cwl.region.as_deref()),
            (Some("eu-west-2"), Some("eu-west-1"))
        );
        assert_eq!((s3.request_payer, cwl.request_payer), (true, false));
    }
}
