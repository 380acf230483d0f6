//! A check whose looks are made in several places: digests of both sides stand for the first look, and what was kept of parts may
//! stand for the second reading of them.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use itertools::Itertools;

use super::about;
use super::alone;
use super::compare::{given_fields, refuse_unlike};
use crate::check::answer::report;
use crate::check::first::{Screened, same};
use crate::check::pass::reader::CheckSession;
use crate::check::pass::rules::{Halt, Rules};
use crate::check::pass::visitor::{SeenRecord, Visitor};
use crate::check::second::DifferencesFound;
use crate::check::second::again::parts_again;
use crate::check::second::question::Unresolved;
use crate::check::second::recheck::explain_until_settled;
use crate::check::{Check, ask_what_is_kept, refuse_nowhere};
use crate::decode::KeptRow;
use crate::diff::EveryDifference;
use crate::digest::file::{About, Sample, SideDigest};
use crate::digest::{BucketId, Digest, Fingerprints};
use crate::model::{Error, Side, Sides};
use crate::progress::Progress;
use crate::record::{FieldName, Layout, PerKind};
use crate::report::Report;
use crate::source::rows::PartRows;
use crate::source::{Listing, Part, Source};

/// Compares two sources of which digests with samples tell the first look. `check` has the window, the interfaces and the
/// fingerprints of the digests.
///
/// # Errors
/// The digests cannot be compared, or not as the check asks; a source cannot be listed or looked at again.
pub async fn check_after(
    check: &Check,
    digests: Sides<SideDigest>,
    sources: &Sides<Arc<dyn Source>>,
    progress: &Progress,
    every: Option<&mut EveryDifference<'_>>,
) -> Result<Report, Error> {
    let mut reader = CheckSession::new(check, sources, progress);
    progress.phase("listing");
    let listings = reader.list_only().await?;
    refuse_nowhere(check, &listings)?;
    reader.limit_memory_for(&listings);
    let left_out = Sides::from_fn(|side| left_out(&digests[side].about, &listings[side]));
    let mut screened = screened(&mut reader, digests)?;
    for side in Side::BOTH {
        screened.sides[side]
            .unreadable
            .extend(left_out[side].iter().cloned());
    }
    ask_what_is_kept(&reader, &screened).await;
    let tell = &mut |_: &CheckSession<'_>, _: &Screened, _: &DifferencesFound| {};
    let explained = explain_until_settled(&mut reader, &mut screened, every, tell).await?;
    Ok(report(&reader, &listings, &screened, explained))
}

/// Returns the parts that are listed and that a digest has nothing of, though they were there when it was made: those of a share that
/// was not added up, say. Nothing is known of them.
fn left_out(about: &About, listing: &Listing) -> Vec<(Arc<Part>, String)> {
    let read = about.sources.iter().flat_map(|source| &source.parts);
    let unread = about.unreadable.iter().chain(&about.passed_over);
    let names = read.map(|part| part.name.as_str());
    let known: HashSet<&str> = names.chain(unread.map(|part| part.name.as_str())).collect();
    let was_there = |part: &Part| part.delivered.is_none_or(|at| at < about.read_at);
    let left = listing.parts.iter();
    left.filter(|part| !known.contains(&*part.name) && was_there(part))
        .map(|part| (Arc::clone(part), "the digest has nothing of it".to_owned()))
        .collect()
}

/// Returns the parts that may hold what differs by two digests, among those that the sources list.
///
/// # Errors
/// As of [`check_after`].
pub async fn parts_to_read(
    check: &Check,
    digests: Sides<SideDigest>,
    sources: &Sides<Arc<dyn Source>>,
) -> Result<Sides<Vec<Arc<Part>>>, Error> {
    let progress = Progress::new(crate::progress::Mode::Silent);
    let mut reader = CheckSession::new(check, sources, &progress);
    let screened = screened(&mut reader, digests)?;
    let Some(question) = Unresolved::of(&screened) else {
        return Ok(Sides::default());
    };
    let again = parts_again(&reader, &screened, &question).await?;
    Ok(again
        .wanted
        .map(|parts| parts.into_iter().map(|wanted| wanted.part).collect()))
}

