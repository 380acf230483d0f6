//! What can go wrong, a function each.

use std::collections::{BTreeMap, BTreeSet};

use flowdiff::model::Side;

use super::corpus::{BASE, Corpus, LENGTH, Random, Row, SLOT};
use super::rewritten::{
    best_effort, exchanged, floats, masked, milliseconds, shifted, truncated, zero_as_absent,
};

/// Something that goes wrong, and what it is to be called.
pub(super) struct Plant {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    /// When it happens: traffic is summed up, then delivered, then copied by some tool, then read.
    pub(super) stage: Stage,
    pub(super) plant: fn(&mut Corpus, &mut Random),
    /// What it decides that no other plant may decide as well.
    pub(super) decides: &'static [&'static str],
    /// Whether it can be proved, so that it must be called certain in a corpus of which all is seen.
    pub(super) certain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Summed,
    Delivered,
    Copied,
}

const fn plant(
    name: &'static str,
    kind: &'static str,
    stage: Stage,
    plant: fn(&mut Corpus, &mut Random),
    decides: &'static [&'static str],
    certain: bool,
) -> Plant {
    Plant {
        name,
        kind,
        stage,
        plant,
        decides,
        certain,
    }
}

/// What every row of a side looks like is decided by one plant at most.
const ROWS: &[&str] = &["rows"];

use Stage::{Copied, Delivered, Summed};

pub(super) const PLANTS: [Plant; 21] = [
    plant("outage", "outage", Delivered, outage, &[], true),
    plant(
        "absent-never",
        "interface-absent",
        Delivered,
        never,
        &["interface"],
        true,
    ),
    plant(
        "absent-since",
        "interface-absent",
        Delivered,
        since,
        &["interface"],
        true,
    ),
    plant(
        "absent-until",
        "interface-absent",
        Delivered,
        until,
        &["interface"],
        true,
    ),
    plant(
        "expired",
        "expired",
        Delivered,
        expired,
        &["clock", "edge"],
        false,
    ),
    plant(
        "objects-gone",
        "objects-gone",
        Delivered,
        objects_gone,
        &[],
        false,
    ),
    plant(
        "no-reject",
        "traffic-type",
        Delivered,
        no_reject,
        &["action"],
        true,
    ),
    plant(
        "no-accept",
        "traffic-type",
        Delivered,
        no_accept,
        &["action"],
        true,
    ),
    plant(
        "nodata-rows",
        "nodata-rows",
        Delivered,
        nodata_rows,
        &[],
        true,
    ),
    plant(
        "aggregation",
        "aggregation",
        Summed,
        aggregation,
        ROWS,
        true,
    ),
    plant(
        "object-twice",
        "delivered-twice",
        Copied,
        object_twice,
        &["twice", "buckets"],
        true,
    ),
    plant(
        "stream-twice",
        "delivered-twice",
        Copied,
        stream_twice,
        &["twice", "buckets"],
        true,
    ),
    plant(
        "one-sided",
        "one-sided-flow-log",
        Delivered,
        one_sided,
        &["interface"],
        true,
    ),
    plant(
        "exchanged",
        "columns-exchanged",
        Copied,
        exchanged,
        ROWS,
        true,
    ),
    plant(
        "best-effort",
        "best-effort-fields",
        Copied,
        best_effort,
        ROWS,
        false,
    ),
    plant(
        "zero-as-absent",
        "converted-values",
        Copied,
        zero_as_absent,
        ROWS,
        true,
    ),
    plant("32-bit", "converted-values", Copied, truncated, ROWS, true),
    plant(
        "shifted",
        "converted-values",
        Copied,
        shifted,
        // Which buckets both sides have: where one has nothing, extra copies are counted with the rest.
        &["rows", "buckets"],
        true,
    ),
    plant(
        "export-cut",
        "export-cut",
        Delivered,
        export_cut,
        &["edge"],
        false,
    ),
    plant(
        "export-ingested",
        "export-cut",
        Delivered,
        export_ingested,
        &["edge"],
        false,
    ),
    plant("refused", "refused-by-age", Delivered, refused, &[], false),
];

/// Those that make what is not known: nothing of it is confirmed to be missing.
pub(super) const OPEN: [Plant; 4] = [
    plant("late", "late", Delivered, late, &["clock", "edge"], false),
    plant("not-read", "not-read", Copied, not_read, &[], true),
    plant("floats", "converted-values", Copied, floats, ROWS, false),
    plant("token", "export-cut", Copied, token, &["edge"], true),
];

