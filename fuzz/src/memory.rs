//! Sources in memory, and a check of two of them.

use std::sync::Arc;

use bytes::Bytes;
use flowdiff::check::{self, Check, Others, Recheck, Selection};
use flowdiff::digest::Fingerprints;
use flowdiff::model::Error;
use flowdiff::model::window::{Settle, Window};
use flowdiff::model::{Side, Sides};
use flowdiff::progress::{Mode, Progress};
use flowdiff::report::Report;
use flowdiff::source::Source;
use flowdiff::source::key;
use flowdiff::source::memory::{HeldPart, Memory, MemoryPart};
use tokio::runtime::Runtime;

use crate::default_format;

/// A folder that never was on a disk: names and contents.
#[derive(Clone, Debug, Default)]
pub struct Folder(pub Vec<(String, Bytes)>);

impl Folder {
    fn source(&self) -> Memory {
        let part = |(name, content): &(String, Bytes)| {
            let mut part = HeldPart::new(name, MemoryPart::Bytes(content.clone()));
            part.part.cover = key::cover(name);
            part
        };
        Memory::new(self.0.iter().map(part).collect())
    }
}

/// A check of everything at a clock of 2023-11-14, under a key that is the same in every run.
pub fn everything() -> Check {
    Check {
        recheck: Recheck::default(),
        window: Window::ALL,
        settle: Settle {
            now: 1_700_000_500,
            seconds: 900,
        },
        fields: Selection::default(),
        interfaces: Vec::new(),
        ignore_nodata: false,
        counted: None,
        allow_empty: true,
        formats: Sides::from_fn(|_| default_format()),
        by_hour: true,
        others: Others::default(),
        drawn: true,
        formed: true,
        flow_logs: None,
        max_evidence: 100,
        all_differences: None,
        concurrency: 4,
        memory: 64 << 20,
        key: Fingerprints::seeded(7),
    }
}

/// Compares two sources.
///
/// # Errors
/// What stops a run.
pub fn run(runtime: &Runtime, check: &Check, sources: &Sides<Folder>) -> Result<Report, Error> {
    let sources: Sides<Arc<dyn Source>> = Sides::from_fn(|side: Side| {
        let source: Arc<dyn Source> = Arc::new(sources[side].source());
        source
    });
    let progress = Progress::new(Mode::Silent);
    runtime.block_on(check::run(check, &sources, &progress, None))
}
