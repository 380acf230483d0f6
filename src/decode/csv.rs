//! CSV: a column that holds lines, or a column for each field, told by the header.
//!
//! Sources of the shapes: the CloudWatch console's "Download search results (CSV)" and Logs Insights' "Export results"
//! (a column of messages), Athena User Guide "Query results" (a column for each field, quoted), PowerShell's `Export-Csv`, pandas
//! `to_csv`, Splunk's export (`_raw`).

use std::io::{self, Read};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::envelopes::line_column;
use super::events::refuse_cut_results;
use super::form::HEAD;
use super::rows::{RowOrigin, RowTexts};
use super::text::BYTE_ORDER_MARK;
use super::{DecodeError, Format, Malformed, Row, Sink};
use crate::record::field::{FIELDS, ValueForm};
use crate::record::{Cells, FieldName, Layout};

/// What a table holds, told by its header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CsvTable {
    delimiter: u8,
    columns: CsvColumns,
    /// Lines before the header: `#TYPE ...` or `sep=;`.
    before: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum CsvColumns {
    /// One holds lines; perhaps one the events' ids, and one when they were taken in.
    Lines {
        line: usize,
        id: Option<usize>,
        ingested: Option<usize>,
        insights: bool,
        /// How many columns there are in all.
        count: usize,
    },
    /// Each is a field, but perhaps the first, which numbers rows.
    Fields { names: Vec<String>, skip: usize },
}

/// The longest row: the header of a table with more columns than any flow log has fields is shorter, and so is the longest event.
const LONGEST_ROW: usize = 4 << 20;

/// Tells whether this is the beginning of a table whose header says what it holds.
pub(super) fn table(head: &[u8]) -> Option<CsvTable> {
    let mut text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let mut before = 0;
    let mut asked = None;
    loop {
        let end = match memchr::memchr(b'\n', text) {
            Some(end) => end,
            // The header goes on behind what is looked at.
            None if head.len() >= HEAD => return None,
            None => text.len(),
        };
        let line = text[..end].trim_ascii();
        if let [b's', b'e', b'p', b'=', delimiter] = line {
            asked = Some(*delimiter);
        } else if !line.is_empty() && !line.starts_with(b"#TYPE ") {
            let delimiters = asked.map_or_else(|| b",;\t".to_vec(), |only| vec![only]);
            let columns = |delimiter: &u8| Some((*delimiter, columns(line, *delimiter)?));
            let (delimiter, columns) = delimiters.iter().find_map(columns)?;
            return Some(CsvTable {
                delimiter,
                columns,
                before,
            });
        }
        before += 1;
        text = text.get(end + 1..).filter(|rest| !rest.is_empty())?;
    }
}

fn columns(header: &[u8], delimiter: u8) -> Option<CsvColumns> {
    // Most texts are no tables, and making a reader costs as much as reading hundreds of lines.
    if memchr::memchr(delimiter, header).is_none() {
        let name = header.trim_ascii();
        let quoted = name
            .strip_prefix(b"\"")
            .and_then(|name| name.strip_suffix(b"\""));
        line_column(str::from_utf8(quoted.unwrap_or(name)).ok()?.trim())?;
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .from_reader(header);
    let mut record = csv::StringRecord::new();
    if !reader.read_record(&mut record).ok()? {
        return None;
    }
    let names: Vec<&str> = record.iter().map(str::trim).collect();
    let is_name = |name: &&str| {
        let mut letters = name.chars();
        letters
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '@' | '_'))
            && letters
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '@' | '_' | '-' | '.' | ' '))
    };
    let skip = usize::from(names.len() > 1 && names[0].is_empty());
    if !names[skip..].iter().all(is_name) {
        return None;
    }
    let at = |wanted: &[&str]| names.iter().position(|name| wanted.contains(name));
    let line = (0..names.len()).filter_map(|at| Some((line_column(names[at])?, at)));
    if let Some((_, line)) = line.min() {
        return Some(CsvColumns::Lines {
            line,
            id: at(&["eventId", "EventId"]),
            ingested: at(&["ingestionTime", "IngestionTime"]),
            insights: names[line] == "@message",
            count: names.len(),
        });
    }
    let fields: Vec<String> = names[skip..].iter().map(|name| field(name)).collect();
    let known = fields.iter().filter(|name| FieldName::new(name).is_known());
    (known.count() >= 2).then_some(CsvColumns::Fields {
        names: fields,
        skip,
    })
}

