//! Digests that are kept: makes one of a side, and compares those with each other or with a side that can be read.

mod about;
mod compare;
mod flows;
mod looks;
mod read;
pub mod receipt;
mod told;

use std::collections::BTreeSet;
use std::sync::Arc;

use itertools::Itertools;

use crate::check::pass::reader::CheckSession;
use crate::check::pass::visitor::Visitor;
use crate::digest::KEY;
use crate::digest::file::{About, FlowSums, Sample, ToldSample};
use crate::model::{Error, Side, Sides};
use crate::progress::Progress;
use crate::source::memory::Memory;
use crate::source::{Hashed, Remark, Source};

use super::Check;
use flows::FlowVisitor;
use read::{GivenFields, ToRead, read};

pub use compare::{SideSource, compare};
pub use looks::{check_after, parts_to_read, rows_again};

/// How a digest is made.
#[derive(Clone, Debug)]
pub struct DigestSpec {
    /// The side it stands for.
    pub side: Side,
    /// How records become fingerprints.
    pub algorithm: crate::digest::Algorithm,
    /// The key of these, if it is not the one that everybody has.
    pub key: Option<[u8; KEY]>,
    /// How many differences its sketch is to tell.
    pub differences: usize,
    /// Within what the names of the source's parts are unique.
    pub store: String,
    /// Whether the source comes through a pipe, of which no name tells anything: then its bytes are part of the store's name.
    pub is_pipe: bool,
    /// The flow logs whose objects are asked for; none is all.
    pub flow_log_ids: BTreeSet<String>,
    /// Whether log streams are asked for whatever their names are.
    pub all_streams: bool,
    /// Whether it is to have some records, whole, by which a check tells causes.
    pub sample: bool,
}

/// One side, read and summed up.
#[derive(Debug)]
pub struct SideSummed<S> {
    /// What is to be said of it.
    pub about: About,
    /// What its records add up to.
    pub sums: S,
    /// What the user should know about what was listed: what was passed over, say.
    pub remarks: Vec<Remark>,
}

/// Boils one side down. `check` has the fingerprints that go with the key.
///
/// # Errors
/// The source cannot be listed, or its records cannot be told by one set of fields. What is wrong with the data is in the
/// digest.
pub async fn digest(
    check: &Check,
    spec: &DigestSpec,
    source: Arc<dyn Source>,
    progress: &Progress,
) -> Result<SideSummed<FlowSums>, Error> {
    let visitor = || {
        let sums = FlowSums::for_differences(spec.differences);
        let mut visitor = FlowVisitor::new(sums, Arc::default());
        visitor.sample = spec.sample.then(Sample::empty);
        visitor
    };
    let fields = GivenFields::default();
    let mut read = summed(check, (spec, fields), source, progress, visitor).await?;
    read.about.sample = read.sums.sample.as_ref().map(ToldSample::from);
    Ok(read.map(|visitor| visitor.sums))
}

impl<S> SideSummed<S> {
    fn map<T>(self, of: impl FnOnce(S) -> T) -> SideSummed<T> {
        SideSummed {
            about: self.about,
            sums: of(self.sums),
            remarks: self.remarks,
        }
    }
}

async fn summed<V: Visitor>(
    check: &Check,
    (spec, fields): (&DigestSpec, GivenFields),
    source: Arc<dyn Source>,
    progress: &Progress,
    visitor: impl Fn() -> V,
) -> Result<SideSummed<V>, Error> {
    let address = source.address();
    let hashed = spec
        .is_pipe
        .then(|| Arc::new(Hashed::of(Arc::clone(&source))));
    let source: Arc<dyn Source> = match &hashed {
        Some(hashed) => Arc::clone(hashed) as _,
        None => source,
    };
    let sources = alone(spec.side, &source);
    let mut reader = CheckSession::new(check, &sources, progress);
    let to_read = ToRead {
        side: spec.side,
        fields,
        again: false,
        for_receipt: false,
    };
    let read = read(&mut reader, &to_read, visitor).await?;
    let mut about = about::of(check, spec, reader.settle.now, &read, address);
    for came in about.sources.iter_mut().filter(|_| spec.is_pipe) {
        let part = came.parts.first().map(|part| &*part.name);
        let hash = hashed
            .as_ref()
            .zip(part)
            .and_then(|(hashed, part)| hashed.hash(part));
        came.store = [Some(came.store.clone()), hash]
            .into_iter()
            .flatten()
            .join(" ");
    }
    let mut remarks = read.listings[spec.side].remarks.clone();
    remarks.extend(sources[spec.side].remarks());
    Ok(SideSummed {
        about,
        sums: read.visitor,
        remarks,
    })
}

/// Returns a side's source with one that holds nothing for the other side.
fn alone(side: Side, source: &Arc<dyn Source>) -> Sides<Arc<dyn Source>> {
    Sides::from_fn(|of| match of == side {
        true => Arc::clone(source),
        false => Arc::new(Memory::new(Vec::new())),
    })
}
