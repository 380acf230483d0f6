//! A line of an archive: what a look at a window came to.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::delay::DelaySummary;
use crate::model::words::hexadecimal;
use crate::model::{Counts, Side, Sides};
use crate::report::{Carried, Verdict, times};

/// The name of the format.
pub(super) const SCHEMA: &str = "flowdiff.archive/1";
/// What all versions of the format are called before the number.
pub(super) const SCHEMAS: &str = "flowdiff.archive/";

/// What a look at a window came to. Its members, in this order, are those of the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveLine {
    /// The name of the format.
    pub schema: String,
    /// Its number, from 1, without gap.
    pub number: u64,
    /// The SHA-256 of the line before it, in hexadecimal, without its newline; `None` of the first.
    pub previous: Option<String>,
    /// Whether the window was read for the first time.
    pub look: Look,
    /// Which window.
    pub window: LineWindow,
    /// When it was read, in Unix seconds, by the clock of the job.
    #[serde(with = "times::text")]
    pub read_at: i64,
    /// The time up to which earlier lines are believed: what comes after it was taken up again, by `--state-rewind`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "times::optional_text"
    )]
    pub rewound_to: Option<i64>,
    /// The addresses that were read.
    pub sources: Sides<String>,
    /// How many records each side held.
    pub records: Sides<u64>,
    /// The answer.
    pub verdict: Verdict,
    /// The totals.
    pub counts: Counts,
    /// How many differing records nothing explains.
    pub unexplained: u64,
    /// How many parts could not be read.
    pub unreadable_parts: Sides<u64>,
    /// How many rows are no record.
    pub malformed: Sides<u64>,
    /// Why records differ, the cause that explains most first.
    pub causes: Vec<LineCause>,
    /// Lost and changed records by interface, those with most first; [`LineInterface::MOST`] at most.
    pub interfaces: Vec<LineInterface>,
    /// How many more interfaces have lost or changed records.
    pub more_interfaces: u64,
    /// How long records were on their way, in seconds, where that is known.
    pub delays: Sides<Option<DelaySummary>>,
    /// What the job still looked for after this look.
    pub carried: Carried,
    /// The whole report, if there are findings.
    pub report: Option<ArchivedReport>,
}

/// Which look it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// The first of a window. Each second of a job's time is in one such window, unless the job was rewound.
    First,
    /// A later one at some of it, which has decided what was open before.
    Again,
}

/// A stretch of `start`, in Unix seconds; half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineWindow {
    /// The first second inside.
    #[serde(with = "times::text")]
    pub start: i64,
    /// The first second after.
    #[serde(with = "times::text")]
    pub end: i64,
}

/// A cause, as it is told in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineCause {
    /// What it is, as reports name it.
    pub kind: String,
    /// Where the fault lies, if anything tells.
    pub side: Option<Side>,
    /// Whether it is proved, rather than likely.
    pub certain: bool,
    /// How many records it explains.
    pub records: u64,
    /// In words.
    pub text: String,
    /// When a window was read that had it first, in Unix seconds, if that was an earlier one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "times::optional_text"
    )]
    pub known_since: Option<i64>,
}

/// What an interface has lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineInterface {
    /// Its id, `-` if none is compared.
    pub interface: String,
    /// Copies that the other side has and this one lacks.
    pub missing: Sides<u64>,
    /// Extra copies on this side.
    pub surplus: Sides<u64>,
    /// Pairs of the same flow with unequal values.
    pub divergent: u64,
}

impl LineInterface {
    /// The most interfaces that a line names.
    pub const MOST: usize = 50;

    /// Returns how many records are lost or changed.
    pub fn total(&self) -> u64 {
        let both = |numbers: Sides<u64>| numbers.s3 + numbers.cwl;
        both(self.missing) + both(self.surplus) + self.divergent
    }
}

/// Where the whole report of a window is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedReport {
    /// The JSON report.
    pub json: NamedHash,
    /// The page.
    pub html: NamedHash,
}

/// A file of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedHash {
    /// Its name within the archive, with `/` between folders.
    pub name: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl ArchiveLine {
    /// Returns its text, without a newline. The same line has the same text.
    pub fn text(&self) -> String {
        // Strings, numbers and lists of them can be written to a string.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, as the rest of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let line: Self = match serde_json::from_str(text) {
            Ok(line) => line,
            Err(error) => {
                return Err(newer(text).unwrap_or_else(|| format!("is damaged: {error}")));
            }
        };
        if line.schema != SCHEMA {
            return Err(newer(text).unwrap_or_else(|| "is no line of an archive".to_owned()));
        }
        Ok(line)
    }
}

