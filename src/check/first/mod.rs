//! The first look: both sides read once and boiled down, under a comparison that all layouts allow.

pub(super) mod screen;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hashbrown::HashSet;
use itertools::Itertools;
use tokio::sync::Semaphore;

use crate::decode::{Content, Format, Malformed, Row, Sink, Stop, decode_as_read};
use crate::digest::file::Sample;
use crate::digest::{BucketId, Digest, Ledger, Sketch};
use crate::model::window::Window;
use crate::model::{Error, Side, Sides};
use crate::record::{ComparedFields, Layout, PerKind};
use crate::source::{Listing, Outlet, Part, ReadError, Room};

use super::Check;
use super::pass::WantedPart;
use super::pass::fields::Layouts;
use super::pass::nodata;
use super::pass::plausible::Plausible;
use super::pass::reader::CheckSession;
use super::pass::rules::{Halt, Rules};
use super::pass::taken::SideScreen;
use screen::{DigestVisitor, LedgerLines, RefineVisitor, Size};

/// How many differences the first sketch tells. Small enough to stay in the processor's cache, since every
/// record touches three of its cells; enough for what goes wrong on an ordinary day.
const FIRST_SKETCH: usize = 1_000;

/// A layout that the first look meets makes it start over; this many are taken for a source that changes under it.
pub(super) const MOST_ROUNDS: usize = 32;

/// So many parts are opened in search of a side's layout if none of them can be read. Each may take its time to
/// fail.
const MOST_GLANCES: usize = 3;

/// What the first look gives.
pub(super) struct Screened {
    /// The rules it ended up with.
    pub rules: Arc<Rules>,
    /// What each side boils down to.
    pub digests: Sides<Digest>,
    /// Some records of each side.
    pub samples: Sides<Sample>,
    /// Whether the digests are of all buckets, not only of those that differ.
    pub is_whole: bool,
    /// Whether what differs was told by sums, without the records of both sides.
    pub by_sums: bool,
    /// What was found on each side.
    pub sides: Sides<SideScreen>,
    /// Parts that were passed over because their names say nothing of what they hold.
    pub unnamed: Sides<Vec<Arc<Part>>>,
}

/// Reads both sides once, or as often as it takes to find the fields that all layouts have.
///
/// # Errors
/// The sides cannot be compared as asked.
pub(super) async fn screen(
    reader: &CheckSession<'_>,
    listings: &Sides<Listing>,
) -> Result<Screened, Error> {
    let mut guess = first_layouts(reader, listings).await;
    let mut layouts = Layouts::default();
    let window: Arc<[Window]> = Arc::new([reader.check.window]);
    let wanted = Sides::from_fn(|side| {
        let whole = |part: &Arc<Part>| WantedPart {
            part: Arc::clone(part),
            starts: Arc::clone(&window),
            number: None,
            verbatim: false,
        };
        listings[side].parts.iter().map(whole).collect::<Vec<_>>()
    });
    for _ in 0..MOST_ROUNDS {
        let compared = compared(reader.check, &layouts, &guess);
        let rules = Arc::new(reader.rules(compared, layouts.clone()));
        reader.progress.phase("reading");
        let passed = reader
            .pass(&wanted, &rules, || DigestVisitor::new(size(reader)))
            .await;
        layouts = rules.met();
        match rules.halted() {
            Some(Halt::Incomparable(why)) => return Err(Error::Incomparable(why)),
            Some(Halt::MoreFields | Halt::OtherFields) => continue,
            None => {
                // Everything there is has been met.
                guess = LayoutGuess::default();
                if !same(
                    &self::compared(reader.check, &layouts, &guess),
                    &rules.compared,
                ) {
                    continue;
                }
            }
        }
        reader.check.fields.check(&layouts, &rules.all_seen())?;
        if reader.check.ignore_nodata {
            nodata::check(&rules.all_seen())?;
        }
        rules.sets.close();
        let mut sides = passed.sides;
        for side in Side::BOTH {
            let (found, listed) = (&mut sides[side], &listings[side]);
            found.parts.clone_from(&listed.parts);
            found
                .unreadable
                .splice(0..0, listed.unreadable.iter().cloned());
            found.layouts = std::mem::take(&mut layouts[side]);
        }
        let mut screened = Screened {
            rules,
            digests: passed.visitor.digests,
            samples: passed.visitor.samples,
            is_whole: true,
            by_sums: false,
            sides,
            unnamed: listings
                .as_ref()
                .map(|listing| listing.passed_over.by_name.clone()),
        };
        refine(reader, &wanted, &mut screened).await?;
        return Ok(screened);
    }
    Err(Error::Incomparable(
        "ever new layouts turn up: the sources change while they are read".into(),
    ))
}

