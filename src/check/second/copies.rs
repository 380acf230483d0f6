//! Copies of the records in question, kept until all of their flow are together: in memory while they are few, in a
//! temporary file, roughly by flow, when they are many ([`super::partitions`]).

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::diff::{FieldSets, GroupCopy, Groups, RecordGroup};
use crate::digest::Fingerprints;
use crate::model::finding::{Bucket, Place};
use crate::model::{Side, Sides};
use crate::record::{FieldName, Record};

use super::partitions::{PartitionIntake, Partitions};
use crate::check::pass::visitor::SeenRecord;

/// What a copy in the default format takes up as it is kept.
pub(super) const BYTES_A_COPY: u64 = 180;

/// What it takes up, with everything about it, while it is compared.
const BYTES_COMPARED: u64 = 1024;

/// How much memory copies may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    /// How many copies there may be, all in all; more are kept as well, with more memory.
    pub copies: u64,
    /// Bytes that may be held.
    pub bytes: u64,
    /// How many of [`Copies`] may keep some at once.
    pub keepers: u64,
}

/// What decides whether a copy is compared, and when. It stands before the copy, so that most copies need not be read.
#[derive(Clone, Copy)]
struct CopyHead {
    /// How many bytes the copy takes up behind this.
    len: u32,
    /// Who kept it.
    by: u32,
    side: Side,
    /// Whether it came in an event with an id.
    is_event: bool,
    fingerprint: u128,
    flow: u64,
}

/// What that takes up.
const HEAD: usize = 4 + 4 + 1 + 16 + 8;

impl CopyHead {
    fn bytes(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..4].copy_from_slice(&self.len.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.by.to_le_bytes());
        bytes[8] = u8::from(self.side == Side::S3) | u8::from(self.is_event) << 1;
        bytes[9..25].copy_from_slice(&self.fingerprint.to_le_bytes());
        bytes[25..].copy_from_slice(&self.flow.to_le_bytes());
        bytes
    }

    /// Reads what stands first in some bytes.
    fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<HEAD>()?;
        Some(Self {
            len: u32::from_le_bytes(*head.first_chunk()?),
            by: u32::from_le_bytes(*head[4..].first_chunk()?),
            side: if head[8] & 1 == 1 {
                Side::S3
            } else {
                Side::Cwl
            },
            is_event: head[8] & 2 == 2,
            fingerprint: u128::from_le_bytes(*head[9..].first_chunk()?),
            flow: u64::from_le_bytes(*head[25..].first_chunk()?),
        })
    }
}

/// The rest of a copy as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptCopy<'a> {
    #[serde(with = "postcard::fixint::le")]
    interface: u64,
    slot: Option<i64>,
    young: bool,
    /// The part's number in the pass.
    part: usize,
    row: u64,
    event: Option<u128>,
    end: Option<i64>,
    delivered: Option<i64>,
    /// In which fields it is compared.
    set: usize,
    /// Which fields the record has.
    names: usize,
    #[serde(serialize_with = "as_bytes")]
    text: &'a [u8],
    /// The record with all its fields, if that is another text.
    record: Option<&'a str>,
}

fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// Copies on their way in. Those of one pass merge in any order.
pub(super) struct CopyIntake {
    shared: Arc<SharedNames>,
    copies: PartitionIntake,
    most_compared: usize,
    flow: Vec<u8>,
}

struct SharedNames {
    sets: Arc<FieldSets>,
    names: Mutex<Vec<Arc<[FieldName]>>>,
}

impl CopyIntake {
    /// Starts with nothing.
    pub(super) fn new(sets: Arc<FieldSets>, allowed: Allowance) -> Self {
        // One half for the partition at hand, the other for what is compared of it: some flows, and the next ones.
        let half = (allowed.bytes / 2).max(1);
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let most_held = size(allowed.bytes / allowed.keepers.max(1));
        let names = Mutex::default();
        Self {
            shared: Arc::new(SharedNames { sets, names }),
            copies: PartitionIntake::new(allowed.copies * BYTES_A_COPY, half, most_held),
            most_compared: size(half / 2 / BYTES_COMPARED).max(1),
            flow: Vec::new(),
        }
    }

