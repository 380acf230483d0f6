//! Columns exchanged: under another order of a side's columns its records are those of the other side.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::sampled::SampledShares;
use super::shifted::{SortCounts, count, is_lone, sides};
use super::words::{list, records, side};
use crate::causes::explanation::Explanation;
use crate::causes::next::NextStep;
use crate::causes::rows::DifferingCopy;
use crate::causes::scene::{ENOUGH, Found, Scene};
use crate::diff::DifferenceKind;
use crate::model::Side;
use crate::record::{FieldName, Record};

/// So many of 100 votes decide which column is which.
const SHARE: u64 = 90;

pub(in crate::causes) fn find(scene: &mut Scene<'_>) {
    let mut groups: BTreeMap<u64, Vec<&DifferingCopy>> = BTreeMap::new();
    for (values, row) in scene.noted.values.all() {
        if is_meant(row) {
            groups.entry(*values).or_default().push(row);
        }
    }
    let fault = at_fault(scene);
    // Of each group a pair, S3's record first.
    let mut pairs: Vec<(&DifferingCopy, &DifferingCopy)> = Vec::new();
    for rows in groups.values_mut() {
        rows.sort_by(|a, b| a.order().cmp(&b.order()));
        let (s3, cwl) = sides(rows);
        pairs.extend(s3.into_iter().zip(cwl));
    }
    // Of a few pairs all must agree, and somebody must have said how the columns stand.
    let few = (pairs.len() as u64) < ENOUGH;
    if pairs.is_empty() || few && !scene.sides[fault].format.given {
        return;
    }
    let Some(order) = order(&pairs, fault) else {
        return;
    };
    let mut counted = SortCounts::new();
    let (mut explained, mut of) = (0, 0);
    for (s3, cwl) in &pairs {
        let (wrong, right) = match fault {
            Side::S3 => (s3, cwl),
            Side::Cwl => (cwl, s3),
        };
        of += 1;
        if is_same(&wrong.record, &right.record, &order) {
            explained += 1;
            // A pair of one flow is counted once.
            count(&mut counted, s3);
            if s3.kind != DifferenceKind::Divergent {
                count(&mut counted, cwl);
            }
        }
    }
    if few && explained < of || explained * 100 < of * SHARE {
        return;
    }
    let exchanged: Vec<String> = order
        .iter()
        .filter(|(is, should)| is != should)
        .map(|(is, should)| format!("{is} holds {should}"))
        .collect();
    let columns = scene.sides[fault].format.layout.columns().iter();
    let format: Vec<String> = columns
        .map(|name| {
            let right = order.get(name).unwrap_or(name);
            format!("${{{right}}}")
        })
        .collect();
    let found = Found::new("columns-exchanged", fault)
        .certain(!few)
        .with("columns", exchanged)
        .with("format", format.join(" "));
    if scene.noted.values.are_all() {
        scene.explain_counted(found, &counted);
    } else {
        let rows = scene.noted.values.all().into_iter().map(|(_, row)| row);
        let mut shares = SampledShares::of(rows.filter(|row| is_meant(row)), &counted);
        scene.take(found, |cell, left| shares.take(cell, left));
    }
}

fn is_meant(row: &DifferingCopy) -> bool {
    is_lone(row) || row.kind == DifferenceKind::Divergent
}

/// Returns the side whose rows are read by what somebody said they look like.
fn at_fault(scene: &Scene<'_>) -> Side {
    let told = |side: Side| scene.sides[side].is_headerless || scene.sides[side].format.given;
    match (scene.sides.s3.format.given, scene.sides.cwl.format.given) {
        (true, false) => Side::S3,
        (false, true) => Side::Cwl,
        _ if told(Side::S3) && !told(Side::Cwl) => Side::S3,
        _ => Side::Cwl,
    }
}

/// Returns what each column of the side at fault really holds; `None` if that cannot be told, or is what it is called.
fn order(
    pairs: &[(&DifferingCopy, &DifferingCopy)],
    fault: Side,
) -> Option<BTreeMap<FieldName, FieldName>> {
    let mut votes: HashMap<(FieldName, FieldName), u64> = HashMap::new();
    let mut seen: HashMap<FieldName, u64> = HashMap::new();
    for (s3, cwl) in pairs {
        let (wrong, right) = match fault {
            Side::S3 => (s3, cwl),
            Side::Cwl => (cwl, s3),
        };
        let right: Vec<_> = right.record.fields().collect();
        for (is, value) in wrong.record.fields() {
            *seen.entry(is.clone()).or_default() += 1;
            for (should, other) in &right {
                if value == *other {
                    let vote = votes.entry((is.clone(), (*should).clone()));
                    *vote.or_default() += 1;
                }
            }
        }
    }
    let mut order = BTreeMap::new();
    for (is, of) in &seen {
        let enough = |should: &FieldName| {
            let votes = votes.get(&(is.clone(), should.clone()));
            votes.is_some_and(|votes| votes * 100 >= of * SHARE)
        };
        // A column is what it is called if it may be.
        if enough(is) {
            order.insert(is.clone(), is.clone());
        }
    }
    for is in seen
        .keys()
        .filter(|is| !order.contains_key(*is))
        .cloned()
        .collect::<Vec<_>>()
    {
        let of = seen[&is];
        let best = seen
            .keys()
            .filter(|should| !order.values().any(|taken| taken == *should))
            .max_by_key(|should| {
                let votes = votes.get(&(is.clone(), (*should).clone()));
                (
                    votes.copied().unwrap_or(0),
                    std::cmp::Reverse((*should).clone()),
                )
            })?
            .clone();
        let of_best = votes.get(&(is.clone(), best.clone())).copied().unwrap_or(0);
        if of_best * 100 < of * SHARE {
            return None;
        }
        order.insert(is, best);
    }
    order
        .iter()
        .any(|(is, should)| is != should)
        .then_some(order)
}

/// Tells whether the records are the same if the first one's columns hold what `order` says.
fn is_same(wrong: &Record, right: &Record, order: &BTreeMap<FieldName, FieldName>) -> bool {
    let mut fields = wrong.fields();
    fields.all(|(is, value)| {
        let should = order.get(is).unwrap_or(is);
        right.get(should.as_str()) == value
    })
}

pub(in crate::causes) fn text(of: &Explanation) -> String {
    format!(
        "the columns of {} are not in the order they are read in ({}): {} agree with the other side in the right order",
        side(of),
        list(&of.texts("columns")),
        records(of)
    )
}

pub(in crate::causes) fn step(of: &Explanation) -> NextStep {
    let option = match of.side {
        Some(Side::S3) => "--s3-format",
        _ => "--cwl-format",
    };
    NextStep::new("read this side in the format that fits").set(option, of.text("format"))
}
