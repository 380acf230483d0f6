//! Compares two sides of which at least one is a digest: by what their sums tell, and by a second reading of the side that can
//! be read.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use itertools::Itertools;

use crate::causes::Cause;
use crate::check::answer::report;
use crate::check::first::Screened;
use crate::check::pass::reader::CheckSession;
use crate::check::pass::rules::Rules;
use crate::check::second::DifferencesFound;
use crate::check::{Check, nothing_there};
use crate::diff::{EveryDifference, Unseen};
use crate::digest::file::{About, FlowSums, Sample, SideDigest, unlike};
use crate::digest::{BucketId, Digest, FlowSketch, Ledger, NetFlow, Overfull, Sketch};
use crate::model::window::Settle;
use crate::model::{Error, Side, Sides};
use crate::progress::Progress;
use crate::record::PerKind;
use crate::report::Report;
use crate::source::memory::Memory;
use crate::source::{Listing, Source};

use super::about;
use super::flows::{FlowVisitor, KeptRecord};
use super::read::{GivenFields, SideRead, ToRead, read};
use super::told::{Differing, Known};
use crate::check::pass::taken::SideScreen;

/// A side that is compared.
pub enum SideSource {
    /// Its digest, and where that stands.
    Digest(Box<SideDigest>, String),
    /// Where its records are.
    Records(Arc<dyn Source>),
}

/// One side as it is known.
struct KnownSide {
    ledger: Ledger,
    sketch: FlowSketch,
    found: SideScreen,
    unnamed: Vec<Arc<crate::source::Part>>,
    /// The clock when it was read.
    clock: i64,
    listing: Listing,
}

/// Compares two sides, of which at least one is a digest. `check` has the window, the interfaces and the fingerprints of the
/// digest; `every` is given each difference, in the order of findings.
///
/// # Errors
/// The two cannot be compared, or the one that is no digest cannot be read.
pub async fn compare(
    check: &Check,
    sides: Sides<SideSource>,
    progress: &Progress,
    every: Option<&mut EveryDifference<'_>>,
) -> Result<Report, Error> {
    let sources = sides.as_ref().map(|side| -> Arc<dyn Source> {
        match side {
            SideSource::Digest(_, place) => Arc::new(Memory::new(Vec::new()).at(place.clone())),
            SideSource::Records(source) => Arc::clone(source),
        }
    });
    let digests = sides.map(|side| match side {
        SideSource::Digest(digest, _) => Some(*digest),
        SideSource::Records(_) => None,
    });
    let abouts = digests
        .as_ref()
        .map(|digest| digest.as_ref().map(|digest| digest.about.clone()));
    if let (Some(s3), Some(cwl)) = (&abouts.s3, &abouts.cwl) {
        refuse_unlike(s3, cwl)?;
    }
    let mut reader = CheckSession::new(check, &sources, progress);
    let to_read = to_read(&abouts);
    let mut first = None;
    if let Some(to_read) = &to_read {
        let visitor = || flows(differences(&abouts), Arc::default());
        let read = read(&mut reader, to_read, visitor).await?;
        refuse_nothing(check, to_read.side, &read, &abouts)?;
        first = Some(read);
    }
    let rules = match &first {
        Some(first) => Arc::clone(&first.rules),
        None => Arc::new(rules(&reader, &abouts)),
    };
    let mut known = Sides {
        s3: None,
        cwl: None,
    };
    for (side, digest) in [(Side::S3, digests.s3), (Side::Cwl, digests.cwl)] {
        known[side] = Some(match digest {
            Some(digest) => of_digest(digest)?,
            None => {
                let first = first.take();
                of_reading(
                    first.expect("what is no digest was read"),
                    side,
                    reader.settle.now,
                )
            }
        });
    }
    let known = known.map(|side| side.expect("each side is known"));
    let looks = Looks {
        reader: &mut reader,
        to_read,
        rules,
        abouts,
    };
    looks.report(known, every).await
}

/// Tells whether there was anything where a digest was made.
fn has_any(about: &About) -> bool {
    let read = about.sources.iter().any(|source| !source.parts.is_empty());
    read || !about.unreadable.is_empty()
}

