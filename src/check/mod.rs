//! The check: joins the stages. List, read and boil down, look again at what differs, report.
//!
//! Bounds concurrency and memory; decides the verdict.

mod answer;
mod drawn;
mod first;
mod hours;
pub mod kept;
mod pass;
mod second;

use std::sync::Arc;

use crate::diff::EveryDifference;
use crate::model::{Error, Side, Sides};
use crate::progress::Progress;
use crate::report::Report;
use crate::source::{Listing, Remark, Source};

pub use pass::check::{Check, Recheck};
pub use pass::fields::Selection;
pub use pass::others::Others;

use answer::report;
use first::{Screened, screen};
use pass::reader::CheckSession;
use second::DifferencesFound;
use second::recheck::explain_until_settled;

/// Compares two sources.
///
/// `every` is given each difference as it is confirmed, uncapped, in the order of findings as long as they fit the
/// memory bound.
///
/// # Errors
/// What stops a run. What is wrong with the data is in the report.
pub async fn run(
    check: &Check,
    sources: &Sides<Arc<dyn Source>>,
    progress: &Progress,
    every: Option<&mut EveryDifference<'_>>,
) -> Result<Report, Error> {
    run_telling(check, sources, progress, every, None).await
}

/// What takes the report of each look that a recheck follows, before the wait.
pub type EachLook<'a> = dyn FnMut(Report) + Send + 'a;

/// The same as [`run`], and gives `each` what is known before each wait for late records.
///
/// # Errors
/// As of [`run`].
pub async fn run_telling(
    check: &Check,
    sources: &Sides<Arc<dyn Source>>,
    progress: &Progress,
    every: Option<&mut EveryDifference<'_>>,
    mut each: Option<&mut EachLook<'_>>,
) -> Result<Report, Error> {
    let mut reader = CheckSession::new(check, sources, progress);
    progress.phase("listing");
    let listings = reader.list(false).await?;
    refuse_nowhere(check, &listings)?;
    reader.limit_memory_for(&listings);
    reader.refresh_clock();
    let mut screened = screen(&reader, &listings).await?;
    let tell =
        &mut |reader: &CheckSession<'_>, screened: &Screened, explained: &DifferencesFound| {
            if let Some(each) = &mut each {
                each(report(reader, &listings, screened, explained.clone()));
            }
        };
    let explained = explain_until_settled(&mut reader, &mut screened, every, tell).await?;
    Ok(report(&reader, &listings, &screened, explained))
}

/// Refuses an address under which there is nothing, while the other side has something: all of that would look missing.
fn refuse_nowhere(check: &Check, listings: &Sides<Listing>) -> Result<(), Error> {
    Side::BOTH.into_iter().try_for_each(|side| {
        let other = &listings[side.other()];
        let has_any = !other.parts.is_empty() || !other.unreadable.is_empty();
        refuse_nothing(check, (side, &listings[side]), has_any)
    })
}

/// The same of one side.
fn refuse_nothing(
    check: &Check,
    (side, listing): (Side, &Listing),
    other_has_any: bool,
) -> Result<(), Error> {
    let mut remarks = listing.remarks.iter();
    let nowhere = remarks.find_map(|remark| {
        let Remark::Nothing { address, nearest } = remark else {
            return None;
        };
        Some((address, nearest.as_ref()?))
    });
    match nowhere.filter(|_| other_has_any && !check.allow_empty) {
        None => Ok(()),
        Some((address, nearest)) => Err(Error::Source {
            side,
            address: address.clone(),
            reason: "there is nothing under it".to_owned(),
            hint: Some(format!(
                "did you mean `{nearest}`? Where nothing has been delivered yet: --allow-empty"
            )),
        }),
    }
}
