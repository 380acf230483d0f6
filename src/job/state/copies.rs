//! Copies: a multiset of records, by their text where it was at hand, else by number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Copies of records of one bucket. Those that were shown as evidence are told by their text; of more there is only
/// the number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketCopies {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    records: BTreeMap<String, Named>,
    #[serde(default, skip_serializing_if = "is_zero")]
    more: u64,
}

/// A record that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    copies: u64,
    /// The record's `end`.
    end: Option<i64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl BucketCopies {
    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// Returns how many there are.
    pub fn total(&self) -> u64 {
        self.records.values().map(|named| named.copies).sum::<u64>() + self.more
    }

    /// Adds one.
    pub fn add(&mut self, text: &str, end: Option<i64>) {
        let named = self.records.entry(text.to_owned());
        named.or_insert(Named { copies: 0, end }).copies += 1;
    }

    /// Adds some that are known by number only.
    pub fn add_more(&mut self, copies: u64) {
        self.more += copies;
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: Self) {
        for (text, named) in other.records {
            let empty = Named { copies: 0, ..named };
            self.records.entry(text).or_insert(empty).copies += named.copies;
        }
        self.more += other.more;
    }

    /// Takes a copy of this record away; false if there is none.
    pub fn take(&mut self, text: &str) -> bool {
        let Some(named) = self.records.get_mut(text) else {
            return false;
        };
        named.copies -= 1;
        if named.copies == 0 {
            self.records.remove(text);
        }
        true
    }

    /// Takes up to `most` copies away that are known by number only, and returns how many.
    pub fn take_more(&mut self, most: u64) -> u64 {
        let taken = self.more.min(most);
        self.more -= taken;
        taken
    }

    /// Returns the earliest `end` of those that are told by their text.
    pub fn earliest_end(&self) -> Option<i64> {
        self.records.values().filter_map(|named| named.end).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_taken_as_often_as_they_were_added() {
        let mut copies = BucketCopies::default();
        copies.add("a", Some(7));
        copies.add("a", Some(7));
        copies.add("b", Some(3));
        copies.add_more(2);
        assert_eq!((copies.total(), copies.earliest_end()), (5, Some(3)));
        assert!(copies.take("a") && copies.take("a") && !copies.take("a"));
        assert!(!copies.take("c"));
        assert!(copies.take("b"));
        assert_eq!((copies.take_more(9), copies.total()), (2, 0));
        assert!(copies.is_empty());
    }
}
