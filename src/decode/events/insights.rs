//! Results of Logs Insights: whether they are all that a query found.

use serde::de::SeqAccess;

use super::EventIntake;
use crate::decode::{DecodeError, Sink};

/// A field and its value, one of a row of a query's results.
#[derive(serde::Deserialize)]
struct FieldValue {
    #[serde(default)]
    field: String,
    #[serde(default)]
    value: Option<String>,
}

impl<S: Sink> EventIntake<'_, S> {
    /// Takes a row of a query's results.
    pub(super) fn pairs<'de, Q: SeqAccess<'de>>(&mut self, mut list: Q) -> Result<(), Q::Error> {
        let mut message = None;
        while let Some(pair) = list.next_element::<FieldValue>()? {
            if pair.field == "@message" {
                message = pair.value;
            }
        }
        self.insights += 1;
        let result = match &message {
            Some(message) => self.row(Some(message), None, None, None),
            None => Err(DecodeError::Unreadable(
                "a query's results without `@message`, which holds the record: begin the query with `fields @timestamp, @message`"
                    .to_owned(),
            )),
        };
        self.or_break(result)
    }
}

/// The numbers of rows that Logs Insights stops at by itself: what a query gave at most until 2023, what it gives, and what
/// its pages together give (CloudWatch Logs API reference "StartQuery", "GetQueryResults").
const CUT_AT: [u64; 3] = [1_000, 10_000, 100_000];

/// Refuses a query's results that are not all it found.
///
/// # Errors
/// They are fewer than the query matched, or exactly as many as it gives at most.
pub(in crate::decode) fn refuse_cut_results(
    rows: u64,
    matched: Option<u64>,
) -> Result<(), DecodeError> {
    let how = match matched {
        Some(matched) if matched > rows => {
            format!("{rows} of {matched} rows that the query matched")
        }
        None if CUT_AT.contains(&rows) => {
            format!("{rows} rows, which is where Logs Insights stops")
        }
        Some(_) | None => return Ok(()),
    };
    Err(DecodeError::Unreadable(format!(
        "results of a query that were cut: {how}; ask for less time at once and put the files in one folder, or export the group"
    )))
}
