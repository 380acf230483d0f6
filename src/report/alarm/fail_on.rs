//! `--fail-on`: how much may differ before a run fails.

use std::cmp::Ordering;

use super::Figure;
use super::decimal::Decimal;
use crate::causes::Cause;
use crate::report::{Report, Verdict};

/// Limits such as `missing>0.001%,divergent>0`. What they do not name fails when it is more than 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailOn {
    limits: Vec<Limit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Limit {
    figure: Figure,
    /// Whether the number itself is too much already.
    inclusive: bool,
    number: Decimal,
    percent: bool,
    /// As it was typed.
    text: String,
}

impl FailOn {
    /// Reads limits, one in each text: `FIGURE>NUMBER[%]` or `FIGURE>=NUMBER[%]`, where the figure is missing, surplus or
    /// divergent, and per cent are of the records that either side holds.
    ///
    /// # Errors
    /// A sentence that quotes the limit.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let mut limits: Vec<Limit> = Vec::new();
        for text in texts {
            let limit = Limit::parse(text.trim())?;
            if limits.iter().any(|other| other.figure == limit.figure) {
                return Err(format!("`{}` has two limits", limit.figure.name()));
            }
            limits.push(limit);
        }
        Ok(Self { limits })
    }

    /// Returns what the report's differences are and why they are tolerated; nothing if a limit is
    /// passed, if none was set, or if there is no difference.
    pub fn tolerated(&self, report: &Report) -> Vec<Cause> {
        let there = |figure: &Figure| figure.of(report).is_some_and(|number| number > 0);
        let differing: Vec<Figure> = Figure::CONFIRMED.into_iter().filter(there).collect();
        if report.verdict != Verdict::Different {
            return Vec::new();
        }
        let words = differing.iter().map(|&figure| {
            let limit = self.limits.iter().find(|limit| limit.figure == figure)?;
            let number = figure.of(report)?;
            let whole = either_holds(report);
            limit.allows(number, whole).then(|| Cause::Tolerated {
                figure: figure.name(),
                records: number,
                of: whole,
                limit: limit.text.clone(),
            })
        });
        words.collect::<Option<_>>().unwrap_or_default()
    }
}

impl Limit {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a limit such as missing>0.001% or divergent>0");
        let (name, rest) = text.split_once('>').ok_or_else(wrong)?;
        let figure = Figure::find(name.trim(), &Figure::CONFIRMED)?;
        let (inclusive, rest) = match rest.strip_prefix('=') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let rest = rest.trim();
        let (number, percent) = match rest.strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (rest, false),
        };
        Ok(Self {
            figure,
            inclusive,
            number: Decimal::parse(number).ok_or_else(wrong)?,
            percent,
            text: text.to_owned(),
        })
    }

    fn allows(&self, number: u64, whole: u64) -> bool {
        let order = if self.percent {
            self.number.percent_against(number, whole)
        } else {
            self.number.against(number)
        };
        match order {
            Ordering::Less => true,
            Ordering::Equal => !self.inclusive,
            Ordering::Greater => false,
        }
    }
}

/// How many different copies the two sides hold between them: each matched or divergent pair is one.
fn either_holds(report: &Report) -> u64 {
    let counts = &report.counts;
    let both = |numbers: crate::model::Sides<u64>| numbers.s3 + numbers.cwl;
    let leftovers = [
        counts.missing,
        counts.surplus,
        counts.pending,
        counts.undetermined,
    ];
    counts.matched + counts.divergent + leftovers.into_iter().map(both).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn limits(text: &str) -> Result<FailOn, String> {
        let texts: Vec<String> = text.split(',').map(str::to_owned).collect();
        FailOn::parse(&texts)
    }

    #[test]
    fn all_that_differs_must_be_within_a_limit() {
        // 3 missing, 1 surplus and 1 divergent of 1,234,575.
        let report = sample::different();
        for (text, tolerated) in [
            ("missing>3,surplus>1,divergent>1", 3),
            ("missing>=4,surplus>1,divergent>1", 3),
            ("missing>0.001%,surplus>1,divergent>0.5", 0),
            ("missing>0.001%,surplus>0.0001%,divergent>1", 3),
            ("missing>0.0002%,surplus>1,divergent>1", 0),
            ("missing>=3,surplus>1,divergent>1", 0),
            ("missing>2,surplus>1,divergent>1", 0),
            ("missing>3,divergent>1", 0),
            ("divergent>0", 0),
        ] {
            let words = limits(text).unwrap().tolerated(&report);
            assert_eq!(words.len(), tolerated, "{text}: {words:?}");
        }
        let words = limits("missing>0.001%,surplus>1,divergent>1").unwrap();
        assert_eq!(
            words.tolerated(&report)[0],
            Cause::Tolerated {
                figure: "missing",
                records: 3,
                of: 1_234_574,
                limit: "missing>0.001%".to_owned(),
            }
        );
        assert!(FailOn::default().tolerated(&report).is_empty());
        assert!(words.tolerated(&sample::unknown()).is_empty());
    }

    #[test]
    fn what_is_refused_is_quoted() {
        for (text, named) in [
            ("missing", "`missing` is not a limit"),
            ("missing>many", "`missing>many` is not a limit"),
            ("missing>-1", "`missing>-1` is not a limit"),
            ("missing<1", "`missing<1` is not a limit"),
            (
                "lost>1",
                "no figure `lost`; there are missing, surplus, divergent",
            ),
            ("pending>1", "no figure `pending`"),
            ("missing>1,missing>2", "`missing` has two limits"),
        ] {
            let message = limits(text).unwrap_err();
            assert!(message.contains(named), "{text}: {message}");
        }
    }
}
