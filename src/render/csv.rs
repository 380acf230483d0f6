//! Differences as CSV (RFC 4180), a row for each record, for spreadsheets and for what has no JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};

use serde_json::{Map, Value};

use super::Style;
use super::cause;
use super::escape::escape;
use super::wording::FROM_SUMS;
use crate::causes::Why;
use crate::diff::{DifferenceKind, heading};
use crate::model::Side;
use crate::model::finding::{Bucket, Finding, LeftoverKind, ReadTrouble};
use crate::model::window::rfc3339;
use crate::record::FieldName;
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

type Row = [String; HEADER.len()];

/// Writes a header; then a row for each record that differs, with all its fields, as [`Style::every`] has them; then a row for
/// each part or row that could not be read. What a row does not have is empty; an absent value is `-`. A divergent record is
/// S3's, and `reason` has both values of what differs. Of differences that are known by number only there is a row for all of
/// an interface and kind, and without [`Style::every`] one for each finding.
pub(super) fn write(report: &Report, style: Style<'_>, out: &mut dyn Write) -> io::Result<()> {
    let names = style.every.map_or_else(|| Ok(BTreeSet::new()), names)?;
    let mut rows = ::csv::Writer::from_writer(out);
    rows.write_record(
        HEADER
            .into_iter()
            .chain(names.iter().map(FieldName::as_str)),
    )?;
    let mut told: BTreeMap<FindingPlace, u64> = BTreeMap::new();
    let mut put = |row: Row, record: Option<&Map<String, Value>>| {
        let value = |name: &FieldName| match record.map(|record| record.get(name.as_str())) {
            None | Some(None) => String::new(),
            Some(Some(value)) => cell(&text(value)),
        };
        rows.write_record(row.into_iter().chain(names.iter().map(value)))
    };
    let entries = |wanted: fn(&Entry<'_>) -> bool| report.entries().filter(wanted);
    for entry in entries(|entry| matches!(entry, Entry::Configuration(_))) {
        put(row(entry, &report.why), None)?;
    }
    if let Some(every) = style.every {
        each(every, |line| {
            let place = FindingPlace::of(&line);
            let (row, record) = of_record(&line, &report.why);
            *told.entry(place).or_default() += 1;
            put(row, record).map_err(io::Error::from)
        })?;
    }
    let mut short: BTreeMap<FindingPlace, u64> = BTreeMap::new();
    for entry in entries(|entry| matches!(entry, Entry::Difference(_))) {
        match (entry, style.every) {
            (Entry::Difference(finding), Some(_)) => {
                let ((bucket, kind), records) = heading(finding);
                let place = FindingPlace::new(kind, &bucket.interface);
                *short.entry(place).or_default() += records;
            }
            (entry, _) => put(row(entry, &report.why), None)?,
        }
    }
    for (place, records) in short {
        let more = records.saturating_sub(told.get(&place).copied().unwrap_or(0));
        if more > 0 {
            put(place.row(more), None)?;
        }
    }
    for entry in entries(|entry| matches!(entry, Entry::Trouble(_))) {
        put(row(entry, &report.why), None)?;
    }
    rows.flush()
}

/// Where records of a finding are, and what they are, as far as numbers are compared.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct FindingPlace {
    interface: String,
    kind: String,
    side: String,
}

impl FindingPlace {
    fn new(kind: DifferenceKind, interface: &str) -> Self {
        let leftover = kind.leftover();
        Self {
            interface: interface.to_owned(),
            kind: leftover
                .map_or("divergent", |(kind, _)| kind.name())
                .to_owned(),
            side: leftover
                .map(|(_, side)| side.to_string())
                .unwrap_or_default(),
        }
    }

    fn of(line: &Value) -> Self {
        let member = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        Self {
            interface: member("interface"),
            kind: member("kind"),
            side: member("side"),
        }
    }

