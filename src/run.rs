//! Runs what was typed: opens outputs and sources, waits for the answer or for Ctrl-C, writes the reports.
//!
//! Standard output gets the report and nothing else; people are talked to on standard error.

mod job;

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{CommandFactory, Parser};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::alarm::{self, Status};
use crate::check::{self, EveryDifference};
use crate::cli::{CheckArgs, Cli, Color, What};
use crate::configuration;
use crate::diff::{Kind, Shown};
use crate::error::Error;
use crate::estimate::{self, Estimate};
use crate::finding::Bucket;
use crate::plan::{Answer, Plan};
use crate::progress::{Mode, Progress, say};
use crate::redact::{Redaction, without_secrets};
use crate::report::{Output, Paint, Renderer, Report, Style, write_difference};
use crate::selftest;
use crate::source::{self, Side, Sides, Source};

/// The exit code of a run that could not come to an answer.
const TROUBLE: u8 = 2;

/// The exit code after Ctrl-C, as shells have it: 128 and the signal's number.
const INTERRUPTED: u8 = 130;

/// Parses the command line, does what it says and returns the exit code: 0 consistent, 1 different, 2 trouble, 3 no
/// verdict, 130 interrupted; with `--nagios`, Nagios's.
pub fn main() -> ExitCode {
    // A fault of our own is trouble too; where it happened has been said.
    std::panic::catch_unwind(parse_and_run).unwrap_or_else(|_| {
        if wants_nagios() {
            tell_nagios(&alarm::unknown(
                "a fault in flowdiff itself, see standard error",
            ))
        } else {
            ExitCode::from(TROUBLE)
        }
    })
}

fn parse_and_run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if wants_nagios() => {
            let text = error.to_string();
            let asked = !error.use_stderr();
            let said = text
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            return tell_nagios(&if asked { text } else { alarm::unknown(said) });
        }
        Err(error) => error.exit(),
    };
    let for_nagios = matches!(&cli.command, What::Check(args) if args.nagios);
    let redaction = match &cli.command {
        What::Check(args) | What::Plan(args) => redaction(args),
        What::Watch(args) => redaction(&args.check),
        What::SelfTest { .. } | What::Completions { .. } | What::Man => Ok(None),
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
        return tell_nagios(&alarm::unknown(&said));
    }
    complain(&error, redaction.as_ref());
    ExitCode::from(TROUBLE)
}

fn redaction(args: &CheckArgs) -> Result<Option<Arc<Redaction>>, Error> {
    let redaction = match &args.redact_key {
        Some(key) => Redaction::keyed(key),
        None if args.redact => Redaction::random(),
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
    ExitCode::from(Status::Unknown.exit_code())
}

fn run(cli: Cli, redaction: Option<&Arc<Redaction>>) -> Result<u8, Error> {
    match cli.command {
        What::Check(args) if args.plan => run_plan(&args, redaction),
        What::Check(args) => run_check(&args, redaction),
        What::Plan(args) => run_plan(&args, redaction),
        What::Watch(args) => job::watch(&args, redaction),
        What::SelfTest {
            seeds,
            seed,
            verbose,
        } => self_test(seed, seeds, verbose),
        What::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "flowdiff", &mut text);
            print(&text)
        }
        What::Man => manual().and_then(|text| print(&text)),
    }
}

/// Unix seconds.
fn clock() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs()).cast_signed()
}

/// Returns a text as it may be shown: without secrets, and redacted if that was asked for.
fn showable(text: &str, redaction: Option<&Arc<Redaction>>) -> String {
    let text = without_secrets(text);
    redaction.map_or_else(|| text.to_string(), |redaction| redaction.text(&text))
}

fn complain(error: &Error, redaction: Option<&Arc<Redaction>>) {
    let tell = |text: &str| showable(text, redaction);
    say(&format!("flowdiff: {}", tell(&error.to_string())));
    if let Some(hint) = error.hint() {
        say(&format!("hint: {}", tell(hint)));
    }
}

