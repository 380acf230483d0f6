//! What a later look is about: what differed at the look before.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::check::first::Screened;
use crate::digest::{Balance, BucketId, NetDifference};
use crate::model::Sides;

/// What is looked at again.
#[derive(Clone, Debug)]
pub(in crate::check) enum Unresolved {
    /// These records, each with what the last look found of it.
    Few(Vec<NetDifference>),
    /// All records of these buckets: there are more differences than the first sketch tells.
    Many(HashMap<BucketId, BucketState>),
}

/// How a bucket stood at the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::check) struct BucketState {
    /// What each side had.
    pub balance: Balance,
    /// How many the other side had and this one lacked, as far as a look has told.
    pub lacked: Sides<u64>,
}

impl BucketState {
    /// A bucket of which no look has told yet what a side lacked.
    pub(super) fn of(balance: Balance) -> Self {
        Self {
            balance,
            lacked: Sides::default(),
        }
    }
}

impl Unresolved {
    /// Asks about everything that differs at the first look; `None` if nothing does.
    pub(in crate::check) fn of(screened: &Screened) -> Option<Self> {
        let unequal = screened.digests.unequal();
        if unequal.is_empty() {
            return None;
        }
        Some(match screened.digests.differences() {
            Ok(found) => Self::Few(found),
            Err(_) => {
                let standing = |id| (id, BucketState::of(screened.digests.balance(id)));
                Self::Many(unequal.into_iter().map(standing).collect())
            }
        })
    }

    /// Returns the buckets it is about.
    pub(in crate::check) fn buckets(&self) -> BTreeSet<BucketId> {
        match self {
            Self::Few(found) => found.iter().map(|difference| difference.bucket).collect(),
            Self::Many(buckets) => buckets.keys().copied().collect(),
        }
    }
}
