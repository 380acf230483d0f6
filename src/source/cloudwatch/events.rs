//! The events of a stream, page by page; a busy stretch in several slices at once.

use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatchlogs::operation::get_log_events::GetLogEventsOutput;
use aws_sdk_cloudwatchlogs::types::OutputLogEvent;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt, stream};

use super::{CloudWatch, EXPORT};
use crate::decode::{Content, Event};
use crate::source::aws::Failure;
use crate::source::{Outlet, ReadError};
use crate::window::Window;

/// A page as the service limits it: so many events ...
const PAGE_EVENTS: f64 = 10_000.0;
/// ... or so many bytes.
const PAGE_BYTES: f64 = 1_048_576.0;
/// What the service counts for an event beside its message.
const EVENT_BYTES: usize = 26;

/// The memory of a page: the answer's text and the events read out of it.
const PAGE_ROOM: u64 = 4 << 20;

/// A stretch with more pages to come than this is read in slices ...
const MANY_PAGES: f64 = 30.0;
/// ... of about so many pages: each slice costs a call more than its pages, to see that it has ended ...
const SLICE_PAGES: f64 = 20.0;
/// ... and not more than so many: one after the other, pages come in a third of a second at worst, so that these
/// use up the highest quota there is.
const MOST_SLICES: i64 = 8;

/// Events are accepted up to two hours ahead of the clock (API reference "PutLogEvents").
const AHEAD: Duration = Duration::from_secs(2 * 60 * 60);

/// A half-open stretch of event timestamps in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    /// `None` is the beginning of the stream.
    from: Option<i64>,
    to: i64,
}

impl Stretch {
    fn contains(&self, timestamp: i64) -> bool {
        self.from.is_none_or(|from| from <= timestamp) && timestamp < self.to
    }
}

/// How far a stretch has been read, for asking again from there.
#[derive(Debug, Default)]
struct Seen {
    /// The latest timestamp, and how many events have it.
    last: Option<(i64, usize)>,
    /// Events still to be passed over, because they were seen before it was asked again.
    again: usize,
    /// Whether it was asked again and nothing new has come since.
    confirmed: bool,
}

impl Seen {
    /// Takes off the events that were seen before, and takes note of the others.
    fn take_off(&mut self, events: &mut Vec<Event>) {
        let known = self.last.map(|(timestamp, _)| timestamp);
        events.retain(|event| {
            let before = self.again > 0 && Some(event.timestamp) == known;
            self.again -= usize::from(before);
            !before
        });
        for event in &*events {
            self.confirmed = false;
            match &mut self.last {
                Some((last, count)) if event.timestamp == *last => *count += 1,
                Some((last, _)) if event.timestamp < *last => {}
                last => *last = Some((event.timestamp, 1)),
            }
        }
    }

