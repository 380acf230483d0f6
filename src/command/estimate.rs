//! Says what a check would read (`plan`, `check --plan`).

use std::sync::Arc;

use crate::cli::CheckArgs;
use crate::cli::plan::{CheckPlan, deadline};
use crate::estimate::{self, Estimate};
use crate::model::{Error, Side};
use crate::report::redact::Redaction;
use crate::source::Ask;
use crate::source::parts::PartLine;

use super::log::log_to_stderr;
use super::print::{as_json, json_text, print, standard_output};
use super::wait::until_interrupted;
use super::{INTERRUPTED, clock, configured, open, refuse_if};

/// Says what a check would read.
pub(super) fn run(args: &CheckArgs, redaction: Option<&Arc<Redaction>>) -> Result<u8, Error> {
    log_to_stderr(args.output.verbose, redaction);
    let Some(configured) = configured(args)? else {
        return Ok(INTERRUPTED);
    };
    let args = &*configured;
    let json = as_json("plan", args)?;
    let plan = CheckPlan::new(args, clock())?;
    let Some(estimate) = until_interrupted(deadline(args, None)?, estimate(&plan))? else {
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

async fn estimate(plan: &CheckPlan) -> Result<Estimate, Error> {
    let sources = open(plan).await?;
    estimate::estimate(&plan.check, &plan.sources, &sources).await
}

/// Prints every part that a check would read, a line of JSON each.
pub(super) fn parts(args: &CheckArgs, redaction: Option<&Arc<Redaction>>) -> Result<u8, Error> {
    log_to_stderr(args.output.verbose, redaction);
    refuse_if(
        redaction.is_some() || args.output.output.is_some(),
        "--parts: prints lines of JSON with names by which parts are read again: neither --redact nor --output has a meaning \
         with it",
    )?;
    let Some(configured) = configured(args)? else {
        return Ok(INTERRUPTED);
    };
    let plan = CheckPlan::new(&configured, clock())?;
    let Some(lines) = until_interrupted(deadline(args, None)?, part_lines(&plan))? else {
        return Ok(INTERRUPTED);
    };
    let mut text = Vec::new();
    for line in lines {
        let written = serde_json::to_writer(&mut text, &line);
        written.map_err(|error| standard_output(error.into()))?;
        text.push(b'\n');
    }
    print(&text)
}

async fn part_lines(plan: &CheckPlan) -> Result<Vec<PartLine>, Error> {
    let sources = open(plan).await?;
    let ask = Ask {
        window: plan.check.window,
        interfaces: plan.check.interfaces.clone(),
        ..Ask::default()
    };
    let (s3, cwl) = tokio::try_join!(sources.s3.list(&ask), sources.cwl.list(&ask))?;
    Ok([PartLine::all(Side::S3, &s3), PartLine::all(Side::Cwl, &cwl)].concat())
}
