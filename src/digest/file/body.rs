//! The bytes of a digest: what it says of itself, then the ledger's lines and the sketch's cells, column by column, packed and
//! summed up.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use super::read::{MAGIC, MOST};
use super::{FlowSums, SideDigest};
use crate::digest::Ledger;
use crate::digest::ledger::Sums;
use crate::digest::{Fingerprints, FlowSketch};
use crate::model::finding::Bucket;
use crate::model::window::SLOT;

/// The level of compression; what is in it hardly shrinks by more.
const LEVEL: i32 = 3;

/// The slot of lines without one.
const NO_SLOT: i64 = i64::MIN;

impl SideDigest {
    /// Writes it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut file = Vec::from(MAGIC);
        let body = self.body()?;
        if body.len() as u64 > MOST {
            return Err(io::Error::other(
                "a digest of over 2 GiB, which nobody could read: make several, of shorter windows",
            ));
        }
        let packed = zstd::bulk::compress(&body, LEVEL)?;
        file.extend_from_slice(&packed);
        let sum = Sha256::digest(&file);
        to.write_all(&file)?;
        to.write_all(&sum)
    }

    fn body(&self) -> io::Result<Vec<u8>> {
        let lines = self.ledger.lines();
        let mut about = self.about.clone();
        about.ledger_interfaces = lines
            .iter()
            .map(|(bucket, _)| bucket.interface.to_string())
            .collect();
        about.ledger_interfaces.dedup();
        about.ledger_lines = lines.len() as u64;
        about.sketch_cells = self.sketch.cells() as u64;
        let mut body = serde_json::to_vec(&about)?;
        body.push(b'\n');
        let mut number = 0u32;
        for (at, (bucket, _)) in lines.iter().enumerate() {
            number += u32::from(at > 0 && lines[at - 1].0.interface != bucket.interface);
            body.extend(number.to_le_bytes());
        }
        for (bucket, _) in &lines {
            body.extend(bucket.slot.unwrap_or(NO_SLOT).to_le_bytes());
        }
        for (_, sums) in &lines {
            body.extend(sums.copies.to_le_bytes());
        }
        for (_, sums) in &lines {
            body.extend(sums.fingerprints.to_le_bytes());
        }
        let cells: Vec<_> = self.sketch.sums().map(columns).collect();
        for column in 0..COLUMNS {
            // The high bytes of sums are alike, and pack well beside each other.
            for byte in 0..size_of::<u64>() {
                body.extend(cells.iter().map(|cell| cell[column].to_le_bytes()[byte]));
            }
        }
        Ok(body)
    }
}

/// The slots that a record can have: what comes before 1900 or after 9999 is no time of a flow log.
const SLOTS: std::ops::Range<i64> = -2_208_988_800..253_402_300_800;

/// More records than any digest is of, so that nothing that is added up overflows.
const MOST_RECORDS: u64 = 1 << 56;

/// The words of an element, the copies, and the check.
const COLUMNS: usize = 11;

fn columns((words, copies, check): ([u64; 9], u64, u64)) -> [u64; COLUMNS] {
    let mut all = [0; COLUMNS];
    all[..9].copy_from_slice(&words);
    all[9..].copy_from_slice(&[copies, check]);
    all
}

/// Takes numbers off the front of bytes.
pub(super) struct Numbers<'b>(pub(super) &'b [u8]);

impl<'b> Numbers<'b> {
    fn take(&mut self, bytes: usize) -> Result<&'b [u8], String> {
        let (front, rest) = self.0.split_at_checked(bytes).ok_or_else(too_short)?;
        self.0 = rest;
        Ok(front)
    }

    fn column<const N: usize>(&mut self, rows: usize) -> Result<Vec<[u8; N]>, String> {
        let bytes = rows.checked_mul(N).ok_or_else(too_short)?;
        let (numbers, _) = self.take(bytes)?.as_chunks();
        Ok(numbers.to_vec())
    }
}

fn too_short() -> String {
    "it ends too early".to_owned()
}

