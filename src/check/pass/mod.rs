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

use std::sync::{Arc, Mutex, PoisonError};

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
    let idle = (0..limits.workers).map(|_| first.empty_like()).collect();
    let room = usize::try_from(limits.content / ROOM_UNIT)
        .unwrap_or(Semaphore::MAX_PERMITS)
        .clamp(1, u32::MAX as usize);
    let pool = WorkerPool {
        rules,
        idle: Mutex::new(idle),
        turns: Semaphore::new(limits.workers),
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
    let workers = pool
        .idle
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
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

/// Where workers wait for content.
struct WorkerPool<'a, V> {
    rules: Arc<Rules>,
    idle: Mutex<Vec<WorkerResult<V>>>,
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
        let worker = pool
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut worker = worker.expect("there is a worker for each turn");
        let rules = Arc::clone(&pool.rules);
        let pieces = pieces.into_iter();
        let pieces: Vec<_> = pieces
            .map(|(number, content)| (self.origin(number), content))
            .collect();
        let before = worker.sides[self.side].tally.records;
        let decoding = tokio::task::spawn_blocking(move || {
            let mut refused = Vec::new();
            for (origin, content) in pieces {
                if let Err(error) = take(&rules, &origin, content, &mut worker) {
                    refused.push((origin.number, error));
                }
            }
            (worker, refused)
        });
        let (worker, refused) = decoding
            .await
            .unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
        let side = self.side;
        pool.bytes.lock().unwrap_or_else(PoisonError::into_inner)[side] += bytes;
        pool.progress.side(side).bytes(bytes);
        pool.progress
            .side(side)
            .records(worker.sides[side].tally.records - before);
        pool.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(worker);
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
