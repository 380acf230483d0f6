//! Converted values: one rule turns what one side says into what the other says. Zero written as `-`, numbers written with a
//! decimal point or cut to 32 bits, times shifted by a constant.

use std::collections::{BTreeMap, BTreeSet};

use super::shifted;
use super::shifted::{SortCounts, count};
use super::words::{list, records, side, times};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::rows::DifferingCopy;
use crate::causes::scene::{ENOUGH, Found, Scene, SceneCell};
use crate::causes::traits::Relation;
use crate::diff::DifferenceKind;
use crate::model::finding::Bucket;
use crate::model::{Side, Sides};

/// What a conversion is called, and how to tell it.
type Conversion = (&'static str, fn(Relation) -> bool);

/// What is known of how tools convert values.
const RULES: [Conversion; 3] = [
    ("zero-as-absent", |it| matches!(it, Relation::ZeroAbsent(_))),
    ("32-bit", |it| matches!(it, Relation::Truncated(_))),
    ("number-form", |it| matches!(it, Relation::Written(_))),
];

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    for side in Side::BOTH {
        for (rule, follows) in RULES {
            of_pairs(scene, side, rule, follows);
        }
        of_refusals(scene, side);
    }
    zeros_of_flows(scene);
    shifted::find(scene);
}

/// Rows that are the same once 0 stands for `-`: ports of ICMP, say, which tell a flow, so that nothing has paired them.
fn zeros_of_flows(scene: &mut Scene<'_>) {
    let mut rows: BTreeMap<(u64, String), Sides<Vec<&DifferingCopy>>> = BTreeMap::new();
    for (flow, row) in scene.noted.flows.all() {
        if matches!(row.kind, DifferenceKind::Missing(_)) {
            let values = row.record.fields().map(|(_, value)| value.unwrap_or("0"));
            let text: Vec<&str> = values.collect();
            rows.entry((*flow, text.join(" "))).or_default()[row.side].push(row);
        }
    }
    let mut counted = SortCounts::new();
    let mut absent = Sides::<u64>::default();
    let (mut explained, mut of) = (0_u64, 0_u64);
    let mut fields = BTreeSet::new();
    for both in rows.values() {
        of += (both.s3.len() + both.cwl.len()) as u64;
        for (s3, cwl) in both.s3.iter().zip(&both.cwl) {
            explained += 2;
            count(&mut counted, s3);
            count(&mut counted, cwl);
            for ((name, a), (_, b)) in s3.record.fields().zip(cwl.record.fields()) {
                if let Some(side) = Relation::of(a, b).side().filter(|_| a != b) {
                    absent[side] += 1;
                    fields.insert(name.to_string());
                }
            }
        }
    }
    if explained < ENOUGH {
        return;
    }
    let side = match absent.s3 > absent.cwl {
        true => Side::S3,
        false => Side::Cwl,
    };
    let fields: Vec<String> = fields.into_iter().collect();
    let found = Found::new("converted-values", side)
        .certain(absent[side.other()] == 0)
        .with("rule", "zero-as-absent")
        .with("fields", fields)
        .with("seconds", serde_json::Value::Null);
    if scene.noted.flows.are_all() {
        scene.explain_counted(found, &counted);
    } else {
        scene.take(found, |cell, left| match cell.kind {
            DifferenceKind::Missing(_) => left * explained / of,
            DifferenceKind::Surplus(_)
            | DifferenceKind::Divergent
            | DifferenceKind::Pending(_)
            | DifferenceKind::Undetermined(_) => 0,
        });
    }
}

