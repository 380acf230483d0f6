//! What the lines of an archive add up to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::model::{Side, Sides};
use crate::report::{Carried, Verdict, times};

use super::chain::Chain;
use super::line::{ArchiveLine, LineWindow, Look};
use super::tally::{DayLoss, DayTally, LossTally, untold};

/// The seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// How many of the worst windows are told.
const MOST_WINDOWS: usize = 20;

/// What an interface has lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InterfaceTally {
    /// Its id, `-` if none is compared.
    pub interface: String,
    /// Copies that the other side has and this one lacks.
    pub missing: Sides<u64>,
    /// Extra copies on this side.
    pub surplus: Sides<u64>,
    /// Pairs of the same flow with unequal values.
    pub divergent: u64,
    /// In how many lines.
    pub lines: u64,
    /// How many of all these by the day of their windows, oldest first; days without are left out.
    pub days: Vec<DayLoss>,
}

impl InterfaceTally {
    /// Returns how many records are lost or changed.
    pub fn lost(&self) -> u64 {
        let both = |numbers: Sides<u64>| numbers.s3 + numbers.cwl;
        both(self.missing) + both(self.surplus) + self.divergent
    }
}

/// A window in which records were lost or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WindowLoss {
    /// Which.
    #[serde(flatten)]
    pub window: LineWindow,
    /// How many, all kinds and both sides.
    pub records: u64,
    /// The number of the line that says so.
    pub line: u64,
    /// The name of its report within the archive.
    pub report: Option<String>,
}

/// A cause, over all lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownCause {
    /// What it is.
    pub kind: String,
    /// Where the fault lies, if anything tells.
    pub side: Option<Side>,
    /// Whether it was proved each time.
    pub certain: bool,
    /// How many records it explains.
    pub records: u64,
    /// In how many lines.
    pub lines: u64,
    /// The first second of the windows that have it.
    #[serde(serialize_with = "times::second")]
    pub since: i64,
    /// The first second after them.
    #[serde(serialize_with = "times::second")]
    pub until: i64,
    /// In words, as the last of these lines has it.
    pub text: String,
}

/// A time that no run has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Its first second, in Unix seconds.
    #[serde(serialize_with = "times::second")]
    pub start: i64,
    /// The first second after.
    #[serde(serialize_with = "times::second")]
    pub end: i64,
}

/// What the lines of an archive add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The addresses that were read last.
    pub sources: Sides<String>,
    /// The number of the first line, 0 if there is none.
    pub first_line: u64,
    /// The number of the last one.
    pub last_line: u64,
    /// When lines were removed last, in Unix seconds.
    pub removed_at: Option<i64>,
    /// Whether a line is being written, or was when its run was killed.
    pub unfinished: bool,
    /// From the first second of the windows to the last.
    pub span: Option<LineWindow>,
    /// When the last window was read, in Unix seconds.
    pub last_read_at: Option<i64>,
    /// The longest time from the end of a window to its first look, in seconds, and the window.
    pub slowest: Option<(i64, LineWindow)>,
    /// All days together.
    pub total: LossTally,
    /// The days from the first to the last, those without a line included.
    pub days: Vec<DayTally>,
    /// Interfaces with lost or changed records, those with most first.
    pub interfaces: Vec<InterfaceTally>,
    /// Whether lines had more interfaces than they name.
    pub more_interfaces: bool,
    /// The windows with most lost or changed records.
    pub worst: Vec<WindowLoss>,
    /// Causes, the one that explains most first.
    pub causes: Vec<KnownCause>,
    /// How many differing records nothing explains.
    pub unexplained: u64,
    /// Times that no run has read, in order.
    pub gaps: Vec<Gap>,
    /// Seconds that were read twice, since the job was rewound into the middle of a window: what is lost in them is counted twice.
    pub twice_seconds: i64,
    /// What the job still looks for.
    pub open: Carried,
}

