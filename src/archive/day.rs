//! The names of the files of lines: the day on which their lines were written, UTC. Pure.
//!
//! The files' names in order are the lines in order. A clock that was ahead once has written a file of a day to come; until that day,
//! the names of later files begin with it: `2030-01-01.2022-01-09` comes after `2030-01-01` and has the lines of 2022-01-09.

use std::fmt;

use itertools::Itertools;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// How a file of lines is called: its last day is that of its lines, those before it are of clocks that were ahead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DayName(Vec<Date>);

/// Returns the day, UTC, that a Unix second lies in.
pub(super) fn day_of(second: i64) -> Date {
    let time = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
    TimeZone::UTC.to_datetime(time).date()
}

impl DayName {
    /// Returns the file for a line of this day, after the last one that there is. A clock that goes back by no more than a day,
    /// at midnight say, makes no file of its own.
    pub(super) fn after(last: Option<&Self>, today: Date) -> Self {
        let days = last.map_or(&[][..], |last| &last.0);
        let ahead = days.iter().take_while(|day| **day >= today).count();
        match days.last() {
            Some(last) if ahead == days.len() && *last <= today.saturating_add(1.day()) => {
                Self(days.to_vec())
            }
            _ => Self(days[..ahead].iter().copied().chain([today]).collect()),
        }
    }

    /// Returns the day of its lines.
    pub(super) fn day(&self) -> Date {
        self.0.last().copied().unwrap_or(Date::MIN)
    }

    /// Reads a name without its ending.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let days = name.split('.').map(|day| day.parse().ok());
        let parsed = Self(days.collect::<Option<_>>()?);
        (parsed.to_string() == name).then_some(parsed)
    }
}

impl fmt::Display for DayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.iter().format("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_ahead_keeps_no_later_line() {
        let mut last: Option<DayName> = None;
        for (today, name) in [
            ("2022-01-07", "2022-01-07"),
            ("2022-01-08", "2022-01-08"),
            // Back by a little.
            ("2022-01-07", "2022-01-08"),
            ("2022-01-08", "2022-01-08"),
            ("2022-02-01", "2022-02-01"),
            ("2022-01-09", "2022-02-01.2022-01-09"),
            ("2022-01-08", "2022-02-01.2022-01-09"),
            ("2022-01-10", "2022-02-01.2022-01-10"),
            // Ahead once more, and back.
            ("2022-01-20", "2022-02-01.2022-01-20"),
            ("2022-01-11", "2022-02-01.2022-01-20.2022-01-11"),
            ("2022-01-21", "2022-02-01.2022-01-21"),
            ("2022-02-01", "2022-02-01.2022-02-01"),
            ("2022-02-02", "2022-02-02"),
        ] {
            let next = DayName::after(last.as_ref(), today.parse().unwrap());
            assert_eq!(next.to_string(), name, "{today}");
            assert_eq!(DayName::parse(name), Some(next.clone()));
            if let Some(last) = last {
                assert!(
                    last <= next && last.to_string() <= next.to_string(),
                    "{name}"
                );
            }
            last = Some(next);
        }
    }

    #[test]
    fn a_name_that_is_none_is_refused() {
        for name in [
            "",
            "x",
            "2022-1-07",
            "2022-01-07.",
            "2022-01-07.x",
            "2022-01-32",
        ] {
            assert_eq!(DayName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_day_is_one_of_utc() {
        assert_eq!(day_of(1_641_513_599).to_string(), "2022-01-06");
        assert_eq!(day_of(1_641_513_600).to_string(), "2022-01-07");
        assert_eq!(day_of(i64::MAX).to_string(), "1970-01-01");
    }
}
