//! How far a range of a group has been read with `FilterLogEvents`, and which of its events are new.
//!
//! What the service does that must neither end the reading nor keep it going for ever: pages that are short or empty
//! although there is more, the token that was sent coming back (boto3 #1584), tokens that expire (API reference
//! "FilterLogEvents": 24 hours), pages that repeat events. Events come in order of time (API reference, `interleaved`),
//! so a reading can begin again at the last timestamp; an event is told by its id, never by its text. Wherever that
//! order does not hold, or an event has no id, there is no telling what was seen and what was not: a [`UnsureRange`], after
//! which the streams are read one by one.

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use hashbrown::HashSet;
use xxhash_rust::xxh3::Xxh3;

use crate::decode::Event;

/// So many pages in a row may come with a token that was sent before and without a new event, before it is asked again
/// from the last timestamp.
const SAME_TOKENS: u32 = 5;

/// The same of pages with tokens of their own.
const EMPTY_PAGES: u32 = 250;

/// So often it is asked again from the last timestamp, if that brings nothing.
const BARREN: u32 = 3;

/// Once so many ids are known, those of the events before them are forgotten: pages that repeat events repeat the last
/// ones.
const IDS: usize = 20_000;

/// A range cannot be read with certainty; the reason is part of a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnsureRange(pub(super) String);

/// An event, and the stream it is of.
#[derive(Debug)]
pub(super) struct GroupEvent {
    /// The name.
    pub(super) stream: String,
    /// The event.
    pub(super) event: Event,
}

/// What a page is made of.
#[derive(Debug, Default)]
pub(super) struct EventPage {
    /// Events in the order of the page.
    pub(super) events: Vec<FilteredLogEvent>,
    /// `nextToken`: absent at the end.
    pub(super) token: Option<String>,
}

/// How a range of event timestamps has been read, page by page.
#[derive(Debug)]
pub(super) struct Cursor {
    /// Milliseconds; `None` is the beginning. Moves on when it is asked again.
    from: Option<i64>,
    to: i64,
    sent: Option<String>,
    /// All that were sent since it was asked without one.
    before: HashSet<String>,
    known: RecentEvents,
    /// The latest timestamp seen.
    last: Option<i64>,
    /// Whether all events came in order of time so far.
    ordered: bool,
    /// Pages in a row without a new event; those of them with a token that had been sent before.
    empty: u32,
    same: u32,
    /// How often it was asked again since the last new event.
    barren: u32,
    seed: u64,
}

impl Cursor {
    /// Begins with the range `[from, to)`, in milliseconds.
    pub(super) fn new(from: Option<i64>, to: i64) -> Self {
        Self {
            from,
            to,
            sent: None,
            before: HashSet::new(),
            known: RecentEvents::default(),
            last: None,
            ordered: true,
            empty: 0,
            same: 0,
            barren: 0,
            // Nobody can prepare events whose ids are taken for one.
            seed: getrandom::u64().unwrap_or_default(),
        }
    }

    /// Returns what to ask for: `startTime`, `endTime` (which belongs to the range here) and `nextToken`.
    pub(super) fn ask(&self) -> (Option<i64>, i64, Option<String>) {
        (self.from, self.to.saturating_sub(1), self.sent.clone())
    }

    /// Tells whether all events came in order of time, so that what is before the latest one is complete.
    pub(super) fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// Takes a page and returns its new events, and whether it was the last page.
    pub(super) fn take(&mut self, page: EventPage) -> Result<(Vec<GroupEvent>, bool), UnsureRange> {
        let mut events = Vec::with_capacity(page.events.len());
        for event in page.events {
            if let Some(event) = self.new_event(event)? {
                events.push(event);
            }
        }
        if !events.is_empty() {
            (self.empty, self.same, self.barren) = (0, 0, 0);
        }
        let Some(token) = page.token else {
            return Ok((events, true));
        };
        self.empty += u32::from(events.is_empty());
        if !self.before.insert(token.clone()) {
            self.same += u32::from(events.is_empty());
        }
        self.sent = Some(token);
        if self.same >= SAME_TOKENS || self.empty >= EMPTY_PAGES {
            self.again("its pages never come to an end")?;
        }
        Ok((events, false))
    }

