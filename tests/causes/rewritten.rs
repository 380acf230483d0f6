//! What makes every row of a side look otherwise: tools that copy, and policies that mask.

use super::corpus::{BASE, Corpus, FIELDS, LENGTH, Random};

pub(super) fn exchanged(corpus: &mut Corpus, random: &mut Random) {
    let pairs = [
        ("srcaddr", "dstaddr"),
        ("packets", "bytes"),
        ("vpc-id", "subnet-id"),
    ];
    let first = random.below(3);
    for (nth, (a, b)) in (0..).zip(pairs) {
        if nth == first || random.percent(30) {
            let at = |name: &str| FIELDS.iter().position(|field| *field == name).unwrap();
            corpus.format.swap(at(a), at(b));
        }
    }
}

pub(super) fn best_effort(corpus: &mut Corpus, random: &mut Random) {
    let field =
        ["instance-id", "vpc-id", "traffic-path"][usize::try_from(random.below(3)).unwrap()];
    let chance = 10 + random.below(30);
    for row in &mut corpus.rows.cwl {
        let number: u64 = row.get("bytes").parse().unwrap_or(0);
        if row.get("log-status") == "OK" && Random::of(number).percent(chance) {
            row.set(field, &"-");
        }
    }
}

pub(super) fn zero_as_absent(corpus: &mut Corpus, _: &mut Random) {
    for row in &mut corpus.rows.cwl {
        for value in &mut row.values {
            if value == "0" {
                "-".clone_into(value);
            }
        }
    }
}

pub(super) fn truncated(corpus: &mut Corpus, _: &mut Random) {
    for row in &mut corpus.rows.cwl {
        if let Ok(bytes) = row.get("bytes").parse::<u64>() {
            row.set("bytes", &(bytes & u64::from(u32::MAX)));
        }
    }
}

pub(super) fn shifted(corpus: &mut Corpus, random: &mut Random) {
    let by = [3_600, -7_200, 37][usize::try_from(random.below(3)).unwrap()];
    for row in &mut corpus.rows.cwl {
        for name in ["start", "end"] {
            let time: i64 = row.get(name).parse().unwrap();
            row.set(name, &(time + by));
        }
    }
}

/// Writes whole numbers as tools do that take every number for a float.
pub(super) fn floats(corpus: &mut Corpus, random: &mut Random) {
    let names: &[&str] = match random.below(3) {
        0 => &["packets", "bytes"],
        1 => &["bytes"],
        _ => &["srcport", "dstport", "packets", "bytes"],
    };
    for row in &mut corpus.rows.cwl {
        for name in names {
            if let Ok(number) = row.get(name).parse::<u64>() {
                row.set(name, &format!("{number}.0"));
            }
        }
    }
}

/// A data protection policy, from some time on or from the beginning.
pub(super) fn masked(corpus: &mut Corpus, random: &mut Random) {
    let names: &[&str] = match random.below(3) {
        0 => &["srcaddr", "dstaddr"],
        1 => &["account-id"],
        _ => &["instance-id"],
    };
    let from = match random.percent(50) {
        true => BASE,
        false => BASE + LENGTH / 4 + random.below(LENGTH / 4),
    };
    for row in &mut corpus.rows.cwl {
        for name in names {
            if row.start() >= from && row.get(name) != "-" {
                let hidden = "*".repeat(row.get(name).len());
                row.set(name, &hidden);
            }
        }
    }
}

/// Times in milliseconds, which flowdiff reads as what they are.
pub(super) fn milliseconds(corpus: &mut Corpus, _: &mut Random) {
    for row in &mut corpus.rows.cwl {
        for name in ["start", "end"] {
            let time: i64 = row.get(name).parse().unwrap();
            row.set(name, &(time * 1000));
        }
    }
}