/// Refuses digests of both sides that cannot be compared.
pub(super) fn refuse_unlike(s3: &About, cwl: &About) -> Result<(), Error> {
    match unlike(s3, cwl, false) {
        Some(unlike) => Err(Error::Incomparable(unlike.to_string())),
        None => Ok(()),
    }
}

/// Refuses a place under which there is nothing, while the digest of the other side has something.
fn refuse_nothing<V>(
    check: &Check,
    side: Side,
    read: &SideRead<V>,
    abouts: &Sides<Option<About>>,
) -> Result<(), Error> {
    let other = abouts[side.other()].as_ref();
    let may_be_a_slip = !check.allow_empty && other.is_some_and(has_any);
    let remarks = &read.listings[side].remarks;
    let refused = may_be_a_slip.then(|| nothing_there(side, remarks));
    refused.flatten().map_or(Ok(()), Err)
}

/// Returns the fields that digests are of, for each kind that one of them has met.
pub(super) fn given_fields(abouts: Sides<Option<&About>>) -> GivenFields {
    let given = abouts.map(|about| about.map(|about| about::given(&about.fields)));
    let of = |side: &Option<GivenFields>, kind| side.as_ref().and_then(|of| of[kind].clone());
    PerKind::from_fn(|kind| of(&given.s3, kind).or_else(|| of(&given.cwl, kind)))
}

/// Returns what is to be read, if anything is.
fn to_read(abouts: &Sides<Option<About>>) -> Option<ToRead> {
    let side = Side::BOTH
        .into_iter()
        .find(|&side| abouts[side].is_none())?;
    let about = abouts[side.other()].as_ref()?;
    Some(ToRead {
        side,
        fields: about::given(&about.fields),
        again: false,
        for_receipt: false,
    })
}

/// Returns how many differences the sketches tell.
fn differences(abouts: &Sides<Option<About>>) -> u64 {
    let abouts = [&abouts.s3, &abouts.cwl];
    let mut abouts = abouts.into_iter().flatten();
    abouts.next().map_or(0, |about| about.differences)
}

fn flows(differences: u64, wanted: Arc<HashSet<u128>>) -> FlowVisitor {
    let differences = usize::try_from(differences).unwrap_or(usize::MAX);
    FlowVisitor::new(FlowSums::for_differences(differences), wanted)
}

/// Makes rules for what nobody reads: a report tells by them what was compared.
fn rules(reader: &CheckSession<'_>, abouts: &Sides<Option<About>>) -> Rules {
    let given = given_fields(abouts.as_ref().map(Option::as_ref));
    let compared = PerKind::from_fn(|kind| {
        let fields = given[kind].clone();
        fields.unwrap_or_else(|| reader.check.fields.of_one_side(&Default::default(), kind))
    });
    reader.rules(compared, Default::default())
}

fn of_digest(digest: SideDigest) -> Result<KnownSide, Error> {
    let found = about::found(&digest.about).map_err(Error::Incomparable)?;
    let unnamed = digest.about.passed_over.iter().map(about::not_read);
    Ok(KnownSide {
        unnamed: unnamed.collect(),
        found,
        clock: digest.about.read_at,
        ledger: digest.ledger,
        sketch: digest.sketch,
        listing: Listing::default(),
    })
}

fn of_reading(read: SideRead<FlowVisitor>, side: Side, clock: i64) -> KnownSide {
    let Sides { s3, cwl } = read.listings;
    KnownSide {
        ledger: read.visitor.sums.ledger,
        sketch: read.visitor.sums.sketch,
        found: read.found,
        unnamed: read.unnamed,
        clock,
        listing: match side {
            Side::S3 => s3,
            Side::Cwl => cwl,
        },
    }
}

/// What S3 has more than CloudWatch, as far as the sketches tell.
fn net(known: &Sides<KnownSide>) -> Result<Vec<NetFlow>, Overfull> {
    let mut sketch = known.s3.sketch.clone();
    sketch -= &known.cwl.sketch;
    sketch.peel_flows()
}

