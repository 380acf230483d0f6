//! A round: one run of a scheduled job. What is open is looked at again, then the windows that are due are read,
//! oldest first, and all of it is told in one report.
//!
//! A round changes only the state in memory. Whoever runs it writes the report first and saves the state after, so that
//! nothing is decided that has not been reported; see docs/jobs.md, "In a scheduled job".

mod second;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use second::{decided, of_second_look};

use super::keep::WindowLook;
use super::state::{ArrivedLate, GiveUp, JobState, Reconciled, again, due};
use crate::archive::Look;
use crate::causes::{Cause, Why};
use crate::check;
use crate::check::Check;
use crate::diff::EveryDifference;
use crate::model::window::{Settle, Window, rfc3339, slot};
use crate::model::{Counts, Error, Side, Sides};
use crate::progress::Progress;
use crate::report::held::HeldOverTime;
use crate::report::{JobSummary, Report, SideSummary, Verdict, WindowResult, join};
use crate::source::Source;

/// So much of the evidence of a look is held, to know what was reported from what was not. More is told by number.
const HELD_EVIDENCE: usize = 10_000;

/// So many windows may go by after what has settled, without any being due, before that is said to be no answer.
const ROUNDS: i64 = 2;

/// A job as it was asked for.
#[derive(Clone, Debug)]
pub struct JobSpec {
    /// What is asked of each look; its window and clock are set for each.
    pub check: Check,
    /// The length of a window in seconds, a multiple of a slot.
    pub step: i64,
    /// How many windows a round reads for the first time.
    pub max_windows: usize,
    /// How long after its `end` an undecided record is looked for, in seconds.
    pub give_up: i64,
    /// Where the whole job ends, if anywhere.
    pub until: Option<i64>,
    /// Whether each look is to be kept by itself.
    pub keeps_looks: bool,
}

/// What came of a round.
#[derive(Debug)]
pub struct Round {
    /// What was found out, also if not everything could be. `None` if nothing was, because nothing could be read or the
    /// round was stopped before: a report would have zeros where nobody has counted.
    pub report: Option<Report>,
    /// What could not be read at all, if anything.
    pub trouble: Option<Error>,
    /// When it began, in Unix seconds.
    pub at: i64,
    /// Whether the round was stopped before its end.
    pub stopped: bool,
    /// The looks that decided something, in order, if they are to be kept.
    pub looks: Vec<WindowLook>,
}

impl Round {
    /// Returns the exit code: something confirmed different says more than trouble, which the next round meets again.
    pub fn exit_code(&self) -> u8 {
        match (self.report.as_ref().map(Report::exit_code), &self.trouble) {
            (Some(1), _) => 1,
            (_, Some(_)) => 2,
            (Some(code), None) => code,
            (None, None) => Verdict::Unknown.exit_code(),
        }
    }
}

/// A round, going on.
struct RoundRun<'a> {
    pattern: &'a JobSpec,
    sources: &'a Sides<Arc<dyn Source>>,
    progress: &'a Progress,
    now: i64,
    reports: Vec<Report>,
    looks: Vec<WindowLook>,
    taken_up: JobSummary,
    trouble: Option<Error>,
}

/// Runs a round at the time `now` and brings the state up to date. When `stop` is ready, the look under way is dropped
/// and what was done before counts. `every` is given each difference of a window's first look, and of a later look
/// those that were not given before.
pub async fn run(
    pattern: &JobSpec,
    state: &mut JobState,
    now: i64,
    sources: &Sides<Arc<dyn Source>>,
    progress: &Progress,
    stop: impl Future<Output = ()>,
    every: Option<&mut EveryDifference<'_>>,
) -> Round {
    let mut going = RoundRun {
        pattern,
        sources,
        progress,
        now,
        reports: Vec::new(),
        looks: Vec::new(),
        taken_up: JobSummary::default(),
        trouble: None,
    };
    let stopped = tokio::select! {
        biased;
        () = stop => true,
        () = going.looks(state, every) => false,
    };
    state.give_up(going.patience());
    let nothing = going.reports.is_empty() && (stopped || going.trouble.is_some());
    Round {
        report: (!nothing).then(|| going.told(state)),
        trouble: going.trouble,
        at: now,
        stopped,
        looks: going.looks,
    }
}

