//! Which fields of divergent records have unequal values, and how.

use std::collections::BTreeMap;

use itertools::Itertools;
use maud::{Markup, html};

use super::shown;
use crate::model::finding::{Finding, Pair};
use crate::model::words::{count, thousands};
use crate::report::Report;

/// How many of the commonest pairs of values are told of a field.
const MOST_PAIRS: usize = 10;

/// The kinds of change, in the order of the columns.
const CHANGES: [&str; 4] = [
    "value to value",
    "value to absent",
    "absent to value",
    "masked",
];

/// What is told of a field.
#[derive(Default)]
struct OfField<'a> {
    changes: [u64; CHANGES.len()],
    values: BTreeMap<(&'a str, &'a str), u64>,
}

/// Shows the matrix of what evidence there is.
pub(super) fn matrix(report: &Report) -> Markup {
    let pairs = report.findings.iter().flat_map(|finding| match finding {
        Finding::Divergent { evidence, .. } => evidence.as_slice(),
        Finding::Leftovers { .. } => &[],
    });
    let mut fields: BTreeMap<&str, OfField<'_>> = BTreeMap::new();
    let mut told = 0;
    for pair in pairs {
        told += 1;
        for name in &pair.fields {
            let of = fields.entry(name).or_default();
            let (s3, cwl) = values(pair, name);
            of.changes[change(s3, cwl)] += 1;
            *of.values
                .entry((s3.unwrap_or("-"), cwl.unwrap_or("-")))
                .or_default() += 1;
        }
    }
    if fields.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Divergent fields" }
            p {
                "From s3 to cwl, of the " (count(told, "divergent record")) " that are shown of "
                (thousands(report.counts.divergent)) "."
            }
            table {
                thead { tr { th { "field" } @for name in CHANGES { th.number { (name) } } } }
                tbody {
                    @for (name, of) in &fields {
                        tr {
                            th scope="row" { (shown(name)) }
                            @for number in of.changes { td.number { (thousands(number)) } }
                        }
                    }
                }
            }
            @for (name, of) in &fields {
                details {
                    summary { "The commonest values of " (shown(name)) }
                    table {
                        thead { tr { th { "s3" } th { "cwl" } th.number { "records" } } }
                        tbody {
                            @for ((s3, cwl), number) in of.values.iter().sorted_by_key(|(_, number)| std::cmp::Reverse(**number)).take(MOST_PAIRS) {
                                tr {
                                    td { code { (shown(s3)) } }
                                    td { code { (shown(cwl)) } }
                                    td.number { (thousands(*number)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn values<'a>(pair: &'a Pair, name: &str) -> (Option<&'a str>, Option<&'a str>) {
    (pair.s3.record.get(name), pair.cwl.record.get(name))
}

/// Returns which of [`CHANGES`] it is. A data protection policy writes asterisks.
fn change(s3: Option<&str>, cwl: Option<&str>) -> usize {
    let masked = |value: Option<&str>| {
        value.is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte == b'*'))
    };
    match (s3, cwl) {
        _ if masked(s3) || masked(cwl) => 3,
        (Some(_), None) => 1,
        (None, Some(_)) => 2,
        _ => 0,
    }
}