/// Returns the buckets in which the two differ.
fn unequal(known: &Sides<KnownSide>) -> Vec<BucketId> {
    let ledgers = known.as_ref().map(|side| &side.ledger);
    let ids = ledgers.s3.ids().chain(ledgers.cwl.ids());
    let differs = |id: &BucketId| crate::digest::Balance::of(ledgers, *id).differs();
    ids.filter(differs).unique().sorted().collect()
}

/// The looks at the side that can be read, if one can.
struct Looks<'r, 'a> {
    reader: &'r mut CheckSession<'a>,
    to_read: Option<ToRead>,
    rules: Arc<Rules>,
    abouts: Sides<Option<About>>,
}

impl Looks<'_, '_> {
    async fn report(
        mut self,
        mut known: Sides<KnownSide>,
        every: Option<&mut EveryDifference<'_>>,
    ) -> Result<Report, Error> {
        let mut causes = self.causes();
        let buckets = unequal(&known);
        let mut found = DifferencesFound::nothing(self.reader.check.max_evidence);
        if !buckets.is_empty() {
            // Sums say nothing of packets and bytes.
            found.traffic.leave_out();
            let told = self
                .look_again(&mut known, &buckets, &mut found, every)
                .await?;
            if told.is_none() {
                causes.push(Cause::AtLeast {
                    differences: differences(&self.abouts),
                    buckets: buckets.len() as u64,
                });
            }
        }
        found.causes = causes;
        let listings = Sides {
            s3: std::mem::take(&mut known.s3.listing),
            cwl: std::mem::take(&mut known.cwl.listing),
        };
        let unnamed = Sides {
            s3: std::mem::take(&mut known.s3.unnamed),
            cwl: std::mem::take(&mut known.cwl.unnamed),
        };
        let digest = |ledger: Ledger| Digest {
            ledger,
            sketch: Sketch::for_differences(0),
        };
        let Sides { s3, cwl } = known;
        let screened = Screened {
            rules: self.rules,
            digests: Sides {
                s3: digest(s3.ledger),
                cwl: digest(cwl.ledger),
            },
            samples: Sides::from_fn(|_| Sample::unknown()),
            is_whole: true,
            by_sums: true,
            sides: Sides {
                s3: s3.found,
                cwl: cwl.found,
            },
            unnamed,
        };
        Ok(report(self.reader, &listings, &screened, found))
    }

    fn causes(&self) -> Vec<Cause> {
        let told = |side: Side| {
            let about = self.abouts[side].as_ref()?;
            let of = about.sources.iter().map(|source| source.address.clone());
            Some(Cause::Digest {
                side,
                of: of.collect(),
                both: side == Side::Cwl && self.to_read.is_none(),
                asked: about::asked(about),
            })
        };
        Side::BOTH.into_iter().filter_map(told).collect()
    }

