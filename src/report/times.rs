//! How times are written down for machines.

use serde::{Serialize, Serializer};

/// Unix seconds as RFC 3339 text in UTC, both ways.
pub(crate) mod text {
    use serde::{Deserialize, Deserializer};

    pub(crate) use super::second as serialize;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        let time: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(time.as_second())
    }
}

/// The same of what may be missing, as `null` or not there.
pub(crate) mod optional_text {
    use serde::{Deserialize, Deserializer};

    pub(crate) use super::time as serialize;

    #[derive(Deserialize)]
    struct Told(#[serde(with = "super::text")] i64);

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
        let told = Option::<Told>::deserialize(from)?;
        Ok(told.map(|Told(second)| second))
    }
}

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
