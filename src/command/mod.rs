//! Runs what was typed: opens outputs and sources, waits for the answer or for Ctrl-C, writes the reports.
//!
//! Standard output gets the report and nothing else; people are talked to on standard error.

mod archive;
mod archived;
mod check;
mod digest;
mod doctor;
mod environment;
mod estimate;
mod help;
mod history;
mod job;
mod kept;
mod log;
mod looks;
mod manual;
mod next;
mod outputs;
mod pairs;
mod person;
mod print;
mod proof;
mod receipts;
mod schema;
mod selftest;
mod several;
mod verified;
mod verify;
mod wait;

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::CommandFactory;

use crate::cli::plan::{CheckPlan, deadline, export_plan, flow_logs};
use crate::cli::{ArchiveCommand, CheckArgs, Cli, Command};
use crate::model::{Error, Side, Sides};
use crate::progress::{Mode, say};
use crate::render::escape;
use crate::render::nagios;
use crate::render::nagios::NagiosStatus;
use crate::report::INTERRUPTED;
use crate::report::redact::{Redaction, without_secrets};
use crate::source;
use crate::source::Source;

use print::print;
use wait::until_interrupted;

/// The exit code of a run that could not come to an answer.
const TROUBLE: u8 = 2;

/// Parses the command line, does what it says and returns the exit code: 0 consistent, 1 different, 2 trouble, 3 no
/// verdict, 130 interrupted; with `--nagios`, Nagios's.
pub fn main() -> ExitCode {
    // A fault of our own is trouble too; where it happened has been said.
    std::panic::catch_unwind(parse_and_run).unwrap_or_else(|_| {
        if wants_nagios() {
            tell_nagios(&nagios::unknown(
                "a fault in flowdiff itself, see standard error",
            ))
        } else {
            ExitCode::from(TROUBLE)
        }
    })
}

fn parse_and_run() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) if wants_nagios() => {
            let text = error.to_string();
            let asked = !error.use_stderr();
            let said = text
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            return tell_nagios(&if asked { text } else { nagios::unknown(said) });
        }
        Err(error) => refuse(&error),
    };
    if let Err(error) = environment::without_empty() {
        complain(&error, None);
        return ExitCode::from(TROUBLE);
    }
    let for_nagios = matches!(&cli.command, Command::Check(args) if args.alarms.nagios);
    let redaction = match &cli.command {
        Command::Check(args) | Command::Doctor(args) => redaction(args),
        Command::Plan(args) => redaction(&args.check),
        Command::Watch(args) => redaction(&args.check),
        Command::Archive { .. }
        | Command::History(_)
        | Command::Digest(_)
        | Command::SecondLook(_)
        | Command::ExportPlan(_)
        | Command::Key { .. }
        | Command::Pairs(_)
        | Command::Verify(_)
        | Command::SelfTest { .. }
        | Command::Completions { .. }
        | Command::Man
        | Command::Schema { .. }
        | Command::Help { .. } => Ok(None),
    };
    let (redaction, failed) = match redaction {
        Ok(redaction) => (redaction, None),
        Err(error) => (None, Some(error)),
    };
    let error = match failed.map_or_else(|| run(cli, redaction.as_ref()), Err) {
        Ok(code) => return ExitCode::from(code),
        Err(error) => error,
    };
    if for_nagios {
        let hint = error
            .hint()
            .map_or_else(String::new, |hint| format!(" (hint: {hint})"));
        let said = showable(&format!("{error}{hint}"), redaction.as_ref());
        return tell_nagios(&nagios::unknown(&said));
    }
    complain(&error, redaction.as_ref());
    ExitCode::from(TROUBLE)
}

/// Says what is wrong with the command line, or what was asked for about it, and ends the process. A file's name that a
/// shell has put there is shown as harmless as everywhere.
fn refuse(error: &clap::Error) -> ! {
    let said = error.to_string();
    let safe: Vec<String> = said.lines().map(escape).collect();
    let safe = safe.join("\n");
    if !error.use_stderr() || safe == said.trim_end_matches('\n') {
        error.exit();
    }
    say(&safe);
    std::process::exit(error.exit_code());
}

