//! What is drawn of a report, whatever draws it: interfaces by time, and in what state each cell is.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::model::finding::{Finding, LeftoverKind};
use crate::model::window::rfc3339;
use crate::model::{Side, Sides};
use crate::report::Report;
use crate::report::held::{add, step};

/// What both sides held in a cell, and what of it differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ChartCell {
    /// Copies on each side, as far as known.
    pub(super) held: Sides<u64>,
    pub(super) missing: Sides<u64>,
    pub(super) surplus: Sides<u64>,
    pub(super) divergent: u64,
    pub(super) pending: Sides<u64>,
    pub(super) undetermined: Sides<u64>,
}

/// What a cell shows: the worst that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Neither side has anything there.
    Nothing,
    /// Nothing differs.
    Same,
    /// Only this side has some of it; nothing of it is on the other, if the flag is set.
    Only(Side, bool),
    Divergent,
    Surplus,
    Undetermined,
    Pending,
}

impl ChartCell {
    pub(super) fn state(&self) -> State {
        let only =
            |side: Side| State::Only(side, self.held[side] > 0 && self.held[side.other()] == 0);
        let any = |numbers: &Sides<u64>| numbers.s3 + numbers.cwl > 0;
        if any(&self.missing) {
            // What more is missing on.
            let lacking = if self.missing.s3 > self.missing.cwl {
                Side::S3
            } else {
                Side::Cwl
            };
            only(lacking.other())
        } else if self.divergent > 0 {
            State::Divergent
        } else if any(&self.surplus) {
            State::Surplus
        } else if any(&self.undetermined) {
            State::Undetermined
        } else if any(&self.pending) {
            State::Pending
        } else if any(&self.held) {
            State::Same
        } else {
            State::Nothing
        }
    }

    /// Returns how many records in it differ, or are not known to be the same.
    pub(super) fn differing(&self) -> u64 {
        let both = |numbers: &Sides<u64>| numbers.s3 + numbers.cwl;
        let open = both(&self.pending) + both(&self.undetermined);
        both(&self.missing) + both(&self.surplus) + self.divergent + open
    }

    fn count(&mut self, finding: &Finding) {
        match finding {
            Finding::Divergent { records, .. } => self.divergent += records,
            Finding::Leftovers {
                kind,
                side,
                records,
                ..
            } => {
                let numbers = match kind {
                    LeftoverKind::Missing => &mut self.missing,
                    LeftoverKind::Surplus => &mut self.surplus,
                    LeftoverKind::Pending => &mut self.pending,
                    LeftoverKind::Undetermined => &mut self.undetermined,
                };
                numbers[*side] += records;
            }
        }
    }
}

/// An interface's cells.
#[derive(Clone, Debug)]
pub(super) struct ChartRow {
    pub(super) interface: Arc<str>,
    /// How many records differ, those without a time included.
    pub(super) differing: u64,
    pub(super) cells: Vec<ChartCell>,
}

/// Interfaces by time, those that differ most first.
#[derive(Clone, Debug, Default)]
pub(super) struct Chart {
    /// The first second of the first column.
    start: i64,
    /// The seconds of a column.
    step: i64,
    columns: usize,
    pub(super) rows: Vec<ChartRow>,
    /// How many interfaces differ.
    pub(super) differing: usize,
    /// All interfaces together.
    pub(super) total: Vec<ChartCell>,
}

impl Chart {
    /// Draws at most so many columns, and so many interfaces that differ.
    pub(super) fn of(report: &Report, most_columns: usize, most_rows: usize) -> Self {
        Self::drawn(report, most_columns, most_rows, false)
    }

    /// Draws also interfaces that do not differ, as far as there is room.
    pub(super) fn of_all(report: &Report, most_columns: usize, most_rows: usize) -> Self {
        Self::drawn(report, most_columns, most_rows, true)
    }

    fn drawn(report: &Report, most_columns: usize, most_rows: usize, all: bool) -> Self {
        let mut differing: HashMap<&Arc<str>, u64> = HashMap::new();
        for finding in &report.findings {
            let mut one = ChartCell::default();
            one.count(finding);
            *differing.entry(&finding.bucket().interface).or_default() += one.differing();
        }
        let held = report.held.cells.keys().map(|(interface, _)| interface);
        let held: BTreeSet<&Arc<str>> = if all { held.collect() } else { BTreeSet::new() };
        let mut ranked: Vec<(&Arc<str>, u64)> = differing
            .iter()
            .map(|(name, number)| (*name, *number))
            .collect();
        ranked.extend(
            held.into_iter()
                .filter(|name| !differing.contains_key(name))
                .map(|name| (name, 0)),
        );
        ranked.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
        ranked.truncate(most_rows);
        let place: HashMap<&Arc<str>, usize> = ranked
            .iter()
            .enumerate()
            .map(|(at, (name, _))| (*name, at))
            .collect();
        let mut chart = Self::span(report, most_columns);
        chart.differing = differing.len();
        chart.total = vec![ChartCell::default(); chart.columns];
        let mut rows: Vec<ChartRow> = ranked
            .iter()
            .map(|(name, number)| ChartRow {
                interface: Arc::clone(name),
                differing: *number,
                cells: vec![ChartCell::default(); chart.columns],
            })
            .collect();
        for ((interface, at), copies) in &report.held.cells {
            if let (Some(row), Some(column)) = (place.get(interface), chart.column(*at)) {
                add(&mut rows[*row].cells[column].held, *copies);
            }
        }
        for (at, copies) in &report.held.over_time {
            if let Some(column) = chart.column(*at) {
                add(&mut chart.total[column].held, *copies);
            }
        }
        for finding in &report.findings {
            let bucket = finding.bucket();
            let Some(column) = bucket.slot.and_then(|slot| chart.column(slot)) else {
                continue;
            };
            chart.total[column].count(finding);
            if let Some(row) = place.get(&bucket.interface) {
                rows[*row].cells[column].count(finding);
            }
        }
        chart.rows = rows;
        chart
    }