    /// Has a range asked again from the last timestamp, whose events are known. `why` is what is said if that brings
    /// nothing.
    pub(super) fn again(&mut self, why: &str) -> Result<(), UnsureRange> {
        if self.barren >= BARREN {
            return Err(UnsureRange(why.to_owned()));
        }
        if !self.ordered {
            return Err(UnsureRange(
                "events do not come in order of time".to_owned(),
            ));
        }
        self.barren += 1;
        self.from = self.last.or(self.from);
        self.sent = None;
        self.before.clear();
        (self.empty, self.same) = (0, 0);
        Ok(())
    }

    /// Tells whether a call was refused for its token, so that it can be asked again without one.
    pub(super) fn has_token(&self) -> bool {
        self.sent.is_some()
    }

    fn new_event(&mut self, event: FilteredLogEvent) -> Result<Option<GroupEvent>, UnsureRange> {
        let (Some(stream), Some(timestamp), Some(message)) =
            (event.log_stream_name, event.timestamp, event.message)
        else {
            return Err(UnsureRange(
                "an event has no stream, time or message".to_owned(),
            ));
        };
        // Servers differ on whether the end of the range belongs to it.
        if self.from.is_some_and(|from| timestamp < from) || timestamp >= self.to {
            return Ok(None);
        }
        let id = event.event_id.filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| UnsureRange("an event has no id".to_owned()))?;
        let mut hash = Xxh3::with_seed(self.seed);
        // Two events with one id that are not the same are two.
        for text in [&id, &stream, &message] {
            hash.update(&text.len().to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.update(&timestamp.to_le_bytes());
        if !self.known.insert(hash.digest128(), timestamp)? {
            return Ok(None);
        }
        if self.last.is_some_and(|last| timestamp < last) {
            self.ordered = false;
        }
        self.last = self.last.max(Some(timestamp));
        Ok(Some(GroupEvent {
            stream,
            event: Event {
                timestamp,
                message,
                ingested: event.ingestion_time,
            },
        }))
    }
}

/// The events seen, as far back as they are remembered: two generations, of which the older is forgotten.
#[derive(Debug, Default)]
struct RecentEvents {
    newer: HashSet<u128>,
    older: HashSet<u128>,
    /// The latest timestamp of each generation.
    newer_last: Option<i64>,
    older_last: Option<i64>,
    /// Events up to here are forgotten.
    forgotten: Option<i64>,
}

impl RecentEvents {
    /// Takes an event; tells whether it is new.
    fn insert(&mut self, event: u128, timestamp: i64) -> Result<bool, UnsureRange> {
        if Some(timestamp) <= self.forgotten {
            return Err(UnsureRange(
                "events do not come in order of time".to_owned(),
            ));
        }
        if self.older.contains(&event) || self.newer.contains(&event) {
            return Ok(false);
        }
        // What has the last timestamp of those to forget may come again when it is asked from there.
        if self.newer.len() >= IDS && self.older_last.is_none_or(|last| last < timestamp) {
            self.forgotten = self.forgotten.max(self.older_last);
            self.older = std::mem::take(&mut self.newer);
            self.older_last = self.newer_last.take();
        }
        self.newer_last = self.newer_last.max(Some(timestamp));
        self.newer.insert(event);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, timestamp: i64) -> FilteredLogEvent {
        FilteredLogEvent::builder()
            .event_id(id)
            .log_stream_name("eni-0aa-all")
            .timestamp(timestamp)
            .message("2 1 eni-0aa")
            .ingestion_time(timestamp + 1)
            .build()
    }