/// Pairs of which every difference follows the rule.
fn of_pairs(scene: &mut Scene<'_>, side: Side, rule: &str, follows: fn(Relation) -> bool) {
    let changes = scene.noted.changes.clone();
    let is = |cell: &SceneCell<'_>| {
        let change = changes.get(cell.traits.change);
        let of_rule = |relation: Relation| follows(relation) && relation.side() == Some(side);
        let mut all = change.into_iter().flatten();
        cell.kind == DifferenceKind::Divergent
            && change.is_some()
            && all.all(|(_, how)| of_rule(*how))
    };
    let records = scene.left(is);
    if records < ENOUGH {
        return;
    }
    let mut fields: Vec<String> = Vec::new();
    for ((bucket, kind), by_traits) in &scene.noted.cells {
        for (traits, _) in by_traits.iter() {
            let cell = SceneCell {
                bucket,
                kind: *kind,
                traits,
            };
            if is(&cell) {
                let change = changes.get(traits.change).into_iter().flatten();
                fields.extend(change.map(|(name, _)| name.to_string()));
            }
        }
    }
    fields.sort();
    fields.dedup();
    let found = Found::new("converted-values", side)
        .certain(true)
        .with("rule", rule)
        .with("fields", fields)
        .with("seconds", serde_json::Value::Null);
    scene.explain(found, is);
}

/// Rows that were refused because a number is written as AWS writes none.
fn of_refusals(scene: &mut Scene<'_>, side: Side) {
    let facts = &scene.sides[side];
    let field_of = |reason: &str| -> Option<String> {
        let (name, value) = reason.strip_prefix('`')?.split_once("` cannot be `")?;
        let value = value.strip_suffix('`')?;
        let number: f64 = value.parse().ok()?;
        (number.is_finite() && number >= 0.0 && number.fract() == 0.0).then(|| name.to_owned())
    };
    let mut fields: Vec<String> = facts
        .refusals
        .iter()
        .filter_map(|it| field_of(it))
        .collect();
    // As good as all that are known: the first ones by place.
    if fields.is_empty() || fields.len() * 10 < facts.refusals.len() * 9 {
        return;
    }
    fields.sort();
    fields.dedup();
    let found = Found::new("converted-values", side)
        .with("rule", "number-form")
        .with("fields", fields)
        .with("seconds", serde_json::Value::Null);
    // What may as well stand in a part that could not be read is left to that.
    let mut apart: BTreeSet<Bucket> = BTreeSet::new();
    for (bucket, kind) in scene.noted.cells.keys() {
        if *kind == DifferenceKind::Undetermined(side) && !facts.may_be_unread(bucket) {
            apart.insert(bucket.clone());
        }
    }
    scene.explain(found, |cell| {
        cell.kind == DifferenceKind::Undetermined(side) && apart.contains(cell.bucket)
    });
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    let fields = list(&of.texts("fields"));
    match of.text("rule") {
        "zero-as-absent" => format!(
            "{} writes 0 as `-` in {fields}: {} differ in nothing else",
            side(of),
            records(of)
        ),
        "32-bit" => format!(
            "{} keeps but the lowest 32 bits of {fields}: {} differ in nothing else",
            side(of),
            records(of)
        ),
        "shifted" => {
            let seconds = of.number("seconds").unwrap_or(0);
            let by =
                humantime::format_duration(std::time::Duration::from_secs(seconds.unsigned_abs()));
            let how = if seconds > 0 { "later" } else { "earlier" };
            format!(
                "{} tells all times {by} {how} than the other side: {} are the same otherwise, {}",
                side(of),
                records(of),
                times(of)
            )
        }
        _ => format!(
            "{} writes the numbers of {fields} as AWS does not, say with a decimal point: {}",
            side(of),
            records(of)
        ),
    }
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    match of.text("rule") {
        "zero-as-absent" => NextStep::new(
            "nothing is lost; let the tool that copied this side keep zeros, or leave the fields out",
        )
        .set("--ignore-fields", of.texts("fields").join(",")),
        "shifted" => NextStep::new("let the tool that copied this side write times in UTC, and check again"),
        _ => NextStep::new("let the tool that copied this side write whole numbers of 64 bits, and check again")
            .within(of.since, of.until),
    }
}