/// Returns the field that a column stands for: as its name says, in capitals, or as Logs Insights calls it (`srcAddr`).
fn field(column: &str) -> String {
    let lower = column.to_ascii_lowercase();
    if lower == column || FieldName::new(&lower).is_known() {
        return lower;
    }
    let bare = |name: &str| name.replace(['-', '_'], "");
    let known = FIELDS.iter().find(|field| bare(field.name) == bare(&lower));
    known.map_or_else(|| column.to_owned(), |field| field.name.to_owned())
}

/// Decodes a table as it is read.
pub(super) fn stream<S: Sink>(
    table: &CsvTable,
    csv: &mut dyn Read,
    format: &Format,
    sink: &mut S,
) -> Result<(), DecodeError> {
    sink.provisional();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(table.delimiter)
        .buffer_capacity(256 << 10)
        .from_reader(BoundedRows::new(csv));
    let mut record = ByteRecord::new();
    // Lines before the header, which have other columns, and the header.
    loop {
        if !next(&mut reader, &mut record)? {
            return Ok(());
        }
        let line = record.position().map_or(0, csv::Position::line);
        if line > table.before {
            break;
        }
    }
    match &table.columns {
        CsvColumns::Lines {
            line,
            id,
            ingested,
            insights,
            count,
        } => {
            let columns = LineColumns {
                line: *line,
                id: *id,
                ingested: *ingested,
                count: *count,
            };
            let rows = columns.rows(&mut reader, format, sink)?;
            if *insights {
                return refuse_cut_results(rows, None);
            }
            Ok(())
        }
        CsvColumns::Fields { names, skip } => fields(&mut reader, names, *skip, sink),
    }
}

fn next<R: Read>(reader: &mut Reader<R>, record: &mut ByteRecord) -> Result<bool, DecodeError> {
    reader
        .read_byte_record(record)
        .map_err(|error| DecodeError::from(io::Error::from(error)))
}

/// The columns of a table of events that count.
struct LineColumns {
    line: usize,
    id: Option<usize>,
    ingested: Option<usize>,
    count: usize,
}

impl LineColumns {
    /// Takes all rows; returns how many.
    fn rows<R: Read, S: Sink>(
        &self,
        reader: &mut Reader<R>,
        format: &Format,
        sink: &mut S,
    ) -> Result<u64, DecodeError> {
        let mut rows = RowTexts::new(format, sink);
        let mut record = ByteRecord::new();
        let mut count = 0;
        while next(reader, &mut record)? {
            count += 1;
            let number = record.position().map_or(0, csv::Position::line);
            if record.len() != self.count {
                let (found, columns) = (record.len(), self.count);
                let reason = format!("{found} columns where the header has {columns}");
                let words = record
                    .iter()
                    .flat_map(|cell| cell.split(u8::is_ascii_whitespace));
                let cells = words.filter(|word| !word.is_empty()).count() as u64;
                rows.sink.malformed(Malformed {
                    cells,
                    ..Malformed::new(number, reason)
                })?;
                continue;
            }
            let text = |at: Option<usize>| std::str::from_utf8(record.get(at?)?).ok();
            let ingested = text(self.ingested).and_then(|millis| millis.trim().parse::<i64>().ok());
            rows.sink
                .delivered(ingested.map(|millis| millis.div_euclid(1000)));
            let id = text(self.id).filter(|id| !id.is_empty());
            let line = record.get(self.line).unwrap_or_default().trim_ascii();
            if line.is_empty() {
                let reason = "an event without a message".to_owned();
                rows.sink.malformed(Malformed::new(number, reason))?;
                continue;
            }
            rows.take(line, RowOrigin::Event(number, id))?;
        }
        Ok(count)
    }
}

