//! Events of CloudWatch Logs: live ones, and JSON files that hold them.
//!
//! Sources of the shapes: CloudWatch Logs API reference "GetLogEvents" and "FilterLogEvents" (and
//! what the AWS CLI prints of them), CloudWatch Logs User Guide "Log group-level subscription
//! filters" (records of Kinesis, Firehose and Lambda).

mod base64;
mod document;
mod insights;

use std::io::{self, BufReader, Cursor, Read};
use std::mem;

use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, IgnoredAny};
use serde_json::de::{Deserializer, IoRead, Read as Json};

use super::rows::{RowOrigin, RowTexts};
use super::text::BYTE_ORDER_MARK;
use super::{DecodeError, Event, Format, Malformed, Sink, gzip, limits};
use document::{LineObject, Value};

pub(super) use base64::base64;
pub(super) use insights::refuse_cut_results;

/// A file up to this size is read whole: parsing from memory is several times as fast.
const WHOLE: u64 = 16 << 20;

/// Decodes live events. Their numbers are their timestamps.
pub(super) fn live<S: Sink>(
    events: &[Event],
    format: &Format,
    sink: &mut S,
) -> Result<(), DecodeError> {
    let mut rows = RowTexts::new(format, sink);
    for event in events {
        // Nothing in CloudWatch Logs is older than 1970.
        let number = u64::try_from(event.timestamp).unwrap_or(0);
        rows.sink.delivered(event.ingested.map(seconds));
        rows.take(
            event.message.trim_end().as_bytes(),
            RowOrigin::Event(number, None),
        )?;
    }
    Ok(())
}

/// Milliseconds since 1970 to seconds.
fn seconds(millis: i64) -> i64 {
    millis.div_euclid(1000)
}

/// Decodes JSON documents that stand one after the other. That the last one is whole is known at
/// its end only.
pub(super) fn decode<S: Sink>(
    json: &[u8],
    format: &Format,
    sink: &mut S,
) -> Result<(), DecodeError> {
    sink.provisional();
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    let mut events = EventIntake::new(format, sink);
    events.documents(json)?;
    events.finish()
}

/// Decodes JSON documents as they are read.
pub(super) fn stream<S: Sink>(
    json: &mut dyn Read,
    format: &Format,
    sink: &mut S,
) -> Result<(), DecodeError> {
    let mut head = Vec::new();
    json.take(WHOLE).read_to_end(&mut head)?;
    if (head.len() as u64) < WHOLE {
        return decode(&head, format, sink);
    }
    if head.starts_with(BYTE_ORDER_MARK) {
        head.drain(..BYTE_ORDER_MARK.len());
    }
    read(Cursor::new(head).chain(json), format, sink)
}

fn read<S: Sink>(json: impl Read, format: &Format, sink: &mut S) -> Result<(), DecodeError> {
    sink.provisional();
    let mut events = EventIntake::new(format, sink);
    let reader = BufReader::with_capacity(256 << 10, limits::Json::new(json));
    let mut parser = Deserializer::new(IoRead::new(reader));
    loop {
        match parser.end() {
            Ok(()) => return events.finish(),
            Err(error) if error.is_io() => return Err(io::Error::from(error).into()),
            Err(_) => events
                .document(&mut parser)
                .map_err(|error| events.explain(&error, b""))?,
        }
    }
}

/// Takes the events of JSON documents, in order.
pub(super) struct EventIntake<'a, S> {
    rows: RowTexts<'a, S>,
    /// Documents and events so far.
    documents: u64,
    count: u64,
    /// The member of the last document that says there is more where it came from.
    more: Option<&'static str>,
    /// The state of the last query whose results were met, and how many rows it says it found.
    status: String,
    matched: Option<u64>,
    /// Rows of queries' results so far.
    insights: u64,
    /// The objects at hand, each within the one before, and some to be used again.
    items: Vec<LineObject>,
    spare: Vec<LineObject>,
    /// Why parsing was broken off, if JSON is not to blame.
    failure: Option<DecodeError>,
    /// Whether what is being parsed came out of a document.
    unwrapped: bool,
}

impl<'a, S: Sink> EventIntake<'a, S> {
    fn new(format: &Format, sink: &'a mut S) -> Self {
        Self {
            rows: RowTexts::new(format, sink),
            documents: 0,
            count: 0,
            more: None,
            status: String::new(),
            matched: None,
            insights: 0,
            items: Vec::new(),
            spare: Vec::new(),
            failure: None,
            unwrapped: false,
        }
    }

