//! Records as answers of CloudWatch Logs.

use std::io::{self, Write};

use crate::corpus::{ACCOUNT, Record, SLOT};
use crate::format::Format;

/// Events of one answer to get-log-events: the most there can be.
const EVENTS_A_PAGE: usize = 10_000;

/// Writes answers to get-log-events, one after the other; returns how many bytes.
pub(crate) fn write(records: &[Record], format: &Format, mut to: impl Write) -> io::Result<u64> {
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
            format.write(record, &mut page)?;
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

/// Events of one message of a subscription, which has at most a few hundred KiB.
const EVENTS_A_MESSAGE: usize = 500;

/// Writes messages of a subscription as Firehose puts them into one object, one after the other; returns how many bytes.
pub(crate) fn write_subscription(
    records: &[Record],
    stream: &str,
    format: &Format,
    mut to: impl Write,
) -> io::Result<u64> {
    let (mut message, mut bytes) = (Vec::new(), 0);
    for (number, some) in records.chunks(EVENTS_A_MESSAGE).enumerate() {
        message.clear();
        write!(
            message,
            "{{\"messageType\":\"DATA_MESSAGE\",\"owner\":\"{ACCOUNT}\",\"logGroup\":\"/vpc/flow\",\"logStream\":\"{stream}\",\
             \"subscriptionFilters\":[\"all\"],\"logEvents\":["
        )?;
        for (index, record) in some.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let (timestamp, interface) = (record.start * 1000, record.interface);
            let id = number * EVENTS_A_MESSAGE + index;
            write!(
                message,
                "{comma}{{\"id\":\"{interface:026}{id:030}\",\"timestamp\":{timestamp},\"message\":\""
            )?;
            format.write(record, &mut message)?;
            message.extend_from_slice(b"\"}");
        }
        message.extend_from_slice(b"]}");
        to.write_all(&message)?;
        bytes += message.len() as u64;
    }
    to.flush()?;
    Ok(bytes)
}
