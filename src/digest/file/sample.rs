//! Some of a side's records, whole. A digest has them only if that was asked for: they are content.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::Lowest;
use crate::record::{FieldName, Record};

/// So many records are kept, if a side has no more.
const ALL_UP_TO: usize = 2_048;

/// So many of more. Each costs as much as reading some twenty lines does.
const MOST: usize = 256;

/// Some of a side's records, with the parts that hold them.
pub type Sample = Lowest<(Record, Arc<str>)>;

impl Sample {
    /// Makes an empty one.
    pub fn empty() -> Self {
        Self::all_up_to(ALL_UP_TO, MOST)
    }
}

/// A sample as a digest tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldSample {
    /// All records of a lower number are among these; the highest number there is if these are all.
    pub below: u64,
    /// The records, by number.
    pub records: Vec<SampledRecord>,
}

/// A record of a sample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SampledRecord {
    /// The number that decides whether it is among them.
    pub number: u64,
    /// The part that holds it.
    pub part: String,
    /// Its fields in canonical form; `null` is absent.
    pub fields: Vec<(String, Option<String>)>,
}

impl From<&Sample> for ToldSample {
    fn from(sample: &Sample) -> Self {
        let all = sample.all().into_iter();
        let records = all.map(|(number, (record, part))| SampledRecord {
            number: *number,
            part: part.to_string(),
            fields: record
                .fields()
                .map(|(name, value)| (name.to_string(), value.map(str::to_owned)))
                .collect(),
        });
        let mut records: Vec<_> = records.collect();
        records.sort();
        Self {
            below: sample.below(),
            records,
        }
    }
}

impl From<&ToldSample> for Sample {
    fn from(told: &ToldSample) -> Self {
        let records = told.records.iter().map(|one| {
            let fields = one.fields.iter();
            let fields = fields.map(|(name, value)| (FieldName::new(name), value.clone()));
            let record = Record::new(fields.collect());
            (one.number, (record, Arc::from(one.part.as_str())))
        });
        Self::of_told(told.below, records.collect(), &Self::empty())
    }
}

impl ToldSample {
    /// Returns the sample of both.
    pub(super) fn with(&self, other: &Self) -> Self {
        let mut both = Sample::from(self);
        both.merge(other.into());
        (&both).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(numbers: std::ops::Range<u64>) -> Sample {
        let mut sample = Sample::empty();
        for number in numbers {
            let field = (FieldName::new("start"), Some(number.to_string()));
            sample.add(number, (Record::new(vec![field]), "part".into()));
        }
        sample
    }

    #[test]
    fn what_is_told_adds_up_to_what_was_sampled_at_once() {
        for most in [100, 4_000] {
            let told = [0..most / 3, most / 3..most].map(|some| ToldSample::from(&sample(some)));
            let all = ToldSample::from(&sample(0..most));
            assert_eq!(
                Sample::from(&told[0].with(&told[1])).all(),
                Sample::from(&all).all()
            );
            assert_eq!(told[1].with(&told[0]), told[0].with(&told[1]));
        }
    }
}
