//! Says whether a check could run (`doctor`).

use std::borrow::Cow;
use std::sync::Arc;

use crate::cli::plan::{CheckPlan, deadline, flow_logs};
use crate::cli::{CheckArgs, plan};
use crate::doctor::{self, Diagnosis};
use crate::model::{Error, Side, Sides};
use crate::report::redact::Redaction;

use super::log::log_to_stderr;
use super::print::{as_json, json_text, paint, print};
use super::wait::until_interrupted;
use super::{INTERRUPTED, clock, showable};

/// Looks at everything, prints it, and returns the exit code.
pub(super) fn run(args: &CheckArgs, redaction: Option<&Arc<Redaction>>) -> Result<u8, Error> {
    log_to_stderr(args.output.verbose, redaction);
    let json = as_json("doctor", args)?;
    let Some(diagnosis) = until_interrupted(deadline(args, None)?, diagnose(args))? else {
        return Ok(INTERRUPTED);
    };
    let diagnosis = diagnosis.map_texts(&|text| showable(text, redaction));
    if !args.output.quiet {
        match json {
            true => print(&json_text(&diagnosis)?)?,
            false => print(doctor::text(&diagnosis, paint(args.output.color)).as_bytes())?,
        };
    }
    Ok(diagnosis.exit_code)
}

/// Unlike with other commands, that flow logs cannot be had is an answer and no trouble.
async fn diagnose(args: &CheckArgs) -> Result<Diagnosis, Error> {
    let args = match flow_logs::asked(args)? {
        None => Cow::Borrowed(args),
        Some(asked) => match flow_logs::ask(args, &asked).await {
            Ok(configured) => Cow::Owned(configured),
            Err(error) => {
                let options = Sides {
                    s3: plan::options(args, Side::S3)?,
                    cwl: plan::options(args, Side::Cwl)?,
                };
                return Ok(doctor::without_sources(&options, &error).await);
            }
        },
    };
    let plan = CheckPlan::new(&args, clock())?;
    Ok(doctor::diagnose(&plan.check, &plan.sources).await)
}
