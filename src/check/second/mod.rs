//! The second look, and later ones: which records differ, confirmed by reading again just the parts that can hold them.

pub(super) mod again;
mod closer;
mod copies;
mod many;
mod partitions;
pub(super) mod question;
pub(super) mod recheck;
mod unequal;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use hashbrown::{HashMap, HashSet};

use crate::causes::{Cause, NotedDifferences, Traffic};
use crate::diff::{
    Difference, DifferenceCounts, DifferenceKind, EveryDifference, FieldSets, Groups, Hiding,
    Shown, Unseen, Untold, differences,
};
use crate::digest::{BucketId, NetDifference};
use crate::model::delay::Delays;
use crate::model::finding::Bucket;
use crate::model::{Cover, Error, Side, Sides};
use crate::source::Part;

use super::first::Screened;
use super::pass::reader::CheckSession;
use super::pass::rules::Halt;
use super::pass::visitor::Visitor;
use super::pass::{PassResult, WantedPart};
use again::parts_again;
use closer::Collection;
use copies::{Allowance, CopyIntake, Gathered, Names};
use question::Unresolved;

/// What a side lacked at one look and had at a later one.
#[derive(Clone, Debug, Default)]
pub(super) struct LateCopies {
    /// How many copies.
    pub records: u64,
    /// How long they were on their way; at most, if nothing tells when they were delivered.
    pub delays: Delays,
}

/// What a second or later look found.
#[derive(Clone, Debug)]
pub(super) struct DifferencesFound {
    /// The differences.
    pub outcome: DifferenceCounts,
    /// Records that each side has gained (or lost) since the first look.
    pub arrivals: Sides<i64>,
    /// What has arrived since the last look.
    pub late: Sides<LateCopies>,
    /// Parts that could be read the first time and not again.
    pub unreadable: Sides<Vec<(Arc<Part>, String)>>,
    /// What the copies that differ tell of packets and bytes.
    pub traffic: Traffic,
    /// What may tell why they differ.
    pub noted: NotedDifferences,
    /// What the reader of the report should know.
    pub causes: Vec<Cause>,
    /// What still differs.
    pub left: Unresolved,
    /// How many rechecks there were.
    pub rechecks: u32,
}

impl DifferencesFound {
    /// Nothing differs.
    pub(super) fn nothing(most_shown: usize) -> Self {
        Self {
            outcome: DifferenceCounts::showing(most_shown),
            arrivals: Sides::default(),
            late: Sides::default(),
            unreadable: Sides::default(),
            traffic: Traffic::default(),
            noted: NotedDifferences::default(),
            causes: Vec::new(),
            left: Unresolved::Few(Vec::new()),
            rechecks: 0,
        }
    }
}

/// A second or later look, as it goes on.
pub(super) struct SecondLook<'a> {
    reader: &'a CheckSession<'a>,
    screened: &'a Screened,
    sets: Arc<FieldSets>,
    /// The clock at the last look.
    last: i64,
    /// The parts that may hold what differs.
    wanted: Sides<Vec<WantedPart>>,
    explained: DifferencesFound,
    doubt: Unseen,
    /// Which copies malformed rows of the side that lacks them may be.
    hiding: Sides<Hiding>,
    /// What cannot be told before all copies are known.
    untold: Untold,
    /// What [`DifferencesFound::arrivals`] adds up to, bucket by bucket.
    arrived: HashMap<BucketId, Sides<i64>>,
}

/// Looks again at what differed at the last look, which was at `last` by the clock.
///
/// # Errors
/// A source that cannot be listed any more, or a file of all differences that cannot be written.
pub(super) async fn explain(
    reader: &CheckSession<'_>,
    screened: &Screened,
    question: Unresolved,
    last: i64,
    every: Option<&mut EveryDifference<'_>>,
) -> Result<DifferencesFound, Error> {
    reader.progress.phase("looking again");
    let again = parts_again(reader, screened, &question).await?;
    let rules = &screened.rules;
    let (sets, sides) = rules.sets.all();
    let mut look = SecondLook {
        reader,
        screened,
        sets: Arc::new(FieldSets::new(sets, sides, rules.compared.clone())),
        last,
        wanted: again.wanted,
        explained: DifferencesFound::nothing(reader.check.max_evidence),
        doubt: doubt(screened),
        hiding: Sides::from_fn(|side| Hiding::new(&screened.sides[side].stands)),
        untold: Untold::within(reader.memory / 8),
        arrived: HashMap::new(),
    };
    look.note_unreadable(again.gone);
    let mut every = every;
    let left = match question {
        Unresolved::Few(found) => Unresolved::Few(look.few(&found, every.as_deref_mut()).await?),
        Unresolved::Many(standing) => {
            Unresolved::Many(look.many(standing, every.as_deref_mut()).await?)
        }
    };
    look.decide(every)?;
    let mut explained = look.explained;
    explained.left = left;
    Ok(explained)
}

