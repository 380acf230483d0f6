//! The plan: what was typed, checked. After this nothing about the command line can be wrong.

mod archive;
mod digest;
mod export;
pub mod flow_logs;
mod job;
mod key;
mod looks;
mod outputs;
mod overwritten;
pub mod pairs;
mod places;
mod repair;
mod slips;
mod state;
mod times;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use itertools::Itertools;

use super::args::CwlRead;
use super::{CheckArgs, OneOfSeveral};
use crate::check::{Check, Others, Recheck, Selection};
use crate::decode::Format;
use crate::digest::Fingerprints;
use crate::model::window::{Settle, Window, rfc3339};
use crate::model::{Error, Side, Sides};
use crate::record::{FieldName, Layout};
use crate::render::Renderer;
use crate::repair::Targets;
use crate::report::alarm::FailOn;
use crate::source::{Address, GroupReading, SourceOptions};
use crate::system::parts_at_once;

pub use archive::{archive_at, state_at};
pub use digest::{DigestPlan, by_stream, is_read_once, store};
pub use export::export_plan;
pub use job::Job;
pub use key::{key_of, new_key};
pub use looks::SecondLookPlan;
pub use outputs::StdoutUse;
use outputs::{output, reports};
pub use overwritten::refuse_overwriting;
pub use times::{before, clock_or, deadline, every, since};
use times::{seconds, time};
pub use verify::VerifyPlan;

/// The least memory a check can work in: its digests alone take a few MiB a worker.
const LEAST_MEMORY: u64 = 32 << 20;

/// The window of a live check for which no beginning was given, in seconds.
const LIVE_WINDOW: i64 = 3600;

/// A check that can be run.
#[derive(Debug)]
pub struct CheckPlan {
    /// What is asked of the run.
    pub check: Check,
    /// Where each side is read, and how.
    pub sources: Sides<(Address, SourceOptions)>,
    /// What standard output gets.
    pub output: StdoutUse,
    /// The other reports.
    pub reports: Vec<(&'static Renderer, PathBuf)>,
    /// The folder of a cure, and where it is to be brought.
    pub repair: Option<(PathBuf, Targets)>,
    /// How many differing records the text report shows.
    pub rows: Option<usize>,
    /// How much may differ.
    pub fail_on: FailOn,
    /// What to go on with, if the check is one of many.
    pub job: Option<Job>,
    /// The pair that it is, if it is one of several.
    pub pair: Option<OneOfSeveral>,
}

impl CheckPlan {
    /// Tells whether a report that is asked for shows every difference.
    pub fn shows_every(&self) -> bool {
        let on_stdout = match &self.output {
            StdoutUse::Report(renderer) => renderer.every,
            StdoutUse::Nothing | StdoutUse::Nagios(_) => false,
        };
        on_stdout || self.reports.iter().any(|(renderer, _)| renderer.every)
    }

