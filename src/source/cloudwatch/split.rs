//! Which streams of a range are read together and which one by one: plain reckoning.
//!
//! `FilterLogEvents` gives a page of whatever is there, so a thousand quiet streams cost as many calls as their bytes
//! fill pages; but what it leaves out can only be said by naming at most a hundred streams a call. `GetLogEvents` costs
//! a call for each page of one stream; that these were all is shown by `FilterLogEvents`, of a hundred streams in a call. Both
//! have a quota of their own: the streams that fill pages go to the second, the busiest first, until both take the same time.

/// `FilterLogEvents` takes so many names (API reference, `logStreamNames`).
pub(super) const MOST_NAMES: usize = 100;

/// A stream that fills less than this of a page is not worth a call of its own, even where it is to be had.
const FULL: f64 = 0.1;

/// Each slice of a batch ends with a page that is half full.
const LAST_PAGE: f64 = 0.5;

/// The time saved must be more than this share of the whole.
const WORTH: f64 = 0.1;

/// A stream, and the pages of it that are left in the range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    /// Its number.
    pub(super) stream: usize,
    /// As far as what has come tells.
    pub(super) pages: f64,
    /// Whether it is read by both calls, to compare them, so that it is not to be handed over.
    pub(super) stays: bool,
}

/// Calls a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) get: f64,
    pub(super) filter: f64,
}

/// How a range is read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Split {
    /// Streams for `GetLogEvents`, the busiest first.
    pub(super) alone: Vec<Load>,
    /// Batches of streams for `FilterLogEvents`; none if all is read in one, by whatever names the group's streams.
    pub(super) batches: Vec<Vec<Load>>,
}

impl Split {
    /// Reckons how to read these streams, which are all that are wanted of the range; `others` are the pages of streams
    /// that are not wanted and come along where none are named.
    pub(super) fn of(mut loads: Vec<Load>, others: f64, rates: Rates) -> Self {
        loads.sort_by(|a, b| {
            let by_pages = b.pages.total_cmp(&a.pages);
            let by_place = a.stays.cmp(&b.stays).then(by_pages);
            by_place.then(a.stream.cmp(&b.stream))
        });
        let all: f64 = loads.iter().map(|load| load.pages).sum();
        let whole = (all + others).max(1.0) / rates.filter;
        let may_go = |load: &&Load| !load.stays && load.pages >= FULL;
        let candidates = loads.iter().take_while(may_go).count();
        let (mut best, mut alone) = (whole * (1.0 - WORTH), None);
        let (mut left, mut calls) = (all, 0.0);
        for count in 0..=candidates {
            let rest = loads.len() - count;
            let batches = rest.div_ceil(MOST_NAMES);
            let slices = slice_count(
                left / batches.max(1) as f64,
                slices_each(batches, rates.filter),
            );
            let ends = (batches * slices) as f64;
            let proofs = count.div_ceil(MOST_NAMES) as f64;
            let together = (left + LAST_PAGE * ends).max(ends) + proofs;
            let together = together / rates.filter;
            let seconds = together.max(calls / rates.get);
            if seconds < best {
                (best, alone) = (seconds, Some(count));
            }
            if let Some(load) = loads.get(count) {
                left -= load.pages;
                calls += load.pages.ceil();
            }
        }
        let Some(count) = alone else {
            return Self::default();
        };
        let rest = loads.split_off(count);
        // Batches of about as many pages each.
        let batches = rest.len().div_ceil(MOST_NAMES);
        let mut dealt = vec![Vec::new(); batches];
        for (place, load) in rest.into_iter().enumerate() {
            dealt[place % batches].push(load);
        }
        Self {
            alone: loads,
            batches: dealt,
        }
    }

    /// Tells whether all is read in one, without a name.
    pub(super) fn is_whole(&self) -> bool {
        self.alone.is_empty() && self.batches.is_empty()
    }
}

/// Returns into how many slices each of so many batches is cut at most, given how many calls are made in a second: a page takes
/// a third of a second at worst, so that a third of them under way use up the quota, and a slice may end before the others.
pub(super) fn slices_each(batches: usize, calls: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no quota is near that"
    )]
    let under_way = (calls / 3.0).ceil() as usize + 1;
    under_way.div_ceil(batches.max(1))
}

/// Returns into how many slices so many pages are cut.
fn slice_count(pages: f64, most: usize) -> usize {
    /// Each slice ends with a page that is half full: a sixth of it.
    const SLICE_PAGES: f64 = 3.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and is bounded on both sides"
    )]
    let count = (pages / SLICE_PAGES) as usize;
    count.clamp(1, most)
}

