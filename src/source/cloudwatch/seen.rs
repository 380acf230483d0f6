//! How far a stretch has been read: what has been seen, and whether that is all.

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_128;

use super::slices::pages;
use super::stretch::{RangeRequest, TimeRange};
use crate::decode::Event;

/// A page that is less full may be the last.
pub(super) const FULL: f64 = 0.95;

/// What has been seen of a stretch. Knows the latest timestamp only, since events that have the same one may stand on
/// either side of where a page ends.
#[derive(Debug, Default)]
pub(super) struct SeenEvents {
    /// The latest timestamp, and how many events have it.
    last: Option<(i64, usize)>,
    /// The same events by their messages.
    messages: Copies,
    /// Events still to be passed over, because they were seen before it was asked again.
    again: usize,
    /// Whether all events of the latest timestamp are known, so that whatever comes of it is one of them.
    whole: bool,
}

/// How many events have each message, which is told by its hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Copies(HashMap<u128, usize>);

impl Copies {
    /// Takes an event in.
    pub(super) fn add(&mut self, event: &Event) {
        *self.0.entry(hash(event)).or_default() += 1;
    }

    /// Takes a copy of the event out, if there is one; tells whether there was.
    pub(super) fn remove(&mut self, event: &Event) -> bool {
        match self.0.get_mut(&hash(event)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// Tells whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(|&count| count == 0)
    }

    /// Tells whether there is or was a copy of the event.
    pub(super) fn has(&self, event: &Event) -> bool {
        self.0.contains_key(&hash(event))
    }
}

fn hash(event: &Event) -> u128 {
    xxh3_128(event.message.as_bytes())
}

impl SeenEvents {
    /// Takes off the events that were seen before, takes note of the others, and tells whether there are any.
    pub(super) fn drop_seen(&mut self, events: &mut Vec<Event>) -> bool {
        let known = self.latest();
        let whole = self.whole;
        events.retain(|event| {
            let same = Some(event.timestamp) == known;
            let before = same && self.again > 0;
            self.again -= usize::from(before);
            !(before || (same && whole))
        });
        for event in &*events {
            match &mut self.last {
                Some((last, count)) if event.timestamp == *last => *count += 1,
                Some((last, _)) if event.timestamp < *last => {}
                last => *last = Some((event.timestamp, 1)),
            }
        }
        let latest = self.latest();
        if latest != known {
            self.messages = Copies::default();
            self.whole = false;
        }
        for event in events.iter().filter(|it| Some(it.timestamp) == latest) {
            self.messages.add(event);
        }
        !events.is_empty()
    }

    /// Returns the latest timestamp if a page that goes on from there has a copy of an event that was seen: it may be the
    /// same event, since pages are said to overlap at one timestamp (boto3 #4472), or another one.
    pub(super) fn doubtful(&self, page: &[Event]) -> Option<i64> {
        let latest = self.latest()?;
        let mut of_latest = page.iter().filter(|event| event.timestamp == latest);
        let copied = of_latest.any(|event| self.messages.has(event));
        (copied && !self.whole && self.again == 0).then_some(latest)
    }

    /// Returns the messages seen of the latest timestamp.
    pub(super) fn messages(&self) -> Copies {
        self.messages.clone()
    }

    /// Takes note that with these, which were not seen yet, all events of the latest timestamp are known.
    pub(super) fn complete(&mut self, others: &[Event]) {
        if let Some((_, count)) = &mut self.last {
            *count += others.len();
        }
        self.whole = true;
    }

    /// Tells whether an event shows that the stretch lies behind.
    pub(super) fn has_passed(&self, stretch: TimeRange) -> bool {
        self.last.is_some_and(|(last, _)| stretch.passed <= last)
    }

    /// Returns what to ask for to go on without a token; what was seen of it is taken off when it comes.
    pub(super) fn go_on(&mut self, stretch: TimeRange, to: i64) -> RangeRequest {
        self.again = self.last.map_or(0, |(_, count)| count);
        self.whole = false;
        RangeRequest {
            from: self.latest().or(stretch.from),
            to,
        }
    }

    /// Returns the latest timestamp seen.
    pub(super) fn latest(&self) -> Option<i64> {
        self.last.map(|(timestamp, _)| timestamp)
    }

    /// Returns how many events have the latest timestamp.
    pub(super) fn of_latest(&self) -> usize {
        self.last.map_or(0, |(_, count)| count)
    }

