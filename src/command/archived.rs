//! The archive of a run: opened before the work starts, added to when what was found is decided.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

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
use super::wait::{Until, ended};

/// For how long after a signal the archive is still waited for: what is written now the next run need not write.
const GRACE: Duration = Duration::from_secs(2);

/// How many days the page of a job shows.
const HISTORY_DAYS: i64 = 30;

/// The archive of a job, if it has one.
pub(super) struct Archived<'a> {
    archive: Option<Arc<Archive>>,
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
        let archive = job.archive.as_ref().map(Archive::create);
        Ok(Self {
            has_receipts: job.receipts.is_some(),
            archive: archive.transpose()?.map(Arc::new),
            plan,
            redaction,
        })
    }

    /// Sees that the archive is this job's, and writes what earlier runs have left to write. `None` if a signal has ended that.
    pub(super) fn take_up(&self, state: &mut JobState, until: &Until) -> Result<Option<()>, Error> {
        if self.has_receipts {
            state.begin_receipts();
        }
        let Some(archive) = &self.archive else {
            return Ok(Some(()));
        };
        let heeding = Heeding::begin(archive, until);
        heeding.outcome(ArchiveEnd::take_up(&mut state.archive, archive))
    }

    /// Returns the archive.
    pub(super) fn archive(&self) -> Result<&Arc<Archive>, Error> {
        let none = || Error::Usage("--receipts: needs --archive".to_owned());
        self.archive.as_ref().ok_or_else(none)
    }

    /// Waits for the archive no longer than until a signal comes or the time is over.
    pub(super) fn heed(&self, until: &Until) -> Result<Heeding, Error> {
        Ok(Heeding::begin(self.archive()?, until))
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
    pub(super) fn history(&self, state: &JobState, now: i64, until: &Until) -> Option<History> {
        let drawn = self.plan.reports.iter().any(|(renderer, _)| renderer.drawn);
        let archive = self.archive.as_ref().filter(|_| drawn)?;
        let heeding = Heeding::begin(archive, until);
        let from = now - HISTORY_DAYS * DAY;
        let mut lines = Vec::new();
        let chain = archive.chain(Some(from), |line, _| lines.push(line));
        let chain = heeding.outcome(chain);
        let chain = chain
            .inspect_err(|error| complain(error, self.redaction))
            .ok()??;
        if let Some(kept) = &state.archive {
            lines.extend(kept.unwritten().cloned());
        }
        Some(History::of(&lines, Some(from), &chain))
    }

    /// Brings to the archive what the state has for it, once that is saved. `None` if a signal has ended that: as after any error
    /// the state keeps it, and the next run writes what is not there.
    pub(super) fn write(
        &self,
        store: &StateStore,
        state: &mut JobState,
        until: &Until,
    ) -> Result<Option<()>, Error> {
        let (Some(archive), Some(kept)) = (&self.archive, &mut state.archive) else {
            return Ok(Some(()));
        };
        if kept.unwritten().next().is_none() {
            return Ok(Some(()));
        }
        let heeding = Heeding::begin(archive, until);
        match heeding.outcome(kept.write(archive))? {
            Some(()) => store.save(state).map(Some),
            None => Ok(None),
        }
    }
}

/// While it lives, what waits for the archive is given up a while after a signal, or once the time is over.
pub(super) struct Heeding {
    archive: Arc<Archive>,
    until: Until,
    /// Whether it lives no more.
    is_over: Arc<Mutex<bool>>,
    task: JoinHandle<()>,
}

impl Heeding {
    fn begin(archive: &Arc<Archive>, until: &Until) -> Self {
        let is_over = Arc::new(Mutex::new(false));
        let (given_up, wait, over) = (Arc::clone(archive), until.clone(), Arc::clone(&is_over));
        let task = tokio::spawn(async move {
            let signal = async {
                ended(wait.stop).await;
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                () = signal => {}
                _ = wait.limit.passed() => {}
            }
            // What comes after it must not be given up.
            let is_over = over.lock().unwrap_or_else(PoisonError::into_inner);
            if !*is_over {
                given_up.give_up(true);
            }
        });
        Self {
            archive: Arc::clone(archive),
            until: until.clone(),
            is_over,
            task,
        }
    }

    /// Returns what came of something that was waited for; `None` if it was given up after a signal.
    ///
    /// # Errors
    /// The time was over, or what the work says.
    pub(super) fn outcome<T>(&self, done: Result<T, Error>) -> Result<Option<T>, Error> {
        match done {
            Err(_) if self.archive.is_given_up() => match self.until.signal() {
                Some(_) => Ok(None),
                None => Err(self
                    .until
                    .limit
                    .error("the archive was waited for; the next run writes there what lacks")),
            },
            done => done.map(Some),
        }
    }
}

impl Drop for Heeding {
    fn drop(&mut self) {
        self.task.abort();
        let mut is_over = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        *is_over = true;
        self.archive.give_up(false);
    }
}
