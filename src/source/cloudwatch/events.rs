//! The events of a stream, page by page; a busy stretch in several slices at once.

use aws_sdk_cloudwatchlogs::operation::get_log_events::GetLogEventsOutput;
use aws_sdk_cloudwatchlogs::operation::get_log_events::builders::GetLogEventsFluentBuilder;
use aws_sdk_cloudwatchlogs::types::OutputLogEvent;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt, stream};
use hashbrown::HashSet;

use super::quotas::GET;
use super::seen::{Copies, FULL, SeenEvents};
use super::slices::{MANY_PAGES, Slices, pages, slices};
use super::stretch::{RangeRequest, TimeRange, latest, stretches};
use super::{CloudWatch, EXPORT};
use crate::decode::{Content, Event};
use crate::model::window::Window;
use crate::source::aws::Failure;
use crate::source::{Outlet, ReadError};

/// The memory of a page: the answer's text and the events read out of it.
const PAGE_ROOM: u64 = 4 << 20;

/// A stream whose first page is so full is a busy one.
const BUSY: f64 = 0.5;

/// So often it is asked again from where a stream is said to have ended, if that brings nothing.
const BARREN: u32 = 3;

/// So many pages in a row without an event end the reading of a stream. The service skips what has expired page by page,
/// and has been seen to go on so for ever.
const EMPTY_PAGES: u32 = 250;

/// The most events that may be asked for at once (API reference "GetLogEvents", `limit`).
const MOST_EVENTS: i32 = 10_000;

/// How pages follow one another.
#[derive(Default)]
struct Tokens {
    sent: Option<String>,
    /// All that were sent since it was asked without one.
    before: HashSet<String>,
}

impl Tokens {
    /// Takes the token of an answer; tells whether it is the sign of the end.
    fn take(&mut self, next: Option<String>) -> Result<bool, ReadError> {
        // The only sign there is: pages may be short or empty while there is more.
        let Some(next) = next.filter(|next| Some(next) != self.sent.as_ref()) else {
            return Ok(true);
        };
        if !self.before.insert(next.clone()) {
            return Err(ReadError::Unreadable(
                "its pages go in circles: a token came again that is not the last one".to_owned(),
            ));
        }
        self.sent = Some(next);
        Ok(false)
    }
}

/// What shows that all of a stretch has been read, where no event after it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndProof {
    /// The newest events of the stream.
    Newest,
    /// Something that whoever has the stretch read asks for.
    Left,
}

/// How far a stretch was read.
pub(super) struct StretchRead {
    pub(super) seen: SeenEvents,
    /// Whether it is known that all of it was; if not, [`EndProof::Left`] was asked for.
    pub(super) proven: bool,
}

impl CloudWatch {
    /// Reads a stream and delivers its events, each exactly once, page by page and in no promised
    /// order of pages. No windows at all are taken as all of time.
    pub(super) async fn read_stream(
        &self,
        stream: &str,
        starts: &[Window],
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        for stretch in stretches(starts, latest()) {
            self.read_stretch(stream, stretch, MANY_PAGES, outlet)
                .await?;
        }
        match self.state().distrusted.get(stream) {
            Some(reason) => Err(ReadError::Unreadable(reason.clone())),
            None => Ok(()),
        }
    }

