//! Ranges as Nagios plugins take them (monitoring-plugins.org, "Development Guidelines", threshold and ranges).

use std::fmt;
use std::str::FromStr;

/// A range of values, both ends included, that is no alarm; with `@` in front, that is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    start: f64,
    end: f64,
    inside: bool,
    /// As it was typed.
    text: String,
}

impl Range {
    /// Tells whether the value raises an alarm.
    pub fn alerts(&self, value: f64) -> bool {
        (self.start <= value && value <= self.end) == self.inside
    }
}

impl FromStr for Range {
    type Err = String;

    /// Reads `[@][START:][END]`: a start of `~` is minus infinity and none is 0; no end is infinity.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a range such as 10, 10:, ~:10, 10:20 or @10:20");
        let (inside, rest) = match text.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let number = |text: &str| {
            let plain = text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
            plain
                .then(|| text.parse::<f64>().ok())
                .flatten()
                .ok_or_else(wrong)
        };
        let (start, end) = match rest.split_once(':') {
            None => (0.0, number(rest)?),
            Some((start, end)) => {
                let start = match start {
                    "" => 0.0,
                    "~" => f64::NEG_INFINITY,
                    start => number(start)?,
                };
                let end = if end.is_empty() {
                    f64::INFINITY
                } else {
                    number(end)?
                };
                (start, end)
            }
        };
        if start > end {
            return Err(format!("the range `{text}` ends before it starts"));
        }
        Ok(Self {
            start,
            end,
            inside,
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Range {
    /// Writes it as it was typed, which is how performance data wants it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the guidelines, at both edges of each range.
    #[test]
    fn ranges_of_the_guidelines() {
        for (range, alarm, calm) in [
            ("10", &[-0.1, 10.1][..], &[0.0, 10.0][..]),
            ("10:", &[9.9, -1.0], &[10.0, 1e18]),
            ("~:10", &[10.1], &[-1e18, 10.0]),
            ("10:20", &[9.9, 20.1], &[10.0, 20.0]),
            ("@10:20", &[10.0, 15.0, 20.0], &[9.9, 20.1]),
            ("@10", &[0.0, 10.0], &[-0.1, 10.1]),
            ("0", &[1.0, -1.0], &[0.0]),
            ("-5:-1.5", &[-5.1, -1.4], &[-5.0, -1.5]),
            (":5", &[-1.0, 6.0], &[0.0, 5.0]),
        ] {
            let parsed: Range = range.parse().unwrap();
            assert!(alarm.iter().all(|&value| parsed.alerts(value)), "{range}");
            assert!(!calm.iter().any(|&value| parsed.alerts(value)), "{range}");
            assert_eq!(parsed.to_string(), range);
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "", "@", "x", "10%", "1:2:3", "20:10", "~", "10:~", "inf", "nan", "1e3", "--1",
        ] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
    }
}
