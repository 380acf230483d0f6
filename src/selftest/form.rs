//! The forms that logs come in: rows in, bytes and the number of each row out.

pub(super) mod columns;

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::decode::Event;
use crate::record::field::ValueForm;
use crate::record::{FieldName, Layout};

use super::random::Random;
use super::record::{Fields, PlantedRecord};

/// What a part is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartForm {
    /// A delivered object: a header, then records, in gzip.
    Gzip,
    /// The same, unpacked by somebody.
    Text,
    /// A delivered Parquet object.
    Parquet,
    /// A file of an export task: a time stamp before each record, in gzip.
    Export,
    /// Messages alone, a line each.
    Lines,
    /// What `aws logs tail` prints.
    Tail,
    /// Answers of `aws logs get-log-events`, one after the other.
    Answers,
    /// An answer of `aws logs filter-log-events`, whose events have ids.
    Filtered,
    /// Records of a subscription, in gzip, one after the other; their events have ids as well.
    Subscription,
    /// A log stream that is read page by page.
    Live,
}

impl PartForm {
    /// What a bucket with delivered objects holds.
    pub(super) const DELIVERED: [Self; 3] = [Self::Gzip, Self::Text, Self::Parquet];

    /// What a log group gives, or gave to somebody.
    pub(super) const STREAMED: [Self; 7] = [
        Self::Export,
        Self::Lines,
        Self::Tail,
        Self::Answers,
        Self::Filtered,
        Self::Subscription,
        Self::Live,
    ];

    /// Tells whether rows say by themselves which fields they have.
    pub(super) fn has_header(self) -> bool {
        Self::DELIVERED.contains(&self)
    }

    /// Tells whether an event that comes twice can be told from two events.
    pub(super) fn has_ids(self) -> bool {
        matches!(self, Self::Filtered | Self::Subscription)
    }

    /// Tells whether it can be told that the end of it is gone.
    pub(super) fn shows_a_cut(self) -> bool {
        !matches!(self, Self::Text | Self::Lines | Self::Tail | Self::Live)
    }

    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::Answers | Self::Filtered)
    }
}

/// A row of a part.
#[derive(Clone, Copy, Debug)]
pub(super) enum PartRow {
    /// A record, by its number, and the event that it is.
    Record { record: usize, event: u64 },
    /// Something that is no record, at a time.
    Malformed { at: i64 },
}

/// Texts that are a record in no layout.
const MALFORMED: [&str; 4] = ["2 123456789010", "x", "- -", "NODATA 2 1"];

/// What was written.
#[derive(Clone, Debug)]
pub(super) enum Body {
    Bytes(Vec<u8>),
    /// Pages of a log stream.
    Pages(Vec<Vec<Event>>),
}

/// Where rows stand as a report says it, one number for each.
pub(super) type RowNumbers = Vec<u64>;

/// Writes rows of one layout.
pub(super) struct Writer<'a> {
    pub(super) records: &'a [PlantedRecord],
    pub(super) fields: &'a Fields,
    pub(super) layout: &'a Layout,
    /// The stream that the rows belong to.
    pub(super) stream: &'a str,
    /// Whether values are spelt as they may be and not as they should be.
    pub(super) sloppy: bool,
}

