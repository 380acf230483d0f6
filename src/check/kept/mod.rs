//! Digests that are kept: makes one of a side, and compares those with each other or with a side that can be read.

mod about;
mod compare;
mod flows;
mod read;
pub mod receipt;
mod told;

use std::sync::Arc;

use crate::check::pass::reader::CheckSession;
use crate::digest::KEY;
use crate::digest::file::{FlowSums, SideDigest};
use crate::model::{Error, Side, Sides};
use crate::progress::Progress;
use crate::source::Source;
use crate::source::memory::Memory;

use super::Check;
use flows::FlowVisitor;
use read::{ToRead, read};

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
) -> Result<SideDigest, Error> {
    let address = source.address();
    let sources = alone(spec.side, &source);
    let mut reader = CheckSession::new(check, &sources, progress);
    let to_read = ToRead {
        side: spec.side,
        fields: Default::default(),
        again: false,
    };
    let read = read(&mut reader, &to_read, || {
        FlowVisitor::new(FlowSums::for_differences(spec.differences), Arc::default())
    });
    let read = read.await?;
    let about = about::of(check, spec, reader.settle.now, &read, address);
    let sums = read.visitor.sums;
    Ok(SideDigest {
        about,
        ledger: sums.ledger,
        sketch: sums.sketch,
    })
}

/// Returns a side's source with one that holds nothing for the other side.
fn alone(side: Side, source: &Arc<dyn Source>) -> Sides<Arc<dyn Source>> {
    Sides::from_fn(|of| match of == side {
        true => Arc::clone(source),
        false => Arc::new(Memory::new(Vec::new())),
    })
}