    /// Returns what to ask for to see whether the stretch has ended; `None` if that has been confirmed.
    fn ask_again(&mut self, stretch: Stretch) -> Option<Stretch> {
        if std::mem::replace(&mut self.confirmed, true) {
            return None;
        }
        self.again = self.last.map_or(0, |(_, count)| count);
        let from = self.last.map(|(timestamp, _)| timestamp);
        Some(Stretch {
            from: from.or(stretch.from),
            to: stretch.to,
        })
    }
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
        Ok(())
    }

    /// Reads one stretch, and what is left of it in slices once a page shows that there are `many` to come.
    fn read_stretch<'a>(
        &'a self,
        stream: &'a str,
        stretch: Stretch,
        many: f64,
        outlet: &'a dyn Outlet,
    ) -> BoxFuture<'a, Result<(), ReadError>> {
        async move {
            let mut token = None;
            let mut since = stretch.from;
            let (mut asked, mut seen) = (stretch, Seen::default());
            loop {
                // Held for a page's whole way, but never while slices are waited for.
                let permit = self.pages.acquire().await;
                let room = outlet.room(PAGE_ROOM).await;
                let page = self.page(stream, asked, token.clone()).await?;
                // The only sign of the end: pages may be short or empty while there is more.
                let next = page.next_forward_token;
                let ended = next.is_none() || next == token;
                token = next;
                let mut events = events_in(asked, page.events.unwrap_or_default());
                seen.take_off(&mut events);
                // A later look believes nothing, not even the order of pages.
                let cut = if ended || self.looks_again() {
                    Slices::default()
                } else {
                    slices(since, stretch.to, &events, many)
                };
                since = events.last().map(|event| event.timestamp).or(since);
                if let Some(slice) = cut.slices.first() {
                    // More events of the last timestamp may follow: the first slice reads them all.
                    events.retain(|event| slice.from.is_none_or(|from| event.timestamp < from));
                }
                if !events.is_empty() {
                    outlet.deliver(Content::Events(events)).await?;
                }
                drop((room, permit));
                if !cut.slices.is_empty() {
                    tracing::debug!(stream, slices = cut.slices.len(), "reading in slices");
                    return stream::iter(cut.slices.into_iter().map(Ok))
                        .try_for_each_concurrent(None, |slice| {
                            self.read_stretch(stream, slice, cut.many, outlet)
                        })
                        .await;
                }
                if ended {
                    // A service that sends the same token too early cannot be told from one whose stream has ended. What
                    // it kept back looks missing, so whoever looks again also asks again, from where it has ended.
                    match seen.ask_again(stretch) {
                        Some(rest) if self.looks_again() => (asked, token) = (rest, None),
                        _ => return Ok(()),
                    }
                }
            }
        }
        .boxed()
    }

    async fn page(
        &self,
        stream: &str,
        stretch: Stretch,
        token: Option<String>,
    ) -> Result<GetLogEventsOutput, ReadError> {
        let (name, identifier) = self.identity();
        let call = self
            .client
            .get_log_events()
            .set_log_group_name(name)
            .set_log_group_identifier(identifier)
            .log_stream_name(stream)
            .start_from_head(true)
            .set_start_time(stretch.from)
            .end_time(stretch.to)
            .set_next_token(token);
        self.call("GetLogEvents", || call.clone().send())
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
            _ if failure.is_denied() => {
                format!("denied: needs `logs:GetLogEvents` ({})", failure.text())
            }
            _ => failure.text_and_advice(self.side),
        }
    }
}

fn events_in(stretch: Stretch, events: Vec<OutputLogEvent>) -> Vec<Event> {
    let events = events.into_iter().filter_map(|event| {
        Some(Event {
            timestamp: event.timestamp?,
            message: event.message?,
            ingested: event.ingestion_time,
        })
    });
    // Servers differ on whether the end of the range belongs to it.
    events
        .filter(|event| stretch.contains(event.timestamp))
        .collect()
}

