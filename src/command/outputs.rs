//! The files of a run: opened before the work starts, written when it is done.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::next::next;
use crate::cli::plan::Plan;
use crate::diff::{Kind, Shown};
use crate::model::finding::Bucket;
use crate::model::{Error, Side};
use crate::output::Output;
use crate::render::{Paint, Renderer, Style, write_difference};
use crate::report::Report;
use crate::report::redact::{Redaction, without_secrets};

/// The files of a run, opened before the work starts.
pub(super) struct Outputs {
    reports: Vec<(&'static Renderer, Output)>,
    pub(super) differences: Option<Differences>,
}

/// The file of all differences. What goes wrong with it (a full disk) does not cost the report, and is said at its end.
pub(super) struct Differences {
    output: Output,
    failed: Option<io::Error>,
}

impl Outputs {
    pub(super) fn open(plan: &Plan) -> Result<Self, Error> {
        let open =
            |(renderer, path): &(&'static Renderer, PathBuf)| Ok((*renderer, Output::open(path)?));
        let differences = plan.check.all_differences.as_deref();
        Ok(Self {
            reports: plan
                .reports
                .iter()
                .map(open)
                .collect::<Result<_, Error>>()?,
            differences: differences.map(Differences::open).transpose()?,
        })
    }

    /// Completes the report, writes it in all forms asked for and gives the files their names. One that cannot be written
    /// keeps no other from being written.
    ///
    /// # Errors
    /// What the first of them has run into.
    pub(super) fn write(
        self,
        plan: &Plan,
        report: &mut Report,
        began: Instant,
        redaction: Option<&Arc<Redaction>>,
    ) -> Result<(), Error> {
        report.tolerated = plan.fail_on.tolerated(report);
        report.causes.extend(report.tolerated.iter().cloned());
        report.took = began.elapsed();
        for side in Side::BOTH {
            let source = &mut report.sides[side].source;
            *source = without_secrets(source).into_owned();
        }
        let words: Vec<_> = std::env::args_os().collect();
        report.next = next(&words, report, redaction.is_some());
        if let Some(redaction) = redaction {
            *report = redaction.report(report.clone());
        }
        let reports = self.reports.into_iter();
        let mut written: Vec<_> = reports
            .map(|(renderer, output)| write_report(renderer, report, output))
            .collect();
        written.extend(self.differences.map(Differences::finish));
        written.into_iter().collect()
    }
}

fn write_report(renderer: &Renderer, report: &Report, mut output: Output) -> Result<(), Error> {
    let previous = if renderer.carries_over {
        output.previous()
    } else {
        String::new()
    };
    let plain = Style {
        paint: Paint::Never,
        previous: &previous,
    };
    let written = (renderer.write)(report, plain, &mut output);
    written.map_err(|source| Error::Output {
        path: output.path().to_owned(),
        source,
    })?;
    output.finish()
}

impl Differences {
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
        kind: Kind,
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