    /// Reads one stretch, and what is left of it in slices once a page shows that there are `many` to come.
    pub(super) fn read_stretch<'a>(
        &'a self,
        stream: &'a str,
        stretch: TimeRange,
        many: f64,
        outlet: &'a dyn Outlet,
    ) -> BoxFuture<'a, Result<(), ReadError>> {
        let how = (many, EndProof::Newest);
        let read = self.read_on(stream, stretch, SeenEvents::default(), how, outlet);
        async move { read.await.map(drop) }.boxed()
    }

    /// The same of a stretch of which these events have been delivered.
    pub(super) async fn read_on(
        &self,
        stream: &str,
        stretch: TimeRange,
        mut seen: SeenEvents,
        (many, proof): (f64, EndProof),
        outlet: &dyn Outlet,
    ) -> Result<StretchRead, ReadError> {
        let all = |seen| StretchRead { seen, proven: true };
        // A later look believes nothing, not even the order of pages.
        let orderly = !self.looks_again();
        let begins = seen.latest().is_none();
        let to = [stretch.near, stretch.far][usize::from(orderly && begins)];
        let (mut asked, mut since) = (seen.go_on(stretch, to), seen.latest().or(stretch.from));
        let (mut tokens, mut barren) = (Tokens::default(), 0);
        let (mut ordered, mut newest_known, mut empty) = (orderly, false, 0);
        loop {
            // Held for a page's whole way, but never while slices are waited for.
            let permit = self.pages.acquire().await;
            let room = outlet.room(PAGE_ROOM).await;
            let page = self.page(stream, asked, tokens.sent.clone()).await?;
            let ended = tokens.take(page.next_forward_token)?;
            let page = page.events.unwrap_or_default();
            empty = if page.is_empty() { empty + 1 } else { 0 };
            let mut events = events_in(asked, page);
            let (busy, short) = (pages(&events) > BUSY, pages(&events) < FULL);
            let first = events.first().map(|event| event.timestamp);
            ordered &= first.is_none_or(|first| seen.latest() <= Some(first))
                && events.is_sorted_by_key(|event| event.timestamp);
            let others = match seen.doubtful(&events) {
                Some(at) => self.others_at(stream, at, &mut seen).await?,
                None => Vec::new(),
            };
            if seen.drop_seen(&mut events) || !others.is_empty() {
                barren = 0;
            }
            events.splice(..0, others);
            events.retain(|event| stretch.contains(event.timestamp));
            let cut = if ended || !orderly {
                Slices::default()
            } else {
                slices(since, stretch, &events, many)
            };
            since = events.last().map(|event| event.timestamp).or(since);
            if let Some(slice) = cut.slices.first() {
                // More events of the last timestamp may follow: the first slice reads them all.
                events.retain(|event| slice.from.is_none_or(|from| event.timestamp < from));
            }
            if !events.is_empty() {
                outlet.deliver(Content::Events(events)).await?;
            }
            if !cut.slices.is_empty() {
                drop((room, permit));
                tracing::debug!(stream, slices = cut.slices.len(), "reading in slices");
                let slices = stream::iter(cut.slices.into_iter().map(Ok));
                let read = slices.try_for_each_concurrent(None, |slice| {
                    self.read_stretch(stream, slice, cut.many, outlet)
                });
                return read.await.map(|()| all(seen));
            }
            if ended {
                if seen.has_passed(stretch) || self.is_all(stream, stretch, &seen).await? {
                    return Ok(all(seen));
                }
                if barren == BARREN {
                    return Err(ReadError::Unreadable(
                        "its end cannot be told: the service says that it is reached, and shows later events when it \
                         is asked for the newest"
                            .to_owned(),
                    ));
                }
                barren += 1;
                tracing::info!(
                    stream,
                    "the end was told too early: asking again from there"
                );
                (asked, tokens) = (seen.go_on(stretch, stretch.near), Tokens::default());
            } else if empty == EMPTY_PAGES {
                if seen.latest().is_some() && self.is_all(stream, stretch, &seen).await? {
                    return Ok(all(seen));
                }
                return Err(ReadError::Unreadable(format!(
                    "its pages never come to an end: {EMPTY_PAGES} in a row were empty"
                )));
            } else if ordered && seen.latest() >= Some(stretch.to) {
                // The earliest come first, so nothing before it is left.
                return Ok(all(seen));
            } else if ordered && short && !newest_known && seen.latest().is_some() {
                if proof == EndProof::Left {
                    let proven = false;
                    return Ok(StretchRead { seen, proven });
                }
                // What proves the end is asked for instead of the sign of it. Where nothing was seen nothing can.
                newest_known = true;
                if self.is_all(stream, stretch, &seen).await? {
                    return Ok(all(seen));
                }
            } else if busy && asked.to > stretch.near && seen.latest() < Some(stretch.near) {
                // What comes after the stretch would be pages of it.
                (asked, tokens) = (seen.go_on(stretch, stretch.near), Tokens::default());
            }
        }
    }

    /// Tells whether what was seen is all there is of the stretch: asked for the newest events, the service shows none
    /// that were not seen. A second witness beside the token: one that comes back too early looks like the end.
    async fn is_all(
        &self,
        stream: &str,
        stretch: TimeRange,
        seen: &SeenEvents,
    ) -> Result<bool, ReadError> {
        let newest = RangeRequest {
            from: seen.latest().or(stretch.from),
            to: stretch.to,
        };
        let one_more = i32::try_from(seen.of_latest()).unwrap_or(MOST_EVENTS);
        let call = self
            .range(stream, newest)
            .start_from_head(false)
            .limit(one_more.saturating_add(1).min(MOST_EVENTS));
        let page = self.events(call).await?;
        Ok(seen.is_all(&events_in(newest, page.events.unwrap_or_default())))
    }

    /// Asks for one timestamp alone, and returns its events that were not seen yet.
    async fn others_at(
        &self,
        stream: &str,
        at: i64,
        seen: &mut SeenEvents,
    ) -> Result<Vec<Event>, ReadError> {
        let unreadable = |why: &str| ReadError::Unreadable(format!("{why} at {at} ms"));
        let asked = RangeRequest {
            from: Some(at),
            to: at.saturating_add(1),
        };
        let (mut tokens, mut before, mut others) =
            (Tokens::default(), Copies::default(), Vec::new());
        let mut known = seen.messages();
        loop {
            let page = self.page(stream, asked, tokens.sent.clone()).await?;
            let ended = tokens.take(page.next_forward_token)?;
            let events = events_in(asked, page.events.unwrap_or_default());
            if events.iter().any(|event| before.has(event)) {
                return Err(unreadable(
                    "whether pages repeat an event or there are two of it cannot be told: more than fit into a page are",
                ));
            }
            events.iter().for_each(|event| before.add(event));
            let new = events.into_iter().filter(|event| !known.remove(event));
            others.extend(new);
            if ended {
                break;
            }
        }
        if !known.is_empty() {
            return Err(unreadable(
                "its pages have more copies of an event than the service shows when it is asked for them alone",
            ));
        }
        tracing::debug!(
            stream,
            at,
            others = others.len(),
            "asked for one timestamp alone"
        );
        seen.complete(&others);
        Ok(others)
    }

    async fn page(
        &self,
        stream: &str,
        asked: RangeRequest,
        token: Option<String>,
    ) -> Result<GetLogEventsOutput, ReadError> {
        let call = self.range(stream, asked).start_from_head(true);
        self.events(call.set_next_token(token)).await
    }

    fn range(&self, stream: &str, asked: RangeRequest) -> GetLogEventsFluentBuilder {
        let (name, identifier) = self.named();
        self.client
            .get_log_events()
            .set_log_group_name(name)
            .set_log_group_identifier(identifier)
            .log_stream_name(stream)
            .set_start_time(asked.from)
            .end_time(asked.to)
            .set_unmask(self.unmask())
    }

    async fn events(
        &self,
        call: GetLogEventsFluentBuilder,
    ) -> Result<GetLogEventsOutput, ReadError> {
        self.call(GET, || call.clone().send())
            .await
            .map_err(|failure| ReadError::Unreadable(self.reason(&failure)))
    }

    /// Says why a stream cannot be read.
    fn reason(&self, failure: &Failure) -> String {
        match failure.code.as_str() {
            "ResourceNotFoundException" => "vanished since it was listed".to_owned(),
            "InvalidOperationException" => format!(
                "{}; if the log group is of the Infrequent Access class, {EXPORT}",
                failure.text()
            ),
            _ if failure.is_denied() && self.options.unmask => format!(
                "denied: needs `logs:GetLogEvents`, and `logs:Unmask` for `--cwl-unmask` ({})",
                failure.text()
            ),
            _ if failure.is_denied() => {
                format!("denied: needs `logs:GetLogEvents` ({})", failure.text())
            }
            _ => failure.text_and_advice(self.side),
        }
    }
}

fn events_in(asked: RangeRequest, events: Vec<OutputLogEvent>) -> Vec<Event> {
    let events = events.into_iter().filter_map(|event| {
        Some(Event {
            timestamp: event.timestamp?,
            message: event.message?,
            ingested: event.ingestion_time,
        })
    });
    // Servers differ on whether the end of the range belongs to it.
    let within = |at: i64| asked.from.is_none_or(|from| from <= at) && at < asked.to;
    events.filter(|event| within(event.timestamp)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_token_is_the_end_and_an_earlier_one_a_circle() {
        let take = |tokens: &mut Tokens, token: &str| tokens.take(Some(token.to_owned()));
        let mut tokens = Tokens::default();
        assert!(!take(&mut tokens, "a").unwrap());
        assert!(!take(&mut tokens, "b").unwrap());
        assert!(take(&mut tokens, "b").unwrap());
        assert!(
            take(&mut tokens, "a")
                .unwrap_err()
                .to_string()
                .contains("circles")
        );
        assert!(tokens.take(None).unwrap());
    }
}