/// Those that make rows look otherwise and yet no record differ: what else goes wrong is found as if they were not.
pub(super) const QUIET: [Plant; 2] = [
    plant("masked", "masked", Copied, masked, ROWS, true),
    plant(
        "milliseconds",
        "no cause of a difference",
        Copied,
        milliseconds,
        ROWS,
        false,
    ),
];

fn drop(corpus: &mut Corpus, side: Side, is: impl Fn(&Row) -> bool) {
    corpus.rows[side].retain(|row| !is(row));
}

/// A second within the traffic, far from both ends.
fn middle(random: &mut Random) -> i64 {
    BASE + LENGTH / 4 + random.below(LENGTH / 4)
}

fn outage(corpus: &mut Corpus, random: &mut Random) {
    let from = middle(random);
    let to = from + 900 + random.below(1200);
    drop(corpus, Side::Cwl, |row| (from..to).contains(&row.start()));
}

fn some_interface(corpus: &Corpus, random: &mut Random) -> String {
    // Not of the other account.
    let at = random.below(i64::try_from(corpus.interfaces.len()).unwrap() - 2);
    corpus.interfaces[usize::try_from(at).unwrap()].clone()
}

fn some_side(random: &mut Random) -> Side {
    if random.percent(50) {
        Side::S3
    } else {
        Side::Cwl
    }
}

fn never(corpus: &mut Corpus, random: &mut Random) {
    let interface = some_interface(corpus, random);
    drop(corpus, some_side(random), |row| {
        row.get("interface-id") == interface
    });
}

fn since(corpus: &mut Corpus, random: &mut Random) {
    let (interface, from) = (some_interface(corpus, random), middle(random) / SLOT * SLOT);
    drop(corpus, some_side(random), |row| {
        row.get("interface-id") == interface && row.start() >= from
    });
}

fn until(corpus: &mut Corpus, random: &mut Random) {
    let interface = some_interface(corpus, random);
    let to = (middle(random) + LENGTH / 4) / SLOT * SLOT;
    drop(corpus, some_side(random), |row| {
        row.get("interface-id") == interface && row.start() < to
    });
}

fn expired(corpus: &mut Corpus, random: &mut Random) {
    let edge = middle(random);
    drop(corpus, Side::Cwl, |row| row.start() < edge);
    corpus.now = edge + 7 * 86_400 + random.below(600);
}

fn objects_gone(corpus: &mut Corpus, random: &mut Random) {
    let from = middle(random) / SLOT * SLOT;
    let to = from + SLOT * (1 + random.below(3));
    drop(corpus, Side::S3, |row| {
        row.get("account-id") == "123456789012" && (from..to).contains(&row.start())
    });
}

fn no_reject(corpus: &mut Corpus, random: &mut Random) {
    drop(corpus, some_side(random), |row| {
        row.get("action") == "REJECT"
    });
}

fn no_accept(corpus: &mut Corpus, random: &mut Random) {
    drop(corpus, some_side(random), |row| {
        row.get("action") == "ACCEPT"
    });
}

fn nodata_rows(corpus: &mut Corpus, random: &mut Random) {
    drop(corpus, some_side(random), |row| {
        row.get("log-status") == "NODATA"
    });
}

/// Sums up over ten minutes, from the first packet of a flow on.
fn aggregation(corpus: &mut Corpus, _: &mut Random) {
    let mut flows: BTreeMap<Vec<String>, Vec<Row>> = BTreeMap::new();
    let mut sums = Vec::new();
    for row in std::mem::take(&mut corpus.rows.cwl) {
        if row.get("log-status") == "NODATA" {
            sums.push(row);
            continue;
        }
        let flow = row.values[2..8].to_vec();
        flows.entry(flow).or_default().push(row);
    }
    for mut rows in flows.into_values() {
        rows.sort_by_key(Row::start);
        let mut rows = rows.into_iter();
        let mut sum = rows.next().unwrap();
        for row in rows {
            if row.start() >= sum.start() + 540 {
                sums.push(std::mem::replace(&mut sum, row));
                continue;
            }
            for name in ["packets", "bytes"] {
                let number = |row: &Row| row.get(name).parse::<u64>().unwrap();
                let added = number(&sum) + number(&row);
                sum.set(name, &added);
            }
            let end = row.get("end").to_owned();
            sum.set("end", &end);
        }
        sums.push(sum);
    }
    corpus.rows.cwl = sums;
}

