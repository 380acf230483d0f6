//! The rounds of a watch, as a person reads them: a line a round, the report when something was found, a dot when nothing was due.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::time::Duration;

use crate::cli::Color;
use crate::cli::args::OutputArgs;
use crate::job::watch::{RoundLine, RoundSink};
use crate::model::Error;
use crate::model::window::rfc3339;
use crate::render;
use crate::report::{Report, Verdict};

use super::print::{print, print_report};

/// Tells rounds to a person.
pub(super) struct Person {
    rows: Option<usize>,
    color: Color,
    /// Whether the last thing that was written is a dot.
    in_dots: bool,
    /// Whether something was written in this round.
    has_said: bool,
}

/// Tells whether what a watch says is for a person: on a terminal, unless another format is asked for.
pub(super) fn is_for_person(output: &OutputArgs) -> bool {
    match output.output.as_deref() {
        None => std::io::stdout().is_terminal(),
        Some(format) => format == "text",
    }
}

impl Person {
    pub(super) fn new(rows: Option<usize>, color: Color) -> Self {
        Self {
            rows,
            color,
            in_dots: false,
            has_said: false,
        }
    }

    /// Tells what came of a round, or of a pair in it, if anything did. `name` is the pair's; `left` the time until the next round,
    /// if that is known.
    pub(super) fn tell_of(
        &mut self,
        name: Option<&str>,
        round: &RoundLine,
        left: Option<Duration>,
    ) -> Result<(), Error> {
        if is_idle(round) {
            return Ok(());
        }
        self.has_said = true;
        let mut text = String::new();
        if std::mem::take(&mut self.in_dots) {
            text.push('\n');
        }
        text += &line(name, round, left);
        print(text.as_bytes())?;
        match &round.report {
            Some(report) if report.verdict == Verdict::Different => {
                print(b"\n")?;
                print_report(&render::RENDERERS[0], report, (self.rows, None), self.color)?;
                print(b"\n").map(drop)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Ends a round: a dot stands for one of which there was nothing to say.
    fn end_round(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.has_said) {
            return Ok(());
        }
        self.in_dots = true;
        print(b".").map(drop)
    }
}

impl RoundSink for Person {
    fn tell(&mut self, round: &RoundLine, left: Duration) -> Result<(), Error> {
        self.tell_of(None, round, Some(left))?;
        self.end_round()
    }
}

/// Ends the rounds of several pairs, of each of which the person was told.
pub(super) struct PairsEnd<'a>(pub(super) &'a RefCell<Person>);

impl RoundSink for PairsEnd<'_> {
    fn tell(&mut self, round: &RoundLine, left: Duration) -> Result<(), Error> {
        let mut person = self.0.borrow_mut();
        if round.error.is_some() {
            person.tell_of(None, round, Some(left))?;
        }
        person.end_round()
    }
}

impl Drop for Person {
    /// Ends the line of dots, for whoever writes next.
    fn drop(&mut self) {
        if self.in_dots {
            // Nobody can be told.
            let _ = print(b"\n");
        }
    }
}

/// Tells whether nothing was due, nothing is open and nothing is wrong.
fn is_idle(round: &RoundLine) -> bool {
    let state = round.report.as_ref().and_then(|it| it.state.as_ref());
    round.error.is_none() && round.exit_code == 0 && state.is_some_and(|it| it.is_nothing())
}

/// Returns what is said of a round that read something or could not.
fn line(name: Option<&str>, round: &RoundLine, left: Option<Duration>) -> String {
    let mut text = rfc3339(round.at);
    if let Some(name) = name {
        text += &format!("  {name}");
    }
    if let Some(report) = &round.report {
        text += &format!("  {}", stretch(report));
        // Of what differs the report follows, which begins with it.
        if report.verdict != Verdict::Different {
            text += &format!("  {}", render::verdict(report));
        }
    }
    text.push('\n');
    if let Some((error, hint)) = &round.error {
        let next = left.map_or_else(String::new, |left| {
            let left = Duration::from_secs(left.as_secs());
            format!("; next round in {}", humantime::format_duration(left))
        });
        let hint = hint
            .as_ref()
            .map_or_else(String::new, |hint| format!(" (hint: {hint})"));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {error}{hint}{next}");
    }
    text
}

/// Returns the windows of a round, without the day where it is the same.
fn stretch(report: &Report) -> String {
    let (Some(start), Some(end)) = (report.window.start, report.window.end) else {
        return "-".to_owned();
    };
    let (start, end) = (rfc3339(start), rfc3339(end));
    match (start.split_once('T'), end.split_once('T')) {
        (Some((day, from)), Some((same, to))) if day == same => format!("{from} to {to}"),
        _ => format!("{start} to {end}"),
    }
}