    fn page(events: &[(&str, i64)], token: Option<&str>) -> EventPage {
        EventPage {
            events: events.iter().map(|(id, at)| event(id, *at)).collect(),
            token: token.map(str::to_owned),
        }
    }

    /// The timestamps of the new events, and whether it was the last page.
    fn take(cursor: &mut Cursor, events: &[(&str, i64)], token: Option<&str>) -> (Vec<i64>, bool) {
        let (events, ended) = cursor.take(page(events, token)).unwrap();
        let times = events.iter().map(|it| it.event.timestamp);
        (times.collect(), ended)
    }

    #[test]
    fn repeated_events_and_tokens_are_passed_over() {
        let mut cursor = Cursor::new(Some(10), 100);
        assert_eq!(cursor.ask(), (Some(10), 99, None));
        let first = take(&mut cursor, &[("a", 10), ("b", 20), ("b", 20)], Some("t"));
        assert_eq!(first, (vec![10, 20], false));
        assert_eq!(cursor.ask(), (Some(10), 99, Some("t".into())));
        // The token that was sent, without anything, and then with what is next.
        assert_eq!(take(&mut cursor, &[], Some("t")), (vec![], false));
        let next = take(
            &mut cursor,
            &[("b", 20), ("c", 20), ("d", 99), ("e", 100)],
            None,
        );
        assert_eq!(next, (vec![20, 99], true));
        assert!(cursor.is_ordered());
    }

    #[test]
    fn a_token_that_comes_for_ever_is_given_up() {
        let mut cursor = Cursor::new(None, 100);
        take(&mut cursor, &[("a", 10)], Some("t"));
        let mut pages = 0;
        let doubt = loop {
            match cursor.take(page(&[("a", 10)], Some("t"))) {
                Ok((events, ended)) => assert!(events.is_empty() && !ended),
                Err(doubt) => break doubt,
            }
            pages += 1;
            assert!(pages < 100);
        };
        assert!(doubt.0.contains("never come to an end"), "{doubt:?}");
        // It was asked again from the last event.
        assert_eq!(cursor.ask().0, Some(10));
    }

    #[test]
    fn an_expired_token_is_begun_again_from_the_last_timestamp() {
        let mut cursor = Cursor::new(Some(0), 100);
        take(&mut cursor, &[("a", 10), ("b", 20)], Some("t"));
        cursor.again("expired").unwrap();
        assert_eq!(cursor.ask(), (Some(20), 99, None));
        let next = take(&mut cursor, &[("b", 20), ("c", 20), ("d", 30)], None);
        assert_eq!(next, (vec![20, 30], true));
        // Not where events came out of order.
        take(&mut cursor, &[("e", 25)], Some("u"));
        assert!(!cursor.is_ordered());
        assert!(cursor.again("expired").is_err());
    }

    #[test]
    fn an_id_is_no_id_if_it_is_empty_and_one_of_two_events_if_they_differ() {
        let mut cursor = Cursor::new(None, 100);
        assert!(cursor.take(page(&[("", 10)], None)).is_err());
        let both = take(&mut cursor, &[("a", 10), ("a", 11)], None);
        assert_eq!(both.0, [10, 11]);
    }

    /// However many events there are, no more than two generations are remembered; what is before them is in doubt.
    #[test]
    fn what_was_forgotten_is_not_taken_for_new() {
        let mut cursor = Cursor::new(None, i64::MAX);
        for n in 0..5 {
            let ids: Vec<String> = (0..IDS).map(|id| format!("{n} {id}")).collect();
            let events: Vec<_> = ids.iter().map(|id| (id.as_str(), n)).collect();
            assert_eq!(
                take(&mut cursor, &events, Some(&n.to_string())).0.len(),
                IDS
            );
        }
        assert!(cursor.known.newer.len() + cursor.known.older.len() <= 2 * IDS);
        assert!(take(&mut cursor, &[("4 7", 4)], Some("x")).0.is_empty());
        assert!(cursor.take(page(&[("0 7", 0)], None)).is_err());
    }
}
