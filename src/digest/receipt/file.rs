//! Receipts as files: what a receipt says of itself, its lines column by column, and a seal that only the key makes.

use std::io::{self, Write};
use std::sync::Arc;

use super::{Receipt, ReceiptHead, ReceiptKey, SCHEMA, SealedSums};
use crate::digest::{KEY, name_of_key};
use crate::model::finding::Bucket;

/// How a receipt begins: its name, and the version of what follows.
const MAGIC: &[u8] = b"flowdiff receipt 1\n";

/// What all versions begin with.
const ANY_VERSION: &[u8] = b"flowdiff receipt ";

/// The length of the seal at the end.
const SEAL: usize = 32;

/// The slot of lines without one.
const NO_SLOT: i64 = i64::MIN;

/// The most bytes that are unpacked.
const MOST: u64 = 2 << 30;

/// Tells whether something that begins like this is a receipt, of whatever version.
pub fn is_receipt(head: &[u8]) -> bool {
    head.starts_with(ANY_VERSION)
}

impl Receipt {
    /// Writes it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, key: &ReceiptKey, to: &mut dyn Write) -> io::Result<()> {
        let mut body = serde_json::to_vec(&self.head()?)?;
        body.push(b'\n');
        let lines = &self.sums.lines;
        let (mut number, mut last): (u32, Option<&Arc<str>>) = (0, None);
        for bucket in lines.keys() {
            number += u32::from(last.is_some_and(|last| *last != bucket.interface));
            last = Some(&bucket.interface);
            body.extend(number.to_le_bytes());
        }
        lines
            .keys()
            .for_each(|bucket| body.extend(bucket.slot.unwrap_or(NO_SLOT).to_le_bytes()));
        lines
            .values()
            .for_each(|(copies, _)| body.extend(copies.to_le_bytes()));
        lines.values().for_each(|(_, sum)| body.extend(sum));
        let mut file = Vec::from(MAGIC);
        file.extend(zstd::bulk::compress(&body, 3)?);
        let seal = blake3::keyed_hash(&key.seal, &file);
        to.write_all(&file)?;
        to.write_all(seal.as_bytes())
    }

    fn head(&self) -> io::Result<ReceiptHead> {
        let mut head = self.head.clone();
        let lines = &self.sums.lines;
        let interfaces = lines.keys().map(|bucket| bucket.interface.to_string());
        head.about.ledger_interfaces = interfaces.collect();
        head.about.ledger_interfaces.dedup();
        head.about.ledger_lines = lines.len() as u64;
        Ok(head)
    }

    /// Reads one that was made with this key.
    ///
    /// # Errors
    /// It is no receipt, a newer one, damaged or forged, or made with another key: a sentence that fits after its name.
    pub fn read(file: &[u8], key: &[u8; KEY]) -> Result<Self, String> {
        if !is_receipt(file) {
            return Err("it is no receipt".to_owned());
        }
        if !file.starts_with(MAGIC) {
            return Err(
                "it is a receipt of another version than 1, which this flowdiff knows".to_owned(),
            );
        }
        let refused = || {
            format!(
                "it is damaged, forged or of another key than {}: its seal is not that of its bytes",
                name_of_key(key)
            )
        };
        let (bytes, seal) = file.split_last_chunk::<SEAL>().ok_or_else(refused)?;
        // Comparing hashes takes as long whatever they are.
        if blake3::keyed_hash(&ReceiptKey::of(key).seal, bytes) != *seal {
            return Err(refused());
        }
        let packed = bytes.get(MAGIC.len()..).unwrap_or_default();
        let body = unpacked(packed).map_err(|error| format!("it cannot be unpacked: {error}"))?;
        parsed(&body)
    }
}

fn unpacked(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let unpacking = zstd::stream::read::Decoder::new(packed)?;
    io::Read::read_to_end(&mut io::Read::take(unpacking, MOST), &mut body)?;
    Ok(body)
}

/// Only who has the key can have written it; what is wrong with it is a fault and no attack.
fn parsed(body: &[u8]) -> Result<Receipt, String> {
    let short = || "it ends too early".to_owned();
    let end = body
        .iter()
        .position(|&byte| byte == b'\n')
        .ok_or_else(short)?;
    let head: ReceiptHead = serde_json::from_slice(&body[..end])
        .map_err(|error| format!("what it says of itself cannot be understood: {error}"))?;
    if head.receipt != SCHEMA {
        return Err(format!(
            "it is a `{}`, and this flowdiff knows `{SCHEMA}`",
            head.receipt
        ));
    }
    let lines = usize::try_from(head.about.ledger_lines).map_err(|_| short())?;
    let numbers = &body[end + 1..];
    let width = size_of::<u32>() + 2 * size_of::<u64>() + 32;
    if lines.checked_mul(width) != Some(numbers.len()) {
        return Err(short());
    }
    let (interfaces, rest) = numbers.split_at(lines * 4);
    let (slots, rest) = rest.split_at(lines * 8);
    let (copies, sums) = rest.split_at(lines * 8);
    let (interfaces, slots) = (interfaces.as_chunks::<4>().0, slots.as_chunks::<8>().0);
    let (copies, sums) = (copies.as_chunks::<8>().0, sums.as_chunks::<32>().0);
    let names: Vec<Arc<str>> = head
        .about
        .ledger_interfaces
        .iter()
        .map(|name| name.as_str().into())
        .collect();
    let mut sealed = SealedSums::default();
    for line in 0..lines {
        let name = usize::try_from(u32::from_le_bytes(interfaces[line])).unwrap_or(usize::MAX);
        let interface = names
            .get(name)
            .ok_or("a line has an interface that is not named")?;
        let slot = i64::from_le_bytes(slots[line]);
        let bucket = Bucket {
            interface: Arc::clone(interface),
            slot: (slot != NO_SLOT).then_some(slot),
        };
        let held = (u64::from_le_bytes(copies[line]), sums[line]);
        sealed.lines.insert(bucket, held);
    }
    Ok(Receipt { head, sums: sealed })
}
