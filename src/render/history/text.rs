//! A history on one screen: what was lost, a calendar of days with the trend of late records and delays, and where it was worst.

use std::io::{self, Write};

use super::{ToldHistory, day, headline, long};
use crate::archive::{DayTally, History};
use crate::model::window::rfc3339;
use crate::model::words::{count, thousands};
use crate::model::{Side, Sides};
use crate::render::{WIDTH, escape, wrap};

/// How many interfaces, windows and causes are named.
const MOST_NAMED: usize = 3;
/// How many gaps are.
const MOST_GAPS: usize = 2;
/// So many days are told by the week; more by the month.
const BY_WEEK: usize = 62;
/// How many rows the calendar has; what is older is one row more.
const MOST_ROWS: usize = 13;
/// How many characters of an interface's name have room.
const NAME: usize = 40;

/// Writes it.
pub(super) fn write(told: ToldHistory<'_>, out: &mut dyn Write) -> io::Result<()> {
    let history = told.history;
    for line in wrap("", "", &headline(history), WIDTH) {
        writeln!(out, "{line}")?;
    }
    chain(told, out)?;
    if history.span.is_none() {
        return Ok(());
    }
    numbers(history, out)?;
    calendar(history, out)?;
    worst(history, out)?;
    causes(history, out)?;
    gaps(history, out)
}

fn chain(told: ToldHistory<'_>, out: &mut dyn Write) -> io::Result<()> {
    let history = told.history;
    let lines = match history.last_line {
        0 => "no line yet".to_owned(),
        last => format!(
            "lines {} to {}, whole{}",
            thousands(history.first_line),
            thousands(last),
            match told.compared {
                true => " and as the state knows it",
                false => "",
            }
        ),
    };
    let removed = history.removed_at.map_or_else(String::new, |at| {
        format!("; older ones removed {}", day(at))
    });
    let unfinished = match history.unfinished {
        true => "; a line is unfinished, which the next run completes",
        false => "",
    };
    let text = format!(
        "Archive   {}: {lines}{removed}{unfinished}",
        escape(&told.folder.display().to_string())
    );
    line(out, &text)?;
    if let Some(at) = history.last_read_at {
        let slowest = history.slowest.map_or_else(String::new, |(took, _)| {
            format!("; at the latest {} after a window's end", long(took))
        });
        line(out, &format!("Read      last at {}{slowest}", rfc3339(at)))?;
        let open = &history.open;
        let copies = |numbers: Sides<u64>| numbers.s3 + numbers.cwl;
        line(
            out,
            &format!(
                "Open      {} pending, {} undetermined, {} unreadable, {} unread",
                thousands(copies(open.pending)),
                thousands(copies(open.undetermined)),
                count(open.unreadable_parts, "part"),
                count(open.unread_windows, "window"),
            ),
        )?;
    }
    Ok(())
}

/// Writes a line, cut where the screen ends.
fn line(out: &mut dyn Write, text: &str) -> io::Result<()> {
    match text.char_indices().nth(WIDTH) {
        None => writeln!(out, "{text}"),
        Some(_) => {
            let cut: String = text.chars().take(WIDTH - 1).collect();
            writeln!(out, "{cut}…")
        }
    }
}

fn numbers(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let total = &history.total;
    let both = |number| Sides {
        s3: number,
        cwl: number,
    };
    let rows = [
        ("records", total.records, "read for the first time"),
        ("missing", total.missing, "the other side has them"),
        ("surplus", total.surplus, "extra copies of what both have"),
        ("divergent", both(total.divergent), "unequal values"),
        ("late", total.late, "came after the first look"),
    ];
    writeln!(out, "{:<11} {:>14} {:>14}", "", "s3", "cwl")?;
    for (name, numbers, means) in rows {
        if name == "records" || numbers != Sides::default() {
            let [s3, cwl] = Side::BOTH.map(|side| thousands(numbers[side]));
            writeln!(out, "  {name:<9} {s3:>14} {cwl:>14}  {means}")?;
        }
    }
    Ok(())
}

/// Returns what a day is shown as: the worst of it.
fn mark(day: &DayTally) -> char {
    let tally = &day.tally;
    if tally.missing.s3 + tally.missing.cwl > 0 {
        '#'
    } else if tally.lost() > 0 {
        '~'
    } else if tally.untold_windows > 0 {
        '?'
    } else if day.gap_seconds > 0 {
        '-'
    } else {
        '.'
    }
}

