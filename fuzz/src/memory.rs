//! Sources in memory, and a check of two of them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use flowdiff::check::{self, Check, Recheck, Selection};
use flowdiff::decode::Content;
use flowdiff::digest::Fingerprints;
use flowdiff::model::Error;
use flowdiff::model::window::{Settle, Window};
use flowdiff::model::{Side, Sides};
use flowdiff::progress::{Mode, Progress};
use flowdiff::report::Report;
use flowdiff::source::key;
use flowdiff::source::{Ask, Listing, Outlet, Part, ReadError, Source};
use tokio::runtime::Runtime;

use crate::default_format;

/// A folder that never was on a disk: names and contents.
#[derive(Clone, Debug, Default)]
pub struct Memory(pub Vec<(String, Bytes)>);

#[async_trait]
impl Source for Memory {
    fn address(&self) -> String {
        "memory".into()
    }

    async fn list(&self, _ask: &Ask) -> Result<Listing, Error> {
        let part = |(name, content): &(String, Bytes)| Part {
            name: name.as_str().into(),
            size: Some(content.len() as u64),
            version: "1".into(),
            cover: key::cover(name),
            delivered: None,
        };
        let mut parts: Vec<Arc<Part>> = self.0.iter().map(part).map(Arc::new).collect();
        parts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Listing {
            parts,
            ..Listing::default()
        })
    }

    async fn read(
        &self,
        part: &Part,
        _starts: &[Window],
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        let (_, content) = self
            .0
            .iter()
            .find(|(name, _)| **name == *part.name)
            .expect("a name from the listing");
        outlet.deliver(Content::Bytes(content.clone())).await
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
pub fn run(runtime: &Runtime, check: &Check, sources: &Sides<Memory>) -> Result<Report, Error> {
    let sources: Sides<Arc<dyn Source>> = Sides::from_fn(|side: Side| {
        let source: Arc<dyn Source> = Arc::new(sources[side].clone());
        source
    });
    let progress = Progress::new(Mode::Silent);
    runtime.block_on(check::run(check, &sources, &progress, None))
}
