//! What the cells of a row that is no record tell of where and when it would be one.

use super::normalise::is_masked;
use super::time::seconds;
use super::{Cells, FieldName, Layout};

/// The interface and the time of a row that may be no record, as far as they can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowPlace {
    /// Its interface, if that is one and not masked.
    pub interface: Option<String>,
    /// Its `start`, in Unix seconds.
    pub start: Option<i64>,
}

impl Layout {
    /// Returns what cells, one for each column, tell of their row.
    pub fn place(&self, cells: Cells<'_>) -> RowPlace {
        let cell = |name: &str| {
            let column = self.position(&FieldName::new(name));
            column.map(|column| cells.get(column))
        };
        let interface = cell("interface-id");
        let interface = interface.filter(|cell| cell.starts_with(b"eni-") && !is_masked(cell));
        let name = |interface: &[u8]| String::from_utf8_lossy(interface).into_owned();
        RowPlace {
            interface: interface.map(name),
            start: cell("start").and_then(|cell| seconds(cell).flatten()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_what_can_be_read() {
        let layout = Layout::from_names(["interface-id", "start", "bytes"]).unwrap();
        for (cells, interface, start) in [
            (
                ["eni-0aa", "1700000000", "x"],
                Some("eni-0aa"),
                Some(1_700_000_000),
            ),
            (
                ["eni-0aa", "1700000000999", "x"],
                Some("eni-0aa"),
                Some(1_700_000_000),
            ),
            (["eni-***", "17e8", "1"], None, None),
            (["-", "-", "1"], None, None),
            (["2", "1", "1"], None, Some(1)),
        ] {
            let cells = cells.map(str::as_bytes);
            let place = layout.place(Cells::Apart(&cells));
            let interface = interface.map(str::to_owned);
            assert_eq!(place, RowPlace { interface, start }, "{cells:?}");
        }
        let other = Layout::from_names(["bytes"]).unwrap();
        assert_eq!(other.place(Cells::Apart(&[b"1"])), RowPlace::default());
    }
}