/// Reads those parts of a side that may hold what differs by two digests, and returns the rows that do, by part.
///
/// # Errors
/// As of [`check_after`]; or what a part holds has changed since the digests were made, so that it cannot be compared.
pub async fn rows_again(
    check: &Check,
    digests: Sides<SideDigest>,
    (side, source): (Side, Arc<dyn Source>),
    progress: &Progress,
) -> Result<Vec<PartRows>, Error> {
    let sources = alone(side, &source);
    let mut reader = CheckSession::new(check, &sources, progress);
    let screened = screened(&mut reader, digests)?;
    let Some(question) = Unresolved::of(&screened) else {
        return Ok(Vec::new());
    };
    progress.phase("looking again");
    let again = parts_again(&reader, &screened, &question).await?;
    let sought = Arc::new(Sought::of(&question));
    let visitor = || RowsVisitor::of(Arc::clone(&sought));
    let mut passed = reader.pass(&again.wanted, &screened.rules, visitor).await;
    if let Some(halt) = screened.rules.halted() {
        return Err(Error::Incomparable(match halt {
            Halt::Incomparable(why) => why,
            Halt::MoreFields | Halt::OtherFields => {
                "records with other fields have arrived since the digests were made: make them again".to_owned()
            }
        }));
    }
    let unreadable = passed.take_unreadable();
    let unreadable: HashMap<&str, &String> = unreadable[side]
        .iter()
        .map(|(part, why)| (&*part.name, why))
        .collect();
    let mut kept = passed.visitor.rows;
    let parts = again.wanted[side].iter().map(|wanted| {
        let part = &wanted.part;
        let mut rows = kept.remove(&part.name).unwrap_or_default();
        rows.sort_by(|a, b| (a.number, &a.text).cmp(&(b.number, &b.text)));
        PartRows {
            name: part.name.to_string(),
            version: part.version.clone(),
            unreadable: unreadable.get(&*part.name).map(|why| (*why).clone()),
            rows,
        }
    });
    Ok(parts.collect())
}

/// Makes of two digests what a first look of both sides gives, and sets the clock to when that was.
fn screened(reader: &mut CheckSession<'_>, digests: Sides<SideDigest>) -> Result<Screened, Error> {
    let abouts = digests.as_ref().map(|digest| &digest.about);
    refuse_unlike(abouts.s3, abouts.cwl)?;
    for about in [abouts.s3, abouts.cwl] {
        reader.settle.now = reader.settle.now.min(about.read_at);
    }
    let samples = Sides {
        s3: sample(abouts.s3)?,
        cwl: sample(abouts.cwl)?,
    };
    let mut sides = Sides {
        s3: about::found(abouts.s3).map_err(Error::Incomparable)?,
        cwl: about::found(abouts.cwl).map_err(Error::Incomparable)?,
    };
    for side in Side::BOTH {
        let found = &mut sides[side];
        while found.malformed.len() > reader.check.max_evidence {
            found.malformed.pop_last();
        }
    }
    let rules = rules(reader, abouts, &sides.as_ref().map(|found| &found.layouts))?;
    let unnamed = abouts.map(|about| about.passed_over.iter().map(about::not_read).collect());
    Ok(Screened {
        rules: Arc::new(rules),
        digests: digests.map(|digest| Digest {
            ledger: digest.ledger,
            sketch: digest.sketch.of_records(),
        }),
        samples,
        is_whole: true,
        by_sums: false,
        sides,
        unnamed,
    })
}

fn sample(about: &About) -> Result<Sample, Error> {
    let sample = about.sample.as_ref().map(Sample::from);
    sample.ok_or_else(|| {
        Error::Usage(format!(
            "--first-look: the digest of {} has no sample, by which causes are told: make it, and all that it was added up of, \
             with --sample",
            about.side
        ))
    })
}

