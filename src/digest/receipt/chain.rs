//! The chain: each receipt names the one before it by the hash of its file.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::words::hexadecimal;

use super::{Receipt, ReceiptHead};

/// A receipt's place in its chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainLink {
    /// Its number, from 1.
    pub number: u64,
    /// The SHA-256 of its file, as hexadecimal digits.
    pub hash: String,
    /// That of the one before.
    pub previous: Option<String>,
}

impl ChainLink {
    /// Tells the place of a receipt, given its file.
    pub fn of(receipt: &Receipt, file: &[u8]) -> Self {
        let hash = Sha256::digest(file);
        let ReceiptHead {
            number, previous, ..
        } = &receipt.head;
        Self {
            number: *number,
            hash: hexadecimal(&hash),
            previous: previous.clone(),
        }
    }
}

/// Puts receipts, told by their places and names, in the order of their chain. Returns their indexes.
///
/// # Errors
/// One is lacking, there are two of a number, or one is not the one that the next one names: a sentence.
pub fn in_chain(links: &[(ChainLink, String)]) -> Result<Vec<usize>, String> {
    let mut order: Vec<usize> = (0..links.len()).collect();
    order.sort_by_key(|&index| links[index].0.number);
    let mut before: Option<&(ChainLink, String)> = None;
    for &index in &order {
        let (link, name) = &links[index];
        match (before, &link.previous) {
            (None, None) if link.number == 1 => {}
            (None, _) => {
                return Err(format!(
                    "`{name}` is number {} of its chain: the ones before it are not given, or gone",
                    link.number
                ));
            }
            (Some((last, other)), _) if last.number == link.number => {
                return Err(format!(
                    "`{other}` and `{name}` are both number {}: receipts of two chains, or one given twice",
                    link.number
                ));
            }
            (Some((last, other)), _) if last.number + 1 != link.number => {
                return Err(format!(
                    "between `{other}`, number {}, and `{name}`, number {}, receipts are lacking",
                    last.number, link.number
                ));
            }
            (Some((last, other)), previous) if previous.as_ref() != Some(&last.hash) => {
                return Err(format!(
                    "`{name}` names another receipt before it than `{other}`: one of the two is of another chain, or was changed"
                ));
            }
            (Some(_), _) => {}
        }
        before = Some(&links[index]);
    }
    Ok(order)
}
