//! Records: rows brought to the one form in which copies from both sides are equal bytes.
//!
//! Knows field names and values; knows nothing of files, services or comparing. What "the same
//! record" means is decided in [`normalise`] and nowhere else.

pub mod field;
mod layout;
mod normalise;

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

pub use field::FieldName;
pub use layout::{Layout, LayoutError};
pub use normalise::{Comparison, Normal, Normaliser, Status};

/// A record kept as evidence: all fields its row had, in canonical form and in the order of
/// [`field::FIELDS`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    fields: Vec<(FieldName, Option<String>)>,
}

impl Record {
    /// Takes the canonical values, absent ones as `None`, and puts them in table order.
    pub fn new(mut fields: Vec<(FieldName, Option<String>)>) -> Self {
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        Self { fields }
    }

    /// Returns the fields in table order; `None` is absent.
    pub fn fields(&self) -> &[(FieldName, Option<String>)] {
        &self.fields
    }

    /// Returns a field's canonical value; `None` if it is absent or the row has no such column.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .fields
            .iter()
            .find(|(field, _)| field.as_str() == name)?;
        value.as_deref()
    }
}

impl fmt::Display for Record {
    /// Writes the values as a flow-log line: one space between, `-` where absent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (_, value)) in self.fields.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(value.as_deref().unwrap_or("-"))?;
        }
        Ok(())
    }
}

impl Serialize for Record {
    /// Writes an object: integers and times as numbers (as text where they do not fit 64 bits), absent as null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, value) in &self.fields {
            let number = match name.kind() {
                field::Kind::Integer | field::Kind::Time | field::Kind::TrafficPath => {
                    value.as_ref().and_then(|text| text.parse::<u64>().ok())
                }
                field::Kind::Address | field::Kind::Text => None,
            };
            match number {
                Some(number) => map.serialize_entry(name.as_str(), &number)?,
                None => map.serialize_entry(name.as_str(), value)?,
            }
        }
        map.end()
    }
}
