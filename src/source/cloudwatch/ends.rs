//! Proving that streams that were handed to `GetLogEvents` have been read to their ends, many with one call.
//!
//! The end of a stream is told by a token that comes back, which is a call of its own, or by its newest events, which is
//! another. `FilterLogEvents` shows the newest events of a hundred streams at once, and is the better witness: it is another
//! call than the one that may have stopped too early.

use hashbrown::HashMap;

use super::cursor::Cursor;
use super::events::EndProof;
use super::filter::TogetherTrouble;
use super::seen::SeenEvents;
use super::slices::MANY_PAGES;
use super::split::MOST_NAMES;
use super::stretch::TimeRange;
use super::together::{PAGE_ROOM, Together};
use crate::decode::Event;
use crate::source::{PartOutlet, ReadError};

/// Streams are asked about together as far as about so much of a page answers.
const ANSWER: f64 = 0.7;

/// So many pages are read of an answer that was to be one.
const MOST_PAGES: u32 = 4;

/// A stream that was read, but for the proof that this was all.
pub(super) struct OpenEnd {
    /// The stream's number.
    pub(super) number: usize,
    pub(super) stretch: TimeRange,
    pub(super) seen: SeenEvents,
    /// The pages that were reckoned for the stretch.
    pub(super) pages: f64,
}

impl OpenEnd {
    /// From when on the newest events are.
    fn latest(&self) -> i64 {
        self.seen.latest().unwrap_or(self.stretch.to)
    }

    /// About how many pages it takes to show what the stream has from a timestamp on.
    fn pages_from(&self, from: i64) -> f64 {
        let begin = self.stretch.from.unwrap_or(from).min(from);
        let length = (self.stretch.to - begin).max(1);
        self.pages * (self.stretch.to - from) as f64 / length as f64
    }
}

impl Together<'_> {
    /// Proves that streams were read to their ends, and reads on those that were not. One of which `GetLogEvents` then still does
    /// not give what the other call shows cannot be read.
    ///
    /// # Errors
    /// Nothing more is wanted.
    pub(super) async fn prove_ends(&self, ends: Vec<OpenEnd>) -> Result<(), TogetherTrouble> {
        let mut read_on = Vec::new();
        for asked in groups(ends) {
            let (newest, whole) = self.newest(&asked).await?;
            for end in asked {
                let shown = newest.get(&end.number).map_or(&[][..], Vec::as_slice);
                if !whole || !end.seen.is_all(shown) {
                    read_on.extend(self.read_end(end).await);
                }
            }
        }
        for asked in groups(read_on) {
            let (newest, _) = self.newest(&asked).await?;
            for end in asked {
                let shown = newest.get(&end.number).into_iter().flatten();
                let settled = shown.filter(|event| self.is_settled(event));
                if end.seen.latest() < settled.map(|event| event.timestamp).max() {
                    let reason = self.distrust(end.number);
                    self.known().unread.insert(end.number, reason);
                }
            }
        }
        Ok(())
    }

    /// Asks for what these streams have from their latest events on; tells whether that is all of it.
    async fn newest(
        &self,
        asked: &[OpenEnd],
    ) -> Result<(HashMap<usize, Vec<Event>>, bool), TogetherTrouble> {
        let numbers: Vec<usize> = asked.iter().map(|end| end.number).collect();
        let scope = self.names(&numbers);
        let latest: HashMap<usize, i64> =
            asked.iter().map(|end| (end.number, end.latest())).collect();
        let to = asked.iter().map(|end| end.stretch.to).max();
        let mut cursor = Cursor::new(latest.values().min().copied(), to.unwrap_or_default());
        let mut newest: HashMap<usize, Vec<Event>> = HashMap::new();
        for _ in 0..MOST_PAGES {
            let _permit = self.group.pages_together.acquire().await;
            let _room = self.outlets.room(PAGE_ROOM).await;
            let (events, ended) = match self.group.next_page(&scope, &mut cursor).await {
                Ok(page) => page,
                Err(TogetherTrouble::Stopped) => return Err(TogetherTrouble::Stopped),
                Err(_) => return Ok((newest, false)),
            };
            for it in events {
                let number = self.numbers.get(it.stream.as_str()).copied();
                let Some((number, latest)) = number.and_then(|it| Some((it, latest.get(&it)?)))
                else {
                    continue;
                };
                if *latest <= it.event.timestamp {
                    newest.entry(number).or_default().push(it.event);
                }
            }
            if ended {
                return Ok((newest, true));
            }
        }
        Ok((newest, false))
    }

    /// Reads a stream on to its end, as far as `GetLogEvents` tells it.
    async fn read_end(&self, end: OpenEnd) -> Option<OpenEnd> {
        let stream = &self.wanted[end.number].part.name;
        let outlet = PartOutlet {
            outlets: self.outlets,
            number: end.number,
        };
        let how = (MANY_PAGES, EndProof::Newest);
        let read = self
            .group
            .read_on(stream, end.stretch, end.seen, how, &outlet);
        match read.await {
            Ok(read) => Some(OpenEnd {
                seen: read.seen,
                ..end
            }),
            Err(ReadError::Stopped) => None,
            Err(ReadError::Unreadable(reason)) => {
                self.known().unread.insert(end.number, reason);
                None
            }
        }
    }
}

/// Deals streams out into groups to ask about together: of one stretch, no more than can be named, and so that a page
/// answers.
fn groups(mut ends: Vec<OpenEnd>) -> Vec<Vec<OpenEnd>> {
    ends.sort_by_key(|end| (end.stretch.to, std::cmp::Reverse(end.latest())));
    let mut groups: Vec<Vec<OpenEnd>> = Vec::new();
    for end in ends {
        let from = end.latest();
        let fits = |group: &&mut Vec<OpenEnd>| {
            let pages: f64 = group.iter().map(|it| it.pages_from(from)).sum();
            group[0].stretch.to == end.stretch.to
                && group.len() < MOST_NAMES
                && pages + end.pages_from(from) <= ANSWER
        };
        match groups.last_mut().filter(fits) {
            Some(group) => group.push(end),
            None => groups.push(vec![end]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(number: usize, latest: i64, to: i64, pages: f64) -> OpenEnd {
        let mut seen = SeenEvents::default();
        seen.drop_seen(&mut vec![Event {
            timestamp: latest,
            message: String::new(),
            ingested: None,
        }]);
        OpenEnd {
            number,
            stretch: TimeRange::between(0, to),
            seen,
            pages,
        }
    }

    fn numbers(ends: Vec<OpenEnd>) -> Vec<Vec<usize>> {
        let groups = groups(ends).into_iter();
        let numbers = groups.map(|group| group.iter().map(|end| end.number).collect());
        numbers.collect()
    }

    #[test]
    fn ends_are_asked_about_together_as_far_as_a_page_answers() {
        // A tenth of a page is left of each of these, and half of one of the last.
        let near = |number| end(number, 900, 1000, 1.0);
        let mut ends: Vec<OpenEnd> = (0..9).map(near).collect();
        ends.push(end(9, 500, 1000, 1.0));
        let groups = numbers(ends);
        assert_eq!(groups, [vec![0, 1, 2, 3, 4, 5, 6], vec![7, 8], vec![9]]);
        // No more than can be named, and none of another stretch.
        let many = (0..130).map(|number| end(number, 999, 1000, 0.1));
        let groups = numbers(many.chain([end(130, 1999, 2000, 0.1)]).collect());
        assert_eq!(
            groups.iter().map(Vec::len).collect::<Vec<_>>(),
            [100, 30, 1]
        );
        assert!(numbers(Vec::new()).is_empty());
    }
}
