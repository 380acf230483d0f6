//! Says what a check would read (`plan`, `check --plan`).

use std::sync::Arc;

use crate::cli::CheckArgs;
use crate::cli::plan::{CheckPlan, deadline};
use crate::estimate::{self, Estimate};
use crate::model::Error;
use crate::report::redact::Redaction;

use super::log::log_to_stderr;
use super::print::{as_json, json_text, print, standard_output};
use super::wait::until_interrupted;
use super::{INTERRUPTED, clock, configured, open};

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
