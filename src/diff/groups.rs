//! Groups: the copies of differing records, a group for each record.

use hashbrown::{HashMap, HashSet};
use itertools::Itertools;

use crate::model::finding::{Bucket, Place};
use crate::model::{Side, Sides};
use crate::record::Record;

/// One copy of a differing record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupCopy {
    /// Where it stands.
    pub place: Place,
    /// The event it came in, if it had an id: two copies with one id are one.
    pub event: Option<u128>,
    /// All its fields.
    pub record: Record,
    /// Its `end`, in Unix seconds.
    pub end: Option<i64>,
    /// When it was delivered, in Unix seconds, if that is known.
    pub delivered: Option<i64>,
    /// Whether its other copy may still be on its way.
    pub young: bool,
}

/// All copies of one differing record.
#[derive(Clone, Debug)]
pub struct RecordGroup {
    /// The number of its field set.
    pub set: usize,
    /// Its canonical text.
    pub text: Box<[u8]>,
    /// Its bucket.
    pub bucket: Bucket,
    /// The copies, in no order.
    pub copies: Sides<Vec<GroupCopy>>,
}

/// The copies of differing records, by fingerprint.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    pub(super) by_fingerprint: HashMap<u128, RecordGroup>,
}

impl Groups {
    /// Adds a copy; `open` makes the group of a record not seen before, without copies.
    pub fn add(
        &mut self,
        fingerprint: u128,
        side: Side,
        kept: GroupCopy,
        open: impl FnOnce() -> RecordGroup,
    ) {
        let group = self.by_fingerprint.entry(fingerprint).or_insert_with(open);
        // Most records have one copy a side, and there may be many records.
        let copies = &mut group.copies[side];
        if copies.is_empty() {
            copies.reserve_exact(1);
        }
        copies.push(kept);
    }

    /// Returns the fingerprints of the records, in no order.
    pub fn fingerprints(&self) -> impl Iterator<Item = u128> + '_ {
        self.by_fingerprint.keys().copied()
    }

    /// Returns how many copies each side has of a record, an event counted once.
    pub fn copies(&self, fingerprint: u128) -> Sides<u64> {
        let group = self.by_fingerprint.get(&fingerprint);
        let count = |side| group.map_or(0, |group| once_each(&group.copies[side]).len() as u64);
        Sides::from_fn(count)
    }

    /// Returns `end` and delivery, as far as they are known, of the copies of a record on a side that were delivered
    /// last.
    pub fn newest(
        &self,
        fingerprint: u128,
        side: Side,
        number: usize,
    ) -> impl Iterator<Item = (Option<i64>, Option<i64>)> {
        let group = self.by_fingerprint.get(&fingerprint);
        let copies = group.map(|group| once_each(&group.copies[side]));
        let times = copies.into_iter().flatten();
        times
            .map(|kept| (kept.end, kept.delivered))
            .sorted_by_key(|(_, delivered)| std::cmp::Reverse(*delivered))
            .take(number)
    }
}

/// Returns the copies in order of place, of those with one event id only the first.
pub(super) fn once_each(copies: &[GroupCopy]) -> Vec<&GroupCopy> {
    let mut seen = HashSet::new();
    let in_order = copies.iter().sorted();
    in_order
        .filter(|kept| kept.event.is_none_or(|event| seen.insert(event)))
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::FieldName;

    /// A record with a start, a host and bytes; its flow is the first two.
    pub(in crate::diff) fn record(start: i64, host: &str, bytes: u64) -> (String, Record) {
        let values = [start.to_string(), host.to_owned(), bytes.to_string()];
        let names = ["start", "dstaddr", "bytes"].map(FieldName::new);
        let record = Record::new(
            names
                .into_iter()
                .zip(values.into_iter().map(Some))
                .collect(),
        );
        (record.to_string(), record)
    }

    /// Adds copies of a record, one a row, with the event ids given.
    pub(in crate::diff) fn add(
        groups: &mut Groups,
        side: Side,
        one: &(String, Record),
        young: bool,
        events: &[Option<u128>],
    ) {
        for (row, event) in (1..).zip(events) {
            let kept = GroupCopy {
                place: Place {
                    part: "part".into(),
                    row,
                },
                event: *event,
                record: one.1.clone(),
                end: None,
                delivered: None,
                young,
            };
            let fingerprint = u128::from(xxhash_rust::xxh3::xxh3_64(one.0.as_bytes()));
            groups.add(fingerprint, side, kept, || RecordGroup {
                set: 0,
                text: one.0.as_bytes().into(),
                bucket: Bucket {
                    interface: "-".into(),
                    slot: Some(0),
                },
                copies: Sides::default(),
            });
        }
    }

    fn kept(row: u64, event: Option<u128>, end: i64, delivered: Option<i64>) -> GroupCopy {
        GroupCopy {
            place: Place {
                part: "part".into(),
                row,
            },
            event,
            record: record(1, "10.0.0.1", 84).1,
            end: Some(end),
            delivered,
            young: false,
        }
    }

    #[test]
    fn the_newest_copies_are_those_delivered_last() {
        let mut groups = Groups::default();
        let copies = [
            kept(1, None, 60, Some(500)),
            kept(2, None, 61, None),
            kept(3, Some(7), 62, Some(700)),
            kept(4, Some(7), 62, Some(700)),
            kept(5, None, 63, Some(600)),
        ];
        let open = || RecordGroup {
            set: 0,
            text: Box::default(),
            bucket: Bucket {
                interface: "-".into(),
                slot: None,
            },
            copies: Sides::default(),
        };
        for one in copies {
            groups.add(1, Side::Cwl, one, open);
        }
        let newest = |side, number| groups.newest(1, side, number).collect_vec();
        let two = [(Some(62), Some(700)), (Some(63), Some(600))];
        assert_eq!(newest(Side::Cwl, 2), two);
        assert_eq!(
            newest(Side::Cwl, 9)[2..],
            [(Some(60), Some(500)), (Some(61), None)]
        );
        assert_eq!(newest(Side::S3, 9), []);
        assert_eq!(groups.newest(2, Side::Cwl, 9).next(), None);
    }

    #[test]
    fn the_records_of_groups_are_told_by_fingerprint() {
        let mut groups = Groups::default();
        assert_eq!(groups.fingerprints().next(), None);
        let records = [record(1, "10.0.0.1", 84), record(2, "10.0.0.1", 84)];
        for one in &records {
            add(&mut groups, Side::Cwl, one, false, &[None, None]);
        }
        let of = |one: &(String, Record)| u128::from(xxhash_rust::xxh3::xxh3_64(one.0.as_bytes()));
        let expected = records.iter().map(of).sorted().collect_vec();
        assert_eq!(groups.fingerprints().sorted().collect_vec(), expected);
    }
}