impl History {
    /// Adds up lines in the order of their numbers, of windows that begin at `from` or later; all of them are asked for, since a
    /// later line may take back what an earlier one said, or close what it left open.
    pub fn of(lines: &[ArchiveLine], from: Option<i64>, chain: &Chain) -> Self {
        let mut history = Self {
            removed_at: chain.start.as_ref().map(|start| start.removed_at),
            unfinished: chain.unfinished,
            ..Self::default()
        };
        if let (Some(first), Some(last)) = (lines.first(), lines.last()) {
            history.first_line = first.number;
            history.last_line = last.number;
            history.sources.clone_from(&last.sources);
            history.open = last.carried;
        }
        let mut lines = believed(lines);
        lines.retain(|line| from.is_none_or(|from| line.window.start >= from));
        history.cover(&lines);
        let untold = untold(&lines);
        for line in &lines {
            history.total.add(line, &untold);
            history.unexplained += line.unexplained;
            history.more_interfaces |= line.more_interfaces > 0;
            if line.look == Look::First {
                let took = line.read_at - line.window.end;
                if history.slowest.is_none_or(|(longest, _)| took > longest) {
                    history.slowest = Some((took, line.window));
                }
            }
            history.last_read_at = history.last_read_at.max(Some(line.read_at));
            history.by_day(line, &untold);
        }
        history.interfaces = interfaces(&lines);
        history.causes = causes(&lines);
        history.worst = worst(&lines);
        history
    }

    /// Returns the answer for all of it: whether both sides held the same.
    pub fn verdict(&self) -> Verdict {
        let total = &self.total;
        match total.windows == 0 || total.untold_windows > 0 || !self.gaps.is_empty() {
            _ if total.lost() > 0 => Verdict::Different,
            true => Verdict::Unknown,
            false => Verdict::Consistent,
        }
    }

    /// Sees which times were read, and makes a day for each from the first to the last.
    fn cover(&mut self, lines: &[&ArchiveLine]) {
        let first = lines.iter().filter(|line| line.look == Look::First);
        let mut windows: Vec<LineWindow> = first.map(|line| line.window).collect();
        windows.sort_unstable();
        let (Some(first), Some(end)) = (windows.first(), windows.iter().map(|it| it.end).max())
        else {
            return;
        };
        let start = first.start;
        self.span = Some(LineWindow { start, end });
        let mut reached = start;
        for window in windows {
            if window.start > reached {
                self.gaps.push(Gap {
                    start: reached,
                    end: window.start,
                });
            }
            self.twice_seconds += (reached.min(window.end) - window.start).max(0);
            reached = reached.max(window.end);
        }
        let days = start.div_euclid(DAY)..=(end - 1).div_euclid(DAY);
        self.days = days
            .map(|day| DayTally {
                day: day * DAY,
                tally: LossTally::default(),
                gap_seconds: self.gap_seconds(day * DAY),
                delays: Sides::default(),
            })
            .collect();
    }

    fn gap_seconds(&self, day: i64) -> i64 {
        let within = |gap: &Gap| (gap.end.min(day + DAY) - gap.start.max(day)).max(0);
        self.gaps.iter().map(within).sum()
    }

    fn by_day(&mut self, line: &ArchiveLine, untold: &BTreeSet<u64>) {
        let first = self.days.first().map_or(0, |day| day.day);
        let at = (line.window.start - first).div_euclid(DAY);
        let Some(day) = usize::try_from(at)
            .ok()
            .and_then(|at| self.days.get_mut(at))
        else {
            return;
        };
        day.tally.add(line, untold);
        for side in Side::BOTH {
            day.delays[side] = match (day.delays[side], line.delays[side]) {
                (Some(one), Some(other)) => Some(one.longest(&other)),
                (one, other) => one.or(other),
            };
        }
    }
}

