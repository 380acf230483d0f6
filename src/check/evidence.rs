//! The second look: which records differ, confirmed by reading again just the parts that can hold them.

use std::io;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::diff::{Doubt, Flow, Kind, Outcome, Shown, differences};
use crate::digest::{BucketId, Net};
use crate::error::Error;
use crate::finding::Bucket;
use crate::source::{Cover, Part, Side, Sides};

use super::again::parts_again;
use super::pass::{Passed, Wanted};
use super::reader::Reader;
use super::screen::Screened;
use super::visitors::{Collection, Share, Wish};

/// Bytes that one differing record costs while its copies are held, with room to spare.
const BYTES_A_RECORD: u64 = 512;

/// Takes each difference as it is confirmed: the bucket, what it is, and what was found.
pub type EveryDifference<'a> = dyn FnMut(&Bucket, Kind, &Shown) -> io::Result<()> + Send + 'a;

/// Buckets that one side lacks altogether, and which side that is.
pub(super) type Lone = HashMap<BucketId, (Bucket, Side)>;

/// What the second look found.
pub(super) struct Explained {
    /// The differences.
    pub outcome: Outcome,
    /// Records that each side has gained (or lost) since the first look.
    pub arrivals: Sides<i64>,
    /// Parts that could be read the first time and not again.
    pub unreadable: Sides<Vec<(Part, String)>>,
    /// What the reader of the report should know.
    pub notes: Vec<String>,
}

/// The second look, as it goes on.
pub(super) struct Look<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) screened: &'a Screened,
    pub(super) flow: Flow,
    /// The parts that may hold what differs.
    pub(super) wanted: Sides<Vec<Wanted>>,
    pub(super) explained: Explained,
    pub(super) doubt: Doubt,
}

/// Looks a second time at whatever differs.
///
/// # Errors
/// A source that cannot be listed any more, or a file of all differences that cannot be written.
pub(super) async fn explain(
    reader: &Reader<'_>,
    screened: &Screened,
    every: Option<&mut EveryDifference<'_>>,
) -> Result<Explained, Error> {
    let explained = Explained {
        outcome: Outcome::showing(reader.check.max_evidence),
        arrivals: Sides::default(),
        unreadable: Sides::default(),
        notes: Vec::new(),
    };
    let unequal = screened.digests.unequal();
    if unequal.is_empty() {
        return Ok(explained);
    }
    reader.progress.phase("looking again");
    let found = screened.digests.differences();
    let mut look = Look {
        reader,
        screened,
        flow: Flow::new(&screened.rules.comparison),
        wanted: parts_again(reader, screened, &unequal).await?,
        explained,
        doubt: doubt(screened, found.as_deref().ok()),
    };
    match found {
        Ok(found) => look.few(&found, Share::ALL, Lone::new(), every).await?,
        Err(_) => look.many(&unequal, every).await?,
    }
    Ok(look.explained)
}

/// What the first look could not see. Malformed rows that are as many as the copies a side lacks may well be those
/// copies (a wrong `--cwl-format` makes all rows malformed): then none of these copies is called missing.
fn doubt(screened: &Screened, found: Option<&[Net]>) -> Doubt {
    let lacking = |side: Side| match found {
        Some(found) => {
            let copies = found
                .iter()
                .map(|difference| difference.copies * sign_of(side.other()));
            copies
                .map(|copies| u64::try_from(copies).unwrap_or(0))
                .sum::<u64>()
        }
        None => screened
            .digests
            .unequal()
            .iter()
            .map(|&id| screened.digests[side.other()].ledger.sums(id).copies)
            .sum(),
    };
    let covers = Sides::from_fn(|side| {
        let malformed = screened.tally[side].malformed;
        let hidden = (malformed > 0 && malformed >= lacking(side)).then(Cover::default);
        screened.unreadable[side]
            .iter()
            .map(|(part, _)| part.cover.clone())
            .chain(hidden)
            .collect()
    });
    Doubt { covers }
}

/// Differences are counted as S3's copies less CloudWatch's.
fn sign_of(side: Side) -> i64 {
    match side {
        Side::S3 => 1,
        Side::Cwl => -1,
    }
}

