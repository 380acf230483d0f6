//! Opens the source that an address names.

use crate::model::{Error, Side};

use super::cloudwatch::CloudWatch;
use super::files::Files;
use super::s3::S3;
use super::{Address, Source, SourceOptions};

/// Opens an address. Nothing of a live source is read yet: what is wrong with it shows in
/// [`Source::list`].
///
/// # Errors
/// No such path, or no region known for a log group.
pub async fn open(address: &Address, options: &SourceOptions) -> Result<Box<dyn Source>, Error> {
    Ok(match address {
        Address::S3 { bucket, prefix, .. } => {
            Box::new(S3::open(&address.to_string(), bucket, prefix, options).await?)
        }
        Address::Group(group) => Box::new(CloudWatch::open(group, options).await?),
        Address::Path(path) => {
            let path = path.clone();
            Box::new(patiently(options, move |side, ids| Files::open(side, &path, ids)).await?)
        }
        Address::Stdin => Box::new(patiently(options, Files::stdin).await?),
    })
}

/// Opens what may keep one waiting (a pipe that somebody else writes) where it holds up nobody, not even Ctrl-C.
async fn patiently(
    options: &SourceOptions,
    open: impl FnOnce(Side, &[String]) -> Result<Files, Error> + Send + 'static,
) -> Result<Files, Error> {
    let (side, ids) = (options.side, options.flow_log_ids.clone());
    let opened = tokio::task::spawn_blocking(move || open(side, &ids)).await;
    opened.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}