/// Leaves out what was taken up again after it: the job was rewound.
fn believed(lines: &[ArchiveLine]) -> Vec<&ArchiveLine> {
    let mut believed: Vec<&ArchiveLine> = Vec::with_capacity(lines.len());
    for line in lines {
        if let Some(to) = line.rewound_to {
            believed.retain(|earlier| earlier.window.start < to);
        }
        believed.push(line);
    }
    believed
}

fn interfaces(lines: &[&ArchiveLine]) -> Vec<InterfaceTally> {
    let mut by_name: BTreeMap<&str, InterfaceTally> = BTreeMap::new();
    let mut by_day: BTreeMap<(&str, i64), u64> = BTreeMap::new();
    let named = lines
        .iter()
        .flat_map(|line| line.interfaces.iter().map(|one| (line.window.start, one)));
    for (start, one) in named {
        let day = start.div_euclid(DAY) * DAY;
        *by_day.entry((&one.interface, day)).or_default() += one.total();
        let tally = by_name
            .entry(&one.interface)
            .or_insert_with(|| InterfaceTally {
                interface: one.interface.clone(),
                missing: Sides::default(),
                surplus: Sides::default(),
                divergent: 0,
                lines: 0,
                days: Vec::new(),
            });
        for side in Side::BOTH {
            tally.missing[side] += one.missing[side];
            tally.surplus[side] += one.surplus[side];
        }
        tally.divergent += one.divergent;
        tally.lines += 1;
    }
    for ((interface, day), records) in by_day {
        if let Some(tally) = by_name.get_mut(interface) {
            tally.days.push(DayLoss { day, records });
        }
    }
    let mut all: Vec<_> = by_name.into_values().collect();
    all.sort_by_key(|tally| std::cmp::Reverse(tally.lost()));
    all
}

fn causes(lines: &[&ArchiveLine]) -> Vec<KnownCause> {
    let mut by_kind: BTreeMap<(&str, Option<Side>), KnownCause> = BTreeMap::new();
    for line in lines {
        for cause in &line.causes {
            let known = by_kind
                .entry((&cause.kind, cause.side))
                .or_insert_with(|| KnownCause {
                    kind: cause.kind.clone(),
                    side: cause.side,
                    certain: true,
                    records: 0,
                    lines: 0,
                    since: line.window.start,
                    until: line.window.end,
                    text: String::new(),
                });
            known.certain &= cause.certain;
            known.records += cause.records;
            known.lines += 1;
            known.since = known.since.min(line.window.start);
            known.until = known.until.max(line.window.end);
            known.text.clone_from(&cause.text);
        }
    }
    let mut all: Vec<_> = by_kind.into_values().collect();
    all.sort_by_key(|cause| std::cmp::Reverse(cause.records));
    all
}

