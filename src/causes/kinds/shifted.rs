//! Times that are shifted by a constant: a clock that was wrong, or a time zone that was taken for UTC.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::sampled::SampledShares;
use crate::causes::noted::NotedDifferences;
use crate::causes::rows::DifferingCopy;
use crate::causes::scene::{ENOUGH, Found, Scene};
use crate::causes::traits::Traits;
use crate::diff::DifferenceKind;
use crate::model::Side;
use crate::model::finding::Bucket;
use crate::record::Record;

/// So many rows of a flow are compared with each other.
const MOST_A_FLOW: usize = 64;

/// A shift explains at least so many of 100 rows that could be explained by one.
const SHARE: u64 = 90;

/// How many copies there are of each sort.
pub(super) type SortCounts = BTreeMap<(Bucket, DifferenceKind, Traits), u64>;

pub(super) fn find(scene: &mut Scene<'_>) {
    let flows = by_flow(&scene.noted);
    let mut votes: HashMap<i64, u64> = HashMap::new();
    for rows in flows.values() {
        let (s3, cwl) = sides(rows);
        for a in s3.iter().take(MOST_A_FLOW) {
            for b in cwl.iter().take(MOST_A_FLOW) {
                if let Some(shift) = shift(&a.record, &b.record) {
                    *votes.entry(shift).or_default() += 1;
                }
            }
        }
    }
    let best = votes
        .into_iter()
        .max_by_key(|(shift, votes)| (*votes, -shift.abs()));
    let Some((seconds, votes)) = best else {
        return;
    };
    if votes < ENOUGH || seconds == 0 {
        return;
    }
    let mut counted = SortCounts::new();
    let (mut explained, mut of) = (0, 0);
    for rows in flows.values() {
        let (s3, cwl) = sides(rows);
        of += (s3.len() + cwl.len()) as u64;
        let mut partners: HashMap<String, Vec<&DifferingCopy>> = HashMap::new();
        for row in cwl.into_iter().rev() {
            partners
                .entry(without_times(&row.record, 0))
                .or_default()
                .push(row);
        }
        for row in s3 {
            let same = partners.get_mut(&without_times(&row.record, seconds));
            if let Some(partner) = same.and_then(Vec::pop) {
                count(&mut counted, row);
                count(&mut counted, partner);
                explained += 2;
            }
        }
    }
    if explained * 100 < of * SHARE && explained < 2 * ENOUGH {
        return;
    }
    // Whose times are later than those that records had when they were delivered is at fault; else nobody knows, and the side
    // that tools most often copy is named.
    let found = Found::new("converted-values", Side::Cwl)
        .certain(explained >= 2 * ENOUGH && explained * 100 >= of * 50)
        .with("rule", "shifted")
        .with("fields", vec!["start".to_owned(), "end".to_owned()])
        .with("seconds", -seconds);
    scene.times_are_off = true;
    if scene.noted.flows.are_all() {
        scene.explain_counted(found, &counted);
    } else {
        let rows = lone(&scene.noted).map(|(_, row)| row);
        // All is shifted, whatever it tells of.
        let mut shares = SampledShares::of(rows, &counted).with_unseen_sorts(scene);
        scene.take(found, |cell, left| shares.take(cell, left));
    }
}

/// Returns the rows that have no counterpart on the other side, as far as that is known. What is young or may be in what was not
/// read is among them: if a counterpart is found, that is not why it has none.
pub(super) fn lone(noted: &NotedDifferences) -> impl Iterator<Item = (u64, &DifferingCopy)> {
    let rows = noted.flows.all().into_iter();
    rows.map(|(flow, row)| (*flow, row))
        .filter(|(_, row)| is_lone(row))
}

pub(super) fn is_lone(row: &DifferingCopy) -> bool {
    let lacking = row.side.other();
    let kinds = [
        DifferenceKind::Missing(lacking),
        DifferenceKind::Pending(lacking),
        DifferenceKind::Undetermined(lacking),
    ];
    kinds.contains(&row.kind)
}

/// Returns the rows without counterpart by flow.
fn by_flow(noted: &NotedDifferences) -> BTreeMap<u64, Vec<&DifferingCopy>> {
    let mut flows: BTreeMap<u64, Vec<&DifferingCopy>> = BTreeMap::new();
    for (flow, row) in lone(noted) {
        flows.entry(flow).or_default().push(row);
    }
    for rows in flows.values_mut() {
        // An extra copy is taken last.
        rows.sort_by(|a, b| a.order().cmp(&b.order()));
    }
    flows
}

pub(super) fn sides<'r>(
    rows: &[&'r DifferingCopy],
) -> (Vec<&'r DifferingCopy>, Vec<&'r DifferingCopy>) {
    rows.iter().partition(|row| row.side == Side::S3)
}

pub(super) fn count(counted: &mut SortCounts, row: &DifferingCopy) {
    let key = (row.bucket.clone(), row.kind, row.traits);
    *counted.entry(key).or_default() += 1;
}

/// Returns by how many seconds S3's times are later, if both are by the same and all else that both have is equal.
fn shift(s3: &Record, cwl: &Record) -> Option<i64> {
    let time = |of: &Record, name: &str| of.get(name)?.parse::<i64>().ok();
    let start = time(s3, "start")? - time(cwl, "start")?;
    let end = match (time(s3, "end"), time(cwl, "end")) {
        (Some(a), Some(b)) => a - b,
        _ => start,
    };
    (start == end && without_times(s3, 0) == without_times(cwl, -start)).then_some(start)
}

/// Returns what a record says, its times that many seconds earlier.
fn without_times(record: &Record, seconds: i64) -> String {
    let mut text = String::with_capacity(160);
    for (name, value) in record.fields() {
        let time = match name.as_str() {
            "start" | "end" => value.and_then(|value| value.parse::<i64>().ok()),
            _ => None,
        };
        match time {
            Some(time) => text.push_str(&(time - seconds).to_string()),
            None => text.push_str(value.unwrap_or("-")),
        }
        text.push(' ');
    }
    text
}
