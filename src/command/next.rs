//! What a report says to do next, with the command for it.

use std::ffi::OsString;

use crate::causes::{CommandChange, NextStep, kind};
use crate::cli::again;
use crate::diff::heading;
use crate::model::window::SLOT;
use crate::report::redact::without_secrets;
use crate::report::{Next, Report, Verdict};

/// Returns what to do next about a report that has nothing replaced in it yet; `None` if there is nothing to do. Of one that is to
/// be given away no interface is named.
pub(super) fn next(words: &[OsString], report: &Report, is_redacted: bool) -> Option<Next> {
    let step = step(report, is_redacted)?;
    let command = again(words, &report.window, &step.changes);
    Some(Next {
        text: step.text,
        command: command.map(|command| without_secrets(&command).into_owned()),
    })
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
