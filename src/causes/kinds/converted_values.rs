//! Converted values: one rule turns what one side says into what the other says. Zero written as `-`, numbers written with a
//! decimal point or cut to 32 bits, times shifted by a constant.

use std::collections::{BTreeMap, BTreeSet};

use super::sampled::SampledShares;
use super::shifted::{self, SortCounts, count, lone};
use super::words::{list, records, side, times};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::rows::DifferingCopy;
use crate::causes::scene::{ENOUGH, Found, Scene, SceneCell};
use crate::causes::traits::Relation;
use crate::diff::DifferenceKind;
use crate::model::finding::Bucket;
use crate::model::{Cover, Side, Sides};

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
    for (flow, row) in lone(&scene.noted) {
        let values = row.record.fields().map(|(_, value)| value.unwrap_or("0"));
        let text: Vec<&str> = values.collect();
        rows.entry((flow, text.join(" "))).or_default()[row.side].push(row);
    }
    let mut counted = SortCounts::new();
    let mut absent = Sides::<u64>::default();
    let mut explained = 0;
    let mut fields = BTreeSet::new();
    for both in rows.values() {
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
        let rows = lone(&scene.noted).map(|(_, row)| row);
        let mut shares = SampledShares::of(rows, &counted);
        scene.take(found, |cell, left| shares.take(cell, left));
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

/// Rows that were refused because a number is written as AWS writes none, and parts of which no row was taken because of that.
fn of_refusals(scene: &mut Scene<'_>, side: Side) {
    let facts = &scene.sides[side];
    let refusals = facts.refusals.iter();
    let mut fields: Vec<String> = refusals.filter_map(|it| number_refused(it)).collect();
    // As good as all that are known: the first ones by place.
    if fields.len() * 10 < facts.refusals.len() * 9 {
        fields.clear();
    }
    // What may as well stand in a part that could not be read for another reason is left to that.
    let mut unread: Vec<&Cover> = Vec::new();
    for (_, cover, why) in &facts.unread {
        match number_refused(why) {
            Some(field) => fields.push(field),
            None => unread.push(cover),
        }
    }
    if fields.is_empty() {
        return;
    }
    fields.sort();
    fields.dedup();
    let found = Found::new("converted-values", side)
        .with("rule", "number-form")
        .with("fields", fields)
        .with("seconds", serde_json::Value::Null);
    let may_be_unread = |bucket: &Bucket| {
        let mut unread = unread.iter();
        unread.any(|cover| cover.may_hold(&bucket.interface, bucket.slot))
    };
    let mut apart: BTreeSet<Bucket> = BTreeSet::new();
    for (bucket, kind) in scene.noted.cells.keys() {
        if *kind == DifferenceKind::Undetermined(side) && !may_be_unread(bucket) {
            apart.insert(bucket.clone());
        }
    }
    scene.explain(found, |cell| {
        cell.kind == DifferenceKind::Undetermined(side) && apart.contains(cell.bucket)
    });
}

/// Returns the field of a whole number that was refused for how it is written, if that is why.
fn number_refused(reason: &str) -> Option<String> {
    let (before, after) = reason.split_once("` cannot be `")?;
    let name = before.rsplit('`').next()?;
    let number: f64 = after.split('`').next()?.parse().ok()?;
    (number.is_finite() && number >= 0.0 && number.fract() == 0.0).then(|| name.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_refused_is_told_by_the_reason() {
        for (reason, field) in [
            ("`bytes` cannot be `80.0`", Some("bytes")),
            (
                "no row in it is a flow-log record (row 1: `packets` cannot be `1.0`), so how many",
                Some("packets"),
            ),
            ("`bytes` cannot be `80.5`", None),
            ("`bytes` cannot be `-1`", None),
            ("`start` cannot be `x`", None),
            ("access denied", None),
        ] {
            assert_eq!(number_refused(reason).as_deref(), field, "{reason}");
        }
    }
}
