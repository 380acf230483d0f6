//! Slices: what is left of a busy stretch, read in several places at once.

use super::stretch::TimeRange;
use crate::decode::Event;

/// A page as the service limits it: so many events ...
const PAGE_EVENTS: f64 = 10_000.0;
/// ... or so many bytes.
const PAGE_BYTES: f64 = 1_048_576.0;
/// What the service counts for an event beside its message.
const EVENT_BYTES: usize = 26;

/// A stretch with more pages to come than this is read in slices ...
pub(super) const MANY_PAGES: f64 = 30.0;
/// ... of about so many pages: each slice costs a call more than its pages, to see that it has ended ...
const SLICE_PAGES: f64 = 20.0;
/// ... and not more than so many: one after the other, pages come in a third of a second at worst, so that these
/// use up the highest quota there is.
const MOST_SLICES: i64 = 8;

/// What is left of a stretch, to be read at once.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Slices {
    /// Disjoint, one right after the other; none if going on page by page will do.
    pub(super) slices: Vec<TimeRange>,
    /// With more pages to come than this, a slice is cut again: it holds far more than its share.
    pub(super) many: f64,
}

/// Returns how much of a page the events take up, by the service's limits.
pub(super) fn pages(events: &[Event]) -> f64 {
    let bytes: usize = events
        .iter()
        .map(|event| event.message.len() + EVENT_BYTES)
        .sum();
    (events.len() as f64 / PAGE_EVENTS).max(bytes as f64 / PAGE_BYTES)
}

/// Cuts what is left of a stretch after a page into slices, if there are more than `many` pages; `since` is how far it had been
/// read before the page. The slices begin with the page's last timestamp, so what comes
/// before that must be complete: pages give the earliest events first (API reference "GetLogEvents",
/// `startFromHead`).
pub(super) fn slices(
    since: Option<i64>,
    stretch: TimeRange,
    events: &[Event],
    many: f64,
) -> Slices {
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Slices::default();
    };
    let ordered = events.is_sorted_by_key(|event| event.timestamp);
    let cut = last.timestamp;
    let begin = since.map_or(first.timestamp, |since| since.min(first.timestamp));
    let (read, left) = (cut - begin, stretch.to - cut);
    if !ordered || first.timestamp == cut || left <= 0 {
        return Slices::default();
    }
    let pages = pages(events) * left as f64 / read as f64;
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
    let slice = |n: i64| {
        if n + 1 < count {
            return TimeRange::between(at(n), at(n + 1));
        }
        TimeRange {
            from: Some(at(n)),
            far: stretch.near,
            ..stretch
        }
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

    fn slices(since: Option<i64>, to: i64, events: &[Event], many: f64) -> Slices {
        let stretch = TimeRange {
            from: None,
            to,
            passed: to - 60_000,
            near: to,
            far: to + 600_000,
        };
        super::slices(since, stretch, events, many)
    }

    fn cut(since: Option<i64>, to: i64, events: &[Event]) -> Vec<TimeRange> {
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
        let last = slices.last().unwrap();
        assert_eq!((last.to, last.passed), (hours, hours - 60_000));
        let joined = |pair: &[TimeRange]| pair[1].from == Some(pair[0].to);
        assert!(slices.windows(2).all(joined));
        assert!(slices.iter().all(|slice| slice.from.unwrap() < slice.to));
        // Nobody reads ten minutes more for nothing.
        assert!(slices.iter().all(|slice| slice.far <= slice.to + 1000));
        // Dense to the utmost: not more than eight.
        let dense = self::slices(Some(0), hours, &events(10_000, 0, 1), MANY_PAGES);
        assert_eq!(dense.slices.len(), 8);
        // A slice that holds its share is not cut again, one that holds far more is.
        let (from, to) = (dense.slices[3].from, dense.slices[3].to);
        let page = |apart| events(10_000, from.unwrap(), apart);
        assert_eq!(self::slices(from, to, &page(1), dense.many).slices, []);
        assert_eq!(self::slices(from, to, &page(10), dense.many).slices, []);
        assert_ne!(
            self::slices(
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
