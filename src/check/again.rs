//! Which parts are read a second time: only those that can hold what differs.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::digest::BucketId;
use crate::error::Error;
use crate::finding::Bucket;
use crate::source::{Part, Side, Sides};
use crate::window::{SLOT, Window};

use super::pass::Wanted;
use super::reader::Reader;
use super::screen::Screened;

/// Slots that are read rather than left out between two that are wanted: each range of a log stream costs calls.
const GAP: i64 = 2;

/// Lists both sides again and returns the parts that may hold an unequal bucket: parts that have not changed
/// by what they held at the first look, new and growing ones by what their names say.
///
/// # Errors
/// A source that cannot be listed any more.
pub(super) async fn parts_again(
    reader: &Reader<'_>,
    screened: &Screened,
    unequal: &BTreeSet<BucketId>,
) -> Result<Sides<Vec<Wanted>>, Error> {
    let buckets: Vec<Bucket> = unequal
        .iter()
        .filter_map(|&id| screened.digests.bucket(id))
        .collect();
    let listings = reader.list().await?;
    Ok(Sides::from_fn(|side| {
        let before = screened.parts[side].iter().enumerate();
        let before: HashMap<&str, (usize, &Part)> = before
            .map(|(number, part)| (&*part.name, (number, part)))
            .collect();
        let wanted = |part: &Part| {
            let unchanged = before
                .get(&*part.name)
                .filter(|(_, old)| !part.version.is_empty() && *old == part);
            let mine = may_hold(
                screened,
                side,
                part,
                unchanged.map(|(number, _)| *number),
                &buckets,
            );
            (!mine.is_empty()).then(|| Wanted {
                part: part.clone(),
                starts: windows_of(&mine, reader.check.window),
            })
        };
        listings[side].parts.iter().filter_map(wanted).collect()
    }))
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