/// Returns the end of what can be in a stream by now, in milliseconds. A range needs an end: without one, the
/// reading of a stream that is being written to might never stop.
fn latest() -> i64 {
    let now = SystemTime::now()
        .checked_add(AHEAD)
        .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// Turns windows on `start` into stretches of timestamps. Windows that touch, or that do once a
/// spare minute is added to each, become one.
fn stretches(starts: &[Window], latest: i64) -> Vec<Stretch> {
    let all = [Window::ALL];
    let starts = if starts.is_empty() { &all } else { starts };
    let mut wide: Vec<Stretch> = starts
        .iter()
        .map(|window| {
            let (from, to) = window.event_millis();
            Stretch {
                from,
                to: to.unwrap_or(latest),
            }
        })
        .filter(|stretch| stretch.from.is_none_or(|from| from < stretch.to))
        .collect();
    wide.sort_by_key(|stretch| stretch.from);
    let mut merged: Vec<Stretch> = Vec::new();
    for stretch in wide {
        match merged.last_mut() {
            Some(last) if stretch.from.is_none_or(|from| from <= last.to) => {
                last.to = last.to.max(stretch.to);
            }
            _ => merged.push(stretch),
        }
    }
    merged
}

/// What is left of a stretch, to be read at once.
#[derive(Debug, Default, PartialEq)]
struct Slices {
    /// Disjoint, one right after the other; none if going on page by page will do.
    slices: Vec<Stretch>,
    /// With more pages to come than this, a slice is cut again: it holds far more than its share.
    many: f64,
}

/// Cuts what is left of a stretch after a page into slices, if there are more than `many` pages; `since` is how far it had been
/// read before the page, `to` its end. The slices begin with the page's last timestamp, so what comes
/// before that must be complete: pages give the earliest events first (API reference "GetLogEvents",
/// `startFromHead`).
fn slices(since: Option<i64>, to: i64, events: &[Event], many: f64) -> Slices {
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Slices::default();
    };
    let ordered = events.is_sorted_by_key(|event| event.timestamp);
    let cut = last.timestamp;
    let begin = since.map_or(first.timestamp, |since| since.min(first.timestamp));
    let (read, left) = (cut - begin, to - cut);
    if !ordered || first.timestamp == cut || left <= 0 {
        return Slices::default();
    }
    let bytes: usize = events
        .iter()
        .map(|event| event.message.len() + EVENT_BYTES)
        .sum();
    let pages = (events.len() as f64 / PAGE_EVENTS).max(bytes as f64 / PAGE_BYTES);
    let pages = pages * left as f64 / read as f64;
    if pages <= many {
        return Slices::default();
    }
    // No slice shorter than a second, for timestamps are whole seconds.
    let most = MOST_SLICES.min(left / 1000);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "saturates, and is bounded on both sides"
    )]
    let count = ((pages / SLICE_PAGES) as i64).min(most);
    if count < 2 {
        return Slices::default();
    }
    let at = |n: i64| cut + left / count * n;
    let slice = |n: i64| Stretch {
        from: Some(at(n)),
        to: if n + 1 == count { to } else { at(n + 1) },
    };
    Slices {
        slices: (0..count).map(slice).collect(),
        many: (2.0 * pages / count as f64).max(MANY_PAGES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(count: i64, from: i64, apart: i64) -> Vec<Event> {
        (0..count)
            .map(|n| Event {
                timestamp: from + n * apart,
                message:
                    "2 111122223333 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1 2 ACCEPT OK"
                        .into(),
                ingested: None,
            })
            .collect()
    }

    fn stretch(from: i64, to: i64) -> Stretch {
        Stretch {
            from: Some(from),
            to,
        }
    }

    #[test]
    fn windows_become_disjoint_stretches() {
        let s = |from: i64, to: i64| stretch(from * 1000, to * 1000);
        let open = Window::ALL;
        for (windows, expected) in [
            (&[Window::new(600, 900)][..], vec![s(540, 960)]),
            (
                &[Window::new(600, 900), Window::new(900, 1200)],
                vec![s(540, 1260)],
            ),
            (
                &[Window::new(600, 900), Window::new(1020, 1320)],
                vec![s(540, 1380)],
            ),
            (
                &[Window::new(600, 900), Window::new(1200, 1500)],
                vec![s(540, 960), s(1140, 1560)],
            ),
            (
                &[open],
                vec![Stretch {
                    from: None,
                    to: 9_000_000,
                }],
            ),
            (
                &[],
                vec![Stretch {
                    from: None,
                    to: 9_000_000,
                }],
            ),
            (&[Window::new(20_000, 30_000)], vec![s(19_940, 30_060)]),
            (
                &[Window {
                    start: Some(20_000),
                    end: None,
                }],
                vec![],
            ),
        ] {
            assert_eq!(stretches(windows, 9_000_000), expected, "{windows:?}");
        }
    }

    #[test]
    fn what_was_seen_is_asked_for_again_and_passed_over() {
        let mut seen = Seen::default();
        let page = |seen: &mut Seen, timestamps: &[i64]| {
            let mut page: Vec<Event> = timestamps.iter().flat_map(|&at| events(1, at, 0)).collect();
            seen.take_off(&mut page);
            page.iter().map(|event| event.timestamp).collect::<Vec<_>>()
        };
        let whole = stretch(0, 100);
        assert_eq!(page(&mut seen, &[1, 7, 7]), [1, 7, 7]);
        assert_eq!(page(&mut seen, &[7, 5]), [7, 5]);
        assert_eq!(seen.ask_again(whole), Some(stretch(7, 100)));
        // Three of these were seen.
        assert!(page(&mut seen, &[7, 7]).is_empty());
        assert_eq!(page(&mut seen, &[7, 7, 9]), [7, 9]);
        assert_eq!(seen.ask_again(whole), Some(stretch(9, 100)));
        assert!(page(&mut seen, &[9]).is_empty());
        assert_eq!(seen.ask_again(whole), None);
        // Nothing at all is asked for twice too.
        let mut seen = Seen::default();
        assert_eq!(seen.ask_again(whole), Some(whole));
        assert_eq!(seen.ask_again(whole), None);
    }

    fn cut(since: Option<i64>, to: i64, events: &[Event]) -> Vec<Stretch> {
        slices(since, to, events, MANY_PAGES).slices
    }

    #[test]
    fn long_stretches_are_cut_without_gap_or_overlap() {
        let hours = 4 * 3_600_000;
        // 10,000 events in 100 s: 144 pages in four hours.
        let cut = slices(Some(0), hours, &events(10_000, 0, 10), MANY_PAGES);
        let slices = &cut.slices;
        assert_eq!(slices.len(), 7);
        assert!((cut.many - 2.0 * 143.0 / 7.0).abs() < 0.1, "{}", cut.many);
        assert_eq!(slices.first().unwrap().from, Some(99_990));
        assert_eq!(slices.last().unwrap().to, hours);
        let joined = |pair: &[Stretch]| pair[1].from == Some(pair[0].to);
        assert!(slices.windows(2).all(joined));
        assert!(slices.iter().all(|slice| slice.from.unwrap() < slice.to));
        // Dense to the utmost: not more than eight.
        let dense = super::slices(Some(0), hours, &events(10_000, 0, 1), MANY_PAGES);
        assert_eq!(dense.slices.len(), 8);
        // A slice that holds its share is not cut again, one that holds far more is.
        let (from, to) = (dense.slices[3].from, dense.slices[3].to);
        let page = |apart| events(10_000, from.unwrap(), apart);
        assert_eq!(super::slices(from, to, &page(1), dense.many).slices, []);
        assert_eq!(super::slices(from, to, &page(10), dense.many).slices, []);
        assert_ne!(
            super::slices(
                from,
                from.unwrap() + 10 * (to - from.unwrap()),
                &page(1),
                dense.many
            )
            .slices,
            []
        );
    }

    #[test]
    fn short_stretches_are_not_cut() {
        let hour = 3_600_000;
        for (count, apart) in [(10_000, 20), (10, 1000), (1, 1), (10_000, 0), (0, 0)] {
            let page = events(count, 0, apart);
            assert_eq!(cut(Some(0), hour, &page), [], "{count} {apart}");
        }
        // A page out of order shows nothing.
        let mut page = events(10_000, 0, 1);
        page.swap(0, 5000);
        assert_eq!(cut(Some(0), hour, &page), []);
        // A few seconds cannot be cut into many.
        assert_eq!(cut(Some(0), 2_500, &events(10_000, 0, 0)), []);
    }

    #[test]
    fn an_open_beginning_counts_from_the_first_event() {
        let begin = 1_700_000_000_000;
        let end = begin + 4 * 3_600_000;
        assert_eq!(cut(None, end, &events(10_000, begin, 10)).len(), 7);
        assert_eq!(cut(None, end, &events(10_000, begin, 100)), []);
        // A quiet beginning counts as read.
        let quiet = Some(begin - 4 * 3_600_000);
        assert_eq!(cut(quiet, end, &events(10_000, begin, 10)), []);
    }
}
