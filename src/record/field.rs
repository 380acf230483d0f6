//! THE table of flow-log fields: every name flowdiff knows, in the order reports use.
//!
//! A new field is one line here and nothing anywhere else. A name that is not in the table is
//! still carried and compared, as text.
//!
//! Sources: VPC User Guide "Flow log records" (versions 2 to 5, 7 to 11) and "AWS Transit Gateway
//! Flow Logs" (version 6).

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

/// How a field's text is brought to its canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueForm {
    /// Decimal digits; leading zeros go.
    Integer,
    /// Unix seconds; 13 digits are milliseconds and are divided.
    Time,
    /// An IP address; IPv6 takes its RFC 5952 form.
    Address,
    /// Byte for byte.
    Text,
    /// An integer for which 0 means absent: Parquet files have been seen with 0 where the text has `-`.
    TrafficPath,
}

/// One line of the table.
#[derive(Debug)]
pub struct Field {
    /// The name as `LogFormat` and text headers spell it.
    pub name: &'static str,
    /// The lowest record version that has the field.
    pub version: u8,
    /// How its text becomes canonical.
    pub kind: ValueForm,
    /// Whether it describes traffic, and so is `-` in NODATA and SKIPDATA rows.
    pub traffic: bool,
}

const fn identity(name: &'static str, version: u8, kind: ValueForm) -> Field {
    Field {
        name,
        version,
        kind,
        traffic: false,
    }
}

const fn traffic(name: &'static str, version: u8, kind: ValueForm) -> Field {
    Field {
        name,
        version,
        kind,
        traffic: true,
    }
}

/// Every known field, in the order of reports.
pub static FIELDS: &[Field] = &[
    identity("version", 2, ValueForm::Integer),
    identity("account-id", 2, ValueForm::Text),
    identity("interface-id", 2, ValueForm::Text),
    traffic("srcaddr", 2, ValueForm::Address),
    traffic("dstaddr", 2, ValueForm::Address),
    traffic("srcport", 2, ValueForm::Integer),
    traffic("dstport", 2, ValueForm::Integer),
    traffic("protocol", 2, ValueForm::Integer),
    traffic("packets", 2, ValueForm::Integer),
    traffic("bytes", 2, ValueForm::Integer),
    identity("start", 2, ValueForm::Time),
    identity("end", 2, ValueForm::Time),
    traffic("action", 2, ValueForm::Text),
    identity("log-status", 2, ValueForm::Text),
    identity("vpc-id", 3, ValueForm::Text),
    identity("subnet-id", 3, ValueForm::Text),
    identity("instance-id", 3, ValueForm::Text),
    traffic("tcp-flags", 3, ValueForm::Integer),
    traffic("type", 3, ValueForm::Text),
    traffic("pkt-srcaddr", 3, ValueForm::Address),
    traffic("pkt-dstaddr", 3, ValueForm::Address),
    identity("region", 4, ValueForm::Text),
    identity("az-id", 4, ValueForm::Text),
    identity("sublocation-type", 4, ValueForm::Text),
    identity("sublocation-id", 4, ValueForm::Text),
    traffic("pkt-src-aws-service", 5, ValueForm::Text),
    traffic("pkt-dst-aws-service", 5, ValueForm::Text),
    traffic("flow-direction", 5, ValueForm::Text),
    traffic("traffic-path", 5, ValueForm::TrafficPath),
    identity("resource-type", 6, ValueForm::Text),
    identity("tgw-id", 6, ValueForm::Text),
    identity("tgw-attachment-id", 6, ValueForm::Text),
    identity("tgw-src-vpc-account-id", 6, ValueForm::Text),
    identity("tgw-dst-vpc-account-id", 6, ValueForm::Text),
    identity("tgw-src-vpc-id", 6, ValueForm::Text),
    identity("tgw-dst-vpc-id", 6, ValueForm::Text),
    identity("tgw-src-subnet-id", 6, ValueForm::Text),
    identity("tgw-dst-subnet-id", 6, ValueForm::Text),
    identity("tgw-src-eni", 6, ValueForm::Text),
    identity("tgw-dst-eni", 6, ValueForm::Text),
    identity("tgw-src-az-id", 6, ValueForm::Text),
    identity("tgw-dst-az-id", 6, ValueForm::Text),
    identity("tgw-pair-attachment-id", 6, ValueForm::Text),
    traffic("packets-lost-no-route", 6, ValueForm::Integer),
    traffic("packets-lost-blackhole", 6, ValueForm::Integer),
    traffic("packets-lost-mtu-exceeded", 6, ValueForm::Integer),
    traffic("packets-lost-ttl-expired", 6, ValueForm::Integer),
    identity("ecs-cluster-arn", 7, ValueForm::Text),
    identity("ecs-cluster-name", 7, ValueForm::Text),
    identity("ecs-container-instance-arn", 7, ValueForm::Text),
    identity("ecs-container-instance-id", 7, ValueForm::Text),
    identity("ecs-container-id", 7, ValueForm::Text),
    identity("ecs-second-container-id", 7, ValueForm::Text),
    identity("ecs-service-name", 7, ValueForm::Text),
    identity("ecs-task-definition-arn", 7, ValueForm::Text),
    identity("ecs-task-arn", 7, ValueForm::Text),
    identity("ecs-task-id", 7, ValueForm::Text),
    traffic("reject-reason", 8, ValueForm::Text),
    identity("resource-id", 9, ValueForm::Text),
    traffic("encryption-status", 10, ValueForm::Integer),
    identity("instance-tag", 11, ValueForm::Text),
    identity("instance-tag-2", 11, ValueForm::Text),
    identity("interface-tag", 11, ValueForm::Text),
    identity("interface-tag-2", 11, ValueForm::Text),
    identity("asg-tag", 11, ValueForm::Text),
    identity("asg-tag-2", 11, ValueForm::Text),
    identity("interface-type", 11, ValueForm::Text),
    traffic("next-hop-interface-id", 11, ValueForm::Text),
    traffic("next-hop-subnet-id", 11, ValueForm::Text),
    traffic("next-hop-az-id", 11, ValueForm::Text),
    traffic("next-hop-vpc-id", 11, ValueForm::Text),
    traffic("next-hop-interface-type", 11, ValueForm::Text),
];

