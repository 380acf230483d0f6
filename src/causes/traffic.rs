//! Traffic: whether the copies that differ tell of as many packets and bytes on one side as on the other.

use crate::model::{Side, Sides};
use crate::record::{FieldName, Record};

/// Packets and bytes of the copies that differ, S3's less CloudWatch's, in all buckets at once.
///
/// So that memory does not depend on the number of buckets, what is added up is each bucket's difference times a number that
/// stands for the bucket and that nobody can guess: that is zero if each bucket's is, and by a chance of one in 2^64 otherwise.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    packets: u64,
    bytes: u64,
    /// Which sides have any.
    any: Sides<bool>,
    /// Whether some of what differs was not looked at.
    partial: bool,
}

impl Traffic {
    /// Adds a copy that the other side lacks; `bucket` is the number that stands for its bucket. Sums wrap.
    pub fn add(&mut self, side: Side, bucket: u64, record: &Record) {
        let sign = match side {
            Side::S3 => bucket,
            Side::Cwl => bucket.wrapping_neg(),
        };
        let amount = |name: &FieldName| matches!(name.as_str(), "packets" | "bytes");
        let amounts = record.fields().filter(|(name, _)| amount(name));
        // There is nothing more to look for behind them.
        for (name, value) in amounts.take(2) {
            let value: u64 = value.and_then(|value| value.parse().ok()).unwrap_or(0);
            let sum = match name.as_str() {
                "packets" => &mut self.packets,
                _ => &mut self.bytes,
            };
            *sum = sum.wrapping_add(value.wrapping_mul(sign));
            self.any[side] |= value > 0;
        }
    }

    /// Says that something differs that is not added.
    pub fn leave_out(&mut self) {
        self.partial = true;
    }

    /// Tells whether both sides tell of the same traffic, of some and in each bucket, in records that differ.
    pub fn is_same(&self) -> bool {
        let some = self.any.s3 && self.any.cwl && !self.partial;
        some && (self.packets, self.bytes) == (0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(packets: &str, bytes: &str) -> Record {
        let named = |name: &str, value: &str| {
            let value = (value != "-").then(|| value.to_owned());
            (FieldName::new(name), value)
        };
        Record::new(vec![
            named("packets", packets),
            named("bytes", bytes),
            named("end", "60"),
        ])
    }

    #[test]
    fn traffic_is_the_same_if_it_is_in_each_bucket() {
        const S3: Side = Side::S3;
        const CWL: Side = Side::Cwl;
        let large = "18446744073709551615";
        type Copies<'a> = &'a [(Side, u64, (&'a str, &'a str))];
        let cases: [(Copies<'_>, bool); 10] = [
            (&[], false),
            (&[(S3, 7, ("2", "80")), (CWL, 7, ("2", "80"))], true),
            (
                &[
                    (CWL, 7, ("3", "99")),
                    (S3, 7, ("1", "40")),
                    (S3, 7, ("2", "59")),
                ],
                true,
            ),
            (&[(S3, 7, ("2", "80")), (CWL, 8, ("2", "80"))], false),
            (&[(S3, 7, ("2", "80")), (CWL, 7, ("2", "81"))], false),
            (&[(S3, 7, ("2", "80")), (CWL, 7, ("3", "80"))], false),
            (&[(S3, 7, ("2", "80")), (CWL, 7, ("3", "79"))], false),
            (&[(S3, 7, (large, large)), (CWL, 7, (large, large))], true),
            // Nothing was told of any traffic.
            (&[(S3, 7, ("-", "-")), (CWL, 7, ("-", "-"))], false),
            (&[(S3, 7, ("2", "80")), (S3, 7, ("2", "80"))], false),
        ];
        for (copies, same) in cases {
            let mut traffic = Traffic::default();
            for &(side, bucket, (packets, bytes)) in copies {
                traffic.add(side, bucket, &record(packets, bytes));
            }
            assert_eq!(traffic.is_same(), same, "{copies:?}");
            traffic.leave_out();
            assert!(!traffic.is_same());
        }
    }
}
