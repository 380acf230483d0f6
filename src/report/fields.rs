//! What a report says of fields: what was compared, what was not, and why that may decide nothing.

use serde::Serialize;

use crate::model::Side;
use crate::record::RecordKind;

/// Why equal values may be no sign of equal records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "doubt")]
pub enum FieldDoubt {
    /// Of some records neither `start`, nor an interface, nor an address is compared.
    Blind {
        /// Their kind.
        kind: RecordKind,
    },
    /// A side has a field that no flow log has, and the other side has the one left over that it is most like.
    Misspelt {
        /// Whose field.
        side: Side,
        /// The field.
        field: String,
        /// The one that exists.
        nearest: String,
    },
}

impl FieldDoubt {
    /// Returns it as a phrase.
    pub fn phrase(&self) -> String {
        match self {
            Self::Blind { kind } => format!(
                "of some {kind} records neither `start`, nor an interface, nor an address is compared"
            ),
            Self::Misspelt {
                side,
                field,
                nearest,
            } => format!(
                "`{field}` on {side} is no field of a flow log, and {} has a `{nearest}` that is not compared",
                side.other()
            ),
        }
    }
}
