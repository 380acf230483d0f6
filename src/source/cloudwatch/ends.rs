//! Proving that streams that were handed to `GetLogEvents` have been read to their ends, many with one call.
//!
//! The end of a stream is told by a token that comes back, which is a call of its own, or by its newest events, which is
//! another. `FilterLogEvents` shows the newest events of a hundred streams at once, and is the better witness: it is another
//! call than the one that may have stopped too early.

use futures::future::join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use hashbrown::HashMap;

use super::cursor::{Cursor, GroupEvent};
use super::events::EndProof;
use super::filter::TogetherTrouble;
use super::seen::SeenEvents;
use super::slices::MANY_PAGES;
use super::split::MOST_NAMES;
use super::stretch::TimeRange;
use super::together::{PAGE_ROOM, Together};
use crate::source::{PartOutlet, ReadError};

/// Streams are asked about together as far as about so much of a page answers.
const ANSWER: f64 = 0.7;

/// So many pages are read of an answer that was to be one.
const MOST_PAGES: u32 = 4;

/// So many calls are under way at once; the pace bounds how often they are made.
const AT_ONCE: usize = 8;

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

/// What `FilterLogEvents` shows of a stream from the latest timestamp on that was seen.
#[derive(Debug, Default)]
struct ShownEnd {
    /// Events of that timestamp.
    of_latest: usize,
    /// Whether there are later ones, and whether one of them is old enough for either call to show it.
    later: bool,
    settled_later: bool,
}

/// The same by stream, and whether that is all there is.
type ShownEnds = (HashMap<usize, ShownEnd>, bool);

impl Together<'_> {
    /// Proves that streams were read to their ends, and reads on those that were not. One of which `GetLogEvents` then still does
    /// not give what the other call shows cannot be read.
    ///
    /// # Errors
    /// Nothing more is wanted.
    pub(super) async fn prove_ends(&self, ends: Vec<OpenEnd>) -> Result<(), TogetherTrouble> {
        let read_on = stream::iter(groups(ends)).map(|asked| self.read_unproven(asked));
        let read_on: Vec<Vec<OpenEnd>> = read_on.buffer_unordered(AT_ONCE).try_collect().await?;
        let again = groups(read_on.into_iter().flatten().collect());
        stream::iter(again.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |asked| self.distrust_unlike(asked))
            .await
    }

    /// Reads on those streams whose ends are not what the other call shows, and returns them.
    async fn read_unproven(&self, asked: Vec<OpenEnd>) -> Result<Vec<OpenEnd>, TogetherTrouble> {
        let (shown, whole) = self.shown(&asked).await?;
        let is_proven = |end: &OpenEnd| {
            let shown = shown.get(&end.number);
            whole && shown.is_some_and(|it| !it.later && it.of_latest == end.seen.of_latest())
        };
        let unproven = asked.into_iter().filter(|end| !is_proven(end));
        let read_on = join_all(unproven.map(|end| self.read_end(end))).await;
        Ok(read_on.into_iter().flatten().collect())
    }

    /// Holds what `GetLogEvents` has given in the end against what the other call shows.
    async fn distrust_unlike(&self, asked: Vec<OpenEnd>) -> Result<(), TogetherTrouble> {
        let (shown, _) = self.shown(&asked).await?;
        let lacking = shown.into_iter().filter(|(_, it)| it.settled_later);
        for (number, _) in lacking {
            let reason = self.distrust(number);
            self.known().unread.insert(number, reason);
        }
        Ok(())
    }

    /// Asks for what these streams have from their latest events on.
    async fn shown(&self, asked: &[OpenEnd]) -> Result<ShownEnds, TogetherTrouble> {
        let numbers: Vec<usize> = asked.iter().map(|end| end.number).collect();
        let scope = self.names(&numbers);
        let latest: HashMap<usize, i64> =
            asked.iter().map(|end| (end.number, end.latest())).collect();
        let to = asked.iter().map(|end| end.stretch.to).max();
        let mut cursor = Cursor::new(latest.values().min().copied(), to.unwrap_or_default());
        let mut shown: HashMap<usize, ShownEnd> = HashMap::new();
        for _ in 0..MOST_PAGES {
            let _permit = self.group.pages_together.acquire().await;
            let _room = self.outlets.room(PAGE_ROOM).await;
            let (events, ended) = match self.group.next_page(&scope, &mut cursor).await {
                Ok(page) => page,
                Err(TogetherTrouble::Stopped) => return Err(TogetherTrouble::Stopped),
                // Then nothing is proven by it, and each stream is asked by itself.
                Err(_) => return Ok((shown, false)),
            };
            for GroupEvent { stream, event } in events {
                let number = self.numbers.get(stream.as_str());
                let Some((&number, &latest)) = number.and_then(|it| latest.get_key_value(it))
                else {
                    continue;
                };
                let shown = shown.entry(number).or_default();
                shown.of_latest += usize::from(event.timestamp == latest);
                shown.later |= latest < event.timestamp;
                shown.settled_later |= latest < event.timestamp && self.is_settled(&event);
            }
            if ended {
                return Ok((shown, true));
            }
        }
        Ok((shown, false))
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
    use crate::decode::Event;

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
