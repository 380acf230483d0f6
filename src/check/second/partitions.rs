//! Rows that need not fit the memory: held by partition until they are too many, then put into a temporary file, and read back
//! partition by partition.
//!
//! However many there are, memory holds no more than was allowed, and each row is written once and read once. The file
//! is this user's alone and has no name, so that it goes away with the process however that ends.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashSet;

use crate::temporary;

/// More partitions would cut what is written into pieces too small to read.
const MOST_PARTITIONS: u64 = 4096;

/// Rows on their way in. Those of one pass merge in any order.
pub(super) struct PartitionIntake {
    shared: Arc<SharedSpill>,
    /// Who keeps the rows.
    number: u32,
    /// The numbers of those merged.
    merged: Vec<u32>,
    /// What is not written yet, by partition.
    held: Vec<Vec<u8>>,
    bytes: usize,
}

struct SharedSpill {
    most_held: usize,
    next: AtomicU32,
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

impl PartitionIntake {
    /// Starts with nothing: so many bytes are expected, a partition of them is to have at most so many, and each intake holds
    /// at most so many.
    pub(super) fn new(expected: u64, partition: u64, most_held: usize) -> Self {
        let partitions = expected.div_ceil(partition.max(1));
        let partitions = partitions.clamp(1, MOST_PARTITIONS);
        let shared = SharedSpill {
            most_held,
            next: AtomicU32::new(1),
            spill: Mutex::default(),
        };
        let partitions = usize::try_from(partitions).expect("there are a few thousand");
        Self::numbered(Arc::new(shared), 0, partitions)
    }

    /// Makes an empty one of the same pass.
    pub(super) fn empty_like(&self) -> Self {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        Self::numbered(Arc::clone(&self.shared), number, self.held.len())
    }

    fn numbered(shared: Arc<SharedSpill>, number: u32, partitions: usize) -> Self {
        Self {
            shared,
            number,
            merged: Vec::new(),
            held: vec![Vec::new(); partitions],
            bytes: 0,
        }
    }

    /// Keeps a row in the partition that a hash belongs to. `write` appends it, and is told who keeps it: what is kept of a part
    /// that turns out to be unreadable does not count ([`Partitions::counts`]).
    #[inline(always)]
    pub(super) fn keep(&mut self, hash: u64, write: impl FnOnce(u32, &mut Vec<u8>)) {
        let partitions = self.held.len();
        let partition = &mut self.held[partition_of(hash, partitions)];
        let before = partition.len();
        write(self.number, partition);
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
    #[cold]
    #[inline(never)]
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

    /// Returns the rows of all that were merged.
    ///
    /// # Errors
    /// Why the temporary file could not be written, and what to do about it.
    pub(super) fn gathered(self) -> io::Result<Partitions> {
        let mut spill = std::mem::take(&mut *self.shared.spill());
        if let Some(error) = spill.failed.take() {
            return Err(error);
        }
        Ok(Partitions {
            whole: self.merged.into_iter().chain([self.number]).collect(),
            held: self.held.into_iter(),
            partition: 0,
            spill,
        })
    }
}

fn partition_of(hash: u64, partitions: usize) -> usize {
    let scaled = (u128::from(hash) * partitions as u128) >> 64;
    usize::try_from(scaled).expect("it is below their number")
}

impl SharedSpill {
    fn spill(&self) -> std::sync::MutexGuard<'_, Spill> {
        self.spill.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The rows that a pass has kept, partition by partition.
pub(super) struct Partitions {
    /// Whose rows count.
    whole: HashSet<u32>,
    held: std::vec::IntoIter<Vec<u8>>,
    /// The number of the first of them.
    partition: usize,
    spill: Spill,
}

impl Partitions {
    /// Returns how many bytes were put into a temporary file.
    pub(super) fn spilled(&self) -> u64 {
        self.spill.end
    }

    /// Tells whether what this intake kept counts.
    #[inline(always)]
    pub(super) fn counts(&self, by: u32) -> bool {
        self.whole.contains(&by)
    }

    /// Returns the rows of the next partition, one after the other; `None` after the last.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(mut bytes) = self.held.next() else {
            return Ok(None);
        };
        self.spill.read(self.partition, &mut bytes)?;
        self.partition += 1;
        Ok(Some(bytes))
    }
}
