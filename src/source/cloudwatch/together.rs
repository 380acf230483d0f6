//! Reading a group: quiet streams together with `FilterLogEvents`, busy ones by themselves with `GetLogEvents`, both at
//! the same time, so that both quotas are used.
//!
//! # Why it is right
//!
//! **Every event is delivered once.** A range of time and a set of streams is read by one of the two calls and by no
//! other. It begins as one range over all streams. Once a page shows how much there is, what is left of the range (from
//! that page's last timestamp on, of which nothing has been delivered) is dealt out: ranges of time that do not overlap,
//! and of each of them streams that are named once. Within a range of `FilterLogEvents` a [`Cursor`] tells new events
//! from repeated ones by their ids; within one of `GetLogEvents` that is told as it is for any stream (`events.rs`).
//!
//! **Nothing is lost.** The end of `FilterLogEvents` is a token that is absent; short and empty pages are not. What it
//! may leave out without a word is guarded against four times over:
//!
//! 1. In every run some streams are read both ways ([`Together::verify`]): at least five, other ones each time, and all
//!    of which the listing promises an event in the window of which none came. Both ways must give the same count and
//!    the same sum of hashes of the same events. If they do not, everything is read again by stream and the report says
//!    so; a stream of which `GetLogEvents` lacks what `FilterLogEvents` shows is unreadable.
//! 2. Whatever CloudWatch seems to lack is asked for once more by stream: a second look never comes here
//!    (`CloudWatch::looks_again`).
//! 3. That `GetLogEvents` has read a stream to its end is shown by what `FilterLogEvents` has of its last seconds (`ends.rs`),
//!    and of streams that are read both ways by both giving the same.
//! 4. Wherever a rule does not hold on which this rests (order of time, ids, an end), it is a doubt, and everything is
//!    read by stream.
//!
//! Events that came in while it was read are left out of comparisons: the two calls are not made at one moment.
//!
//! **It ends.** Tokens that repeat and pages that are empty are counted (`cursor.rs`); a range is dealt out again only
//! where far more is left of it than was reckoned, and then from a later timestamp on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use futures::stream::{self, TryStreamExt};
use hashbrown::{HashMap, HashSet};
use tokio::sync::Notify;

use super::CloudWatch;
use super::ahead::Ahead;
use super::cursor::{Cursor, GroupEvent};
use super::density::Density;
use super::ends::OpenEnd;
use super::events::EndProof;
use super::filter::{StreamScope, TogetherTrouble};
use super::quotas::{FILTER, GET};
use super::seen::SeenEvents;
use super::slices::MANY_PAGES;
use super::split::{Load, MOST_NAMES, Rates, Split, side_by_side, slices_each};
use super::stretch::TimeRange;
use super::sum::EventSum;
use crate::decode::{Content, Event};
use crate::source::{Outlets, PartOutlet, PartRequest, ReadError, UnreadParts};

/// The memory of a page: the answer's text and the events read out of it.
pub(super) const PAGE_ROOM: u64 = 6 << 20;

/// What is left of a range is dealt out if it is more than so many pages.
const FEW_PAGES: f64 = 3.0;

/// A stream with fewer pages is a quiet one.
const QUIET_PAGES: f64 = 2.0;

/// Ranges of `FilterLogEvents` and streams of `GetLogEvents` under way at once: a call takes a third of a second at worst,
/// so these use up the highest quotas there are.
const RANGES: usize = 12;
pub(super) const ALONE: usize = 16;

/// What the service took in so long (in milliseconds) before the reading began is shown by either call.
const SETTLED: i64 = 5 * 60 * 1000;

/// What is left for `GetLogEvents`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Errand {
    /// A stream that is busy.
    Read(Load, TimeRange),
    /// One that is read together as well.
    Verify(usize),
}

#[derive(Debug, Default)]
struct Errands {
    left: VecDeque<Errand>,
    /// Whether no more will come.
    ended: bool,
}

/// What is known of each stream, by number.
#[derive(Default)]
pub(super) struct StreamsKnown {
    /// What `FilterLogEvents` gave.
    pub(super) together: Vec<EventSum>,
    /// What `GetLogEvents` gave of those that are read both ways.
    pub(super) alone: HashMap<usize, EventSum>,
    /// Streams that were handed to `GetLogEvents`.
    pub(super) busy: HashSet<usize>,
    /// Of those, the ones that were read, but for the proof of their ends.
    open_ends: Vec<OpenEnd>,
    /// Quiet streams to be read both ways, once they are picked.
    pub(super) both_ways: Option<HashSet<usize>>,
    /// Streams that cannot be read, with the reason.
    pub(super) unread: BTreeMap<usize, String>,
}

