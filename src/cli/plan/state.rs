//! Where a job's state is to be kept.

use std::time::Duration;

use super::archive::bucket;
use super::times::seconds;
use crate::cli::CheckArgs;
use crate::job::state::{LONGEST_LEASE, StatePlace};
use crate::model::{Error, Side, Sides};
use crate::source::{Address, SourceOptions};

/// The lease of a state in a bucket, if nothing is said.
pub(super) const LEASE: Duration = Duration::from_secs(60);

/// Returns where the state is kept, if it is to be kept.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub(super) fn place(
    args: &CheckArgs,
    sources: &Sides<(Address, SourceOptions)>,
) -> Result<Option<StatePlace>, Error> {
    let Some(folder) = &args.job.state else {
        return Ok(None);
    };
    let Some(address) = bucket("--state", folder)? else {
        return match args.job.lease {
            Some(_) => Err(Error::Usage(
                "--lease: a state in a folder of this machine has a lock, which goes with its process".to_owned(),
            )),
            None => Ok(Some(StatePlace::Folder(folder.clone()))),
        };
    };
    refuse_within("--state", &address, sources)?;
    let lease = match &args.job.lease {
        None => LEASE,
        Some(text) => match seconds("--lease", text)?.cast_unsigned() {
            lease @ 1..=LONGEST_LEASE => Duration::from_secs(lease),
            _ => return Err(Error::Usage("--lease: must be from 1s to 1d".to_owned())),
        },
    };
    let options = options_of_the_job(args)?;
    let options = SourceOptions {
        // Within a lease there is time for another attempt.
        timeout: options.timeout.min(lease / 4).max(Duration::from_secs(1)),
        ..options
    };
    Ok(Some(StatePlace::Bucket {
        address,
        options: Box::new(options),
        lease,
    }))
}

/// Returns how a bucket is reached that is no side's, but the job's own: what is said of a side goes for what that side reads.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub(super) fn options_of_the_job(args: &CheckArgs) -> Result<SourceOptions, Error> {
    let (common, timeout) = (&args.sides.1, seconds("--timeout", &args.limits.timeout)?);
    Ok(SourceOptions {
        profile: common.profile.clone(),
        region: common.region.clone(),
        endpoint_url: common.endpoint_url.clone(),
        timeout: Duration::from_secs(timeout.unsigned_abs()),
        ..SourceOptions::new(Side::S3)
    })
}

/// Refuses a place within a source: what is kept there would be read as logs.
///
/// # Errors
/// [`Error::Usage`] that names the option and the source.
pub(super) fn refuse_within(
    option: &str,
    address: &Address,
    sources: &Sides<(Address, SourceOptions)>,
) -> Result<(), Error> {
    let Some(source) = sources_around(address, sources) else {
        return Ok(());
    };
    Err(Error::Usage(format!(
        "{option}: `{address}` lies within the source `{source}`, whose objects are read as logs: give a place beside it, such as \
         another bucket"
    )))
}

/// Returns the source that the place would lie in.
fn sources_around<'a>(
    kept: &Address,
    sources: &'a Sides<(Address, SourceOptions)>,
) -> Option<&'a Address> {
    let place = |address: &Address| match address {
        Address::S3 { bucket, prefix, .. } => {
            let prefix = prefix.trim_end_matches('/');
            let slash = if prefix.is_empty() { "" } else { "/" };
            Some((bucket.clone(), format!("{prefix}{slash}")))
        }
        Address::Group(_) | Address::Path(_) | Address::Stdin => None,
    };
    let (bucket, folder) = place(kept)?;
    Side::BOTH
        .iter()
        .map(|&side| &sources[side].0)
        .find(|source| {
            place(source).is_some_and(|(of, within)| of == bucket && folder.starts_with(&within))
        })
}
