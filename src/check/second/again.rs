//! Which parts are read a second time: only those that can hold what differs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::digest::{Fingerprints, NetDifference};
use crate::model::finding::Bucket;
use crate::model::window::{SLOT, Window};
use crate::model::{Error, Side, Sides};
use crate::source::{Listing, Part};

use super::question::Unresolved;
use crate::check::first::Screened;
use crate::check::pass::WantedPart;
use crate::check::pass::reader::CheckSession;
use crate::check::pass::span::{InterfaceClass, PartFilter};

/// Slots that are read rather than left out between two that are wanted: each range of a log stream costs calls.
const GAP: i64 = 2;

/// What is read again.
pub(in crate::check) struct PartsToReread {
    /// The parts that may hold what is in question.
    pub wanted: Sides<Vec<WantedPart>>,
    /// Parts that may hold some of it too, and cannot be read any more although they could be at the first look, with the
    /// reason.
    pub gone: Sides<Vec<(Arc<Part>, String)>>,
}

/// What is looked for, by slot (`None` may be any): the fingerprints of records; none if it is all of a bucket.
type Slots = BTreeMap<Option<i64>, Vec<u128>>;

/// What is looked for, so that each of many parts is asked about what little it may hold.
struct SearchIndex<'a> {
    key: &'a Fingerprints,
    all: Slots,
    /// In order of interface. There may be hundreds of thousands: no table for each interface.
    by_interface: Vec<Sought>,
    by_class: HashMap<InterfaceClass, Slots>,
    records: Vec<u128>,
}

/// A record, or all of a bucket.
struct Sought {
    /// The number of the interface.
    name: u64,
    slot: Option<i64>,
    /// Where the record is among the [`SearchIndex::records`].
    record: Option<u32>,
}

/// Lists both sides again and returns the parts that may hold what is in question: parts that have not changed
/// by what they held at the first look, new and growing ones by what their names say.
///
/// What the first look could not read is not tried again, unless a part of it may have been read, as of a stream or a text: it
/// stays unreadable whatever becomes of it, because other buckets of it were never seen.
///
/// # Errors
/// A source that cannot be listed any more.
pub(in crate::check) async fn parts_again(
    reader: &CheckSession<'_>,
    screened: &Screened,
    question: &Unresolved,
) -> Result<PartsToReread, Error> {
    let sought = SearchIndex::by(screened, question);
    let listings = reader.list(true).await?;
    Ok(PartsToReread {
        wanted: Sides::from_fn(|side| wanted(reader, screened, side, &listings[side], &sought)),
        gone: Sides::from_fn(|side| gone(screened, side, &listings[side], &sought)),
    })
}

/// Returns those of the parts that may hold one of the records.
pub(super) fn narrowed(
    reader: &CheckSession<'_>,
    screened: &Screened,
    parts: &Sides<Vec<WantedPart>>,
    records: &[NetDifference],
) -> Sides<Vec<WantedPart>> {
    let sought = SearchIndex::records(screened, records);
    let all = reader.check.window;
    Sides::from_fn(|side| {
        let parts = parts[side].iter();
        let wanted = |one: &WantedPart| sought.wanted(screened, side, &one.part, one.number, all);
        parts.filter_map(wanted).collect()
    })
}

fn wanted(
    reader: &CheckSession<'_>,
    screened: &Screened,
    side: Side,
    listing: &Listing,
    sought: &SearchIndex<'_>,
) -> Vec<WantedPart> {
    let before = screened.sides[side].parts.iter().enumerate();
    let before: HashMap<&str, (usize, &Arc<Part>)> = before
        .map(|(number, part)| (&*part.name, (number, part)))
        .collect();
    let failed = screened.sides[side].unreadable.iter();
    let failed: HashMap<&str, &Arc<Part>> = failed.map(|(part, _)| (&*part.name, part)).collect();
    let unchanged = |old: &Part, part: &Part| {
        // A digest does not tell when a part was delivered.
        let delivered = old.delivered.is_none() || old.delivered == part.delivered;
        !part.version.is_empty()
            && old.version == part.version
            && old.size == part.size
            && delivered
    };
    // Of a text that breaks off, the records before that count.
    let held_any = |part: &Part| {
        let known = before.get(&*part.name);
        known.is_some_and(|(number, _)| screened.sides[side].spans.contains_key(number))
    };
    let wanted = |part: &Arc<Part>| {
        let failed = failed.get(&*part.name);
        if failed.is_some_and(|old| unchanged(old, part)) && !held_any(part) {
            return None;
        }
        let number = before
            .get(&*part.name)
            .filter(|(_, old)| unchanged(old, part))
            .map(|(number, _)| *number);
        sought.wanted(screened, side, part, number, reader.check.window)
    };
    // What was passed over for its age may hold what seems to be missing after all.
    let parts = listing.parts.iter().chain(&listing.passed_over.by_age);
    parts.filter_map(wanted).collect()
}

