//! Runs a check of each of several pairs (`check --pairs`, `watch --pairs`): one after the other, so that calls, memory and time
//! are one budget. A pair that fails keeps no other from being checked.

use std::cell::RefCell;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch::Receiver;

use crate::cli::plan::{CheckPlan, StdoutUse, deadline, pairs};
use crate::cli::{CheckArgs, WatchArgs};
use crate::job::watch::{RoundLine, watch as watch_rounds};
use crate::model::Error;
use crate::model::words::count;
use crate::pairs::Pair;
use crate::progress::{Mode, Progress};
use crate::render::{self, Renderer, Style, whole, write_line};
use crate::report::Report;
use crate::report::redact::Redaction;

use super::archived::Archived;
use super::check::{Taking, answer, refuse_slip};
use super::job::{self, Done, Ends, StandardOutput};
use super::log::log_to_stderr;
use super::outputs::Outputs;
use super::person::{PairsEnd, Person, is_for_person};
use super::print::{print, standard_output};
use super::receipts::DailyReceipts;
use super::wait::{TimeLimit, Until, ended, passed, runtime, stop_signal};
use super::{INTERRUPTED, TROUBLE, clock, showable};

/// The lines of the pairs.
#[derive(Clone, Copy)]
enum LineForm<'a> {
    /// For people.
    Text,
    /// For a person who watches.
    Person(&'a RefCell<Person>),
    /// As JSON.
    Json,
    /// None, but a report of each.
    Report(&'static Renderer),
    /// None.
    Nothing,
}

/// What came of one pair.
struct PairResult<'a> {
    pair: &'a Pair,
    exit_code: u8,
    error: Option<(String, Option<String>)>,
    report: Option<Report>,
}

#[derive(Serialize)]
struct PairJson<'a, R> {
    r#type: &'static str,
    name: &'a str,
    exit_code: u8,
    error: Option<&'a str>,
    hint: Option<&'a str>,
    report: Option<R>,
}

/// How many pairs ended with which exit code.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct PairCounts {
    consistent: u64,
    different: u64,
    failed: u64,
    undecided: u64,
}

#[derive(Serialize)]
struct TotalJson {
    r#type: &'static str,
    exit_code: u8,
    #[serde(flatten)]
    counts: PairCounts,
}

impl PairCounts {
    fn add(&mut self, exit_code: u8) {
        let count = match exit_code {
            0 => &mut self.consistent,
            1 => &mut self.different,
            3 => &mut self.undecided,
            _ => &mut self.failed,
        };
        *count += 1;
    }

    /// What is confirmed different says most, and what could not be checked more than what has no verdict.
    fn exit_code(self) -> u8 {
        match self {
            Self { different: 1.., .. } => 1,
            Self { failed: 1.., .. } => TROUBLE,
            Self { undecided: 1.., .. } => 3,
            _ => 0,
        }
    }

    fn all(self) -> u64 {
        self.consistent + self.different + self.failed + self.undecided
    }

    fn text(self) -> String {
        format!(
            "{}: {} consistent, {} different, {} could not be checked, {} without a verdict.\n",
            count(self.all(), "pair"),
            self.consistent,
            self.different,
            self.failed,
            self.undecided
        )
    }
}

/// Checks each pair once and returns the exit code of all.
pub(super) fn run(args: &CheckArgs, redaction: Option<&Arc<Redaction>>) -> Result<u8, Error> {
    log_to_stderr(args.output.verbose, redaction);
    let deadline = deadline(args, None)?;
    let runtime = runtime()?;
    let pairs = runtime.block_on(SeveralPairs::read(args, redaction))?;
    let form = pairs.form()?;
    let result = runtime.block_on(async {
        let stop = stop_signal()?;
        let counts = pairs.round(form, &stop, deadline).await?;
        Ok((counts, *stop.borrow()))
    });
    runtime.shutdown_background();
    let (counts, signal) = result?;
    match form {
        LineForm::Text => print(counts.text().as_bytes())?,
        LineForm::Json => print_line(&TotalJson {
            r#type: "pairs",
            exit_code: counts.exit_code(),
            counts,
        })?,
        LineForm::Report(_) | LineForm::Person(_) | LineForm::Nothing => 0,
    };
    Ok(signal.unwrap_or(counts.exit_code()))
}

