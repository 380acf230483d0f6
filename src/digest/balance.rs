//! The balance: how both sides stand in one bucket.

use crate::model::{Side, Sides};

use super::RecordPrint;
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

/// What is in a bucket, told copy by copy. Adds up in any order. Smaller than a line in the ledger of each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketTally {
    /// How both sides stand in it.
    pub balance: Balance,
    /// How many of the copies are young, on both sides together.
    pub young: u64,
}

impl BucketTally {
    /// Adds a copy that stands on a side.
    pub fn add(&mut self, side: Side, print: &RecordPrint<'_>) {
        self.balance.copies[side] += 1;
        self.young += u64::from(print.young);
        let more = &mut self.balance.more;
        *more = match side {
            Side::S3 => more.wrapping_add(print.fingerprint),
            Side::Cwl => more.wrapping_sub(print.fingerprint),
        };
    }

    /// Adds copies of other parts.
    pub fn merge(&mut self, other: &Self) {
        for side in Side::BOTH {
            self.balance.copies[side] += other.balance.copies[side];
        }
        self.young += other.young;
        self.balance.more = self.balance.more.wrapping_add(other.balance.more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Fingerprints;

    /// Whatever the parts that the copies are in.
    #[test]
    fn a_tally_tells_what_ledgers_tell() {
        let key = Fingerprints::seeded(1);
        let mut ledgers = Sides::from_fn(|_| Ledger::default());
        let mut parts = [BucketTally::default(); 3];
        let mut id = None;
        for (number, text) in ["one", "two", "two", "three", "four"].iter().enumerate() {
            let print = RecordPrint {
                young: number % 2 == 0,
                ..RecordPrint::new(&key, text.as_bytes(), b"eni-0aa", Some(300))
            };
            let side = Side::BOTH[usize::from(number > 2)];
            ledgers[side].add(&print);
            parts[number % 3].add(side, &print);
            id = Some(print.bucket);
        }
        let mut all = BucketTally::default();
        parts.iter().for_each(|part| all.merge(part));
        let balance = Balance::of(ledgers.as_ref(), id.unwrap());
        assert_eq!(all, BucketTally { balance, young: 3 });
        assert!(balance.differs());
    }
}
