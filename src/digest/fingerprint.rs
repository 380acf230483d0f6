//! Keyed fingerprints: what stands for a record in ledgers and sketches.

use xxhash_rust::const_xxh3::const_custom_default_secret;
use xxhash_rust::xxh3::{xxh3_64_with_secret, xxh3_128_with_secret};

/// Fingerprints under one secret key (XXH3, 128 bits, with its own secret).
///
/// The key is random for each run, so that nobody can prepare records whose fingerprints cancel in
/// a sum. Digests can only be added or subtracted if they were made under the same key.
#[derive(Clone)]
pub struct Fingerprints {
    secret: [u8; 192],
}

impl Fingerprints {
    /// Draws a key from the system's random numbers.
    ///
    /// # Panics
    /// If the system has no random numbers to give.
    pub fn random() -> Self {
        let mut secret = [0; 192];
        getrandom::fill(&mut secret).expect("the system gives random numbers");
        Self { secret }
    }

    /// Takes the key from a number, for runs that must be repeated exactly.
    pub fn seeded(seed: u64) -> Self {
        Self {
            secret: const_custom_default_secret(seed),
        }
    }

    /// Returns the fingerprint of a record's canonical text.
    #[inline(always)]
    pub fn of_record(&self, text: &[u8]) -> u128 {
        xxh3_128_with_secret(text, &self.secret)
    }

    /// Returns the number that stands for a name (an interface, an event id).
    #[inline(always)]
    pub fn of_name(&self, name: &[u8]) -> u64 {
        xxh3_64_with_secret(name, &self.secret)
    }
}

impl std::fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprints(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_decides() {
        let (one, two) = (Fingerprints::seeded(1), Fingerprints::seeded(2));
        assert_eq!(
            one.of_record(b"record"),
            Fingerprints::seeded(1).of_record(b"record")
        );
        assert_ne!(one.of_record(b"record"), two.of_record(b"record"));
        assert_ne!(
            Fingerprints::random().of_record(b"record"),
            Fingerprints::random().of_record(b"record")
        );
    }

    #[test]
    fn a_name_has_a_number_and_the_key_is_not_shown() {
        let key = Fingerprints::seeded(1);
        assert_ne!(key.of_name(b"eni-0aa"), key.of_name(b"eni-0bb"));
        assert_ne!(
            key.of_name(b"eni-0aa"),
            Fingerprints::seeded(2).of_name(b"eni-0aa")
        );
        assert_eq!(format!("{key:?}"), "Fingerprints(..)");
    }
}
