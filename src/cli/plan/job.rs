//! A scheduled job: what was said of it, checked.

use itertools::Itertools;

use super::times::{seconds, time};
use super::{LIVE_WINDOW, archive, key_of, state};
use crate::archive::ArchivePlace;
use crate::check::Check;
use crate::cli::{CheckArgs, OfSide};
use crate::digest::KEY;
use crate::job::round::JobSpec;
use crate::job::state::{JobSubject, StatePlace};
use crate::model::window::slot;
use crate::model::{Error, Side, Sides};
use crate::record::FieldName;
use crate::source::{Address, SourceOptions};

/// A check that is one of many.
#[derive(Debug)]
pub struct Job {
    /// Where the state is kept.
    pub place: StatePlace,
    /// Where lines and reports are kept, if they are.
    pub archive: Option<ArchivePlace>,
    /// The key of the receipts that are written each day, if they are.
    pub receipts: Option<[u8; KEY]>,
    /// What the state is about.
    pub subject: JobSubject,
    /// Where the first run begins.
    pub begin: i64,
    /// Where it was said to begin, if that was said.
    pub since: Option<i64>,
    /// What is taken up again: what comes after this time.
    pub rewind: Option<i64>,
    /// What each run does.
    pub pattern: JobSpec,
}

/// Checks what was said about a job. Windows are cut on `start`, so it has to be among what is compared.
pub(super) fn job(
    args: &CheckArgs,
    check: &Check,
    sources: &Sides<(Address, SourceOptions)>,
) -> Result<Option<Job>, Error> {
    let Some(place) = state::place(args, sources)? else {
        return Ok(None);
    };
    let refuse = |why: &str| Err(Error::Usage(why.to_owned()));
    if Side::BOTH
        .iter()
        .any(|&side| sources[side].0 == Address::Stdin)
    {
        return refuse("--state: standard input can be read only once");
    }
    let archive = archive::archive(args, sources)?;
    if archive.is_some() && args.output.redact && args.output.redact_key.is_none() {
        return refuse(
            "--redact: --archive needs --redact-key: with a key of its own, each run would tell its interfaces under other names",
        );
    }
    if args.job.receipts && (args.output.redact || args.output.redact_key.is_some()) {
        return refuse("--receipts: not with --redact: they name the parts that were read");
    }
    let receipts = match args.job.receipts {
        true => key_of(&args.key)?,
        false => None,
    };
    let start = FieldName::new("start");
    let only = &check.fields.only;
    if check.fields.ignored.contains(&start) || !(only.is_empty() || only.contains(&start)) {
        return refuse("--state: `start` must be among the compared fields");
    }
    let step = seconds("--step", &args.job.step)?;
    if step <= 0 || slot(step) != step {
        return refuse("--step: must be a multiple of 5m");
    }
    if args.job.max_windows == 0 {
        return refuse("--max-windows: must be at least 1");
    }
    let give_up = seconds("--give-up", &args.job.give_up)?;
    let settle = &check.settle;
    if give_up < settle.seconds {
        return refuse("--give-up: must not be less than --settle");
    }
    let of_sides =
        |of: fn(&OfSide) -> &Option<String>| args.sides.0.as_ref().map(|side| of(side).clone());
    let sorted = |texts: &[String]| {
        texts
            .iter()
            .map(|it| it.trim().to_owned())
            .sorted()
            .collect()
    };
    let time = |option: &str, text: &Option<String>| {
        let text = text.as_ref();
        text.map(|text| time(option, text, settle.now)).transpose()
    };
    let rewind = time("--state-rewind", &args.job.state_rewind)?;
    let until = time("--until", &args.time.until)?;
    let settled = settle.now - settle.seconds;
    let begin = time("--since", &args.time.since)?;
    Ok(Some(Job {
        place,
        subject: JobSubject {
            source: sources.as_ref().map(|(address, _)| address.to_string()),
            format: of_sides(|side| &side.format),
            fields: sorted(&args.comparison.fields),
            ignore_fields: sorted(&args.comparison.ignore_fields),
            interface: sorted(&args.comparison.interface),
            flow_log_id: sorted(&args.comparison.flow_log_id),
            all_streams: args.comparison.all_streams,
            ignore_nodata: args.comparison.ignore_nodata,
        },
        rewind,
        since: begin,
        begin: begin.unwrap_or(slot(until.unwrap_or(settled).min(settled)) - LIVE_WINDOW),
        pattern: JobSpec {
            check: check.clone(),
            step,
            max_windows: args.job.max_windows,
            give_up,
            until,
            keeps_looks: archive.is_some(),
        },
        archive,
        receipts,
    }))
}