    /// Takes documents from memory.
    fn documents(&mut self, json: &[u8]) -> Result<(), DecodeError> {
        let mut at = 0;
        loop {
            let space = json[at..]
                .iter()
                .take_while(|byte| byte.is_ascii_whitespace());
            at += space.count();
            if at == json.len() {
                return Ok(());
            }
            let mut parser = Deserializer::from_slice(&json[at..]);
            self.document(&mut parser)
                .map_err(|error| self.explain(&error, &json[..at]))?;
            // Only the iterator over further values tells how far the parser has come.
            at += parser.into_iter::<IgnoredAny>().byte_offset();
        }
    }

    fn document<'de, R: Json<'de>>(
        &mut self,
        parser: &mut Deserializer<R>,
    ) -> serde_json::Result<()> {
        if !self.unwrapped {
            self.documents += 1;
            self.more = None;
        }
        Value::document(self).deserialize(parser)
    }

    /// # Errors
    /// The last document says that it is not the last, or that a query's results are not all.
    fn finish(self) -> Result<(), DecodeError> {
        if let Some(member) = self.more {
            return Err(DecodeError::Unreadable(format!(
                "stops where more events follow: `{member}` is set in the last answer; ask for the rest as well"
            )));
        }
        if self.insights == 0 {
            return Ok(());
        }
        if !matches!(self.status.as_str(), "" | "Complete") {
            let status = &self.status;
            return Err(DecodeError::Unreadable(format!(
                "results of a query whose status is `{status}`: ask for them again when it is `Complete`"
            )));
        }
        refuse_cut_results(self.insights, self.matched)
    }

    /// Says why a document ended early. Positions count from after `before`.
    fn explain(&mut self, error: &serde_json::Error, before: &[u8]) -> DecodeError {
        if let Some(failure) = self.failure.take() {
            return failure;
        }
        if error.is_io() {
            return DecodeError::Unreadable(error.to_string());
        }
        let lines = memchr::memchr_iter(b'\n', before).count();
        let on_line = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let column = error.column() + if error.line() == 1 { on_line } else { 0 };
        let (document, line) = (self.documents, error.line() + lines);
        let place = format!("line {line} column {column}");
        DecodeError::Unreadable(if error.is_eof() {
            format!("JSON document {document} is cut off at {place}")
        } else {
            let text = error.to_string();
            let relative = format!(" at line {} column {}", error.line(), error.column());
            let what = text.strip_suffix(&relative).unwrap_or(&text);
            format!("JSON document {document}: {what} at {place}")
        })
    }

    /// Hands over an event.
    pub(super) fn row(
        &mut self,
        message: Option<&str>,
        id: Option<&str>,
        ingested: Option<i64>,
        stream: Option<&str>,
    ) -> Result<(), DecodeError> {
        self.count += 1;
        self.rows.sink.delivered(ingested.map(seconds));
        self.rows.sink.stream(stream);
        match message {
            Some(message) => {
                let row = message.trim_end().as_bytes();
                self.rows.take(row, RowOrigin::Event(self.count, id))
            }
            None => Ok(self.rows.sink.malformed(Malformed::new(
                self.count,
                "an event without a message".to_owned(),
            ))?),
        }
    }

    /// Notes an event that holds no record.
    pub(super) fn refuse(&mut self, reason: &str) -> Result<(), DecodeError> {
        self.count += 1;
        self.rows.sink.stream(None);
        let row = Malformed::new(self.count, reason.to_owned());
        Ok(self.rows.sink.malformed(row)?)
    }

    /// Tells whether a row may be one word.
    pub(super) fn has_one_column(&self) -> bool {
        self.rows.columns() == 1
    }

    /// Breaks parsing off for a reason that is not the parser's.
    pub(super) fn or_break<E: serde::de::Error>(
        &mut self,
        result: Result<(), DecodeError>,
    ) -> Result<(), E> {
        result.map_err(|failure| {
            self.failure = Some(failure);
            E::custom("broken off")
        })
    }

