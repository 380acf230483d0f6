//! What a job has told before and what a later report refers to: when findings were told last, and which causes are known.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::causes::{Cause, Explanation};
use crate::model::{Counts, Side, Sides};
use crate::report::Report;

/// So long after it was told last, in seconds, a cause is news again, and findings are not referred to any more.
const REMEMBERED: i64 = 30 * 86_400;

/// The most causes that are remembered; those that were seen last stay.
const MOST_CAUSES: usize = 200;

/// What was told before. Times are Unix seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToldBefore {
    /// The last round with lost or changed records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<LastFound>,
    /// Causes, in the order in which they were seen first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    causes: Vec<ToldCause>,
}

/// What a round has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastFound {
    /// When that was told.
    at: i64,
    /// The windows that the round read.
    start: i64,
    end: i64,
    missing: Sides<u64>,
    surplus: Sides<u64>,
    divergent: u64,
}

/// A cause that was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldCause {
    kind: String,
    side: Option<Side>,
    detail: Map<String, Value>,
    /// When it was told first.
    since: i64,
    /// When it was told last.
    seen: i64,
}

impl ToldCause {
    fn is(&self, cause: &Explanation) -> bool {
        (&*self.kind, self.side, &self.detail) == (cause.kind, cause.side, &cause.detail)
    }
}

impl ToldBefore {
    /// Tells whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns since when a cause has been told, if it has.
    pub fn known_since(&self, cause: &Explanation, now: i64) -> Option<i64> {
        let mut causes = self.causes.iter();
        let known = causes.find(|known| known.is(cause) && now - known.seen <= REMEMBERED)?;
        Some(known.since)
    }

    /// Takes a round's report in, and makes it refer to what was told before: causes that are known say since when, and a report
    /// without lost or changed records says when there were some last.
    pub fn refer(&mut self, report: &mut Report, now: i64) {
        for cause in &mut report.why.causes {
            cause.known_since = self.known_since(cause, now);
            self.causes.retain(|known| !known.is(cause));
            self.causes.push(ToldCause {
                kind: cause.kind.to_owned(),
                side: cause.side,
                detail: cause.detail.clone(),
                since: cause.known_since.unwrap_or(now),
                seen: now,
            });
        }
        self.causes.retain(|known| now - known.seen <= REMEMBERED);
        let too_many = self.causes.len().saturating_sub(MOST_CAUSES);
        self.causes.drain(..too_many);
        let Counts {
            missing,
            surplus,
            divergent,
            ..
        } = report.counts;
        let lost = missing.s3 + missing.cwl + surplus.s3 + surplus.cwl + divergent;
        if lost > 0 {
            let window = report.window;
            self.found = window.start.zip(window.end).map(|(start, end)| LastFound {
                at: now,
                start,
                end,
                missing,
                surplus,
                divergent,
            });
            return;
        }
        self.found.take_if(|found| now - found.at > REMEMBERED);
        if let Some(found) = &self.found {
            report.causes.push(Cause::FoundBefore {
                at: found.at,
                window: crate::model::window::Window::new(found.start, found.end),
                missing: found.missing,
                surplus: found.surplus,
                divergent: found.divergent,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    const DAY: i64 = 86_400;

    #[test]
    fn a_known_cause_says_since_when_and_is_news_again_after_long() {
        let mut told = ToldBefore::default();
        let round = |told: &mut ToldBefore, now: i64| {
            let mut report = sample::of_a_job();
            told.refer(&mut report, now);
            report.why.causes[0].known_since
        };
        assert_eq!(round(&mut told, 1000), None);
        assert_eq!(round(&mut told, 1300), Some(1000));
        assert_eq!(round(&mut told, 1300 + 29 * DAY), Some(1000));
        let text = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<ToldBefore>(&text).unwrap(), told);
        assert_eq!(round(&mut told, 1300 + 60 * DAY), None);
        // With other details it is another one.
        let mut report = sample::of_a_job();
        report.why.causes[0]
            .detail
            .insert("when".to_owned(), "since".into());
        told.refer(&mut report, 1300 + 60 * DAY);
        assert_eq!(report.why.causes[0].known_since, None);
        assert_eq!(told.causes.len(), 2);
    }

    #[test]
    fn findings_are_referred_to_until_there_are_others() {
        let mut told = ToldBefore::default();
        let found = |report: &Report| {
            report.causes.iter().find_map(|cause| {
                if let Cause::FoundBefore { at, missing, .. } = cause {
                    return Some((*at, missing.cwl));
                }
                None
            })
        };
        let mut calm = sample::consistent();
        told.refer(&mut calm, 900);
        assert_eq!(found(&calm), None);
        let mut report = sample::of_a_job();
        told.refer(&mut report, 1000);
        assert_eq!(found(&report), None);
        for (now, said) in [
            (1300, Some((1000, 3))),
            (1000 + 31 * DAY, None),
            (1300, None),
        ] {
            let mut calm = sample::consistent();
            told.refer(&mut calm, now);
            assert_eq!(found(&calm), said, "{now}");
        }
    }
}