impl RoundRun<'_> {
    fn patience(&self) -> GiveUp {
        GiveUp {
            now: self.now,
            give_up: self.pattern.give_up,
        }
    }

    fn settled(&self) -> i64 {
        let settled = self.now - self.pattern.check.settle.seconds;
        self.pattern
            .until
            .map_or(settled, |until| settled.min(until))
    }

    /// State and reports change only between two looks, so that a look can be dropped at any time.
    async fn looks(&mut self, state: &mut JobState, mut every: Option<&mut EveryDifference<'_>>) {
        if let Err(error) = self.recognise(state) {
            self.trouble = Some(error);
            return;
        }
        for stretch in again(state, self.pattern.step) {
            let mut check = self.check(stretch.window);
            check.recheck.times = 0;
            check.counted = Some(state.buckets_within(stretch.window));
            if !stretch.interfaces.is_empty() {
                check.interfaces = stretch.interfaces.into_iter().collect();
            }
            let looked_at = check::run(&check, self.sources, self.progress, None).await;
            let verdict = match self.believed(state, looked_at) {
                Ok(report) => Some(self.seen_again(state, report, every.as_deref_mut())),
                Err(error) => {
                    self.trouble = Some(error);
                    None
                }
            };
            self.taken_up.again.extend(looked(stretch.window, verdict));
            if verdict.is_none() {
                break;
            }
        }
        let (step, most) = (self.pattern.step, self.pattern.max_windows);
        let mut failed = false;
        for window in due(state, self.settled(), step, most) {
            let check = self.check(window);
            let looked_at =
                check::run(&check, self.sources, self.progress, every.as_deref_mut()).await;
            let verdict = match self.believed(state, looked_at) {
                Ok(report) if self.lies_ahead(window, &report) => {
                    self.trouble = Some(ahead_of_the_service(window, &report));
                    break;
                }
                Ok(report) if self.is_open_for_more(window, &report) => {
                    self.taken_up
                        .windows
                        .extend(looked(window, Some(report.verdict)));
                    self.reports.push(report);
                    leave_open(state, window, step);
                    failed = false;
                    continue;
                }
                Ok(report) => Some(self.seen_first(state, report)),
                // Outputs are this run's, not the window's.
                Err(error @ Error::Output { .. }) => {
                    self.trouble = Some(error);
                    break;
                }
                Err(error) => {
                    self.trouble = Some(error);
                    None
                }
            };
            self.taken_up.windows.extend(looked(window, verdict));
            if verdict.is_some() {
                state.has_read(window);
                if let Some(look) = self.looks.last_mut() {
                    look.carried = state.carried();
                }
                failed = false;
            } else {
                leave_open(state, window, step);
                // One window may be at fault itself; of two in a row it is rather the services.
                if std::mem::replace(&mut failed, true) {
                    break;
                }
            }
        }
    }

    /// Refuses sources that are other ones than those of the state. A service tells whose a log group is when it is listed.
    fn recognise(&self, state: &mut JobState) -> Result<(), Error> {
        let now = self.sources.as_ref().map(|source| source.identity());
        state.recognise(&now).map_err(|difference| {
            Error::Usage(format!(
                "the state is of another job: {difference}; give each job a --state place of its own"
            ))
        })
    }

    /// Returns the report of a look, if it was at the sources of the state.
    fn believed(
        &self,
        state: &mut JobState,
        looked_at: Result<Report, Error>,
    ) -> Result<Report, Error> {
        let report = looked_at?;
        self.recognise(state).map(|()| report)
    }

    /// Tells whether the window has not ended by the service's clock, which a look has told.
    fn lies_ahead(&self, window: Window, report: &Report) -> bool {
        report.settle.now < self.now && window.end.is_some_and(|end| end > report.settle.now)
    }

    /// Tells whether it is too early to decide a window: neither side has had a record, so nothing says that their delivery
    /// has begun. That a place is empty is decided after `--give-up`.
    fn is_open_for_more(&self, window: Window, report: &Report) -> bool {
        let Check { allow_empty, .. } = self.pattern.check;
        let records = report.sides.s3.records + report.sides.cwl.records;
        let young = window
            .end
            .is_some_and(|end| end.saturating_add(self.pattern.give_up) > self.now);
        !allow_empty && records == 0 && young
    }

    fn check(&self, window: Window) -> Check {
        Check {
            window,
            settle: Settle {
                now: self.now,
                ..self.pattern.check.settle
            },
            max_evidence: self.pattern.check.max_evidence.max(HELD_EVIDENCE),
            counted: Some(Vec::new()),
            ..self.pattern.check.clone()
        }
    }

    fn seen_first(&mut self, state: &mut JobState, report: Report) -> Verdict {
        let taken = state.take(&report, true, self.patience(), HELD_EVIDENCE);
        self.note(&taken);
        let verdict = report.verdict;
        self.keep(Look::First, &report, state);
        self.reports.push(report);
        verdict
    }

    /// Keeps a look by itself, if that is asked for.
    fn keep(&mut self, look: Look, report: &Report, state: &JobState) {
        if self.pattern.keeps_looks {
            self.looks.push(WindowLook {
                look,
                report: report.clone(),
                carried: state.carried(),
                known_since: Vec::new(),
            });
        }
    }

    fn seen_again(
        &mut self,
        state: &mut JobState,
        report: Report,
        every: Option<&mut EveryDifference<'_>>,
    ) -> Verdict {
        let taken = state.take(&report, false, self.patience(), HELD_EVIDENCE);
        self.note(&taken);
        if let Some(every) = every
            && let Err(source) = taken.tell(every)
        {
            let path = self
                .pattern
                .check
                .all_differences
                .clone()
                .unwrap_or_default();
            self.trouble = Some(Error::Output { path, source });
        }
        let given_up = taken.given_up;
        let report = of_second_look(report, taken);
        let verdict = report.verdict;
        if let Some(decided) = decided(&report, given_up) {
            self.keep(Look::Again, &decided, state);
        }
        self.reports.push(report);
        verdict
    }

    fn note(&mut self, taken: &Reconciled) {
        let ArrivedLate { found, longest } = taken.late;
        for side in Side::BOTH {
            self.taken_up.late[side] += found[side];
        }
        let known = &mut self.taken_up.late_seconds_at_most;
        *known = (*known).max(longest);
        self.taken_up.given_up += taken.given_up;
    }

    /// Makes one report of all, which refers to what earlier rounds have told.
    fn told(&mut self, state: &mut JobState) -> Report {
        for look in &mut self.looks {
            let causes = look.report.why.causes.iter();
            let known = causes.map(|cause| state.told.known_since(cause, self.now));
            look.known_since = known.collect();
        }
        let mut report = self.report(state);
        state.told.refer(&mut report, self.now);
        report
    }

    /// Makes one report of all.
    fn report(&mut self, state: &JobState) -> Report {
        let windows = std::mem::take(&mut self.reports);
        let most = self.pattern.check.max_evidence;
        let mut report = join(windows, most).unwrap_or_else(|| self.nothing_due(state));
        if self.taken_up.windows.is_empty()
            && self.taken_up.again.is_empty()
            && self.trouble.is_none()
        {
            report.causes.push(self.last_decided(state.next));
        }
        let taken_up = &mut self.taken_up;
        taken_up.next = state.next;
        taken_up.looked_at = self.now;
        taken_up.carried = state.carried();
        let unread = state.unread.iter().map(|it| it.end - it.start).sum::<i64>();
        let due = (slot(self.now - self.pattern.check.settle.seconds) - state.next).max(0);
        taken_up.behind_seconds = unread
            + self
                .pattern
                .until
                .map_or(due, |until| due.min((slot(until) - state.next).max(0)));
        let windows = taken_up.windows.iter();
        report.window = Window::new(
            windows
                .clone()
                .map(|it| it.start)
                .min()
                .unwrap_or(state.next),
            windows.map(|it| it.end).max().unwrap_or(state.next),
        );
        if !taken_up.carried.is_nothing() {
            report.verdict = report.verdict.and(Verdict::Unknown);
        }
        if taken_up.given_up > 0 {
            let records = taken_up.given_up;
            report.causes.push(Cause::GivenUp { records });
        }
        report.rechecked = true;
        report.copies.clear();
        report.state = Some(taken_up.clone());
        report
    }

    /// Says of a round in which nothing was due how far the ones before it have come.
    fn last_decided(&self, next: i64) -> Cause {
        Cause::NothingDue {
            next,
            ago: self.now.saturating_sub(next).max(0).unsigned_abs(),
        }
    }

    /// The report of a round that had nothing to read.
    fn nothing_due(&self, state: &JobState) -> Report {
        let summary = |side: Side| SideSummary {
            source: self.sources[side].address(),
            ..SideSummary::default()
        };
        // A job that is never due again is none: `--until` was left in, or a clock stands still.
        let longest = self.pattern.check.settle.seconds + ROUNDS * self.pattern.step;
        let verdict = match self.now.saturating_sub(state.next) > longest {
            true => Verdict::Unknown,
            false => Verdict::Consistent,
        };
        Report {
            verdict,
            window: Window::new(state.next, state.next),
            settle: Settle {
                now: self.now,
                ..self.pattern.check.settle
            },
            fields: state.fields.clone(),
            fields_left_out: BTreeMap::new(),
            field_doubts: Vec::new(),
            fewer_fields: Vec::new(),
            sides: Sides::from_fn(summary),
            counts: Counts::default(),
            findings: Vec::new(),
            troubles: Vec::new(),
            evidence_capped: false,
            causes: Vec::new(),
            why: Why::default(),
            next: None,
            suggested_settle_seconds: None,
            rechecked: true,
            looks: 1,
            interrupted: false,
            hours: BTreeMap::new(),
            gaps: Vec::new(),
            forms: Sides::default(),
            arguments: Vec::new(),
            reached: Sides::default(),
            held: HeldOverTime::default(),
            tolerated: Vec::new(),
            took: Duration::ZERO,
            copies: BTreeMap::new(),
            state: None,
        }
    }
}

fn leave_open(state: &mut JobState, window: Window, step: i64) {
    if !state.unread.iter().any(|it| Some(it.start) == window.start) {
        state.could_not_read(window, step);
    }
}

fn ahead_of_the_service(window: Window, report: &Report) -> Error {
    let shown = |time: Option<i64>| time.map_or_else(|| "-".to_owned(), rfc3339);
    Error::Usage(format!(
        "the window {} .. {} has not ended by the clock of the service that was asked, which says {}: set this machine's clock; \
         the window is left to the next run",
        shown(window.start),
        shown(window.end),
        rfc3339(report.settle.now)
    ))
}

fn looked(window: Window, verdict: Option<Verdict>) -> Option<WindowResult> {
    let (start, end) = (window.start?, window.end?);
    Some(WindowResult {
        start,
        end,
        verdict,
    })
}