/// One of the objects of the first account, the same whichever single records are lost.
fn some_object(corpus: &Corpus, random: &mut Random) -> String {
    let parts = corpus.rows.s3.iter().map(|row| &row.part);
    let parts: BTreeSet<&String> = parts
        .filter(|part| part.contains("/123456789012_"))
        .collect();
    let at = random.below(i64::try_from(parts.len()).unwrap());
    let part = parts.into_iter().nth(usize::try_from(at).unwrap());
    part.unwrap().clone()
}

fn object_twice(corpus: &mut Corpus, random: &mut Random) {
    let part = some_object(corpus, random);
    let copy = part.replace("1a2b3c4d", "5e6f7a8b");
    let again: Vec<Row> = corpus
        .rows
        .s3
        .iter()
        .filter(|row| row.part == part)
        .cloned()
        .collect();
    corpus.rows.s3.extend(again.into_iter().map(|row| Row {
        part: copy.clone(),
        ..row
    }));
}

fn stream_twice(corpus: &mut Corpus, random: &mut Random) {
    let interface = some_interface(corpus, random);
    let (from, to) = (middle(random), middle(random) + LENGTH / 4);
    let rows = corpus.rows.cwl.iter();
    let again: Vec<Row> = rows
        .filter(|row| row.get("interface-id") == interface && (from..to).contains(&row.start()))
        .cloned()
        .collect();
    corpus.rows.cwl.extend(again);
}

fn one_sided(corpus: &mut Corpus, random: &mut Random) {
    drop(corpus, some_side(random), |row| {
        row.get("account-id") == "210987654321"
    });
}

fn export_cut(corpus: &mut Corpus, random: &mut Random) {
    corpus.live = false;
    let edge = middle(random);
    match random.percent(50) {
        true => drop(corpus, Side::Cwl, |row| row.start() >= edge),
        false => drop(corpus, Side::Cwl, |row| row.start() < edge),
    }
}

/// An export of what came to the log group in a stretch of time: each interface's records have been on their way for as long as
/// that interface's take.
fn export_ingested(corpus: &mut Corpus, random: &mut Random) {
    corpus.live = false;
    let (edge, first) = (middle(random) + 600, random.percent(50));
    let delays: BTreeMap<String, i64> = corpus
        .interfaces
        .iter()
        .map(|interface| (interface.clone(), 60 + random.below(600)))
        .collect();
    drop(corpus, Side::Cwl, |row| {
        let interval = (row.start().div_euclid(60) + 1) * 60;
        let ingested = interval + delays[row.get("interface-id")];
        (ingested < edge) == first
    });
}

/// Objects that were delivered weeks later, which a forwarder cannot put into the log group any more.
fn refused(corpus: &mut Corpus, random: &mut Random) {
    let from = middle(random) / SLOT * SLOT;
    let slots = [from, from + 3 * SLOT];
    let held = |row: &Row| slots.contains(&(row.start().div_euclid(SLOT) * SLOT));
    drop(corpus, Side::Cwl, held);
    for row in &corpus.rows.s3 {
        if held(row) {
            corpus
                .delivered
                .insert(row.part.clone(), row.start() + 20 * 86_400);
        }
    }
}

fn late(corpus: &mut Corpus, _: &mut Random) {
    corpus.now = BASE + LENGTH + 60;
    let edge = BASE + LENGTH - 240;
    drop(corpus, Side::Cwl, |row| {
        row.start() >= edge
            && row
                .get("interface-id")
                .ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f'])
    });
}

fn not_read(corpus: &mut Corpus, random: &mut Random) {
    let part = some_object(corpus, random);
    corpus.unreadable.s3.push(part);
}

/// Some streams of which one page was exported, with the token to go on with: a column or what the AWS CLI writes for it.
fn token(corpus: &mut Corpus, random: &mut Random) {
    corpus.live = false;
    let line = match random.percent(50) {
        true => "NEXTTOKEN\teyJuZXh0VG9rZW4iOiBudWxsfQ==",
        false => "None",
    };
    for _ in 0..2 {
        let (interface, edge) = (some_interface(corpus, random), middle(random));
        drop(corpus, Side::Cwl, |row| {
            row.get("interface-id") == interface && row.start() >= edge
        });
        let part = format!("{interface}-all");
        corpus.last_lines.insert(part, line.to_owned());
    }
}
