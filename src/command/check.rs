//! A check that is run once and keeps nothing.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Instant;

use super::kept::Kept;
use super::log::log_to_stderr;
use super::outputs::{self, DifferencesFile, Outputs, Written};
use super::print::{print, print_report};
use super::proof::Proof;
use super::wait::until_interrupted;
use super::{TROUBLE, clock, configured, interrupted, job, open, progress_mode};
use crate::check::{self, Check, EachLook};
use crate::cli::plan::{CheckPlan, StdoutUse, deadline};
use crate::cli::{CheckArgs, Color};
use crate::diff::{DifferenceKind, EveryDifference, Shown};
use crate::model::finding::Bucket;
use crate::model::{Error, Side};
use crate::progress::{Progress, say};
use crate::repair::Repair;
use crate::report::Report;
use crate::report::redact::Redaction;

/// Runs it, answers, and returns the exit code.
pub(super) fn run(args: &CheckArgs, redaction: Option<&Arc<Redaction>>) -> Result<u8, Error> {
    log_to_stderr(args.output.verbose, redaction);
    let began = Instant::now();
    let Some(configured) = configured(args)? else {
        return interrupted(args.alarms.nagios, "asking for flow logs");
    };
    let args = &*configured;
    let mut plan = CheckPlan::new(args, clock())?;
    let kept = Kept::of(args, &mut plan)?;
    let proof = Proof::open(args, &plan)?;
    if let Some(job) = &plan.job {
        return job::run(args, &plan, job, redaction);
    }
    let mut outputs = Outputs::open(&plan)?;
    let progress = Arc::new(Progress::new(progress_mode(args)));
    let taking = Taking {
        differences: outputs.differences.as_mut(),
        repair: outputs.repair.as_mut(),
        redaction,
    };
    let mut known = None;
    let first = FirstLook {
        plan: &plan,
        began,
        redaction,
        color: args.output.color,
    };
    let each = &mut |report: Report| {
        if known.is_none() {
            progress.suspend(|| first.show(&report));
        }
        known = Some(report);
    };
    let mut answer = until_interrupted(
        deadline(args, None)?,
        answer(&plan, kept, &progress, taking, each),
    );
    let got_to = progress.snapshot();
    if let Err(Error::Deadline { got_to: told, .. }) = &mut answer {
        told.clone_from(&got_to);
    }
    progress.finish();
    if let (Err(Error::Deadline { .. } | Error::Source { .. }), Some(report)) =
        (&answer, &mut known)
        && !args.alarms.nagios
    {
        // What was found before the wait for late records stands, whatever comes of the wait or of the look after it.
        outputs.forget_differences();
        let written = outputs.write(&plan, report, began, redaction, None);
        answer_though(written, &plan, report, args.output.color)?;
        return answer.map(|_| TROUBLE);
    }
    let (mut report, interrupts) = match (answer?, known) {
        (Some(report), _) => (report, false),
        (None, Some(known)) if !args.alarms.nagios => {
            outputs.forget_differences();
            let interrupted = true;
            let report = Report {
                interrupted,
                ..known
            };
            (report, interrupted)
        }
        (None, _) => return interrupted(args.alarms.nagios, &got_to),
    };
    if interrupts {
        say(&format!("flowdiff: interrupted: {got_to}"));
    }
    refuse_slip(&plan.check, &report)?;
    let mut written = outputs.write(&plan, &mut report, began, redaction, None);
    // Of what is not known to the end nothing is proved.
    let proof = proof.filter(|_| !interrupts);
    let proved = proof.map_or(Ok(()), |proof| proof.write(args, &plan, &report));
    written.result = written.result.and(proved);
    answer_though(written, &plan, &report, args.output.color)
}

/// Refuses to report on interfaces that nobody has, though there are others: whoever asks for them has made a slip.
pub(super) fn refuse_slip(check: &Check, report: &Report) -> Result<(), Error> {
    /// How many others are named.
    const NAMED: usize = 3;
    let records = report.sides.s3.records + report.sides.cwl.records;
    let Some(asked) = check.interfaces.first() else {
        return Ok(());
    };
    let others = check.others.like(asked);
    if records > 0 || check.allow_empty || !report.troubles.is_empty() || others.is_empty() {
        return Ok(());
    }
    let asked: Vec<String> = check
        .interfaces
        .iter()
        .map(|it| format!("`{it}`"))
        .collect();
    let others: Vec<String> = others
        .iter()
        .take(NAMED)
        .map(|it| format!("`{it}`"))
        .collect();
    Err(Error::Usage(format!(
        "--interface: neither side has a record of {} in the window; the most alike of those that are there: {}",
        asked.join(" or "),
        others.join(", ")
    )))
}

