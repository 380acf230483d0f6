//! What was found of a side, as a digest says it, and back again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashSet;
use itertools::Itertools;

use super::DigestSpec;
use super::read::{GivenFields, SideRead};
use crate::check::Check;
use crate::check::pass::fields::names;
use crate::check::pass::span::PartFilter;
use crate::check::pass::taken::{SideScreen, Tally};
use crate::diff::{RowCover, Stands};
use crate::digest::file::{
    About, Counted, HiddenRows, KnownOfRow, MalformedRow, Measured, PartHeld, PartRead, SCHEMA,
    SourceRead, UnreadPart,
};
use crate::digest::name_of_key;
use crate::model::Cover;
use crate::model::delay::Delays;
use crate::model::finding::Place;
use crate::record::{ComparedFields, FieldName, Layout, PerKind, RecordKind, RowPlace, finer_unit};
use crate::source::Part;

/// Says of a side what was found.
pub(super) fn of<V>(
    check: &Check,
    spec: &DigestSpec,
    read_at: i64,
    read: &SideRead<V>,
    address: String,
) -> About {
    let found = &read.found;
    let met = |kind: &RecordKind| found.layouts.iter().any(|layout| layout.kind() == *kind);
    let kinds = RecordKind::BOTH.into_iter().filter(met);
    let fields = kinds.map(|kind| (kind, names(read.rules.compared[kind].fields())));
    let tally = &found.tally;
    let (longest, counted) = found.delays.written();
    About {
        schema: SCHEMA.to_owned(),
        tool: format!("flowdiff {}", env!("CARGO_PKG_VERSION")),
        side: spec.side,
        window: check.window.into(),
        read_at,
        interfaces: check.interfaces.iter().cloned().collect(),
        ignore_nodata: check.ignore_nodata,
        fields: fields.collect(),
        fingerprint: spec.algorithm.name().to_owned(),
        key: spec.key.as_ref().map(name_of_key),
        differences: spec.differences as u64,
        counts: Counted {
            bytes: found.bytes,
            records: tally.records,
            nodata: tally.nodata,
            skipdata: tally.skipdata,
            malformed: tally.malformed,
            first_start: tally.first_start,
            last_start: tally.last_start,
        },
        delays: Measured { longest, counted },
        malformed: found.malformed.iter().map(malformed).collect(),
        hidden: found.stands.all().map(hidden).sorted().collect(),
        unreadable: unread(
            found,
            found.unreadable.iter().map(|(part, why)| (part, &**why)),
        ),
        passed_over: unread(
            found,
            read.unnamed.iter().map(|part| {
                let why = "its name says nothing of what it holds";
                (part, why)
            }),
        ),
        sources: vec![SourceRead {
            address,
            store: spec.store.clone(),
            flow_log_ids: spec.flow_log_ids.clone(),
            all_streams: spec.all_streams,
            parts: parts(found, spec.sample),
        }],
        layouts: found
            .layouts
            .iter()
            .map(|layout| names(layout.columns()))
            .collect(),
        units: found.units.iter().map(|&unit| unit.to_owned()).collect(),
        sample: None,
        ledger_interfaces: Vec::new(),
        ledger_lines: 0,
        sketch_cells: 0,
    }
}

/// Those that could not be read are among them: of a log stream, some may have been read. What each held is told if that is
/// wanted.
pub(super) fn parts(found: &SideScreen, with_held: bool) -> Vec<PartRead> {
    let held = |number| {
        let span = found.spans.get(&number);
        span.map_or_else(PartHeld::default, PartFilter::held)
    };
    let parts = found.parts.iter().enumerate();
    let parts = parts.map(|(number, part)| PartRead {
        name: part.name.to_string(),
        size: part.size,
        version: part.version.clone(),
        sha256: None,
        held: with_held.then(|| held(number)),
    });
    parts.sorted().collect()
}

fn malformed((place, reason): (&Place, &String)) -> MalformedRow {
    MalformedRow {
        part: place.part.to_string(),
        row: place.row,
        reason: reason.clone(),
    }
}

fn hidden((cover, records): (&RowCover, u64)) -> HiddenRows {
    let known = cover.known.iter().map(|known| KnownOfRow {
        interface: known.interface.clone(),
        start: known.start,
    });
    HiddenRows {
        part: (&cover.part).into(),
        known: known.collect(),
        records,
    }
}