    /// Checks what was typed. `now` is the clock, in Unix seconds.
    ///
    /// # Errors
    /// [`Error::Usage`] that names the option and the value.
    pub fn new(args: &CheckArgs, now: i64) -> Result<Self, Error> {
        let addresses = Sides {
            s3: address("S3-SOURCE", args.sources.s3.as_deref())?,
            cwl: address("CWL-SOURCE", args.sources.cwl.as_deref())?,
        };
        if addresses.s3 == Address::Stdin && addresses.cwl == Address::Stdin {
            return Err(Error::Usage(
                "standard input can be one side only, not both".into(),
            ));
        }
        let live = addresses.s3.is_live() || addresses.cwl.is_live();
        let (printed, reports) = reports(args)?;
        let files = reports.iter().map(|(_, path)| ("--report", &**path));
        let differences = args.output.all_differences.as_deref();
        let files: Vec<(&str, &std::path::Path)> = files
            .chain(differences.map(|path| ("--all-differences", path)))
            .chain(
                args.proof
                    .receipt
                    .as_deref()
                    .map(|path| ("--receipt", path)),
            )
            .collect();
        let read = [&args.sources.s3, &args.sources.cwl].into_iter().flatten();
        let read = read.map(String::as_str);
        let before = args
            .proof
            .chain
            .previous
            .as_deref()
            .and_then(std::path::Path::to_str);
        let key = args
            .key
            .key_file
            .as_deref()
            .and_then(std::path::Path::to_str);
        refuse_overwriting(&files, &read.chain(before).chain(key).collect::<Vec<_>>())?;
        let mut wanted = printed
            .into_iter()
            .chain(reports.iter().map(|(renderer, _)| *renderer));
        let by_hour = wanted.clone().any(|renderer| renderer.by_hour);
        let drawn = wanted.any(|renderer| renderer.drawn);
        let check = asked(args, now, live, (by_hour, drawn))?;
        let Sides { s3, cwl } = addresses;
        let sources = Sides {
            s3: (s3, options(args, Side::S3)?),
            cwl: (cwl, options(args, Side::Cwl)?),
        };
        places::check(&sources)?;
        let fail_on = FailOn::parse(&args.alarms.fail_on)
            .map_err(|why| Error::Usage(format!("--fail-on: {why}")))?;
        let job = job::job(args, &check, &sources)?;
        Ok(Self {
            job,
            pair: args.sources.pair.clone(),
            check,
            repair: repair::repair(args, &sources)?,
            sources,
            output: output(args, printed)?,
            rows: args.output.rows,
            reports,
            fail_on,
        })
    }
}

/// Checks what is asked of a run. `live` is whether a service is read; `by_hour` and `drawn` are what its reports need.
fn asked(
    args: &CheckArgs,
    now: i64,
    live: bool,
    (by_hour, drawn): (bool, bool),
) -> Result<Check, Error> {
    let now = match &args.time.now {
        Some(text) => time("--now", text, now)?,
        None => now,
    };
    let settle = Settle {
        now,
        seconds: seconds("--settle", &args.time.settle)?,
    };
    let memory = memory(&args.limits.memory)?;
    if args.limits.concurrency == 0 {
        return Err(Error::Usage("--concurrency: must be at least 1".into()));
    }
    let positive = |rate: f64| rate.is_finite() && rate > 0.0;
    if let Some(rate) = args.limits.cwl_rate.filter(|&rate| !positive(rate)) {
        return Err(Error::Usage(format!(
            "--cwl-rate: must be more than 0, not `{rate}`"
        )));
    }
    deadline(args, None)?;
    Ok(Check {
        by_hour,
        formed: args.repair.repair.is_some(),
        drawn: drawn || args.job.archive.is_some(),
        window: window(args, &settle, live)?,
        settle,
        recheck: recheck(args)?,
        fields: Selection::of(
            names("--fields", &args.comparison.fields)?,
            names("--ignore-fields", &args.comparison.ignore_fields)?,
        ),
        interfaces: args.comparison.interface.clone(),
        others: Others::default(),
        flow_logs: args.sources.configured.clone(),
        ignore_nodata: args.comparison.ignore_nodata,
        allow_empty: args.comparison.allow_empty,
        formats: Sides {
            s3: format(args, Side::S3)?,
            cwl: format(args, Side::Cwl)?,
        },
        max_evidence: args.output.max_evidence.max(args.output.rows.unwrap_or(0)),
        all_differences: args.output.all_differences.clone(),
        concurrency: parts_at_once(args.limits.concurrency),
        memory,
        counted: None,
        key: Fingerprints::random(),
    })
}

fn address(name: &str, text: Option<&str>) -> Result<Address, Error> {
    let text = text.ok_or_else(|| Error::Usage(format!("{name}: none is given")))?;
    text.parse()
        .map_err(|reason| Error::Usage(format!("{name}: {reason}")))
}

/// Returns how a side is reached.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub fn options(args: &CheckArgs, side: Side) -> Result<SourceOptions, Error> {
    let of = &args.sides.0[side];
    let timeout = seconds("--timeout", &args.limits.timeout)?;
    if timeout < 1 {
        return Err(Error::Usage("--timeout: must be at least 1s".into()));
    }
    Ok(SourceOptions {
        side,
        profile: of.profile.clone(),
        region: of.region.clone(),
        role_arn: of.role_arn.clone(),
        external_id: of.external_id.clone(),
        endpoint_url: of.endpoint_url.clone(),
        request_payer: side == Side::S3 && of.request_payer,
        unmask: side == Side::Cwl && of.unmask,
        flow_log_ids: if side == Side::S3 && !args.comparison.flow_log_id.is_empty() {
            args.comparison.flow_log_id.clone()
        } else {
            of.flow_log_id.iter().cloned().collect()
        },
        flow_logs_are_sure: args.comparison.flow_log_id.is_empty(),
        all_streams: args.comparison.all_streams,
        calls_per_second: args.limits.cwl_rate,
        group_reading: match args.limits.cwl_read {
            CwlRead::Auto => GroupReading::Auto,
            CwlRead::Together => GroupReading::Together,
            CwlRead::ByStream => GroupReading::ByStream,
        },
        concurrency: parts_at_once(args.limits.concurrency),
        timeout: Duration::from_secs(timeout.unsigned_abs()),
    })
}

fn names(option: &str, texts: &[String]) -> Result<Vec<FieldName>, Error> {
    let name = |text: &String| {
        let name = FieldName::new(text.trim());
        match slips::unknown_field(option, &name) {
            Some(slip) => Err(Error::Usage(slip)),
            None => Ok(name),
        }
    };
    texts.iter().map(name).collect()
}

fn format(args: &CheckArgs, side: Side) -> Result<Format, Error> {
    match &args.sides.0[side].format {
        None => Ok(Format::not_given()),
        Some(texts) => {
            let layouts = texts.lines().map(|text| layout(side, text));
            let mut layouts = layouts.collect::<Result<Vec<_>, _>>()?.into_iter().unique();
            let first = layouts.next();
            let first = first.map_or_else(|| layout(side, texts), Ok)?;
            Ok(Format {
                others: layouts.collect(),
                ..Format::named(first)
            })
        }
    }
}