fn newer(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        schema: String,
    }
    let Named { schema } = serde_json::from_str(text).ok()?;
    (schema != SCHEMA && schema.starts_with(SCHEMAS)).then(|| {
        format!("was written by a newer flowdiff: `{schema}`, and this one knows `{SCHEMA}`")
    })
}

/// Returns the SHA-256 of some bytes, in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

#[cfg(test)]
pub(super) mod sample {
    use super::*;

    /// Midnight of 2022-01-07, UTC.
    pub(crate) const MIDNIGHT: i64 = 1_641_513_600;

    /// A line of a window of five minutes in which `lost` records are missing on `cwl`.
    pub(crate) fn line(
        number: u64,
        previous: Option<String>,
        start: i64,
        lost: u64,
    ) -> ArchiveLine {
        let missing = Sides { s3: 0, cwl: lost };
        let interface = LineInterface {
            interface: "eni-0c19436730cc350ae".to_owned(),
            missing,
            surplus: Sides::default(),
            divergent: 0,
        };
        ArchiveLine {
            schema: SCHEMA.to_owned(),
            number,
            previous,
            look: Look::First,
            window: LineWindow {
                start,
                end: start + 300,
            },
            read_at: start + 1200,
            rewound_to: None,
            sources: Sides {
                s3: "s3://logs".to_owned(),
                cwl: "cwl://group".to_owned(),
            },
            records: Sides {
                s3: 1000,
                cwl: 1000 - lost,
            },
            verdict: if lost > 0 {
                Verdict::Different
            } else {
                Verdict::Consistent
            },
            counts: Counts {
                matched: 1000 - lost,
                missing,
                ..Counts::default()
            },
            unexplained: lost,
            unreadable_parts: Sides::default(),
            malformed: Sides::default(),
            causes: Vec::new(),
            interfaces: (lost > 0).then_some(interface).into_iter().collect(),
            more_interfaces: 0,
            delays: Sides {
                s3: None,
                cwl: Some(DelaySummary {
                    records: 0,
                    p50: 60,
                    p95: 100,
                    p99: 120,
                    max: 140,
                }),
            },
            carried: Carried::default(),
            report: None,
        }
    }

    /// So many lines, chained, five minutes each from a time on, of which the given numbers have lost as many records as their
    /// number says.
    pub(crate) fn lines(from: i64, number: u64, lost: &[u64]) -> Vec<ArchiveLine> {
        let mut previous = None;
        let mut lines = Vec::new();
        for number in 1..=number {
            let start = from + (number.cast_signed() - 1) * 300;
            let loss = if lost.contains(&number) { number } else { 0 };
            let one = line(number, previous, start, loss);
            previous = Some(hash(one.text().as_bytes()));
            lines.push(one);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let mut line = sample::line(2, Some(hash(b"one")), sample::MIDNIGHT, 3);
        line.rewound_to = Some(sample::MIDNIGHT);
        line.causes.push(LineCause {
            kind: "outage".to_owned(),
            side: Some(Side::Cwl),
            certain: true,
            records: 3,
            text: "nothing arrived".to_owned(),
            known_since: Some(sample::MIDNIGHT - 300),
        });
        let text = line.text();
        assert!(!text.contains('\n'));
        assert_eq!(ArchiveLine::parse(&text).unwrap(), line);
        assert!(
            text.starts_with("{\"schema\":\"flowdiff.archive/1\",\"number\":2,\"previous\":\"")
        );
        assert!(
            text.contains("\"start\":\"2022-01-07T00:00:00Z\""),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_line_is_refused() {
        let text = sample::line(1, None, 0, 0).text();
        for (text, said) in [
            (text[1..].to_owned(), "is damaged"),
            (
                text.replace("archive/1", "archive/2"),
                "newer flowdiff: `flowdiff.archive/2`",
            ),
            (text.replace("archive/1", "other/1"), "is no line"),
            (
                "{\"schema\":\"flowdiff.archive/2\"}".to_owned(),
                "newer flowdiff",
            ),
            (
                text.replace("1970-01-01T00:00:00Z", "yesterday"),
                "is damaged",
            ),
        ] {
            let error = ArchiveLine::parse(&text).unwrap_err();
            assert!(error.contains(said), "{said}: {error}");
        }
    }

    #[test]
    fn the_hash_is_sha_256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash(b""), empty);
    }
}