/// Reads the lines and the cells.
///
/// # Errors
/// They are not what a digest has, as a sentence.
pub(super) fn sums(
    about: &super::About,
    key: &Fingerprints,
    numbers: &mut Numbers<'_>,
) -> Result<FlowSums, String> {
    let size = |number: u64| usize::try_from(number).map_err(|_| too_short());
    let lines = size(about.ledger_lines)?;
    let interfaces = numbers.column(lines)?.into_iter().map(u32::from_le_bytes);
    let interfaces: Vec<u32> = interfaces.collect();
    let slots = numbers.column(lines)?.into_iter().map(i64::from_le_bytes);
    let copies = numbers.column(lines)?;
    let prints = numbers.column(lines)?;
    let names: Vec<(std::sync::Arc<str>, u64)> = about
        .ledger_interfaces
        .iter()
        .map(|name| (name.as_str().into(), key.of_name(name.as_bytes())))
        .collect();
    let mut ledger = Ledger::default();
    let mut records = 0u64;
    for (((interface, slot), copies), prints) in
        interfaces.iter().zip(slots).zip(copies).zip(prints)
    {
        let name = usize::try_from(*interface)
            .ok()
            .and_then(|at| names.get(at));
        let (interface, number) = name.ok_or("a line has an interface that is not named")?;
        let bucket = Bucket {
            interface: std::sync::Arc::clone(interface),
            slot: (slot != NO_SLOT).then_some(slot),
        };
        let is_slot = SLOTS.contains(&slot) && slot % SLOT == 0;
        if slot != NO_SLOT && !is_slot {
            return Err(format!("a line has the slot {slot}, which is none"));
        }
        let copies = u64::from_le_bytes(copies);
        records = records.saturating_add(copies);
        let sums = Sums {
            copies,
            young: 0,
            fingerprints: u128::from_le_bytes(prints),
        };
        ledger.add_line(*number, bucket, &sums);
    }
    if records != about.counts.records || records > MOST_RECORDS {
        return Err("its lines do not add up to its records".to_owned());
    }
    let cells = size(about.sketch_cells)?;
    let mut planes: [[&[u8]; 8]; COLUMNS] = [[&[]; 8]; COLUMNS];
    for plane in planes.as_flattened_mut() {
        *plane = numbers.take(cells)?;
    }
    if !numbers.0.is_empty() {
        return Err("it has more in it than it says".to_owned());
    }
    let number = |cell: usize, column: usize| {
        u64::from_le_bytes(std::array::from_fn(|byte| planes[column][byte][cell]))
    };
    let cell = |cell: usize| {
        let words = std::array::from_fn(|column| number(cell, column));
        (words, number(cell, COLUMNS - 2), number(cell, COLUMNS - 1))
    };
    let differences = size(about.differences)?;
    let sketch = FlowSketch::of_sums((0..cells).map(cell));
    let sketch = sketch.filter(|_| cells == FlowSketch::cells_for(differences));
    let sketch = sketch.ok_or("its sketch has not the size that its number of differences has")?;
    if !agree(&ledger, &sketch, records) {
        return Err("its sketch and its lines are not of the same records".to_owned());
    }
    Ok(FlowSums {
        ledger,
        sketch,
        differences,
    })
}

/// Tells whether lines and sketch are of the same records, as far as sums tell: the copies, the fingerprints and the buckets
/// add up to the same in the lines and in each of the sketch's tables.
fn agree(ledger: &Ledger, sketch: &FlowSketch, records: u64) -> bool {
    let Some((words, copies, _)) = sketch.total() else {
        return false;
    };
    let (mut prints, mut buckets) = (0u128, [0u64; 2]);
    for id in ledger.ids() {
        let sums = ledger.sums(id);
        prints = prints.wrapping_add(sums.fingerprints);
        for (sum, half) in buckets.iter_mut().zip([id.0 & HALF, id.0 >> 32]) {
            *sum = sum.wrapping_add(half.wrapping_mul(sums.copies));
        }
    }
    let prints_of = words[..4].iter().rev();
    let told = prints_of.fold(0u128, |sum, &word| {
        (sum << 32).wrapping_add(u128::from(word))
    });
    // The sums of words have room for 2^32 records; of more, what is left of the lowest tells.
    let same = match records >> 32 {
        0 => told == prints,
        _ => u128::from(words[0] & HALF) == prints & u128::from(HALF),
    };
    copies == records && same && buckets == [words[4], words[5]]
}

/// The lower half of 64 bits.
const HALF: u64 = 0xffff_ffff;
