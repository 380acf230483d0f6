//! The self-test: situations made up from seeds, written in every form that logs come in, checked, and the report
//! compared with the truth.
//!
//! The truth is known before anything is written, and is told by counting copies one by one: nothing of it comes from
//! what is tested. A seed gives the same situation for ever.

mod compare;
mod delivered;
mod fate;
mod form;
mod layouts;
mod part;
mod random;
mod record;
mod sets;
mod situation;
mod traffic;
mod truth;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::{Builder, Runtime};

use crate::check;
use crate::check::{Check, Others, Recheck, Selection};
use crate::diff::EveryDifference;
use crate::digest::Fingerprints;
use crate::model::{Error, Side, Sides};
use crate::progress::{Mode, Progress};
use crate::report::Report;
use crate::source;
use crate::source::{Address, Source, SourceOptions};

use compare::TruthComparison;
use delivered::Delivered;
use situation::Situation;
use truth::Truth;

/// The seconds of a slot: what a delivered object holds.
const SLOT: i64 = 300;

/// As much evidence as there can be, but for situations of thousands of differences.
const ALL_EVIDENCE: usize = 1_500;

/// Of so many seeds one is asked once more in another way.
const ANOTHER_WAY: u64 = 4;

/// So little that sketches tell next to nothing, buckets have no line of their own and copies go through the disk.
const NEXT_TO_NO_MEMORY: u64 = 8 << 10;

/// Of so many seeds one is read from files instead of from memory, if files can hold it.
const FROM_FILES: u64 = 8;

/// What a run of the self-test came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelftestOutcome {
    /// How many situations were checked.
    pub seeds: u64,
    /// How many numbers and rows of their reports were compared with the truth.
    pub checks: u64,
    /// The seeds whose report is not the truth, in order, with what is wrong.
    pub failed: Vec<(u64, Vec<String>)>,
}