    fn row(self, records: u64) -> Row {
        let Self {
            interface,
            kind,
            side,
        } = self;
        let mut row = Row::default();
        (row[0], row[1], row[2]) = (kind, side, cell(&interface));
        row[4] = records.to_string();
        row[8] = "known by number only".to_owned();
        row
    }
}

/// Gives each of the lines that are kept, from the first.
fn each(every: &File, mut give: impl FnMut(Value) -> io::Result<()>) -> io::Result<()> {
    let mut file = every;
    file.seek(SeekFrom::Start(0))?;
    for line in BufReader::new(file).lines() {
        give(serde_json::from_str(&line?)?)?;
    }
    Ok(())
}

/// Returns the fields that any of the records has.
fn names(every: &File) -> io::Result<BTreeSet<FieldName>> {
    let mut names: BTreeSet<FieldName> = BTreeSet::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    each(every, |line| {
        let records = [&line["record"], &line["s3"]["record"]];
        for name in records
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(Map::keys)
        {
            if !known.contains(name) {
                known.insert(name.clone());
                names.insert(FieldName::new(name));
            }
        }
        Ok(())
    })?;
    Ok(names)
}

/// Returns the row of a line, and the record whose fields it has.
fn of_record<'l>(line: &'l Value, why: &Why) -> (Row, Option<&'l Map<String, Value>>) {
    let mut row = Row::default();
    let FindingPlace {
        interface,
        kind,
        side,
    } = FindingPlace::of(line);
    let slot = line["slot"].as_str().unwrap_or_default();
    row[5] = cause_of(&kind, &side, &interface, slot, why);
    (row[0], row[1], row[2]) = (kind, side, cell(&interface));
    (row[3], row[4]) = (slot.to_owned(), 1.to_string());
    let shown = if line["s3"].is_object() {
        &line["s3"]
    } else {
        line
    };
    let found_in = |shown: &Value| {
        let part = shown["found_in"]["part"].as_str().unwrap_or_default();
        (cell(part), text(&shown["found_in"]["row"]))
    };
    (row[6], row[7]) = found_in(shown);
    if let Some(fields) = line["fields"].as_array() {
        let unequal = fields.iter().filter_map(Value::as_str).map(|name| {
            let value = |side: &str| text(&line[side]["record"][name]);
            format!("{name} {} on s3, {} on cwl", value("s3"), value("cwl"))
        });
        let unequal: Vec<String> = unequal.collect();
        let (part, number) = found_in(&line["cwl"]);
        let unequal = match unequal.is_empty() {
            true => FROM_SUMS.to_owned(),
            false => unequal.join("; "),
        };
        row[8] = cell(&format!("{unequal}; cwl: {part}:{number}"));
    }
    (row, shown["record"].as_object())
}

/// Returns the number of the cause that explains most of a finding.
fn cause_of(kind: &str, side: &str, interface: &str, slot: &str, why: &Why) -> String {
    let side = Side::BOTH.into_iter().find(|one| one.to_string() == side);
    let leftovers = [
        LeftoverKind::Missing,
        LeftoverKind::Surplus,
        LeftoverKind::Pending,
        LeftoverKind::Undetermined,
    ];
    let leftover = leftovers.into_iter().find(|one| one.name() == kind);
    let kind = match leftover.zip(side) {
        Some((kind, side)) => DifferenceKind::of(kind, side),
        None => DifferenceKind::Divergent,
    };
    let slot = slot.parse::<jiff::Timestamp>().ok();
    let bucket = Bucket {
        interface: interface.into(),
        slot: slot.map(jiff::Timestamp::as_second),
    };
    let summed_up = Bucket {
        slot: None,
        ..bucket.clone()
    };
    let shares = [&bucket, &summed_up].map(|bucket| why.shares(bucket, kind).first());
    let first = shares.into_iter().flatten().next();
    first
        .map(|share| share.number.to_string())
        .unwrap_or_default()
}

/// A value of a record as AWS writes it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    }
}