fn unread<'p>(
    found: &SideScreen,
    parts: impl Iterator<Item = (&'p Arc<Part>, &'p str)>,
) -> Vec<UnreadPart> {
    let held = found.spans.keys().filter_map(|&part| found.parts.get(part));
    let held: HashSet<&str> = held.map(|part| &*part.name).collect();
    let told = parts.map(|(part, reason)| UnreadPart {
        name: part.name.to_string(),
        may_hold: (&part.cover).into(),
        reason: reason.to_owned(),
        size: part.size,
        version: part.version.clone(),
        read_in_part: held.contains(&*part.name),
    });
    told.sorted().collect()
}

/// Returns the fields that a digest is of.
pub(super) fn given(fields: &BTreeMap<RecordKind, Vec<String>>) -> GivenFields {
    PerKind::from_fn(|kind| {
        let names = fields.get(&kind)?;
        Some(ComparedFields::new(
            names.iter().map(|name| FieldName::new(name)),
        ))
    })
}

/// Returns the options with which a check of the digest's source compares the same, but for the window.
pub(super) fn asked(about: &About) -> Vec<(&'static str, Option<String>)> {
    let listed = |names: &BTreeSet<String>| names.iter().join(",");
    let compared: BTreeSet<String> = about.fields.values().flatten().cloned().collect();
    let mut columns = about.layouts.iter().flatten();
    let mut asked = Vec::new();
    if !about.interfaces.is_empty() {
        asked.push(("--interface", Some(listed(&about.interfaces))));
    }
    if about.ignore_nodata {
        asked.push(("--ignore-nodata", None));
    }
    if columns.any(|name| !compared.contains(name)) {
        asked.push(("--fields", Some(listed(&compared))));
    }
    asked
}

/// Returns what was found of a side, as far as a digest tells.
///
/// # Errors
/// It names columns that no layout can have.
pub(super) fn found(about: &About) -> Result<SideScreen, String> {
    let counts = &about.counts;
    let mut stands = Stands::default();
    for rows in &about.hidden {
        let known = rows.known.iter().map(|known| RowPlace {
            interface: known.interface.clone(),
            start: known.start,
        });
        let cover = RowCover {
            part: (&rows.part).into(),
            known: known.collect(),
        };
        stands.add(cover, rows.records);
    }
    let malformed = about.malformed.iter().map(|row| {
        let place = Place {
            part: row.part.as_str().into(),
            row: row.row,
        };
        (place, row.reason.clone())
    });
    let parts = || about.sources.iter().flat_map(|source| &source.parts);
    let held = parts().enumerate().filter_map(|(number, part)| {
        let span = PartFilter::of_held(part.held.as_ref()?)?;
        Some((number, span))
    });
    let layouts = about.layouts.iter();
    let layouts = layouts.map(|names| {
        Layout::from_names(names.iter().map(String::as_str)).map_err(|error| error.to_string())
    });
    Ok(SideScreen {
        tally: Tally {
            records: counts.records,
            nodata: counts.nodata,
            skipdata: counts.skipdata,
            malformed: counts.malformed,
            masked: 0,
            first_start: counts.first_start,
            last_start: counts.last_start,
        },
        malformed: malformed.collect::<BTreeMap<_, _>>(),
        stands,
        layouts: layouts.collect::<Result<_, _>>()?,
        spans: held.collect(),
        is_unspanned: parts().any(|part| part.held.is_none()),
        parts: parts()
            .map(|part| {
                Arc::new(Part {
                    name: part.name.as_str().into(),
                    size: part.size,
                    version: part.version.clone(),
                    cover: Cover::default(),
                    delivered: None,
                })
            })
            .collect(),
        unreadable: about
            .unreadable
            .iter()
            .map(|part| (not_read(part), part.reason.clone()))
            .collect(),
        bytes: counts.bytes,
        delays: Delays::of_written(about.delays.longest, &about.delays.counted),
        units: about
            .units
            .iter()
            .filter_map(|name| finer_unit(name))
            .collect(),
        ..SideScreen::default()
    })
}

/// Returns a part that was not read, as far as a digest tells.
pub(super) fn not_read(part: &UnreadPart) -> Arc<Part> {
    Arc::new(Part {
        name: part.name.as_str().into(),
        size: part.size,
        // What counts of it must be found again: it is taken for another one by the second look, and read.
        version: match part.read_in_part {
            true => String::new(),
            false => part.version.clone(),
        },
        cover: (&part.may_hold).into(),
        delivered: None,
    })
}