/// A reading of many streams.
pub(super) struct Together<'a> {
    pub(super) group: &'a CloudWatch,
    pub(super) wanted: &'a [PartRequest],
    pub(super) outlets: &'a dyn Outlets,
    pub(super) stretch: TimeRange,
    pub(super) numbers: HashMap<&'a str, usize>,
    /// What was taken in later (in milliseconds) is left out of comparisons.
    pub(super) settled: i64,
    known: Mutex<StreamsKnown>,
    errands: Mutex<Errands>,
    /// Tells those who wait for errands.
    more: Notify,
    /// Whether anything was delivered.
    begun: AtomicBool,
}

impl CloudWatch {
    /// Reads streams together.
    ///
    /// # Errors
    /// It cannot be done; and whether anything was delivered, which must be dropped then.
    pub(super) async fn read_together(
        &self,
        wanted: &[PartRequest],
        stretch: TimeRange,
        outlets: &dyn Outlets,
    ) -> Result<UnreadParts, (TogetherTrouble, bool)> {
        let names = wanted.iter().enumerate();
        let together = Together {
            group: self,
            wanted,
            outlets,
            stretch,
            numbers: names.map(|(number, it)| (&*it.part.name, number)).collect(),
            settled: self.now() - SETTLED,
            known: Mutex::new(StreamsKnown {
                together: vec![EventSum::default(); wanted.len()],
                ..StreamsKnown::default()
            }),
            errands: Mutex::default(),
            more: Notify::new(),
            begun: AtomicBool::new(false),
        };
        let result = together.run().await;
        let stopped = matches!(result, Err(TogetherTrouble::Stopped));
        match result {
            Err(trouble) if !stopped => Err((trouble, together.begun.into_inner())),
            _ => {
                (0..wanted.len()).for_each(|number| outlets.done(number));
                let known = together.known.into_inner();
                let known = known.unwrap_or_else(PoisonError::into_inner);
                Ok(known.unread.into_iter().collect())
            }
        }
    }

    /// Returns the service's time in milliseconds, as far as its answers have told.
    fn now(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
        now.saturating_sub(self.clock.ahead().unwrap_or(0).saturating_mul(1000))
    }

    fn rates(&self) -> Rates {
        let rate = |what| self.caller.rate(what).unwrap_or(1.0);
        Rates {
            get: rate(GET),
            filter: rate(FILTER),
        }
    }
}

