//! Interfaces that are there and were not asked for: what may have been meant by one that nobody has.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// So many records of others are looked at.
const LOOKED_AT: usize = 4096;

/// So many names are kept.
const KEPT: usize = 256;

/// The names of some of the interfaces that have records in the window and were not asked for.
#[derive(Clone, Debug, Default)]
pub struct Others(Arc<NotedInterfaces>);

#[derive(Debug, Default)]
struct NotedInterfaces {
    looked_at: AtomicUsize,
    /// Whether one that was asked for has a record, though one that is left out.
    asked_are_there: AtomicBool,
    names: Mutex<BTreeSet<String>>,
}

impl Others {
    /// Takes note of a record's interface. Returns false, which is whether it was asked for.
    #[cold]
    pub(super) fn note(&self, interface: &[u8]) -> bool {
        let NotedInterfaces {
            looked_at, names, ..
        } = &*self.0;
        if looked_at.load(Ordering::Relaxed) < LOOKED_AT {
            looked_at.fetch_add(1, Ordering::Relaxed);
            let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
            let name = String::from_utf8_lossy(interface);
            if names.len() < KEPT && !names.contains(&*name) {
                names.insert(name.into_owned());
            }
        }
        false
    }

    /// Takes note that an interface that was asked for has a record that is left out. Returns false, which is whether it counts.
    #[cold]
    pub(super) fn note_left_out(&self) -> bool {
        self.0.asked_are_there.store(true, Ordering::Relaxed);
        false
    }

    /// Returns the names, the most like `name` first; none if nobody can have meant them, as what was asked for is there.
    pub fn like(&self, name: &str) -> Vec<String> {
        if self.0.asked_are_there.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let names = self.0.names.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = names.iter().cloned().collect();
        names.sort_by_key(|known| strsim::damerau_levenshtein(known, name));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_come_first_and_there_is_an_end_to_it() {
        let others = Others::default();
        for name in ["eni-0bb", "eni-0aa", "eni-0ab", "eni-0aa"] {
            assert!(!others.note(name.as_bytes()));
        }
        assert_eq!(others.like("eni-0bc"), ["eni-0bb", "eni-0aa", "eni-0ab"]);
        for number in 0..1000 {
            others.note(format!("eni-{number:x}").as_bytes());
        }
        assert_eq!(others.like("x").len(), KEPT);
        // Found by the oracle, seed 631849.
        assert!(!others.note_left_out());
        assert!(others.like("x").is_empty());
    }
}