/// Returns the parts that were read and are not listed any more, or listed as unreadable.
fn gone(
    screened: &Screened,
    side: Side,
    listing: &Listing,
    sought: &SearchIndex<'_>,
) -> Vec<(Arc<Part>, String)> {
    let parts = listing.parts.iter().chain(&listing.passed_over.by_age);
    let there: HashSet<&str> = parts.map(|part| &*part.name).collect();
    let refused = listing.unreadable.iter();
    let refused: HashMap<&str, &str> = refused
        .map(|(part, reason)| (&*part.name, reason.as_str()))
        .collect();
    let before = screened.sides[side].parts.iter().enumerate();
    let lost = before.filter(|(number, part)| {
        let span = screened.sides[side].span(*number);
        !there.contains(&*part.name) && !sought.slots_of(part, span).is_empty()
    });
    lost.map(|(_, part)| {
        let reason = refused.get(&*part.name).copied();
        (
            Arc::clone(part),
            reason
                .unwrap_or("vanished since it was first read")
                .to_owned(),
        )
    })
    .collect()
}

impl<'a> SearchIndex<'a> {
    fn by(screened: &'a Screened, question: &Unresolved) -> Self {
        match question {
            Unresolved::Few(found) => Self::records(screened, found),
            Unresolved::Many(buckets) => {
                let buckets = buckets.keys().filter_map(|&id| screened.digests.bucket(id));
                let all = buckets.map(|bucket| (bucket, None));
                Self::of(all, &screened.rules.key)
            }
        }
    }

    fn records(screened: &'a Screened, found: &[NetDifference]) -> Self {
        let one = |net: &NetDifference| {
            let bucket = screened.digests.bucket(net.bucket)?;
            Some((bucket, Some(net.fingerprint)))
        };
        Self::of(found.iter().filter_map(one), &screened.rules.key)
    }

    /// Takes records, or (`None`) buckets of which all is looked for.
    fn of(sought_for: impl Iterator<Item = (Bucket, Option<u128>)>, key: &'a Fingerprints) -> Self {
        let mut sought = Self {
            key,
            all: Slots::new(),
            by_interface: Vec::with_capacity(sought_for.size_hint().1.unwrap_or(0)),
            by_class: HashMap::new(),
            records: Vec::new(),
        };
        for (Bucket { interface, slot }, record) in sought_for {
            let name = key.of_name(interface.as_bytes());
            let class = sought.by_class.entry(InterfaceClass::of(name)).or_default();
            for slots in [class, &mut sought.all] {
                slots.entry(slot).or_default().extend(record);
            }
            let number = u32::try_from(sought.records.len());
            sought.by_interface.push(Sought {
                name,
                slot,
                record: record.map(|_| number.expect("a sketch tells fewer")),
            });
            sought.records.extend(record);
        }
        sought.by_interface.sort_unstable_by_key(|one| one.name);
        sought
    }

    /// Returns what is looked for of an interface: slots, each with the record, or none if it is all of the bucket.
    fn of_interface(&self, interface: &str) -> impl Iterator<Item = (Option<i64>, &[u128])> {
        let name = self.key.of_name(interface.as_bytes());
        let first = self.by_interface.partition_point(|one| one.name < name);
        let of = self.by_interface[first..].iter();
        of.take_while(move |one| one.name == name).map(|one| {
            let record = one.record.map(|at| at as usize);
            (
                one.slot,
                record.map_or(&[][..], |at| &self.records[at..=at]),
            )
        })
    }

    fn class(&self, interface: &str) -> InterfaceClass {
        InterfaceClass::of(self.key.of_name(interface.as_bytes()))
    }

    /// Returns the part if it may hold anything that is looked for. `number` is the one it had at the first look, if it has
    /// not changed since.
    fn wanted(
        &self,
        screened: &Screened,
        side: Side,
        part: &Arc<Part>,
        number: Option<usize>,
        all: Window,
    ) -> Option<WantedPart> {
        let span = number.and_then(|number| screened.sides[side].span(number));
        let slots = self.slots_of(part, span);
        (!slots.is_empty()).then(|| WantedPart {
            part: Arc::clone(part),
            starts: windows_of(&slots, all).into(),
            number,
            verbatim: span.flatten().is_some_and(PartFilter::is_verbatim),
        })
    }

    /// Returns the slots of which the part may hold what is looked for. `span` is what the first look found in it, if it
    /// has not changed since.
    fn slots_of(&self, part: &Part, span: Option<Option<&PartFilter>>) -> BTreeSet<Option<i64>> {
        let span = match span {
            Some(None) => return BTreeSet::new(),
            Some(span) => span,
            None => None,
        };
        let held = |&(slot, records): &(Option<i64>, &[u128])| match (span, slot) {
            (Some(span), _) => {
                let mut records_held = records.iter().map(|&one| span.may_hold_record(one));
                span.may_hold_slot(slot) && (records.is_empty() || records_held.any(|held| held))
            }
            (None, None) => true,
            (None, Some(slot)) => part.cover.starts.overlaps(&Window::of_slot(slot)),
        };
        let of_slots = |slots: Vec<&Slots>| -> BTreeSet<Option<i64>> {
            let slots = slots.into_iter().flatten();
            let slots = slots.map(|(slot, records)| (*slot, records.as_slice()));
            slots.filter(held).map(|(slot, _)| slot).collect()
        };
        let of_classes = |span: &PartFilter| {
            let classes = self.by_class.iter();
            let of = classes.filter(|(class, _)| span.may_hold_class(**class));
            of_slots(of.map(|(_, slots)| slots).collect())
        };
        match (&part.cover.interface, span) {
            (None, None) => of_slots(vec![&self.all]),
            (None, Some(span)) => of_classes(span),
            // What was found counts, should it be more than the name says.
            (Some(only), Some(span)) if !span.is_of(self.class(only)) => of_classes(span),
            (Some(only), _) => {
                // Where interfaces are not compared, a bucket's is blank.
                let names = [only.as_str(), "-"].into_iter();
                let named = names.flat_map(|name| self.of_interface(name));
                named.filter(held).map(|(slot, _)| slot).collect()
            }
        }
    }
}

