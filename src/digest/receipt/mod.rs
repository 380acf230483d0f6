//! Receipts: digests that are kept as proof of what a side held, each naming the one before. docs/receipts.md has the format.

mod chain;
mod file;
mod sums;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::model::words::hexadecimal;

use super::KEY;
use super::file::About;

pub use chain::{ChainLink, in_chain};
pub use file::is_receipt;
pub use sums::{BucketChange, SealedSums, WideSums};

/// The format of what a receipt says of itself.
pub const SCHEMA: &str = "flowdiff.receipt/1";

/// The keys that are made of the one that is given.
#[derive(Clone)]
pub struct ReceiptKey {
    /// What stands for records.
    records: [u8; KEY],
    /// What covers sums.
    masks: [u8; KEY],
    /// What tells that the whole was not changed.
    seal: [u8; KEY],
}

impl ReceiptKey {
    /// Derives them.
    pub fn of(key: &[u8; KEY]) -> Self {
        let derived = |what: &str| blake3::derive_key(&format!("flowdiff receipt/1 {what}"), key);
        Self {
            records: derived("records"),
            masks: derived("masks"),
            seal: derived("seal"),
        }
    }
}

impl std::fmt::Debug for ReceiptKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReceiptKey(..)")
    }
}

/// What a receipt says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceiptHead {
    /// [`SCHEMA`].
    pub receipt: String,
    /// Its number in the chain, from 1.
    pub number: u64,
    /// The SHA-256 of the receipt before it; nothing if it is the first.
    pub previous: Option<String>,
    /// Random, so that no two receipts cover equal sums alike.
    pub nonce: String,
    /// What was read, and what could not be.
    pub about: About,
    /// What a check found beside it, if one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
}

/// What a check found of the other side when a receipt was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// The address of the other side.
    pub source: String,
    /// The verdict of the check.
    pub verdict: String,
    /// The exit code that goes with it.
    pub exit_code: u8,
    /// How many buckets did not hold the same on both sides, by the receipt's own sums; nothing if the other side was not read
    /// for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unequal_buckets: Option<u64>,
}

/// What a side held, as proof.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// What it says of itself.
    pub head: ReceiptHead,
    /// What each bucket held, covered.
    pub sums: SealedSums,
}

impl Receipt {
    /// Makes one of what was found: the first of a chain, or the one after another.
    ///
    /// # Panics
    /// If the system has no random numbers to give.
    pub fn new(
        about: About,
        sums: &WideSums,
        previous: Option<&ChainLink>,
        key: &ReceiptKey,
    ) -> Self {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).expect("the system gives random numbers");
        let nonce = hexadecimal(&nonce);
        let sums = sums.sealed(&nonce, key);
        Self {
            head: ReceiptHead {
                receipt: SCHEMA.to_owned(),
                number: previous.map_or(1, |link| link.number + 1),
                previous: previous.map(|link| link.hash.clone()),
                nonce,
                about,
                beside: None,
            },
            sums,
        }
    }
}