    /// Returns an empty one from the first time that there is anything to the last.
    fn span(report: &Report, most_columns: usize) -> Self {
        let found = report.findings.iter().filter_map(|it| it.bucket().slot);
        let held = report.held.over_time.keys().copied();
        let ends = found
            .chain(held)
            .fold(None, |ends: Option<(i64, i64)>, at| {
                let (first, last) = ends.unwrap_or((at, at));
                Some((first.min(at), last.max(at)))
            });
        let Some((first, last)) = ends.filter(|_| most_columns > 0) else {
            return Self::default();
        };
        let most = i64::try_from(most_columns).unwrap_or(i64::MAX);
        let step = step(first, last, most).max(report.held.step);
        let columns = (last.div_euclid(step) - first.div_euclid(step)).unsigned_abs() + 1;
        Self {
            start: first.div_euclid(step) * step,
            step,
            columns: usize::try_from(columns).unwrap_or(usize::MAX),
            ..Self::default()
        }
    }

    fn column(&self, at: i64) -> Option<usize> {
        let column = at.checked_sub(self.start)?.div_euclid(self.step);
        let column = usize::try_from(column).ok()?;
        (column < self.columns).then_some(column)
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the seconds of a column.
    pub(super) fn step(&self) -> i64 {
        self.step
    }

    /// Returns the first second of a column.
    pub(super) fn start_of(&self, column: usize) -> i64 {
        let column = i64::try_from(column).unwrap_or(i64::MAX);
        self.start.saturating_add(column.saturating_mul(self.step))
    }

    /// Writes how long a column is.
    pub(super) fn step_in_words(&self) -> String {
        let step = self.step.unsigned_abs();
        let (number, unit) = match step {
            _ if step.is_multiple_of(86_400) => (step / 86_400, "day"),
            _ if step.is_multiple_of(3600) => (step / 3600, "hour"),
            _ => (step / 60, "minute"),
        };
        crate::model::words::count(number, unit)
    }

    /// Writes a time above the axis: the day where it is a new one, else the time of day.
    pub(super) fn mark(&self, at: i64, last_day: &mut Option<String>) -> String {
        let text = rfc3339(at);
        let Some((day, time)) = text.split_once('T') else {
            return text;
        };
        let is_new = last_day.as_deref() != Some(day);
        *last_day = Some(day.to_owned());
        match is_new {
            true if self.step >= 86_400 => day.to_owned(),
            true => {
                let month_day = day.get(day.len().saturating_sub(5)..).unwrap_or(day);
                format!("{month_day} {}", time.get(..5).unwrap_or(time))
            }
            false => time.get(..5).unwrap_or(time).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_sample_is_drawn() {
        let report = sample::different();
        let chart = Chart::of(&report, 70, 20);
        assert_eq!(
            (chart.columns(), chart.step(), chart.rows.len()),
            (12, 300, 1)
        );
        let states: Vec<State> = chart.rows[0].cells.iter().map(ChartCell::state).collect();
        assert_eq!(states[0], State::Same);
        assert_eq!(states[5], State::Only(Side::S3, false));
        assert_eq!(states[6], State::Only(Side::S3, true));
        assert_eq!(
            states[7..12],
            [
                State::Surplus,
                State::Divergent,
                State::Undetermined,
                State::Same,
                State::Pending
            ]
        );
        assert_eq!(chart.rows[0].differing, 7);
        assert_eq!(chart.start_of(6), 1_641_598_200);
        // Fewer columns, longer ones.
        let chart = Chart::of(&report, 4, 20);
        assert_eq!((chart.columns(), chart.step()), (4, 900));
        assert_eq!(chart.step_in_words(), "15 minutes");
        assert_eq!(chart.rows[0].cells[1].differing(), 2);
    }

    #[test]
    fn interfaces_that_do_not_differ_are_drawn_where_that_is_asked_for() {
        let mut report = sample::different();
        let quiet = (Arc::from("eni-0quiet"), 1_641_596_400);
        report.held.cells.insert(quiet, Sides { s3: 1, cwl: 1 });
        assert_eq!(Chart::of(&report, 70, 20).rows.len(), 1);
        let all = Chart::of_all(&report, 70, 20);
        assert_eq!(&*all.rows[1].interface, "eni-0quiet");
        assert_eq!((all.rows.len(), all.differing), (2, 1));
        assert_eq!(Chart::of_all(&report, 70, 1).rows.len(), 1);
    }
}
