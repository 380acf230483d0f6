//! Rechecks: what differs is looked at again and again while it may still arrive.

use std::sync::Arc;

use crate::causes::Cause;
use crate::model::{Error, Side, Sides};

use super::question::Unresolved;
use super::{DifferencesFound, explain};
use crate::check::first::Screened;
use crate::check::pass::reader::CheckSession;
use crate::diff::EveryDifference;

/// What is given what a look has found.
pub(in crate::check) type Tell<'a> =
    dyn FnMut(&CheckSession<'_>, &Screened, &DifferencesFound) + 'a;

/// Looks a second time at whatever differs, and then as often as the check asks for while anything is pending. What is
/// missing is looked for along with what is pending: it may arrive late as well.
///
/// `every` is given the differences of the last look; `tell` what each look has found that a wait follows, or a last one that fails.
///
/// # Errors
/// As of [`explain`]; but if a source cannot be listed at a recheck, what the look before found stands, and the report says so.
pub(in crate::check) async fn explain_until_settled(
    reader: &mut CheckSession<'_>,
    screened: &mut Screened,
    mut every: Option<&mut EveryDifference<'_>>,
    tell: &mut Tell<'_>,
) -> Result<DifferencesFound, Error> {
    let recheck = reader.check.recheck;
    let Some(question) = Unresolved::of(screened) else {
        return Ok(DifferencesFound::nothing(reader.check.max_evidence));
    };
    // Which look is the last is not known before it is over, unless nothing in question is young.
    let times = match may_settle(screened, &question) {
        true => recheck.times,
        false => 0,
    };
    let first = if times == 0 { every.take() } else { None };
    let mut explained = explain(reader, screened, question, reader.settle.now, first).await?;
    // What arrived between the first two looks was on its way when it was first asked for: nobody called it a leftover.
    explained.late = Sides::default();
    let (mut rounds, mut failed) = (0, None);
    while rounds < times && explained.outcome.is_pending() {
        rounds += 1;
        tracing::info!(round = rounds, of = times, wait = ?recheck.every, "records are pending: reading again after a wait");
        tell(reader, screened, &explained);
        reader.progress.wait(rounds, times, recheck.every);
        tokio::time::sleep(recheck.every).await;
        match again(reader, screened, &explained, None).await {
            Ok(later) => {
                explained = later;
                explained.rechecks = rounds;
            }
            Err(error @ Error::Source { .. }) => {
                failed = Some(Cause::RecheckFailed {
                    number: rounds,
                    of: times,
                    error: error.to_string(),
                });
                break;
            }
            Err(error) => return Err(error),
        }
    }
    // One that failed was no look.
    let looks = explained.rechecks;
    if every.is_some() {
        let last = again(reader, screened, &explained, every).await;
        if last.is_err() {
            // What is known is not lost with it.
            tell(reader, screened, &explained);
        }
        explained = last?;
        explained.rechecks = looks;
    }
    explained.causes.extend(failed);
    if looks > 0 {
        explained.causes.push(Cause::Rechecked {
            times: looks,
            wait: recheck.every,
            late: explained.late.s3.records + explained.late.cwl.records,
        });
    }
    Ok(explained)
}

/// Looks at what was left, by the clock of now.
async fn again(
    reader: &mut CheckSession<'_>,
    screened: &mut Screened,
    before: &DifferencesFound,
    every: Option<&mut EveryDifference<'_>>,
) -> Result<DifferencesFound, Error> {
    let last = reader.settle.now;
    reader.refresh_clock();
    screened.rules = Arc::new(reader.rules_again(&screened.rules));
    let mut explained = explain(reader, screened, before.left.clone(), last, every).await?;
    for side in Side::BOTH {
        explained.arrivals[side] += before.arrivals[side];
        explained.late[side].records += before.late[side].records;
        explained.late[side].delays.merge(&before.late[side].delays);
    }
    Ok(explained)
}

/// Tells whether anything in question was young at the first look.
fn may_settle(screened: &Screened, question: &Unresolved) -> bool {
    let young = |side: Side, id| screened.digests[side].ledger.sums(id).young > 0;
    let mut buckets = question.buckets().into_iter();
    buckets.any(|id| young(Side::S3, id) || young(Side::Cwl, id))
}
