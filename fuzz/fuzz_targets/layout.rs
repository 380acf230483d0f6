//! Headers, formats and values: a canonical form is its own canonical form.
#![no_main]

use std::fmt::Write;

use flowdiff::record::{Cells, Comparison, Layout, Normaliser};
use libfuzzer_sys::fuzz_target;

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

    let cells = split(row);
    if cells.len() != layout.columns().len() {
        return;
    }
    let cells: Vec<&[u8]> = cells.iter().map(Vec::as_slice).collect();
    let comparison = Comparison::new(layout.columns().to_vec());
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