    /// Makes an empty one of the same pass.
    pub(super) fn empty_like(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            copies: self.copies.empty_like(),
            most_compared: self.most_compared,
            flow: Vec::new(),
        }
    }

    /// Keeps a copy.
    pub(super) fn keep(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) {
        let (sets, set) = (&self.shared.sets, seen.set.number);
        let flow = sets.core_number(set, seen.normal.text, &mut self.flow);
        let other = (!seen.is_compared_whole()).then(|| seen.record().to_string());
        let copy = KeptCopy {
            interface: seen.print.name,
            slot: seen.print.slot,
            young: seen.print.young,
            part: seen.origin.number,
            row: seen.row.number,
            event: seen.event(key),
            end: seen.normal.end,
            delivered: seen.delivered,
            set,
            names: self.shared.number_of(seen.names()),
            text: seen.normal.text,
            record: other.as_deref(),
        };
        self.copies.keep(flow, |by, bytes| {
            let at = bytes.len();
            bytes.extend_from_slice(&[0; HEAD]);
            postcard::to_io(&copy, &mut *bytes).expect("memory takes everything");
            let head = CopyHead {
                len: u32::try_from(bytes.len() - at - HEAD).expect("a record is short"),
                by,
                side: seen.origin.side,
                is_event: copy.event.is_some(),
                fingerprint: seen.print.fingerprint,
                flow,
            };
            bytes[at..at + HEAD].copy_from_slice(&head.bytes());
        });
    }

    /// Adds what another one kept.
    pub(super) fn merge(&mut self, other: Self) {
        self.copies.merge(other.copies);
    }

    /// Returns the copies of all that were merged.
    ///
    /// # Errors
    /// Why the temporary file could not be written, and what to do about it.
    pub(super) fn gathered(self) -> io::Result<Gathered> {
        Ok(Gathered {
            copies: self.copies.gathered()?,
            names: std::mem::take(&mut *self.shared.names()),
            most_compared: self.most_compared,
            bytes: Vec::new(),
            order: Vec::new(),
        })
    }
}

impl SharedNames {
    fn names(&self) -> std::sync::MutexGuard<'_, Vec<Arc<[FieldName]>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number_of(&self, names: &Arc<[FieldName]>) -> usize {
        let mut known = self.names();
        // There are as many as there are layouts: hardly ever more than two.
        let number = known
            .iter()
            .position(|one| Arc::ptr_eq(one, names) || one == names);
        number.unwrap_or_else(|| {
            known.push(Arc::clone(names));
            known.len() - 1
        })
    }
}

/// The copies that a pass has kept, partition by partition.
pub(super) struct Gathered {
    copies: Partitions,
    names: Vec<Arc<[FieldName]>>,
    most_compared: usize,
    /// The partition at hand ...
    bytes: Vec<u8>,
    /// ... and where in it the copies stand that are still to be compared, by flow.
    order: Vec<(u64, usize)>,
}

/// What the numbers in copies stand for.
pub(super) struct Names<'a> {
    /// The parts of the pass.
    pub parts: Sides<Vec<Arc<str>>>,
    /// The interface behind a number.
    pub interface: &'a (dyn Fn(u64) -> Arc<str> + Sync),
}

impl Gathered {
    /// Returns how many bytes were put into a temporary file.
    pub(super) fn spilled(&self) -> u64 {
        self.copies.spilled()
    }

