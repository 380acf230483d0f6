//! What a run is to write, and where.

use std::path::PathBuf;

use crate::cli::CheckArgs;
use crate::model::Error;
use crate::render;
use crate::render::Renderer;
use crate::render::nagios::Thresholds;

/// What standard output gets.
#[derive(Debug)]
pub enum StdoutUse {
    /// Nothing.
    Nothing,
    /// A report.
    Report(&'static Renderer),
    /// A line for Nagios.
    Nagios(Thresholds),
}

fn renderer(option: &str, name: &str) -> Result<&'static Renderer, Error> {
    render::find(name).ok_or_else(|| {
        let known: Vec<&str> = render::RENDERERS
            .iter()
            .map(|renderer| renderer.name)
            .collect();
        Error::Usage(format!(
            "{option}: no report format `{name}`; there are {}",
            known.join(", ")
        ))
    })
}

/// What `--report` asks for: what goes to standard output, and what goes to files.
pub(super) type Reports = (Option<&'static Renderer>, Vec<(&'static Renderer, PathBuf)>);

/// Returns what `--output` and `--report` ask for.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub(super) fn reports(args: &CheckArgs) -> Result<Reports, Error> {
    let mut all: Vec<_> = args
        .output
        .report
        .iter()
        .map(|text| report_to(text))
        .collect::<Result<_, _>>()?;
    let printed: Vec<_> = all
        .extract_if(.., |(_, path)| path.as_os_str() == "-")
        .collect();
    if printed.len() > 1 {
        return Err(Error::Usage(
            "--report: standard output can be one report only".into(),
        ));
    }
    let output = args.output.output.as_deref().filter(|_| !args.output.quiet);
    let output = output.map(|name| renderer("--output", name)).transpose()?;
    if args.output.redact && args.output.redact_key.is_none() {
        let wanted = output
            .into_iter()
            .chain(all.iter().chain(&printed).map(|(renderer, _)| *renderer));
        if let Some(renderer) = wanted.into_iter().find(|renderer| renderer.series) {
            return Err(Error::Usage(format!(
                "--redact: {} needs --redact-key: with a key of its own, each run would tell its figures under other names, \
                 and no alarm would see them again",
                renderer.name
            )));
        }
    }
    match (printed.first(), output) {
        (Some(_), Some(_)) => Err(Error::Usage(
            "--report FORMAT=- and --output both want standard output".into(),
        )),
        (Some((renderer, _)), None) => Ok((Some(renderer), all)),
        (None, output) => Ok((output, all)),
    }
}

/// Returns what standard output gets, if `printed` is the report asked for there.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub(super) fn output(
    args: &CheckArgs,
    printed: Option<&'static Renderer>,
) -> Result<StdoutUse, Error> {
    let thresholds =
        Thresholds::parse(&args.alarms.warning, &args.alarms.critical).map_err(Error::Usage)?;
    if !args.alarms.nagios {
        return match printed {
            _ if thresholds != Thresholds::default() => Err(Error::Usage(
                "--warning and --critical are for --nagios; without it there is --fail-on".into(),
            )),
            Some(renderer) => Ok(StdoutUse::Report(renderer)),
            None if args.output.quiet => Ok(StdoutUse::Nothing),
            None => Ok(StdoutUse::Report(&render::RENDERERS[0])),
        };
    }
    let not_with = |option: &str| Err(Error::Usage(format!("--nagios: not with {option}")));
    match printed {
        Some(_) => {
            not_with("--output or --report FORMAT=-: the line has standard output to itself")
        }
        None if args.output.quiet => not_with("--quiet: it prints a line"),
        None if !args.alarms.fail_on.is_empty() => {
            not_with("--fail-on: ranges are given with -w and -c")
        }
        None => Ok(StdoutUse::Nagios(thresholds)),
    }
}

fn report_to(text: &str) -> Result<(&'static Renderer, PathBuf), Error> {
    let (name, path) = text
        .split_once('=')
        .filter(|(_, path)| !path.is_empty())
        .ok_or_else(|| Error::Usage(format!("--report: `{text}` is not FORMAT=PATH")))?;
    Ok((renderer("--report", name)?, PathBuf::from(path)))
}
