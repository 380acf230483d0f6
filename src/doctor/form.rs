//! Whether what is read fits the format it is read in, told by one event or the first bytes of an object.

use std::fmt::Write;

use bytes::Bytes;
use itertools::{EitherOrBoth, Itertools};

use super::SideDiagnosis;
use crate::decode::{
    Content, DecodeError, Event, Format, Malformed, Row, Sink, Stop, beginning, decode,
};
use crate::model::Side;
use crate::record::{ComparedFields, FieldName, Layout, Normaliser};
use crate::source::examine::{FileHead, NewestEvent};

/// A longer row, in bytes, is not shown column by column.
const LONGEST_SHOWN: usize = 2_000;

/// What a piece of a part looks like.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PieceLook {
    /// Whether it is Parquet, which tells its columns at its end.
    parquet: bool,
    /// The columns that a header names.
    pub(super) header: Option<Layout>,
    /// Rows that are records of their layout.
    records: usize,
    /// Why a row is none.
    malformed: Option<String>,
}

impl PieceLook {
    /// Returns how many columns rows have: those of the header, or else of the format they are read in.
    fn columns(&self, format: &Format) -> usize {
        self.header
            .as_ref()
            .unwrap_or(&format.layout)
            .columns()
            .len()
    }
}

/// Looks at the first bytes of an object.
pub(super) fn of_object(head: &[u8], format: &Format) -> PieceLook {
    let Some(text) = beginning(head) else {
        return PieceLook {
            parquet: true,
            ..PieceLook::default()
        };
    };
    // The last line may be cut off.
    let whole = text.iter().rposition(|&byte| byte == b'\n');
    let text = &text[..whole.map_or(0, |end| end + 1)];
    of_content(Content::Bytes(Bytes::copy_from_slice(text)), format)
}

/// Looks at an event.
fn of_event(event: &NewestEvent, format: &Format) -> PieceLook {
    let event = Event {
        timestamp: event.time.saturating_mul(1000),
        message: event.message.clone(),
        ingested: None,
    };
    of_content(Content::Events(vec![event]), format)
}

fn of_content(content: Content, format: &Format) -> PieceLook {
    let mut looker = Looker {
        normaliser: None,
        text: Vec::new(),
        default: format.layout.clone(),
        look: PieceLook::default(),
    };
    match decode(content, format, &mut looker) {
        Err(DecodeError::Unreadable(reason)) => {
            looker.look.malformed.get_or_insert(reason);
        }
        Ok(()) | Err(DecodeError::Stopped) => {}
    }
    looker.look
}

struct Looker {
    normaliser: Option<Normaliser>,
    text: Vec<u8>,
    default: Layout,
    look: PieceLook,
}

impl Sink for Looker {
    fn provisional(&mut self) {}