/// Cuts `[from, to)` into at most so many slices to be read side by side, given the pages in it.
pub(super) fn side_by_side((from, to): (i64, i64), pages: f64, most: usize) -> Vec<(i64, i64)> {
    let count = i64::try_from(slice_count(pages, most)).unwrap_or(1);
    // No slice shorter than a second, for timestamps are whole seconds.
    let count = count.min((to - from) / 1000).max(1);
    let at = |n: i64| {
        if n == count {
            to
        } else {
            from + (to - from) / count * n
        }
    };
    (0..count).map(|n| (at(n), at(n + 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates {
        get: 20.0,
        filter: 8.0,
    };

    fn split(pages: impl IntoIterator<Item = f64>, others: f64) -> Split {
        let load = |(stream, pages)| Load {
            stream,
            pages,
            stays: false,
        };
        Split::of(
            pages.into_iter().enumerate().map(load).collect(),
            others,
            RATES,
        )
    }

    /// How long each call is busy with it, in seconds.
    fn seconds(split: &Split) -> (f64, f64) {
        let batch = |batch: &Vec<Load>| batch.iter().map(|it| it.pages).sum::<f64>() + LAST_PAGE;
        (
            split.alone.iter().map(|it| it.pages.ceil()).sum::<f64>() / RATES.get,
            split.batches.iter().map(batch).sum::<f64>() / RATES.filter,
        )
    }

    #[test]
    fn quiet_streams_are_read_in_one() {
        assert!(split(vec![0.007; 1000], 0.0).is_whole());
        assert!(split(vec![0.05; 200], 0.0).is_whole());
        assert!(split(vec![0.0007; 10_000], 0.0).is_whole());
        assert!(split([], 0.0).is_whole());
    }

    #[test]
    fn busy_streams_use_both_quotas() {
        for pages in [vec![11.5; 4], vec![7.0; 40], vec![0.8; 90]] {
            let found = split(pages.clone(), 0.0);
            let (get, filter) = seconds(&found);
            assert!(get > 0.0 && filter > 0.0, "{found:?}");
            let whole = pages.iter().sum::<f64>() / RATES.filter;
            assert!(get.max(filter) < 0.6 * whole, "{get} {filter} {whole}");
        }
    }

    /// 200 streams of which each fills a quarter of a page: what `GetLogEvents` reads meanwhile saves a third.
    #[test]
    fn streams_that_fill_parts_of_pages_use_both_quotas() {
        let found = split(vec![0.28; 200], 0.0);
        let (get, filter) = seconds(&found);
        let whole = 200.0 * 0.28 / RATES.filter;
        assert!((60..110).contains(&found.alone.len()), "{found:?}");
        assert!(get.max(filter) < 0.7 * whole, "{get} {filter} {whole}");
    }

    /// What is read both ways stays where it is, however busy it is.
    #[test]
    fn what_is_read_by_both_calls_is_not_handed_over() {
        let load = |stream| Load {
            stream,
            pages: 4.0,
            stays: stream < 2,
        };
        let found = Split::of((0..8).map(load).collect(), 0.0, RATES);
        assert!(!found.alone.is_empty());
        assert!(found.alone.iter().all(|load| load.stream >= 2), "{found:?}");
    }

    #[test]
    fn busy_ones_among_many_quiet_ones_are_taken_out() {
        // Ten of twelve pages among a thousand: ten calls that name the others, instead of 120 pages.
        let mut pages = vec![0.007; 1000];
        pages.extend([12.0; 10]);
        let found = split(pages, 0.0);
        assert!(found.alone.iter().all(|it| it.stream >= 1000), "{found:?}");
        assert!(found.alone.len() > 6);
        assert!(found.batches.iter().all(|batch| batch.len() <= MOST_NAMES));
        let named: usize = found.batches.iter().map(Vec::len).sum();
        assert_eq!(named + found.alone.len(), 1010);
    }

    #[test]
    fn what_is_not_wanted_is_left_out_by_names() {
        assert!(split(vec![0.01; 300], 1.0).is_whole());
        let found = split(vec![0.01; 300], 200.0);
        assert!(found.alone.is_empty());
        assert_eq!(found.batches.len(), 3);
    }

    #[test]
    fn slices_are_disjoint_and_leave_nothing_out() {
        for (from, to, pages, count) in [
            (0, 3_600_000, 0.5, 1),
            (7, 3_600_000, 7.0, 2),
            (7, 3_600_001, 1000.0, 8),
            (0, 2_500, 1000.0, 2),
            (0, 500, 1000.0, 1),
        ] {
            let slices = side_by_side((from, to), pages, 8);
            assert_eq!(slices.len(), count);
            assert_eq!((slices[0].0, slices[count - 1].1), (from, to));
            assert!(slices.windows(2).all(|pair| pair[0].1 == pair[1].0));
        }
    }
}
