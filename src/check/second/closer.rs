//! What later looks do with records: the closer look tells, or keeps, those of the buckets that differ; the collection
//! keeps the copies of those that are known to differ.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::causes::{Age, DifferingCopy, Lone, Sort, Traits, minute_of, of_flow, of_values};
use crate::check::pass::claims::EventDedup;
use crate::check::pass::visitor::{SeenRecord, Visitor};
use crate::diff::{DifferenceCounts, DifferenceKind, Shown, Unseen};
use crate::digest::{BucketId, BucketTally, Fingerprints, Sketch};
use crate::model::delay::Delays;
use crate::model::finding::{Bucket, Evidence};
use crate::model::{Side, Sides};
use crate::record::LogStatus;

use super::copies::CopyIntake;
use super::unequal::{FingerprintIntake, Unequal};

/// What a closer look is about.
#[derive(Debug)]
pub(super) struct CloserScope {
    /// Buckets that both sides have something in, and not the same: each record counts.
    pub shared: HashSet<BucketId>,
    /// Buckets that only one side has anything in, and which side lacks them: the count says it all.
    pub lone: HashMap<BucketId, Side>,
    /// Buckets that a side had nothing in at the last look, and which side that is: what it has now has arrived.
    pub arriving: HashMap<BucketId, Side>,
    /// The clock at the last look and at this one: what was delivered later than that has arrived, and what tells no
    /// time has by now.
    pub looks: (i64, i64),
    /// How many records of lone buckets are shown.
    pub most_shown: usize,
}

impl CloserScope {
    /// Returns `end` and delivery of a record that has arrived since the last look.
    fn arrival(&self, seen: &SeenRecord<'_>) -> Option<(i64, i64)> {
        let (last, now) = self.looks;
        let arrived = self.arriving.get(&seen.print.bucket) == Some(&seen.origin.side)
            || seen.delivered.is_some_and(|at| at > last);
        let end = seen.normal.end.filter(|_| arrived)?;
        Some((end, seen.delivered.unwrap_or(now)))
    }
}

/// What a closer look makes of the records of the shared buckets.
pub(super) enum Strategy {
    /// The differences, as many as it can be expected to tell: what S3 has more.
    Sketch(Sketch, usize),
    /// Of all copies the fingerprints, to tell which records may differ.
    Fingerprints(FingerprintIntake),
    /// All copies; of records that may differ, if it is known which.
    Copies(CopyIntake, Option<Arc<Unequal>>),
}

impl Strategy {
    fn empty_like(&self) -> Self {
        match self {
            Self::Sketch(_, capacity) => {
                Self::Sketch(Sketch::for_differences(*capacity), *capacity)
            }
            Self::Fingerprints(all) => Self::Fingerprints(all.empty_like()),
            Self::Copies(copies, only) => Self::Copies(copies.empty_like(), only.clone()),
        }
    }

    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Sketch(sketch, _), Self::Sketch(more, _)) => *sketch += &more,
            (Self::Fingerprints(all), Self::Fingerprints(more)) => all.merge(more),
            (Self::Copies(copies, _), Self::Copies(more, _)) => copies.merge(more),
            _ => unreachable!("visitors of one pass are of one kind"),
        }
    }
}

/// A closer look at the unequal buckets, when the first sketch could not tell the differences.
pub(super) struct BucketVisitor {
    /// The unequal buckets as they are now.
    pub tallies: HashMap<BucketId, BucketTally>,
    /// How long it took what has arrived since the last look.
    pub delays: Sides<Delays>,
    /// The first records of lone buckets, shown and not counted: those that are settled, as missing ...
    pub settled: DifferenceCounts,
    /// ... and those that are young.
    pub young: DifferenceCounts,
    /// The records of shared buckets.
    pub means: Strategy,
    /// What was noted of the records of lone buckets.
    pub lone: Lone,
    scope: Arc<CloserScope>,
    claims: EventDedup,
}

impl BucketVisitor {
    /// Starts with nothing.
    pub(super) fn new(scope: Arc<CloserScope>, means: Strategy) -> Self {
        Self {
            tallies: HashMap::new(),
            delays: Sides::default(),
            settled: DifferenceCounts::showing(scope.most_shown),
            young: DifferenceCounts::showing(scope.most_shown),
            means,
            lone: Lone::default(),
            scope,
            claims: EventDedup::default(),
        }
    }

    /// Notes what may tell why the other side lacks it.
    fn note_lone(&mut self, seen: &SeenRecord<'_>) {
        let Some(lacking) = self.scope.lone.get(&seen.print.bucket) else {
            return;
        };
        let normal = seen.normal;
        let traits = Traits {
            sort: sort_of(seen),
            minute: normal.start.map_or(Traits::NO_MINUTE, minute_of),
            age: Age::at(normal.end, seen.delivered),
            ..Traits::default()
        };
        let young = seen.print.young;
        let record = seen.record();
        let numbers = (of_flow(&record), of_values(normal.text));
        let row = || DifferingCopy {
            side: seen.origin.side,
            kind: match young {
                true => DifferenceKind::Pending(*lacking),
                false => DifferenceKind::Missing(*lacking),
            },
            bucket: bucket_of(seen),
            traits,
            record: record.clone(),
            part: Arc::clone(&seen.origin.name),
        };
        self.lone
            .add((seen.print.bucket, young, traits), numbers, row);
    }

