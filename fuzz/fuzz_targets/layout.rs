//! Headers, formats and values: a canonical form is its own canonical form, and every way to it leads to the same.
#![no_main]

use std::fmt::Write;

use bytes::Bytes;
use flowdiff::decode::{Content, Format, Malformed, Row, Sink, Stop, decode};
use flowdiff::record::{Cells, ComparedFields, Layout, NormalisedRow, Normaliser};
use libfuzzer_sys::fuzz_target;

/// Reads the rows of a text in a layout as they stand in their lines, and as cells apart.
struct BothWays {
    normaliser: Normaliser,
    layout: Layout,
}

impl Sink for BothWays {
    fn provisional(&mut self) {}

    fn layout(&mut self, layout: &Layout) -> Result<(), Stop> {
        // A row may be taken for a header.
        if *layout == self.layout {
            Ok(())
        } else {
            Err(Stop)
        }
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Stop> {
        let cells: Vec<&[u8]> = row.cells.iter().collect();
        let (mut one, mut two) = (Vec::new(), Vec::new());
        let told = |normal: NormalisedRow<'_>| {
            let text = normal.text.to_vec();
            let interface = normal.interface.to_vec();
            (text, interface, normal.start, normal.end, normal.status)
        };
        let apart = self
            .normaliser
            .normalise(Cells::Apart(&cells), &mut one)
            .map(told);
        let in_line = self.normaliser.normalise(row.cells, &mut two).map(told);
        assert_eq!(in_line, apart);
        if let Some(verbatim) = self.normaliser.verbatim(row.cells) {
            assert_eq!(verbatim.text, cells.join(&b' '));
            assert_eq!(Ok(told(verbatim)), apart);
        }
        Ok(())
    }

    fn malformed(&mut self, _row: Malformed) -> Result<(), Stop> {
        Ok(())
    }
}

/// Compares the fields in their order, or some of them in another one.
fn check_both_ways(layout: &Layout, row: &[u8]) {
    let columns = layout.columns();
    let turned = columns.iter().rev().take(1 + row.len() % columns.len());
    for comparison in [columns.to_vec(), turned.cloned().collect()] {
        let comparison = ComparedFields::new(comparison);
        let mut both = BothWays {
            normaliser: Normaliser::new(layout, &comparison).expect("all fields are there"),
            layout: layout.clone(),
        };
        let format = Format {
            layout: layout.clone(),
            others: Vec::new(),
            given: true,
        };
        let content = Content::Bytes(Bytes::copy_from_slice(row));
        let _ = decode(content, &format, &mut both);
    }
}

fuzz_target!(|data: &[u8]| {
    let (format, row) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &b""[..]),
    };
    let split = |text: &'_ [u8]| -> Vec<Vec<u8>> {
        let cells = text.split(|byte| *byte <= b' ');
        cells
            .filter(|cell| !cell.is_empty())
            .map(<[u8]>::to_vec)
            .collect()
    };
    let names = split(format);
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let header = if names.is_empty() {
        None
    } else {
        Layout::from_header(Cells::Apart(&names))
    };
    let written = std::str::from_utf8(format).ok().map(Layout::from_format);
    let Some(Ok(layout)) = header.or(written) else {
        return;
    };
    let mut again = String::new();
    for column in layout.columns() {
        write!(again, "${{{column}}} ").expect("memory");
    }
    assert_eq!(Layout::from_format(&again), Ok(layout.clone()), "{again}");

    check_both_ways(&layout, row);
    let cells = split(row);
    if cells.len() != layout.columns().len() {
        return;
    }
    let cells: Vec<&[u8]> = cells.iter().map(Vec::as_slice).collect();
    let comparison = ComparedFields::new(layout.columns().to_vec());
    let normaliser = Normaliser::new(&layout, &comparison).expect("all fields are there");
    let mut text = Vec::new();
    let Ok(normal) = normaliser.normalise(Cells::Apart(&cells), &mut text) else {
        return;
    };
    let (start, end) = (normal.start, normal.end);
    let canonical = normal.text.to_vec();
    let fields = comparison.fields().iter().map(|name| name.as_str());
    let layout = Layout::from_names(fields).expect("the same names in another order");
    let normaliser = Normaliser::new(&layout, &comparison).expect("all fields are there");
    let cells: Vec<&[u8]> = canonical.split(|byte| *byte == b' ').collect();
    let mut text = Vec::new();
    let normal = normaliser
        .normalise(Cells::Apart(&cells), &mut text)
        .expect("what is canonical is a record");
    assert_eq!(normal.text, canonical);
    assert_eq!((normal.start, normal.end), (start, end));
    let _ = normaliser.record(Cells::Apart(&cells)).to_string();
});