impl Together<'_> {
    async fn run(&self) -> Result<(), TogetherTrouble> {
        let scope = StreamScope::of(self.wanted, self.group.state().part);
        let ahead = self.group.take_ahead(&scope, self.stretch)?;
        let streams = (0..self.wanted.len()).collect();
        let filter = async {
            let all = StreamsRange {
                scope,
                streams,
                from: self.stretch.from,
                to: self.stretch.to,
                expected: 0.0,
            };
            let mut result = self.read_range(all, ahead).await;
            while result.is_ok()
                && let Some(range) = self.help()
            {
                result = self.read_in_slices(vec![range]).await;
            }
            self.no_more();
            result
        };
        let get = join_all((0..ALONE).map(|_| self.run_errands())).map(Ok);
        tokio::try_join!(filter, get)?;
        let ends = std::mem::take(&mut self.known().open_ends);
        tokio::try_join!(self.prove_ends(ends), self.verify())?;
        Ok(())
    }

    pub(super) fn known(&self) -> MutexGuard<'_, StreamsKnown> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn errands(&self) -> MutexGuard<'_, Errands> {
        self.errands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, errands: impl Iterator<Item = Errand>) {
        self.errands().left.extend(errands);
        self.more.notify_waiters();
    }

    fn no_more(&self) {
        self.errands().ended = true;
        self.more.notify_waiters();
    }

    /// Reads streams by themselves until there are no more.
    async fn run_errands(&self) {
        loop {
            let waiting = self.more.notified();
            tokio::pin!(waiting);
            waiting.as_mut().enable();
            let (errand, ended) = {
                let mut errands = self.errands();
                (errands.left.pop_front(), errands.ended)
            };
            match errand {
                Some(errand) if !self.outlets.are_closed() => self.run_errand(errand).await,
                None if !ended => waiting.await,
                Some(_) | None => return,
            }
        }
    }

    pub(super) async fn run_errand(&self, errand: Errand) {
        let (number, result) = match errand {
            Errand::Read(load, stretch) => (load.stream, self.read_busy(load, stretch).await),
            Errand::Verify(number) if self.known().busy.contains(&number) => return,
            Errand::Verify(number) => (number, self.add_up(number, EndProof::Left).await),
        };
        if let Err(ReadError::Unreadable(reason)) = result {
            self.known().unread.insert(number, reason);
        }
    }

    /// Reads a stream that was handed over. Its end is proven later, with those of others.
    async fn read_busy(&self, load: Load, stretch: TimeRange) -> Result<(), ReadError> {
        self.begun.store(true, Ordering::Relaxed);
        let number = load.stream;
        let outlet = PartOutlet {
            outlets: self.outlets,
            number,
        };
        let (name, how) = (&self.wanted[number].part.name, (MANY_PAGES, EndProof::Left));
        let none = SeenEvents::default();
        let read = self
            .group
            .read_on(name, stretch, none, how, &outlet)
            .await?;
        if !read.proven {
            self.known().open_ends.push(OpenEnd {
                number,
                stretch,
                seen: read.seen,
                pages: load.pages,
            });
        }
        Ok(())
    }

    /// Takes a share of what is left for `GetLogEvents`, the quietest of the streams that nobody has begun, once there is
    /// nothing else for `FilterLogEvents` to do.
    fn help(&self) -> Option<StreamsRange> {
        let rates = self.group.rates();
        let mut errands = self.errands();
        let pages = |errand: &Errand| match errand {
            Errand::Read(load, _) => load.pages,
            Errand::Verify(_) => 0.0,
        };
        let left: f64 = errands.left.iter().map(pages).sum();
        let share = left * rates.filter / (rates.filter + rates.get);
        let (mut taken, mut range) = (0.0, None::<StreamsRange>);
        while let Some(&Errand::Read(load, stretch)) = errands.left.back() {
            let begun = range.as_ref();
            let same =
                begun.is_none_or(|range| (range.from, range.to) == (stretch.from, stretch.to));
            let full = begun.is_some_and(|range| range.streams.len() == MOST_NAMES);
            if !same || full || taken + load.pages > share {
                break;
            }
            taken += load.pages;
            errands.left.pop_back();
            let range = range.get_or_insert_with(|| StreamsRange {
                scope: StreamScope::Whole,
                streams: Vec::new(),
                from: stretch.from,
                to: stretch.to,
                expected: 0.0,
            });
            range.streams.push(load.stream);
            range.expected = taken;
        }
        let mut range = range?;
        range.scope = self.names(&range.streams);
        Some(range)
    }

    pub(super) fn names(&self, streams: &[usize]) -> StreamScope {
        let name = |&number: &usize| self.wanted[number].part.name.to_string();
        StreamScope::Names(streams.iter().map(name).collect())
    }

    /// Reads a range page by page, and deals out what is left of it once it shows to be far more than was reckoned.
    fn read_range(
        &self,
        range: StreamsRange,
        ahead: Option<Ahead>,
    ) -> BoxFuture<'_, Result<(), TogetherTrouble>> {
        async move {
            let (mut cursor, mut pages, ended) = match ahead {
                Some(ahead) => (ahead.cursor, ahead.pages, ahead.ended),
                None => {
                    let cursor = Cursor::new(range.from, range.to);
                    (cursor, VecDeque::new(), false)
                }
            };
            let mut density = Density::new(range.from);
            loop {
                // Held for a page's whole way, but no longer, whatever other ranges wait for.
                let permit = self.group.pages_together.acquire().await;
                let room = self.outlets.room(PAGE_ROOM).await;
                let (events, last) = match pages.pop_front() {
                    Some(events) => (events, ended && pages.is_empty()),
                    None => self.group.next_page(&range.scope, &mut cursor).await?,
                };
                density.add(&events, |stream| self.numbers.get(stream).copied());
                let left = density.pages_left(range.to).map_or(0.0, |left| left.pages);
                self.pick(|number| density.share(number) * left < QUIET_PAGES);
                if last || !pages.is_empty() || !cursor.is_ordered() {
                    self.deliver(events).await?;
                } else {
                    match self.deal_out(&range, &density) {
                        None => self.deliver(events).await?,
                        Some((cut, ranges)) => {
                            let before = |it: &GroupEvent| it.event.timestamp < cut;
                            let deliver = async {
                                let events = events.into_iter().filter(before);
                                self.deliver(events.collect()).await?;
                                drop((room, permit));
                                Ok(())
                            };
                            let read = self.read_in_slices(ranges);
                            return tokio::try_join!(deliver, read).map(drop);
                        }
                    }
                }
                if last {
                    return Ok(());
                }
            }
        }
        .boxed()
    }

    /// Reckons what is left of a range. If it is much, streams are handed to `GetLogEvents`, and the timestamp from which
    /// on the rest is to be read is returned with the ranges that it is read in.
    fn deal_out(
        &self,
        range: &StreamsRange,
        density: &Density,
    ) -> Option<(i64, Vec<StreamsRange>)> {
        let left = density.pages_left(range.to)?;
        if left.pages <= FEW_PAGES.max(2.0 * range.expected) {
            return None;
        }
        let loads = {
            let known = self.known();
            let both_ways = known.both_ways.as_ref();
            let load = |&stream: &usize| Load {
                stream,
                pages: density.share(stream) * left.pages,
                stays: both_ways.is_some_and(|picked| picked.contains(&stream)),
            };
            range.streams.iter().map(load).collect::<Vec<Load>>()
        };
        let others = density.share_of_others() * left.pages;
        let rates = self.group.rates();
        let split = Split::of(loads, others, rates);
        let cut = left.from;
        let most = slices_each(split.batches.len(), rates.filter);
        let all = |scope: StreamScope, streams: Vec<usize>, pages: f64| {
            let slices = side_by_side((cut, range.to), pages, most);
            let each = pages / slices.len() as f64;
            let slice = move |(from, to)| StreamsRange {
                scope: scope.clone(),
                streams: streams.clone(),
                from: Some(from),
                to,
                expected: each,
            };
            slices.into_iter().map(slice)
        };
        if split.is_whole() {
            let ranges = all(range.scope.clone(), range.streams.clone(), left.pages);
            let ranges: Vec<StreamsRange> = ranges.collect();
            return (ranges.len() > 1).then_some((cut, ranges));
        }
        let mut ranges = Vec::new();
        for batch in &split.batches {
            let streams: Vec<usize> = batch.iter().map(|load| load.stream).collect();
            let pages = batch.iter().map(|load| load.pages).sum();
            ranges.extend(all(self.names(&streams), streams, pages));
        }
        tracing::debug!(
            pages = left.pages,
            alone = split.alone.len(),
            ranges = ranges.len(),
            "dealing out what is left of a range"
        );
        let stretch = match range.to == self.stretch.to {
            true => TimeRange {
                from: Some(cut),
                ..self.stretch
            },
            false => TimeRange::between(cut, range.to),
        };
        self.known()
            .busy
            .extend(split.alone.iter().map(|load| load.stream));
        self.push(
            split
                .alone
                .into_iter()
                .map(|load| Errand::Read(load, stretch)),
        );
        Some((cut, ranges))
    }

    async fn read_in_slices(&self, ranges: Vec<StreamsRange>) -> Result<(), TogetherTrouble> {
        stream::iter(ranges.into_iter().map(Ok))
            .try_for_each_concurrent(RANGES, |range| self.read_range(range, None))
            .await
    }

    /// Delivers the events of a page, those of streams that are not wanted left out.
    async fn deliver(&self, events: Vec<GroupEvent>) -> Result<(), TogetherTrouble> {
        let mut pieces: BTreeMap<usize, Vec<Event>> = BTreeMap::new();
        {
            let mut known = self.known();
            for GroupEvent { stream, event } in events {
                let Some(&number) = self.numbers.get(stream.as_str()) else {
                    continue;
                };
                if !known.unread.contains_key(&number) {
                    known.together[number].add(&event, self.settled);
                    pieces.entry(number).or_default().push(event);
                }
            }
        }
        if pieces.is_empty() {
            return Ok(());
        }
        self.begun.store(true, Ordering::Relaxed);
        let pieces = pieces.into_iter();
        let pieces = pieces.map(|(number, events)| (number, Content::Events(events)));
        for (number, error) in self.outlets.deliver(pieces.collect()).await {
            match error {
                ReadError::Unreadable(reason) => drop(self.known().unread.insert(number, reason)),
                ReadError::Stopped => return Err(TogetherTrouble::Stopped),
            }
        }
        Ok(())
    }
}

/// Events of these streams in `[from, to)`.
#[derive(Debug)]
struct StreamsRange {
    scope: StreamScope,
    streams: Vec<usize>,
    from: Option<i64>,
    to: i64,
    /// The pages that were reckoned.
    expected: f64,
}
