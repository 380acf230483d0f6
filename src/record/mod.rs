//! Records: rows brought to the one form in which copies from both sides are equal bytes.
//!
//! Knows field names and values; knows nothing of files, services or comparing. What "the same
//! record" means is decided in [`Normaliser::normalise`] and nowhere else.

mod cells;
mod digits;
pub mod field;
mod field_set;
mod ipv6;
mod kind;
mod layout;
mod misfit;
mod normal;
mod normalise;
mod row_place;
mod simd;
mod time;
mod value;
mod verbatim;

use std::fmt;
use std::sync::Arc;

use itertools::Itertools;
use serde::ser::{Serialize, SerializeMap, Serializer};

pub use cells::{Cells, CellsLine, MOST_CELLS};
pub use field::FieldName;
pub use field_set::{FLOW, FieldSet, Shared};
pub use kind::{PerKind, RecordKind};
pub use layout::{Layout, LayoutError};
pub use normal::{LogStatus, NormalisedRow};
pub use normalise::{ComparedFields, Normaliser};
pub use row_place::RowPlace;
pub use simd::Simd;
pub use time::finer_unit;

/// A record kept as evidence: all fields its row had, in canonical form and in the order of
/// [`field::FIELDS`]. Small, since thousands may be held: the names are shared, the values one text, which clones share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// The values in the order of `names`, one space between, `-` where absent. No value holds a space.
    text: Arc<str>,
    names: Arc<[FieldName]>,
}

impl Record {
    /// Takes canonical values, absent ones as `None`, and puts them in table order.
    pub fn new(mut fields: Vec<(FieldName, Option<String>)>) -> Self {
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        let text = fields
            .iter()
            .map(|(_, value)| value.as_deref().unwrap_or("-"))
            .join(" ");
        Self {
            text: text.into(),
            names: fields.into_iter().map(|(name, _)| name).collect(),
        }
    }

    /// Takes the canonical values of these fields, which are in table order, with a space between.
    pub fn of_canonical(names: Arc<[FieldName]>, text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text).into();
        Self { text, names }
    }

    /// Tells whether it is what [`Self::of_canonical`] makes of these.
    pub fn is_of(&self, names: &Arc<[FieldName]>, text: &[u8]) -> bool {
        Arc::ptr_eq(&self.names, names) && self.text.as_bytes() == text
    }

    /// Returns its kind.
    pub fn kind(&self) -> RecordKind {
        let any = self.names.iter().any(FieldName::is_of_transit_gateways);
        let all = || self.names.iter().all(FieldName::may_be_of_transit_gateways);
        let told = || self.get("version") == Some("6");
        match any || (all() && told()) {
            true => RecordKind::TransitGateway,
            false => RecordKind::Vpc,
        }
    }

    /// Returns the fields in table order; `None` is absent.
    pub fn fields(&self) -> impl Iterator<Item = (&FieldName, Option<&str>)> {
        self.names.iter().zip(
            self.text
                .split(' ')
                .map(|value| (value != "-").then_some(value)),
        )
    }

    /// Returns a field's canonical value; `None` if it is absent or the row has no such column.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields().find(|(field, _)| field.as_str() == name)?.1
    }
}

impl fmt::Display for Record {
    /// Writes the values as a flow-log line: one space between, `-` where absent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Record {
    /// Writes an object: integers and times as numbers (as text where they do not fit 64 bits), absent as null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.names.len()))?;
        for (name, value) in self.fields() {
            let number = match name.kind() {
                field::ValueForm::Integer
                | field::ValueForm::Time
                | field::ValueForm::TrafficPath => value.and_then(|text| text.parse::<u64>().ok()),
                field::ValueForm::Address | field::ValueForm::Text => None,
            };
            match number {
                Some(number) => map.serialize_entry(name.as_str(), &number)?,
                None => map.serialize_entry(name.as_str(), &value)?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &[(&str, Option<&str>)]) -> Record {
        let fields = fields.iter();
        Record::new(
            fields
                .map(|(name, value)| (FieldName::new(name), value.map(str::to_owned)))
                .collect(),
        )
    }

    #[test]
    fn a_record_has_its_fields_in_table_order() {
        let record = record(&[
            ("brand-new", Some("x")),
            ("bytes", Some("84")),
            ("srcaddr", None),
        ]);
        assert_eq!(record.to_string(), "- 84 x");
        let fields: Vec<_> = record
            .fields()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        assert_eq!(
            fields,
            [
                ("srcaddr", None),
                ("bytes", Some("84")),
                ("brand-new", Some("x"))
            ]
        );
        assert_eq!(
            ["bytes", "srcaddr", "end"].map(|name| record.get(name)),
            [Some("84"), None, None]
        );
    }

    #[test]
    fn numbers_are_numbers_in_json_and_text_where_they_are_too_large() {
        let long = "99999999999999999999";
        let record = record(&[
            ("version", Some("2")),
            ("account-id", Some("0123")),
            ("srcaddr", Some("10.0.0.1")),
            ("bytes", Some(long)),
            ("start", Some("1700000000")),
            ("end", None),
            ("traffic-path", Some("8")),
        ]);
        let json = serde_json::to_value(&record).unwrap();
        let expected = serde_json::json!({
            "version": 2, "account-id": "0123", "srcaddr": "10.0.0.1", "bytes": long, "start": 1_700_000_000, "end": null,
            "traffic-path": 8,
        });
        assert_eq!(json, expected);
    }
}
