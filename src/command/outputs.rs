//! The files of a run: opened before the work starts, written when it is done.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Write};
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
use crate::temporary;

/// The files of a run, opened before the work starts.
pub(super) struct Outputs {
    reports: Vec<(&'static Renderer, Output)>,
    pub(super) differences: Option<DifferencesFile>,
    pub(super) repair: Option<Repair>,
}

/// All differences, a line each: the file that was asked for, and a temporary one for reports that show them all. What goes
/// wrong with the first (a full disk) does not cost the report, and is said at its end.
pub(super) struct DifferencesFile {
    output: Option<Output>,
    failed: Option<io::Error>,
    kept: Option<BufWriter<File>>,
    not_kept: Option<io::Error>,
}

/// What became of the files of a run.
pub(super) struct Written {
    /// What the first that could not be written has run into.
    pub(super) result: Result<(), Error>,
    /// Every difference, if standard output is to show them.
    pub(super) every: Option<File>,
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
            differences: DifferencesFile::open(differences, plan.shows_every())?,
            repair: repair
                .map(|(folder, targets)| Repair::open(folder, targets))
                .transpose()?,
        })
    }

    /// Writes no file of all differences, and no cure: not all of them are known.
    pub(super) fn forget_differences(&mut self) {
        self.repair = None;
        if let Some(output) = self.differences.take().and_then(|it| it.output) {
            say(&format!(
                "flowdiff: {}: not written, since not every difference is known yet",
                escape(&output.path().display().to_string())
            ));
        }
    }

    /// Completes the report, writes it in all forms asked for and gives the files their names. One that cannot be written
    /// keeps no other from being written.
    pub(super) fn write(
        self,
        plan: &CheckPlan,
        report: &mut Report,
        began: Instant,
        redaction: Option<&Arc<Redaction>>,
        history: Option<&History>,
    ) -> Written {
        complete(plan, report, began, redaction);
        let (finished, every) = match self.differences {
            None => (Ok(()), Ok(None)),
            Some(differences) => differences.finish(),
        };
        let (kept, every) = match every {
            Ok(every) => (Ok(()), every),
            Err(error) => (Err(Error::Temporary(error)), None),
        };
        let reports = self.reports.into_iter();
        let mut written: Vec<_> = reports
            .map(|(renderer, output)| {
                write_report(renderer, report, plan, (output, every.as_ref(), history))
            })
            .collect();
        written.extend([finished, kept]);
        written.extend(self.repair.map(|repair| cure(repair, plan, report)));
        Written {
            result: written.into_iter().collect(),
            every,
        }
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
    let of_pair = plan.pair.as_ref().map(|pair| pair.typed.clone());
    let words = of_pair.unwrap_or_else(|| std::env::args_os().collect());
    report.next = next(&words, report, redaction.is_some());
    if let Some(redaction) = redaction {
        *report = redaction.report(report.clone());
    }
}

/// Options whose values are not to be told.
const SECRET: [&str; 3] = ["--redact-key", "--s3-external-id", "--cwl-external-id"];

/// Options that say where a look was made, and how many values they have: the same check tells the same without them.
const LOOKS: [(&str, usize); 2] = [("--first-look", 2), ("--second-look", 1)];

/// Returns what was typed, without secrets and without what says where looks were made.
fn arguments(typed: impl Iterator<Item = OsString>) -> Vec<String> {
    let mut passed = 0;
    let typed = typed.filter(|word| {
        passed = words_of_look(word).unwrap_or(passed);
        let is_passed = passed > 0;
        passed = passed.saturating_sub(1);
        !is_passed
    });
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

/// Returns how many words an option takes, its own included, if it says where a look was made.
fn words_of_look(word: &OsStr) -> Option<usize> {
    let word = word.to_str()?;
    LOOKS.iter().find_map(|(name, values)| {
        let rest = word.strip_prefix(name)?;
        match rest.is_empty() {
            true => Some(values + 1),
            false => rest.starts_with('=').then_some(1),
        }
    })
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
    plan: &CheckPlan,
    (mut output, every, history): (Output, Option<&File>, Option<&History>),
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
        rows: plan.rows,
        previous: &previous,
        history,
        every,
        pair: plan.pair.as_ref().map(|pair| &*pair.name),
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
    /// Opens what is wanted: the file at a path, a temporary one, both or none.
    fn open(path: Option<&Path>, keep: bool) -> Result<Option<Self>, Error> {
        if path.is_none() && !keep {
            return Ok(None);
        }
        let kept = keep.then(temporary::file).transpose();
        Ok(Some(Self {
            output: path.map(Output::open).transpose()?,
            failed: None,
            kept: kept.map_err(Error::Temporary)?.map(BufWriter::new),
            not_kept: None,
        }))
    }

    pub(super) fn tell(
        &mut self,
        redaction: Option<&Arc<Redaction>>,
        bucket: &Bucket,
        kind: DifferenceKind,
        shown: &Shown,
    ) {
        let told = redaction.map(|redaction| (redaction.bucket(bucket), redaction.shown(shown)));
        let (bucket, shown) = match &told {
            None => (bucket, shown),
            Some((bucket, shown)) => (bucket, shown),
        };
        if let Some(output) = self.output.as_mut().filter(|_| self.failed.is_none()) {
            self.failed = write_difference(output, bucket, kind, shown).err();
        }
        if let Some(kept) = self.kept.as_mut().filter(|_| self.not_kept.is_none()) {
            let written = write_difference(kept, bucket, kind, shown);
            self.not_kept = written.err().map(|error| temporary::no_room(&error));
        }
    }

    /// Completes the file, and returns what was kept.
    fn finish(self) -> (Result<(), Error>, io::Result<Option<File>>) {
        let finished = match (self.output, self.failed) {
            (Some(output), Some(source)) => Err(Error::Output {
                path: output.path().to_owned(),
                source,
            }),
            (Some(output), None) => output.finish(),
            (None, _) => Ok(()),
        };
        let kept = match (self.kept, self.not_kept) {
            (_, Some(error)) => Err(error),
            (Some(kept), None) => match kept.into_inner() {
                Ok(file) => Ok(Some(file)),
                Err(error) => Err(temporary::no_room(error.error())),
            },
            (None, None) => Ok(None),
        };
        (finished, kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_told_without_secrets() {
        let typed = "flowdiff check s3://a b --redact-key key --s3-external-id=id -o json \
                     --first-look a.digest b.digest --second-look rows --first-look=a,b --second-look=rows \
                     --s3-endpoint-url https://user:password@host";
        let told = arguments(typed.split_whitespace().map(OsString::from)).join(" ");
        let expected = "check s3://a b --redact-key *** --s3-external-id=*** -o json \
                        --s3-endpoint-url https://***@host";
        assert_eq!(told, expected);
    }
}
