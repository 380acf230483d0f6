//! What a report says to do next, with the command for it.

use std::ffi::OsString;

use crate::causes::{Cause, CommandChange, NextStep, kind};
use crate::cli::again;
use crate::diff::heading;
use crate::model::window::SLOT;
use crate::report::redact::without_secrets;
use crate::report::{Next, Report, Verdict};

/// Returns what to do next about a report that has nothing replaced in it yet; `None` if there is nothing to do. Of one that is to
/// be given away no interface is named.
pub(super) fn next(words: &[OsString], report: &Report, is_redacted: bool) -> Option<Next> {
    let (step, words) = match of_digests(words, report, is_redacted) {
        Some(of_digests) => of_digests,
        None => (step(report, is_redacted)?, words.to_vec()),
    };
    let command = again(&words, &report.window, &step.changes);
    Some(Next {
        text: step.text,
        command: command.map(|command| without_secrets(&command).into_owned()),
    })
}

/// Returns what shows the rows where digests were compared and differ, and what was typed with what the digests are of in their
/// place.
fn of_digests(
    words: &[OsString],
    report: &Report,
    is_redacted: bool,
) -> Option<(NextStep, Vec<OsString>)> {
    let mut words = words.to_vec();
    let mut step = None;
    for cause in &report.causes {
        let Cause::Digest {
            side, of, asked, ..
        } = cause
        else {
            continue;
        };
        if report.verdict == Verdict::Consistent {
            return None;
        }
        let next = step.get_or_insert_with(|| {
            NextStep::new("check what the digests are of, which shows the rows")
        });
        if is_redacted && asked.iter().any(|(option, _)| *option == "--interface") {
            words.clear();
        }
        let changes = asked.iter().cloned();
        next.changes
            .extend(changes.map(|(option, value)| CommandChange::Set(option, value)));
        // Of a digest of several sources no single check shows the rows.
        let place = words
            .iter()
            .position(|word| *word == *report.sides[*side].source);
        match (&of[..], place) {
            ([one], Some(place)) => words[place] = one.into(),
            _ => words.clear(),
        }
    }
    Some((step?, words))
}

fn step(report: &Report, is_redacted: bool) -> Option<NextStep> {
    if let Some(cause) = report.why.causes.first() {
        return Some((kind(cause.kind).step)(cause));
    }
    let worst = report
        .findings
        .iter()
        .map(heading)
        .max_by_key(|(_, records)| *records);
    if let Some(((bucket, _), _)) = worst {
        let mut step = NextStep::new("look at the worst stretch alone");
        step = step.within(bucket.slot, bucket.slot.map(|slot| slot + SLOT));
        if !is_redacted && bucket.interface.starts_with("eni-") {
            step = step.set("--interface", &*bucket.interface);
        }
        return Some(step);
    }
    match report.verdict {
        Verdict::Consistent | Verdict::Different => None,
        Verdict::Unknown => Some(NextStep {
            text: "see what could not be read or compared, and what is lacking".to_owned(),
            changes: vec![CommandChange::Command("doctor")],
        }),
    }
}