fn calendar(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let by_week = history.days.len() <= BY_WEEK;
    let (length, name) = if by_week { (8, 10) } else { (31, 7) };
    writeln!(
        out,
        "{:<width$}  {:>11} {:>9} {:>9} {:>8} {:>8}",
        if by_week {
            "Weeks (UTC)"
        } else {
            "Months (UTC)"
        },
        "lost",
        "late s3",
        "late cwl",
        "p99 s3",
        "p99 cwl",
        width = name + length + 4
    )?;
    let rows = rows(&history.days, by_week);
    let older = rows.len().saturating_sub(MOST_ROWS);
    if older > 0 {
        let days: Vec<&DayTally> = rows[..older].iter().flatten().copied().collect();
        let marks = format!("{} before", count(days.len() as u64, "day"));
        row(
            out,
            &format!("  {:<name$}  {marks:<length$}", "older"),
            &days,
        )?;
    }
    for days in &rows[older..] {
        let Some(first) = days.first() else { continue };
        let begins = if by_week {
            0
        } else {
            day(first.day)[8..]
                .parse::<usize>()
                .map_or(0, |day| day - 1)
        };
        let marks: String = std::iter::repeat_n(' ', begins)
            .chain(days.iter().map(|day| mark(day)))
            .collect();
        let text = format!("  {}  {marks:<length$}", &day(first.day)[..name]);
        row(out, &text, days)?;
    }
    writeln!(
        out,
        "  . same  # missing  ~ surplus, divergent  ? not all could be told  - not all read;  p99: of delays"
    )
}

/// Writes what some days add up to, behind what they look like.
fn row(out: &mut dyn Write, text: &str, days: &[&DayTally]) -> io::Result<()> {
    let sum = |of: fn(&DayTally) -> u64| thousands(days.iter().map(|day| of(day)).sum());
    let longest = |side: Side| {
        let all = days.iter().filter_map(|day| day.delays[side]);
        let longest = all.map(|delays| delays.p99).max();
        longest.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds}s"))
    };
    writeln!(
        out,
        "{text}  {:>11} {:>9} {:>9} {:>8} {:>8}",
        sum(|day| day.tally.lost()),
        sum(|day| day.tally.late.s3),
        sum(|day| day.tally.late.cwl),
        longest(Side::S3),
        longest(Side::Cwl)
    )
}

/// Groups days, by seven from the first on, or by month.
fn rows(days: &[DayTally], by_week: bool) -> Vec<Vec<&DayTally>> {
    if by_week {
        return days.chunks(7).map(|days| days.iter().collect()).collect();
    }
    let mut rows: Vec<Vec<&DayTally>> = Vec::new();
    for one in days {
        let same = |row: &Vec<&DayTally>| {
            row.first()
                .is_some_and(|first| day(first.day)[..7] == day(one.day)[..7])
        };
        match rows.last_mut() {
            Some(row) if same(row) => row.push(one),
            Some(_) | None => rows.push(vec![one]),
        }
    }
    rows
}

fn worst(history: &History, out: &mut dyn Write) -> io::Result<()> {
    if !history.interfaces.is_empty() {
        let more = history.interfaces.len().saturating_sub(MOST_NAMED);
        let more = match (more, history.more_interfaces) {
            (0, false) => String::new(),
            (more, at_least) => format!(
                "; {}{} more",
                if at_least { "at least " } else { "" },
                thousands(more as u64)
            ),
        };
        writeln!(out, "Worst interfaces{more}")?;
        for one in history.interfaces.iter().take(MOST_NAMED) {
            let name: String = escape(&one.interface).chars().take(NAME).collect();
            let lost = count(one.lost(), "record");
            let lines = count(one.lines, "line");
            line(out, &format!("  {name:<NAME$}  {lost} in {lines}"))?;
        }
    }
    if !history.worst.is_empty() {
        writeln!(out, "Worst windows, and their reports in the archive")?;
        for one in history.worst.iter().take(MOST_NAMED) {
            let report = escape(one.report.as_deref().unwrap_or("-"));
            let text = format!(
                "  {}  {:>9}  {report}",
                rfc3339(one.window.start),
                thousands(one.records)
            );
            line(out, &text)?;
        }
    }
    Ok(())
}

fn causes(history: &History, out: &mut dyn Write) -> io::Result<()> {
    if history.causes.is_empty() {
        return Ok(());
    }
    let unexplained = match history.unexplained {
        0 => String::new(),
        records => format!("; {} not explained", count(records, "record")),
    };
    writeln!(out, "Why{unexplained}")?;
    for one in history.causes.iter().take(MOST_NAMED) {
        let side = one
            .side
            .map_or_else(String::new, |side| format!(" ({side})"));
        let text = format!(
            "  {}{side}: {}, {} to {}: {}",
            one.kind,
            count(one.records, "record"),
            day(one.since),
            day(one.until - 1),
            escape(&one.text)
        );
        line(out, &text)?;
    }
    Ok(())
}

fn gaps(history: &History, out: &mut dyn Write) -> io::Result<()> {
    if history.twice_seconds > 0 {
        let text = format!(
            "Twice     {} was read twice after a rewind: what is lost in it counts twice",
            long(history.twice_seconds)
        );
        line(out, &text)?;
    }
    if history.gaps.is_empty() {
        return Ok(());
    }
    let all: i64 = history.gaps.iter().map(|gap| gap.end - gap.start).sum();
    let times = count(history.gaps.len() as u64, "time");
    writeln!(out, "Not read by any run: {times}, {} in all", long(all))?;
    let mut longest: Vec<_> = history.gaps.iter().collect();
    longest.sort_by_key(|gap| gap.start - gap.end);
    for gap in longest.into_iter().take(MOST_GAPS) {
        let length = long(gap.end - gap.start);
        writeln!(
            out,
            "  {} to {}, {length}",
            rfc3339(gap.start),
            rfc3339(gap.end)
        )?;
    }
    Ok(())
}