    /// Returns all copies of some flows more, and `None` in the end. Unless `all` are wanted, records may be left out of
    /// which both sides have as many.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(super) fn next(&mut self, names: &Names<'_>, all: bool) -> io::Result<Option<Groups>> {
        while self.order.is_empty() {
            // The one before makes room first.
            self.bytes = Vec::new();
            let Some(bytes) = self.copies.next()? else {
                return Ok(None);
            };
            self.bytes = bytes;
            self.order = in_order(&self.bytes, &self.copies, all)?;
        }
        let mut groups = Groups::default();
        let mut last = Sides::default();
        for taken in 1.. {
            let Some((flow, at)) = self.order.pop() else {
                break;
            };
            let (head, row) = copy(&self.bytes[at..])?;
            groups.add(
                head.fingerprint,
                head.side,
                self.kept(head.side, &row, names, &mut last),
                || RecordGroup {
                    set: row.set,
                    text: row.text.into(),
                    bucket: Bucket {
                        interface: (names.interface)(row.interface),
                        slot: row.slot,
                    },
                    copies: Sides::default(),
                },
            );
            let more = self.order.last().is_some_and(|(next, _)| *next == flow);
            if taken >= self.most_compared && !more {
                break;
            }
        }
        Ok(Some(groups))
    }

    /// Returns a copy. `last` is the record before on each side, with which equal copies share their text.
    fn kept(
        &self,
        side: Side,
        row: &KeptCopy<'_>,
        names: &Names<'_>,
        last: &mut Sides<Option<Record>>,
    ) -> GroupCopy {
        let text = row.record.map_or(row.text, str::as_bytes);
        let names_of = &self.names[row.names];
        let same = |last: &&Record| last.is_of(names_of, text);
        let record = match last[side].as_ref().filter(same) {
            Some(same) => same.clone(),
            None => Record::of_canonical(Arc::clone(names_of), text),
        };
        last[side] = Some(record.clone());
        GroupCopy {
            place: Place {
                part: Arc::clone(&names.parts[side][row.part]),
                row: row.row,
            },
            event: row.event,
            record,
            end: row.end,
            delivered: row.delivered,
            young: row.young,
        }
    }
}

/// What is written as copies can be read as such.
fn not_copies() -> io::Error {
    io::Error::other("what comes from the temporary file is not what was put there")
}

/// Reads the copy that stands first in some bytes.
fn copy(bytes: &[u8]) -> io::Result<(CopyHead, KeptCopy<'_>)> {
    let head = CopyHead::read(bytes).ok_or_else(not_copies)?;
    let copy = bytes.get(HEAD..HEAD + head.len as usize);
    let copy = postcard::from_bytes(copy.ok_or_else(not_copies)?);
    Ok((head, copy.map_err(io::Error::other)?))
}

/// Visits the copies that count, with the places where they stand.
fn each_head(
    bytes: &[u8],
    copies: &Partitions,
    mut visit: impl FnMut(&CopyHead, usize),
) -> io::Result<()> {
    let mut at = 0;
    while at < bytes.len() {
        let head = CopyHead::read(&bytes[at..]).ok_or_else(not_copies)?;
        if copies.counts(head.by) {
            visit(&head, at);
        }
        at += HEAD + head.len as usize;
    }
    Ok(())
}

/// Returns the flows and places of the copies that are to be compared, in order of flow, the last one first.
fn in_order(bytes: &[u8], copies: &Partitions, all: bool) -> io::Result<Vec<(u64, usize)>> {
    // How many copies S3 has more; of events nobody knows before those that were found twice are told.
    let mut more: HashMap<u128, Option<i64>> = HashMap::new();
    if !all {
        each_head(bytes, copies, |head, _| {
            let sign = if head.side == Side::S3 { 1 } else { -1 };
            let more = more.entry(head.fingerprint).or_insert(Some(0));
            *more = more.filter(|_| !head.is_event).map(|more| more + sign);
        })?;
        more.retain(|_, more| *more != Some(0));
    }
    let mut order = Vec::new();
    each_head(bytes, copies, |head, at| {
        if all || more.contains_key(&head.fingerprint) {
            order.push((head.flow, at));
        }
    })?;
    // They are taken from the end: the flows come in one order, into however many partitions they were put.
    order.sort_unstable_by(|a, b| b.cmp(a));
    Ok(order)
}
