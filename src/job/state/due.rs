//! What to take up next: windows that are due, oldest first, and old slots to look at again. Pure.

use std::collections::BTreeSet;

use crate::model::window::{SLOT, Window, slot};

use super::{JobState, Unread};

/// Slots that are read along rather than left out between two that are looked at again.
const GAP: i64 = 2;

/// Returns the windows to read: first those that could not be read or decided before, then the time from `next` to the end
/// of the last slot that ends by `settled`; each at most `step` seconds long (a multiple of a slot), at most `most` in all.
/// Half of them are for new time if there is as much, so that it never waits for what stays undecided.
pub fn due(state: &JobState, settled: i64, step: i64, most: usize) -> Vec<Window> {
    let old = state.unread.iter().map(|it| Window::new(it.start, it.end));
    let end = slot(settled);
    let starts = std::iter::successors(Some(state.next), |start| start.checked_add(step));
    let new = starts
        .take_while(|start| *start < end)
        .map(|start| Window::new(start, start.saturating_add(step).min(end)));
    let kept_free = new.clone().take(most.div_ceil(2)).count();
    old.take(most - kept_free).chain(new).take(most).collect()
}

/// Joins windows that meet, as long as they are no longer than `step`; sorts them.
pub fn joined(mut windows: Vec<Unread>, step: i64) -> Vec<Unread> {
    windows.sort_unstable_by_key(|window| window.start);
    let mut joined: Vec<Unread> = Vec::new();
    for window in windows {
        match joined.last_mut() {
            Some(last) if last.end == window.start && window.end - last.start <= step => {
                last.end = window.end;
            }
            _ => joined.push(window),
        }
    }
    joined
}

/// A stretch to look at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookAgain {
    /// Which records, by `start`; whole slots.
    pub window: Window,
    /// Only these interfaces; empty is all.
    pub interfaces: BTreeSet<String>,
}

