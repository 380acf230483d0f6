//! Reads one side and boils it down, in one set of fields for each kind of record.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::check::first::{MOST_ROUNDS, first_layouts};
use crate::check::pass::WantedPart;
use crate::check::pass::fields::{Layouts, names};
use crate::check::pass::nodata;
use crate::check::pass::reader::CheckSession;
use crate::check::pass::rules::{Halt, Rules};
use crate::check::pass::taken::SideScreen;
use crate::check::pass::visitor::Visitor;
use crate::model::window::Window;
use crate::model::{Error, Side, Sides};
use crate::record::{ComparedFields, FieldName, Layout, PerKind, RecordKind};
use crate::source::{Listing, Part};

/// The fields that are given for each kind of record; those that a side's layouts share where none are.
pub(super) type GivenFields = PerKind<Option<ComparedFields>>;

/// What a reading is to find.
pub(super) struct ToRead {
    /// Whose records.
    pub side: Side,
    /// In which fields.
    pub fields: GivenFields,
    /// Whether it is a second reading.
    pub again: bool,
    /// Whether the fields are a receipt's, and what is read is to hold what it held then.
    pub for_receipt: bool,
}

/// One side as it was read.
pub(super) struct SideRead<V> {
    /// The rules by which that was done.
    pub rules: Arc<Rules>,
    /// What was made of its records.
    pub visitor: V,
    /// What else was found.
    pub found: SideScreen,
    /// Parts that were passed over because their names say nothing of what they hold.
    pub unnamed: Vec<Arc<Part>>,
    /// The listings, of which the other side's is empty.
    pub listings: Sides<Listing>,
}

/// Reads one side, as often as it takes to find the fields that all its layouts share.
///
/// # Errors
/// It cannot be listed, or its records have no set of fields to be told by.
pub(super) async fn read<V: Visitor>(
    reader: &mut CheckSession<'_>,
    to_read: &ToRead,
    visitor: impl Fn() -> V,
) -> Result<SideRead<V>, Error> {
    let side = to_read.side;
    reader.progress.phase("listing");
    let listings = reader.list(to_read.again).await?;
    reader.limit_memory_for(&listings);
    reader.refresh_clock();
    let parts: Vec<Arc<Part>> = {
        // There may be no later look at what was passed over for its age.
        let listing = &listings[side];
        let parts = listing.parts.iter().chain(&listing.passed_over.by_age);
        parts.cloned().collect()
    };
    let mut known = guessed(reader, &listings, side).await;
    for _ in 0..MOST_ROUNDS {
        let compared = PerKind::from_fn(|kind| {
            let given = to_read.fields[kind].clone();
            given.unwrap_or_else(|| reader.check.fields.of_one_side(&known, kind))
        });
        let mut rules = reader.rules(compared.clone(), Layouts::default());
        rules.selection.exact = Some(compared.clone());
        let rules = Arc::new(rules);
        reader.progress.phase("reading");
        let wanted = wanted(reader, side, &parts);
        let passed = reader.pass(&wanted, &rules, &visitor).await;
        if let Some(Halt::Incomparable(why)) = rules.halted() {
            return Err(Error::Incomparable(why));
        }
        let met = std::mem::take(&mut rules.met()[side]);
        let fitting = |kind: RecordKind| match &to_read.fields[kind] {
            Some(given) => given.clone(),
            None => reader.check.fields.of_one_side(&met, kind),
        };
        let is_met = |kind: RecordKind| met.iter().any(|layout| layout.kind() == kind);
        if RecordKind::BOTH
            .into_iter()
            .any(|kind| is_met(kind) && fitting(kind) != compared[kind])
        {
            known = met;
            continue;
        }
        refuse_unfit(reader, to_read, &met, &compared)?;
        if reader.check.ignore_nodata {
            nodata::check(&rules.all_seen())?;
        }
        rules.sets.close();
        let [s3, cwl] = [passed.sides.s3, passed.sides.cwl];
        let mut found = match side {
            Side::S3 => s3,
            Side::Cwl => cwl,
        };
        refuse_masked(side, found.tally.masked)?;
        found.parts = parts;
        let listed = listings[side].unreadable.iter().cloned();
        found.unreadable.splice(0..0, listed);
        found.layouts = met;
        return Ok(SideRead {
            rules,
            visitor: passed.visitor,
            found,
            unnamed: listings[side].passed_over.by_name.clone(),
            listings,
        });
    }
    Err(Error::Incomparable(
        "ever new layouts turn up: the source changes while it is read".into(),
    ))
}

fn wanted(reader: &CheckSession<'_>, side: Side, parts: &[Arc<Part>]) -> Sides<Vec<WantedPart>> {
    let window: Arc<[Window]> = Arc::new([reader.check.window]);
    let whole = |part: &Arc<Part>| WantedPart {
        part: Arc::clone(part),
        starts: Arc::clone(&window),
        number: None,
        verbatim: false,
    };
    let mut wanted = Sides::default();
    wanted[side] = parts.iter().map(whole).collect();
    wanted
}

/// Guesses the layouts, so that the first reading is most often the only one.
async fn guessed(
    reader: &CheckSession<'_>,
    listings: &Sides<Listing>,
    side: Side,
) -> BTreeSet<Layout> {
    let mut guess = first_layouts(reader, listings).await;
    let format = &reader.check.formats[side];
    match std::mem::take(&mut guess.seen[side]) {
        seen if !seen.is_empty() => seen,
        _ if format.given || guess.default[side] => format.layouts().cloned().collect(),
        _ => BTreeSet::new(),
    }
}

/// Refuses layouts that lack a field which is to be compared, and fields that tell too little.
fn refuse_unfit(
    reader: &CheckSession<'_>,
    to_read: &ToRead,
    met: &BTreeSet<Layout>,
    compared: &PerKind<ComparedFields>,
) -> Result<(), Error> {
    let side = to_read.side;
    let refuse = |why: String| Err(Error::Incomparable(format!("{side}: {why}")));
    for layout in met {
        let fields = &compared[layout.kind()];
        let lacks = |name: &&FieldName| layout.position(name).is_none();
        let listed = || names(layout.columns()).join(", ");
        if let Some(name) = fields.fields().iter().find(lacks)
            && to_read.for_receipt
        {
            return refuse(format!(
                "some records have no field `{name}`, which the receipt tells of: the column is lost, or this is not what \
                 the receipt is of; they have {}",
                listed()
            ));
        }
        if let Some(name) = fields.fields().iter().find(lacks) {
            return refuse(format!(
                "some records have no field `{name}`, which the digest is of: they have {}; make the digest with --fields and \
                 what both sides have",
                listed()
            ));
        }
        if !fields.has("start") {
            return refuse(format!(
                "a digest needs the field `start`, by which records are told apart in time: its records have {}",
                listed()
            ));
        }
    }
    let only = reader.check.fields.only.iter();
    let unknown = |name: &&FieldName| met.iter().all(|layout| layout.position(name).is_none());
    match only.clone().find(unknown) {
        Some(name) if !met.is_empty() => Err(Error::Usage(format!(
            "--fields: {side} has no field `{name}`"
        ))),
        _ => Ok(()),
    }
}

fn refuse_masked(side: Side, masked: u64) -> Result<(), Error> {
    if masked == 0 {
        return Ok(());
    }
    Err(Error::Incomparable(format!(
        "{side}: {masked} records have values that a data protection policy masks, and a digest cannot tell them by others: leave \
         those fields out with --ignore-fields, or read them with --cwl-unmask"
    )))
}
