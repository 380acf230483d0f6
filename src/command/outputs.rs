//! The files of a run: opened before the work starts, written when it is done.

use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::next::next;
use crate::archive::History;
use crate::cli::plan::CheckPlan;
use crate::diff::{DifferenceKind, Shown};
use crate::model::finding::Bucket;
use crate::model::words::{count, thousands};
use crate::model::{Error, Side};
use crate::output::Output;
use crate::progress::say;
use crate::render::{Renderer, Style, escape, write_difference};
use crate::repair::Repair;
use crate::report::Report;
use crate::report::reached::Reached;
use crate::report::redact::{Redaction, without_secrets};
use crate::source::SourceOptions;

/// The files of a run, opened before the work starts.
pub(super) struct Outputs {
    reports: Vec<(&'static Renderer, Output)>,
    pub(super) differences: Option<DifferencesFile>,
    pub(super) repair: Option<Repair>,
}

/// The file of all differences. What goes wrong with it (a full disk) does not cost the report, and is said at its end.
pub(super) struct DifferencesFile {
    output: Output,
    failed: Option<io::Error>,
}

impl Outputs {
    pub(super) fn open(plan: &CheckPlan) -> Result<Self, Error> {
        let open =
            |(renderer, path): &(&'static Renderer, PathBuf)| Ok((*renderer, Output::open(path)?));
        let differences = plan.check.all_differences.as_deref();
        let repair = plan.repair.as_ref();
        let repair = repair.map(|(folder, targets)| (folder, targets.clone()));
        Ok(Self {
            reports: plan
                .reports
                .iter()
                .map(open)
                .collect::<Result<_, Error>>()?,
            differences: differences.map(DifferencesFile::open).transpose()?,
            repair: repair
                .map(|(folder, targets)| Repair::open(folder, targets))
                .transpose()?,
        })
    }

    /// Writes no file of all differences, and no cure: not all of them are known.
    pub(super) fn forget_differences(&mut self) {
        self.repair = None;
        if let Some(differences) = self.differences.take() {
            say(&format!(
                "flowdiff: {}: not written, since not every difference is known yet",
                escape(&differences.output.path().display().to_string())
            ));
        }
    }

    /// Completes the report, writes it in all forms asked for and gives the files their names. One that cannot be written
    /// keeps no other from being written.
    ///
    /// # Errors
    /// What the first of them has run into.
    pub(super) fn write(
        self,
        plan: &CheckPlan,
        report: &mut Report,
        began: Instant,
        redaction: Option<&Arc<Redaction>>,
        history: Option<&History>,
    ) -> Result<(), Error> {
        complete(plan, report, began, redaction);
        let reports = self.reports.into_iter();
        let mut written: Vec<_> = reports
            .map(|(renderer, output)| write_report(renderer, report, plan.rows, history, output))
            .collect();
        written.extend(self.differences.map(DifferencesFile::finish));
        written.extend(self.repair.map(|repair| cure(repair, plan, report)));
        written.into_iter().collect()
    }
}

/// Makes the cure and says what it is.
fn cure(repair: Repair, plan: &CheckPlan, report: &Report) -> Result<(), Error> {
    let made = repair.finish(report, report.settle.now)?;
    let folder = plan
        .repair
        .as_ref()
        .map(|(folder, _)| folder.display().to_string());
    say(&format!(
        "flowdiff: {}: for s3 {}, for cwl {}; {} would be refused, {} not touched: see README.txt",
        escape(&folder.unwrap_or_default()),
        count(made.for_s3.0, "record"),
        count(made.for_cwl.0, "record"),
        thousands(made.refused),
        thousands(made.untouched)
    ));
    Ok(())
}

/// Completes a report: what is tolerated, how long it took, and nothing in it that is not to be told.
pub(super) fn complete(
    plan: &CheckPlan,
    report: &mut Report,
    began: Instant,
    redaction: Option<&Arc<Redaction>>,
) {
    report.tolerated = plan.fail_on.tolerated(report);
    report.causes.extend(report.tolerated.iter().cloned());
    report.took = began.elapsed();
    report.arguments = arguments(std::env::args_os());
    report.reached = plan.sources.as_ref().map(|(_, options)| reached(options));
    for side in Side::BOTH {
        let source = &mut report.sides[side].source;
        *source = without_secrets(source).into_owned();
    }
    let words: Vec<_> = std::env::args_os().collect();
    report.next = next(&words, report, redaction.is_some());
    if let Some(redaction) = redaction {
        *report = redaction.report(report.clone());
    }
}

/// Options whose values are not to be told.
const SECRET: [&str; 3] = ["--redact-key", "--s3-external-id", "--cwl-external-id"];

/// Returns what was typed, without secrets.
fn arguments(typed: impl Iterator<Item = OsString>) -> Vec<String> {
    let mut is_secret = false;
    let shown = |word: OsString| {
        let word = word.to_string_lossy().into_owned();
        let hidden = std::mem::replace(&mut is_secret, SECRET.contains(&&*word));
        let of_secret = word
            .split_once('=')
            .filter(|(name, _)| SECRET.contains(name));
        match of_secret {
            _ if hidden => "***".to_owned(),
            Some((name, _)) => format!("{name}=***"),
            None => without_secrets(&word).into_owned(),
        }
    };
    typed.skip(1).map(shown).collect()
}

fn reached(options: &SourceOptions) -> Reached {
    Reached {
        profile: options.profile.clone(),
        region: options.region.clone(),
        endpoint_url: options.endpoint_url.clone(),
        request_payer: options.request_payer,
    }
    .map_texts(&|text| without_secrets(text).into_owned())
}

fn write_report(
    renderer: &Renderer,
    report: &Report,
    rows: Option<usize>,
    history: Option<&History>,
    mut output: Output,
) -> Result<(), Error> {
    let state = report.state.as_ref();
    let nothing_due = state.filter(|state| state.is_nothing());
    let previous = match renderer.carries_over || nothing_due.is_some() {
        true => output.previous(),
        false => String::new(),
    };
    // What was found last stays where it is looked for.
    if let (Some(state), Some(looked), false) = (nothing_due, renderer.looked, previous.is_empty())
    {
        let kept = looked(&previous, state.looked_at);
        return output
            .write_all(kept.as_bytes())
            .map_err(|source| Error::Output {
                path: output.path().to_owned(),
                source,
            })
            .and_then(|()| output.finish());
    }
    let plain = Style {
        rows,
        previous: &previous,
        history,
        ..Style::default()
    };
    let written = (renderer.write)(report, plain, &mut output);
    written.map_err(|source| Error::Output {
        path: output.path().to_owned(),
        source,
    })?;
    output.finish()
}

impl DifferencesFile {
    fn open(path: &Path) -> Result<Self, Error> {
        let output = Output::open(path)?;
        Ok(Self {
            output,
            failed: None,
        })
    }

    pub(super) fn tell(
        &mut self,
        redaction: Option<&Arc<Redaction>>,
        bucket: &Bucket,
        kind: DifferenceKind,
        shown: &Shown,
    ) {
        if self.failed.is_some() {
            return;
        }
        let output = &mut self.output;
        let written = match redaction {
            None => write_difference(output, bucket, kind, shown),
            Some(redaction) => {
                let (bucket, shown) = (redaction.bucket(bucket), redaction.shown(shown));
                write_difference(output, &bucket, kind, &shown)
            }
        };
        self.failed = written.err();
    }

    fn finish(self) -> Result<(), Error> {
        match self.failed {
            None => self.output.finish(),
            Some(source) => Err(Error::Output {
                path: self.output.path().to_owned(),
                source,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_told_without_secrets() {
        let typed = "flowdiff check s3://a b --redact-key key --s3-external-id=id -o json \
                     --s3-endpoint-url https://user:password@host";
        let told = arguments(typed.split_whitespace().map(OsString::from)).join(" ");
        let expected = "check s3://a b --redact-key *** --s3-external-id=*** -o json \
                        --s3-endpoint-url https://***@host";
        assert_eq!(told, expected);
    }
}