fn row(entry: Entry<'_>, why: &Why) -> Row {
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
    fn a_row_a_finding_if_not_all_records_are_known() {
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
    fn a_row_a_record() {
        let report = sample::different();
        let mut every = crate::temporary::file().unwrap();
        for finding in &report.findings {
            let ((bucket, kind), _) = heading(finding);
            match finding {
                Finding::Leftovers { evidence, .. } => {
                    for one in evidence {
                        let shown = crate::diff::Shown::Leftover(one.clone());
                        super::super::write_difference(&mut every, &bucket, kind, &shown).unwrap();
                    }
                }
                Finding::Divergent { evidence, .. } => {
                    for pair in evidence {
                        let shown = crate::diff::Shown::Divergent(Box::new(pair.clone()));
                        super::super::write_difference(&mut every, &bucket, kind, &shown).unwrap();
                    }
                }
            }
        }
        let mut out = Vec::new();
        let style = Style {
            every: Some(&every),
            ..Style::default()
        };
        write(&report, style, &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        kind,side,interface,slot,records,cause,part,row,reason,version,account-id,interface-id,srcaddr,dstaddr,srcport,dstport,protocol,packets,bytes,start,end,action,log-status
        missing,cwl,eni-0c19436730cc350ae,2022-01-07T23:25:00Z,1,1,AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz,3,,2,111122223333,eni-0c19436730cc350ae,10.0.1.20,10.0.1.196,49152,443,6,4,336,1641597904,1641597962,ACCEPT,OK
        missing,cwl,eni-0c19436730cc350ae,2022-01-07T23:30:00Z,1,,AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz,3,,2,111122223333,eni-0c19436730cc350ae,10.0.1.20,10.0.1.196,49152,8443,6,4,336,1641598204,1641598262,ACCEPT,OK
        surplus,s3,eni-0c19436730cc350ae,2022-01-07T23:35:00Z,1,,AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz,3,,2,111122223333,eni-0c19436730cc350ae,10.0.1.20,10.0.1.196,49152,53,6,4,336,1641598500,1641598558,ACCEPT,OK
        divergent,,eni-0c19436730cc350ae,2022-01-07T23:40:00Z,1,,AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2325Z_1a2b3c4d.log.gz,60,"packets 4 on s3, 5 on cwl; bytes 336 on s3, 340 on cwl; cwl: eni-0c19436730cc350ae-all:1641598800000",2,111122223333,eni-0c19436730cc350ae,10.0.1.20,10.0.1.196,49152,22,6,4,336,1641598800,1641598858,ACCEPT,OK
        undetermined,s3,eni-0c19436730cc350ae,2022-01-07T23:45:00Z,1,,eni-0c19436730cc350ae-all,3,,2,111122223333,eni-0c19436730cc350ae,10.0.1.20,10.0.1.196,49152,443,6,4,336,1641599102,1641599160,ACCEPT,OK
        pending,s3,eni-0c19436730cc350ae,2022-01-07T23:55:00Z,1,,eni-0c19436730cc350ae-all,3,,2,111122223333,eni-0c19436730cc350ae,10.0.1.20,10.0.1.196,49152,443,6,4,336,1641599941,1641599999,ACCEPT,OK
        missing,cwl,eni-0c19436730cc350ae,,1,,,,known by number only,,,,,,,,,,,,,,
        unreadable,s3,,,,,AWSLogs/111122223333/vpcflowlogs/eu-west-1/2022/01/07/111122223333_vpcflowlogs_eu-west-1_fl-0aa11bb22cc33dd44_20220107T2330Z_1a2b3c4d.log.gz,,the gzip stream ends early,,,,,,,,,,,,,,
        malformed,cwl,,,,,eni-0c19436730cc350ae-all,1641598800000,12 values where the format has 14 fields: `2 1111 \u{1b}[2J\u{202e}`,,,,,,,,,,,,,,
        "#);
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
