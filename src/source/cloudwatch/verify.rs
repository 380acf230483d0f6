//! Reading some streams both ways: whether `FilterLogEvents` and `GetLogEvents` give the same.
//!
//! Answers of either with gaps that were whole half an hour later have been reported (awslogs #342), and no answer says
//! so of itself.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use hashbrown::{HashMap, HashSet};
use xxhash_rust::xxh3::xxh3_128;

use super::cursor::{Cursor, UnsureRange};
use super::events::EndProof;
use super::filter::{StreamScope, TogetherTrouble};
use super::seen::SeenEvents;
use super::slices::MANY_PAGES;
use super::sum::EventSum;
use super::together::{ALONE, Errand, Together};
use crate::decode::{Content, Event};
use crate::source::{FEW_STREAMS, Outlet, Outlets, ReadError, Room};

/// So many streams are read both ways in every run.
const READ_TWICE: usize = FEW_STREAMS;

/// A stream with fewer events, about two pages, is a quiet one.
const QUIET: u64 = 20_000;

impl Together<'_> {
    /// Picks quiet streams to be read both ways, other ones each time; once, as soon as a page has shown which are not.
    pub(super) fn pick(&self, is_quiet: impl Fn(usize) -> bool) {
        let mut known = self.known();
        if known.both_ways.is_some() {
            return;
        }
        let busy = (0..self.wanted.len()).filter(|&number| !is_quiet(number));
        let picked = some(self.wanted.len(), READ_TWICE, &busy.collect());
        known.both_ways = Some(picked.iter().copied().collect());
        drop(known);
        self.push(picked.into_iter().map(Errand::Verify));
    }

    /// Reads a stream again, and keeps what its events add up to.
    pub(super) async fn add_up(&self, number: usize, proof: EndProof) -> Result<(), ReadError> {
        let sum = Mutex::new(EventSum::default());
        let outlet = EventOutlet {
            outlets: self.outlets,
            take: |event: &Event| {
                let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                sum.add(event, self.settled);
            },
        };
        let result = self.read_alone(number, proof, &outlet).await;
        let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.known().alone.insert(number, sum);
        result
    }

    async fn read_alone(
        &self,
        number: usize,
        proof: EndProof,
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        let (stream, how) = (&self.wanted[number].part.name, (MANY_PAGES, proof));
        let none = SeenEvents::default();
        let read = self.group.read_on(stream, self.stretch, none, how, outlet);
        read.await.map(drop)
    }

    /// Compares what both ways gave of the streams that were picked. Those as well of which the listing promises an event
    /// and none came, and others in the place of those that turned out to be busy.
    ///
    /// # Errors
    /// They do not give the same.
    pub(super) async fn verify(&self) -> Result<(), TogetherTrouble> {
        stream::iter(self.still_to_verify())
            .for_each_concurrent(ALONE, |number| self.run_errand(Errand::Verify(number)))
            .await;
        // That both have the same is proof enough of an end; where they have not, it was perhaps not reached.
        for number in self.unlike() {
            if let Err(ReadError::Unreadable(reason)) = self.add_up(number, EndProof::Newest).await
            {
                self.known().unread.insert(number, reason);
            }
        }
        match self.unlike().first() {
            Some(&number) if !self.outlets.are_closed() => Err(self.disagreement(number).await),
            _ => Ok(()),
        }
    }

    /// Returns the streams of which the two ways did not give the same.
    fn unlike(&self) -> Vec<usize> {
        let known = self.known();
        let counts =
            |number: &usize| !known.busy.contains(number) && !known.unread.contains_key(number);
        let read = known.alone.iter().filter(|(number, _)| counts(number));
        let unlike = read.filter(|(number, sum)| !known.together[**number].is_same(sum));
        let mut unlike: Vec<usize> = unlike.map(|(&number, _)| number).collect();
        unlike.sort_unstable();
        unlike
    }

    fn still_to_verify(&self) -> HashSet<usize> {
        let promised = self.group.state().promised.clone();
        let known = self.known();
        let is_open =
            |number: &usize| !known.busy.contains(number) && !known.alone.contains_key(number);
        let promised = promised.iter().filter_map(|name| self.numbers.get(&**name));
        let promised = promised.filter(|&&number| known.together[number].is_empty());
        let promised = promised.copied().filter(is_open);
        let read = known.alone.keys().filter(|it| !known.busy.contains(*it));
        let lack = READ_TWICE.saturating_sub(read.count());
        let open = || (0..self.wanted.len()).filter(is_open);
        let is_quiet = |number: &usize| known.together[*number].events() < QUIET;
        let quiet: HashSet<usize> = open().filter(is_quiet).collect();
        let closed = (0..self.wanted.len()).filter(|number| !quiet.contains(number));
        let others = some(self.wanted.len(), lack, &closed.collect());
        // Where all are busy, the least of them: five would cost more calls than the others have pages.
        let least = open().min_by_key(|&number| known.together[number].events());
        let least = least.filter(|_| quiet.is_empty() && lack == READ_TWICE);
        promised.chain(others).chain(least).collect()
    }

    /// Says that the two calls disagree about a stream. If it is `GetLogEvents` that lacks what the other shows, the stream
    /// cannot be read by it either, and that is kept in mind.
    async fn disagreement(&self, number: usize) -> TogetherTrouble {
        let name = &self.wanted[number].part.name;
        tracing::info!(
            stream = &**name,
            "FilterLogEvents and GetLogEvents disagree"
        );
        let lacking = match self.both(number).await {
            Ok((together, alone)) => together
                .iter()
                .any(|(event, copies)| alone.get(event).is_none_or(|read| read < copies)),
            Err(_) => false,
        };
        if lacking {
            self.distrust(number);
        }
        TogetherTrouble::Doubt(UnsureRange(format!(
            "`FilterLogEvents` and `GetLogEvents` do not give the same events of `{name}`"
        )))
    }

    /// Keeps in mind that a stream cannot be read by `GetLogEvents`, and returns the reason.
    pub(super) fn distrust(&self, number: usize) -> String {
        let reason = "`GetLogEvents` lacks events of it that `FilterLogEvents` shows";
        let name = self.wanted[number].part.name.to_string();
        let mut state = self.group.state();
        state.distrusted.insert(name, reason.to_owned());
        reason.to_owned()
    }

    /// Tells whether either call is to show an event by now.
    pub(super) fn is_settled(&self, event: &Event) -> bool {
        event.ingested.is_none_or(|at| at <= self.settled)
    }

    /// Reads a stream both ways.
    async fn both(&self, number: usize) -> Result<(EventCopies, EventCopies), TogetherTrouble> {
        let mut together = EventCopies::new();
        let scope = StreamScope::Names(vec![self.wanted[number].part.name.to_string()]);
        let mut cursor = Cursor::new(self.stretch.from, self.stretch.to);
        loop {
            let (events, ended) = self.group.next_page(&scope, &mut cursor).await?;
            for it in &events {
                self.count(&it.event, &mut together);
            }
            if ended {
                break;
            }
        }
        let alone = Mutex::new(EventCopies::new());
        let outlet = EventOutlet {
            outlets: self.outlets,
            take: |event: &Event| {
                let mut alone = alone.lock().unwrap_or_else(PoisonError::into_inner);
                self.count(event, &mut alone);
            },
        };
        let read = self.read_alone(number, EndProof::Newest, &outlet).await;
        read.map_err(|error| TogetherTrouble::Failed(error.to_string()))?;
        let alone = alone.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((together, alone))
    }

    fn count(&self, event: &Event, copies: &mut EventCopies) {
        if self.is_settled(event) {
            let event = (event.timestamp, xxh3_128(event.message.as_bytes()));
            *copies.entry(event).or_default() += 1;
        }
    }
}