fn layout(side: Side, text: &str) -> Result<Layout, Error> {
    let layout =
        Layout::from_format(text).map_err(|why| Error::Usage(slips::format(side, text, &why)))?;
    match slips::strange_field(side, layout.columns()) {
        Some(slip) => Err(Error::Usage(slip)),
        None => Ok(layout),
    }
}

fn memory(text: &str) -> Result<u64, Error> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| Error::Usage(format!("--memory: `{text}` is not a size such as 256MiB")))?;
    if size.as_u64() < LEAST_MEMORY {
        return Err(Error::Usage(format!(
            "--memory: `{text}` is less than the {} needed",
            ByteSize(LEAST_MEMORY)
        )));
    }
    Ok(size.as_u64())
}

fn recheck(args: &CheckArgs) -> Result<Recheck, Error> {
    let every = seconds("--recheck-every", &args.time.recheck_every)?;
    if every < 1 {
        return Err(Error::Usage("--recheck-every: must be at least 1s".into()));
    }
    Ok(Recheck {
        times: args.time.recheck,
        every: Duration::from_secs(every.unsigned_abs()),
    })
}

fn window(args: &CheckArgs, settle: &Settle, live: bool) -> Result<Window, Error> {
    let time = |option: &str, text: &Option<String>| {
        text.as_ref()
            .map(|text| time(option, text, settle.now))
            .transpose()
    };
    let (mut start, mut end) = (
        time("--since", &args.time.since)?,
        time("--until", &args.time.until)?,
    );
    if live {
        end = end.or(Some(settle.now - settle.seconds));
        start = start.or(end.map(|end| end - LIVE_WINDOW));
    }
    let window = Window { start, end };
    if let Some(start) = start.filter(|&start| start > settle.now) {
        return Err(Error::Usage(format!(
            "--since: {} lies in the future: it is {}",
            rfc3339(start),
            rfc3339(settle.now)
        )));
    }
    match (window.start, window.end) {
        (Some(start), Some(end)) if start >= end => Err(Error::Usage(format!(
            "the window {window} is empty: --since must be before --until"
        ))),
        _ => Ok(window),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    const NOW: i64 = 1_700_000_000;

    fn plan(words: &str) -> Result<CheckPlan, Error> {
        let words = ["flowdiff", "check"].into_iter().chain(words.split(' '));
        let Command::Check(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not a check")
        };
        CheckPlan::new(&args, NOW)
    }

    #[test]
    fn a_live_window_is_the_hour_that_has_settled() {
        let settled = NOW - 900;
        assert_eq!(
            plan("s3://logs cwl://g").unwrap().check.window,
            Window::new(settled - 3600, settled)
        );
        assert_eq!(
            plan("s3://logs cwl://g --since 2h").unwrap().check.window,
            Window::new(NOW - 7200, settled)
        );
        assert_eq!(plan("a b").unwrap().check.window, Window::ALL);
        assert_eq!(
            plan("a b --since 2h").unwrap().check.window,
            Window {
                start: Some(NOW - 7200),
                end: None
            }
        );
    }

    #[test]
    fn what_is_refused_is_named() {
        for (words, named) in [
            ("- -", "standard input"),
            (
                "a b --since 1h --until 2h",
                "--since must be before --until",
            ),
            ("a b --settle soon", "--settle: `soon`"),
            ("a b --recheck-every soon", "--recheck-every: `soon`"),
            (
                "a b --recheck-every 0s",
                "--recheck-every: must be at least 1s",
            ),
            ("a b --memory lots", "--memory: `lots`"),
            ("a b --memory 1MiB", "--memory: `1MiB` is less"),
            ("a b --report xml=x", "--report: no report format `xml`"),
            ("a b --report json", "--report: `json` is not FORMAT=PATH"),
            ("a b --report emf=- --report csv=-", "one report only"),
            ("a b --report emf=- -o json", "both want standard output"),
            (
                "a b --fail-on missing",
                "--fail-on: `missing` is not a limit",
            ),
            ("a b -w 10", "--nagios"),
            ("a b --nagios -w x", "--warning: `x` is not a range"),
            ("a b --nagios -o json", "--nagios: not with --output"),
            ("a b --nagios -q", "--nagios: not with --quiet"),
            (
                "a b --nagios --fail-on missing>1",
                "--nagios: not with --fail-on",
            ),
            ("a b --cwl-format version", "--cwl-format '${version}'"),
            ("a b --cwl-rate 0", "--cwl-rate"),
            ("a b --concurrency 0", "--concurrency"),
            ("a b --timeout 0s", "--timeout: must be at least 1s"),
            ("http://x b", "S3-SOURCE"),
        ] {
            let message = plan(words).unwrap_err().to_string();
            assert!(message.contains(named), "{words}: {message}");
        }
    }
}
