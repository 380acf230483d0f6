//! How far a stretch has been read: what has been seen, and whether that is all.

use super::stretch::{Asked, Stretch};
use crate::decode::Event;

/// What has been seen of a stretch. Knows the latest timestamp only, since events that have the same one may stand on
/// either side of where a page ends.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The latest timestamp, and how many events have it.
    last: Option<(i64, usize)>,
    /// Events still to be passed over, because they were seen before it was asked again.
    again: usize,
}

impl Seen {
    /// Takes off the events that were seen before, takes note of the others, and tells whether there are any.
    pub(super) fn take_off(&mut self, events: &mut Vec<Event>) -> bool {
        let known = self.last.map(|(timestamp, _)| timestamp);
        events.retain(|event| {
            let before = self.again > 0 && Some(event.timestamp) == known;
            self.again -= usize::from(before);
            !before
        });
        for event in &*events {
            match &mut self.last {
                Some((last, count)) if event.timestamp == *last => *count += 1,
                Some((last, _)) if event.timestamp < *last => {}
                last => *last = Some((event.timestamp, 1)),
            }
        }
        !events.is_empty()
    }

    /// Tells whether an event shows that the stretch lies behind.
    pub(super) fn has_passed(&self, stretch: Stretch) -> bool {
        self.last.is_some_and(|(last, _)| stretch.passed <= last)
    }

    /// Returns what to ask for to go on without a token; what was seen of it is taken off when it comes.
    pub(super) fn go_on(&mut self, stretch: Stretch, to: i64) -> Asked {
        self.again = self.last.map_or(0, |(_, count)| count);
        Asked {
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

    /// Tells whether these are all among those seen, given the newest of the stretch.
    pub(super) fn knows(&self, newest: &[Event]) -> bool {
        let latest = self.latest();
        let of_latest = |event: &&Event| Some(event.timestamp) == latest;
        newest.iter().all(|event| Some(event.timestamp) <= latest)
            && newest.iter().filter(of_latest).count() <= self.of_latest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(timestamps: &[i64]) -> Vec<Event> {
        let event = |&timestamp: &i64| Event {
            timestamp,
            message: String::new(),
            ingested: None,
        };
        timestamps.iter().map(event).collect()
    }

    fn whole() -> Stretch {
        Stretch {
            from: Some(0),
            to: 100,
            passed: 90,
            near: 100,
            far: 200,
        }
    }

    #[test]
    fn what_was_seen_is_asked_for_again_and_passed_over() {
        let mut seen = Seen::default();
        let page = |seen: &mut Seen, timestamps: &[i64]| {
            let mut page = events(timestamps);
            let any = seen.take_off(&mut page);
            assert_eq!(any, !page.is_empty());
            page.iter().map(|event| event.timestamp).collect::<Vec<_>>()
        };
        let asked = |from| Asked {
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
        let mut seen = Seen::default();
        assert!(seen.knows(&[]));
        assert!(!seen.knows(&events(&[3])));
        seen.take_off(&mut events(&[3, 7, 7]));
        for (newest, known) in [
            (&[][..], true),
            (&[7, 7], true),
            (&[7], true),
            (&[3, 7, 7], true),
            (&[7, 7, 7], false),
            (&[7, 7, 8], false),
        ] {
            assert_eq!(seen.knows(&events(newest)), known, "{newest:?}");
        }
    }
}