    /// Takes what is in base64: a record of a subscription, lines or an event, gzipped or not.
    pub(super) fn unwrap_record(&mut self, data: &str) -> Result<(), DecodeError> {
        let wrong = |what: String| DecodeError::Unreadable(format!("what is in base64: {what}"));
        if self.unwrapped {
            return Err(wrong("wrapped twice".to_owned()));
        }
        let bytes = STANDARD
            .decode(data)
            .map_err(|error| wrong(error.to_string()))?;
        if !bytes.starts_with(gzip::MAGIC) {
            return self.unwrapped(&bytes);
        }
        let Some(bytes) = gzip::unpack(&bytes)? else {
            return Err(wrong("more than 32 MiB".to_owned()));
        };
        self.unwrapped(&bytes)
    }

    fn unwrapped(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        if matches!(bytes.trim_ascii_start(), [b'{' | b'[', ..]) {
            // Documents within one have members of their own.
            let items = mem::take(&mut self.items);
            self.unwrapped = true;
            let result = self.documents(bytes);
            self.unwrapped = false;
            self.items = items;
            return result;
        }
        let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        for line in lines.filter(|line| !line.is_empty()) {
            self.count += 1;
            self.rows.sink.delivered(None);
            self.rows.sink.stream(None);
            self.rows.take(line, RowOrigin::Event(self.count, None))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::collected::{Collected, given};

    /// Both ways, which must agree, except on the place: one of serde_json's readers is sometimes a byte ahead.
    fn of(json: &str) -> (Collected, Option<String>) {
        let format = given("${start} ${end}");
        let (mut whole, mut streamed) = (Collected::default(), Collected::default());
        let reason = |result: Result<(), DecodeError>| result.err().map(|error| error.to_string());
        let result = reason(decode(json.as_bytes(), &format, &mut whole));
        let other = reason(read(json.as_bytes(), &format, &mut streamed));
        let what = |reason: &Option<String>| {
            let reason = reason.as_ref()?;
            Some(reason.split(" at line ").next()?.to_owned())
        };
        assert_eq!(what(&result), what(&other));
        assert_eq!(whole, streamed);
        (whole, result)
    }

    #[test]
    fn members_may_stand_in_any_order() {
        for json in [
            r#"{"messageType":"DATA_MESSAGE","logEvents":[{"id":"7","message":"1 2"}]}"#,
            r#"{"logEvents":[{"message":"1 2","id":"7"}],"messageType":"DATA_MESSAGE"}"#,
            r#"{"logEvents":[{"message":"1 2","x":{"message":"3 4"},"id":"7"}]}"#,
            r#"{"nextToken":null,"events":[{"eventId":"7","timestamp":1,"message":"1 2\n"}]}"#,
            r#"{"events":[{"eventId":"7","message":"1\t\u0032"}],"nextForwardToken":"f/1"}"#,
            r#"{"eventId":"7","message":"1 2","events":[]}"#,
            r#"[{"message":"1 2","eventId":"7"}]"#,
            r#"[{"events":[{"message":"1 2","eventId":"7"}]},[]]"#,
        ] {
            let (all, error) = of(json);
            assert_eq!((all.texts(), error), (vec!["1 2"], None), "{json}");
            assert_eq!(all.rows[0].event_id.as_deref(), Some("7"), "{json}");
        }
    }

    #[test]
    fn the_time_of_ingestion_is_kept_if_it_is_one() {
        for (time, expected) in [
            ("1999", Some(1)),
            ("-1", Some(-1)),
            ("1.5", None),
            ("null", None),
            (r#""1999""#, None),
            ("[[1999]]", None),
            (r#"{"a":1999}"#, None),
            ("99999999999999999999", None),
        ] {
            for json in [
                format!(
                    r#"{{"events":[{{"ingestionTime":7}},{{"ingestionTime":{time},"message":"1 2"}}]}}"#
                ),
                format!(r#"{{"message":"1 2","ingestionTime":{time}}}"#),
            ] {
                let (all, error) = of(&json);
                assert_eq!((all.rows[0].delivered, error), (expected, None), "{json}");
            }
        }
        let (all, _) =
            of(r#"{"events":[{"ingestionTime":7000,"message":"1 2"},{"message":"3 4"}]}"#);
        let delivered: Vec<_> = all.rows.iter().map(|row| row.delivered).collect();
        assert_eq!(delivered, [Some(7), None]);
    }

    #[test]
    fn control_messages_are_no_rows() {
        for json in [
            r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","message":"CWL CONTROL"}]}"#,
            r#"{"logEvents":[{"id":"","message":"CWL CONTROL"}],"messageType":"CONTROL_MESSAGE"}"#,
        ] {
            let (all, error) = of(json);
            assert_eq!((all.rows.len(), all.malformed.len(), error), (0, 0, None));
        }
    }

    #[test]
    fn events_are_counted_over_all_documents() {
        let (all, error) = of(
            "{\"events\":[{\"message\":\"1 2\"},{\"timestamp\":3},\"5 6 7\"]}{\"message\":\"start end\"}\n\n[\"8 9\"] ",
        );
        assert_eq!(error, None);
        assert_eq!(all.numbers(), [1, 5]);
        let malformed = [
            (2, "an event without a message".to_owned()),
            (3, "3 columns where the layout has 2".to_owned()),
            (4, "a header, not a record".to_owned()),
        ];
        assert_eq!(all.malformed, malformed);
    }

    #[test]
    fn what_is_no_answer_is_unreadable() {
        let kinds = "is in none of the shapes that flow logs come in (docs/shapes.md has them): its members are";
        for (json, reason) in [
            ("[] {\"a\":1}", format!("JSON document 2 {kinds} a")),
            (
                "{\"messageType\":\"DATA_MESSAGE\"}",
                format!("JSON document 1 {kinds} none"),
            ),
            (
                "[]\n[\"1 2\",",
                "JSON document 2 is cut off at line 2 column 7".to_owned(),
            ),
            (
                "[]  {\"events\":[",
                "JSON document 2 is cut off at line 1 column 15".to_owned(),
            ),
            (
                "[] {\"x\" 1}",
                "JSON document 2: expected `:` at line 1 column 9".to_owned(),
            ),
            (
                "[] x",
                "JSON document 2: expected value at line 1 column 4".to_owned(),
            ),
            (
                "{\"message\":\"1 2\",\"message\":\"3 4\"}",
                "JSON document 1: a member stands twice at line 1 column 32".to_owned(),
            ),
            (
                "{\"awslogs\":{\"data\":\"!\"}}",
                "what is in base64: Invalid symbol 33, offset 0.".to_owned(),
            ),
        ] {
            assert_eq!(of(json).1, Some(reason), "{json}");
        }
        let (_, error) = of(&"[".repeat(1000));
        assert!(error.unwrap().contains("recursion limit exceeded"));
    }

    #[test]
    fn an_answer_that_more_follow_is_not_the_last() {
        let reason = |member| {
            format!(
                "stops where more events follow: `{member}` is set in the last answer; ask for the rest as well"
            )
        };
        for (json, expected) in [
            (
                r#"{"events":[],"nextToken":"a"}"#,
                Some(reason("nextToken")),
            ),
            (
                r#"{"NextToken":"a","events":[]}"#,
                Some(reason("NextToken")),
            ),
            (r#"{"events":[],"nextToken":"a"}{"events":[]}"#, None),
            (r#"{"events":[],"nextForwardToken":"f/1"}"#, None),
        ] {
            assert_eq!(of(json).1, expected, "{json}");
        }
    }

    #[test]
    fn live_events_are_numbered_by_their_time() {
        let event = |timestamp, message: &str| Event {
            timestamp,
            message: message.to_owned(),
            ingested: None,
        };
        let mut all = Collected::default();
        let events = [event(1000, "1 2\n"), event(3000, "3"), event(1000, "1 2")];
        live(&events, &given("${start} ${end}"), &mut all).unwrap();
        assert_eq!(
            (all.numbers(), all.texts()),
            (vec![1000, 1000], vec!["1 2", "1 2"])
        );
        assert_eq!(
            all.malformed,
            [(3000, "1 columns where the layout has 2".to_owned())]
        );
        assert!(!all.provisional);
    }

    #[test]
    fn the_sink_can_stop() {
        let mut sink = Collected {
            stop_after: Some(1),
            ..Collected::default()
        };
        let json = br#"{"events":["1 2","3 4","5 6"]}"#;
        let stopped = decode(json, &given("${start} ${end}"), &mut sink);
        assert_eq!(stopped, Err(DecodeError::Stopped));
        assert_eq!(sink.texts(), ["1 2"]);
    }

    proptest! {
        #[test]
        fn anything_like_json_gives_the_same_both_ways(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"events\"", "\"logEvents\"", "\"message\"", "\"1 2\"", "\"id\"", "null", "7",
                "\"messageType\"", "\"nextToken\"", "{\"message\":\"3 4\"}", "{\"events\":[\"1 2\"", "\n", "\"\\u00", "\"awslogs\":{\"data\":\"",
            ]), 0..20),
        ) {
            of(&pieces.concat());
        }
    }
}
