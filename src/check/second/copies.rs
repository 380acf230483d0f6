//! Copies of the records in question, kept until all of their flow are together: in memory while they are few, in a
//! temporary file, roughly by flow, when they are many.
//!
//! However many there are, memory holds no more than was allowed, and each copy is written once and read once. The file
//! is this user's alone and has no name, so that it goes away with the process however that ends.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize, Serializer};

use crate::diff::{FieldSets, GroupCopy, Groups, RecordGroup};
use crate::digest::Fingerprints;
use crate::model::finding::{Bucket, Place};
use crate::model::{Side, Sides};
use crate::record::{FieldName, Record};
use crate::temporary;

use crate::check::pass::visitor::SeenRecord;

/// What a copy in the default format takes up as it is kept.
pub(super) const BYTES_A_COPY: u64 = 180;

/// What it takes up, with everything about it, while it is compared.
const BYTES_COMPARED: u64 = 1024;

/// More partitions would cut what is written into pieces too small to read.
const MOST_PARTITIONS: u64 = 4096;

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

/// A copy as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptCopy<'a> {
    /// Who kept it: what is kept of a part that turns out to be unreadable does not count.
    by: u32,
    #[serde(with = "postcard::fixint::le")]
    fingerprint: u128,
    #[serde(with = "postcard::fixint::le")]
    flow: u64,
    #[serde(with = "postcard::fixint::le")]
    interface: u64,
    slot: Option<i64>,
    side: Side,
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
    shared: Arc<SharedCopies>,
    number: u32,
    /// The numbers of those merged.
    merged: Vec<u32>,
    /// What is not written yet, by partition.
    held: Vec<Vec<u8>>,
    bytes: usize,
    flow: Vec<u8>,
}

struct SharedCopies {
    sets: Arc<FieldSets>,
    most_held: usize,
    most_compared: usize,
    next: AtomicU32,
    names: Mutex<Vec<Arc<[FieldName]>>>,
    spill: Mutex<Spill>,
}

/// The file, and where in it what is.
#[derive(Default)]
struct Spill {
    file: Option<File>,
    end: u64,
    runs: Vec<PartitionRun>,
    failed: Option<io::Error>,
}

/// Something of each partition, one after the other.
struct PartitionRun {
    /// Where the partition that is next begins.
    at: u64,
    lengths: Vec<u32>,
}

impl CopyIntake {
    /// Starts with nothing.
    pub(super) fn new(sets: Arc<FieldSets>, allowed: Allowance) -> Self {
        // One half for the partition at hand, the other for what is compared of it.
        let half = (allowed.bytes / 2).max(1);
        let partitions = (allowed.copies * BYTES_A_COPY).div_ceil(half);
        let partitions = partitions.clamp(1, MOST_PARTITIONS);
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let shared = SharedCopies {
            sets,
            most_held: size(allowed.bytes / allowed.keepers.max(1)),
            most_compared: size(half / BYTES_COMPARED).max(1),
            next: AtomicU32::new(1),
            names: Mutex::default(),
            spill: Mutex::default(),
        };
        Self::numbered(Arc::new(shared), 0, size(partitions))
    }

    /// Makes an empty one of the same pass.
    pub(super) fn empty_like(&self) -> Self {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        Self::numbered(Arc::clone(&self.shared), number, self.held.len())
    }

    fn numbered(shared: Arc<SharedCopies>, number: u32, partitions: usize) -> Self {
        Self {
            shared,
            number,
            merged: Vec::new(),
            held: vec![Vec::new(); partitions],
            bytes: 0,
            flow: Vec::new(),
        }
    }

    /// Keeps a copy.
    pub(super) fn keep(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) {
        let (sets, set) = (&self.shared.sets, seen.set.number);
        let flow = sets.core_number(set, seen.normal.text, &mut self.flow);
        let other = (!seen.is_compared_whole()).then(|| seen.record().to_string());
        let row = KeptCopy {
            by: self.number,
            fingerprint: seen.print.fingerprint,
            flow,
            interface: seen.print.name,
            slot: seen.print.slot,
            side: seen.origin.side,
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
        let partitions = self.held.len();
        let partition = &mut self.held[partition_of(flow, partitions)];
        let before = partition.len();
        postcard::to_io(&row, &mut *partition).expect("memory takes everything");
        self.bytes += partition.len() - before;
        if self.bytes > self.shared.most_held {
            self.write_out();
        }
    }

    /// Adds what another one kept.
    pub(super) fn merge(&mut self, mut other: Self) {
        self.merged.push(other.number);
        self.merged.append(&mut other.merged);
        for (mine, more) in self.held.iter_mut().zip(&mut other.held) {
            mine.append(more);
        }
        self.bytes += other.bytes;
        if self.bytes > self.shared.most_held {
            self.write_out();
        }
    }

    /// Whether that went well shows in the end.
    fn write_out(&mut self) {
        let mut spill = self.shared.spill();
        if spill.failed.is_none()
            && let Err(error) = spill.write(&self.held)
        {
            spill.failed = Some(error);
        }
        drop(spill);
        self.held.iter_mut().for_each(Vec::clear);
        self.bytes = 0;
    }

    /// Returns the copies of all that were merged.
    ///
    /// # Errors
    /// Why the temporary file could not be written, and what to do about it.
    pub(super) fn gathered(self) -> io::Result<Gathered> {
        let mut spill = std::mem::take(&mut *self.shared.spill());
        if let Some(error) = spill.failed.take() {
            return Err(error);
        }
        let whole = self.merged.into_iter().chain([self.number]).collect();
        Ok(Gathered {
            names: std::mem::take(&mut *self.shared.names()),
            most_compared: self.shared.most_compared,
            whole,
            held: self.held.into_iter(),
            partition: 0,
            spill,
            bytes: Vec::new(),
            order: Vec::new(),
        })
    }
}

fn partition_of(flow: u64, partitions: usize) -> usize {
    let scaled = (u128::from(flow) * partitions as u128) >> 64;
    usize::try_from(scaled).expect("it is below their number")
}

impl SharedCopies {
    fn spill(&self) -> std::sync::MutexGuard<'_, Spill> {
        self.spill.lock().unwrap_or_else(PoisonError::into_inner)
    }

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

impl Spill {
    fn write(&mut self, partitions: &[Vec<u8>]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(temporary::file()?),
        };
        let at = self.end;
        let mut lengths = Vec::with_capacity(partitions.len());
        for partition in partitions {
            file.write_all(partition)
                .map_err(|error| temporary::no_room(&error))?;
            self.end += partition.len() as u64;
            lengths.push(u32::try_from(partition.len()).map_err(io::Error::other)?);
        }
        self.runs.push(PartitionRun { at, lengths });
        Ok(())
    }

