//! How times are written down for machines.

use serde::{Serialize, Serializer};

use crate::model::window::rfc3339;

/// Writes Unix seconds as RFC 3339 text in UTC, `None` as null.
pub(crate) fn time<S: Serializer>(second: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    second.map(rfc3339).serialize(serializer)
}

/// Writes Unix seconds as RFC 3339 text in UTC.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
pub(crate) fn second<S: Serializer>(second: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    rfc3339(*second).serialize(serializer)
}
