//! Runs a scheduled job: once (`check --state`), or again and again (`watch`).
//!
//! The order is what makes a killed run harmless: lock, load, look, write the reports, and only then save the state. A
//! run that is killed before that has decided nothing, and the next one takes up, and reports, the same windows. What is to
//! stand in the archive is saved with the state and written there after it; what is not written then, the next run writes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::cli::plan::{CheckPlan, Job, StdoutUse, deadline};
use crate::cli::{CheckArgs, WatchArgs};
use crate::job::round;
use crate::job::round::Round;
use crate::job::state::{JobState, StateStore};
use crate::job::watch::{RoundLine, RoundSink, as_json, watch as watch_rounds};
use crate::model::Error;
use crate::model::window::{rfc3339, slot};
use crate::progress::{Mode, Progress, say};
use crate::render;
use crate::report::redact::Redaction;

use super::archived::Archived;
use super::check::answer_though;
use super::log::log_to_stderr;
use super::outputs::Outputs;
use super::person::{Person, is_for_person};
use super::print::print;
use super::receipts::DailyReceipts;
use super::wait::{TimeLimit, Until, ended, runtime, stop_signal};
use super::{
    INTERRUPTED, TROUBLE, clock, complain, configured, interrupted, open, progress_mode, showable,
};

/// What is said when a signal has ended the wait for the archive.
const NOT_ARCHIVED: &str =
    "what was found is decided and told; the next run writes to the archive what lacks there";

/// Runs one round and returns the exit code.
pub(super) fn run(
    args: &CheckArgs,
    plan: &CheckPlan,
    job: &Job,
    redaction: Option<&Arc<Redaction>>,
) -> Result<u8, Error> {
    let runtime = runtime()?;
    let code = run_on(&runtime, args, plan, job, redaction);
    // Decoders at work cannot be stopped, and nobody waits for them any more.
    runtime.shutdown_background();
    code
}

fn run_on(
    runtime: &Runtime,
    args: &CheckArgs,
    plan: &CheckPlan,
    job: &Job,
    redaction: Option<&Arc<Redaction>>,
) -> Result<u8, Error> {
    let began = Instant::now();
    let progress = Arc::new(Progress::new(progress_mode(args)));
    let limit = TimeLimit::of(deadline(args, None)?);
    // Signals are heard by tasks of the runtime, to the end of the run.
    let _entered = runtime.enter();
    let until = Until {
        stop: stop_signal()?,
        limit,
    };
    let done = runtime.block_on(async {
        let Some((store, mut state)) = take_hold(job, job.rewind, &until).await? else {
            return Ok(Err("another run holds the state"));
        };
        let archived = Archived::open(plan, job, &state, redaction)?;
        if archived.take_up(&mut state, &until)?.is_none() {
            return Ok(Err("the archive was waited for"));
        }
        let ends = Ends {
            until: until.clone(),
            lost: &store,
        };
        let now = clock_of(plan);
        let done = one(plan, job, state, &progress, now, ends, redaction).await?;
        Ok(Ok((store, archived, done)))
    });
    progress.finish();
    let (store, archived, done) = match done? {
        Ok(done) => done,
        Err(got_to) => return ended_by(until.signal(), args, got_to),
    };
    let Done {
        mut round,
        mut state,
        outputs,
    } = done;
    archived.put_down(&mut state, &mut round, began)?;
    // What another run is to decide by now is its to tell.
    store.hold()?;
    let whole = round.trouble.is_none() && !round.stopped;
    let code = match &mut round.report {
        None => TROUBLE,
        Some(report) => {
            let history = archived.history(&state, round.at, &until);
            let written = outputs.write(plan, report, began, redaction, history.as_ref());
            match &plan.output {
                // One line only, which says what is wrong.
                StdoutUse::Nagios(_) if !whole => written.result.map(|()| TROUBLE)?,
                // What is not written is not decided: the next run takes up, and tells, the same windows.
                StdoutUse::Nothing | StdoutUse::Report(_) | StdoutUse::Nagios(_) => {
                    answer_though(written, plan, report, args.output.color)?
                }
            }
        }
    };
    store.save(&state)?;
    let receipts = DailyReceipts {
        plan,
        job,
        archived: &archived,
        store: &store,
        now: round.at,
    };
    let kept = match archived.write(&store, &mut state, &until) {
        Ok(Some(())) if !round.stopped => {
            let written = runtime.block_on(receipts.write(&mut state, &until));
            written.map(Some)
        }
        written => written,
    };
    match kept {
        // As below: what is confirmed different says more.
        Err(trouble) if code != 1 => return Err(trouble),
        Err(trouble) => complain(&trouble, redaction),
        Ok(None) if round.stopped => {}
        // Of what was printed already, an answer to Nagios, the exit code is part.
        Ok(None) if code == 1 || args.alarms.nagios => say(&format!("flowdiff: {NOT_ARCHIVED}")),
        Ok(None) => return ended_by(until.signal(), args, NOT_ARCHIVED),
        Ok(Some(())) => {}
    }
    if round.stopped {
        let got_to = format!("the next run goes on at {}", rfc3339(state.next));
        return ended_by(until.signal(), args, &got_to);
    }
    match round.trouble {
        // What is confirmed different says more than trouble, which the next run meets again.
        Some(trouble) if code != 1 => Err(trouble),
        Some(trouble) => {
            complain(&trouble, redaction);
            Ok(code)
        }
        None => Ok(code),
    }
}