/// Takes rows of a table with a column for each field.
fn fields<R: Read, S: Sink>(
    reader: &mut Reader<R>,
    names: &[String],
    skip: usize,
    sink: &mut S,
) -> Result<(), DecodeError> {
    let layout = Layout::from_names(names.iter().map(String::as_str))
        .map_err(|error| DecodeError::Unreadable(format!("CSV: {error}")))?;
    let kinds: Vec<ValueForm> = layout.columns().iter().map(FieldName::kind).collect();
    let account = layout.position(&FieldName::new("account-id"));
    let mut record = ByteRecord::new();
    let mut announced = false;
    while next(reader, &mut record)? {
        let number = record.position().map_or(0, csv::Position::line);
        if record.len() != names.len() + skip {
            let (found, columns) = (record.len(), names.len() + skip);
            let reason = format!("{found} columns where the header has {columns}");
            sink.malformed(Malformed {
                cells: found as u64,
                ..Malformed::new(number, reason)
            })?;
            continue;
        }
        let values = record.iter().skip(skip).zip(&kinds);
        let mut cells: Vec<&[u8]> = values.map(|(cell, kind)| value(cell, *kind)).collect();
        let padded = account.and_then(|at| padded_account(cells[at]));
        if let (Some(at), Some(padded)) = (account, &padded) {
            cells[at] = padded.as_bytes();
        }
        if !announced {
            announced = true;
            sink.layout(&layout)?;
        }
        sink.row(Row {
            number,
            cells: Cells::Apart(&cells),
            alone: false,
            named: None,
            event_id: None,
        })?;
    }
    Ok(())
}

/// Returns a cell's value: dataframes write whole numbers as `443.0` where one is absent, and that one as a word.
fn value(cell: &[u8], kind: ValueForm) -> &[u8] {
    let cell = cell.trim_ascii();
    match kind {
        ValueForm::Integer | ValueForm::Time | ValueForm::TrafficPath => match cell {
            b"None" | b"NaN" | b"nan" | b"null" | b"NULL" | b"<NA>" => b"",
            _ => cell.strip_suffix(b".0").unwrap_or(cell),
        },
        ValueForm::Address | ValueForm::Text => match cell {
            b"null" | b"NULL" => b"",
            _ => cell,
        },
    }
}

/// Returns an account's twelve digits, if whoever wrote it took it for a number and dropped its zeros.
fn padded_account(cell: &[u8]) -> Option<String> {
    let number = (cell.len() < 12).then(|| std::str::from_utf8(cell).ok())??;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{number:0>12}"))
}

/// A table whose rows are of bounded length, since its reader keeps each in memory and an open quote may go on for ever; and
/// whose lines end in LF, since its reader miscounts others.
struct BoundedRows<'r> {
    csv: &'r mut dyn Read,
    quoted: bool,
    row: usize,
    /// Whether the last byte was a CR, which has not been passed on.
    held: bool,
}

impl<'r> BoundedRows<'r> {
    fn new(csv: &'r mut dyn Read) -> Self {
        Self {
            csv,
            quoted: false,
            row: 0,
            held: false,
        }
    }
}

