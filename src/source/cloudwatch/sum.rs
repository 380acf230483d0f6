//! What a stream's events add up to, in any order, so that two readings of it can be compared without keeping either.

use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::decode::Event;

/// How many events, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct EventSum {
    events: u64,
    hashes: u128,
    /// Events that were left out because they had just come in.
    young: u64,
}

impl EventSum {
    /// Adds an event, unless it was taken in after `settled` (in milliseconds).
    pub(super) fn add(&mut self, event: &Event, settled: i64) {
        if event.ingested.is_some_and(|at| settled < at) {
            self.young += 1;
            return;
        }
        self.events += 1;
        #[expect(clippy::cast_sign_loss, reason = "any number is as good as a seed")]
        let hash = xxh3_128_with_seed(event.message.as_bytes(), event.timestamp as u64);
        self.hashes = self.hashes.wrapping_add(hash);
    }

    /// Returns how many events there were.
    pub(super) fn events(&self) -> u64 {
        self.events + self.young
    }

    /// Tells whether there was no event at all.
    pub(super) fn is_empty(&self) -> bool {
        self.events() == 0
    }

    /// Tells whether both are of the same events, those left out that had just come in.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.events, self.hashes) == (other.events, other.hashes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(events: &[(i64, &str, i64)]) -> EventSum {
        let mut sum = EventSum::default();
        for &(timestamp, message, ingested) in events {
            let event = Event {
                timestamp,
                message: message.to_owned(),
                ingested: Some(ingested),
            };
            sum.add(&event, 100);
        }
        sum
    }

    #[test]
    fn order_does_not_matter_and_copies_do() {
        let (a, b) = ((1, "a", 9), (1, "b", 9));
        assert!(sum(&[a, b]).is_same(&sum(&[b, a])));
        assert!(!sum(&[a, b]).is_same(&sum(&[a])));
        assert!(!sum(&[a]).is_same(&sum(&[a, a])));
        assert!(!sum(&[a]).is_same(&sum(&[b])));
        assert!(!sum(&[a]).is_same(&sum(&[(2, "a", 9)])));
    }

    #[test]
    fn what_has_just_come_in_is_left_out() {
        let with = sum(&[(1, "a", 100), (2, "b", 101)]);
        assert!(with.is_same(&sum(&[(1, "a", 7)])));
        assert!(!sum(&[(2, "b", 101)]).is_empty() && sum(&[]).is_empty());
    }
}
