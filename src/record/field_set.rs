//! Field sets: in which of its fields a record is compared.

use std::cmp::Ordering;

use super::{ComparedFields, FieldName, RecordKind};

/// The fields by which two unequal records are the same flow, as far as both have them.
pub const FLOW: [&str; 7] = [
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "start",
];

/// Fields that tell one record from those of others. Without any of them, and without `start`, equal values are no sign
/// of one record.
const TELLING: [&str; 5] = [
    "interface-id",
    "srcaddr",
    "dstaddr",
    "pkt-srcaddr",
    "pkt-dstaddr",
];

/// The kind of a record and the fields in which it is compared: those of its layout that the other side has too, without
/// those whose values are masked. Records of unequal field sets are never the same record; they may match on fewer fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSet {
    /// The kind.
    pub kind: RecordKind,
    /// The fields, in the order of canonical text.
    pub fields: ComparedFields,
}

impl FieldSet {
    /// Tells whether records of both sets may be matched by what they share, although one has more: if that is `start` and
    /// something that tells whose traffic it is.
    pub fn joins(&self, other: &Self) -> bool {
        let shared = |name: &str| self.fields.has(name) && other.fields.has(name);
        self.kind == other.kind && shared("start") && TELLING.into_iter().any(shared)
    }

    /// Tells whether equal values say nothing of whose traffic it is, nor when.
    pub fn is_blind(&self) -> bool {
        let telling = |name: &str| self.fields.has(name);
        !telling("start") && !TELLING.into_iter().any(telling)
    }

    /// Returns the columns of the canonical text that say which flow a record belongs to.
    pub fn flow(&self) -> impl Iterator<Item = (usize, &FieldName)> {
        let fields = self.fields.fields().iter().enumerate();
        fields.filter(|(_, name)| FLOW.contains(&name.as_str()))
    }

    /// Returns where the fields that both have stand in the canonical texts of either, in this one's order.
    pub fn shared(&self, other: &Self) -> Vec<Shared> {
        let fields = self.fields.fields().iter().enumerate();
        let shared = fields.filter_map(|(here, name)| {
            let there = other.fields.fields().iter().position(|one| one == name)?;
            Some(Shared {
                here,
                there,
                tells_flow: FLOW.contains(&name.as_str()),
            })
        });
        shared.collect()
    }
}

/// A field that two sets share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The column in the first set's canonical text.
    pub here: usize,
    /// The column in the second one's.
    pub there: usize,
    /// Whether it says which flow a record belongs to.
    pub tells_flow: bool,
}

impl Ord for FieldSet {
    /// By kind, then by the names of the fields, so that the order is the same in every run.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.kind, self.fields.fields()).cmp(&(other.kind, other.fields.fields()))
    }
}

impl PartialOrd for FieldSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> FieldSet {
        FieldSet {
            kind: RecordKind::Vpc,
            fields: ComparedFields::new(names.iter().map(|name| FieldName::new(name))),
        }
    }

    #[test]
    fn sets_join_by_start_and_an_identity() {
        let all = set(&["interface-id", "srcaddr", "bytes", "start"]);
        for (names, joins) in [
            (&["start", "interface-id"][..], true),
            (&["start", "srcaddr"], true),
            (&["start", "dstaddr"], false),
            (&["start", "bytes"], false),
            (&["interface-id", "bytes"], false),
        ] {
            assert_eq!(set(names).joins(&all), joins, "{names:?}");
            assert_eq!(all.joins(&set(names)), joins, "{names:?}");
        }
        let gateway = FieldSet {
            kind: RecordKind::TransitGateway,
            ..all.clone()
        };
        assert!(!gateway.joins(&all));
    }

    #[test]
    fn what_tells_nothing_is_blind() {
        assert!(set(&["version", "bytes"]).is_blind());
        assert!(!set(&["pkt-dstaddr"]).is_blind());
        assert!(!set(&["start"]).is_blind());
    }

    #[test]
    fn shared_fields_have_columns_on_both_sides() {
        let (one, other) = (set(&["srcaddr", "start"]), set(&["bytes", "start"]));
        let shared = one.shared(&other);
        let start = Shared {
            here: 1,
            there: 1,
            tells_flow: true,
        };
        assert_eq!(shared, [start]);
    }
}
