//! The check: joins the stages. List, read and boil down, look again at what differs, report.
//!
//! Bounds concurrency and memory; decides the verdict.

mod answer;
mod drawn;
mod first;
mod hours;
pub mod kept;
mod nowhere;
mod pass;
mod second;

use std::sync::Arc;

use crate::causes::may_have_expired;
use crate::diff::EveryDifference;
use crate::model::{Error, Side, Sides};
use crate::progress::Progress;
use crate::report::Report;
use crate::source::{Listing, Source};

pub use nowhere::nothing_there;
pub use pass::CONTENTS_WAITING;
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
    ask_what_is_kept(&reader, &screened).await;
    let tell =
        &mut |reader: &CheckSession<'_>, screened: &Screened, explained: &DifferencesFound| {
            if let Some(each) = &mut each {
                each(report(reader, &listings, screened, explained.clone()));
            }
        };
    let explained = explain_until_settled(&mut reader, &mut screened, every, tell).await?;
    Ok(report(&reader, &listings, &screened, explained))
}

/// Asks a bucket for how long it keeps objects, if what it lacks may have expired.
async fn ask_what_is_kept(reader: &CheckSession<'_>, screened: &Screened) {
    let first = Sides::from_fn(|side| screened.sides[side].tally.first_start);
    let Some((s3, cwl)) = first.s3.zip(first.cwl) else {
        return;
    };
    if cwl < s3 && may_have_expired(s3, reader.settle.now) {
        reader.sources.s3.ask_kept_days().await;
    }
}

/// Refuses an address under which there is nothing, while the other side has something: all of that would look missing.
fn refuse_nowhere(check: &Check, listings: &Sides<Listing>) -> Result<(), Error> {
    let has_any = |listing: &Listing| !listing.parts.is_empty() || !listing.unreadable.is_empty();
    let mut lacking = Side::BOTH
        .into_iter()
        .filter(|side| has_any(&listings[side.other()]) && !check.allow_empty);
    let refused = lacking.find_map(|side| nothing_there(side, &listings[side].remarks));
    refused.map_or(Ok(()), Err)
}
