//! Records as answers of CloudWatch Logs.

use std::io::{self, Write};

use crate::corpus::{Record, SLOT};

/// Events of one answer to get-log-events: the most there can be.
const EVENTS_A_PAGE: usize = 10_000;

/// Writes answers to get-log-events, one after the other; returns how many bytes.
pub(crate) fn write(records: &[Record], mut to: impl Write) -> io::Result<u64> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    for (number, some) in records.chunks(EVENTS_A_PAGE).enumerate() {
        page.clear();
        page.extend_from_slice(b"{\n  \"events\": [");
        for (index, record) in some.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let timestamp = record.start * 1000;
            write!(
                page,
                "{comma}\n    {{\n      \"timestamp\": {timestamp},\n      \"message\": \""
            )?;
            record.write(&mut page)?;
            let ingested = (record.end + 2 * SLOT) * 1000 + 457;
            write!(page, "\",\n      \"ingestionTime\": {ingested}\n    }}")?;
        }
        write!(
            page,
            "\n  ],\n  \"nextForwardToken\": \"f/{number:056}/s\",\n  \"nextBackwardToken\": \"b/{number:056}/s\"\n}}\n"
        )?;
        to.write_all(&page)?;
        bytes += page.len() as u64;
    }
    to.flush()?;
    Ok(bytes)
}