    fn show_lone(&mut self, seen: &SeenRecord<'_>) {
        let Some(lacking) = self.scope.lone.get(&seen.print.bucket) else {
            return;
        };
        let (shown, kind) = match seen.print.young {
            true => (&mut self.young, DifferenceKind::Pending(*lacking)),
            false => (&mut self.settled, DifferenceKind::Missing(*lacking)),
        };
        // Most of them are never shown, so nothing is made of what is not.
        let interface = String::from_utf8_lossy(seen.print.interface);
        if shown.may_show((&interface, seen.print.slot), kind) {
            let bucket = bucket_of(seen);
            let evidence = Evidence {
                record: seen.record(),
                found_in: seen.place(),
            };
            shown.show(&bucket, kind, Shown::Leftover(evidence));
        }
    }
}

fn bucket_of(seen: &SeenRecord<'_>) -> Bucket {
    Bucket {
        interface: String::from_utf8_lossy(seen.print.interface).into(),
        slot: seen.print.slot,
    }
}

/// Tells what a row tells of.
fn sort_of(seen: &SeenRecord<'_>) -> Sort {
    match seen.normal.status {
        LogStatus::NoData => Sort::NoData,
        LogStatus::SkipData => Sort::SkipData,
        LogStatus::Ok => {
            let values = seen.normal.text.split(|&byte| byte == b' ');
            let said = values.map(Sort::said);
            said.fold(Sort::default(), Sort::max_told)
        }
    }
}

/// Returns what a record is whose bucket the other side lacks altogether: it has no flow to be paired
/// with there, and no copy.
pub(super) fn lone_kind(
    bucket: &Bucket,
    lacking: Side,
    young: bool,
    doubt: &Unseen,
) -> DifferenceKind {
    if young {
        DifferenceKind::Pending(lacking)
    } else if doubt.may_hide(lacking, bucket) {
        DifferenceKind::Undetermined(lacking)
    } else {
        DifferenceKind::Missing(lacking)
    }
}

impl Visitor for BucketVisitor {
    fn empty_like(&self) -> Self {
        Self {
            claims: self.claims.empty_like(),
            ..Self::new(Arc::clone(&self.scope), self.means.empty_like())
        }
    }

    fn visit(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) -> bool {
        let bucket = seen.print.bucket;
        let shared = self.scope.shared.contains(&bucket);
        if !shared && !self.scope.lone.contains_key(&bucket) {
            return false;
        }
        let counts = self.claims.claim(seen, key);
        match &mut self.means {
            _ if !shared => self.show_lone(seen),
            // An event that is found twice is kept twice, so that which of the two is shown is not left to chance.
            Strategy::Copies(copies, only) => {
                let fingerprint = seen.print.fingerprint;
                if only.as_ref().is_none_or(|only| only.may_hold(fingerprint)) {
                    copies.keep(seen, key);
                }
            }
            Strategy::Fingerprints(all) if counts => all.keep(seen),
            Strategy::Sketch(sketch, _) if counts => {
                let more = match seen.origin.side {
                    Side::S3 => 1,
                    Side::Cwl => -1,
                };
                sketch.add(seen.print.fingerprint, bucket, more);
            }
            Strategy::Fingerprints(_) | Strategy::Sketch(..) => {}
        }
        if counts && !shared {
            self.note_lone(seen);
        }
        if counts {
            let tally = self.tallies.entry(bucket).or_default();
            tally.add(seen.origin.side, &seen.print);
            if let Some((end, delivered)) = self.scope.arrival(seen) {
                self.delays[seen.origin.side].add(end, delivered);
            }
        }
        counts
    }

    fn merge(&mut self, other: Self) {
        if self.tallies.is_empty() {
            self.tallies = other.tallies;
        } else {
            for (id, tally) in &other.tallies {
                self.tallies.entry(*id).or_default().merge(tally);
            }
        }
        self.delays.s3.merge(&other.delays.s3);
        self.delays.cwl.merge(&other.delays.cwl);
        self.settled.merge(other.settled);
        self.young.merge(other.young);
        self.means.merge(other.means);
        self.lone.merge(other.lone);
    }

    fn make_final(&mut self) -> bool {
        self.claims.make_final()
    }
}

/// The collection: the copies of records that are known to differ.
pub(super) struct Collection {
    /// The copies.
    pub copies: CopyIntake,
    fingerprints: Arc<HashSet<u128>>,
}

impl Collection {
    /// Starts with nothing.
    pub(super) fn new(fingerprints: Arc<HashSet<u128>>, copies: CopyIntake) -> Self {
        Self {
            copies,
            fingerprints,
        }
    }
}

impl Visitor for Collection {
    fn empty_like(&self) -> Self {
        Self::new(Arc::clone(&self.fingerprints), self.copies.empty_like())
    }

    fn visit(&mut self, seen: &SeenRecord<'_>, key: &Fingerprints) -> bool {
        if self.fingerprints.contains(&seen.print.fingerprint) {
            self.copies.keep(seen, key);
        }
        true
    }

    fn wanted(&self) -> Option<&HashSet<u128>> {
        Some(&self.fingerprints)
    }

    fn merge(&mut self, other: Self) {
        self.copies.merge(other.copies);
    }
}
