//! Keyed fingerprints: what stands for a record in ledgers and sketches.

use xxhash_rust::const_xxh3::const_custom_default_secret;
use xxhash_rust::xxh3::{xxh3_64_with_secret, xxh3_128_with_secret};

use crate::model::words::hexadecimal;

/// The length of a key, in bytes.
pub const KEY: usize = 32;

/// What a key is turned into a secret of XXH3 for; part of the format of digests.
const SECRET_OF: &str = "flowdiff digest/1 XXH3 secret";

/// What a key is turned into the text that tells it from others for; part of the format of digests.
const NAME_OF: &str = "flowdiff digest/1 name of a key";

/// How records become fingerprints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// XXH3, 128 bits, with a secret of its own: fast, and sure against chance.
    #[default]
    Xxh3,
    /// BLAKE3, keyed, its first 128 bits: also sure against whoever does not have the key.
    Blake3,
}

impl Algorithm {
    /// Returns the name used in digests and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Xxh3 => "xxh3",
            Self::Blake3 => "blake3",
        }
    }

    /// Returns the algorithm of a name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Xxh3, Self::Blake3];
        all.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// Fingerprints under one secret key (XXH3, 128 bits, with its own secret; or BLAKE3).
///
/// The key of a check is random, so that nobody can prepare records whose fingerprints cancel in
/// a sum. Digests can only be added or subtracted if they were made under the same key.
#[derive(Clone)]
pub struct Fingerprints {
    secret: [u8; 192],
    /// The key of BLAKE3, if records are told by it.
    keyed: Option<[u8; KEY]>,
}

impl Fingerprints {
    /// Draws a key from the system's random numbers.
    ///
    /// # Panics
    /// If the system has no random numbers to give.
    pub fn random() -> Self {
        let mut secret = [0; 192];
        getrandom::fill(&mut secret).expect("the system gives random numbers");
        Self {
            secret,
            keyed: None,
        }
    }

    /// Takes the key from a number, for runs that must be repeated exactly. That of 0 is XXH3's own secret, which is the key
    /// of digests that were given none.
    pub fn seeded(seed: u64) -> Self {
        Self {
            secret: const_custom_default_secret(seed),
            keyed: None,
        }
    }

    /// Takes a key that digests of several runs share.
    pub fn keyed(key: &[u8; KEY], algorithm: Algorithm) -> Self {
        let mut secret = [0; 192];
        let mut derived = blake3::Hasher::new_derive_key(SECRET_OF);
        derived.update(key).finalize_xof().fill(&mut secret);
        Self {
            secret,
            keyed: (algorithm == Algorithm::Blake3).then_some(*key),
        }
    }

    /// Returns the fingerprint of a record's canonical text.
    #[inline(always)]
    pub fn of_record(&self, text: &[u8]) -> u128 {
        match &self.keyed {
            None => xxh3_128_with_secret(text, &self.secret),
            Some(key) => cryptographic(key, text),
        }
    }

    /// Returns the number that stands for a name (an interface, an event id).
    #[inline(always)]
    pub fn of_name(&self, name: &[u8]) -> u64 {
        xxh3_64_with_secret(name, &self.secret)
    }
}

/// Out of the way of those that are fast.
#[cold]
#[inline(never)]
fn cryptographic(key: &[u8; KEY], text: &[u8]) -> u128 {
    let hash = blake3::keyed_hash(key, text);
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_bytes()[..16]);
    u128::from_le_bytes(first)
}

/// Returns what tells a key from others, and tells nothing of it: 16 hexadecimal digits.
pub fn name_of_key(key: &[u8; KEY]) -> String {
    let name = blake3::derive_key(NAME_OF, key);
    hexadecimal(&name[..8])
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

    /// What another program has to come to.
    #[test]
    fn digests_without_a_key_have_that_of_xxh3_and_others_derive_theirs() {
        let none = Fingerprints::seeded(0);
        assert_eq!(
            none.of_record(b"record"),
            xxhash_rust::xxh3::xxh3_128(b"record")
        );
        assert_eq!(none.of_name(b"eni"), xxhash_rust::xxh3::xxh3_64(b"eni"));
        let key = [7; KEY];
        let [fast, sure] = [Algorithm::Xxh3, Algorithm::Blake3].map(|algorithm| {
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
            Fingerprints::keyed(&key, algorithm)
        });
        assert_ne!(fast.of_record(b"record"), none.of_record(b"record"));
        assert_ne!(fast.of_record(b"record"), sure.of_record(b"record"));
        assert_eq!(fast.of_name(b"eni"), sure.of_name(b"eni"));
        let first = blake3::keyed_hash(&key, b"record").as_bytes()[..16].to_vec();
        assert_eq!(sure.of_record(b"record").to_le_bytes().to_vec(), first);
        assert_eq!(name_of_key(&key).len(), 16);
        assert_ne!(name_of_key(&key), name_of_key(&[8; KEY]));
        assert_eq!(Algorithm::named("md5"), None);
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
