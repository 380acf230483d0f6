//! Explanations: why records differ, as data, each record explained at most once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::diff::DifferenceKind;
use crate::model::Side;
use crate::model::finding::Bucket;

/// Why some records differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Its number in the report, from 1.
    pub number: u32,
    /// What it is, as [`super::CAUSES`] names it.
    pub kind: &'static str,
    /// Where the fault lies: the side that lacks, holds twice or was cut; `None` if nothing tells.
    pub side: Option<Side>,
    /// Whether it is proved, rather than likely.
    pub certain: bool,
    /// How many records it explains; a divergent pair is one.
    pub records: u64,
    /// How many interfaces they are of.
    pub interfaces: u64,
    /// The first second of the stretch they start in, in Unix seconds, if that is known.
    pub since: Option<i64>,
    /// The first second after it.
    pub until: Option<i64>,
    /// What else is known, by name; what there is depends on the kind.
    pub detail: Map<String, Value>,
    /// When a job told it first, in Unix seconds, if an earlier round did.
    pub known_since: Option<i64>,
}

impl Explanation {
    /// Returns a text of the details, empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.detail.get(name).and_then(Value::as_str).unwrap_or("")
    }

    /// Returns the texts of a list in the details.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let list = self.detail.get(name).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Returns a number of the details.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.detail.get(name).and_then(Value::as_i64)
    }

    /// Tells whether the other one is the same cause, found again at another time.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.kind, self.side, &self.detail) == (other.kind, other.side, &other.detail)
    }
}

/// How many records of a finding a cause explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The cause's number.
    pub number: u32,
    /// How many.
    pub records: u64,
}

/// Why records differ: all causes, and what is left. For each finding, the shares of causes and what is unexplained add up to
/// its records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why {
    /// The causes, the one that explains most first.
    pub causes: Vec<Explanation>,
    /// What explains the records of findings, the largest share first; nothing for what is unexplained.
    pub shares: BTreeMap<(Bucket, DifferenceKind), Vec<Share>>,
    /// How many records nothing explains.
    pub unexplained: u64,
}

impl Why {
    /// Returns what explains the records of a finding, the largest share first.
    pub fn shares(&self, bucket: &Bucket, kind: DifferenceKind) -> &[Share] {
        let shares = self.shares.get(&(bucket.clone(), kind));
        shares.map_or(&[], Vec::as_slice)
    }

    /// Adds what was found out about another window. Causes that are the same become one.
    pub fn add(&mut self, other: Self) {
        let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
        for mut cause in other.causes {
            let before = cause.number;
            let known = self.causes.iter_mut().find(|known| known.is_same(&cause));
            let number = match known {
                Some(known) => {
                    known.records += cause.records;
                    known.certain &= cause.certain;
                    known.since = known.since.zip(cause.since).map(|(a, b)| a.min(b));
                    known.until = known.until.zip(cause.until).map(|(a, b)| a.max(b));
                    known.number
                }
                None => {
                    let last = self.causes.iter().map(|cause| cause.number).max();
                    cause.number = last.unwrap_or(0) + 1;
                    self.causes.push(cause);
                    last.unwrap_or(0) + 1
                }
            };
            numbers.insert(before, number);
        }
        for (finding, shares) in other.shares {
            let mine = self.shares.entry(finding).or_default();
            for Share { number, records } in shares {
                let number = numbers.get(&number).copied().unwrap_or(number);
                match mine.iter_mut().find(|share| share.number == number) {
                    Some(share) => share.records += records,
                    None => mine.push(Share { number, records }),
                }
            }
        }
        self.unexplained += other.unexplained;
        self.in_order();
    }

    /// Keeps what concerns these findings, of which each may have fewer records than it had: the causes are counted again, and
    /// those that explain none of them any more go.
    #[must_use]
    pub fn only(self, findings: &BTreeMap<(Bucket, DifferenceKind), u64>) -> Self {
        let mut kept = Self {
            causes: self.causes,
            ..Self::default()
        };
        let mut interfaces: BTreeMap<u32, BTreeSet<Arc<str>>> = BTreeMap::new();
        kept.causes.iter_mut().for_each(|cause| cause.records = 0);
        for (finding, &records) in findings {
            let mut left = records;
            for share in self.shares.get(finding).into_iter().flatten() {
                let records = share.records.min(left);
                left -= records;
                let cause = kept
                    .causes
                    .iter_mut()
                    .find(|cause| cause.number == share.number);
                if let Some(cause) = cause.filter(|_| records > 0) {
                    cause.records += records;
                    let of = interfaces.entry(cause.number).or_default();
                    of.insert(Arc::clone(&finding.0.interface));
                    let shares = kept.shares.entry(finding.clone()).or_default();
                    shares.push(Share { records, ..*share });
                }
            }
            kept.unexplained += left;
        }
        kept.causes.retain(|cause| cause.records > 0);
        for cause in &mut kept.causes {
            cause.interfaces = interfaces
                .get(&cause.number)
                .map_or(0, |of| of.len() as u64);
        }
        kept.in_order();
        kept
    }

    /// Numbers the causes anew, the one that explains most first.
    pub(super) fn in_order(&mut self) {
        // Stable: of equal ones the more specific stays first.
        self.causes
            .sort_by_key(|cause| std::cmp::Reverse(cause.records));
        let numbers: BTreeMap<u32, u32> = (1..)
            .zip(&self.causes)
            .map(|(number, cause)| (cause.number, number))
            .collect();
        for (cause, number) in self.causes.iter_mut().zip(1..) {
            cause.number = number;
        }
        for shares in self.shares.values_mut() {
            for share in shares.iter_mut() {
                share.number = numbers.get(&share.number).copied().unwrap_or(share.number);
            }
            shares.sort_by_key(|share| (std::cmp::Reverse(share.records), share.number));
        }
        self.shares.retain(|_, shares| !shares.is_empty());
    }

    /// Changes every text in it.
    #[must_use]
    pub fn map_texts(
        self,
        change: &dyn Fn(&str) -> String,
        bucket: &dyn Fn(&Bucket) -> Bucket,
    ) -> Self {
        let causes = self.causes.into_iter().map(|cause| Explanation {
            detail: cause
                .detail
                .into_iter()
                .map(|(name, value)| (name, changed(value, change)))
                .collect(),
            ..cause
        });
        let shares = self.shares.into_iter();
        Self {
            causes: causes.collect(),
            shares: shares
                .map(|((of, kind), shares)| ((bucket(&of), kind), shares))
                .collect(),
            unexplained: self.unexplained,
        }
    }
}

fn changed(value: Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(&text)),
        Value::Array(all) => all.into_iter().map(|one| changed(one, change)).collect(),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (name, changed(value, change)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}