fn redaction(args: &CheckArgs) -> Result<Option<Arc<Redaction>>, Error> {
    let redaction = match &args.output.redact_key {
        Some(key) => Redaction::keyed(key),
        None if args.output.redact => Redaction::random(),
        None => return Ok(None),
    };
    match redaction {
        Ok(redaction) => Ok(Some(Arc::new(redaction))),
        Err(why) => Err(Error::Usage(format!("--redact-key: {why}"))),
    }
}

/// Tells whether Nagios is to be answered when the command line cannot be understood.
fn wants_nagios() -> bool {
    let given = std::env::args_os()
        .take_while(|arg| arg != "--")
        .any(|arg| arg == "--nagios");
    let set = std::env::var("FLOWDIFF_NAGIOS")
        .unwrap_or_default()
        .to_lowercase();
    // What clap takes for false.
    given || !["", "0", "f", "false", "n", "no", "off"].contains(&&*set)
}

/// Prints what is no answer. If even that fails, the exit code still says so.
fn tell_nagios(text: &str) -> ExitCode {
    let _ = print(format!("{}\n", text.trim_end()).as_bytes());
    ExitCode::from(NagiosStatus::Unknown.exit_code())
}

fn run(cli: Cli, redaction: Option<&Arc<Redaction>>) -> Result<u8, Error> {
    match cli.command {
        Command::Check(args) if args.sources.plan => {
            refuse_key(&args, "`--plan`")?;
            estimate::run(&args, redaction)
        }
        Command::Check(args) if args.sources.pairs.is_some() => {
            refuse_key(&args, "a check of several pairs")?;
            several::run(&args, redaction)
        }
        Command::Check(args) => check::run(&args, redaction),
        Command::Plan(args) => {
            refuse_key(&args.check, "`plan`")?;
            refuse_if(args.check.sources.pairs.is_some(), ONE_PAIR)?;
            match args.parts {
                true => estimate::parts(&args.check, redaction),
                false => estimate::run(&args.check, redaction),
            }
        }
        Command::Pairs(args) => pairs::run(&args),
        Command::Doctor(args) => {
            refuse_if(args.sources.pairs.is_some(), ONE_PAIR)?;
            let (plan, recheck) = (args.sources.plan, args.time.recheck > 0);
            refuse_if(
                plan,
                "--plan: means nothing to `doctor`; `flowdiff plan` says what a check would read",
            )?;
            refuse_if(
                recheck,
                "--recheck: means nothing to `doctor`, which waits for no records",
            )?;
            refuse_key(&args, "`doctor`")?;
            doctor::run(&args, redaction)
        }
        Command::Watch(args) => {
            let output = args.check.output.output.as_deref();
            let other = output.is_some_and(|format| !matches!(format, "text" | "json" | "jsonl"));
            refuse_if(
                other,
                "--output: `watch` has the forms text, for a person, and json, a line for each round; other reports go to files with --report FORMAT=PATH",
            )?;
            let plan = args.check.sources.plan;
            refuse_if(
                plan,
                "--plan: means nothing to `watch`; `flowdiff plan` says what a check would read",
            )?;
            refuse_key(&args.check, "`watch`")?;
            job::watch(&args, redaction)
        }
        Command::History(args) => history::run(&args),
        Command::Archive {
            command: ArchiveCommand::Prune(args),
        } => archive::prune(&args),
        Command::Digest(args) => digest::run(&args),
        Command::SecondLook(args) => looks::second_look(&args),
        Command::ExportPlan(args) => {
            export_plan(&args, clock()).and_then(|plan| print(plan.script().as_bytes()))
        }
        Command::Verify(args) => verify::run(&args),
        Command::Key { file } => digest::key(&file),
        Command::SelfTest {
            seeds,
            seed,
            verbose,
        } => selftest::run(seed, seeds, verbose),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "flowdiff", &mut text);
            print(&text)
        }
        Command::Man => manual::manual().and_then(|text| print(&text)),
        Command::Schema { name } => schema::schema(&name).and_then(|text| print(text.as_bytes())),
        Command::Help { topic } => {
            help::help(topic.as_deref()).and_then(|text| print(text.as_bytes()))
        }
    }
}