/// Checks the situations of these seeds, on as many threads as there are processors. Nothing but a temporary folder is
/// written, and nothing leaves the machine.
///
/// # Errors
/// A thread or the temporary folder cannot be had.
pub fn run(first: u64, seeds: u64) -> io::Result<SelftestOutcome> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let next = AtomicU64::new(0);
    let worker = || -> io::Result<SelftestOutcome> {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(2)
            .build()?;
        let mut outcome = SelftestOutcome::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= seeds {
                return Ok(outcome);
            }
            let seed = first.wrapping_add(number);
            let compared = one(seed, &runtime)?;
            outcome.seeds += 1;
            outcome.checks += compared.checks;
            if !compared.wrong.is_empty() {
                outcome.failed.push((seed, compared.wrong));
            }
        }
    };
    let outcomes = std::thread::scope(|scope| -> io::Result<Vec<SelftestOutcome>> {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(|worker| {
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        joined.collect()
    })?;
    let mut all = SelftestOutcome::default();
    for outcome in outcomes {
        all.seeds += outcome.seeds;
        all.checks += outcome.checks;
        all.failed.extend(outcome.failed);
    }
    all.failed.sort();
    Ok(all)
}

/// Says what a seed's situation is, for whoever looks into a failure.
pub fn describe(seed: u64) -> String {
    let (situation, _, truth) = made_up(seed);
    format!("{situation:#?}\n{truth:#?}")
}

/// Makes up a seed's situation, what of it is delivered, and the truth about it.
fn made_up(seed: u64) -> (Situation, Sides<Delivered>, Truth) {
    let mut situation = Situation::of(seed);
    let mut delivered = Delivered::both(&situation, seed);
    let mut truth = Truth::of(&situation, &delivered);
    // Nobody promises to see what comes to a record that did not differ, and nobody that it is overlooked.
    if truth.arrives_unseen {
        situation.let_nothing_be_late();
        delivered = Delivered::both(&situation, seed);
        truth = Truth::of(&situation, &delivered);
    }
    (situation, delivered, truth)
}

fn one(seed: u64, runtime: &Runtime) -> io::Result<TruthComparison> {
    let (situation, delivered, truth) = made_up(seed);
    let mut compared = TruthComparison::default();
    let check = check_of(&situation, seed);
    let from_files = seed.is_multiple_of(FROM_FILES) && situation.is_offline();
    let again = seed % ANOTHER_WAY == 1;
    let report = if from_files {
        let folder = tempfile::Builder::new()
            .prefix("flowdiff-selftest-")
            .tempdir()?;
        for side in Side::BOTH {
            delivered[side].write(&folder.path().join(side.name()))?;
        }
        runtime.block_on(async {
            let open = |side: Side| {
                let address = Address::Path(folder.path().join(side.name()));
                let picked = situation.flow_log.filter(|_| side == Side::S3);
                let options = SourceOptions {
                    flow_log_ids: picked.map(str::to_owned).into_iter().collect(),
                    ..SourceOptions::new(side)
                };
                async move { source::open(&address, &options).await }
            };
            let sources = Sides {
                s3: open(Side::S3).await?.into(),
                cwl: open(Side::Cwl).await?.into(),
            };
            ask(&check, &sources, None).await
        })
    } else {
        let sources = in_memory(Delivered::both(&situation, seed));
        runtime.block_on(ask(&check, &sources, None))
    };
    match report {
        Err(error) => compared.equal(
            || "the error".to_owned(),
            &error.to_string(),
            &String::new(),
        ),
        Ok(report) => {
            compared.report(&report, &truth, &situation, &delivered);
            if again {
                another_way(
                    &check,
                    &report,
                    Delivered::both(&situation, seed),
                    seed,
                    runtime,
                    &mut compared,
                );
            }
        }
    }
    Ok(compared)
}

fn in_memory(delivered: Sides<Delivered>) -> Sides<Arc<dyn Source>> {
    Sides {
        s3: Arc::new(delivered.s3.source()),
        cwl: Arc::new(delivered.cwl.source()),
    }
}

async fn ask(
    check: &Check,
    sources: &Sides<Arc<dyn Source>>,
    every: Option<&mut EveryDifference<'_>>,
) -> Result<Report, Error> {
    check::run(check, sources, &Progress::new(Mode::Silent), every).await
}

/// Another key, other limits, every difference written out: the same answer.
fn another_way(
    check: &Check,
    report: &Report,
    delivered: Sides<Delivered>,
    seed: u64,
    runtime: &Runtime,
    compared: &mut TruthComparison,
) {
    let other = Check {
        key: Fingerprints::seeded(!seed),
        concurrency: 1 + usize::try_from(seed % 7).unwrap_or(0),
        memory: if seed.is_multiple_of(3) {
            200 << 20
        } else {
            NEXT_TO_NO_MEMORY
        },
        ..check.clone()
    };
    let mut written: u64 = 0;
    let every: &mut EveryDifference<'_> = &mut |_, _, _| {
        written += 1;
        Ok(())
    };
    let same = runtime.block_on(ask(&other, &in_memory(delivered), Some(every)));
    let counts = &report.counts;
    let both = |sides: Sides<u64>| sides.s3 + sides.cwl;
    let differences = counts.divergent
        + both(counts.missing)
        + both(counts.surplus)
        + both(counts.pending)
        + both(counts.undetermined);
    compared.equal(
        || "the number of differences written out".to_owned(),
        &written,
        &differences,
    );
    match same {
        // Where it was read is all that may differ.
        Ok(same) => {
            let told = |report: &Report| {
                let (findings, troubles) = (report.findings.clone(), report.troubles.clone());
                (report.counts, findings, troubles, report.verdict)
            };
            compared.equal(
                || "the report under another key".to_owned(),
                &told(&same),
                &told(report),
            );
        }
        Err(error) => compared.equal(
            || "the error".to_owned(),
            &error.to_string(),
            &String::new(),
        ),
    }
}

fn check_of(situation: &Situation, seed: u64) -> Check {
    Check {
        window: situation.window,
        settle: situation.settle,
        recheck: Recheck::default(),
        by_hour: false,
        drawn: false,
        formed: false,
        fields: Selection::of(situation.only.clone(), situation.ignored.clone()),
        interfaces: situation.interfaces.clone(),
        others: Others::default(),
        ignore_nodata: situation.ignore_nodata,
        allow_empty: situation.allow_empty,
        formats: situation.formats.clone(),
        flow_logs: None,
        counted: None,
        max_evidence: ALL_EVIDENCE,
        all_differences: None,
        concurrency: 4,
        memory: 64 << 20,
        key: Fingerprints::seeded(seed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_the_truth() {
        let outcome = run(0, 100).unwrap();
        assert_eq!(outcome.failed, []);
        assert!(outcome.seeds == 100 && outcome.checks > 1_000);
    }
}