/// Returns the stretches to look at again, oldest first and disjoint, none longer than `step`: every slot that is open
/// or that an unreadable part may hold records of.
pub fn again(state: &JobState, step: i64) -> Vec<LookAgain> {
    let open = state.open.iter().map(|open| {
        (
            open.slot,
            Some(open.interface.as_str()).filter(|it| *it != "-"),
        )
    });
    let unreadable = state.unreadable.iter().flat_map(|part| {
        let slots = std::iter::successors(Some(slot(part.start)), |slot| slot.checked_add(SLOT));
        let slots = slots.take_while(|slot| *slot < part.end);
        slots.map(|slot| (slot, part.interface.as_deref()))
    });
    let wanted: BTreeSet<(i64, Option<&str>)> = open.chain(unreadable).collect();
    let mut found: Vec<(i64, i64, BTreeSet<Option<&str>>)> = Vec::new();
    for (slot, interface) in wanted {
        match found.last_mut() {
            Some((start, end, interfaces))
                if slot <= *end + GAP * SLOT && slot + SLOT - *start <= step.max(SLOT) =>
            {
                *end = slot + SLOT;
                interfaces.insert(interface);
            }
            _ => found.push((slot, slot + SLOT, BTreeSet::from([interface]))),
        }
    }
    found
        .into_iter()
        .map(|(start, end, interfaces)| LookAgain {
            window: Window::new(start, end),
            interfaces: match interfaces.into_iter().collect::<Option<Vec<_>>>() {
                Some(all) => all.into_iter().map(str::to_owned).collect(),
                None => BTreeSet::new(),
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::state::{JobSubject, OpenBucket, Unreadable};
    use crate::model::Side;
    use proptest::prelude::*;

    fn state(next: i64) -> JobState {
        JobState::begin(JobSubject::default(), next)
    }

    #[test]
    fn windows_are_whole_slots_up_to_what_has_settled() {
        let windows = due(&state(3000), 11_000, 3600, 9);
        let expected = [(3000, 6600), (6600, 10_200), (10_200, 10_800)];
        assert_eq!(
            windows,
            expected.map(|(start, end)| Window::new(start, end))
        );
        assert_eq!(due(&state(3000), 11_000, 3600, 2), windows[..2]);
        assert_eq!(due(&state(10_800), 11_099, 3600, 9), []);
        assert_eq!(
            due(&state(12_000), 11_000, 3600, 9),
            [],
            "a clock that went back"
        );
    }

    #[test]
    fn what_could_not_be_read_comes_first() {
        let mut state = state(0);
        for window in [(0, 300), (300, 600), (600, 3900), (9000, 9300)] {
            state.could_not_read(Window::new(window.0, window.1), 3600);
        }
        let windows = due(&state, 9900, 3600, 9);
        let expected = [(0, 600), (600, 3900), (9000, 9300), (9300, 9900)];
        assert_eq!(
            windows,
            expected.map(|(start, end)| Window::new(start, end))
        );
        // Old windows leave room for new ones.
        assert_eq!(due(&state, 9900, 3600, 2), [windows[0], windows[3]]);
        assert_eq!(due(&state, 9900, 3600, 1), windows[3..]);
        assert_eq!(due(&state, 9300, 3600, 1), windows[..1]);
        state.has_read(windows[0]);
        assert_eq!(due(&state, 9900, 3600, 9), windows[1..]);
    }

    #[test]
    fn open_slots_are_looked_at_again_with_their_interfaces_only() {
        let mut state = state(90_000);
        let open = |interface: &str, slot| OpenBucket {
            interface: interface.into(),
            slot,
            copies: Default::default(),
            fields: None,
            s3: Default::default(),
            cwl: Default::default(),
        };
        state.open = vec![open("eni-b", 600), open("eni-a", 0), open("eni-a", 30_000)];
        state.unreadable = vec![Unreadable {
            side: Side::S3,
            part: "key".into(),
            interface: None,
            start: 30_300,
            end: 30_900,
        }];
        let stretch = |start, end, interfaces: &[&str]| LookAgain {
            window: Window::new(start, end),
            interfaces: interfaces.iter().map(|it| (*it).to_owned()).collect(),
        };
        let expected = [
            stretch(0, 900, &["eni-a", "eni-b"]),
            stretch(30_000, 30_900, &[]),
        ];
        assert_eq!(again(&state, 3600), expected);
    }

    proptest! {
        /// Whatever the clock does and whatever fails, each slot is taken up exactly once.
        #[test]
        fn no_gap_and_no_overlap(
            begin in 0i64..100_000,
            runs in prop::collection::vec((0i64..20_000, 1i64..15, 1usize..5, prop::collection::vec(any::<bool>(), 5)), 1..30),
        ) {
            let mut state = state(begin);
            let first = state.next;
            let mut read = BTreeSet::new();
            let mut clock = begin;
            for (later, step, most, fails) in runs {
                clock += later;
                let step = step * SLOT;
                let windows = due(&state, clock, step, most);
                prop_assert!(windows.len() <= most);
                for (window, fails) in windows.into_iter().zip(fails) {
                    let (start, end) = (window.start.unwrap(), window.end.unwrap());
                    prop_assert!(end <= clock);
                    if fails {
                        if !state.unread.iter().any(|it| it.start == start) {
                            state.could_not_read(window, step);
                        }
                        continue;
                    }
                    for slot in (start..end).step_by(300) {
                        prop_assert!(read.insert(slot), "{} twice", slot);
                    }
                    state.has_read(window);
                }
                let unread: BTreeSet<i64> =
                    state.unread.iter().flat_map(|it| (it.start..it.end).step_by(300)).collect();
                prop_assert!(unread.is_disjoint(&read));
                let all: BTreeSet<i64> = (first..state.next).step_by(300).collect();
                prop_assert_eq!(unread.union(&read).copied().collect::<BTreeSet<_>>(), all);
                prop_assert!(state.flaw().is_none());
            }
        }
    }
}