/// Returns how large digests may become.
fn size(reader: &CheckSession<'_>) -> Size {
    let memory = reader.memory;
    // Each worker has a digest of each side, and they are merged into another.
    let ledgers = 2 * (reader.limits.workers as u64 + 1);
    // Whoever counts records by interface and hour, or in certain buckets, gives them the memory it takes.
    let bounded = !reader.check.by_hour && reader.check.counted.is_none();
    Size {
        differences: FIRST_SKETCH.min(Sketch::differences_in(memory / 64)),
        lines: if bounded {
            Ledger::lines_in(memory / 4 / ledgers)
        } else {
            usize::MAX
        },
        filters: memory / 12,
    }
}

/// Goes into what differs if there were too many buckets for the memory: reads again, and takes only the records of
/// coarse lines that differ, until their lines are buckets. If they are too many as well they are taken with whatever
/// memory that needs: a report names them all.
async fn refine(
    reader: &CheckSession<'_>,
    wanted: &Sides<Vec<WantedPart>>,
    screened: &mut Screened,
) -> Result<(), Error> {
    let mut size = size(reader);
    let mut grain = screened.digests.level();
    screened.is_whole = grain.is_fine();
    while !grain.is_fine() {
        let ids: HashSet<BucketId> = screened.digests.unequal().into_iter().collect();
        if ids.is_empty() {
            return Ok(());
        }
        reader.progress.phase("looking for the buckets that differ");
        tracing::info!(
            lines = ids.len(),
            "there are more buckets than fit --memory: reading again where some differ"
        );
        let before = copies(&screened.digests, &ids);
        let lines = Arc::new(LedgerLines { grain, ids });
        let finer = || RefineVisitor::new(Arc::clone(&lines), size);
        let mut passed = reader.pass(wanted, &screened.rules, finer).await;
        if screened.rules.halted().is_some() {
            return Err(Error::Incomparable(
                "records with other fields have arrived while both sides were read: check again"
                    .into(),
            ));
        }
        let Sides { s3, cwl } = passed.take_unreadable();
        screened.digests = passed.visitor.screen.digests;
        for (side, more) in [(Side::S3, s3), (Side::Cwl, cwl)] {
            let found = &mut screened.sides[side];
            let known = &mut found.unreadable;
            for (part, reason) in more {
                if known.iter().all(|(old, _)| old.name != part.name) {
                    known.push((part, reason));
                }
            }
            let ledger = &screened.digests[side].ledger;
            let now: u64 = ledger.ids().map(|id| ledger.sums(id).copies).sum();
            found.arrivals += now.cast_signed() - before[side].cast_signed();
        }
        let now = screened.digests.level();
        if now >= grain {
            size.lines = usize::MAX;
        }
        grain = now;
    }
    Ok(())
}

fn copies(digests: &Sides<Digest>, ids: &HashSet<BucketId>) -> Sides<u64> {
    let copies = |side: Side| {
        ids.iter()
            .map(move |&id| digests[side].ledger.sums(id).copies)
    };
    Sides::from_fn(|side| copies(side).sum())
}

/// What a side's rows will look like, before any has been read.
#[derive(Clone, Debug, Default)]
pub(super) struct LayoutGuess {
    /// The layout of the first part that has a row.
    pub seen: Layouts,
    /// Whether rows have no header, so that they have one of the default formats if none was given.
    pub default: Sides<bool>,
}

