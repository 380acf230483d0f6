//! The reader: what every pass of one run reads with.

use std::io;
use std::sync::Arc;

use crate::model::window::Settle;
use crate::model::{Error, Side, Sides};
use crate::progress::Progress;
use crate::source::{Ask, Listing, Source, StartOver, is_wrong_clock};

use tokio::time::Instant;

use super::check::Check;
use super::rules::Rules;
use super::visitor::Visitor;
use super::{Limits, PassResult, WantedPart, pass};

/// What a decoder needs at most: an object unpacked whole (32 MiB), its digests, and what the allocator keeps.
const MEMORY_A_WORKER: u64 = 56 << 20;

/// What a part takes up that is listed and read: what its listing said, and what it held.
const BYTES_A_PART: u64 = 448;

/// The sources of a run and how they are read.
pub(in crate::check) struct CheckSession<'a> {
    /// What was asked for.
    pub check: &'a Check,
    /// Where from.
    pub sources: &'a Sides<Arc<dyn Source>>,
    /// Bytes of memory to stay within, beside what the lists of parts take.
    pub memory: u64,
    /// How much at once.
    pub limits: Limits,
    /// Who is told how far it got.
    pub progress: &'a Progress,
    /// The clock of the look under way, and how long a record may be on its way.
    pub settle: Settle,
    /// When the clock was read.
    began: Instant,
}

impl<'a> CheckSession<'a> {
    /// Sets limits by what was asked for and what the machine has.
    pub(in crate::check) fn new(
        check: &'a Check,
        sources: &'a Sides<Arc<dyn Source>>,
        progress: &'a Progress,
    ) -> Self {
        Self {
            check,
            sources,
            memory: check.memory,
            limits: limits(check, check.memory),
            progress,
            settle: check.settle,
            began: Instant::now(),
        }
    }

    /// Sets limits by what there is to read as well.
    pub(in crate::check) fn limit_memory_for(&mut self, listings: &Sides<Listing>) {
        let parts = (listings.s3.parts.len() + listings.cwl.parts.len()) as u64;
        self.memory = self.check.memory.saturating_sub(parts * BYTES_A_PART);
        self.limits = limits(self.check, self.memory);
    }

    /// Reads the clock again: a look later than the last one finds fewer records young.
    pub(in crate::check) fn refresh_clock(&mut self) {
        let passed = i64::try_from(self.began.elapsed().as_secs()).unwrap_or(i64::MAX);
        let now = self.check.settle.now.saturating_add(passed);
        self.settle.now = now.saturating_sub(self.clock_ahead());
    }

    /// Returns by how many seconds the clock that was given is ahead of the services' (behind, if negative): where they
    /// differ, of the one that is furthest behind, so that nothing is settled before it is on all of them.
    fn clock_ahead(&self) -> i64 {
        let ahead = Side::BOTH.map(|side| self.sources[side].clock_ahead());
        let ahead = ahead.into_iter().flatten();
        ahead
            .map(|ahead| if is_wrong_clock(ahead) { ahead } else { 0 })
            .max()
            .unwrap_or(0)
    }

    /// Lists both sides, for the first look or `again` for a later one.
    ///
    /// # Errors
    /// A source that cannot be listed.
    pub(in crate::check) async fn list(&self, again: bool) -> Result<Sides<Listing>, Error> {
        self.list_for(again, true).await
    }

    /// Lists both sides, whose parts have been read elsewhere.
    ///
    /// # Errors
    /// A source that cannot be listed.
    pub(in crate::check) async fn list_only(&self) -> Result<Sides<Listing>, Error> {
        self.list_for(false, false).await
    }

    async fn list_for(&self, again: bool, to_read: bool) -> Result<Sides<Listing>, Error> {
        let ask = Sides::from_fn(|side| Ask {
            window: self.check.window,
            interfaces: self.check.interfaces.clone(),
            to_read,
            again,
            met: match again {
                // Parts that are read again are counted then.
                true => Arc::default(),
                false => self.progress.side(side).parts(),
            },
        });
        let side = |side: Side| self.sources[side].list(&ask[side]);
        let (s3, cwl) = tokio::try_join!(side(Side::S3), side(Side::Cwl))?;
        Ok(Sides { s3, cwl })
    }

    /// Reads these parts; once more from the beginning, with another visitor, if a source finds that what it delivered
    /// was not all.
    pub(in crate::check) async fn pass<V: Visitor>(
        &self,
        wanted: &Sides<Vec<WantedPart>>,
        rules: &Arc<Rules>,
        visitor: impl Fn() -> V,
    ) -> PassResult<V> {
        loop {
            match self.pass_once(wanted, rules, visitor()).await {
                Ok(passed) => return passed,
                Err(StartOver) => tracing::info!("reading again from the beginning"),
            }
        }
    }

    /// Reads these parts.
    ///
    /// # Errors
    /// [`StartOver`]: what was taken in is not all there is.
    pub(in crate::check) async fn pass_once<V: Visitor>(
        &self,
        wanted: &Sides<Vec<WantedPart>>,
        rules: &Arc<Rules>,
        visitor: V,
    ) -> Result<PassResult<V>, StartOver> {
        let kept = self.check.max_evidence;
        pass(
            self.sources,
            wanted,
            Arc::clone(rules),
            visitor,
            kept,
            &self.limits,
            self.progress,
        )
        .await
    }

    /// Names the file that all differences go to.
    pub(in crate::check) fn cannot_write(&self, source: io::Error) -> Error {
        Error::Output {
            path: self.check.all_differences.clone().unwrap_or_default(),
            source,
        }
    }
}

fn limits(check: &Check, memory: u64) -> Limits {
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let affordable = usize::try_from(memory / MEMORY_A_WORKER).unwrap_or(processors);
    Limits {
        concurrency: check.concurrency,
        content: memory / 8,
        workers: processors.min(affordable).max(1),
    }
}