/// Refuses a key where nothing is compared.
fn refuse_key(args: &CheckArgs, command: &str) -> Result<(), Error> {
    refuse_if(
        args.proof.receipt.is_some(),
        &format!("--receipt: means nothing to {command}; a check of one window writes one"),
    )?;
    refuse_if(
        args.key.key_file.is_some() && !args.job.receipts,
        &format!("--key-file: means nothing to {command}, which reads no digests"),
    )
}

/// What is asked of one pair only.
const ONE_PAIR: &str = "--pairs: `plan` and `doctor` are of one pair: give its two sources";

/// Refuses an option that a subcommand takes, because `check` has it, and that means nothing to it.
fn refuse_if(given: bool, why: &str) -> Result<(), Error> {
    if given {
        return Err(Error::Usage(why.to_owned()));
    }
    Ok(())
}

/// Unix seconds.
fn clock() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs()).cast_signed()
}

/// Returns a text as it may be shown: without secrets, redacted if that was asked for, and with nothing in it that a
/// terminal would act on.
fn showable(text: &str, redaction: Option<&Arc<Redaction>>) -> String {
    let text = without_secrets(text);
    let text = redaction.map_or_else(|| text.to_string(), |redaction| redaction.text(&text));
    escape(&text)
}

fn complain(error: &Error, redaction: Option<&Arc<Redaction>>) {
    let tell = |text: &str| showable(text, redaction);
    say(&format!("flowdiff: {}", message(error, tell)));
    if let Some(hint) = error.hint() {
        say(&format!("hint: {}", tell(hint)));
    }
}

/// Returns an error's message, made fit to be shown. The only line breaks in it are flowdiff's own.
fn message(error: &Error, showable: impl Fn(&str) -> String) -> String {
    let Error::Several { what, candidates } = error else {
        return showable(&error.to_string());
    };
    let candidates = candidates.iter().map(|one| showable(one));
    let lines = std::iter::once(showable(what)).chain(candidates);
    lines.collect::<Vec<_>>().join("\n  ")
}

/// Lets EC2 say what two flow logs stand for, if flow logs are named; `None` if interrupted.
fn configured(args: &CheckArgs) -> Result<Option<Cow<'_, CheckArgs>>, Error> {
    let Some(asked) = flow_logs::asked(args)? else {
        return Ok(Some(Cow::Borrowed(args)));
    };
    let found = until_interrupted(deadline(args, None)?, flow_logs::ask(args, &asked))?;
    Ok(found.map(Cow::Owned))
}

fn interrupted(for_nagios: bool, got_to: &str) -> Result<u8, Error> {
    let said = format!("interrupted: {got_to}");
    if for_nagios {
        print(format!("{}\n", nagios::unknown(&said)).as_bytes())?;
        return Ok(NagiosStatus::Unknown.exit_code());
    }
    say(&format!("flowdiff: {said}"));
    Ok(INTERRUPTED)
}

async fn open(plan: &CheckPlan) -> Result<Sides<Arc<dyn Source>>, Error> {
    let open = |side: Side| {
        let (address, options) = &plan.sources[side];
        source::open(address, options)
    };
    let (s3, cwl) = tokio::try_join!(open(Side::S3), open(Side::Cwl))?;
    Ok(Sides {
        s3: Arc::from(s3),
        cwl: Arc::from(cwl),
    })
}

fn progress_mode(args: &CheckArgs) -> Mode {
    if args.output.quiet || args.alarms.nagios {
        Mode::Silent
    } else if io::stderr().is_terminal() {
        Mode::Bars
    } else {
        Mode::Lines
    }
}
