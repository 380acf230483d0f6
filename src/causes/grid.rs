//! The grid: how many records each side has of each interface and in each slot, and where it has none.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::digest::Digest;
use crate::model::Sides;

/// What a side has in a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldInSlot {
    /// How many records.
    pub records: u64,
    /// Of how many interfaces.
    pub interfaces: u64,
}

/// What a side has of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// How many records.
    pub records: u64,
    /// The first slot with any.
    pub first: i64,
    /// The last one.
    pub last: i64,
    /// How many slots have any.
    pub slots: u64,
}

/// How many records there are where, at the first look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// Whether it tells of all records. If not, only of those in buckets that differ: there were too many for the memory.
    pub is_whole: bool,
    /// By the slot's first second.
    pub slots: BTreeMap<i64, Sides<HeldInSlot>>,
    /// By interface; records without a slot do not count.
    pub interfaces: BTreeMap<Arc<str>, Sides<Option<Reach>>>,
}

impl Grid {
    /// Sums up what the sides boil down to.
    pub fn of(digests: &Sides<Digest>, is_whole: bool) -> Self {
        let mut grid = Self {
            is_whole,
            ..Self::default()
        };
        for side in crate::model::Side::BOTH {
            let ledger = &digests[side].ledger;
            for id in ledger.ids() {
                let Some((bucket, slot)) = ledger
                    .bucket(id)
                    .and_then(|bucket| bucket.slot.map(|slot| (bucket, slot)))
                else {
                    continue;
                };
                let records = ledger.sums(id).copies;
                let held = &mut grid.slots.entry(slot).or_default()[side];
                held.records += records;
                held.interfaces += 1;
                let reach = &mut grid.interfaces.entry(bucket.interface).or_default()[side];
                let reach = reach.get_or_insert(Reach {
                    records: 0,
                    first: slot,
                    last: slot,
                    slots: 0,
                });
                reach.records += records;
                reach.first = reach.first.min(slot);
                reach.last = reach.last.max(slot);
                reach.slots += 1;
            }
        }
        grid
    }
}