    /// Reads once more what can be read, and tells what still differs. `None` if the sketches do not tell which records that
    /// are.
    async fn look_again(
        &mut self,
        known: &mut Sides<KnownSide>,
        buckets: &[BucketId],
        found: &mut DifferencesFound,
        mut every: Option<&mut EveryDifference<'_>>,
    ) -> Result<Option<()>, Error> {
        let mut nets = net(known);
        let mut kept = HashMap::new();
        let mut now: Option<Ledger> = None;
        let read_side = self.to_read.as_ref().map(|to_read| to_read.side);
        if let Some(side) = read_side {
            let wanted: HashSet<u128> = match &nets {
                Ok(nets) => nets.iter().map(|one| one.net.fingerprint).collect(),
                Err(Overfull) => HashSet::new(),
            };
            let second = self.second(side, known, wanted).await?;
            found.unreadable[side].clone_from(&second.found.unreadable);
            kept = second.visitor.kept;
            let known_before = nets;
            let sketch = std::mem::replace(&mut known[side].sketch, second.visitor.sums.sketch);
            nets = net(known);
            known[side].sketch = sketch;
            nets = confirmed(known_before, nets, side, found);
            now = Some(second.visitor.sums.ledger);
            known[side].clock = self.reader.settle.now;
        }
        let settle = known.as_ref().map(|side| Settle {
            now: side.clock,
            seconds: self.reader.settle.seconds,
        });
        let doubt = doubt(known, found);
        let mut differing = Differing {
            known: known.as_ref().map(|side| Known {
                ledger: &side.ledger,
                stands: &side.found.stands,
            }),
            settle,
            doubt: &doubt,
            compares_interfaces: self.compares_interfaces(),
            read: read_side.map(|side| (side, &kept)),
            addresses: Sides::from_fn(|side| self.reader.sources[side].address()),
            told: Vec::new(),
        };
        let known = match nets {
            Ok(nets) => {
                differing.tell(&nets)?;
                Some(())
            }
            Err(Overfull) => {
                let changes = differing.tell_least(buckets, read_side.zip(now.as_ref()));
                for side in Side::BOTH {
                    found.arrivals[side] += changes[side];
                }
                None
            }
        };
        let mut told = differing.told;
        told.sort();
        let most_shown = self.reader.check.max_evidence as u64 + 1;
        for (bucket, kind, shown, copies) in told {
            if let Some(write) = every.as_deref_mut() {
                for _ in 0..copies {
                    let written = write(&bucket, kind, &shown);
                    written.map_err(|error| self.reader.cannot_write(error))?;
                }
            }
            found.outcome.count(&bucket, kind, copies);
            for _ in 0..copies.min(most_shown) {
                found.outcome.show(&bucket, kind, shown.clone());
            }
        }
        Ok(known)
    }

    fn compares_interfaces(&self) -> bool {
        let all = self.rules.compared.iter();
        let mut all = all.map(|(_, fields)| fields.has("interface-id"));
        all.any(|has| has)
    }

    /// Reads once more, in the same fields.
    async fn second(
        &mut self,
        side: Side,
        known: &Sides<KnownSide>,
        wanted: HashSet<u128>,
    ) -> Result<SideRead<FlowVisitor>, Error> {
        let layouts = &known[side].found.layouts;
        let is_met = |kind| layouts.iter().any(|layout| layout.kind() == kind);
        let to_read = ToRead {
            side,
            fields: PerKind::from_fn(|kind| {
                let given = self
                    .to_read
                    .as_ref()
                    .and_then(|given| given.fields[kind].clone());
                given.or_else(|| is_met(kind).then(|| self.rules.compared[kind].clone()))
            }),
            again: true,
            for_receipt: false,
        };
        self.reader.progress.phase("looking again");
        let (differences, wanted) = (differences(&self.abouts), Arc::new(wanted));
        let visitor = || flows(differences, Arc::clone(&wanted));
        read(self.reader, &to_read, visitor).await
    }
}

/// What may hold records that were not seen.
fn doubt(known: &Sides<KnownSide>, found: &DifferencesFound) -> Unseen {
    Unseen {
        covers: Sides::from_fn(|side| {
            let at_first = known[side].found.unreadable.iter();
            let parts = at_first.chain(&found.unreadable[side]);
            let parts = parts.map(|(part, _)| part).chain(&known[side].unnamed);
            parts.map(|part| part.cover.clone()).collect()
        }),
    }
}

/// Returns what both looks have found to differ, as it was at the second; and counts what the side that was read has gained since.
fn confirmed(
    first: Result<Vec<NetFlow>, Overfull>,
    second: Result<Vec<NetFlow>, Overfull>,
    side: Side,
    found: &mut DifferencesFound,
) -> Result<Vec<NetFlow>, Overfull> {
    let (first, second) = (first?, second?);
    let now: HashMap<u128, NetFlow> = second
        .into_iter()
        .map(|one| (one.net.fingerprint, one))
        .collect();
    let mut both = Vec::new();
    for one in first {
        let again = now.get(&one.net.fingerprint);
        let copies = again.map_or(0, |again| again.net.copies);
        let gained = match side {
            Side::S3 => copies - one.net.copies,
            Side::Cwl => one.net.copies - copies,
        };
        found.arrivals[side] += gained;
        both.extend(again);
    }
    Ok(both)
}

/// The copies of differing records on the side that was read.
pub(super) type KeptRecords = HashMap<u128, KeptRecord>;
