//! How many records of each sort a cell holds.

use smallvec::SmallVec;

use super::traits::Traits;

/// Numbers of records by traits, in order of traits. Most cells have one sort, and there may be hundreds of thousands of
/// cells, so this takes up 32 bytes where a tree would take up 200.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraitCounts(SmallVec<[(Traits, u64); 1]>);

impl TraitCounts {
    /// Counts so many more.
    pub fn add(&mut self, traits: Traits, records: u64) {
        match self.0.binary_search_by_key(&traits, |(known, _)| *known) {
            Ok(at) => self.0[at].1 += records,
            Err(at) => self.0.insert(at, (traits, records)),
        }
    }

    /// Takes so many away, or all if there are fewer, the last ones first.
    pub fn take_last(&mut self, mut records: u64) {
        while records > 0
            && let Some((_, left)) = self.0.last_mut()
        {
            let taken = records.min(*left);
            records -= taken;
            *left -= taken;
            if *left == 0 {
                self.0.pop();
            }
        }
    }

    /// Returns how many there are of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Traits, u64)> {
        self.0.iter().map(|(traits, records)| (traits, *records))
    }

    /// Returns the same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Traits, &mut u64)> {
        self.0
            .iter_mut()
            .map(|(traits, records)| (&*traits, records))
    }

    /// Returns how many there are in all.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, records)| records).sum()
    }

    /// Forgets the traits of which there are none.
    pub fn forget_none(&mut self) {
        self.0.retain(|(_, records)| *records > 0);
        self.0.shrink_to_fit();
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u8) -> Traits {
        Traits {
            minute,
            ..Traits::default()
        }
    }

    #[test]
    fn counts_stand_in_order_and_the_last_go_first() {
        let mut counts = TraitCounts::default();
        for (minute, records) in [(3, 1), (1, 2), (3, 4), (2, 1)] {
            counts.add(at(minute), records);
        }
        let told = |counts: &TraitCounts| -> Vec<(u8, u64)> {
            counts
                .iter()
                .map(|(of, records)| (of.minute, records))
                .collect()
        };
        assert_eq!(told(&counts), [(1, 2), (2, 1), (3, 5)]);
        counts.take_last(6);
        assert_eq!((told(&counts), counts.total()), (vec![(1, 2)], 2));
        counts.iter_mut().for_each(|(_, records)| *records = 0);
        counts.forget_none();
        assert!(counts.is_empty());
        counts.take_last(1);
    }

    #[test]
    fn a_cell_is_small() {
        assert!(
            size_of::<TraitCounts>() <= 32,
            "{}",
            size_of::<TraitCounts>()
        );
    }
}