impl Read for BoundedRows<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut kept = 0;
        // Room for a CR that was held is left in front. Nothing but a CR may be all that was read.
        while kept == 0 && into.len() > 1 {
            let read = self.csv.read(&mut into[1..])?;
            if read == 0 {
                return Ok(0);
            }
            for at in 1..=read {
                let byte = into[at];
                if std::mem::take(&mut self.held) && byte != b'\n' {
                    into[kept] = b'\r';
                    kept += 1;
                }
                self.row += 1;
                match byte {
                    b'\r' => {
                        self.held = true;
                        continue;
                    }
                    b'"' => self.quoted = !self.quoted,
                    b'\n' if !self.quoted => self.row = 0,
                    _ => {}
                }
                into[kept] = byte;
                kept += 1;
            }
        }
        if self.row > LONGEST_ROW {
            let reason = "CSV: a row longer than 4 MiB; a quote may have been left open";
            return Err(io::Error::other(reason));
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::collected::{Collected, default_format, given};

    fn of(text: &str, format: &Format) -> Collected {
        let table = table(text.as_bytes()).unwrap();
        let mut all = Collected::default();
        stream(&table, &mut text.as_bytes(), format, &mut all).unwrap();
        all
    }

    #[test]
    fn tables_are_told_by_their_header() {
        for header in [
            "timestamp,message",
            "\"timestamp\",\"message\"\r",
            "\u{feff}@timestamp,@message,@logStream",
            "message",
            "\"Timestamp\";\"Message\"",
            "#TYPE Amazon.CloudWatchLogs.Model.OutputLogEvent\n\"IngestionTime\",\"Message\",\"Timestamp\"",
            "sep=;\ntimestamp;message",
            "\"version\",\"account_id\"",
            "version,account-id,start",
            "VERSION\tACCOUNT_ID",
            ",srcAddr,dstAddr",
            "_time,_raw",
        ] {
            assert!(table(header.as_bytes()).is_some(), "{header}");
        }
        for text in [
            "",
            "2 123456789010 eni-0aa",
            "version account-id start",
            "a,b",
            "start",
            "hello, message of the day!",
            "timestamp,text",
            "\"2 1\",\"3 4\"",
            "# message",
        ] {
            assert_eq!(table(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_column_of_messages_is_read() {
        let format = given("${start} ${end}");
        let text = "timestamp,message,eventId,ingestionTime\r\n1000,1 2,7,3999\r\n1000,\"3 4\n\",,\r\n1000,\r\n5,,6,7\n1,start end,,\n";
        let all = of(text, &format);
        assert_eq!(
            (all.texts(), all.numbers()),
            (vec!["1 2", "3 4"], vec![2, 3])
        );
        let told = |row: usize| (all.rows[row].event_id.as_deref(), all.rows[row].delivered);
        assert_eq!([told(0), told(1)], [(Some("7"), Some(3)), (None, None)]);
        let reasons: Vec<&str> = all
            .malformed
            .iter()
            .map(|(_, reason)| reason.as_str())
            .collect();
        let expected = [
            "2 columns where the header has 4",
            "an event without a message",
            "a header, not a record",
        ];
        assert_eq!(reasons, expected);
        assert!(all.provisional);
        assert_eq!(
            of("message\n1 2\n\"3 4\"\n", &format).texts(),
            ["1 2", "3 4"]
        );
    }

    #[test]
    fn a_column_for_each_field_is_read() {
        let text = "\"\",\"START\",\"end\",\"account_id\",\"srcPort\",\"srcAddr\",\"new col\"\n0,1,\"2\",12345678901,443.0,,x\n1,3,4,unknown,nan,-,-\n2,5\n";
        let all = of(text, &default_format());
        let layout = Layout::from_names([
            "start",
            "end",
            "account-id",
            "srcport",
            "srcaddr",
            "new col",
        ]);
        assert_eq!(all.layouts, [layout.unwrap()]);
        let cells = |row: usize| all.rows[row].cells.join(&b'|');
        assert_eq!(cells(0), b"1|2|012345678901|443||x");
        assert_eq!(cells(1), b"3|4|unknown||-|-");
        assert_eq!(
            all.malformed,
            [(4, "2 columns where the header has 7".to_owned())]
        );
    }

    #[test]
    fn results_at_a_cap_are_cut() {
        let rows = |rows: usize| format!("@timestamp,@message\n{}", "x,1 2\n".repeat(rows));
        for (count, fine) in [(999, true), (1000, false), (1001, true), (10_000, false)] {
            let text = rows(count);
            let table = table(text.as_bytes()).unwrap();
            let mut all = Collected::default();
            let format = given("${start} ${end}");
            let result = stream(&table, &mut text.as_bytes(), &format, &mut all);
            assert_eq!(result.is_ok(), fine, "{count}");
        }
    }

    #[test]
    fn an_open_quote_has_an_end() {
        let text = format!(
            "timestamp,message\n1,\"{}",
            "2\n".repeat(LONGEST_ROW / 2 + 1)
        );
        let table = table(text.as_bytes()).unwrap();
        let mut all = Collected::default();
        let error = stream(&table, &mut text.as_bytes(), &default_format(), &mut all).unwrap_err();
        assert!(error.to_string().contains("longer than 4 MiB"), "{error}");
    }
}
