//! Runs what was typed: opens outputs and sources, waits for the answer or for Ctrl-C, writes the reports.
//!
//! Standard output gets the report and nothing else; people are talked to on standard error.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::CommandFactory;
use tokio::runtime::{Builder, Runtime};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::check::{self, EveryDifference};
use crate::cli::{CheckArgs, Cli, Color, What};
use crate::error::Error;
use crate::plan::Plan;
use crate::progress::{Mode, Progress};
use crate::report::{Output, Paint, Renderer, Report, Style, write_difference};
use crate::source::{self, Side, Sides};

/// The exit code of a run that could not come to an answer.
const TROUBLE: u8 = 2;

/// The exit code after Ctrl-C, as shells have it: 128 and the signal's number.
const INTERRUPTED: u8 = 130;

/// Does what was typed and returns the exit code: 0 consistent, 1 different, 2 trouble, 3 no verdict, 130 interrupted.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        What::Check(args) => run_check(&args),
        What::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "flowdiff", &mut text);
            print(&text)
        }
        What::Man => manual().and_then(|text| print(&text)),
    };
    ExitCode::from(result.unwrap_or_else(|error| {
        eprintln!("flowdiff: {error}");
        if let Some(hint) = error.hint() {
            eprintln!("hint: {hint}");
        }
        TROUBLE
    }))
}

fn run_check(args: &CheckArgs) -> Result<u8, Error> {
    log_to_stderr(args.verbose);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs());
    let plan = Plan::new(args, now.cast_signed())?;
    let mut reports = Vec::new();
    for (renderer, path) in &plan.reports {
        reports.push((*renderer, Output::open(path)?));
    }
    let mut differences = plan
        .check
        .all_differences
        .as_deref()
        .map(Output::open)
        .transpose()?;
    let progress = Arc::new(Progress::new(progress_mode(args)));
    let runtime = runtime()?;
    let answer = runtime.block_on(async {
        tokio::select! {
            answer = answer(&plan, &progress, differences.as_mut()) => Some(answer),
            _ = tokio::signal::ctrl_c() => None,
        }
    });
    // Decoders at work cannot be stopped, and nobody waits for them any more.
    runtime.shutdown_timeout(Duration::ZERO);
    let got_to = progress.snapshot();
    progress.finish();
    let Some(report) = answer.transpose()? else {
        eprintln!("flowdiff: interrupted: {got_to}");
        return Ok(INTERRUPTED);
    };
    let plain = Style {
        paint: Paint::Never,
    };
    for (renderer, mut output) in reports {
        let written = (renderer.write)(&report, plain, &mut output);
        written.map_err(|source| Error::Output {
            path: output.path().to_owned(),
            source,
        })?;
        output.finish()?;
    }
    differences.map_or(Ok(()), Output::finish)?;
    if !args.quiet {
        print_report(plan.output, &report, args.color)?;
    }
    Ok(report.verdict.exit_code())
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

async fn answer(
    plan: &Plan,
    progress: &Progress,
    differences: Option<&mut Output>,
) -> Result<Report, Error> {
    let open = |side: Side| {
        let (address, options) = &plan.sources[side];
        source::open(address, options)
    };
    let (s3, cwl) = tokio::try_join!(open(Side::S3), open(Side::Cwl))?;
    let sources = Sides {
        s3: Arc::from(s3),
        cwl: Arc::from(cwl),
    };
    match differences {
        None => check::run(&plan.check, &sources, progress, None).await,
        Some(output) => {
            let every: &mut EveryDifference<'_> =
                &mut |bucket, kind, shown| write_difference(output, bucket, kind, shown);
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
    if args.quiet {
        Mode::Silent
    } else if io::stderr().is_terminal() {
        Mode::Bars
    } else {
        Mode::Lines
    }
}

/// Nothing is logged unless asked for: once is what flowdiff does, twice is what the SDK does too.
fn log_to_stderr(verbose: u8) {
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
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    // A second subscriber in one process can only come from an embedding program, whose own then stays.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .try_init();
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
