//! Which parts are read a second time: only those that can hold what differs.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};

use crate::digest::BucketId;
use crate::error::Error;
use crate::finding::Bucket;
use crate::source::{Listing, Part, Side, Sides};
use crate::window::{SLOT, Window};

use super::pass::Wanted;
use super::reader::Reader;
use super::screen::Screened;
use super::taken::Span;

/// Slots that are read rather than left out between two that are wanted: each range of a log stream costs calls.
const GAP: i64 = 2;

/// What is read again.
pub(super) struct Again {
    /// The parts that may hold a bucket in question.
    pub wanted: Sides<Vec<Wanted>>,
    /// Parts that may hold one too, and cannot be read any more although they could be at the first look, with the
    /// reason.
    pub gone: Sides<Vec<(Part, String)>>,
}

/// Lists both sides again and returns the parts that may hold one of the buckets: parts that have not changed
/// by what they held at the first look, new and growing ones by what their names say.
///
/// What the first look could not read is not tried again, unless it is a stream, of which a part may have been read: it
/// stays unreadable whatever becomes of it, because other buckets of it were never seen.
///
/// # Errors
/// A source that cannot be listed any more.
pub(super) async fn parts_again(
    reader: &Reader<'_>,
    screened: &Screened,
    buckets: impl Iterator<Item = BucketId>,
) -> Result<Again, Error> {
    let buckets: Vec<Bucket> = buckets
        .filter_map(|id| screened.digests.bucket(id))
        .collect();
    let listings = reader.list().await?;
    Ok(Again {
        wanted: Sides::from_fn(|side| wanted(reader, screened, side, &listings[side], &buckets)),
        gone: Sides::from_fn(|side| gone(screened, side, &listings[side], &buckets)),
    })
}

fn wanted(
    reader: &Reader<'_>,
    screened: &Screened,
    side: Side,
    listing: &Listing,
    buckets: &[Bucket],
) -> Vec<Wanted> {
    let before = screened.parts[side].iter().enumerate();
    let before: HashMap<&str, (usize, &Part)> = before
        .map(|(number, part)| (&*part.name, (number, part)))
        .collect();
    let failed = screened.unreadable[side].iter();
    let failed: HashMap<&str, &Part> = failed.map(|(part, _)| (&*part.name, part)).collect();
    let unchanged = |old: &Part, part: &Part| !part.version.is_empty() && old == part;
    let wanted = |part: &Part| {
        if failed
            .get(&*part.name)
            .is_some_and(|old| unchanged(old, part))
        {
            return None;
        }
        let number = before
            .get(&*part.name)
            .filter(|(_, old)| unchanged(old, part))
            .map(|(number, _)| *number);
        let mine = may_hold(screened, side, part, number, buckets);
        let span = number.and_then(|number| screened.spans[side].get(&number));
        (!mine.is_empty()).then(|| Wanted {
            part: part.clone(),
            starts: windows_of(&mine, reader.check.window),
            verbatim: span.is_some_and(Span::is_verbatim),
        })
    };
    listing.parts.iter().filter_map(wanted).collect()
}

/// Returns the parts that were read and are not listed any more, or listed as unreadable.
fn gone(
    screened: &Screened,
    side: Side,
    listing: &Listing,
    buckets: &[Bucket],
) -> Vec<(Part, String)> {
    let there: HashSet<&str> = listing.parts.iter().map(|part| &*part.name).collect();
    let refused = listing.unreadable.iter();
    let refused: HashMap<&str, &str> = refused
        .map(|(part, reason)| (&*part.name, reason.as_str()))
        .collect();
    let before = screened.parts[side].iter().enumerate();
    let lost = before.filter(|(number, part)| {
        !there.contains(&*part.name)
            && !may_hold(screened, side, part, Some(*number), buckets).is_empty()
    });
    lost.map(|(_, part)| {
        let reason = refused.get(&*part.name).copied();
        (
            part.clone(),
            reason
                .unwrap_or("vanished since it was first read")
                .to_owned(),
        )
    })
    .collect()
}

/// Returns the buckets that the part may hold; `number` is that of the first look, if it has not changed since.
fn may_hold<'a>(
    screened: &Screened,
    side: Side,
    part: &Part,
    number: Option<usize>,
    buckets: &'a [Bucket],
) -> Vec<&'a Bucket> {
    let span = number.map(|number| screened.spans[side].get(&number));
    let held = |bucket: &&Bucket| match span {
        Some(Some(span)) => span.may_hold(&screened.rules.key, &bucket.interface, bucket.slot),
        Some(None) => false,
        None => part.cover.may_hold(&bucket.interface, bucket.slot),
    };
    buckets.iter().filter(held).collect()
}

/// Returns the windows that the buckets fall into, near ones joined; sorted and disjoint. `all` if a bucket has no slot.
fn windows_of(buckets: &[&Bucket], all: Window) -> Vec<Window> {
    let Some(slots) = buckets
        .iter()
        .map(|bucket| bucket.slot)
        .collect::<Option<BTreeSet<i64>>>()
    else {
        return vec![all];
    };
    let mut windows: Vec<Window> = Vec::new();
    for slot in slots {
        let end = Some(slot.saturating_add(SLOT));
        match windows.last_mut() {
            Some(last)
                if last
                    .end
                    .is_some_and(|end| slot <= end.saturating_add(GAP * SLOT)) =>
            {
                last.end = end;
            }
            _ => windows.push(Window {
                start: Some(slot),
                end,
            }),
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_slots_are_read_as_one_window() {
        let bucket = |slot| Bucket {
            interface: "eni-0aa".into(),
            slot,
        };
        let buckets = [3000, 0, 300, 1200, 1200].map(|slot| bucket(Some(slot)));
        let windows = windows_of(&buckets.iter().collect::<Vec<_>>(), Window::ALL);
        assert_eq!(windows, [Window::new(0, 1500), Window::new(3000, 3300)]);
        assert_eq!(
            windows_of(&[&bucket(Some(0)), &bucket(None)], Window::ALL),
            [Window::ALL]
        );
    }
}
