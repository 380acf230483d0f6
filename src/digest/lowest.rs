//! Some of many, chosen by numbers that they have, so that it does not matter in which order they come.

/// Some of many: those of the lowest numbers. Which these are does not depend on the order in which they come.
#[derive(Clone, Debug)]
pub struct Lowest<T> {
    some: Vec<(u64, T)>,
    /// What has this number or a higher one is not among them.
    below: u64,
    most: usize,
    /// So many are kept as long as these are all there are.
    all_up_to: usize,
}

impl<T> Lowest<T> {
    /// Makes room for so many, and twice as many for a while.
    pub fn of(most: usize) -> Self {
        Self::all_up_to(2 * most, most)
    }

    /// Makes room for so many in all; for `most`, and twice as many for a while, once there are more.
    pub fn all_up_to(all_up_to: usize, most: usize) -> Self {
        Self {
            some: Vec::new(),
            below: u64::MAX,
            most,
            all_up_to,
        }
    }

    /// Makes the one that is told by these and by the number below which they lie, with this room.
    pub fn of_told(below: u64, some: Vec<(u64, T)>, room: &Self) -> Self {
        Self {
            some,
            below,
            ..room.empty_like()
        }
    }

    /// Makes one of many of which none is known.
    pub fn unknown() -> Self {
        Self {
            below: 0,
            ..Self::all_up_to(0, 0)
        }
    }

    /// Makes an empty one of the same size.
    #[must_use]
    pub fn empty_like(&self) -> Self {
        Self::all_up_to(self.all_up_to, self.most)
    }

    /// Tells whether something of this number would be taken.
    #[inline(always)]
    pub fn takes(&self, number: u64) -> bool {
        number < self.below
    }

    /// Takes one, if its number is low enough.
    pub fn add(&mut self, number: u64, one: T) {
        if self.takes(number) {
            self.some.push((number, one));
            self.thin();
        }
    }

    /// Adds what another one has.
    pub fn merge(&mut self, other: Self) {
        self.below = self.below.min(other.below);
        self.some.extend(other.some);
        let below = self.below;
        self.some.retain(|(number, _)| *number < below);
        self.thin();
    }

    /// Changes each of them.
    #[must_use]
    pub fn map(self, change: impl Fn(T) -> T) -> Self {
        let some = self.some.into_iter();
        Self {
            some: some.map(|(number, one)| (number, change(one))).collect(),
            ..self
        }
    }

    /// Returns the number below which [`Self::all`] of them lie; the highest there is if these are all there are. It depends on
    /// nothing but what there is: with a higher one, what is left out between the two would seem not to be there.
    pub fn below(&self) -> u64 {
        if self.are_all() || self.some.len() <= self.most {
            return self.below;
        }
        let mut numbers: Vec<u64> = self.some.iter().map(|(number, _)| *number).collect();
        *numbers.select_nth_unstable(self.most).1
    }

    /// Tells whether these are all there are.
    pub fn are_all(&self) -> bool {
        self.below == u64::MAX
    }

    /// Returns them with their numbers, the lowest first: all there are, or those below a number that depends on nothing but
    /// what there is, at most `most`.
    pub fn all(&self) -> Vec<&(u64, T)> {
        let below = self.below();
        let some = self.some.iter();
        let mut all: Vec<&(u64, T)> = some.filter(|(number, _)| *number < below).collect();
        all.sort_by_key(|(number, _)| *number);
        all
    }

    fn thin(&mut self) {
        let room = match self.are_all() {
            true => self.all_up_to,
            false => 2 * self.most,
        };
        if self.some.len() < room || self.some.len() <= self.most {
            return;
        }
        self.some.sort_by_key(|(number, _)| *number);
        self.below = self.some[self.most].0;
        let below = self.below;
        self.some.retain(|(number, _)| *number < below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sampled_is_the_same_in_any_order() {
        let lowest = |order: &[u64], pieces: usize| -> Vec<u64> {
            let mut some = Lowest::of(10);
            for piece in order.chunks(order.len().div_ceil(pieces)) {
                let mut more = some.empty_like();
                piece.iter().for_each(|&number| more.add(number, ()));
                some.merge(more);
            }
            assert!(!some.are_all());
            some.all().iter().map(|(number, ())| *number).collect()
        };
        let forward: Vec<u64> = (0..100).collect();
        let backward: Vec<u64> = (0..100).rev().collect();
        assert_eq!(lowest(&forward, 1), forward[..10]);
        assert_eq!(lowest(&backward, 3), forward[..10]);
    }

    /// As a digest tells it: some, and below which number these are all.
    fn told(some: &Lowest<()>) -> Lowest<()> {
        let all = some.all().into_iter().copied().collect();
        Lowest::of_told(some.below(), all, some)
    }

    /// Copies of a record have one number.
    #[test]
    fn equal_numbers_are_sampled_as_at_once_however_they_are_shared_out() {
        let of = |numbers: &[u64]| {
            let mut some = Lowest::of(4);
            numbers.iter().for_each(|&number| some.add(number, ()));
            some
        };
        let mut seed = 1_u64;
        for _ in 0..2_000 {
            let numbers: Vec<u64> = (0..40)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (seed >> 33) % 12
                })
                .collect();
            let (one, other) = numbers.split_at(usize::try_from(seed % 30).unwrap());
            let mut both = told(&of(one));
            both.merge(told(&of(other)));
            let at_once = of(&numbers);
            assert_eq!(both.all(), at_once.all(), "{numbers:?} {}", one.len());
            assert_eq!(both.below(), at_once.below(), "{numbers:?}");
        }
    }

    #[test]
    fn few_are_all_there_are() {
        let mut some = Lowest::of(10);
        (0..19).for_each(|number| some.add(number, ()));
        assert!(some.are_all());
        some.add(19, ());
        assert!(!some.are_all() && some.takes(9) && !some.takes(10));
    }
}
