//! Values: what can stand in a field, told by its shape alone. Used to find records in texts that hold other things as well,
//! never to judge a record.
//!
//! Source: VPC User Guide "Flow log records".

use std::net::IpAddr;

use super::Layout;
use super::field::{FieldName, ValueForm};
use super::normal::ABSENT;
use super::normalise::is_masked;

type IsValue = fn(&str) -> bool;

/// Fields of text whose values have a shape of their own.
const SHAPED: &[(&str, IsValue)] = &[
    ("account-id", |value| {
        is_number(value, 12, 12) || value == "unknown"
    }),
    ("action", |value| matches!(value, "ACCEPT" | "REJECT")),
    ("flow-direction", |value| {
        matches!(value, "ingress" | "egress")
    }),
    ("log-status", |value| {
        matches!(value, "OK" | "NODATA" | "SKIPDATA")
    }),
    ("type", |value| matches!(value, "IPv4" | "IPv6" | "EFA")),
    ("vpc-id", |value| is_id(value, "vpc-")),
    ("subnet-id", |value| is_id(value, "subnet-")),
    ("instance-id", |value| is_id(value, "i-")),
    ("interface-id", |value| is_id(value, "eni-")),
];

/// Fields whose values are a set that AWS closes.
const CLOSED: &[&str] = &["action", "log-status"];

impl FieldName {
    /// Tells whether a value of the field has a shape that most other fields' values do not have.
    pub fn is_told(&self) -> bool {
        self.kind() != ValueForm::Text || self.shape().is_some()
    }

    /// Tells whether the field can have this value, absent (`-`) and masked ones included, by its shape alone.
    pub fn can_be(&self, value: &[u8]) -> bool {
        let Ok(value) = std::str::from_utf8(value) else {
            return false;
        };
        if value.as_bytes() == ABSENT {
            return true;
        }
        if value.contains('*') {
            return !self.is_closed();
        }
        if let Some(shape) = self.shape() {
            return shape(value);
        }
        match self.kind() {
            ValueForm::Integer if self.as_str() == "version" => is_number(significant(value), 1, 2),
            ValueForm::Integer | ValueForm::TrafficPath => is_number(significant(value), 1, 20),
            ValueForm::Time => {
                is_number(significant(value), 10, 10) || is_number(significant(value), 13, 13)
            }
            ValueForm::Address => value.parse::<IpAddr>().is_ok(),
            ValueForm::Text => !value.is_empty(),
        }
    }

    fn shape(&self) -> Option<IsValue> {
        let shaped = SHAPED.iter().find(|(name, _)| *name == self.as_str());
        shaped.map(|(_, shape)| *shape)
    }

    /// Tells whether nobody masks its values, of which there are few.
    fn is_closed(&self) -> bool {
        matches!(self.as_str(), "action" | "log-status" | "version" | "start")
    }
}

impl Layout {
    /// Tells whether the last cell of a record is none of the values that its field has a closed set of. In a line that has
    /// no end that is a value that was cut off, not another one.
    pub fn ends_within(&self, cell: &[u8]) -> bool {
        let closed = self.columns().last();
        closed.is_some_and(|name| CLOSED.contains(&name.as_str()) && !name.can_be(cell))
            && !is_masked(cell)
    }

    /// Tells whether cells, one for each column, are values that their fields can have, by their shapes alone.
    pub fn can_hold(&self, cells: &[&[u8]]) -> bool {
        cells.len() == self.columns().len()
            && self
                .columns()
                .iter()
                .zip(cells)
                .all(|(name, cell)| name.can_be(cell))
    }
}

/// Returns a number without leading zeros, of which it may be the last.
fn significant(value: &str) -> &str {
    match value.trim_start_matches('0') {
        "" => &value[value.len().saturating_sub(1)..],
        rest => rest,
    }
}

fn is_number(value: &str, fewest: usize, most: usize) -> bool {
    (fewest..=most).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_id(value: &str, kind: &str) -> bool {
    value
        .strip_prefix(kind)
        .is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_by_their_shape() {
        for (field, value, can) in [
            ("version", "2", true),
            ("version", "123456789010", false),
            ("account-id", "123456789010", true),
            ("account-id", "12345678901", false),
            ("account-id", "unknown", true),
            ("interface-id", "eni-0aa", true),
            ("interface-id", "eni-0aa-all", false),
            ("srcaddr", "10.0.0.5", true),
            ("srcaddr", "fd00:0:0:1::5", true),
            ("srcaddr", "*********", true),
            ("srcaddr", "443", false),
            ("bytes", "-", true),
            ("bytes", "84x", false),
            ("start", "1700000000", true),
            ("start", "1700000000000", true),
            ("start", "170000000", false),
            ("action", "ACCEPT", true),
            ("action", "OK", false),
            ("log-status", "OK2", false),
            ("log-status", "***", false),
            ("brand-new", "anything", true),
            ("brand-new", "", false),
        ] {
            assert_eq!(
                FieldName::new(field).can_be(value.as_bytes()),
                can,
                "{field} {value}"
            );
        }
        assert!(!FieldName::new("srcaddr").can_be(b"\xff"));
        for (field, told) in [
            ("bytes", true),
            ("action", true),
            ("region", false),
            ("brand-new", false),
        ] {
            assert_eq!(FieldName::new(field).is_told(), told, "{field}");
        }
    }
}
