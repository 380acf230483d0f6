//! The archive of a run: opened before the work starts, added to when what was found is decided.

use std::sync::Arc;
use std::time::Instant;

use crate::archive::{Archive, DAY, History};
use crate::cli::plan::{CheckPlan, Job};
use crate::job::keep::keep;
use crate::job::round::Round;
use crate::job::state::{ArchiveEnd, JobState, StateStore};
use crate::model::Error;
use crate::progress::say;
use crate::render::escape;
use crate::report::redact::Redaction;

use super::complain;
use super::outputs::complete;

/// How many days the page of a job shows.
const HISTORY_DAYS: i64 = 30;

/// The archive of a job, if it has one.
pub(super) struct Archived<'a> {
    archive: Option<Archive>,
    has_receipts: bool,
    plan: &'a CheckPlan,
    redaction: Option<&'a Arc<Redaction>>,
}

impl<'a> Archived<'a> {
    /// Opens it. That earlier runs have kept what this one will not keep is said.
    pub(super) fn open(
        plan: &'a CheckPlan,
        job: &Job,
        state: &JobState,
        redaction: Option<&'a Arc<Redaction>>,
    ) -> Result<Self, Error> {
        if let (None, Some(kept)) = (&job.archive, &state.archive) {
            let folder = escape(&kept.folder().display().to_string());
            say(&format!(
                "flowdiff: without --archive, what is read now will be missing in `{folder}`, where earlier runs have kept it"
            ));
        }
        Ok(Self {
            has_receipts: job.receipts.is_some(),
            archive: job.archive.as_ref().map(Archive::create).transpose()?,
            plan,
            redaction,
        })
    }

    /// Sees that the archive is this job's, and writes what earlier runs have left to write.
    pub(super) fn take_up(&self, state: &mut JobState) -> Result<(), Error> {
        if self.has_receipts {
            state.begin_receipts();
        }
        let archive = self.archive.as_ref();
        archive.map_or(Ok(()), |archive| {
            ArchiveEnd::take_up(&mut state.archive, archive)
        })
    }

    /// Returns the archive.
    pub(super) fn archive(&self) -> Result<&Archive, Error> {
        let none = || Error::Usage("--receipts: needs --archive".to_owned());
        self.archive.as_ref().ok_or_else(none)
    }

    /// Puts what is to stand in the archive into the state.
    pub(super) fn put_down(
        &self,
        state: &mut JobState,
        round: &mut Round,
        began: Instant,
    ) -> Result<(), Error> {
        let Some(kept) = &mut state.archive else {
            return Ok(());
        };
        for look in &mut round.looks {
            complete(self.plan, &mut look.report, began, self.redaction);
        }
        let done = keep(kept, &round.looks, round.at);
        done.map_err(|error| Error::Archive {
            path: kept.folder().to_owned(),
            reason: format!("cannot get a report: {error}"),
            hint: None,
        })
    }

    /// Returns what the job has found in the last days, this round included, if a report is to show it. An archive that is not
    /// whole keeps no report from being written.
    pub(super) fn history(&self, state: &JobState, now: i64) -> Option<History> {
        let drawn = self.plan.reports.iter().any(|(renderer, _)| renderer.drawn);
        let archive = self.archive.as_ref().filter(|_| drawn)?;
        let from = now - HISTORY_DAYS * DAY;
        let mut lines = Vec::new();
        let chain = archive.chain(Some(from), |line, _| lines.push(line));
        let chain = chain
            .inspect_err(|error| complain(error, self.redaction))
            .ok()?;
        if let Some(kept) = &state.archive {
            lines.extend(kept.unwritten().cloned());
        }
        Some(History::of(&lines, Some(from), &chain))
    }

    /// Brings to the archive what the state has for it, once that is saved.
    pub(super) fn write(&self, store: &StateStore, state: &mut JobState) -> Result<(), Error> {
        let (Some(archive), Some(kept)) = (&self.archive, &mut state.archive) else {
            return Ok(());
        };
        if kept.unwritten().next().is_none() {
            return Ok(());
        }
        kept.write(archive)?;
        store.save(state)
    }
}
