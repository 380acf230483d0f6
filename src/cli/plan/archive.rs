//! Where what a job keeps is to be, or is: a folder of this machine, or one of a bucket.

use std::path::Path;

use crate::archive::ArchivePlace;
use crate::cli::args::ReachArgs;
use crate::job::state::StatePlace;
use crate::model::{Error, Side, Sides};
use crate::source::{Address, SourceOptions};

use super::state::{LEASE, options_of_the_job, refuse_within};
use crate::cli::CheckArgs;

/// Returns where the archive of a job is to be, if one is kept.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub(super) fn archive(
    args: &CheckArgs,
    sources: &Sides<(Address, SourceOptions)>,
) -> Result<Option<ArchivePlace>, Error> {
    let Some(place) = &args.job.archive else {
        return Ok(None);
    };
    let Some(address) = bucket("--archive", place)? else {
        return Ok(Some(ArchivePlace::Folder(place.clone())));
    };
    refuse_within("--archive", &address, sources)?;
    Ok(Some(ArchivePlace::Bucket {
        address,
        options: Box::new(options_of_the_job(args)?),
    }))
}

/// Returns where an archive is that is only looked at or looked after. `name` is what the place was given as.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub fn archive_at(name: &str, place: &Path, reach: &ReachArgs) -> Result<ArchivePlace, Error> {
    Ok(match bucket(name, place)? {
        None => ArchivePlace::Folder(place.to_owned()),
        Some(address) => ArchivePlace::Bucket {
            address,
            options: Box::new(options(reach)),
        },
    })
}

/// Returns where a state is that is only looked at.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub fn state_at(place: &Path, reach: &ReachArgs) -> Result<StatePlace, Error> {
    Ok(match bucket("--state", place)? {
        None => StatePlace::Folder(place.to_owned()),
        Some(address) => StatePlace::Bucket {
            address,
            options: Box::new(options(reach)),
            lease: LEASE,
        },
    })
}

fn options(reach: &ReachArgs) -> SourceOptions {
    let ReachArgs {
        profile,
        region,
        endpoint_url,
    } = reach.clone();
    SourceOptions {
        profile,
        region,
        endpoint_url,
        ..SourceOptions::new(Side::S3)
    }
}

/// Returns the address, if it is a bucket's and not a folder of this machine.
///
/// # Errors
/// [`Error::Usage`] that names the option: it is neither.
pub(super) fn bucket(name: &str, folder: &Path) -> Result<Option<Address>, Error> {
    let text = folder.to_string_lossy();
    if !text.contains("://") && !text.starts_with("arn:") {
        return Ok(None);
    }
    let other = || {
        Error::Usage(format!(
            "{name}: `{text}` is neither a folder of this machine nor `s3://BUCKET/PREFIX`"
        ))
    };
    match text.parse::<Address>() {
        Ok(address @ Address::S3 { .. }) => Ok(Some(address)),
        Ok(Address::Group(_) | Address::Path(_) | Address::Stdin) => Err(other()),
        Err(why) => Err(Error::Usage(format!("{name}: {why}"))),
    }
}
