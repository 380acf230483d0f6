//! What was typed of an export, checked.

use super::{address, seconds, time};
use crate::cli::ExportArgs;
use crate::estimate::ExportPlan;
use crate::model::Error;
use crate::source::Address;

/// Where keys begin if nothing is said.
const PREFIX: &str = "exportedlogs";

/// Checks what was typed. `now` is the clock, in Unix seconds.
///
/// # Errors
/// [`Error::Usage`] that names the option and the value.
pub fn export_plan(args: &ExportArgs, now: i64) -> Result<ExportPlan, Error> {
    let refuse = |why: String| Err(Error::Usage(why));
    let Address::Group(group) = address("GROUP", Some(&args.group))? else {
        return refuse(format!(
            "GROUP: `{}` is no log group: cwl://NAME or an ARN",
            args.group
        ));
    };
    let Address::S3 { bucket, prefix, .. } = address("--to", Some(&args.to))? else {
        return refuse(format!(
            "--to: `{}` is no bucket: s3://BUCKET/PREFIX",
            args.to
        ));
    };
    let (since, until) = (
        time("--since", &args.since, now)?,
        time("--until", &args.until, now)?,
    );
    if since >= until {
        return refuse("the window is empty: --since must be before --until".to_owned());
    }
    let step = seconds("--step", &args.step)?;
    if step < 1 {
        return refuse("--step: must be at least 1s".to_owned());
    }
    let prefix = prefix.trim_end_matches('/');
    Ok(ExportPlan {
        region: args
            .region
            .clone()
            .or_else(|| group.region().map(str::to_owned)),
        group,
        bucket,
        prefix: if prefix.is_empty() { PREFIX } else { prefix }.to_owned(),
        window: (since, until),
        step,
    })
}