    fn layout(&mut self, layout: &Layout) -> Result<(), Stop> {
        if *layout != self.default {
            self.look.header = Some(layout.clone());
        }
        let all = ComparedFields::new(layout.columns().iter().cloned());
        self.normaliser = Normaliser::new(layout, &all).ok();
        Ok(())
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Stop> {
        if let Some(normaliser) = &self.normaliser {
            match normaliser.normalise(row.cells, &mut self.text) {
                Ok(_) => self.look.records += 1,
                Err(reason) => self.look.malformed = Some(reason),
            }
        }
        Ok(())
    }

    fn malformed(&mut self, row: Malformed) -> Result<(), Stop> {
        let said = row.misfit.map(|misfit| format!("{}; {misfit}", row.reason));
        let first = &mut self.look.malformed;
        first.get_or_insert(said.unwrap_or(row.reason));
        Ok(())
    }
}

/// Judges the first bytes of an object.
pub(super) fn judge_object(chart: &mut SideDiagnosis<'_>, key: &str, head: &[u8]) {
    let format = &chart.check.formats[chart.side];
    judge_look(chart, key, &of_object(head, format), head);
}

/// Judges a file by what it begins with. A document that goes on cannot be judged by that.
pub(super) fn judge_file(chart: &mut SideDiagnosis<'_>, file: &FileHead) {
    let format = &chart.check.formats[chart.side];
    let is_document = |text: &[u8]| matches!(text.trim_ascii_start().first(), Some(b'{' | b'['));
    let look = match beginning(&file.bytes) {
        None => PieceLook {
            parquet: true,
            ..PieceLook::default()
        },
        Some(_) if file.is_whole => {
            of_content(Content::Bytes(Bytes::copy_from_slice(&file.bytes)), format)
        }
        Some(text) if is_document(&text) => return,
        Some(_) => of_object(&file.bytes, format),
    };
    judge_look(chart, &file.name, &look, &file.bytes);
}

fn judge_look(chart: &mut SideDiagnosis<'_>, key: &str, look: &PieceLook, head: &[u8]) {
    let format = &chart.check.formats[chart.side];
    if look.parquet {
        return chart.ok("format", "Parquet");
    }
    match &look.malformed {
        Some(reason) => {
            let mut found = format!("a row of {key} is no record: {reason}");
            if look.records == 0
                && let Some(row) = first_row(head)
            {
                let layout = look.header.as_ref().unwrap_or(&format.layout);
                let _ = write!(found, "; column by column: {}", against(&row, layout));
            }
            chart.warn("format", found, advice(chart.side, None));
        }
        None if look.records == 0 => {
            chart.ok(
                "format",
                "no whole row is within the first bytes of the object",
            );
        }
        None => {
            let columns = look.columns(format);
            chart.ok("format", format!("text of {columns} fields"));
        }
    }
}

/// Judges the newest event. `other` is the layout of the opposite side's text, if it is known: flow logs that are to be
/// compared often have one format.
pub(super) fn judge_event(
    chart: &mut SideDiagnosis<'_>,
    event: &NewestEvent,
    other: Option<&Layout>,
) {
    let format = &chart.check.formats[chart.side];
    let look = of_event(event, format);
    let Some(reason) = &look.malformed else {
        let columns = look.columns(format);
        return chart.ok("format", format!("the newest event fits: {columns} fields"));
    };
    let fits = |layout: &&Layout| {
        let format = Format::named((*layout).clone());
        of_event(event, &format).malformed.is_none()
    };
    let side = chart.side;
    chart.warn(
        "format",
        format!(
            "the newest event is no record in the format it is read in: {reason}; column by column: {}",
            against(&event.message, &format.layout)
        ),
        advice(side, other.filter(fits)),
    );
}

/// Returns the first line of a text that is neither blank nor a header, without a time stamp, if it is short enough to be shown.
fn first_row(head: &[u8]) -> Option<String> {
    let text = beginning(head)?;
    let cells = |line: &[u8]| -> Vec<String> {
        let line = String::from_utf8_lossy(line);
        line.split_whitespace().map(str::to_owned).collect()
    };
    let is_header = |cells: &[String]| {
        cells
            .first()
            .is_some_and(|name| FieldName::new(name).is_known())
    };
    let lines = text.split(|&byte| byte == b'\n');
    let lines = lines.filter(|line| line.len() <= LONGEST_SHOWN).map(cells);
    let mut row = lines
        .into_iter()
        .find(|cells| !cells.is_empty() && !is_header(cells))?;
    if row[0].parse::<jiff::Timestamp>().is_ok() {
        row.remove(0);
    }
    Some(row.join(" "))
}

/// Shows a row against a layout, column by column, with what is left over of either.
fn against(row: &str, layout: &Layout) -> String {
    let pairs = layout.columns().iter().zip_longest(row.split_whitespace());
    let shown = pairs.map(|pair| match pair {
        EitherOrBoth::Both(name, cell) => format!("{name} {cell}"),
        EitherOrBoth::Left(name) => format!("{name} (nothing is left for it)"),
        EitherOrBoth::Right(cell) => format!("{cell} (no field is left for it)"),
    });
    shown.collect_vec().join(", ")
}

fn advice(side: Side, fitting: Option<&Layout>) -> String {
    match fitting {
        None => format!(
            "give the flow log's own format with `--{side}-format`, or name the flow logs with --flow-logs"
        ),
        Some(layout) => {
            let names = layout.columns().iter();
            let names = names.map(|name| format!("${{{name}}}")).join(" ");
            format!("it fits the other side's: `--{side}-format '{names}'`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default() -> Format {
        Format::not_given()
    }

    #[test]
    fn what_the_first_bytes_of_an_object_tell() {
        let row = "2 123456789012 eni-0aa 10.0.1.10 10.0.1.11 49152 443 6 10 840 1641596400 1641596450 ACCEPT OK";
        let records = |text: &str| {
            let look = of_object(text.as_bytes(), &default());
            (
                look.records,
                look.malformed.is_some(),
                look.header.is_some(),
            )
        };
        assert_eq!(records(&format!("{row}\n{row}\n")), (2, false, false));
        // The last line is cut off, which is nobody's fault.
        assert_eq!(records(&format!("{row}\n2 123456")), (1, false, false));
        assert_eq!(records("start end\n1 2\n"), (1, false, true));
        assert_eq!(records("1 2 3\n"), (0, true, false));
        assert_eq!(records(&row.replace("443", "https")), (0, false, false));
        assert_eq!(
            records(&format!("{}\n", row.replace("443", "https"))),
            (0, true, false)
        );
        assert_eq!(records(""), (0, false, false));
        assert!(of_object(b"PAR1", &default()).parquet);
    }

    #[test]
    fn a_row_stands_against_its_layout() {
        let layout = Layout::from_names(["start", "action", "bytes"]).unwrap();
        assert_eq!(
            against("1 ACCEPT", &layout),
            "start 1, action ACCEPT, bytes (nothing is left for it)"
        );
        assert_eq!(
            against("1 2 ACCEPT 4", &layout),
            "start 1, action 2, bytes ACCEPT, 4 (no field is left for it)"
        );
    }

    #[test]
    fn an_event_fits_or_does_not() {
        let event = |message: &str| NewestEvent {
            time: 1_641_596_400,
            message: message.to_owned(),
        };
        let fits = |message: &str| of_event(&event(message), &default()).malformed.is_none();
        assert!(fits(
            "2 123456789012 eni-0aa - - - - - - - 1641596400 1641596450 - NODATA"
        ));
        assert!(!fits("eni-0aa 1641596400 1641596450"));
        // As many fields, in another order.
        assert!(!fits(
            "eni-0aa 123456789012 2 - - - - - - - 1641596400 1641596450 - NODATA"
        ));
    }
}
