//! The worst few records, grouped by the part that they stand in.

use itertools::Itertools;

use super::TextPage;
use super::block::Block;
use super::columns::SectionColumns;
use crate::model::finding::{Evidence, Finding, LeftoverKind, Pair};
use crate::model::words::{count, thousands};
use crate::model::{Side, Sides};
use crate::render::escape::escape;
use crate::render::paint::Ink;
use crate::render::place::Where;
use crate::render::wording::FROM_SUMS;
use crate::report::Report;

/// How many records are shown if nobody says how many.
const SHOWN: usize = 10;

/// What a section is about: leftovers of a kind and side, or pairs.
type SectionSubject = Option<(LeftoverKind, Side)>;

/// The subjects, the worst first.
const WORST_FIRST: [SectionSubject; 9] = [
    Some((LeftoverKind::Missing, Side::S3)),
    Some((LeftoverKind::Missing, Side::Cwl)),
    None,
    Some((LeftoverKind::Surplus, Side::S3)),
    Some((LeftoverKind::Surplus, Side::Cwl)),
    Some((LeftoverKind::Undetermined, Side::S3)),
    Some((LeftoverKind::Undetermined, Side::Cwl)),
    Some((LeftoverKind::Pending, Side::S3)),
    Some((LeftoverKind::Pending, Side::Cwl)),
];

/// A record that is shown.
#[derive(Clone, Copy)]
pub(super) enum ShownRecord<'a> {
    One(Side, &'a Evidence),
    Two(&'a Pair),
}

impl<'a> ShownRecord<'a> {
    /// Returns the copies that stand for it, each with its side.
    pub(super) fn copies(self) -> Vec<(Side, &'a Evidence)> {
        match self {
            Self::One(side, evidence) => vec![(side, evidence)],
            Self::Two(pair) => vec![(Side::S3, &pair.s3), (Side::Cwl, &pair.cwl)],
        }
    }

    fn parts(self) -> Vec<&'a str> {
        let copies = self.copies().into_iter();
        copies.map(|(_, found)| &*found.found_in.part).collect()
    }
}

/// Writes the worst few records, or as many as are asked for.
pub(super) fn rows(page: &TextPage, report: &Report) -> Block {
    let all: Vec<(SectionSubject, u64, Vec<ShownRecord<'_>>)> = WORST_FIRST
        .into_iter()
        .map(|subject| (subject, total(report, subject), of(report, subject)))
        .filter(|(_, number, _)| *number > 0)
        .collect();
    let most = page.rows.unwrap_or(SHOWN);
    let shares = shares(
        &all.iter()
            .map(|(.., shown)| shown.len())
            .collect::<Vec<_>>(),
        most,
    );
    let mut items = Vec::new();
    let (mut number, mut told) = (0, 0);
    for ((subject, of_section, shown), share) in all.iter().zip(shares) {
        number += of_section;
        told += share as u64;
        items.extend(section(
            page,
            report,
            *subject,
            *of_section,
            &shown[..share],
            items.is_empty(),
        ));
    }
    let block = Block::of(items, 1)
        .leaving(number.saturating_sub(told))
        .saying(|left| {
            format!(
                "  ... and {} more: --rows N, or --all-differences FILE",
                thousands(left)
            )
        });
    match page.rows {
        Some(_) => block.uncounted(),
        None => block,
    }
}

/// Shares out so many among sections: one to each in turn, until all is shared or shown.
fn shares(available: &[usize], most: usize) -> Vec<usize> {
    let mut shares = vec![0; available.len()];
    let mut left = most.min(available.iter().sum());
    while left > 0 {
        for (share, available) in shares.iter_mut().zip(available) {
            if *share < *available && left > 0 {
                *share += 1;
                left -= 1;
            }
        }
    }
    shares
}

/// The exact number, which may be more than there is evidence of.
fn total(report: &Report, subject: SectionSubject) -> u64 {
    let counts = &report.counts;
    let Some((kind, side)) = subject else {
        return counts.divergent;
    };
    let numbers: &Sides<u64> = match kind {
        LeftoverKind::Missing => &counts.missing,
        LeftoverKind::Surplus => &counts.surplus,
        LeftoverKind::Pending => &counts.pending,
        LeftoverKind::Undetermined => &counts.undetermined,
    };
    numbers[side]
}

/// Returns the evidence of a section, that of the largest findings first.
fn of(report: &Report, subject: SectionSubject) -> Vec<ShownRecord<'_>> {
    let is_of = |finding: &&Finding| match finding {
        Finding::Leftovers { kind, side, .. } => subject == Some((*kind, *side)),
        Finding::Divergent { .. } => subject.is_none(),
    };
    let findings = report.findings.iter().filter(is_of);
    let largest = findings.sorted_by_key(|finding| std::cmp::Reverse(finding.records()));
    largest
        .flat_map(|finding| match finding {
            Finding::Leftovers {
                kind,
                side,
                evidence,
                ..
            } => {
                let owner = kind.owner(*side);
                let shown = evidence.iter().map(|found| ShownRecord::One(owner, found));
                shown.collect::<Vec<_>>()
            }
            Finding::Divergent { evidence, .. } => evidence.iter().map(ShownRecord::Two).collect(),
        })
        .collect()
}

