//! Digests that are kept: makes one of a side, and compares those with each other or with a side that can be read.

mod about;
mod compare;
mod flows;
mod read;
pub mod receipt;
mod told;

use std::sync::Arc;

use crate::check::pass::reader::CheckSession;
use crate::check::pass::visitor::Visitor;
use crate::digest::KEY;
use crate::digest::file::{About, FlowSums};
use crate::model::{Error, Side, Sides};
use crate::progress::Progress;
use crate::source::memory::Memory;
use crate::source::{Remark, Source};

use super::Check;
use flows::FlowVisitor;
use read::{GivenFields, ToRead, read};

pub use compare::{SideSource, compare};

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
    let visitor = || FlowVisitor::new(FlowSums::for_differences(spec.differences), Arc::default());
    let fields = GivenFields::default();
    let read = summed(check, (spec, fields), source, progress, visitor).await?;
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
    let sources = alone(spec.side, &source);
    let mut reader = CheckSession::new(check, &sources, progress);
    let to_read = ToRead {
        side: spec.side,
        fields,
        again: false,
        for_receipt: false,
    };
    let read = read(&mut reader, &to_read, visitor).await?;
    let about = about::of(check, spec, reader.settle.now, &read, address);
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