/// Checks all pairs in each round: a line for each, and one for the round.
pub(super) fn watch(
    args: &WatchArgs,
    every: Duration,
    redaction: Option<&Arc<Redaction>>,
) -> Result<u8, Error> {
    let check = &args.check;
    if check.job.state.is_none() {
        return Err(Error::Usage("watch needs --state PLACE".into()));
    }
    if check.job.state_rewind.is_some() {
        return Err(Error::Usage(
            "--state-rewind: each round of `watch --pairs` would rewind again; run `check --pairs` with it once".into(),
        ));
    }
    let deadline = deadline(check, Some(every))?;
    let runtime = runtime()?;
    let pairs = runtime.block_on(SeveralPairs::read(check, redaction))?;
    let output = &check.output;
    let person = RefCell::new(Person::new(output.rows, output.color));
    let form = match is_for_person(output) {
        true => LineForm::Person(&person),
        false => LineForm::Json,
    };
    let result = runtime.block_on(async {
        let stop = stop_signal()?;
        let round = async || {
            let at = clock();
            match pairs.round(form, &stop, deadline).await {
                Ok(counts) => RoundLine {
                    at,
                    exit_code: match counts.exit_code() {
                        // Of pairs that were not looked at any more nothing is known.
                        0 if counts.all() < pairs.pairs.len() as u64 => 3,
                        code => code,
                    },
                    // One that fails is told in its own line, and must not slow the others down.
                    error: None,
                    report: None,
                },
                Err(error) => RoundLine::failed(at, &error, &|text| showable(text, redaction)),
            }
        };
        let stop = ended(stop.clone());
        match form {
            LineForm::Person(person) => watch_rounds(every, round, stop, PairsEnd(person)).await,
            LineForm::Text | LineForm::Json | LineForm::Report(_) | LineForm::Nothing => {
                watch_rounds(every, round, stop, StandardOutput).await
            }
        }
    });
    runtime.shutdown_background();
    result.map(|()| 0)
}

fn print_line(line: &impl Serialize) -> Result<u8, Error> {
    let mut text = Vec::new();
    write_line(line, &mut text).map_err(standard_output)?;
    print(&text)
}

struct SeveralPairs<'a> {
    args: &'a CheckArgs,
    pairs: Vec<Pair>,
    typed: Vec<OsString>,
    redaction: Option<&'a Arc<Redaction>>,
}

impl<'a> SeveralPairs<'a> {
    /// Reads the file and checks the arguments of every pair.
    async fn read(
        args: &'a CheckArgs,
        redaction: Option<&'a Arc<Redaction>>,
    ) -> Result<Self, Error> {
        let read = Self {
            args,
            pairs: pairs::read(args).await?,
            typed: std::env::args_os().collect(),
            redaction,
        };
        for pair in &read.pairs {
            read.plan(pair)
                .map_err(|error| Error::Usage(format!("the pair `{}`: {error}", pair.name)))?;
        }
        Ok(read)
    }

    fn plan(&self, pair: &Pair) -> Result<CheckPlan, Error> {
        CheckPlan::new(&pairs::of_pair(self.args, pair, &self.typed)?, clock())
    }

