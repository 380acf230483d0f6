//! The files of a run: opened before the work starts, written when it is done.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

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
    pub(super) differences: Option<Output>,
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
            differences: differences.map(Output::open).transpose()?,
        })
    }

    /// Completes the report, writes it in all forms asked for and gives the files their names.
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
        if let Some(redaction) = redaction {
            *report = redaction.report(report.clone());
        }
        let mut reports = self.reports.into_iter();
        reports.try_for_each(|(renderer, output)| write_report(renderer, report, output))?;
        self.differences.map_or(Ok(()), Output::finish)
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

pub(super) fn tell_difference(
    output: &mut Output,
    redaction: Option<&Arc<Redaction>>,
    bucket: &Bucket,
    kind: Kind,
    shown: &Shown,
) -> io::Result<()> {
    match redaction {
        None => write_difference(output, bucket, kind, shown),
        Some(redaction) => {
            let (bucket, shown) = (redaction.bucket(bucket), redaction.shown(shown));
            write_difference(output, &bucket, kind, &shown)
        }
    }
}
