//! The answer: what the looks found, as a report.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::causes::{
    Cause, Grid, NotedDifferences, Scene, SideFacts, Why, explain, explain_from_sums, mismatches,
};
use crate::digest::BucketId;
use crate::model::delay::suggested_settle;
use crate::model::finding::{Bucket, Finding, Place, ReadTrouble};
use crate::model::{Side, Sides};
use crate::report::form::Form;
use crate::report::held::HeldOverTime;
use crate::report::{MOST_FINDINGS, Report, SideSummary, Verdict, sum_up};
use crate::source::key::ObjectName;
use crate::source::{Listing, Part, is_wrong_clock};

use super::drawn;
use super::first::Screened;
use super::pass::check::Check;
use super::pass::fields;
use super::pass::reader::CheckSession;
use super::second::DifferencesFound;

pub(super) fn report(
    reader: &CheckSession<'_>,
    listings: &Sides<Listing>,
    screened: &Screened,
    mut explained: DifferencesFound,
) -> Report {
    let unreadable = Sides::from_fn(|side| {
        let mut parts = screened.sides[side].unreadable.clone();
        parts.extend(explained.unreadable[side].iter().cloned());
        // Stable: of a part that failed at both looks, what the first one said.
        parts.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        parts.dedup_by(|(later, _), (first, _)| later.name == first.name);
        parts
    });
    let sides =
        Sides::from_fn(|side| summary(reader, screened, side, &explained, unreadable[side].len()));
    let mut counts = explained.outcome.totals();
    counts.matched = sides.s3.records.saturating_sub(counts.unmatched(Side::S3));
    counts.late = explained.late.as_ref().map(|late| late.records);
    debug_assert_eq!(
        counts.matched + counts.unmatched(Side::Cwl),
        sides.cwl.records,
        "{counts:?}"
    );
    let causes = causes(reader, listings, screened, &explained);
    let noted = std::mem::take(&mut explained.noted);
    let same_traffic = explained.traffic.is_same();
    let rechecks = explained.rechecks;
    let layouts = screened.layouts();
    let kinds = fields::kinds(&layouts, &reader.check.formats);
    let left_out = fields::left_out(&screened.rules.compared, &layouts);
    let (sets, on) = screened.rules.sets.all();
    let sets = sets.iter().zip(on);
    let sets = sets.filter(|(_, on)| on.s3 || on.cwl).map(|(set, _)| set);
    let field_doubts = fields::doubts(&reader.check.fields, sets, &left_out);
    let fewer_fields = explained.outcome.fewer_fields();
    let vanished = explained
        .causes
        .iter()
        .any(|cause| matches!(cause, Cause::Vanished { .. }));
    let digests = &screened.digests;
    let (findings, mut evidence_capped) = explained.outcome.into_findings();
    let gaps = drawn::gaps(&findings, digests, &screened.rules.key);
    let held = match findings.is_empty() && !reader.check.drawn {
        true => HeldOverTime::default(),
        false => drawn::held(&findings, digests),
    };
    let mut troubles = Vec::new();
    for side in Side::BOTH {
        troubles.extend(
            unreadable[side]
                .iter()
                .map(|(part, reason)| unreadable_part(side, part, reason)),
        );
    }
    for side in Side::BOTH {
        let rows = screened.sides[side].malformed.iter();
        troubles.extend(rows.map(|(place, reason)| malformed_row(side, place, reason)));
        evidence_capped |=
            screened.sides[side].tally.malformed > screened.sides[side].malformed.len() as u64;
    }
    let mut why = match findings.is_empty() && sides.s3.masked + sides.cwl.masked == 0 {
        true => Why::default(),
        false => why(
            reader,
            screened,
            (&sides, &unreadable),
            &findings,
            noted,
            (same_traffic, vanished),
        ),
    };
    // A job decides by slot, and a report by the hour tells by it: both are given the memory that takes.
    let findings = match reader.check.counted.is_some() || reader.check.by_hour {
        false => sum_up(findings, &mut why, MOST_FINDINGS),
        true => findings,
    };
    Report {
        why,
        next: None,
        verdict: Verdict::of(&counts, &sides, &field_doubts, reader.check.allow_empty),
        window: reader.check.window,
        settle: reader.settle,
        suggested_settle_seconds: suggested_settle(
            &sides.as_ref().map(|side| side.delivery_delay_seconds),
        ),
        fields: fields::told(&screened.rules.compared, &kinds),
        fields_left_out: left_out
            .iter()
            .filter(|(kind, _)| kinds.contains(kind))
            .map(|(kind, sides)| (kind, sides.as_ref().map(|names| fields::names(names))))
            .collect(),
        field_doubts,
        fewer_fields,
        sides,
        counts,
        findings,
        troubles,
        evidence_capped,
        causes,
        rechecked: reader.check.recheck.times > 0,
        looks: 1 + rechecks,
        interrupted: false,
        hours: if reader.check.by_hour {
            super::hours::hours(&screened.digests)
        } else {
            BTreeMap::new()
        },
        forms: forms(reader, listings, screened),
        arguments: Vec::new(),
        reached: Sides::default(),
        gaps,
        held,
        tolerated: Vec::new(),
        took: Duration::ZERO,
        copies: copies(reader.check, screened),
        state: None,
    }
}

