//! Claims: each event of a side counts once, however often it is found.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashSet;

use crate::digest::Fingerprints;
use crate::model::{Side, Sides};

use super::visitor::SeenRecord;

/// Which events have been taken, by fingerprint: an event found again in another answer is no second copy.
///
/// What comes from a part that may still turn out to be unreadable must turn no other part's copy away. So its claims
/// are held until it is known to be whole, and become final all at once, or not at all.
#[derive(Default)]
pub(in crate::check) struct EventDedup {
    /// What parts that are whole have taken, for all workers.
    last: Arc<Sides<Mutex<HashSet<u128>>>>,
    /// What the part at hand has taken.
    held: Sides<HashSet<u128>>,
}

impl EventDedup {
    /// Nothing held, the same final claims.
    pub(in crate::check) fn empty_like(&self) -> Self {
        Self {
            last: Arc::clone(&self.last),
            held: Sides::default(),
        }
    }

    /// Tells whether a row counts: it has no id, or its event has not been taken before.
    #[inline(always)]
    pub(in crate::check) fn claim(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) -> bool {
        match seen.event(key) {
            Some(event) => self.claim_event(seen.origin.side, event),
            None => true,
        }
    }

    /// Tells whether an event has not been taken before.
    pub(in crate::check) fn claim_event(&mut self, side: Side, event: u128) -> bool {
        !self.final_of(side).contains(&event) && self.held[side].insert(event)
    }

    /// Makes what is held final; false, and nothing changes, if other parts have taken any of it since.
    pub(in crate::check) fn make_final(&mut self) -> bool {
        for side in Side::BOTH {
            let held = mem::take(&mut self.held[side]);
            let mut last = self.final_of(side);
            if held.iter().any(|event| last.contains(event)) {
                return false;
            }
            last.extend(held);
        }
        true
    }

    fn final_of(&self, side: Side) -> MutexGuard<'_, HashSet<u128>> {
        self.last[side]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
