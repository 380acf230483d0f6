//! How much there is to come of a range, told from the pages that have come: plain reckoning.

use hashbrown::HashMap;

use super::cursor::GroupEvent;
use super::stretch::SPARE;

/// The pages of a range so far.
#[derive(Debug)]
pub(super) struct Density {
    /// Where the range begins, and once there is an event, from when on there may be some: of an open range from the first one
    /// on, and of any other the spare minute at its beginning does not count if there is nothing in it.
    from: Option<i64>,
    last: Option<i64>,
    /// The first event of the last page.
    page: Option<i64>,
    pages: f64,
    events: f64,
    others: f64,
    by_stream: HashMap<usize, f64>,
}

/// What is left of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Left {
    /// About so many pages, if it goes on as it has.
    pub(super) pages: f64,
    /// From this timestamp on, of which nothing but events of the last page has come.
    pub(super) from: i64,
}

impl Density {
    /// Begins at the beginning of a range.
    pub(super) fn new(from: Option<i64>) -> Self {
        Self {
            from,
            last: None,
            page: None,
            pages: 0.0,
            events: 0.0,
            others: 0.0,
            by_stream: HashMap::new(),
        }
    }

    /// Takes note of a page; `number` tells the stream of a name if it is wanted.
    pub(super) fn add(&mut self, events: &[GroupEvent], number: impl Fn(&str) -> Option<usize>) {
        self.pages += 1.0;
        self.page = events.first().map(|it| it.event.timestamp);
        if self.last.is_none()
            && let Some(first) = self.page
        {
            let begun = |from: i64| first.clamp(from, from.saturating_add(SPARE));
            self.from = Some(self.from.map_or(first, begun));
        }
        for GroupEvent { stream, event } in events {
            self.last = self.last.max(Some(event.timestamp));
            self.events += 1.0;
            match number(stream) {
                Some(number) => *self.by_stream.entry(number).or_default() += 1.0,
                None => self.others += 1.0,
            }
        }
    }

    /// Returns what is left up to `to`; `None` if nothing tells, or if all of the last page has one timestamp, so that
    /// the rest cannot be cut off from what has come.
    pub(super) fn pages_left(&self, to: i64) -> Option<Left> {
        let (from, last, page) = (self.from?, self.last?, self.page?);
        let (read, left) = (last - from, to - last);
        (read > 0 && left > 0 && page < last).then(|| Left {
            pages: self.pages * left as f64 / read as f64,
            from: last,
        })
    }

    /// Returns how much of what came is a stream's.
    pub(super) fn share(&self, stream: usize) -> f64 {
        self.by_stream.get(&stream).copied().unwrap_or_default() / self.events.max(1.0)
    }

    /// Returns how much of what came is of streams that are not wanted.
    pub(super) fn share_of_others(&self) -> f64 {
        self.others / self.events.max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Event;

    fn events(streams: &[(&str, i64)]) -> Vec<GroupEvent> {
        let event = |&(stream, timestamp): &(&str, i64)| GroupEvent {
            stream: stream.to_owned(),
            event: Event {
                timestamp,
                message: String::new(),
                ingested: None,
            },
        };
        streams.iter().map(event).collect()
    }

    #[test]
    fn what_is_left_goes_on_as_it_has() {
        let mut density = Density::new(Some(0));
        assert_eq!(density.pages_left(100), None);
        let number = |name: &str| name.parse().ok();
        density.add(&events(&[("0", 0), ("0", 5), ("1", 10), ("x", 10)]), number);
        let left = |pages, from| Some(Left { pages, from });
        assert_eq!(density.pages_left(100), left(9.0, 10));
        assert_eq!([density.share(0), density.share(1)], [0.5, 0.25]);
        assert_eq!((density.share(2), density.share_of_others()), (0.0, 0.25));
        density.add(&[], number);
        assert_eq!(density.pages_left(100), None);
        density.add(&events(&[("0", 20), ("0", 30)]), number);
        assert_eq!(density.pages_left(100), left(7.0, 30));
        assert_eq!(density.pages_left(30), None);
    }

    #[test]
    fn a_quiet_beginning_counts_but_for_the_spare_minute() {
        for (first, pages) in [(0, 9.0), (50_000, 18.0), (60_000, 22.5), (80_000, 22.5)] {
            let mut density = Density::new(Some(0));
            density.add(&events(&[("0", first), ("0", 100_000)]), |_| Some(0));
            let left = density.pages_left(1_000_000).unwrap();
            assert!((left.pages - pages).abs() < 1e-9, "{first}: {left:?}");
        }
    }

    #[test]
    fn one_timestamp_cannot_be_cut() {
        let mut density = Density::new(None);
        density.add(&events(&[("0", 7), ("0", 7)]), |_| Some(0));
        assert_eq!(density.pages_left(100), None);
        density.add(&events(&[("0", 7), ("0", 9)]), |_| Some(0));
        assert_eq!(
            density.pages_left(100),
            Some(Left {
                pages: 91.0,
                from: 9
            })
        );
    }
}