    /// Returns what standard output gets.
    fn form(&self) -> Result<LineForm<'static>, Error> {
        let Some(first) = self.pairs.first() else {
            return Ok(LineForm::Nothing);
        };
        match self.plan(first)?.output {
            StdoutUse::Nothing | StdoutUse::Nagios(_) => Ok(LineForm::Nothing),
            StdoutUse::Report(renderer) => match renderer.name {
                "text" => Ok(LineForm::Text),
                "json" | "jsonl" => Ok(LineForm::Json),
                "emf" => Ok(LineForm::Report(renderer)),
                other => Err(Error::Usage(format!(
                    "--pairs: {other} is one document for each pair: write it to files, with `--report {other}=...{{pair}}...`"
                ))),
            },
        }
    }

    /// Checks each pair, and tells of it.
    async fn round(
        &self,
        form: LineForm<'_>,
        stop: &Receiver<Option<u8>>,
        deadline: Option<Duration>,
    ) -> Result<PairCounts, Error> {
        let began = Instant::now();
        let mut counts = PairCounts::default();
        let width = self.pairs.iter().map(|pair| pair.name.len()).max();
        for (number, pair) in self.pairs.iter().enumerate() {
            if stop.borrow().is_some() {
                break;
            }
            // What is left, in equal shares: no pair can starve those behind it.
            let pairs_left = u32::try_from(self.pairs.len() - number).unwrap_or(u32::MAX);
            let share = deadline.map(|all| all.saturating_sub(began.elapsed()) / pairs_left);
            let result = self.one(pair, stop, share).await;
            if stop.borrow().is_some() && result.report.is_none() {
                break;
            }
            counts.add(result.exit_code);
            self.tell(result, form, width.unwrap_or(0))?;
        }
        Ok(counts)
    }

    async fn one<'p>(
        &self,
        pair: &'p Pair,
        stop: &Receiver<Option<u8>>,
        share: Option<Duration>,
    ) -> PairResult<'p> {
        let checked = match self.plan(pair) {
            Ok(plan) if plan.job.is_some() => self.round_of(&plan, stop, share).await,
            Ok(plan) => self.check_of(&plan, stop, share).await,
            Err(error) => Err(error),
        };
        let tell = |error: &Error| {
            let shown = |text: &str| showable(text, self.redaction);
            (shown(&error.to_string()), error.hint().map(shown))
        };
        match checked {
            Ok((exit_code, report, trouble)) => PairResult {
                pair,
                exit_code,
                error: trouble.as_ref().map(tell),
                report,
            },
            Err(error) => PairResult {
                pair,
                exit_code: TROUBLE,
                error: Some(tell(&error)),
                report: None,
            },
        }
    }

    /// A round of the pair's job.
    async fn round_of(
        &self,
        plan: &CheckPlan,
        stop: &Receiver<Option<u8>>,
        share: Option<Duration>,
    ) -> Result<(u8, Option<Report>, Option<Error>), Error> {
        let began = Instant::now();
        let Some(job) = &plan.job else {
            return Err(Error::Usage("no state is kept".into()));
        };
        let until = Until {
            stop: stop.clone(),
            limit: TimeLimit::of(share),
        };
        let Some((store, mut state)) = job::take_hold(job, job.rewind, &until).await? else {
            return Ok((INTERRUPTED, None, None));
        };
        let archived = Archived::open(plan, job, &state, self.redaction)?;
        if archived.take_up(&mut state, &until)?.is_none() {
            return Ok((INTERRUPTED, None, None));
        }
        let progress = Progress::new(Mode::Silent);
        let ends = Ends {
            until: until.clone(),
            lost: &store,
        };
        let now = plan.check.settle.now;
        let done = job::one(plan, job, state, &progress, now, ends, self.redaction).await?;
        let Done {
            mut round,
            mut state,
            outputs,
        } = done;
        store.hold()?;
        archived.put_down(&mut state, &mut round, began)?;
        if let Some(report) = &mut round.report {
            let history = archived.history(&state, now, &until);
            outputs
                .write(plan, report, began, self.redaction, history.as_ref())
                .result?;
        }
        store.save(&state)?;
        let receipts = DailyReceipts {
            plan,
            job,
            archived: &archived,
            store: &store,
            now,
        };
        let kept = match archived.write(&store, &mut state, &until) {
            Ok(Some(())) => receipts.write(&mut state, &until).await,
            other => other.map(drop),
        };
        if let Err(trouble) = kept {
            // What it has found is told with it.
            round.trouble.get_or_insert(trouble);
        }
        Ok((round.exit_code(), round.report, round.trouble))
    }

    /// A check of the pair that keeps nothing.
    async fn check_of(
        &self,
        plan: &CheckPlan,
        stop: &Receiver<Option<u8>>,
        share: Option<Duration>,
    ) -> Result<(u8, Option<Report>, Option<Error>), Error> {
        let began = Instant::now();
        let mut outputs = Outputs::open(plan)?;
        let progress = Progress::new(Mode::Silent);
        let taking = Taking {
            differences: outputs.differences.as_mut(),
            repair: None,
            redaction: self.redaction,
        };
        let each = &mut |_: Report| {};
        let report = tokio::select! {
            report = answer(plan, None, &progress, taking, each) => report,
            () = ended(stop.clone()) => return Ok((INTERRUPTED, None, None)),
            error = passed(share) => Err(error),
        };
        let mut report = report?;
        refuse_slip(&plan.check, &report)?;
        outputs
            .write(plan, &mut report, began, self.redaction, None)
            .result?;
        Ok((report.exit_code(), Some(report), None))
    }

    fn tell(&self, result: PairResult<'_>, form: LineForm<'_>, width: usize) -> Result<(), Error> {
        let name = showable(&result.pair.name, self.redaction);
        let error = result.error.as_ref();
        match form {
            LineForm::Nothing => {}
            LineForm::Person(person) => {
                let round = RoundLine {
                    at: clock(),
                    exit_code: result.exit_code,
                    error: result.error,
                    report: result.report,
                };
                let name = format!("{name:<width$}");
                person.borrow_mut().tell_of(Some(&name), &round, None)?;
            }
            LineForm::Text => {
                let said = match (&result.report, error) {
                    (report, Some((error, _))) => {
                        let report = report.as_ref().map(|report| render::verdict(report) + " ");
                        format!(
                            "{}Could not be checked: {error}",
                            report.unwrap_or_default()
                        )
                    }
                    (Some(report), None) => render::verdict(report),
                    (None, None) => "Nothing was found out.".to_owned(),
                };
                print(format!("{name:<width$}  {said}\n").as_bytes())?;
            }
            LineForm::Json => {
                print_line(&PairJson {
                    r#type: "pair",
                    name: &name,
                    exit_code: result.exit_code,
                    error: error.map(|(error, _)| error.as_str()),
                    hint: error.and_then(|(_, hint)| hint.as_deref()),
                    report: result.report.as_ref().map(whole),
                })?;
            }
            LineForm::Report(renderer) => {
                if let Some((error, _)) = error {
                    crate::progress::say(&format!("flowdiff: {name}: {error}"));
                }
                let Some(report) = &result.report else {
                    return Ok(());
                };
                let style = Style {
                    pair: Some(&name),
                    ..Style::default()
                };
                let mut text = Vec::new();
                (renderer.write)(report, style, &mut text).map_err(standard_output)?;
                print(&text)?;
            }
        }
        Ok(())
    }
}
