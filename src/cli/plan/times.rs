//! Times and ages, as people write them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::cli::CheckArgs;
use crate::model::Error;

/// Reads an age, in seconds.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub(super) fn seconds(option: &str, text: &str) -> Result<i64, Error> {
    let age = age(text).ok_or_else(|| {
        Error::Usage(format!(
            "{option}: `{text}` is not an age such as 90s, 15m or 1h30m"
        ))
    })?;
    i64::try_from(age.as_secs())
        .map_err(|_| Error::Usage(format!("{option}: `{text}` is too long")))
}

/// Checks how far apart the rounds of a watch are to be.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub fn every(text: &str) -> Result<Duration, Error> {
    match seconds("--every", text)? {
        ..1 => Err(Error::Usage("--every: must be at least 1s".into())),
        seconds => Ok(Duration::from_secs(seconds.unsigned_abs())),
    }
}

/// How long a run of a job may take if nothing is said. A job that hangs is worse than one that fails: nobody looks.
const JOB_DEADLINE: Duration = Duration::from_secs(3600);

/// The same of a round of a watch whose rounds are closer together.
const ROUND_DEADLINE: Duration = Duration::from_secs(900);

/// Returns how long a run may take: what was said, or what goes for a job, or for a watch with a round `every` so often.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub fn deadline(args: &CheckArgs, every: Option<Duration>) -> Result<Option<Duration>, Error> {
    let Some(text) = &args.limits.deadline else {
        let of_job = args.job.state.as_ref().map(|_| JOB_DEADLINE);
        return Ok(every.map(|every| every.max(ROUND_DEADLINE)).or(of_job));
    };
    match seconds("--deadline", text)? {
        ..1 => Err(Error::Usage("--deadline: must be at least 1s".into())),
        seconds => Ok(Some(Duration::from_secs(seconds.unsigned_abs()))),
    }
}

fn age(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

/// Returns the time that is so long ago, in Unix seconds.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub fn before(option: &str, text: &str, now: i64) -> Result<i64, Error> {
    Ok(now - seconds(option, text)?)
}

/// Returns the time that was given with `--now`, or else the clock's.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub fn clock_or(text: Option<&str>, clock: i64) -> Result<i64, Error> {
    text.map_or(Ok(clock), |text| time("--now", text, clock))
}

/// Returns the time that was given with `--since`, if one was.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub fn since(text: Option<&str>, now: i64) -> Result<Option<i64>, Error> {
    text.map(|text| time("--since", text, now)).transpose()
}

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Reads a time, in Unix seconds: RFC 3339, a date, `today` or `yesterday` (which begin at midnight UTC), Unix seconds (13 digits: milliseconds), or an age.
///
/// # Errors
/// [`Error::Usage`] that names the option.
pub(super) fn time(option: &str, text: &str, now: i64) -> Result<i64, Error> {
    let text = text.trim();
    let utc = |time: DateTime| {
        time.to_zoned(TimeZone::UTC)
            .ok()
            .map(|time| time.timestamp().as_second())
    };
    // No flow log is of 1970, to which eight digits would belong as seconds.
    let compact = || {
        let date = (text.len() == 8).then(|| Date::strptime("%Y%m%d", text).ok())??;
        (date.year() >= 1990).then(|| utc(date.at(0, 0, 0, 0)))?
    };
    let epoch = || {
        let digits = text
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse::<i64>().ok())??;
        Some(if text.len() == 13 {
            digits / 1000
        } else {
            digits
        })
    };
    let ago = || {
        let age_of = text
            .strip_suffix("ago")
            .or(text.strip_prefix('-'))
            .unwrap_or(text);
        i64::try_from(age(age_of.trim())?.as_secs()).ok()
    };
    let today = now.div_euclid(DAY) * DAY;
    let word = || match text {
        "now" => Some(now),
        "today" => Some(today),
        "yesterday" => Some(today - DAY),
        _ => None,
    };
    word()
        .or_else(compact)
        .or_else(epoch)
        .or_else(|| text.parse::<Timestamp>().ok().map(Timestamp::as_second))
        .or_else(|| text.parse::<Date>().ok().filter(|_| text.len() == 10).and_then(|date| utc(date.at(0, 0, 0, 0))))
        .or_else(|| text.parse::<DateTime>().ok().and_then(utc))
        .or_else(|| ago().map(|age| now - age))
        .ok_or_else(|| {
            Error::Usage(format!(
                "{option}: `{text}` is not a time: write RFC 3339, a date, `today`, `yesterday`, Unix seconds or an age such as 15m or 2d"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn times_as_people_write_them() {
        for (text, expected) in [
            ("2022-01-07T23:00:00Z", 1_641_596_400),
            ("2022-01-08T01:00:00+02:00", 1_641_596_400),
            ("2022-01-07T23:00:00", 1_641_596_400),
            ("2022-01-07 23:00", 1_641_596_400),
            ("2022-01-07", 1_641_513_600),
            ("20220107", 1_641_513_600),
            ("1641596400", 1_641_596_400),
            ("1641596400000", 1_641_596_400),
            ("90s", NOW - 90),
            ("1h30m", NOW - 5_400),
            ("2d", NOW - 172_800),
            ("2h ago", NOW - 7_200),
            ("-2h", NOW - 7_200),
            ("now", NOW),
            ("today", 1_699_920_000),
            ("yesterday", 1_699_833_600),
        ] {
            assert_eq!(time("--since", text, NOW).unwrap(), expected, "{text}");
        }
        for text in ["", "tomorrow", "-", "--5m", "2022-13-01", "23:00"] {
            assert!(time("--since", text, NOW).is_err(), "{text}");
        }
    }
}