/// Says that a signal has ended the run, and returns the exit code that goes with it.
fn ended_by(signal: Option<u8>, args: &CheckArgs, got_to: &str) -> Result<u8, Error> {
    let code = interrupted(args.alarms.nagios, got_to)?;
    Ok(match code {
        INTERRUPTED => signal.unwrap_or(code),
        code => code,
    })
}

/// Runs rounds until a signal ends them; then all is well, and the exit code is 0.
pub(super) fn watch(args: &WatchArgs, redaction: Option<&Arc<Redaction>>) -> Result<u8, Error> {
    log_to_stderr(args.check.output.verbose, redaction);
    if args.check.time.now.is_some() {
        return Err(Error::Usage("--now: watch goes by the clock".into()));
    }
    if args.check.sources.plan {
        return Err(Error::Usage("--plan: that is for check".into()));
    }
    if args.check.alarms.nagios {
        return Err(Error::Usage(
            "--nagios: watch answers in lines of JSON".into(),
        ));
    }
    if args.check.sources.pairs.is_some() {
        let every = crate::cli::plan::every(&args.every)?;
        return super::several::watch(args, every, redaction);
    }
    let Some(configured) = configured(&args.check)? else {
        return Ok(INTERRUPTED);
    };
    let plan = CheckPlan::new(&configured, clock())?;
    let Some(job) = &plan.job else {
        return Err(Error::Usage("watch needs --state DIR".into()));
    };
    let every = crate::cli::plan::every(&args.every)?;
    let deadline = deadline(&args.check, Some(every))?;
    let progress = Arc::new(Progress::new(Mode::Silent));
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let stop = stop_signal()?;
        let within = || Until {
            stop: stop.clone(),
            limit: TimeLimit::of(deadline),
        };
        let taken = take_hold(job, job.rewind, &within()).await?;
        let Some(taken) = taken else {
            return Ok(());
        };
        let archived = Archived::open(&plan, job, &taken.1, redaction)?;
        let mut held = Some(taken);
        let tell = |text: &str| showable(text, redaction);
        let failed = |now: i64, error: &Error| RoundLine::failed(now, error, &tell);
        let round = async || {
            let (now, began) = (clock(), Instant::now());
            // What was lost to another run is taken hold of anew.
            let kept = held.take_if(|(store, _)| !store.is_lost());
            drop(held.take());
            let until = within();
            let taken = match kept {
                Some(kept) => Ok(Some(kept)),
                None => take_hold(job, None, &until).await,
            };
            let (store, state) = match taken {
                Ok(Some(taken)) => held.insert(taken),
                Ok(None) => return RoundLine::ended(now),
                Err(error) => return failed(now, &error),
            };
            match archived.take_up(state, &until) {
                Ok(Some(())) => {}
                Ok(None) => return RoundLine::ended(now),
                Err(error) => return failed(now, &error),
            }
            let done = match one(
                &plan,
                job,
                state.clone(),
                &progress,
                now,
                Ends {
                    until: until.clone(),
                    lost: store,
                },
                redaction,
            )
            .await
            {
                Ok(done) => done,
                Err(error) => return failed(now, &error),
            };
            let mut done = done;
            if let Err(error) = store.hold() {
                return failed(now, &error);
            }
            let written = archived.put_down(&mut done.state, &mut done.round, began);
            let written = written.and_then(|()| {
                let history = archived.history(&done.state, now, &until);
                done.round.report.as_mut().map_or(Ok(()), |report| {
                    let outputs = done.outputs;
                    outputs
                        .write(&plan, report, began, redaction, history.as_ref())
                        .result
                })
            });
            let saved = written.and_then(|()| store.save(&done.state));
            match saved {
                Ok(()) => {
                    // From here on it is decided; what the archive does not get now it gets in the next round.
                    *state = done.state;
                    let receipts = DailyReceipts {
                        plan: &plan,
                        job,
                        archived: &archived,
                        store,
                        now,
                    };
                    let kept = match archived.write(store, state, &until) {
                        Ok(Some(())) => receipts.write(state, &until).await,
                        other => other.map(drop),
                    };
                    if let Err(error) = kept {
                        done.round.trouble.get_or_insert(error);
                    }
                    RoundLine::of(now, done.round, &tell)
                }
                // What was not saved is done again, and written again.
                Err(error) => RoundLine {
                    report: done.round.report,
                    ..failed(now, &error)
                },
            }
        };
        let stop = ended(stop.clone());
        let output = &args.check.output;
        match is_for_person(output) {
            true => watch_rounds(every, round, stop, Person::new(plan.rows, output.color)).await,
            false => watch_rounds(every, round, stop, StandardOutput).await,
        }
    });
    runtime.shutdown_background();
    result.map(|()| 0)
}

