//! A pass: all parts of both sides, fetched concurrently and decoded by as many workers as there are processors.
//!
//! Here async ends: sources fetch, and hand over content that plain functions decode.

pub(super) mod check;
pub(super) mod claims;
pub(super) mod fields;
mod intake;
mod misfits;
pub(super) mod nodata;
pub(super) mod others;
pub(super) mod plausible;
pub(super) mod reader;
pub(super) mod rules;
pub(super) mod span;
pub(super) mod taken;
pub(super) mod visitor;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::decode::{Content, DecodeError, give_back_memory};
use crate::model::window::Window;
use crate::model::{Side, Sides};
use crate::progress::Progress;
use crate::source::{Outlets, Part, PartRequest, ReadError, Room, Source, StartOver};

use intake::take;
use rules::Rules;
use taken::{SideScreen, WorkerResult};
use visitor::{Origin, Visitor};

/// Semaphores count in 32 bits, so memory is handed out in KiB.
const ROOM_UNIT: u64 = 1024;

/// So many contents wait while all workers have one in hand, so that a worker which is done goes on at once: were it handed the next
/// one by the thread that fetches, it would idle until the system has that run, some milliseconds on a busy machine. Each takes a
/// thread that may be blocked.
pub const CONTENTS_WAITING: usize = 2;

/// How much may happen at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Parts of one side read at once.
    pub concurrency: usize,
    /// Bytes of content held at once.
    pub content: u64,
    /// Decoders at work at once.
    pub workers: usize,
}

/// A part to read, and which of its records are wanted.
#[derive(Clone, Debug)]
pub(super) struct WantedPart {
    /// The part.
    pub part: Arc<Part>,
    /// The `start`s; see [`Source::read`].
    pub starts: Arc<[Window]>,
    /// Its number at the first look, if it has not changed since.
    pub number: Option<usize>,
    /// Whether it has been read before and all its records can be told by the bytes of their lines.
    pub verbatim: bool,
}

/// What a pass gives.
pub(super) struct PassResult<V> {
    /// What it made of records.
    pub visitor: V,
    /// What was found on each side.
    pub sides: Sides<SideScreen>,
}

impl<V> PassResult<V> {
    /// Takes out the parts that could not be read.
    pub(super) fn take_unreadable(&mut self) -> Sides<Vec<(Arc<Part>, String)>> {
        Sides {
            s3: std::mem::take(&mut self.sides.s3.unreadable),
            cwl: std::mem::take(&mut self.sides.cwl.unreadable),
        }
    }
}

/// Reads the parts of both sides.
///
/// # Errors
/// [`StartOver`]: what was taken in is not all there is.
pub(super) async fn pass<V: Visitor>(
    sources: &Sides<Arc<dyn Source>>,
    wanted: &Sides<Vec<WantedPart>>,
    rules: Arc<Rules>,
    visitor: V,
    malformed_kept: usize,
    limits: &Limits,
    progress: &Progress,
) -> Result<PassResult<V>, StartOver> {
    let mut first = WorkerResult::new(visitor, malformed_kept);
    let workers = (0..limits.workers).map(|_| first.empty_like()).collect();
    let room = usize::try_from(limits.content / ROOM_UNIT)
        .unwrap_or(Semaphore::MAX_PERMITS)
        .clamp(1, u32::MAX as usize);
    let pool = WorkerPool {
        rules,
        idle: Arc::new(IdleWorkers::of(workers)),
        turns: Semaphore::new(limits.workers + CONTENTS_WAITING),
        room: Arc::new(Semaphore::new(room)),
        all_room: u32::try_from(room).unwrap_or(u32::MAX),
        bytes: Mutex::default(),
        progress,
    };
    let side = |side: Side| {
        read_side(
            side,
            &*sources[side],
            &wanted[side],
            &pool,
            limits.concurrency,
        )
    };
    let (s3, cwl) = tokio::try_join!(side(Side::S3), side(Side::Cwl))?;
    let bytes = *pool.bytes.lock().unwrap_or_else(PoisonError::into_inner);
    let workers = pool.idle.take_all();
    give_back_memory();
    workers.into_iter().for_each(|worker| first.merge(worker));
    for (side, unreadable) in [(Side::S3, s3), (Side::Cwl, cwl)] {
        let found = &mut first.sides[side];
        found.unreadable = unreadable;
        found.bytes = bytes[side];
    }
    Ok(PassResult {
        visitor: first.visitor,
        sides: first.sides,
    })
}

async fn read_side<V: Visitor>(
    side: Side,
    source: &dyn Source,
    wanted: &[WantedPart],
    pool: &WorkerPool<'_, V>,
    concurrency: usize,
) -> Result<Vec<(Arc<Part>, String)>, StartOver> {
    pool.progress.side(side).parts_total(wanted.len() as u64);
    let requests = wanted.iter().map(|wanted| PartRequest {
        part: Arc::clone(&wanted.part),
        starts: Arc::clone(&wanted.starts),
    });
    let requests: Vec<PartRequest> = requests.collect();
    let outlets = PartOutlets { pool, side, wanted };
    let unread = source.read_all(&requests, concurrency, &outlets).await?;
    let part = |number: usize| Arc::clone(&wanted[number].part);
    Ok(unread
        .into_iter()
        .map(|(number, reason)| (part(number), reason))
        .collect())
}

