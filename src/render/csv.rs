//! Findings as CSV (RFC 4180), a row each, for spreadsheets and for what has no JSON.

use std::io::{self, Write};

use super::Style;
use super::cause;
use super::escape::escape;
use crate::causes::Why;
use crate::diff::heading;
use crate::model::finding::{Finding, ReadTrouble};
use crate::model::window::rfc3339;
use crate::report::{Entry, Report};

const HEADER: [&str; 9] = [
    "kind",
    "side",
    "interface",
    "slot",
    "records",
    "cause",
    "part",
    "row",
    "reason",
];

/// Writes a header, then a row a finding. What a finding does not have is empty.
pub(super) fn write(report: &Report, _: Style<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = ::csv::Writer::from_writer(out);
    rows.write_record(HEADER)?;
    for entry in report.entries() {
        rows.write_record(row(entry, &report.why))?;
    }
    rows.flush()
}

fn row(entry: Entry<'_>, why: &Why) -> [String; HEADER.len()] {
    let none = String::new;
    // The one that explains most.
    let cause = |finding: &Finding| {
        let ((bucket, kind), _) = heading(finding);
        let first = why.shares(&bucket, kind).first();
        first.map_or_else(none, |share| share.number.to_string())
    };
    let slot = |slot: Option<i64>| slot.map(rfc3339).unwrap_or_default();
    match entry {
        Entry::Configuration(mismatch) => [
            "configuration".to_owned(),
            mismatch.side().map_or_else(none, |side| side.to_string()),
            none(),
            none(),
            none(),
            none(),
            mismatch.setting().to_owned(),
            none(),
            cell(&cause::reason(mismatch)),
        ],
        Entry::Difference(
            finding @ Finding::Leftovers {
                kind,
                side,
                bucket,
                records,
                ..
            },
        ) => [
            kind.name().to_owned(),
            side.to_string(),
            cell(&bucket.interface),
            slot(bucket.slot),
            records.to_string(),
            cause(finding),
            none(),
            none(),
            none(),
        ],
        Entry::Difference(
            finding @ Finding::Divergent {
                bucket, records, ..
            },
        ) => [
            "divergent".to_owned(),
            none(),
            cell(&bucket.interface),
            slot(bucket.slot),
            records.to_string(),
            cause(finding),
            none(),
            none(),
            none(),
        ],
        Entry::Trouble(ReadTrouble::Unreadable {
            side, part, reason, ..
        }) => [
            "unreadable".to_owned(),
            side.to_string(),
            none(),
            none(),
            none(),
            none(),
            cell(part),
            none(),
            cell(reason),
        ],
        Entry::Trouble(ReadTrouble::Malformed {
            side,
            place,
            reason,
        }) => [
            "malformed".to_owned(),
            side.to_string(),
            none(),
            none(),
            none(),
            none(),
            cell(&place.part),
            place.row.to_string(),
            cell(reason),
        ],
    }
}

/// Text of any origin on one line; what a spreadsheet would take for a formula gets a `'` in front, as OWASP advises
/// ("CSV Injection"). A lone `-` is what stands for no interface.
pub(super) fn cell(text: &str) -> String {
    let text = escape(text);
    if text != "-" && text.starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_row_a_finding() {
        let mut out = Vec::new();
        write(&sample::different(), Style::default(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        kind,side,interface,slot,records,cause,part,row,reason
        missing,cwl,eni-0c19436730cc350ae,2022-01-07T23:25:00Z,2,1,,,
        missing,cwl,eni-0c19436730cc350ae,2022-01-07T23:30:00Z,1,,,,
        surplus,s3,eni-0c19436730cc350ae,2022-01-07T23:35:00Z,1,,,,
        divergent,,eni-0c19436730cc350ae,2022-01-07T23:40:00Z,1,,,,
        undetermined,s3,eni-0c19436730cc350ae,2022-01-07T23:45:00Z,1,,,,
        pending,s3,eni-0c19436730cc350ae,2022-01-07T23:55:00Z,1,,,,
        unreadable,s3,,,,,AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2330Z_1a2b3c4d.log.gz,,the gzip stream ends early
        malformed,cwl,,,,,eni-0c19436730cc350ae-all,1641598800000,12 values where the format has 14 fields: `2 1111 \u{1b}[2J\u{202e}`
        ");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (text, safe) in [
            ("=1+1", "'=1+1"),
            ("@x", "'@x"),
            ("-", "-"),
            ("-1", "'-1"),
            ("a=b", "a=b"),
            ("a\nb", "a\\nb"),
        ] {
            assert_eq!(cell(text), safe);
        }
    }
}