/// How many copies there are of each event: its timestamp, and the hash of its message.
type EventCopies = HashMap<(i64, u128), u64>;

/// Returns so many of the numbers below `all`, but none of those, at random.
fn some(all: usize, count: usize, none_of: &HashSet<usize>) -> Vec<usize> {
    let mut open: Vec<usize> = (0..all).filter(|it| !none_of.contains(it)).collect();
    let mut picked = Vec::new();
    while picked.len() < count && !open.is_empty() {
        let random = getrandom::u32().unwrap_or_default() as usize;
        picked.push(open.swap_remove(random % open.len()));
    }
    picked
}

/// Shows somebody each event instead of handing it on.
struct EventOutlet<'a, F> {
    outlets: &'a dyn Outlets,
    take: F,
}

#[async_trait]
impl<F: Fn(&Event) + Send + Sync> Outlet for EventOutlet<'_, F> {
    async fn room(&self, bytes: u64) -> Room {
        self.outlets.room(bytes).await
    }

    async fn deliver(&self, content: Content) -> Result<(), ReadError> {
        if let Content::Events(events) = content {
            events.iter().for_each(&self.take);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_numbers_are_picked_each_time() {
        let none_of = HashSet::from([3]);
        let picks = |all, count| {
            let picked = some(all, count, &none_of);
            let different: HashSet<usize> = picked.iter().copied().collect();
            assert_eq!(different.len(), picked.len());
            assert!(picked.iter().all(|it| *it < all && *it != 3));
            picked
        };
        assert_eq!(picks(10_000, 5).len(), 5);
        assert_eq!(picks(4, 5).len(), 3);
        assert!(picks(0, 5).is_empty());
        assert_ne!(picks(100_000, 5), picks(100_000, 5));
    }
}