impl Look<'_> {
    /// Collects the copies of known differences of a share, in as many turns as fit the memory bound, and
    /// tells what they are. In the first turn the lone buckets' evidence is collected along.
    pub(super) async fn few(
        &mut self,
        found: &[Net],
        share: Share,
        lone: Lone,
        mut every: Option<&mut EveryDifference<'_>>,
    ) -> Result<(), Error> {
        if found.is_empty() && lone.is_empty() {
            return Ok(());
        }
        let copies: u64 = found
            .iter()
            .map(|difference| difference.copies.unsigned_abs())
            .sum();
        let turns = (copies * BYTES_A_RECORD)
            .div_ceil(self.reader.check.memory / 2)
            .max(1);
        let fingerprints: Arc<HashSet<u128>> = Arc::new(
            found
                .iter()
                .map(|difference| difference.fingerprint)
                .collect(),
        );
        let mut gone: HashMap<u128, Net> =
            found.iter().map(|one| (one.fingerprint, *one)).collect();
        let mut lone = Some(lone);
        for turn in share.split(turns) {
            let wish = Wish {
                fingerprints: Arc::clone(&fingerprints),
                share: turn,
                flow: self.flow.clone(),
                lone: lone.take().unwrap_or_default(),
                doubt: self.doubt.clone(),
                most_shown: self.reader.check.max_evidence,
            };
            let Passed {
                taken, unreadable, ..
            } = self
                .reader
                .pass(
                    &self.wanted,
                    &self.screened.rules,
                    Collection::new(Arc::new(wish)),
                )
                .await;
            let failed = self.note_unreadable(unreadable);
            self.explained.outcome.merge(taken.visitor.shown);
            let groups = taken.visitor.groups;
            for first in found {
                let now = groups.copies(first.fingerprint);
                if now != Sides::default() {
                    gone.remove(&first.fingerprint);
                    self.compare_looks(first, now, &failed);
                }
            }
            let most_shown = self.reader.check.max_evidence;
            let told = differences(&groups, &self.screened.rules.comparison, &self.doubt);
            for (number, difference) in told.iter().enumerate() {
                self.explained
                    .outcome
                    .count(difference.bucket, difference.kind, 1);
                // In order of findings, so what is not among the first here is not among the first of all.
                if number < most_shown || every.is_some() {
                    let shown = difference.shown();
                    if let Some(write) = &mut every {
                        let written = write(difference.bucket, difference.kind, &shown);
                        written.map_err(|error| self.reader.cannot_write(error))?;
                    }
                    self.explained
                        .outcome
                        .show(difference.bucket, difference.kind, shown);
                }
            }
            self.explained.outcome.note_more(told.len() > most_shown);
        }
        self.vanished(gone.into_values());
        Ok(())
    }

    /// Compares a record's copies now with the look before: what the lacking side has gained has arrived; what
    /// the other one has lost to a part that could not be read again is not known.
    fn compare_looks(&mut self, first: &Net, now: Sides<u64>, failed: &Sides<Vec<Cover>>) {
        let Some(bucket) = self.screened.digests.bucket(first.bucket) else {
            return;
        };
        let change = now.s3.cast_signed() - now.cwl.cast_signed() - first.copies;
        let owner = if first.copies > 0 {
            Side::S3
        } else {
            Side::Cwl
        };
        let lost = (-change * sign_of(owner)).clamp(0, first.copies.abs());
        let hidden = failed[owner]
            .iter()
            .any(|cover| cover.may_hold(&bucket.interface, bucket.slot));
        if hidden && lost > 0 {
            self.explained.outcome.count(
                &bucket,
                Kind::Undetermined(owner.other()),
                lost.unsigned_abs(),
            );
        } else {
            self.explained.arrivals[if change > 0 { Side::S3 } else { Side::Cwl }] += change.abs();
        }
    }

    /// Copies that were there at the look before and nowhere now cannot be confirmed.
    fn vanished(&mut self, gone: impl ExactSizeIterator<Item = Net>) {
        if gone.len() > 0 {
            self.explained.notes.push(format!(
                "{} differing records were not found again at the second look; they count as undetermined",
                gone.len()
            ));
        }
        for difference in gone {
            let lacking = if difference.copies > 0 {
                Side::Cwl
            } else {
                Side::S3
            };
            if let Some(bucket) = self.screened.digests.bucket(difference.bucket) {
                self.explained.outcome.count(
                    &bucket,
                    Kind::Undetermined(lacking),
                    difference.copies.unsigned_abs(),
                );
            }
        }
    }

    /// Takes note of parts that could be read before and not now: they may hold what their side lacks. Returns what
    /// they may hold.
    pub(super) fn note_unreadable(
        &mut self,
        unreadable: Sides<Vec<(Part, String)>>,
    ) -> Sides<Vec<Cover>> {
        let covers = unreadable.as_ref().map(|parts| {
            parts
                .iter()
                .map(|(part, _)| part.cover.clone())
                .collect::<Vec<_>>()
        });
        for (side, parts) in [(Side::S3, unreadable.s3), (Side::Cwl, unreadable.cwl)] {
            self.doubt.covers[side].extend(covers[side].iter().cloned());
            let known = &mut self.explained.unreadable[side];
            let new = parts
                .into_iter()
                .filter(|(part, _)| known.iter().all(|(old, _)| old.name != part.name));
            let new: Vec<_> = new.collect();
            known.extend(new);
        }
        covers
    }
}