    /// Appends what is in the file of a partition. They are asked for in order.
    fn read(&mut self, partition: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        // All of it may be of one flow, and far more than usual.
        let all: u64 = self
            .runs
            .iter()
            .map(|run| u64::from(run.lengths[partition]))
            .sum();
        bytes.reserve_exact(usize::try_from(all).unwrap_or(0));
        for run in &mut self.runs {
            let length = u64::from(run.lengths[partition]);
            file.seek(SeekFrom::Start(run.at))?;
            let read = file.take(length).read_to_end(bytes)? as u64;
            if read < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            run.at += length;
        }
        Ok(())
    }
}

/// The copies that a pass has kept, partition by partition.
pub(super) struct Gathered {
    names: Vec<Arc<[FieldName]>>,
    most_compared: usize,
    /// Whose copies count.
    whole: HashSet<u32>,
    held: std::vec::IntoIter<Vec<u8>>,
    /// The number of the first of them.
    partition: usize,
    spill: Spill,
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
    pub interface: &'a dyn Fn(u64) -> Arc<str>,
}

impl Gathered {
    /// Returns how many bytes were put into a temporary file.
    pub(super) fn spilled(&self) -> u64 {
        self.spill.end
    }

    /// Returns all copies of some flows more, and `None` in the end. Unless `all` are wanted, records may be left out of
    /// which both sides have as many.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(super) fn next(&mut self, names: &Names<'_>, all: bool) -> io::Result<Option<Groups>> {
        while self.order.is_empty() {
            let Some(held) = self.held.next() else {
                return Ok(None);
            };
            self.bytes = held;
            self.spill.read(self.partition, &mut self.bytes)?;
            self.partition += 1;
            self.order = in_order(&self.bytes, &self.whole, all)?;
        }
        let mut groups = Groups::default();
        let mut last = Sides::default();
        for taken in 1.. {
            let Some((flow, at)) = self.order.pop() else {
                break;
            };
            let (row, _) = take(&self.bytes[at..])?;
            groups.add(
                row.fingerprint,
                row.side,
                self.kept(&row, names, &mut last),
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
        row: &KeptCopy<'_>,
        names: &Names<'_>,
        last: &mut Sides<Option<Record>>,
    ) -> GroupCopy {
        let text = row.record.map_or(row.text, str::as_bytes);
        let names_of = &self.names[row.names];
        let same = |last: &&Record| last.is_of(names_of, text);
        let record = match last[row.side].as_ref().filter(same) {
            Some(same) => same.clone(),
            None => Record::of_canonical(Arc::clone(names_of), text),
        };
        last[row.side] = Some(record.clone());
        GroupCopy {
            place: Place {
                part: Arc::clone(&names.parts[row.side][row.part]),
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

fn take(bytes: &[u8]) -> io::Result<(KeptCopy<'_>, &[u8])> {
    postcard::take_from_bytes(bytes).map_err(io::Error::other)
}

/// Visits the copies that count, with the places where they stand.
fn each_row(
    bytes: &[u8],
    whole: &HashSet<u32>,
    visit: &mut dyn FnMut(&KeptCopy<'_>, usize),
) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let (row, more) = take(rest)?;
        if whole.contains(&row.by) {
            visit(&row, at);
        }
        rest = more;
    }
    Ok(())
}

/// Returns the flows and places of the copies that are to be compared, in order of flow, the last one first.
fn in_order(bytes: &[u8], whole: &HashSet<u32>, all: bool) -> io::Result<Vec<(u64, usize)>> {
    // How many copies S3 has more; of events nobody knows before those that were found twice are told.
    let mut more: HashMap<u128, Option<i64>> = HashMap::new();
    if !all {
        each_row(bytes, whole, &mut |row, _| {
            let sign = if row.side == Side::S3 { 1 } else { -1 };
            let more = more.entry(row.fingerprint).or_insert(Some(0));
            *more = more.filter(|_| row.event.is_none()).map(|more| more + sign);
        })?;
        more.retain(|_, more| *more != Some(0));
    }
    let mut order = Vec::new();
    each_row(bytes, whole, &mut |row, at| {
        if all || more.contains_key(&row.fingerprint) {
            order.push((row.flow, at));
        }
    })?;
    // They are taken from the end: the flows come in one order, into however many partitions they were put.
    order.sort_unstable_by(|a, b| b.cmp(a));
    Ok(order)
}