/// Shows people what the first look has found, while the run waits for late records.
struct FirstLook<'a> {
    plan: &'a CheckPlan,
    began: Instant,
    redaction: Option<&'a Arc<Redaction>>,
    color: Color,
}

impl FirstLook<'_> {
    /// Through a pipe there is one report, at the end.
    fn show(&self, report: &Report) {
        let StdoutUse::Report(renderer) = &self.plan.output else {
            return;
        };
        if !renderer.for_people || !io::stdout().is_terminal() {
            return;
        }
        let mut report = report.clone();
        outputs::complete(self.plan, &mut report, self.began, self.redaction);
        // What cannot be shown now is shown, or complained of, at the end.
        let _ = print_report(renderer, &report, (self.plan.rows, None), self.color);
        let _ = print(b"\n");
    }
}

/// Gives standard output its answer also if a file could not be written, which is trouble all the same. Nagios gets one
/// line, which says what is wrong.
pub(super) fn answer_though(
    written: Written,
    plan: &CheckPlan,
    report: &Report,
    color: Color,
) -> Result<u8, Error> {
    if written.result.is_err() && matches!(plan.output, StdoutUse::Nagios(_)) {
        return written.result.map(|()| TROUBLE);
    }
    let code = answer_with(plan, report, written.every.as_ref(), color)?;
    written.result.map(|()| code)
}

/// Gives standard output its answer and returns the exit code.
fn answer_with(
    plan: &CheckPlan,
    report: &Report,
    every: Option<&File>,
    color: Color,
) -> Result<u8, Error> {
    match &plan.output {
        StdoutUse::Nothing => {}
        StdoutUse::Report(renderer) => print_report(renderer, report, (plan.rows, every), color)?,
        StdoutUse::Nagios(thresholds) => {
            let (status, line) = thresholds.judge(report);
            print(format!("{line}\n").as_bytes())?;
            return Ok(status.exit_code());
        }
    }
    Ok(report.exit_code())
}

/// What takes every difference.
pub(super) struct Taking<'a> {
    pub(super) differences: Option<&'a mut DifferencesFile>,
    pub(super) repair: Option<&'a mut Repair>,
    pub(super) redaction: Option<&'a Arc<Redaction>>,
}

impl Taking<'_> {
    fn is_nothing(&self) -> bool {
        self.differences.is_none() && self.repair.is_none()
    }

    fn take(&mut self, bucket: &Bucket, kind: DifferenceKind, shown: &Shown) {
        if let Some(repair) = &mut self.repair {
            repair.take(bucket, kind, shown);
        }
        if let Some(differences) = &mut self.differences {
            differences.tell(self.redaction, bucket, kind, shown);
        }
    }
}

pub(super) async fn answer(
    plan: &CheckPlan,
    kept: Option<Kept>,
    progress: &Progress,
    mut taking: Taking<'_>,
    each: &mut EachLook<'_>,
) -> Result<Report, Error> {
    let wants_every = !taking.is_nothing();
    let every: &mut EveryDifference<'_> = &mut |bucket, kind, shown| {
        taking.take(bucket, kind, shown);
        Ok(())
    };
    let every = wants_every.then_some(every);
    match kept {
        Some(Kept::Sides(kept)) => {
            let sides = kept.sides(plan).await?;
            return check::kept::compare(&plan.check, sides, progress, every).await;
        }
        Some(Kept::FirstLook(first)) => return first.answer(plan, progress, every).await,
        None => {}
    }
    let sources = open(plan).await?;
    let report = check::run_telling(&plan.check, &sources, progress, every, Some(each)).await;
    for side in Side::BOTH {
        for (operation, calls) in sources[side].calls() {
            tracing::info!(%side, operation, calls, "called");
        }
    }
    report
}