/// What the first look could not read, and what was passed over because its name says nothing.
fn doubt(screened: &Screened) -> Unseen {
    let covers = Sides::from_fn(|side| {
        let unreadable = screened.sides[side].unreadable.iter();
        let unreadable = unreadable.map(|(part, _)| part);
        let unread = unreadable.chain(&screened.unnamed[side]);
        unread.map(|part| part.cover.clone()).collect()
    });
    Unseen { covers }
}

/// Differences are counted as S3's copies less CloudWatch's.
fn sign_of(side: Side) -> i64 {
    match side {
        Side::S3 => 1,
        Side::Cwl => -1,
    }
}

impl SecondLook<'_> {
    /// Collects the copies of known differences and tells what they are. Returns what still differs.
    pub(super) async fn few(
        &mut self,
        found: &[NetDifference],
        every: Option<&mut EveryDifference<'_>>,
    ) -> Result<Vec<NetDifference>, Error> {
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let mut gone: HashMap<u128, NetDifference> =
            found.iter().map(|one| (one.fingerprint, *one)).collect();
        let buckets: HashSet<BucketId> = found.iter().map(|one| one.bucket).collect();
        let copies = CopyIntake::new(Arc::clone(&self.sets), self.allowance(buckets.into_iter()));
        let fingerprints = Arc::new(gone.keys().copied().collect());
        let mut passed = self.pass(Collection::new(fingerprints, copies)).await?;
        self.note_unreadable(passed.take_unreadable());
        let mut left = Vec::new();
        let gathered = passed.visitor.copies.gathered();
        let gathered = gathered.map_err(Error::Temporary)?;
        self.compare(gathered, true, every, |look, groups| {
            for fingerprint in groups.fingerprints() {
                if let Some(first) = gone.remove(&fingerprint) {
                    let now = groups.copies(fingerprint);
                    left.extend(look.compare_looks(&first, now, groups));
                }
            }
        })?;
        left.extend(gone.values());
        self.vanished(gone.into_values());
        Ok(left)
    }

    /// Tells what copies are, as many flows at once as there is memory for. `first` is shown them before.
    ///
    /// # Errors
    /// The temporary file that they were put into, or the one that differences are written to.
    fn compare(
        &mut self,
        mut gathered: Gathered,
        all: bool,
        mut every: Option<&mut EveryDifference<'_>>,
        mut first: impl FnMut(&mut Self, &Groups),
    ) -> Result<(), Error> {
        if gathered.spilled() > 0 {
            let bytes = bytesize::ByteSize(gathered.spilled());
            tracing::info!(%bytes, "what differs does not fit --memory: copies were put into a temporary file");
        }
        let (screened, wanted) = (self.screened, self.wanted.as_ref());
        let parts = wanted.map(|parts| {
            let names = parts.iter().map(|wanted| Arc::clone(&wanted.part.name));
            names.collect()
        });
        let names = Names {
            parts,
            interface: &|name| {
                let known = screened.digests.interface(name);
                known.expect("what differs was seen before")
            },
        };
        // The next flows are put together while these are told.
        std::thread::scope(|scope| {
            let (given, taken) = sync_channel(0);
            scope.spawn(move || {
                while let Some(groups) = gathered.next(&names, all).transpose() {
                    let failed = groups.is_err();
                    if given.send(groups).is_err() || failed {
                        break;
                    }
                }
            });
            for groups in taken {
                let groups = groups.map_err(Error::Temporary)?;
                first(self, &groups);
                self.tell(&groups, every.as_deref_mut())?;
            }
            Ok(())
        })
    }

    /// Tells what differs among copies.
    fn tell(
        &mut self,
        groups: &Groups,
        mut every: Option<&mut EveryDifference<'_>>,
    ) -> Result<(), Error> {
        let most_shown = self.reader.check.max_evidence;
        let sets = Arc::clone(&self.sets);
        let mut told = differences(groups, &sets, &self.doubt);
        for matched in &told.fewer {
            self.explained.outcome.count_fewer(matched, &sets);
        }
        told.open
            .sort_by_cached_key(|one| one.order_of_flows(&sets));
        for open in &told.open {
            self.note_traffic(open);
            self.explained.noted.difference(open);
            for decided in self.untold.keep(open, &sets) {
                self.note(&decided.bucket, decided.kind, decided.shown, &mut every)?;
            }
        }
        if Side::BOTH.iter().any(|&side| !self.hiding[side].is_over()) {
            // Flow by flow, so that what is hidden does not depend on how many flows are together here.
            told.differences
                .sort_by_cached_key(|one| one.order_of_flows(&sets));
            for difference in &mut told.differences {
                let lacking = difference.lacking(&sets);
                let hidden = lacking.filter(|(side, copy)| self.hiding[*side].hides(copy));
                if let Some((side, _)) = hidden {
                    difference.kind = DifferenceKind::Undetermined(side);
                }
            }
            told.sort();
        }
        for (number, difference) in told.differences.iter().enumerate() {
            self.note_traffic(difference);
            self.explained.noted.difference(difference);
            // In order of findings, so what is not among the first here is not among the first of all.
            if number < most_shown || every.is_some() {
                let shown = difference.shown();
                self.note(difference.bucket, difference.kind, shown, &mut every)?;
            } else {
                self.explained
                    .outcome
                    .count(difference.bucket, difference.kind, 1);
            }
        }
        self.explained
            .outcome
            .note_more(told.differences.len() > most_shown);
        Ok(())
    }

    /// Tells what is left of that which could not be told before all copies were known.
    fn decide(&mut self, mut every: Option<&mut EveryDifference<'_>>) -> Result<(), Error> {
        let sets = Arc::clone(&self.sets);
        let untold = std::mem::replace(&mut self.untold, Untold::within(0));
        for decided in untold.decide(&sets) {
            let lacking = decided.lacking();
            let hidden = lacking.filter(|(side, copy)| self.hiding[*side].hides(copy));
            let kind = hidden.map(|(side, _)| DifferenceKind::Undetermined(side));
            let kind = kind.unwrap_or(decided.kind);
            self.note(&decided.bucket, kind, decided.shown, &mut every)?;
        }
        Ok(())
    }

    /// Counts a difference, shows it, and writes it out.
    fn note(
        &mut self,
        bucket: &Bucket,
        kind: DifferenceKind,
        shown: Shown,
        every: &mut Option<&mut EveryDifference<'_>>,
    ) -> Result<(), Error> {
        if let Some(write) = every {
            let written = write(bucket, kind, &shown);
            written.map_err(|error| self.reader.cannot_write(error))?;
        }
        self.explained.outcome.count(bucket, kind, 1);
        self.explained.outcome.show(bucket, kind, shown);
        Ok(())
    }

    /// Adds up what the copies of a difference tell of packets and bytes.
    fn note_traffic(&mut self, difference: &Difference<'_>) {
        let bucket = difference.bucket;
        let name = self.screened.rules.key.of_name(bucket.interface.as_bytes());
        let id = BucketId::new(name, bucket.slot);
        let copies = difference.copies();
        for side in Side::BOTH {
            if let Some(kept) = copies[side] {
                self.explained.traffic.add(side, id.0, &kept.record);
            }
        }
    }

    /// Returns how much memory copies of records in these buckets may take.
    fn allowance(&self, buckets: impl Iterator<Item = BucketId>) -> Allowance {
        let digests = &self.screened.digests;
        let copies = |id| {
            let side = |side: Side| digests[side].ledger.sums(id).copies;
            side(Side::S3) + side(Side::Cwl)
        };
        Allowance {
            copies: buckets.map(copies).sum(),
            bytes: self.reader.memory / 8,
            // Each worker has one more while it is not certain that its part can be read.
            keepers: 1 + 2 * self.reader.limits.workers as u64,
        }
    }

    /// Reads the parts that may hold what differs.
    ///
    /// # Errors
    /// A part that has come since the first look lacks a compared field.
    pub(super) async fn pass<V: Visitor>(&self, visitor: V) -> Result<PassResult<V>, Error> {
        let rules = &self.screened.rules;
        let passed = self.reader.pass_once(&self.wanted, rules, visitor).await;
        let Ok(passed) = passed else {
            return Err(Error::Incomparable(
                "what a source gives has changed while it was looked at again: check again".into(),
            ));
        };
        match rules.halted() {
            None => Ok(passed),
            Some(Halt::Incomparable(why)) => Err(Error::Incomparable(why)),
            Some(Halt::MoreFields | Halt::OtherFields) => Err(Error::Incomparable(
                "records with other fields have arrived while both sides were compared: check again".into(),
            )),
        }
    }

    /// Compares a record's copies now with the look before: what the lacking side has gained has arrived; what
    /// the other one has lost to a part that cannot be read any more is not known. Returns the difference that is left.
    fn compare_looks(
        &mut self,
        first: &NetDifference,
        now: Sides<u64>,
        groups: &Groups,
    ) -> Option<NetDifference> {
        let bucket = self.screened.digests.bucket(first.bucket)?;
        let copies = now.s3.cast_signed() - now.cwl.cast_signed();
        let change = copies - first.copies;
        let owner = if first.copies > 0 {
            Side::S3
        } else {
            Side::Cwl
        };
        let lost = (-change * sign_of(owner)).clamp(0, first.copies.abs());
        let is_gone = |cover: &Cover| cover.may_hold(&bucket.interface, bucket.slot);
        let mut parts = self.explained.unreadable[owner].iter();
        if lost > 0 && parts.any(|(part, _)| is_gone(&part.cover)) {
            self.explained.traffic.leave_out();
            self.explained.outcome.count(
                &bucket,
                DifferenceKind::Undetermined(owner.other()),
                lost.unsigned_abs(),
            );
            return Some(*first);
        }
        let gainer = if change > 0 { Side::S3 } else { Side::Cwl };
        self.arrive(first.bucket, gainer, change.abs());
        self.note_late(
            first.fingerprint,
            owner.other(),
            lost.unsigned_abs(),
            groups,
        );
        (copies != 0).then_some(NetDifference { copies, ..*first })
    }

    /// Counts records that a side has gained (or lost) since the first look.
    pub(super) fn arrive(&mut self, bucket: BucketId, side: Side, change: i64) {
        if change == 0 {
            return;
        }
        self.explained.arrivals[side] += change;
        self.arrived.entry(bucket).or_default()[side] += change;
    }

    /// Takes note of copies of a record that a side had lacked.
    fn note_late(&mut self, fingerprint: u128, side: Side, copies: u64, groups: &Groups) {
        let late = &mut self.explained.late[side];
        late.records += copies;
        let copies = usize::try_from(copies).unwrap_or(usize::MAX);
        for (end, delivered) in groups.newest(fingerprint, side, copies) {
            if let Some(end) = end {
                let by_now = self.reader.settle.now;
                late.delays.add(end, delivered.unwrap_or(by_now));
            }
        }
    }

    /// Copies that were there at the look before and nowhere now cannot be confirmed.
    fn vanished(&mut self, gone: impl ExactSizeIterator<Item = NetDifference>) {
        if gone.len() > 0 {
            let records = gone.len() as u64;
            self.explained.causes.push(Cause::Vanished { records });
        }
        for difference in gone {
            self.explained.traffic.leave_out();
            let lacking = if difference.copies > 0 {
                Side::Cwl
            } else {
                Side::S3
            };
            if let Some(bucket) = self.screened.digests.bucket(difference.bucket) {
                self.explained.outcome.count(
                    &bucket,
                    DifferenceKind::Undetermined(lacking),
                    difference.copies.unsigned_abs(),
                );
            }
        }
    }

    /// Takes note of parts that could be read before and not now: they may hold what their side lacks.
    pub(super) fn note_unreadable(&mut self, unreadable: Sides<Vec<(Arc<Part>, String)>>) {
        for (side, parts) in [(Side::S3, unreadable.s3), (Side::Cwl, unreadable.cwl)] {
            let covers = parts.iter().map(|(part, _)| part.cover.clone());
            self.doubt.covers[side].extend(covers);
            let known = &mut self.explained.unreadable[side];
            let new = parts
                .into_iter()
                .filter(|(part, _)| known.iter().all(|(old, _)| old.name != part.name));
            let new: Vec<_> = new.collect();
            known.extend(new);
        }
    }
}
