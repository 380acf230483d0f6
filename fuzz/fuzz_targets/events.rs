//! JSON of CloudWatch Logs: anything like it; and the same messages as live events and as an answer are the same rows.
#![no_main]

use flowdiff::decode::{Content, Event};
use flowdiff_fuzz::{Collected, default_format, short_format};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let _ = Collected::of(data, &default_format());
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let messages: Vec<&str> = text.split('\u{1e}').collect();
    let event = |(time, message): (i64, &&str)| Event {
        timestamp: time,
        message: (*message).to_owned(),
        ingested: None,
    };
    let events: Vec<Event> = (1..).zip(&messages).map(event).collect();
    let answer = |message: &&str| json!({ "eventId": message, "message": message });
    let answers: Vec<_> = messages.iter().map(answer).collect();
    let answer = json!({ "events": answers, "nextForwardToken": text }).to_string();
    for format in [default_format(), short_format()] {
        let (live, result) = Collected::of_content(Content::Events(events.clone()), &format);
        assert_eq!(result, Ok(()));
        let (read, result) = Collected::of(answer.as_bytes(), &format);
        assert_eq!(result, Ok(()));
        assert_eq!(live.layouts, read.layouts);
        assert_eq!(live.malformed, read.malformed);
        assert_eq!(live.cells(), read.cells());
        let told = read.rows.iter().all(|row| row.event_id.is_some());
        assert!(told, "an event lost its id");
    }
});
