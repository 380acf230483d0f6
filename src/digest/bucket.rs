//! The number of a bucket.

/// The number that stands for a bucket under a run's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketId(pub u64);

impl BucketId {
    /// Returns the number of a bucket. `name` is the interface's under the run's key, so mixing in the slot suffices.
    #[inline(always)]
    pub fn new(name: u64, slot: Option<i64>) -> Self {
        #[expect(clippy::cast_sign_loss, reason = "its bits are what is wanted")]
        let slot = slot.map_or(u64::MAX, |slot| slot as u64);
        let mixed =
            (name ^ slot.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        Self(mixed ^ (mixed >> 32))
    }
}
