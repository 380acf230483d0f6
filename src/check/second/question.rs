//! What a later look is about: what differed at the look before.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::check::first::Screened;
use crate::digest::{BucketId, Net};
use crate::model::Sides;

/// What is looked at again.
#[derive(Clone, Debug)]
pub(in crate::check) enum Question {
    /// These records, each with what the last look found of it.
    Few(Vec<Net>),
    /// All records of these buckets: there are more differences than the first sketch tells.
    Many(HashMap<BucketId, Standing>),
}

/// How a bucket stood at the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::check) struct Standing {
    /// How many copies each side had.
    pub copies: Sides<u64>,
    /// By how much S3's fingerprints add up to more than CloudWatch's.
    pub more: u128,
    /// How many the other side had and this one lacked, as far as a look has told.
    pub lacked: Sides<u64>,
}

impl Question {
    /// Asks about everything that differs at the first look; `None` if nothing does.
    pub(in crate::check) fn of(screened: &Screened) -> Option<Self> {
        let unequal = screened.digests.unequal();
        if unequal.is_empty() {
            return None;
        }
        Some(match screened.digests.differences() {
            Ok(found) => Self::Few(found),
            Err(_) => {
                let ledgers = screened.digests.as_ref().map(|digest| &digest.ledger);
                let standing = |id| (id, Standing::of(ledgers, id));
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
