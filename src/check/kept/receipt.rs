//! What a side holds as receipts tell it, and whether it still does.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashSet;
use itertools::Itertools;

use super::about;
use super::read::{SideRead, ToRead, read};
use super::{DigestSpec, SideSummed, alone, summed};
use crate::check::Check;
use crate::check::pass::claims::EventDedup;
use crate::check::pass::reader::CheckSession;
use crate::check::pass::visitor::{SeenRecord, Visitor};
use crate::diff::Unseen;
use crate::digest::Fingerprints;
use crate::digest::file::{About, PartRead};
use crate::digest::receipt::{BucketChange, Receipt, ReceiptKey, WideSums};
use crate::model::{Cover, Error, Side, Sides};
use crate::progress::Progress;
use crate::record::{FieldSet, RecordKind};
use crate::source::{Hashed, Remark, Source};

/// Adds up one side's records as receipts do.
struct ReceiptVisitor {
    sums: WideSums,
    claims: EventDedup,
    /// What the kind and the fields of the records at hand are called.
    fields: Option<(Arc<FieldSet>, String)>,
}

impl ReceiptVisitor {
    fn new(sums: WideSums) -> Self {
        Self {
            sums,
            claims: EventDedup::default(),
            fields: None,
        }
    }
}

impl Visitor for ReceiptVisitor {
    fn empty_like(&self) -> Self {
        Self {
            claims: self.claims.empty_like(),
            ..Self::new(self.sums.empty_like())
        }
    }

    fn visit(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) -> bool {
        if !self.claims.claim(seen, key) {
            return false;
        }
        let set = &seen.set.fields;
        let known = self
            .fields
            .take()
            .filter(|(known, _)| Arc::ptr_eq(known, set));
        let (set, fields) = known.unwrap_or_else(|| {
            let names = set.fields.fields().iter().join(" ");
            (Arc::clone(set), format!("{} {names}", set.kind))
        });
        let print = &seen.print;
        self.sums.add(
            (seen.normal.text, &fields),
            (print.interface, print.name),
            print.slot,
        );
        self.fields = Some((set, fields));
        true
    }

    fn claim(&mut self, side: Side, event: u128) -> bool {
        self.claims.claim_event(side, event)
    }

    fn merge(&mut self, other: Self) {
        self.sums.merge(other.sums);
    }

    fn make_final(&mut self) -> bool {
        self.claims.make_final()
    }
}

/// Reads one side for a receipt: what it says of itself, and what each bucket holds. `fields` are those of each kind of record;
/// those that the side's layouts share of a kind for which none are given.
///
/// # Errors
/// As of [`super::digest`].
pub async fn held(
    check: &Check,
    (spec, fields): (&DigestSpec, &BTreeMap<RecordKind, Vec<String>>),
    source: Arc<dyn Source>,
    key: &ReceiptKey,
    progress: &Progress,
) -> Result<SideSummed<WideSums>, Error> {
    let visitor = || ReceiptVisitor::new(WideSums::new(key.clone()));
    let hashed = Arc::new(Hashed::of(source));
    let source: Arc<dyn Source> = Arc::clone(&hashed) as _;
    let asked = (spec, about::given(fields));
    let mut read = summed(check, asked, source, progress, visitor).await?;
    hash(&mut read.about, &hashed);
    Ok(read.map(|visitor| visitor.sums))
}

/// Says of each part what its bytes were.
fn hash(about: &mut About, hashed: &Hashed) {
    for part in about
        .sources
        .iter_mut()
        .flat_map(|source| &mut source.parts)
    {
        part.sha256 = hashed.hash(&part.name);
    }
}

/// What tells a part from another one, or from what it was: its bytes, if they are known.
fn identity(part: &PartRead) -> (&str, Option<u64>, &str) {
    let bytes = part.sha256.as_deref();
    (&part.name, part.size, bytes.unwrap_or(&part.version))
}

/// What has become of what a receipt tells of.
#[derive(Debug)]
pub struct Verified {
    /// The buckets that hold something else, in order; those are left out that may hold it in what could not be read.
    pub changed: Vec<BucketChange>,
    /// The buckets that may still hold it.
    pub undetermined: Vec<BucketChange>,
    /// What could not be read, and why.
    pub unreadable: Vec<(String, String)>,
    /// How many rows are no record, and how many were none.
    pub malformed: (u64, u64),
    /// Whether other parts hold it now.
    pub moved: bool,
    /// What the user should know about what was listed: what was passed over, say.
    pub remarks: Vec<Remark>,
}

impl Verified {
    /// Tells whether all was read.
    pub fn is_whole(&self) -> bool {
        self.unreadable.is_empty() && self.undetermined.is_empty()
    }
}

/// Reads an archive and tells whether it holds what a receipt says that it held. `check` is of the receipt's window and interfaces.
///
/// # Errors
/// The archive cannot be listed, or its records do not have the receipt's fields.
pub async fn verify(
    check: &Check,
    receipt: &Receipt,
    archive: Arc<dyn Source>,
    key: &ReceiptKey,
    progress: &Progress,
) -> Result<Verified, Error> {
    let about = &receipt.head.about;
    let hashed = Arc::new(Hashed::of(archive));
    let archive: Arc<dyn Source> = Arc::clone(&hashed) as _;
    let sources = alone(about.side, &archive);
    let mut reader = CheckSession::new(check, &sources, progress);
    let to_read = ToRead {
        side: about.side,
        fields: about::given(&about.fields),
        again: false,
        for_receipt: true,
    };
    let sums = || ReceiptVisitor::new(WideSums::new(key.clone()));
    let read = read(&mut reader, &to_read, sums).await?;
    let changes = receipt
        .sums
        .changes(&read.visitor.sums, &receipt.head.nonce, key);
    let unseen = unseen(about.side, &read);
    let (undetermined, changed) = changes.into_iter().partition(|change| {
        change.now < change.then && unseen.may_hide(about.side, &change.bucket)
    });
    let then: Vec<&PartRead> = about
        .sources
        .iter()
        .flat_map(|source| &source.parts)
        .collect();
    let mut now = about::parts(&read.found, false);
    // A receipt of an earlier flowdiff has no hashes to be compared with.
    let known = then.iter().filter(|part| part.sha256.is_some());
    let known: HashSet<&str> = known.map(|part| &*part.name).collect();
    for part in now.iter_mut().filter(|part| known.contains(&*part.name)) {
        part.sha256 = hashed.hash(&part.name);
    }
    let unreadable = read.found.unreadable.iter();
    Ok(Verified {
        changed,
        undetermined,
        unreadable: unreadable
            .map(|(part, why)| (part.name.to_string(), why.clone()))
            .collect(),
        malformed: (about.counts.malformed, read.found.tally.malformed),
        moved: !now
            .iter()
            .map(identity)
            .eq(then.into_iter().sorted().map(identity)),
        remarks: read.listings[about.side].remarks.clone(),
    })
}

/// Returns what may hold records that were not seen: unreadable parts, and rows that are no record.
fn unseen(side: Side, read: &SideRead<ReceiptVisitor>) -> Unseen {
    let unread = read.found.unreadable.iter().map(|(part, _)| part);
    let parts = unread.chain(&read.unnamed).map(|part| part.cover.clone());
    let rows = read.found.stands.all().map(|(cover, _)| cover.part.clone());
    let all: Vec<Cover> = parts.chain(rows).collect();
    let mut covers = Sides::default();
    covers[side] = all;
    Unseen { covers }
}