/// Returns the windows that the slots fall into, near ones joined; sorted and disjoint. `all` if one of them may be any.
fn windows_of(slots: &BTreeSet<Option<i64>>, all: Window) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    for slot in slots {
        let Some(slot) = *slot else {
            return vec![all];
        };
        let end = slot.checked_add(SLOT);
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
    use crate::check::pass::span::{FilterMemory, PieceRecords};
    use crate::digest::RecordPrint;
    use crate::model::Cover;

    #[test]
    fn near_slots_are_read_as_one_window() {
        let slots = [3000, 0, 300, 1200, 1200].map(Some).into_iter().collect();
        let windows = windows_of(&slots, Window::ALL);
        assert_eq!(windows, [Window::new(0, 1500), Window::new(3000, 3300)]);
        let slots = [Some(0), None].into_iter().collect();
        assert_eq!(windows_of(&slots, Window::ALL), [Window::ALL]);
    }

    #[test]
    fn a_part_is_asked_about_what_was_found_in_it() {
        let key = Fingerprints::seeded(1);
        let record = |number: u64| key.of_record(format!("record number {number}").as_bytes());
        let bucket = |slot| Bucket {
            interface: "eni-0aa".into(),
            slot: Some(slot),
        };
        // Of the second slot anything, of the others one record each.
        let sought_for = [
            (bucket(0), Some(record(0))),
            (bucket(300), None),
            (bucket(600), Some(record(1))),
        ];
        let sought = SearchIndex::of(sought_for.into_iter(), &key);
        let part = Part {
            name: "part".into(),
            size: None,
            version: String::new(),
            cover: Cover::default(),
            delivered: None,
        };
        let slots = |interface: &str, held: &[(i64, u64)]| {
            let mut members = PieceRecords::new(Arc::new(FilterMemory::of(1 << 10)));
            let mut span = PartFilter::default();
            for &(slot, number) in held {
                members.add(record(number));
                span.add(
                    &RecordPrint::new(&key, b"", interface.as_bytes(), Some(slot)),
                    true,
                );
            }
            let span = span.of_records(members.finish());
            let slots = sought.slots_of(&part, Some(Some(&span)));
            slots.into_iter().flatten().collect::<Vec<_>>()
        };
        assert_eq!(slots("eni-0aa", &[(0, 0)]), [0]);
        assert!(slots("eni-0aa", &[(0, 2)]).is_empty());
        assert_eq!(slots("eni-0aa", &[(300, 2)]), [300]);
        assert_eq!(slots("eni-0aa", &[(0, 1), (600, 0)]), [0, 300, 600]);
        assert_eq!(slots("eni-0aa", &[(0, 2), (600, 3)]), [300]);
        assert!(slots("eni-0bb", &[(0, 0)]).is_empty());
        assert!(sought.slots_of(&part, Some(None)).is_empty());
    }

    #[test]
    fn a_part_is_asked_about_what_its_name_allows() {
        let key = Fingerprints::seeded(1);
        let buckets = [("eni-0aa", 300), ("eni-0bb", 600), ("eni-0bb", 900)];
        let bucket = |(interface, slot): (&str, i64)| Bucket {
            interface: interface.into(),
            slot: Some(slot),
        };
        let buckets = buckets.into_iter().map(bucket);
        let sought = SearchIndex::of(buckets.map(|bucket| (bucket, None)), &key);
        let slots = |interface: Option<&str>, starts| {
            let part = Part {
                name: "part".into(),
                size: None,
                version: String::new(),
                cover: Cover {
                    interface: interface.map(str::to_owned),
                    starts,
                },
                delivered: None,
            };
            let slots = sought.slots_of(&part, None).into_iter().flatten();
            slots.collect::<Vec<_>>()
        };
        assert_eq!(slots(None, Window::ALL), [300, 600, 900]);
        assert_eq!(slots(None, Window::new(0, 601)), [300, 600]);
        assert_eq!(slots(Some("eni-0bb"), Window::ALL), [600, 900]);
        assert_eq!(slots(Some("eni-0bb"), Window::new(0, 601)), [600]);
        assert!(slots(Some("eni-0cc"), Window::ALL).is_empty());
    }
}