/// The parts of each side that could not be read, with the reason.
type UnreadableParts = Sides<Vec<(Arc<Part>, String)>>;

/// Asks for the causes of what was found.
fn why(
    reader: &CheckSession<'_>,
    screened: &Screened,
    (sides, unreadable): (&Sides<SideSummary>, &UnreadableParts),
    findings: &[Finding],
    mut noted: NotedDifferences,
    (same_traffic, vanished): (bool, bool),
) -> Why {
    noted.reconcile(findings);
    let facts = |side: Side| {
        let (summary, found) = (&sides[side], &screened.sides[side]);
        let unread = unreadable[side].iter();
        let unread = unread
            .map(|(part, why)| (Arc::clone(&part.name), part.cover.clone(), why.clone()))
            .collect();
        let source = reader.sources[side].address();
        let services = ["s3://", "cwl://", "arn:"];
        SideFacts {
            is_live: services.iter().any(|start| source.starts_with(start)),
            kept_days: reader.sources[side].kept_days(),
            source,
            records: summary.records,
            nodata: summary.nodata,
            skipdata: summary.skipdata,
            masked: summary.masked,
            malformed: summary.malformed,
            refusals: found.malformed.values().map(String::as_str).collect(),
            unread,
            first_start: summary.first_start,
            last_start: summary.last_start,
            parts: found
                .parts
                .iter()
                .map(|part| Arc::clone(&part.name))
                .collect(),
            sample: &screened.samples[side],
            format: &reader.check.formats[side],
            is_headerless: reader.sources[side].is_headerless(),
            delays: summary.delivery_delay_seconds,
        }
    };
    let mut scene = Scene::new(
        (reader.check.window, reader.settle),
        Sides::from_fn(facts),
        (&screened.digests, &screened.rules.key),
        Grid::of(&screened.digests, screened.is_whole),
        noted,
    );
    scene.suggested_settle =
        suggested_settle(&sides.as_ref().map(|side| side.delivery_delay_seconds));
    scene.flow_logs = reader.check.flow_logs.as_deref();
    scene.same_traffic = same_traffic;
    scene.vanished = vanished;
    match screened.by_sums {
        true => explain_from_sums(scene),
        false => explain(scene),
    }
}

/// Returns what each side's parts look like, if that is asked for.
fn forms(reader: &CheckSession<'_>, listings: &Sides<Listing>, screened: &Screened) -> Sides<Form> {
    let check = reader.check;
    if !check.formed {
        return Sides::default();
    }
    let layouts = screened.layouts();
    Sides::from_fn(|side| {
        let met = &layouts[side];
        let default = || vec![check.formats[side].layout.clone()];
        let listing = &listings[side];
        let passed_over = listing.passed_over.by_age.iter();
        let parts = listing.parts.iter().chain(passed_over);
        let mut form = Form {
            layouts: if met.is_empty() {
                default()
            } else {
                met.iter().cloned().collect()
            },
            kept_days: reader.sources[side].kept_days(),
            ..Form::default()
        };
        let mut told = BTreeSet::new();
        for part in parts {
            if let Some(object) = ObjectName::parse(&part.name) {
                if told.insert((object.account, object.region, object.flow_log_id)) {
                    form.objects.push(Arc::clone(&part.name));
                }
            } else if let Some(interface) = &part.cover.interface {
                let stream = form.streams.entry(interface.clone());
                stream.or_insert_with(|| Arc::clone(&part.name));
            }
        }
        form
    })
}