fn run_check(args: &CheckArgs, redaction: Option<&Arc<Redaction>>) -> Result<u8, Error> {
    log_to_stderr(args.verbose, redaction);
    let began = Instant::now();
    let Some(configured) = configured(args)? else {
        return interrupted(args.nagios, "asking for flow logs");
    };
    let args = &*configured;
    let plan = Plan::new(args, clock())?;
    if let Some(job) = &plan.job {
        return job::run(args, &plan, job, redaction);
    }
    let mut outputs = Outputs::open(&plan)?;
    let progress = Arc::new(Progress::new(progress_mode(args)));
    let runtime = runtime()?;
    let answer = runtime.block_on(async {
        tokio::select! {
            answer = answer(&plan, &progress, outputs.differences.as_mut(), redaction) => Some(answer),
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    // Decoders at work cannot be stopped, and nobody waits for them any more.
    runtime.shutdown_timeout(Duration::ZERO);
    let got_to = progress.snapshot();
    progress.finish();
    let Some(mut report) = answer.transpose()? else {
        return interrupted(args.nagios, &got_to);
    };
    outputs.write(&plan, &mut report, began, redaction)?;
    answer_with(&plan, &report, args.color)
}

/// Gives standard output its answer and returns the exit code.
fn answer_with(plan: &Plan, report: &Report, color: Color) -> Result<u8, Error> {
    match &plan.output {
        Answer::Nothing => {}
        Answer::Report(renderer) => print_report(renderer, report, color)?,
        Answer::Nagios(thresholds) => {
            let (status, line) = thresholds.judge(report);
            print(format!("{line}\n").as_bytes())?;
            return Ok(status.exit_code());
        }
    }
    Ok(report.exit_code())
}

/// Says what a check would read.
fn run_plan(args: &CheckArgs, redaction: Option<&Arc<Redaction>>) -> Result<u8, Error> {
    log_to_stderr(args.verbose, redaction);
    let Some(configured) = configured(args)? else {
        return Ok(INTERRUPTED);
    };
    let args = &*configured;
    let json = as_json("plan", args)?;
    let plan = Plan::new(args, clock())?;
    let runtime = runtime()?;
    let estimate = runtime.block_on(async {
        tokio::select! {
            estimate = estimate(&plan) => Some(estimate),
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    runtime.shutdown_timeout(Duration::ZERO);
    let Some(estimate) = estimate.transpose()? else {
        return Ok(INTERRUPTED);
    };
    match (json, redaction) {
        (true, None) => print(&json_text(&estimate)?),
        (true, Some(redaction)) => {
            let value = serde_json::to_value(&estimate);
            let value = value.map_err(|error| standard_output(error.into()))?;
            print(&json_text(&redaction.json(value))?)
        }
        (false, _) => {
            let text = estimate::text(&estimate);
            let text = redaction.map_or_else(|| text.clone(), |redaction| redaction.text(&text));
            print(text.as_bytes())
        }
    }
}

async fn estimate(plan: &Plan) -> Result<Estimate, Error> {
    let sources = open(plan).await?;
    estimate::estimate(&plan.check, &plan.sources, &sources).await
}

/// Tells whether a command that is no check is to answer in JSON; it has no other forms than that and text.
fn as_json(command: &str, args: &CheckArgs) -> Result<bool, Error> {
    match args.output.as_deref() {
        None | Some("text") => Ok(false),
        Some("json") => Ok(true),
        Some(other) => Err(Error::Usage(format!(
            "--output: {command} has the forms text and json, not `{other}`"
        ))),
    }
}

fn json_text(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|error| standard_output(error.into()))?;
    text.push(b'\n');
    Ok(text)
}

/// Lets EC2 say what two flow logs stand for, if flow logs are named; `None` if interrupted.
fn configured(args: &CheckArgs) -> Result<Option<Cow<'_, CheckArgs>>, Error> {
    let Some(asked) = configuration::asked(args)? else {
        return Ok(Some(Cow::Borrowed(args)));
    };
    let runtime = runtime()?;
    let found = runtime.block_on(async {
        tokio::select! {
            found = configuration::ask(args, &asked) => Some(found),
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(found.transpose()?.map(Cow::Owned))
}

fn interrupted(for_nagios: bool, got_to: &str) -> Result<u8, Error> {
    let said = format!("interrupted: {got_to}");
    if for_nagios {
        print(format!("{}\n", alarm::unknown(&said)).as_bytes())?;
        return Ok(Status::Unknown.exit_code());
    }
    say(&format!("flowdiff: {said}"));
    Ok(INTERRUPTED)
}

fn write_report(renderer: &Renderer, report: &Report, mut output: Output) -> Result<(), Error> {
    let previous = if renderer.carries_over {
        output.previous()
    } else {
        String::new()
    };
    let plain = Style {
        paint: Paint::Never,
        previous: &previous,
    };
    let written = (renderer.write)(report, plain, &mut output);
    written.map_err(|source| Error::Output {
        path: output.path().to_owned(),
        source,
    })?;
    output.finish()
}

/// The files of a run, opened before the work starts.
struct Outputs {
    reports: Vec<(&'static Renderer, Output)>,
    differences: Option<Output>,
}

impl Outputs {
    fn open(plan: &Plan) -> Result<Self, Error> {
        let open =
            |(renderer, path): &(&'static Renderer, PathBuf)| Ok((*renderer, Output::open(path)?));
        let differences = plan.check.all_differences.as_deref();
        Ok(Self {
            reports: plan
                .reports
                .iter()
                .map(open)
                .collect::<Result<_, Error>>()?,
            differences: differences.map(Output::open).transpose()?,
        })
    }

    /// Completes the report, writes it in all forms asked for and gives the files their names.
    fn write(
        self,
        plan: &Plan,
        report: &mut Report,
        began: Instant,
        redaction: Option<&Arc<Redaction>>,
    ) -> Result<(), Error> {
        report.tolerated = plan.fail_on.tolerated(report);
        report.notes.extend(report.tolerated.iter().cloned());
        report.took = began.elapsed();
        for side in Side::BOTH {
            let source = &mut report.sides[side].source;
            *source = without_secrets(source).into_owned();
        }
        if let Some(redaction) = redaction {
            *report = redaction.report(report.clone());
        }
        let mut reports = self.reports.into_iter();
        reports.try_for_each(|(renderer, output)| write_report(renderer, report, output))?;
        self.differences.map_or(Ok(()), Output::finish)
    }
}

/// A thread for each decoder and two for what waits for files: each thread has memory of its own to allocate from, and
/// with hundreds of threads most of it would lie idle.
fn runtime() -> Result<Runtime, Error> {
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(processors + 2)
        .build();
    runtime.map_err(|error| Error::Usage(format!("cannot start threads: {error}")))
}

async fn open(plan: &Plan) -> Result<Sides<Arc<dyn Source>>, Error> {
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

fn tell_difference(
    output: &mut Output,
    redaction: Option<&Arc<Redaction>>,
    bucket: &Bucket,
    kind: Kind,
    shown: &Shown,
) -> io::Result<()> {
    match redaction {
        None => write_difference(output, bucket, kind, shown),
        Some(redaction) => {
            let (bucket, shown) = (redaction.bucket(bucket), redaction.shown(shown));
            write_difference(output, &bucket, kind, &shown)
        }
    }
}

async fn answer(
    plan: &Plan,
    progress: &Progress,
    differences: Option<&mut Output>,
    redaction: Option<&Arc<Redaction>>,
) -> Result<Report, Error> {
    let sources = open(plan).await?;
    match differences {
        None => check::run(&plan.check, &sources, progress, None).await,
        Some(output) => {
            let every: &mut EveryDifference<'_> =
                &mut |bucket, kind, shown| tell_difference(output, redaction, bucket, kind, shown);
            check::run(&plan.check, &sources, progress, Some(every)).await
        }
    }
}

fn print_report(renderer: &Renderer, report: &Report, color: Color) -> Result<(), Error> {
    let mut text = Vec::new();
    let written = (renderer.write)(
        report,
        Style {
            paint: paint(color),
            ..Style::default()
        },
        &mut text,
    );
    written.map_err(standard_output)?;
    print(&text).map(drop)
}

fn print(text: &[u8]) -> Result<u8, Error> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        // Whoever reads has seen enough, which changes nothing about the answer.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(standard_output(error)),
        Ok(()) => Ok(0),
    }
}

fn standard_output(source: io::Error) -> Error {
    Error::Output {
        path: "standard output".into(),
        source,
    }
}

fn paint(color: Color) -> Paint {
    let wanted = || {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
    };
    match color {
        Color::Always => Paint::Always,
        Color::Auto if wanted() => Paint::Always,
        Color::Auto | Color::Never => Paint::Never,
    }
}

fn progress_mode(args: &CheckArgs) -> Mode {
    if args.quiet || args.nagios {
        Mode::Silent
    } else if io::stderr().is_terminal() {
        Mode::Bars
    } else {
        Mode::Lines
    }
}

/// Nothing is logged unless asked for: once is what flowdiff does, twice is what the SDK does too.
fn log_to_stderr(verbose: u8, redaction: Option<&Arc<Redaction>>) {
    let targets = match verbose {
        0 => return,
        1 => Targets::new().with_target("flowdiff", Level::INFO),
        2 => Targets::new()
            .with_target("flowdiff", Level::DEBUG)
            .with_default(Level::INFO),
        _ => Targets::new()
            .with_target("flowdiff", Level::TRACE)
            .with_default(Level::DEBUG),
    };
    let redaction = redaction.cloned();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || Log(redaction.clone()))
        .with_ansi(io::stderr().is_terminal())
        // That nobody can read the log is no reason to say so there.
        .log_internal_errors(false);
    // A second subscriber in one process can only come from an embedding program, whose own then stays.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .try_init();
}

/// Standard error for the log, which writes each line in one go.
struct Log(Option<Arc<Redaction>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let text = without_secrets(&text);
        match &self.0 {
            None => io::stderr().write_all(text.as_bytes())?,
            Some(redaction) => io::stderr().write_all(redaction.text(&text).as_bytes())?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// How many seeds a self-test has if nobody says.
const SEEDS: u64 = 1_000;

fn self_test(seed: Option<u64>, seeds: Option<u64>, verbose: bool) -> Result<u8, Error> {
    let first = seed.unwrap_or(1);
    let seeds = seeds.unwrap_or(if seed.is_some() { 1 } else { SEEDS });
    if seeds == 0 {
        return Err(Error::Usage("--seeds: must be at least 1".into()));
    }
    if verbose {
        for number in 0..seeds {
            eprintln!("{}", selftest::describe(first.wrapping_add(number)));
        }
    }
    let outcome = selftest::run(first, seeds)
        .map_err(|error| Error::Usage(format!("the self-test cannot run: {error}")))?;
    for (seed, wrong) in &outcome.failed {
        eprintln!("seed {seed}: {}", wrong.join("; "));
        eprintln!("replay: flowdiff selftest --seed {seed}");
    }
    let verdict = if outcome.failed.is_empty() {
        "every report is the truth".to_owned()
    } else {
        format!(
            "the reports of {} seeds are NOT the truth",
            outcome.failed.len()
        )
    };
    let (seeds, checks) = (outcome.seeds, outcome.checks);
    print(
        format!("selftest: {seeds} seeds from {first}, {checks} checks: {verdict}\n").as_bytes(),
    )?;
    Ok(u8::from(!outcome.failed.is_empty()))
}

/// The manual page of flowdiff with the options of `check`, which is what people look for.
fn manual() -> Result<Vec<u8>, Error> {
    let command = Cli::command();
    let mut text = Vec::new();
    let mut page = |command: clap::Command| {
        clap_mangen::Man::new(command)
            .render(&mut text)
            .map_err(standard_output)
    };
    page(command.clone())?;
    if let Some(check) = command.find_subcommand("check") {
        page(check.clone().name("flowdiff check"))?;
    }
    Ok(text)
}