/// Returns what is compared, as far as is known. A side of which no row has been met has the layout guessed for it, or
/// else the format that the user gave for it, or else whatever the other side has.
fn compared(check: &Check, met: &Layouts, guess: &LayoutGuess) -> PerKind<ComparedFields> {
    let known = Sides::from_fn(|side| {
        let format = &check.formats[side];
        let met = [&met[side], &guess.seen[side]];
        match met.into_iter().find(|met| !met.is_empty()) {
            Some(met) => met.clone(),
            None if format.given || guess.default[side] => format.layouts().cloned().collect(),
            None => BTreeSet::new(),
        }
    });
    check.fields.compared(&known)
}

/// Tells whether the same fields are compared, in whatever order.
pub(super) fn same(one: &PerKind<ComparedFields>, other: &PerKind<ComparedFields>) -> bool {
    let sorted =
        |compared: &ComparedFields| compared.fields().iter().sorted().cloned().collect_vec();
    one.iter()
        .all(|(kind, compared)| sorted(compared) == sorted(&other[kind]))
}

/// Guesses each side's layouts, so that the first round is most often the only one: the first part that has a row is
/// opened, but of a log group.
pub(super) async fn first_layouts(
    reader: &CheckSession<'_>,
    listings: &Sides<Listing>,
) -> LayoutGuess {
    let side = async |side: Side| {
        if reader.sources[side].is_headerless() {
            return None;
        }
        let mut failed = 0;
        for part in &listings[side].parts {
            let probe = LayoutProbe {
                format: reader.check.formats[side].clone(),
                room: Arc::new(Semaphore::new(1)),
                found: Mutex::default(),
            };
            // What is wrong with the part, if anything, is found again and reported when it is read in earnest.
            let read = reader.sources[side]
                .read(part, &[reader.check.window], &probe)
                .await;
            if let Some(layout) = probe.found.into_inner().ok().flatten() {
                return Some(layout);
            }
            failed += usize::from(read.is_err());
            if failed == MOST_GLANCES {
                break;
            }
        }
        None
    };
    let (s3, cwl) = tokio::join!(side(Side::S3), side(Side::Cwl));
    LayoutGuess {
        seen: Sides {
            s3: s3.into_iter().collect(),
            cwl: cwl.into_iter().collect(),
        },
        default: Sides::from_fn(|side| reader.sources[side].is_headerless()),
    }
}

/// Looks at a part until its first layout.
struct LayoutProbe {
    format: Format,
    room: Arc<Semaphore>,
    found: Mutex<Option<Layout>>,
}

#[async_trait]
impl Outlet for LayoutProbe {
    async fn room(&self, _bytes: u64) -> Room {
        Room::new(
            Arc::clone(&self.room)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed"),
        )
    }

    async fn deliver(&self, content: Content) -> Result<(), ReadError> {
        let mut first = FirstLayout(None);
        let format = self.format.clone();
        let first = tokio::task::spawn_blocking(move || {
            let _ = decode_as_read(content, &format, &mut first);
            first
        });
        let FirstLayout(layout) = first
            .await
            .unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
        let stop = layout.is_some();
        if let Ok(mut found) = self.found.lock() {
            *found = layout;
        }
        if stop {
            Err(ReadError::Stopped)
        } else {
            Ok(())
        }
    }
}

struct FirstLayout(Option<Layout>);

impl Sink for FirstLayout {
    fn provisional(&mut self) {}

    fn layout(&mut self, layout: &Layout) -> Result<(), Stop> {
        self.0 = Some(layout.clone());
        Err(Stop)
    }

    fn row(&mut self, _row: Row<'_>) -> Result<(), Stop> {
        Ok(())
    }

    fn malformed(&mut self, _row: Malformed) -> Result<(), Stop> {
        Ok(())
    }
}

impl Screened {
    /// Returns the layouts that records in the window have.
    pub(super) fn layouts(&self) -> Layouts {
        self.sides.as_ref().map(|side| side.layouts.clone())
    }
}