/// Where rounds are told, as lines of JSON.
pub(super) struct StandardOutput;

impl RoundSink for StandardOutput {
    fn tell(&mut self, came: &RoundLine, left: Duration) -> Result<(), Error> {
        let mut text = Vec::new();
        render::write_line(&as_json(came, left), &mut text)
            .map_err(super::print::standard_output)?;
        print(&text).map(drop)
    }
}

/// A round that was run and is not yet reported or saved.
pub(super) struct Done {
    pub(super) round: Round,
    pub(super) state: JobState,
    pub(super) outputs: Outputs,
}

/// What ends a round early.
pub(super) struct Ends<'a> {
    /// A signal, or the time.
    pub(super) until: Until,
    /// The state's place, which may be lost to another run.
    pub(super) lost: &'a StateStore,
}

pub(super) async fn one(
    plan: &CheckPlan,
    job: &Job,
    mut state: JobState,
    progress: &Progress,
    now: i64,
    Ends { until, lost }: Ends<'_>,
    redaction: Option<&Arc<Redaction>>,
) -> Result<Done, Error> {
    refuse_future(job, &state, now)?;
    let mut outputs = Outputs::open(plan)?;
    let mut late = None;
    let mut over = std::pin::pin!(until.limit.passed());
    let sources = tokio::select! {
        sources = open(plan) => sources?,
        error = &mut over => return Err(error),
    };
    let ended = async {
        tokio::select! {
            () = ended(until.stop) => {}
            () = lost.lost() => {}
            error = over => late = Some(error),
        }
    };
    let pattern = &job.pattern;
    let mut round = match &mut outputs.differences {
        None => round::run(pattern, &mut state, now, &sources, progress, ended, None).await,
        Some(output) => {
            let every: &mut crate::diff::EveryDifference<'_> = &mut |bucket, kind, shown| {
                output.tell(redaction, bucket, kind, shown);
                Ok(())
            };
            round::run(
                pattern,
                &mut state,
                now,
                &sources,
                progress,
                ended,
                Some(every),
            )
            .await
        }
    };
    if let Some(Error::Deadline { after, .. }) = late {
        // The look under way was dropped; what was done before it counts.
        round.stopped = false;
        round.trouble = Some(Error::Deadline {
            after,
            got_to: format!(
                "{}; the next run goes on at {}",
                progress.snapshot(),
                rfc3339(state.next)
            ),
        });
    }
    match round.trouble {
        // Not all that was asked for can be written, so nothing of this run counts.
        Some(error @ Error::Output { .. }) => Err(error),
        _ => Ok(Done {
            round,
            state,
            outputs,
        }),
    }
}

/// Takes hold of the state's place. `rewind` is where the state is rewound to, if it is. `None` if a signal comes while another run's
/// lease is waited for.
pub(super) async fn take_hold(
    job: &Job,
    rewind: Option<i64>,
    until: &Until,
) -> Result<Option<(StateStore, JobState)>, Error> {
    let store = tokio::select! {
        store = StateStore::open(&job.place) => store?,
        () = ended(until.stop.clone()) => return Ok(None),
        error = until.limit.passed() => return Err(error),
    };
    let kept = store.load(&job.subject)?;
    if let Some(kept) = &kept {
        say_since_is_over(job, kept);
    }
    let mut state = kept.unwrap_or_else(|| JobState::begin(job.subject.clone(), job.begin));
    if let Some(to) = rewind {
        state.rewind(to);
    }
    Ok(Some((store, state)))
}

/// Says where a job goes on, if it was told to begin elsewhere than it did.
fn say_since_is_over(job: &Job, kept: &JobState) {
    let Some((since, begun)) = job.since.zip(kept.begun) else {
        return;
    };
    if slot(since) != begun {
        say(&format!(
            "flowdiff: --since: the job began at {} and has come as far as {}, where it goes on; `--state-rewind TIME` takes up \
             again what comes after a time, and another beginning needs another --state",
            rfc3339(begun),
            rfc3339(kept.next)
        ));
    }
}

/// Refuses a state that a clock has written which was ahead: until this one has come as far, nothing would be due, and
/// nothing would be said.
fn refuse_future(job: &Job, state: &JobState, now: i64) -> Result<(), Error> {
    if !state.is_ahead(now) {
        return Ok(());
    }
    let (next, now) = (rfc3339(state.next), rfc3339(now));
    Err(Error::State {
        path: job.place.path(),
        reason: format!(
            "everything up to {next} has been taken up, and the clock says {now}: this one is behind, or that of an earlier run \
             was ahead"
        ),
        hint: Some(format!(
            "set the clock; if it is right, `--state-rewind TIME` once, with the time up to which earlier runs are believed \
             (at the latest {now}): what comes after it is read again, and nothing is lost"
        )),
    })
}

fn clock_of(plan: &CheckPlan) -> i64 {
    plan.check.settle.now
}