impl Writer<'_> {
    pub(super) fn write(
        &self,
        form: PartForm,
        rows: &[PartRow],
        random: &mut Random,
    ) -> (Body, RowNumbers) {
        match form {
            PartForm::Live => self.live(rows, random),
            PartForm::Parquet => {
                let (file, numbers) = columns::write(self, rows, random);
                (Body::Bytes(file), numbers)
            }
            PartForm::Answers => self.answers(rows, random),
            PartForm::Filtered => self.filtered(rows, random),
            PartForm::Subscription => self.subscription(rows, random),
            PartForm::Gzip
            | PartForm::Text
            | PartForm::Export
            | PartForm::Lines
            | PartForm::Tail => {
                let (text, numbers) = self.lines(form, rows, random);
                let is_packed = matches!(form, PartForm::Gzip | PartForm::Export);
                let body = if is_packed { packed(&text) } else { text };
                (Body::Bytes(body), numbers)
            }
        }
    }

    /// The record's value in a column.
    pub(super) fn value(&self, record: usize, name: &FieldName) -> Option<&str> {
        self.records[record].values[self.fields.at(name)].as_deref()
    }

    fn message(&self, row: PartRow, random: &mut Random) -> String {
        let PartRow::Record { record, .. } = row else {
            return (*random.pick(&MALFORMED)).to_owned();
        };
        let mut message = String::new();
        for name in self.layout.columns() {
            if !message.is_empty() {
                // AWS's own examples hold a double space.
                message.push_str(if self.sloppy && random.percent(2) {
                    "  "
                } else {
                    " "
                });
            }
            match self.value(record, name) {
                Some(value) if self.sloppy => message.push_str(&sloppily(name, value, random)),
                Some(value) => message.push_str(value),
                None if self.sloppy && name.as_str() == "traffic-path" => message.push('0'),
                None => message.push('-'),
            }
        }
        message
    }

    fn start(&self, row: PartRow) -> i64 {
        match row {
            PartRow::Record { record, .. } => self.records[record].start,
            PartRow::Malformed { at } => at,
        }
    }

    fn stamp(&self, row: PartRow, format: &str) -> String {
        let time = jiff::Timestamp::from_second(self.start(row)).unwrap_or_default();
        time.strftime(format).to_string()
    }

    fn lines(
        &self,
        form: PartForm,
        rows: &[PartRow],
        random: &mut Random,
    ) -> (Vec<u8>, RowNumbers) {
        let end = if self.sloppy && random.percent(30) {
            "\r\n"
        } else {
            "\n"
        };
        let header = self.layout.columns().iter().map(FieldName::as_str);
        let header = header.collect::<Vec<_>>().join(" ");
        let detailed = random.percent(50);
        let (mut text, mut line, mut numbers) = (String::new(), 0, Vec::new());
        let mut add = |content: &str| {
            let _ = write!(text, "{content}{end}");
            line += 1;
            line
        };
        if form.has_header() {
            add(&header);
        }
        for &row in rows {
            if self.sloppy && random.percent(3) {
                // Somebody concatenated files, or edited one.
                add(if form.has_header() { &header } else { "" });
            }
            let message = self.message(row, random);
            let content = match form {
                PartForm::Export => {
                    format!("{} {message}", self.stamp(row, "%Y-%m-%dT%H:%M:%S.000Z"))
                }
                PartForm::Tail if detailed => {
                    let stamp = self.stamp(row, "%Y-%m-%dT%H:%M:%S.000000+00:00");
                    format!("{stamp} {} {message}", self.stream)
                }
                PartForm::Tail => format!("{} {message}", self.stamp(row, "%Y-%m-%dT%H:%M:%S")),
                PartForm::Gzip
                | PartForm::Text
                | PartForm::Parquet
                | PartForm::Lines
                | PartForm::Answers
                | PartForm::Filtered
                | PartForm::Subscription
                | PartForm::Live => message,
            };
            numbers.push(add(&content));
        }
        if self.sloppy && random.percent(30) {
            text.truncate(text.trim_end().len());
        }
        (text.into_bytes(), numbers)
    }

    fn event(&self, row: PartRow, random: &mut Random, id: &str) -> serde_json::Value {
        let mut event = json!({"timestamp": self.start(row) * 1000, "ingestionTime": (self.start(row) + 97) * 1000});
        if let (PartRow::Record { event: number, .. }, false) = (row, id.is_empty()) {
            event[id] = format!("3{number:055}").into();
        }
        if matches!(row, PartRow::Record { .. }) || random.percent(50) {
            event["message"] = self.message(row, random).into();
        }
        event
    }

    fn answers(&self, rows: &[PartRow], random: &mut Random) -> (Body, RowNumbers) {
        let mut text = String::new();
        for (page, rows) in rows.chunks(1 + random.below(20)).enumerate() {
            let events: Vec<_> = rows
                .iter()
                .map(|&row| self.event(row, random, ""))
                .collect();
            let answer = json!({"events": events, "nextForwardToken": format!("f/{page:056}/s")});
            let _ = if random.percent(50) {
                writeln!(text, "{answer:#}")
            } else {
                writeln!(text, "{answer}")
            };
        }
        (
            Body::Bytes(text.into_bytes()),
            (1..=rows.len() as u64).collect(),
        )
    }

    fn filtered(&self, rows: &[PartRow], random: &mut Random) -> (Body, RowNumbers) {
        let events: Vec<_> = rows
            .iter()
            .map(|&row| self.event(row, random, "eventId"))
            .collect();
        let answer = json!({"events": events, "searchedLogStreams": []});
        (
            Body::Bytes(format!("{answer:#}\n").into_bytes()),
            (1..=rows.len() as u64).collect(),
        )
    }

    fn subscription(&self, rows: &[PartRow], random: &mut Random) -> (Body, RowNumbers) {
        let mut text = json!({"messageType": "CONTROL_MESSAGE", "logEvents": [{"id": "", "message": "CWL CONTROL"}]}).to_string();
        for rows in rows.chunks(1 + random.below(30)) {
            let events: Vec<_> = rows
                .iter()
                .map(|&row| self.event(row, random, "id"))
                .collect();
            let record = json!({"messageType": "DATA_MESSAGE", "logStream": self.stream, "logEvents": events});
            text.push_str(&record.to_string());
        }
        (
            Body::Bytes(packed(text.as_bytes())),
            (1..=rows.len() as u64).collect(),
        )
    }

    fn live(&self, rows: &[PartRow], random: &mut Random) -> (Body, RowNumbers) {
        let event = |&row: &PartRow| Event {
            timestamp: self.start(row) * 1000,
            message: self.message(row, random),
            ingested: None,
        };
        let numbers = rows
            .iter()
            .map(|&row| self.start(row).unsigned_abs() * 1000);
        let numbers = numbers.collect();
        let mut events: Vec<Event> = rows.iter().map(event).collect();
        let mut pages = Vec::new();
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(random.below(25)));
            // Empty pages in between are normal.
            pages.push(std::mem::replace(&mut events, rest));
        }
        (Body::Pages(pages), numbers)
    }
}

/// Spells a value otherwise, where that makes no other value of it.
pub(super) fn sloppily(name: &FieldName, value: &str, random: &mut Random) -> String {
    match name.kind() {
        ValueForm::Integer | ValueForm::TrafficPath if random.percent(5) => format!("0{value}"),
        ValueForm::Time if value.len() == 10 && random.percent(5) => {
            format!("{value}{:03}", random.below(1000))
        }
        ValueForm::Address if random.percent(30) => match value {
            "2001:db8::5:0:9" => "2001:0DB8:0:0:0:5:0:9".to_owned(),
            "fd00::1" => "FD00:0000:0000:0000:0000:0000:0000:0001".to_owned(),
            other => other.to_owned(),
        },
        ValueForm::Integer
        | ValueForm::Time
        | ValueForm::Address
        | ValueForm::Text
        | ValueForm::TrafficPath => value.to_owned(),
    }
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    let written = packer.write_all(text);
    written
        .and_then(|()| packer.finish())
        .expect("memory takes everything")
}