impl CheckSession<'_> {
    /// Makes the rules of a later look, by the clock of now.
    pub(super) fn rules_again(&self, before: &Rules) -> Rules {
        Rules {
            sets: Arc::clone(&before.sets),
            ..self.rules(before.compared.clone(), before.met())
        }
    }

    /// Makes the rules of a first look that compares these fields, by the clock of now. `layouts` have been met.
    pub(super) fn rules(&self, compared: PerKind<ComparedFields>, layouts: Layouts) -> Rules {
        let check = self.check;
        Rules {
            compared,
            sets: Arc::default(),
            selection: check.fields.clone(),
            layouts: Mutex::new(layouts),
            seen: Mutex::default(),
            window: check.window,
            settle: self.settle,
            plausible: Plausible::now(self.settle.now),
            interfaces: check
                .interfaces
                .iter()
                .map(|interface| interface.clone().into_bytes())
                .collect(),
            others: check.others.clone(),
            ignore_nodata: check.ignore_nodata,
            key: check.key.clone(),
            formats: check.formats.clone(),
            halt: Mutex::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Others, Recheck, Selection};
    use crate::digest::Fingerprints;
    use crate::model::window::{Settle, Window};
    use crate::record::FieldName;

    /// A check with a format given for either side, or not, and of these fields only.
    fn check(formats: Sides<Option<&str>>, only: &[&str]) -> Check {
        let named = |format: &str| Format::named(Layout::from_format(format).unwrap());
        let format = |given: Option<&str>| given.map_or_else(Format::not_given, named);
        Check {
            window: Window::ALL,
            settle: Settle { now: 0, seconds: 0 },
            recheck: Recheck::default(),
            fields: Selection::of(
                only.iter().map(|name| FieldName::new(name)).collect(),
                Vec::new(),
            ),
            interfaces: Vec::new(),
            others: Others::default(),
            flow_logs: None,
            ignore_nodata: false,
            allow_empty: false,
            formats: formats.map(format),
            by_hour: false,
            drawn: false,
            formed: false,
            max_evidence: 1,
            all_differences: None,
            concurrency: 1,
            memory: 1,
            counted: None,
            key: Fingerprints::seeded(1),
        }
    }

    fn one(format: &str) -> BTreeSet<Layout> {
        BTreeSet::from([Layout::from_format(format).unwrap()])
    }

    fn of_vpc(check: &Check, met: &Layouts, guess: &LayoutGuess) -> String {
        let compared = compared(check, met, guess);
        let names = compared.vpc.fields().iter().map(FieldName::as_str);
        names.sorted().join(" ")
    }

    /// Found by the self-test, seed 481: a folder without rows had whatever the other side has, an empty log group the
    /// format that was given.
    #[test]
    fn a_side_without_rows_has_the_format_that_was_given() {
        let met = Layouts {
            s3: one("${start} ${end} ${bytes} ${vpc-id}"),
            cwl: BTreeSet::new(),
        };
        let given = check(
            Sides {
                s3: None,
                cwl: Some("${start} ${bytes} ${az-id}"),
            },
            &[],
        );
        let not_given = check(Sides::default(), &[]);
        let nothing = LayoutGuess::default();
        let default = LayoutGuess {
            default: Sides {
                s3: false,
                cwl: true,
            },
            ..LayoutGuess::default()
        };
        assert_eq!(of_vpc(&given, &met, &nothing), "bytes start");
        assert_eq!(of_vpc(&given, &met, &default), "bytes start");
        assert_eq!(of_vpc(&not_given, &met, &nothing), "bytes end start vpc-id");
        // Before anything was read.
        assert_eq!(of_vpc(&not_given, &met, &default), "bytes end start");
        // What was seen says more than what was given: a header.
        let seen = LayoutGuess {
            seen: Layouts {
                s3: BTreeSet::new(),
                cwl: one("${end}"),
            },
            ..LayoutGuess::default()
        };
        assert_eq!(of_vpc(&given, &met, &seen), "end");
    }
}
