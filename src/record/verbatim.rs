//! A line that is canonical as it stands, as AWS writes it.
//!
//! Taking it as it is saves copying it, which would cost as much as hashing it. Only a faster way to what
//! [`super::Normaliser`] gives for the same cells.

use smallvec::SmallVec;

use super::digits::{digits, ten_digits};
use super::field::Kind;
use super::normal::{Normal, Status};
use super::time::finer;
use super::{FieldName, Layout, Line};

/// Layouts with more columns are taken the general way.
const MOST_COLUMNS: usize = 80;

/// Where everything stands in the lines of one layout, of which all columns are compared and stand in that order.
#[derive(Debug)]
pub(super) struct Verbatim {
    /// First and last of the columns that must be numbers: neighbours are looked at together.
    numbers: SmallVec<[(usize, usize); 4]>,
    addresses: SmallVec<[usize; 4]>,
    path: Option<usize>,
    interface: usize,
    start: usize,
    end: usize,
    packets: usize,
    bytes: usize,
    status: usize,
}

impl Verbatim {
    /// Prepares for a layout; `compared` are column and kind of the compared fields. `None` if lines
    /// of this layout are better taken the general way.
    pub(super) fn new(layout: &Layout, compared: &[(usize, Kind)]) -> Option<Self> {
        let columns = 0..layout.columns().len();
        if columns.len() > MOST_COLUMNS || !compared.iter().map(|(column, _)| *column).eq(columns) {
            return None;
        }
        let column = |name: &str| layout.position(&FieldName::new(name));
        let is_number = |kind: Kind| matches!(kind, Kind::Integer | Kind::Time | Kind::TrafficPath);
        let columns_of = |wanted: Kind| {
            let those = compared.iter().filter(move |(_, kind)| *kind == wanted);
            those.map(|(column, _)| *column)
        };
        Some(Self {
            numbers: compared
                .chunk_by(|(_, a), (_, b)| is_number(*a) && is_number(*b))
                .filter(|run| is_number(run[0].1))
                .map(|run| (run[0].0, run[run.len() - 1].0))
                .collect(),
            addresses: columns_of(Kind::Address).collect(),
            path: columns_of(Kind::TrafficPath).next(),
            interface: column("interface-id")?,
            start: column("start")?,
            end: column("end")?,
            packets: column("packets")?,
            bytes: column("bytes")?,
            status: column("log-status")?,
        })
    }

    /// Reads a line of as many cells as the layout has columns. `None` if it is not canonical, or might not be.
    pub(super) fn read<'a>(&self, line: Line<'a>) -> Option<Normal<'a>> {
        let mut ends = [0; MOST_COLUMNS];
        ends.iter_mut()
            .zip(line.ends())
            .for_each(|(to, end)| *to = end);
        let (first, _) = line.places();
        let start_of = |column: usize| match column {
            0 => first,
            _ => ends[column - 1] + 1,
        };
        let cell = |column: usize| line.bytes(start_of(column), ends[column]);
        for &(first, last) in &self.numbers {
            if !are_numbers(&line, start_of(first), ends[last]) {
                return None;
            }
        }
        for &column in &self.addresses {
            if may_be_ipv6(cell(column)) {
                return None;
            }
        }
        if let Some(column) = self.path
            && cell(column) == b"0"
        {
            return None;
        }
        for column in [self.packets, self.bytes] {
            digits(cell(column))?;
        }
        Some(Normal {
            text: line.text(),
            interface: cell(self.interface),
            start: Some(seconds(cell(self.start))?),
            end: Some(seconds(cell(self.end))?),
            status: Status::said(cell(self.status)),
            verbatim: true,
        })
    }
}

/// Tells whether all cells between two places are canonical numbers. False is never wrong.
fn are_numbers(line: &Line<'_>, start: usize, end: usize) -> bool {
    let length = end - start;
    length <= 64 && line.mark_at(start).other << (64 - length) == 0
}

/// Tells whether a colon is among the first five bytes: in an IPv6 address the first one comes after at most four digits.
#[inline(always)]
pub(super) fn may_be_ipv6(cell: &[u8]) -> bool {
    const COLONS: u64 = 0x3a3a_3a3a_3a3a_3a3a;
    const ONES: u64 = 0x0101_0101_0101_0101;
    let Some(eight) = cell.first_chunk::<8>() else {
        return cell.contains(&b':');
    };
    // Zero bytes where there are colons; the lowest zero byte is told exactly, and higher ones at worst too often.
    let zeros = u64::from_le_bytes(*eight) ^ COLONS;
    let found = zeros.wrapping_sub(ONES) & !zeros & (ONES << 7);
    found & 0xff_ffff_ffff != 0
}