/// The default format of VPC flow logs: the version 2 fields, in this order.
pub const DEFAULT_FORMAT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} \
     ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/// The default format of Transit Gateway flow logs: all fields up to version 6, in this order.
pub const TRANSIT_GATEWAY_FORMAT: &str = "${version} ${resource-type} ${account-id} ${tgw-id} ${tgw-attachment-id} \
     ${tgw-src-vpc-account-id} ${tgw-dst-vpc-account-id} ${tgw-src-vpc-id} ${tgw-dst-vpc-id} ${tgw-src-subnet-id} \
     ${tgw-dst-subnet-id} ${tgw-src-eni} ${tgw-dst-eni} ${tgw-src-az-id} ${tgw-dst-az-id} ${tgw-pair-attachment-id} \
     ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${log-status} ${type} \
     ${packets-lost-no-route} ${packets-lost-blackhole} ${packets-lost-mtu-exceeded} ${packets-lost-ttl-expired} \
     ${tcp-flags} ${region} ${flow-direction} ${pkt-src-aws-service} ${pkt-dst-aws-service}";

/// What columns were called in the tables that the Athena User Guide made of flow logs until 2021, and what the fields are
/// called.
const OLDER_NAMES: [(&str, &str); 11] = [
    ("account", "account-id"),
    ("interfaceid", "interface-id"),
    ("sourceaddress", "srcaddr"),
    ("destinationaddress", "dstaddr"),
    ("sourceport", "srcport"),
    ("destinationport", "dstport"),
    ("numpackets", "packets"),
    ("numbytes", "bytes"),
    ("starttime", "start"),
    ("endtime", "end"),
    ("logstatus", "log-status"),
];

/// The version that Transit Gateway records have, and no others, and that their own fields came with.
pub const TRANSIT_GATEWAY_VERSION: u8 = 6;