/// Returns the copies at the first look in the buckets that differ and in those asked for.
fn copies(check: &Check, screened: &Screened) -> BTreeMap<Bucket, Sides<u64>> {
    let Some(asked) = &check.counted else {
        return BTreeMap::new();
    };
    let digests = &screened.digests;
    let unequal = digests.unequal().into_iter();
    let unequal = unequal.filter_map(|id| Some((digests.bucket(id)?, id)));
    let asked = asked.iter().map(|bucket| {
        let name = screened.rules.key.of_name(bucket.interface.as_bytes());
        (bucket.clone(), BucketId::new(name, bucket.slot))
    });
    let sums = |id| digests.as_ref().map(|digest| digest.ledger.sums(id).copies);
    unequal
        .chain(asked)
        .map(|(bucket, id)| (bucket, sums(id)))
        .collect()
}

fn summary(
    reader: &CheckSession<'_>,
    screened: &Screened,
    side: Side,
    explained: &DifferencesFound,
    unreadable: usize,
) -> SideSummary {
    let tally = &screened.sides[side].tally;
    let listed_unreadable = screened.sides[side].unreadable.len() - parts_failed(screened, side);
    SideSummary {
        source: reader.sources[side].address(),
        parts: (screened.sides[side].parts.len() + listed_unreadable) as u64,
        bytes: screened.sides[side].bytes,
        records: tally
            .records
            .saturating_add_signed(screened.sides[side].arrivals + explained.arrivals[side]),
        nodata: tally.nodata,
        skipdata: tally.skipdata,
        malformed: tally.malformed,
        masked: tally.masked,
        unreadable_parts: unreadable as u64,
        retries: reader.sources[side].retries(),
        first_start: tally.first_start,
        last_start: tally.last_start,
        delivery_delay_seconds: screened.sides[side].delays.summary(),
        delivery_bins: screened.sides[side].delays.bins(),
        late_delay_seconds: explained.late[side].delays.summary(),
    }
}

/// Parts that were listed as readable and were not.
fn parts_failed(screened: &Screened, side: Side) -> usize {
    let names: hashbrown::HashSet<&str> = screened.sides[side]
        .parts
        .iter()
        .map(|part| &*part.name)
        .collect();
    screened.sides[side]
        .unreadable
        .iter()
        .filter(|(part, _)| names.contains(&*part.name))
        .count()
}

fn unreadable_part(side: Side, part: &Part, reason: &str) -> ReadTrouble {
    ReadTrouble::Unreadable {
        side,
        part: Arc::clone(&part.name),
        cover: part.cover.clone(),
        reason: reason.to_owned(),
    }
}

fn malformed_row(side: Side, place: &Place, reason: &str) -> ReadTrouble {
    ReadTrouble::Malformed {
        side,
        place: place.clone(),
        reason: reason.to_owned(),
    }
}

/// Tells whether this machine's clock is wrong.
fn wrong_clock(reader: &CheckSession<'_>, side: Side) -> Option<Cause> {
    let ahead = reader.sources[side].clock_ahead()?;
    is_wrong_clock(ahead).then_some(Cause::WrongClock { side, ahead })
}

/// A log group has no header that says what its rows look like, so the format is easily forgotten.
fn format_unlikely(check: &Check, screened: &Screened, side: Side) -> Option<Cause> {
    let tally = &screened.sides[side].tally;
    let unlikely = tally.records == 0 && tally.malformed > 0 && !check.formats[side].given;
    unlikely.then_some(Cause::DefaultFormatUnfit { side })
}

fn causes(
    reader: &CheckSession<'_>,
    listings: &Sides<Listing>,
    screened: &Screened,
    explained: &DifferencesFound,
) -> Vec<Cause> {
    let check = reader.check;
    let mut causes = Vec::new();
    if let Some(logs) = &check.flow_logs {
        let mismatches = mismatches(logs, &check.window).into_iter();
        causes.extend(mismatches.map(Cause::Configuration));
    }
    for side in Side::BOTH {
        let remarks = listings[side].remarks.iter().cloned();
        let remarks = reader.sources[side].remarks().into_iter().chain(remarks);
        causes.extend(remarks.map(|remark| Cause::Listed { side, remark }));
        let units = screened.sides[side].units.iter();
        causes.extend(units.map(|&unit| Cause::FinerTimes { side, unit }));
        if screened.sides[side].tally.skipdata > 0 {
            causes.push(Cause::SkipData { side });
        }
    }
    let sides = Side::BOTH.into_iter();
    causes.extend(sides.filter_map(|side| format_unlikely(check, screened, side)));
    if explained.traffic.is_same() {
        causes.push(Cause::SameTraffic);
    }
    causes.extend(explained.causes.iter().cloned());
    let sides = Side::BOTH.into_iter();
    causes.extend(sides.filter_map(|side| wrong_clock(reader, side)));
    causes
}