/// Other times than `start` and `end` there are none; see [`super::field::FIELDS`].
#[inline(always)]
pub(super) fn seconds(cell: &[u8]) -> Option<i64> {
    let value = match cell.as_array::<10>() {
        Some(ten) => ten_digits(*ten),
        None if finer(cell).is_some() => return None,
        None => digits(cell)?,
    };
    i64::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::cells::tests::marks;
    use crate::record::{Cells, Comparison, Normaliser};

    /// Values as AWS writes them, and nearly so.
    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => "[1-9][0-9]{0,9}",
            2 => "(-|0|00|007|-1|x|1641597879000|99999999999999999999|10\\.0\\.0\\.1|accept)",
            1 => "(::1|2001:DB8::A|2001:db8::a|fe80:0:0:0:0:0:0:1|12345:1)",
            1 => "[a-z0-9:.%-]{1,12}",
        ]
    }

    fn normaliser(extra: &str) -> Normaliser {
        let names: Vec<String> = Layout::vpc_default()
            .columns()
            .iter()
            .map(ToString::to_string)
            .collect();
        let extra = (!extra.is_empty()).then_some(extra);
        let names = names.iter().map(String::as_str).chain(extra);
        let layout = Layout::from_names(names).unwrap();
        let normaliser = Normaliser::new(&layout, &Comparison::new(layout.columns().to_vec()));
        normaliser.unwrap()
    }

    #[test]
    fn the_default_format_has_the_fast_way() {
        let layout = Layout::vpc_default();
        let compared: Vec<_> = layout
            .columns()
            .iter()
            .map(FieldName::kind)
            .enumerate()
            .collect();
        let text = "2 012345678901 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK";
        let text = format!("{text}\n{text}");
        let (half, marks) = (text.len() / 2, marks(text.as_bytes()));
        let line = Line::new(text.as_bytes(), &marks, half + 1, text.len(), 14);
        let text = &text[..half];
        let normal = Verbatim::new(&layout, &compared)
            .unwrap()
            .read(line)
            .unwrap();
        assert_eq!(normal.text, text.as_bytes());
        assert_eq!(
            (normal.start, normal.end),
            (Some(1_700_000_000), Some(1_700_000_058))
        );
    }

    proptest! {
        #[test]
        fn a_line_taken_as_it_stands_is_what_writing_it_gives(
            values in prop::collection::vec(value(), 14),
            extra in prop::sample::select(vec!["", "traffic-path", "never-heard-of"]),
            before in "([0-9 ]|[a-z.]){0,130}",
        ) {
            let normaliser = normaliser(extra);
            let mut values = values;
            values.resize(normaliser.layout().columns().len(), "0".to_owned());
            let text = values.join(" ");
            let cells: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
            let whole = format!("{before}\n{text}\n");
            let (start, marks) = (before.len() + 1, marks(whole.as_bytes()));
            let line = Line::new(whole.as_bytes(), &marks, start, start + text.len(), values.len());
            let (mut one, mut two) = (Vec::new(), Vec::new());
            let everyday = normaliser.everyday(Cells::InLine(line));
            let in_line = normaliser.normalise(Cells::InLine(line), &mut one);
            let apart = normaliser.normalise(Cells::Apart(&cells), &mut two);
            let verbatim = in_line.as_ref().is_ok_and(|normal| normal.text == text.as_bytes());
            if let Some(everyday) = everyday {
                prop_assert_eq!(Ok(&everyday), in_line.as_ref());
            }
            prop_assert_eq!(in_line, apart.map(|normal| Normal { verbatim, ..normal }));
        }
    }

    #[test]
    fn other_layouts_have_no_fast_way() {
        let way = |names: &[&str], compared: &[&str]| {
            let layout = Layout::from_names(names.iter().copied()).unwrap();
            let comparison = Comparison::new(compared.iter().map(|name| FieldName::new(name)));
            let columns = comparison
                .fields()
                .iter()
                .map(|name| (layout.position(name).unwrap(), name.kind()));
            Verbatim::new(&layout, &columns.collect::<Vec<_>>()).is_some()
        };
        let all = [
            "interface-id",
            "packets",
            "bytes",
            "start",
            "end",
            "log-status",
        ];
        assert!(way(&all, &all));
        assert!(!way(&all, &all[1..]));
        assert!(!way(&all[1..], &all[1..]));
        let mut other_order = all;
        other_order.swap(1, 2);
        assert!(!way(&other_order, &all));
    }

    #[test]
    fn addresses_with_a_colon_where_ipv6_has_one_are_looked_at() {
        for (cell, may_be) in [
            ("10.0.0.5", false),
            ("10.0.0.5:8", false),
            ("-", false),
            ("::1", true),
            ("1::", true),
            ("fe80::1:2:3:4", true),
            ("2001:db8::1", true),
            ("1:2:3:4:5:6:7:8", true),
            ("12345:67890", false),
        ] {
            let told = may_be_ipv6(cell.as_bytes());
            assert!(told == may_be || cell.starts_with("12345"), "{cell}");
        }
    }

    #[test]
    fn times_are_seconds_or_left_to_the_general_way() {
        for (cell, expected) in [
            (&b"1641597879"[..], Some(1_641_597_879)),
            (b"0", Some(0)),
            (b"12345678901", Some(12_345_678_901)),
            (b"1641597879000", None),
            (b"99999999999999999999999", None),
        ] {
            assert_eq!(seconds(cell), expected);
        }
    }
}
