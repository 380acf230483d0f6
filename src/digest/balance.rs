//! The balance: how both sides stand in one bucket.

use crate::model::{Side, Sides};

use super::bucket::BucketId;
use super::ledger::Ledger;

/// How both sides stand in a bucket, whatever the clock says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// How many copies each side has.
    pub copies: Sides<u64>,
    /// By how much S3's fingerprints add up to more than CloudWatch's.
    pub more: u128,
}

impl Balance {
    /// Takes it from both sides' ledgers.
    pub fn of(ledgers: Sides<&Ledger>, id: BucketId) -> Self {
        let sums = ledgers.map(|ledger| ledger.sums(id));
        Self {
            copies: sums.as_ref().map(|sums| sums.copies),
            more: sums.s3.fingerprints.wrapping_sub(sums.cwl.fingerprints),
        }
    }

    /// Tells whether the sides differ: whether they do not hold the same records, each as often.
    pub fn differs(&self) -> bool {
        self.copies.s3 != self.copies.cwl || self.more != 0
    }

    /// Returns the side that has nothing, S3 if neither has anything.
    pub fn lacking(&self) -> Option<Side> {
        Side::BOTH.into_iter().find(|&side| self.copies[side] == 0)
    }

    /// Tells whether the sides differ by the same records.
    pub fn differs_as(&self, other: &Self) -> bool {
        let more = |balance: &Self| balance.copies.s3.wrapping_sub(balance.copies.cwl);
        self.more == other.more && more(self) == more(other)
    }
}