    /// Tells whether the newest of the stretch, from the latest timestamp seen on, are just those seen: a page of them that
    /// lacks any is no witness, for pages may be short or empty (boto3 #3718), unless it is full.
    pub(super) fn is_all(&self, newest: &[Event]) -> bool {
        let latest = self.latest();
        let known = newest.iter().all(|event| Some(event.timestamp) == latest);
        let (there, seen) = (newest.len(), self.of_latest());
        known && (there == seen || (there < seen && pages(newest) > FULL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_on_both_sides_of_a_pages_end_are_doubtful_until_all_are_known() {
        let page = |messages: &[(i64, &str)]| -> Vec<Event> {
            let event = |&(timestamp, message): &(i64, &str)| Event {
                timestamp,
                message: message.to_owned(),
                ingested: None,
            };
            messages.iter().map(event).collect()
        };
        let mut seen = SeenEvents::default();
        seen.drop_seen(&mut page(&[(3, "a"), (7, "a"), (7, "b")]));
        assert_eq!(seen.doubtful(&page(&[(7, "c"), (8, "a")])), None);
        assert_eq!(seen.doubtful(&page(&[(7, "b"), (7, "c")])), Some(7));
        let mut known = seen.messages();
        assert!(known.remove(&page(&[(7, "b")])[0]) && !known.remove(&page(&[(7, "b")])[0]));
        assert!(!known.is_empty());
        seen.complete(&page(&[(7, "c")]));
        assert_eq!(seen.of_latest(), 3);
        let mut next = page(&[(7, "b"), (7, "c"), (8, "d")]);
        assert_eq!(seen.doubtful(&next), None);
        assert!(seen.drop_seen(&mut next));
        assert_eq!(next.len(), 1);
        // What is asked again is known by its number.
        seen.go_on(whole(), 100);
        assert_eq!(seen.doubtful(&page(&[(8, "d")])), None);
    }

    fn events(timestamps: &[i64]) -> Vec<Event> {
        let event = |&timestamp: &i64| Event {
            timestamp,
            message: String::new(),
            ingested: None,
        };
        timestamps.iter().map(event).collect()
    }

    fn whole() -> TimeRange {
        TimeRange {
            from: Some(0),
            to: 100,
            passed: 90,
            near: 100,
            far: 200,
        }
    }

    #[test]
    fn what_was_seen_is_asked_for_again_and_passed_over() {
        let mut seen = SeenEvents::default();
        let page = |seen: &mut SeenEvents, timestamps: &[i64]| {
            let mut page = events(timestamps);
            let any = seen.drop_seen(&mut page);
            assert_eq!(any, !page.is_empty());
            page.iter().map(|event| event.timestamp).collect::<Vec<_>>()
        };
        let asked = |from| RangeRequest {
            from: Some(from),
            to: 100,
        };
        assert_eq!(seen.go_on(whole(), 100), asked(0));
        assert_eq!(page(&mut seen, &[1, 7, 7]), [1, 7, 7]);
        assert_eq!(page(&mut seen, &[7, 5]), [7, 5]);
        assert_eq!(seen.go_on(whole(), 100), asked(7));
        // Three of these were seen.
        assert!(page(&mut seen, &[7, 7]).is_empty());
        assert_eq!(page(&mut seen, &[7, 7, 9]), [7, 9]);
        assert_eq!(seen.go_on(whole(), 100), asked(9));
        assert!(page(&mut seen, &[9]).is_empty());
        assert!(!seen.has_passed(whole()));
        assert_eq!(page(&mut seen, &[90]), [90]);
        assert!(seen.has_passed(whole()));
    }

    #[test]
    fn the_newest_events_are_known_or_not() {
        let mut seen = SeenEvents::default();
        assert!(seen.is_all(&[]));
        assert!(!seen.is_all(&events(&[3])));
        seen.drop_seen(&mut events(&[3, 7, 7]));
        for (newest, known) in [
            (&[7, 7][..], true),
            // They say nothing.
            (&[], false),
            (&[7], false),
            (&[7, 7, 7], false),
            (&[7, 7, 8], false),
            (&[7, 8], false),
        ] {
            assert_eq!(seen.is_all(&events(newest)), known, "{newest:?}");
        }
        // More than fit into a page.
        let many = vec![7; 12_000];
        seen.drop_seen(&mut events(&many));
        assert!(seen.is_all(&events(&many[..10_000])));
        assert!(!seen.is_all(&events(&many[..9_000])));
    }
}
