//! `--receipts`: after the last window of a day is decided, a receipt of what the S3 side held on it, in the archive.

use crate::archive::{ArchiveLine, History};
use crate::check::Check;
use crate::cli::plan::{CheckPlan, Job};
use crate::digest::KEY;
use crate::digest::receipt::{Beside, ChainLink, Receipt, ReceiptKey};
use crate::job::state::{JobState, StateStore};
use crate::model::window::{Settle, Window};
use crate::model::{Error, Side};
use crate::report::Verdict;

use super::archived::Archived;
use super::proof::holds;
use super::wait::{Until, ended};

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
    pub(super) async fn write(&self, state: &mut JobState, until: &Until) -> Result<(), Error> {
        let Some(key) = &self.job.receipts else {
            return Ok(());
        };
        let heeding = self.archived.heed(until)?;
        while let Some(day) = state.receipt_due() {
            let link = tokio::select! {
                link = self.of(day, state, key) => heeding.outcome(link)?,
                () = ended(until.stop.clone()) => None,
                error = until.limit.passed() => return Err(error),
            };
            let Some(link) = link else {
                return Ok(());
            };
            state.has_receipt(link);
            self.store.save(state)?;
        }
        Ok(())
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
        let check = Check {
            window: day,
            settle: Settle {
                now: self.now,
                ..self.plan.check.settle
            },
            ..self.plan.check.clone()
        };
        let held = holds(&check, (self.plan, Side::S3), &state.fields, key).await?;
        let mut receipt = Receipt::new(held.about, &held.sums, previous, &ReceiptKey::of(key));
        let verdict = self.found_on(day)?;
        receipt.head.beside = Some(Beside {
            source: self.plan.sources[Side::Cwl].0.to_string(),
            verdict: verdict.name().to_owned(),
            exit_code: verdict.exit_code(),
            unequal_buckets: None,
        });
        Ok(receipt)
    }

    /// Returns what the job has found of the day, by the windows that touch it in its archive. It cannot be told if the archive does
    /// not have the day from its beginning to its end.
    fn found_on(&self, day: Window) -> Result<Verdict, Error> {
        let mut lines: Vec<ArchiveLine> = Vec::new();
        let archive = self.archived.archive()?;
        let chain = archive.chain(day.start, |line, _| {
            // A rewind may stand on a line of another day.
            if let Some(to) = line.rewound_to {
                lines.retain(|line| line.window.start < to);
            }
            let window = Window::new(line.window.start, line.window.end);
            if window.overlaps(&day) {
                lines.push(line);
            }
        })?;
        let found = History::of(&lines, None, &chain);
        let is_whole = found.span.is_some_and(|span| {
            day.start.is_some_and(|start| span.start <= start)
                && day.end.is_some_and(|end| end <= span.end)
        });
        let verdict = found.verdict();
        Ok(match verdict == Verdict::Consistent && !is_whole {
            true => Verdict::Unknown,
            false => verdict,
        })
    }
}
