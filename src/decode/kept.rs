//! Rows that were kept of a part, as they go into decoding again: nothing is cut or guessed any more.

use std::sync::Arc;

use crate::record::{Cells, Layout};

use super::{DecodeError, Row, Sink};

/// A row that was kept, with all that a look asks of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRow {
    /// Where it stands; see [`Row::number`].
    pub number: u64,
    /// Its columns.
    pub layout: Arc<Layout>,
    /// Its cells with a space between, `-` where absent.
    pub text: String,
    /// When it was delivered, in Unix seconds, if its event says so.
    pub delivered: Option<i64>,
    /// Its event's id, where the file has one.
    pub event_id: Option<String>,
}

/// Hands rows to a sink, in order.
///
/// # Errors
/// The sink wants no more.
pub(super) fn decode(rows: &[KeptRow], sink: &mut impl Sink) -> Result<(), DecodeError> {
    // An event may have been taken from another part meanwhile.
    if rows.iter().any(|row| row.event_id.is_some()) {
        sink.provisional();
    }
    let mut in_force: Option<&Arc<Layout>> = None;
    for row in rows {
        if in_force != Some(&row.layout) {
            sink.layout(&row.layout)?;
            in_force = Some(&row.layout);
        }
        sink.delivered(row.delivered);
        let cells: Vec<&[u8]> = row.text.as_bytes().split(|&byte| byte == b' ').collect();
        sink.row(Row {
            number: row.number,
            cells: Cells::Apart(&cells),
            alone: false,
            event_id: row.event_id.as_deref(),
            named: None,
        })?;
    }
    Ok(())
}