/// Makes the rules under which the digests' records were met.
fn rules(
    reader: &CheckSession<'_>,
    abouts: Sides<&About>,
    layouts: &Sides<&std::collections::BTreeSet<Layout>>,
) -> Result<Rules, Error> {
    let met = layouts.map(Clone::clone);
    let asked = reader.check.fields.compared(&met);
    let given = given_fields(abouts.map(Some));
    let compared =
        PerKind::from_fn(|kind| given[kind].clone().unwrap_or_else(|| asked[kind].clone()));
    if !same(&compared, &asked) {
        let names = |fields: &PerKind<crate::record::ComparedFields>| {
            let kinds = abouts
                .s3
                .fields
                .keys()
                .chain(abouts.cwl.fields.keys())
                .unique();
            kinds.flat_map(|kind| fields[*kind].fields()).join(",")
        };
        return Err(Error::Incomparable(format!(
            "the digests are of the fields {}, and a check would compare {}: make both digests with --fields {1}",
            names(&compared),
            names(&asked)
        )));
    }
    reader.check.fields.check(&met, &met)?;
    let rules = reader.rules(compared, crate::check::pass::fields::Layouts::default());
    for side in Side::BOTH {
        for layout in layouts[side] {
            let set = rules.set_of(layout, &[]);
            rules.see(side, layout);
            let number = rules.number(&set);
            let number = number.and_then(|number| rules.meet(side, layout, number));
            if number.is_err() {
                let why = "the digests have layouts that a check would not compare so: make them with --fields";
                return Err(Error::Incomparable(why.to_owned()));
            }
        }
    }
    rules.sets.close();
    Ok(rules)
}

/// What rows are kept of.
enum Sought {
    /// These records.
    Records(HashSet<u128>),
    /// All of these buckets.
    Buckets(HashSet<BucketId>),
}

impl Sought {
    fn of(question: &Unresolved) -> Self {
        match question {
            Unresolved::Few(found) => {
                Self::Records(found.iter().map(|one| one.fingerprint).collect())
            }
            Unresolved::Many(buckets) => Self::Buckets(buckets.keys().copied().collect()),
        }
    }

    fn has(&self, seen: &SeenRecord<'_>) -> bool {
        match self {
            Self::Records(records) => records.contains(&seen.print.fingerprint),
            Self::Buckets(buckets) => buckets.contains(&seen.print.bucket),
        }
    }
}

/// Keeps rows.
struct RowsVisitor {
    sought: Arc<Sought>,
    rows: HashMap<Arc<str>, Vec<KeptRow>>,
    /// The fields of the last row, and their layout.
    layout: Option<(Arc<[FieldName]>, Arc<Layout>)>,
}

impl RowsVisitor {
    fn of(sought: Arc<Sought>) -> Self {
        Self {
            sought,
            rows: HashMap::new(),
            layout: None,
        }
    }

    fn layout(&mut self, names: &Arc<[FieldName]>) -> Option<Arc<Layout>> {
        if let Some((known, layout)) = &self.layout
            && Arc::ptr_eq(known, names)
        {
            return Some(Arc::clone(layout));
        }
        let layout = Layout::from_names(names.iter().map(FieldName::as_str));
        let layout = Arc::new(layout.ok()?);
        self.layout = Some((Arc::clone(names), Arc::clone(&layout)));
        Some(layout)
    }
}

impl Visitor for RowsVisitor {
    fn empty_like(&self) -> Self {
        Self::of(Arc::clone(&self.sought))
    }

    fn visit(&mut self, seen: &SeenRecord<'_>, _key: &Fingerprints) -> bool {
        if !self.sought.has(seen) {
            return true;
        }
        let layout = self.layout(seen.names()).expect("a row has a layout");
        let rows = self.rows.entry(Arc::clone(&seen.origin.name)).or_default();
        rows.push(KeptRow {
            number: seen.row.number,
            layout,
            text: seen.record().to_string(),
            delivered: seen.delivered,
            event_id: seen.row.event_id.map(str::to_owned),
        });
        true
    }

    fn wanted(&self) -> Option<&HashSet<u128>> {
        match &*self.sought {
            Sought::Records(records) => Some(records),
            Sought::Buckets(_) => None,
        }
    }

    fn merge(&mut self, other: Self) {
        for (part, rows) in other.rows {
            self.rows.entry(part).or_default().extend(rows);
        }
    }
}
