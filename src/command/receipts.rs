//! `--receipts`: after the last window of a day is decided, a receipt of what the S3 side held on it, in the archive.

use std::sync::Arc;

use tokio::sync::watch::Receiver;

use crate::archive::History;
use crate::check::Check;
use crate::check::kept::DigestSpec;
use crate::check::kept::receipt::held;
use crate::cli::plan::{CheckPlan, Job, by_stream, store as store_of};
use crate::digest::receipt::{Beside, ChainLink, Receipt, ReceiptKey};
use crate::digest::{Algorithm, Fingerprints, KEY};
use crate::job::state::{JobState, StateStore};
use crate::model::window::{Settle, Window};
use crate::model::{Error, Side};
use crate::progress::{Mode, Progress};
use crate::source;

use super::archived::Archived;
use super::job::{ended, stop_signal};
use super::wait::{TimeLimit, runtime};

/// What the receipts of a job are written with.
pub(super) struct DailyReceipts<'a> {
    pub(super) plan: &'a CheckPlan,
    pub(super) job: &'a Job,
    pub(super) archived: &'a Archived<'a>,
    pub(super) store: &'a StateStore,
    /// The clock of the round.
    pub(super) now: i64,
}

impl DailyReceipts<'_> {
    /// Writes those that are due, until a signal comes or the time is over: the next round writes the others.
    ///
    /// # Errors
    /// One cannot be made or kept, or the time is over: the next round tries again.
    pub(super) async fn write(
        &self,
        state: &mut JobState,
        stop: &Receiver<Option<u8>>,
        limit: TimeLimit,
    ) -> Result<(), Error> {
        let Some(key) = &self.job.receipts else {
            return Ok(());
        };
        while let Some(day) = state.receipt_due() {
            let link = tokio::select! {
                link = self.of(day, state, key) => link?,
                () = ended(stop.clone()) => return Ok(()),
                error = limit.passed() => return Err(error),
            };
            state.has_receipt(link);
            self.store.save(state)?;
        }
        Ok(())
    }

    /// The same on threads of its own.
    ///
    /// # Errors
    /// As of [`Self::write`].
    pub(super) fn write_and_wait(
        &self,
        state: &mut JobState,
        limit: TimeLimit,
    ) -> Result<(), Error> {
        if self.job.receipts.is_none() || state.receipt_due().is_none() {
            return Ok(());
        }
        let runtime = runtime()?;
        let written = runtime.block_on(async {
            let stop = stop_signal()?;
            self.write(state, &stop, limit).await
        });
        runtime.shutdown_background();
        written
    }

    /// Makes the receipt of a day and keeps it, unless a run that was killed has; returns its place in the chain.
    async fn of(&self, day: Window, state: &JobState, key: &[u8; KEY]) -> Result<ChainLink, Error> {
        let archive = self.archived.archive()?;
        let previous = state.receipts.as_ref().and_then(|it| it.last.as_ref());
        let first = day.start.unwrap_or_default();
        if let Some(file) = archive.receipt(first)? {
            let known = Receipt::read(&file, key).and_then(|receipt| {
                let link = ChainLink::of(&receipt, &file);
                let is_next = link.previous.as_ref() == previous.map(|last| &last.hash)
                    && Window::from(receipt.head.about.window) == day;
                is_next
                    .then_some(link)
                    .ok_or_else(|| "it is of another chain".to_owned())
            });
            return known.map_err(|why| archive.refuse_receipt(first, &why));
        }
        let receipt = self.made(day, state, (key, previous)).await?;
        let mut file = Vec::new();
        let written = receipt.write(&ReceiptKey::of(key), &mut file);
        written.map_err(|error| archive.refuse_receipt(first, &error.to_string()))?;
        archive.keep_receipt(first, &file)?;
        Ok(ChainLink::of(&receipt, &file))
    }

    /// Reads the S3 side of a day once more.
    async fn made(
        &self,
        day: Window,
        state: &JobState,
        (key, previous): (&[u8; KEY], Option<&ChainLink>),
    ) -> Result<Receipt, Error> {
        let (address, options) = &self.plan.sources[Side::S3];
        let mut options = options.clone();
        by_stream(&mut options);
        let source = source::open(address, &options).await?;
        let spec = DigestSpec {
            side: Side::S3,
            algorithm: Algorithm::Blake3,
            key: Some(*key),
            differences: 0,
            store: store_of(address),
            is_pipe: false,
            flow_log_ids: options.flow_log_ids.iter().cloned().collect(),
            all_streams: false,
            sample: false,
        };
        let check = Check {
            window: day,
            settle: Settle {
                now: self.now,
                ..self.plan.check.settle
            },
            key: Fingerprints::seeded(0),
            ..self.plan.check.clone()
        };
        let (key, progress) = (ReceiptKey::of(key), Progress::new(Mode::Silent));
        let spec = (&spec, &state.fields);
        let held = held(&check, spec, Arc::from(source), &key, &progress).await?;
        let mut receipt = Receipt::new(held.about, &held.sums, previous, &key);
        let verdict = self.found_on(day)?.verdict();
        receipt.head.beside = Some(Beside {
            source: self.plan.sources[Side::Cwl].0.to_string(),
            verdict: verdict.name().to_owned(),
            exit_code: verdict.exit_code(),
            unequal_buckets: None,
        });
        Ok(receipt)
    }

    /// Returns what the job has found of the day, by its archive.
    fn found_on(&self, day: Window) -> Result<History, Error> {
        let mut lines = Vec::new();
        let archive = self.archived.archive()?;
        let chain = archive.chain(day.start, |line, _| {
            let window = Window::new(line.window.start, line.window.end);
            if window.overlaps(&day) {
                lines.push(line);
            }
        })?;
        Ok(History::of(&lines, None, &chain))
    }
}
