//! Gzip in base64, as a text of its own.

use std::io::{BufRead, BufReader, Read};

use super::EventIntake;
use crate::decode::{DecodeError, Format, Sink};

/// The longest text in base64 that is looked at. Kinesis takes records of 10 MiB.
const LONGEST_BASE64: usize = 16 << 20;

/// Decodes gzip in base64, one or many with white space between: `aws kinesis get-records --query 'Records[].Data'`, and what
/// stand-ins for Firehose write.
pub(in crate::decode) fn base64<S: Sink>(
    text: &mut dyn Read,
    format: &Format,
    sink: &mut S,
) -> Result<(), DecodeError> {
    sink.provisional();
    let mut events = EventIntake::new(format, sink);
    let mut text = BufReader::with_capacity(256 << 10, text);
    let mut packed = String::new();
    loop {
        let read = text.fill_buf()?;
        let is_end = read.is_empty();
        let at = read.iter().position(u8::is_ascii_whitespace);
        let piece = &read[..at.unwrap_or(read.len())];
        let letters = std::str::from_utf8(piece)
            .map_err(|_| DecodeError::Unreadable("what is in base64: not base64".to_owned()))?;
        packed.push_str(letters);
        let used = piece.len() + usize::from(at.is_some());
        text.consume(used);
        if packed.len() > LONGEST_BASE64 {
            let reason = "what is in base64: more than 16 MiB without an end";
            return Err(DecodeError::Unreadable(reason.to_owned()));
        }
        if (at.is_some() || is_end) && !packed.is_empty() {
            events.unwrap_record(&packed)?;
            packed.clear();
        }
        if is_end {
            return events.finish();
        }
    }
}