/// Returns an item for each record, the first with the section's heading, and each first of a part with its place.
fn section(
    page: &TextPage,
    report: &Report,
    subject: SectionSubject,
    number: u64,
    shown: &[ShownRecord<'_>],
    first: bool,
) -> Vec<Vec<String>> {
    let (title, explained) = heading(subject, number);
    let mut head = if first {
        Vec::new()
    } else {
        vec![String::new()]
    };
    let columns = SectionColumns::of(page.width, shown, |side| {
        Where::of(report, side).is_stream()
    });
    let explained = match columns.day() {
        Some(day) => format!("{explained}; UTC of {day}"),
        None => explained,
    };
    head.extend(page.heading(&title, &explained));
    if shown.is_empty() {
        return vec![head];
    }
    let mut groups: Vec<(Vec<&str>, Vec<ShownRecord<'_>>)> = Vec::new();
    for one in shown {
        let parts = one.parts();
        match groups.iter_mut().find(|(of, _)| *of == parts) {
            Some((_, group)) => group.push(*one),
            None => groups.push((parts, vec![*one])),
        }
    }
    head.push(page.paint.ink(Ink::Aside, &columns.head()));
    let mut items = Vec::new();
    for (_, group) in groups {
        for (place, one) in group.into_iter().enumerate() {
            let mut lines = std::mem::take(&mut head);
            if place == 0 {
                lines.extend(places(report, one));
            }
            lines.extend(columns.row(one));
            if let ShownRecord::Two(pair) = one {
                let unequal = pair.fields.iter().map(|name| inequality(pair, name));
                let unequal = match pair.fields.is_empty() {
                    true => FROM_SUMS.to_owned(),
                    false => unequal.collect::<Vec<_>>().join(", "),
                };
                lines.extend(page.wrapped("      ", "      ", &unequal));
            }
            items.push(lines);
        }
    }
    items
}

/// Writes where a record stands, each place on a line of its own.
fn places(report: &Report, shown: ShownRecord<'_>) -> Vec<String> {
    let copies = shown.copies();
    let is_pair = copies.len() > 1;
    let line = |(side, found): (Side, &Evidence)| {
        let place = escape(&Where::of(report, side).row(&found.found_in));
        match is_pair {
            true => format!("  {:<3}  {place}", side.name()),
            false => format!("  {place}"),
        }
    };
    copies.into_iter().map(line).collect()
}

/// Writes `bytes 336 ≠ 340`.
fn inequality(pair: &Pair, name: &str) -> String {
    let value = |found: &Evidence| escape(found.record.get(name).unwrap_or("-"));
    format!(
        "{} {} ≠ {}",
        escape(name),
        value(&pair.s3),
        value(&pair.cwl)
    )
}

/// Returns a title and what it means.
fn heading(subject: SectionSubject, number: u64) -> (String, String) {
    let records = count(number, "record");
    let Some((kind, side)) = subject else {
        return (
            format!("Divergent: {records}"),
            "the same flow with unequal values, s3 ≠ cwl".to_owned(),
        );
    };
    let (here, there) = (side.name(), side.other().name());
    let (name, explained) = match kind {
        LeftoverKind::Missing => ("Missing", format!("{there} has what {here} lacks")),
        LeftoverKind::Surplus => ("Surplus", "extra copies of what both have".to_owned()),
        LeftoverKind::Pending => (
            "Pending",
            format!("{there} has what may still arrive on {here}"),
        ),
        LeftoverKind::Undetermined => (
            "Undetermined",
            format!("{there} has what may sit in what was not read on {here}"),
        ),
    };
    (format!("{name} on {here}: {records}"), explained)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_section_has_its_share() {
        for (available, most, expected) in [
            (&[100, 1, 0][..], 10, &[9, 1, 0][..]),
            (&[100, 100], 3, &[2, 1]),
            (&[1, 1], 10, &[1, 1]),
            (&[5, 5], 0, &[0, 0]),
        ] {
            assert_eq!(shares(available, most), expected);
        }
    }
}
