//! `--all-differences`: every difference as a line of JSON, however many there are.

use std::io::{self, Write};

use serde::Serialize;

use super::json::write_line;
use crate::diff::{DifferenceKind, Shown};
use crate::model::Side;
use crate::model::finding::{Bucket, Evidence, Pair};
use crate::model::window::rfc3339;

#[derive(Serialize)]
struct DifferenceLine<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Side>,
    interface: &'a str,
    slot: Option<String>,
    #[serde(flatten)]
    shown: DifferenceWhat<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum DifferenceWhat<'a> {
    Leftover(&'a Evidence),
    Divergent(&'a Pair),
}

/// Writes one difference: the members of a finding of the JSON report, with the one record or pair in place of
/// `records` and `evidence`.
///
/// # Errors
/// The writer's.
pub fn write_difference(
    to: &mut dyn Write,
    bucket: &Bucket,
    kind: DifferenceKind,
    shown: &Shown,
) -> io::Result<()> {
    let (name, side) = match kind.leftover() {
        Some((kind, side)) => (kind.name(), Some(side)),
        None => ("divergent", None),
    };
    let shown = match shown {
        Shown::Leftover(evidence) => DifferenceWhat::Leftover(evidence),
        Shown::Divergent(pair) => DifferenceWhat::Divergent(pair),
    };
    let slot = bucket.slot.map(rfc3339);
    let line = DifferenceLine {
        kind: name,
        side,
        interface: &bucket.interface,
        slot,
        shown,
    };
    write_line(&line, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Place;
    use crate::record::{FieldName, Record};

    #[test]
    fn a_line_is_a_finding_of_one_record() {
        let record = Record::new(vec![
            (FieldName::new("start"), Some("300".into())),
            (FieldName::new("action"), None),
        ]);
        let found_in = Place {
            part: "a.log.gz".into(),
            row: 2,
        };
        let bucket = Bucket {
            interface: "eni-0aa".into(),
            slot: Some(300),
        };
        let mut text = Vec::new();
        let shown = Shown::Leftover(Evidence { record, found_in });
        write_difference(
            &mut text,
            &bucket,
            DifferenceKind::Missing(Side::Cwl),
            &shown,
        )
        .unwrap();
        let expected = concat!(
            r#"{"kind":"missing","side":"cwl","interface":"eni-0aa","slot":"1970-01-01T00:05:00Z","#,
            r#""record":{"start":300,"action":null},"found_in":{"part":"a.log.gz","row":2}}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
