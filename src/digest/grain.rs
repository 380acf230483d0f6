//! Grain: how much a line of a ledger covers.

use crate::model::window::SLOT;

use super::RecordPrint;
use super::bucket::BucketId;

/// How coarse lines are, from one for each bucket to few for everything; each is made of whole lines of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resolution(pub(super) usize);

impl Resolution {
    /// How many seconds of `start` a line covers (`None` is all), and the bits of its interface's number that count.
    const STEPS: [(Option<i64>, u64); 5] = [
        (Some(SLOT), u64::MAX),
        (Some(60 * 60), u64::MAX),
        (Some(24 * 60 * 60), u64::MAX),
        (Some(24 * 60 * 60), Self::CLASSES),
        (None, Self::CLASSES),
    ];

    /// 4,096 classes of interfaces.
    const CLASSES: u64 = !(u64::MAX >> 12);

    /// Returns the next coarser one; `None` if there is none.
    pub(super) fn coarser(self) -> Option<Self> {
        (self.0 + 1 < Self::STEPS.len()).then_some(Self(self.0 + 1))
    }

    /// Tells whether each bucket has a line of its own.
    pub fn is_fine(self) -> bool {
        self == Self::default()
    }

    /// Returns the number of the line that a record belongs to.
    pub fn line(self, print: &RecordPrint<'_>) -> BucketId {
        let (interface, slot) = self.place(print.name, print.slot);
        BucketId::new(interface, slot)
    }

    /// Returns interface and slot of a line.
    pub(super) fn place(self, interface: u64, slot: Option<i64>) -> (u64, Option<i64>) {
        let (seconds, bits) = Self::STEPS[self.0];
        let slot = seconds.and_then(|seconds| Some(slot?.div_euclid(seconds) * seconds));
        (interface & bits, slot)
    }

    /// Tells whether lines are of single interfaces.
    pub(super) fn tells_interfaces(self) -> bool {
        Self::STEPS[self.0].1 == u64::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_of_slots_hours_days_and_classes_of_interfaces() {
        let (all, class) = (u64::MAX, 0xfff0_0000_0000_0000);
        let lines = [
            (all, Some(1_700_000_100)),
            (all, Some(1_699_999_200)),
            (all, Some(1_699_920_000)),
            (class, Some(1_699_920_000)),
            (class, None),
        ];
        for (grain, line) in lines.into_iter().enumerate() {
            assert_eq!(Resolution(grain).place(all, Some(1_700_000_100)), line);
        }
    }
}
