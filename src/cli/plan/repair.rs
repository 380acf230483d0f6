//! Where a cure is to be made, and for what.

use std::path::PathBuf;

use crate::cli::CheckArgs;
use crate::model::{Error, Side, Sides};
use crate::repair::Targets;
use crate::source::{Address, SourceOptions};

/// Returns the folder of a cure and where it is to be brought, if one is asked for.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub(super) fn repair(
    args: &CheckArgs,
    sources: &Sides<(Address, SourceOptions)>,
) -> Result<Option<(PathBuf, Targets)>, Error> {
    let refuse = |why: &str| Err(Error::Usage(why.to_owned()));
    let given = &args.repair;
    let Some(folder) = given.repair.clone() else {
        return match given.repair_s3.is_some() || given.repair_cwl.is_some() {
            true => refuse("--repair-s3 and --repair-cwl are for --repair"),
            false => Ok(None),
        };
    };
    if args.output.redact || args.output.redact_key.is_some() {
        return refuse("--repair: not with --redact: stand-ins are no records");
    }
    if args.job.state.is_some() {
        return refuse("--repair: not with --state: check the window in question by itself");
    }
    let address = |option: &str, text: &Option<String>| {
        let parsed = text.as_ref().map(|text| text.parse::<Address>());
        let parsed = parsed.transpose();
        parsed.map_err(|why| Error::Usage(format!("{option}: {why}")))
    };
    let bucket = match address("--repair-s3", &given.repair_s3)? {
        None => &sources[Side::S3].0,
        Some(ref other @ Address::S3 { .. }) => &other.clone(),
        Some(_) => return refuse("--repair-s3: give a bucket, `s3://bucket/prefix`"),
    };
    let group = match address("--repair-cwl", &given.repair_cwl)? {
        None => &sources[Side::Cwl].0,
        Some(ref other @ Address::Group(_)) => &other.clone(),
        Some(_) => return refuse("--repair-cwl: give a log group, `cwl://group`"),
    };
    let options = &sources[Side::S3].1;
    Ok(Some((
        folder,
        Targets {
            bucket: match bucket {
                Address::S3 { bucket, prefix, .. } => Some((bucket.clone(), above_tree(prefix))),
                Address::Group(_) | Address::Path(_) | Address::Stdin => None,
            },
            is_read_group: *group == sources[Side::Cwl].0,
            group: match group {
                Address::Group(group) => Some(group.clone()),
                Address::S3 { .. } | Address::Path(_) | Address::Stdin => None,
            },
            flow_log: options.flow_log_ids.first().cloned(),
            region: options.region.clone(),
        },
    )))
}

/// Returns what stands before `AWSLogs/` in a prefix, ending with a slash if it is anything.
fn above_tree(prefix: &str) -> String {
    let above = prefix.split("AWSLogs").next().unwrap_or(prefix);
    match above.is_empty() || above.ends_with('/') {
        true => above.to_owned(),
        false => format!("{above}/"),
    }
}