/// The name of a column: a line of [`FIELDS`], or a name the table does not have.
///
/// Ordered as reports show them: known fields in table order, then unknown ones by name.
/// `-` and `_` are alike (Parquet column names use `_`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldName {
    /// An index into [`FIELDS`].
    Known(usize),
    /// A name with `_` turned into `-`.
    Unknown(String),
}

impl FieldName {
    /// Takes a name as text headers, Parquet schemas, Athena's older tables or users spell it.
    pub fn new(name: &str) -> Self {
        let name = name.replace('_', "-");
        let older = OLDER_NAMES.iter().find(|(older, _)| *older == name);
        let own = older.map_or(name.as_str(), |(_, own)| own);
        let known = FIELDS.iter().position(|field| field.name == own);
        known.map_or(Self::Unknown(name), Self::Known)
    }

    /// Returns the name with `-` between words.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(index) => FIELDS[*index].name,
            Self::Unknown(name) => name,
        }
    }

    /// Returns how the field's text becomes canonical.
    pub fn kind(&self) -> ValueForm {
        match self {
            Self::Known(index) => FIELDS[*index].kind,
            Self::Unknown(_) => ValueForm::Text,
        }
    }

    /// Tells whether the field describes traffic (is `-` in NODATA rows).
    pub fn is_traffic(&self) -> bool {
        match self {
            Self::Known(index) => FIELDS[*index].traffic,
            Self::Unknown(_) => false,
        }
    }

    /// Tells whether only Transit Gateway records have the field.
    pub fn is_of_transit_gateways(&self) -> bool {
        matches!(self, Self::Known(index) if FIELDS[*index].version == TRANSIT_GATEWAY_VERSION)
    }

    /// Tells whether Transit Gateway records may have the field: one of their default format, or one that nobody knows.
    pub fn may_be_of_transit_gateways(&self) -> bool {
        let mut theirs = TRANSIT_GATEWAY_FORMAT.split_whitespace();
        let name = format!("${{{self}}}");
        !self.is_known() || theirs.any(|one| one == name)
    }

    /// Tells whether the table has the field.
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }
}

impl Ord for FieldName {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => a.cmp(b),
            (Self::Known(_), Self::Unknown(_)) => Ordering::Less,
            (Self::Unknown(_), Self::Known(_)) => Ordering::Greater,
            (Self::Unknown(a), Self::Unknown(b)) => a.cmp(b),
        }
    }
}

impl PartialOrd for FieldName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for FieldName {
    /// Writes the name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_spelt_as_in_log_format() {
        let names: BTreeSet<_> = FIELDS.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), FIELDS.len());
        for name in names {
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
        }
    }

    #[test]
    fn dashes_and_underscores_are_alike() {
        assert_eq!(
            FieldName::new("pkt_src_aws_service"),
            FieldName::new("pkt-src-aws-service")
        );
        assert_eq!(FieldName::new("brand_new").as_str(), "brand-new");
    }

    #[test]
    fn older_names_are_known() {
        for (older, own) in OLDER_NAMES {
            let name = FieldName::new(older);
            assert_eq!((name.as_str(), name.is_known()), (own, true));
        }
    }

    #[test]
    fn known_fields_come_before_unknown_ones() {
        let mut names = ["zeta", "end", "alpha", "version"].map(FieldName::new);
        names.sort();
        assert_eq!(
            names.map(|name| name.to_string()),
            ["version", "end", "alpha", "zeta"]
        );
    }

    #[test]
    fn what_is_not_in_the_table_is_text_and_no_traffic() {
        for (name, kind, traffic, known) in [
            ("bytes", ValueForm::Integer, true, true),
            ("start", ValueForm::Time, false, true),
            ("srcaddr", ValueForm::Address, true, true),
            ("vpc-id", ValueForm::Text, false, true),
            ("traffic-path", ValueForm::TrafficPath, true, true),
            ("brand-new", ValueForm::Text, false, false),
        ] {
            let field = FieldName::new(name);
            assert_eq!(
                (field.kind(), field.is_traffic(), field.is_known()),
                (kind, traffic, known),
                "{name}"
            );
        }
    }
}