/// The workers that have nothing to do.
struct IdleWorkers<V> {
    workers: Mutex<Vec<WorkerResult<V>>>,
    freed: Condvar,
}

impl<V> IdleWorkers<V> {
    fn of(workers: Vec<WorkerResult<V>>) -> Self {
        Self {
            workers: Mutex::new(workers),
            freed: Condvar::new(),
        }
    }

    /// Takes one, and waits until there is one. For threads that may be blocked.
    fn take(&self) -> BusyWorker<'_, V> {
        let mut workers = self.locked();
        loop {
            if let Some(worker) = workers.pop() {
                let worker = Some(worker);
                return BusyWorker { idle: self, worker };
            }
            let waited = self.freed.wait(workers);
            workers = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn take_all(&self) -> Vec<WorkerResult<V>> {
        std::mem::take(&mut *self.locked())
    }

    fn locked(&self) -> MutexGuard<'_, Vec<WorkerResult<V>>> {
        let workers = self.workers.lock();
        workers.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker that has something to do. It goes back also if that panics, so that no thread waits for it for ever.
struct BusyWorker<'a, V> {
    idle: &'a IdleWorkers<V>,
    /// `None` once it went back.
    worker: Option<WorkerResult<V>>,
}

impl<V> BusyWorker<'_, V> {
    fn worker(&mut self) -> &mut WorkerResult<V> {
        self.worker.as_mut().expect("it goes back last")
    }
}

impl<V> Drop for BusyWorker<'_, V> {
    fn drop(&mut self) {
        self.idle.locked().extend(self.worker.take());
        self.idle.freed.notify_one();
    }
}

/// Where content waits for workers.
struct WorkerPool<'a, V> {
    rules: Arc<Rules>,
    idle: Arc<IdleWorkers<V>>,
    /// Contents that workers have in hand, or that wait for the next one that is free.
    turns: Semaphore,
    room: Arc<Semaphore>,
    all_room: u32,
    bytes: Mutex<Sides<u64>>,
    progress: &'a Progress,
}

/// Hands the content of one side's parts to workers.
struct PartOutlets<'a, V> {
    pool: &'a WorkerPool<'a, V>,
    side: Side,
    wanted: &'a [WantedPart],
}

impl<V> PartOutlets<'_, V> {
    fn origin(&self, number: usize) -> Origin {
        let wanted = &self.wanted[number];
        Origin {
            side: self.side,
            number,
            name: Arc::clone(&wanted.part.name),
            cover: wanted.part.cover.clone(),
            delivered: wanted.part.delivered,
            verbatim: wanted.verbatim,
        }
    }
}

#[async_trait]
impl<V: Visitor> Outlets for PartOutlets<'_, V> {
    async fn room(&self, bytes: u64) -> Room {
        let units = u32::try_from(bytes.div_ceil(ROOM_UNIT))
            .unwrap_or(u32::MAX)
            .min(self.pool.all_room);
        let permit = Arc::clone(&self.pool.room).acquire_many_owned(units).await;
        Room::new(permit.expect("the semaphore is never closed"))
    }

    async fn deliver(&self, pieces: Vec<(usize, Content)>) -> Vec<(usize, ReadError)> {
        let pool = self.pool;
        let bytes = pieces.iter().map(|(_, content)| content.size()).sum();
        let _turn = pool
            .turns
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let (idle, rules) = (Arc::clone(&pool.idle), Arc::clone(&pool.rules));
        let pieces = pieces.into_iter();
        let pieces: Vec<_> = pieces
            .map(|(number, content)| (self.origin(number), content))
            .collect();
        let side = self.side;
        let decoding = tokio::task::spawn_blocking(move || {
            let mut busy = idle.take();
            let worker = busy.worker();
            let before = worker.sides[side].tally.records;
            let mut refused = Vec::new();
            for (origin, content) in pieces {
                if let Err(error) = take(&rules, &origin, content, worker) {
                    refused.push((origin.number, error));
                }
            }
            (worker.sides[side].tally.records - before, refused)
        });
        let (records, refused) = decoding
            .await
            .unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
        pool.bytes.lock().unwrap_or_else(PoisonError::into_inner)[side] += bytes;
        pool.progress.side(side).bytes(bytes);
        pool.progress.side(side).records(records);
        let refused = refused.into_iter().map(|(number, error)| match error {
            DecodeError::Unreadable(reason) => (number, ReadError::Unreadable(reason)),
            DecodeError::Stopped => (number, ReadError::Stopped),
        });
        refused.collect()
    }

    fn are_closed(&self) -> bool {
        self.pool.rules.halted().is_some()
    }

    fn done(&self, _number: usize) {
        self.pool.progress.side(self.side).part_done();
    }
}
