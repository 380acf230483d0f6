//! What a round leaves in the archive: a line for each look that came to something, and its report in two forms.

use std::collections::BTreeMap;
use std::io;

use crate::archive::{
    ArchiveLine, ArchivedReport, KeptFile, LineCause, LineInterface, LineWindow, Look, NamedHash,
    hash,
};
use crate::model::finding::{Finding, LeftoverKind};
use crate::model::window::rfc3339;
use crate::model::{Side, Sides};
use crate::render;
use crate::render::Style;
use crate::report::{Carried, Report};

use super::state::ArchiveEnd;

/// A look at one window, as it is to be kept.
#[derive(Clone, Debug)]
pub struct WindowLook {
    /// Which look.
    pub look: Look,
    /// What a check of the window alone would say; of a later look, what it decided.
    pub report: Report,
    /// What is still looked for after it.
    pub carried: Carried,
    /// For each cause in the report, since when it has been told, if it has.
    pub known_since: Vec<Option<i64>>,
}

/// Adds the lines of a round's looks to what is to be written, with the reports of those that have findings. `now` is the clock of
/// the round.
///
/// # Errors
/// A report cannot be made.
pub fn keep(kept: &mut ArchiveEnd, looks: &[WindowLook], now: i64) -> io::Result<()> {
    for look in looks {
        let Some(mut line) = line(look, now) else {
            continue;
        };
        let report = &look.report;
        let mut files = Vec::new();
        if !(report.findings.is_empty() && report.troubles.is_empty()) {
            let number = kept.last().map_or(0, |last| last.number) + 1;
            let stem = format!(
                "reports/{}/{number:09}-{}",
                &rfc3339(now)[..10],
                rfc3339(line.window.start).replace([':', '-'], "")
            );
            let json = file(report, "json", &stem)?;
            let html = file(report, "html", &stem)?;
            line.report = Some(ArchivedReport {
                json: named(&json),
                html: named(&html),
            });
            files.extend([json, html]);
        }
        kept.add(line, &files)?;
    }
    Ok(())
}

fn file(report: &Report, format: &str, stem: &str) -> io::Result<KeptFile> {
    let renderer = render::find(format).ok_or_else(|| io::Error::other(format.to_owned()))?;
    let mut bytes = Vec::new();
    (renderer.write)(report, Style::default(), &mut bytes)?;
    Ok(KeptFile {
        name: format!("{stem}.{format}"),
        bytes,
    })
}

fn named(file: &KeptFile) -> NamedHash {
    NamedHash {
        name: file.name.clone(),
        sha256: hash(&file.bytes),
    }
}

/// Makes the line, whose place in the chain is not known yet.
fn line(look: &WindowLook, now: i64) -> Option<ArchiveLine> {
    let report = &look.report;
    let (start, end) = report.window.start.zip(report.window.end)?;
    let (interfaces, more_interfaces) = interfaces(report);
    let sides = &report.sides;
    let known = look
        .known_since
        .iter()
        .copied()
        .chain(std::iter::repeat(None));
    let causes = report.why.causes.iter().zip(known);
    Some(ArchiveLine {
        schema: "flowdiff.archive/1".to_owned(),
        number: 0,
        previous: None,
        look: look.look,
        window: LineWindow { start, end },
        read_at: now,
        rewound_to: None,
        sources: sides.as_ref().map(|side| side.source.clone()),
        records: sides.as_ref().map(|side| side.records),
        verdict: report.verdict,
        counts: report.counts,
        unexplained: report.why.unexplained,
        unreadable_parts: sides.as_ref().map(|side| side.unreadable_parts),
        malformed: sides.as_ref().map(|side| side.malformed),
        causes: causes
            .map(|(cause, known_since)| LineCause {
                kind: cause.kind.to_owned(),
                side: cause.side,
                certain: cause.certain,
                records: cause.records,
                text: render::explained(cause),
                known_since,
            })
            .collect(),
        interfaces,
        more_interfaces,
        delays: sides.as_ref().map(|side| side.delivery_delay_seconds),
        carried: look.carried,
        report: None,
    })
}

/// Counts what is lost or changed by interface; returns those with most, and how many more there are.
fn interfaces(report: &Report) -> (Vec<LineInterface>, u64) {
    let mut by_name: BTreeMap<&str, LineInterface> = BTreeMap::new();
    for finding in &report.findings {
        let name = &*finding.bucket().interface;
        let mut add = |to: fn(&mut LineInterface) -> &mut u64, records: u64| {
            let one = by_name.entry(name).or_insert_with(|| LineInterface {
                interface: name.to_owned(),
                missing: Sides::default(),
                surplus: Sides::default(),
                divergent: 0,
            });
            *to(one) += records;
        };
        match finding {
            Finding::Divergent { records, .. } => add(|one| &mut one.divergent, *records),
            Finding::Leftovers {
                kind,
                side,
                records,
                ..
            } => match (kind, side) {
                (LeftoverKind::Missing, Side::S3) => add(|one| &mut one.missing.s3, *records),
                (LeftoverKind::Missing, Side::Cwl) => add(|one| &mut one.missing.cwl, *records),
                (LeftoverKind::Surplus, Side::S3) => add(|one| &mut one.surplus.s3, *records),
                (LeftoverKind::Surplus, Side::Cwl) => add(|one| &mut one.surplus.cwl, *records),
                (LeftoverKind::Pending | LeftoverKind::Undetermined, _) => {}
            },
        }
    }
    let mut all: Vec<_> = by_name.into_values().collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.total()));
    let more = all.len().saturating_sub(LineInterface::MOST) as u64;
    all.truncate(LineInterface::MOST);
    (all, more)
}