fn worst(lines: &[&ArchiveLine]) -> Vec<WindowLoss> {
    let lost = lines.iter().map(|line| {
        let mut tally = LossTally::default();
        tally.add(line, &BTreeSet::new());
        WindowLoss {
            window: line.window,
            records: tally.lost(),
            line: line.number,
            report: line.report.as_ref().map(|report| report.json.name.clone()),
        }
    });
    let mut lost: Vec<_> = lost.filter(|one| one.records > 0).collect();
    lost.sort_by_key(|one| std::cmp::Reverse(one.records));
    lost.truncate(MOST_WINDOWS);
    lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::line::sample::{self, MIDNIGHT};

    fn of(lines: &[ArchiveLine]) -> History {
        History::of(lines, None, &Chain::default())
    }

    #[test]
    fn loss_is_told_by_day_interface_and_window() {
        // Two days of five minutes each; 3 records lost on the first, 300 on the second.
        let lines = sample::lines(MIDNIGHT, 576, &[3, 300]);
        let history = of(&lines);
        assert_eq!((history.first_line, history.last_line), (1, 576));
        let lost = |at: usize| history.days[at].tally.missing;
        assert_eq!(history.days.len(), 2);
        assert_eq!(
            (lost(0), lost(1)),
            (Sides { s3: 0, cwl: 3 }, Sides { s3: 0, cwl: 300 })
        );
        assert_eq!((history.total.lost(), history.total.windows), (303, 576));
        assert_eq!(
            history.total.records,
            Sides {
                s3: 576_000,
                cwl: 576_000 - 303
            }
        );
        let [interface] = &history.interfaces[..] else {
            panic!("{:?}", history.interfaces)
        };
        assert_eq!((interface.lost(), interface.lines), (303, 2));
        let days: Vec<_> = interface
            .days
            .iter()
            .map(|day| (day.day, day.records))
            .collect();
        assert_eq!(days, [(MIDNIGHT, 3), (MIDNIGHT + DAY, 300)]);
        let worst: Vec<_> = history
            .worst
            .iter()
            .map(|one| (one.line, one.records))
            .collect();
        assert_eq!(worst, [(300, 300), (3, 3)]);
        assert_eq!(history.gaps, []);
        assert_eq!(history.slowest.unwrap().0, 900);
        assert_eq!(history.days[1].delays.cwl.unwrap().p99, 120);
        assert_eq!(history.days[1].delays.s3, None);
    }

    #[test]
    fn a_time_that_nobody_has_read_is_a_gap_and_a_late_window_is_none() {
        let mut lines = sample::lines(MIDNIGHT, 6, &[]);
        // The second is read last, the fourth and fifth never.
        lines[1].read_at += DAY;
        let second = lines.remove(1);
        lines.drain(2..4);
        lines.push(second);
        let history = of(&lines);
        let gap = Gap {
            start: MIDNIGHT + 900,
            end: MIDNIGHT + 1500,
        };
        assert_eq!(history.gaps, [gap]);
        assert_eq!(history.days[0].gap_seconds, 600);
        assert_eq!(history.slowest.unwrap().0, 900 + DAY);
        assert_eq!(of(&[]), History::default());
    }

    #[test]
    fn a_later_look_counts_its_records_and_no_window() {
        let mut lines = sample::lines(MIDNIGHT, 2, &[]);
        lines[0].verdict = Verdict::Unknown;
        lines[0].counts.pending.cwl = 2;
        let mut again = sample::line(3, None, MIDNIGHT, 1);
        again.look = Look::Again;
        again.counts.late.cwl = 1;
        lines.push(again);
        let history = of(&lines);
        let total = history.total;
        assert_eq!((total.windows, total.untold_windows), (2, 0));
        assert_eq!((total.missing.cwl, total.late.cwl), (1, 1));
        assert_eq!(total.records.s3, 2000);
    }

    #[test]
    fn a_window_whose_pending_record_is_given_up_is_untold() {
        let mut lines = sample::lines(MIDNIGHT, 3, &[]);
        for line in &mut lines[..2] {
            line.verdict = Verdict::Unknown;
            line.counts.pending.cwl = 1;
        }
        assert_eq!(of(&lines).total.untold_windows, 0);
        for number in [4, 5] {
            let mut again = sample::line(number, None, MIDNIGHT + 300, 0);
            again.look = Look::Again;
            again.counts.undetermined.cwl = 1;
            lines.push(again);
        }
        let history = of(&lines);
        assert_eq!(
            (
                history.total.untold_windows,
                history.days[0].tally.untold_windows
            ),
            (1, 1)
        );
    }

    #[test]
    fn what_was_taken_up_again_counts_once() {
        let mut lines = sample::lines(MIDNIGHT, 4, &[2, 3]);
        let mut again = sample::lines(MIDNIGHT + 600, 2, &[1]);
        again[0].rewound_to = Some(MIDNIGHT + 600);
        lines.extend(again);
        let history = of(&lines);
        // The second window's two, and one of the third instead of three.
        assert_eq!((history.total.lost(), history.total.windows), (3, 4));
        assert_eq!((history.gaps.len(), history.twice_seconds), (0, 0));
        lines[4].rewound_to = Some(MIDNIGHT + 900);
        assert_eq!(of(&lines).twice_seconds, 300);
    }
}
