//! A line that is canonical as it stands, as AWS writes it, in any layout.
//!
//! Only a faster way to what [`super::Normaliser`] gives for the same cells: no value is parsed but times and amounts, nothing is
//! formatted, and nothing copied, unless the compared fields stand in another order.

use super::digits::{digits, ten_digits};
use super::field::ValueForm;
use super::ipv6::{has_colon, is_canonical};
use super::normal::{ABSENT, LogStatus, NormalisedRow};
use super::simd::{HALF, WINDOW};
use super::time::finer;
use super::{CellsLine, FieldName, Layout, MOST_CELLS};

/// Numbers of so many digits are sure to fit 64 bits.
const MOST_DIGITS: usize = 19;

/// How much of a cell is copied at a time.
const STEP: usize = 32;

/// A column's number.
type ColumnNumber = u8;

/// Where everything stands in the lines of one layout.
#[derive(Debug)]
pub(super) struct Verbatim {
    /// The columns that must be numbers, first and one after the last of each run: neighbours are looked at together.
    numbers: Box<[(ColumnNumber, ColumnNumber)]>,
    /// Likewise the columns of addresses.
    addresses: Box<[(ColumnNumber, ColumnNumber)]>,
    path: Option<ColumnNumber>,
    interface: Option<ColumnNumber>,
    start: Option<ColumnNumber>,
    end: Option<ColumnNumber>,
    /// Both, if there are both.
    times: Option<[ColumnNumber; 2]>,
    amounts: Box<[ColumnNumber]>,
    status: Option<ColumnNumber>,
    /// The columns that NODATA rows have no values in; none if there is a status.
    traffic: Box<[ColumnNumber]>,
    /// The compared columns in their order, as runs of neighbours.
    runs: Box<[(ColumnNumber, ColumnNumber)]>,
    /// Whether they are all columns, in their order.
    is_whole: bool,
}

impl Verbatim {
    /// Prepares for a layout, of which these columns are compared, in this order. `None` if it has too many.
    pub(super) fn new(layout: &Layout, compared: &[usize]) -> Option<Self> {
        let columns = layout.columns();
        if columns.len() >= MOST_CELLS {
            return None;
        }
        let number = |column: usize| ColumnNumber::try_from(column).ok();
        let column = |name: &str| layout.position(&FieldName::new(name)).and_then(number);
        let of_kind = |is: &dyn Fn(ValueForm) -> bool| -> Vec<usize> {
            let all = 0..columns.len();
            all.filter(|column| is(columns[*column].kind())).collect()
        };
        let amounts: Vec<ColumnNumber> = ["packets", "bytes"]
            .into_iter()
            .filter_map(column)
            .collect();
        // Whether a row is a record does not depend on what of it is compared.
        let numbers = of_kind(&|kind| {
            matches!(
                kind,
                ValueForm::Integer | ValueForm::Time | ValueForm::TrafficPath
            )
        });
        let mut addresses = of_kind(&|kind| kind == ValueForm::Address);
        addresses.retain(|column| compared.contains(column));
        let status = column("log-status");
        let traffic = (0..columns.len()).filter(|at| status.is_none() && columns[*at].is_traffic());
        let runs = runs(compared);
        Some(Self {
            numbers: self::runs(&numbers),
            addresses: self::runs(&addresses),
            path: column("traffic-path"),
            interface: column("interface-id"),
            start: column("start"),
            end: column("end"),
            times: column("start").zip(column("end")).map(Into::into),
            amounts: amounts.into(),
            status,
            traffic: traffic.filter_map(number).collect(),
            is_whole: *runs == [(0, number(columns.len())?)],
            runs,
        })
    }

    /// Tells whether a line's text is all that is compared, in its order.
    #[inline(always)]
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Reads a line of as many cells as the layout has columns. `None` if it is not canonical, or might not be.
    #[inline(always)]
    pub(super) fn read<'a>(&self, line: CellsLine<'a>) -> Option<NormalisedRow<'a>> {
        // What is called for few lines takes a copy: were an address of the line taken, all of it would be written to memory each time.
        let at = At(line.places());
        for &(first, after) in &self.numbers {
            if !are_numbers(line, at.start(first), at.start(after) - 1) {
                are_numbers_or_absent(line, first, after)?;
            }
        }
        for &(first, after) in &self.addresses {
            if may_be_ipv6(line, at.start(first), at.start(after) - 1) {
                are_canonical(line, first, after)?;
            }
        }
        if let Some(column) = self.path
            && line.bytes(at.start(column), at.end(column))[0] == b'0'
        {
            // It is absent.
            return None;
        }
        for &column in &self.amounts {
            if at.len(column) > MOST_DIGITS {
                return None;
            }
        }
        let mut interface = ABSENT;
        if let Some(column) = self.interface {
            interface = at.cell(line, column);
        }
        let [start, end] = match self.times {
            Some([start, end]) => times(at.cell(line, start), at.cell(line, end))?,
            None => [time(line, self.start)?, time(line, self.end)?],
        };
        let mut status = LogStatus::Ok;
        match self.status {
            // Hardly any row has it to be looked at.
            Some(column) if at.len(column) > b"OK".len() => {
                status = LogStatus::said(at.cell(line, column));
            }
            Some(_) => {}
            None => status = self.status_by_traffic(line),
        }
        Some(NormalisedRow {
            text: line.text(),
            interface,
            start,
            end,
            status,
            verbatim: true,
        })
    }

    #[inline(never)]
    fn status_by_traffic(&self, line: CellsLine<'_>) -> LogStatus {
        let at = At(line.places());
        let mut traffic = self.traffic.iter();
        if traffic.len() > 0 && traffic.all(|&column| at.cell(line, column) == ABSENT) {
            LogStatus::NoData
        } else {
            LogStatus::Ok
        }
    }

    /// Copies the cells that are compared, in their order.
    pub(super) fn copy<'t>(&self, line: CellsLine<'_>, text: &'t mut Vec<u8>) -> &'t [u8] {
        let at = At(line.places());
        let most = line.text().len() + STEP + 1;
        if text.len() < most {
            text.resize(most, 0);
        }
        let mut len = 0;
        for &(first, after) in &self.runs {
            // With what stands behind, most often a space.
            let (mut from, to) = (at.start(first), at.start(after));
            let end = len + (to - from);
            // Whole steps, since copying just so many bytes costs a call; what is too much is written over, or cut off.
            while from < to {
                let source = line.text_from(from);
                match (
                    source.first_chunk::<STEP>(),
                    text[len..].first_chunk_mut::<STEP>(),
                ) {
                    (Some(source), Some(target)) => *target = *source,
                    _ => {
                        let rest = (to - from).min(source.len());
                        text[len..len + rest].copy_from_slice(&source[..rest]);
                    }
                }
                (from, len) = (from + STEP, len + STEP);
            }
            len = end;
            text[len - 1] = b' ';
        }
        &text[..len.saturating_sub(1)]
    }
}

/// Where the cells of a line are.
#[derive(Clone, Copy)]
struct At<'a>(&'a [u16; MOST_CELLS + 1]);

impl At<'_> {
    #[inline(always)]
    fn start(self, column: ColumnNumber) -> usize {
        usize::from(self.0[usize::from(column)])
    }

    #[inline(always)]
    fn end(self, column: ColumnNumber) -> usize {
        usize::from(self.0[usize::from(column) + 1]) - 1
    }

    #[inline(always)]
    fn len(self, column: ColumnNumber) -> usize {
        self.end(column) - self.start(column)
    }

    #[inline(always)]
    fn cell<'a>(self, line: CellsLine<'a>, column: ColumnNumber) -> &'a [u8] {
        line.bytes(self.start(column), self.end(column))
    }
}

/// Tells whether all cells from one place to another one are canonical numbers. False is never wrong.
#[inline(always)]
fn are_numbers(line: CellsLine<'_>, from: usize, to: usize) -> bool {
    let (text, len) = (line.text_from(from), to - from);
    if len == 1 {
        return matches!(text[0], b'0'..=b'9' | b'-');
    }
    let window = text.first_chunk();
    len <= WINDOW && window.is_some_and(|window| line.simd().are_numbers(window, len))
}

/// Looks at the cells of a run one by one. `None` if one is neither.
#[inline(never)]
fn are_numbers_or_absent(
    line: CellsLine<'_>,
    first: ColumnNumber,
    after: ColumnNumber,
) -> Option<()> {
    let at = At(line.places());
    let fine = |column: ColumnNumber| match at.cell(line, column) {
        [b'-' | b'0'] => true,
        [b'0', ..] => false,
        cell => cell.iter().all(u8::is_ascii_digit),
    };
    (first..after).all(fine).then_some(())
}

/// Tells whether there may be an IPv6 address from one place to another one. True is never wrong.
#[inline(always)]
fn may_be_ipv6(line: CellsLine<'_>, from: usize, to: usize) -> bool {
    let len = to - from;
    let window = line.text_from(from).first_chunk();
    len > HALF || window.is_none_or(|window| line.simd().above_nine(window) << (HALF - len) != 0)
}

/// Looks at the addresses of a run one by one. `None` if one may not be canonical.
#[inline(never)]
fn are_canonical(line: CellsLine<'_>, first: ColumnNumber, after: ColumnNumber) -> Option<()> {
    let at = At(line.places());
    for column in first..after {
        let text = line.text_from(at.start(column));
        if has_colon(text) && !is_canonical(text, at.end(column) - at.start(column)) {
            return None;
        }
    }
    Some(())
}

/// Puts neighbours together: first and one after the last of each run.
fn runs(columns: &[usize]) -> Box<[(ColumnNumber, ColumnNumber)]> {
    let runs = columns.chunk_by(|a, b| a + 1 == *b);
    let number = |column: usize| ColumnNumber::try_from(column).unwrap_or(ColumnNumber::MAX);
    runs.map(|run| (number(run[0]), number(run[0] + run.len())))
        .collect()
}

/// A time, or absent.
type TimeColumn = Option<i64>;

/// Reads two cells that are canonical numbers or absent. `None` if they are left to the general way.
#[inline(always)]
fn times(start: &[u8], end: &[u8]) -> Option<[TimeColumn; 2]> {
    match (start.as_array::<10>(), end.as_array::<10>()) {
        // Both at once.
        (Some(start), Some(end)) => {
            let read = |ten: &[u8; 10]| Some(ten_digits(*ten).cast_signed());
            Some([read(start), read(end)])
        }
        _ => other_times(start, end),
    }
}

/// Times of another length than they have from 2001 to 2286.
#[inline(never)]
fn other_times(start: &[u8], end: &[u8]) -> Option<[TimeColumn; 2]> {
    Some([seconds(start)?, seconds(end)?])
}

/// Reads the one time that a layout has.
#[inline(never)]
fn time(line: CellsLine<'_>, column: Option<ColumnNumber>) -> Option<TimeColumn> {
    let cell = column.map(|column| At(line.places()).cell(line, column));
    cell.map_or(Some(None), seconds)
}

#[expect(
    clippy::option_option,
    reason = "absent and unknown are different answers"
)]
fn seconds(cell: &[u8]) -> Option<Option<i64>> {
    if cell == ABSENT {
        return Some(None);
    }
    if finer(cell).is_some() {
        return None;
    }
    let value = digits(cell).and_then(|value| i64::try_from(value).ok())?;
    Some(Some(value))
}

#[cfg(test)]
mod tests {
    use itertools::Itertools;
    use proptest::prelude::*;

    use super::*;
    use crate::record::cells::tests::CutText;
    use crate::record::field::FIELDS;
    use crate::record::simd::tests::ways;
    use crate::record::{Cells, ComparedFields, Normaliser, Simd};

    /// Values as AWS writes them.
    fn usual(kind: ValueForm) -> BoxedStrategy<String> {
        match kind {
            ValueForm::Integer => "0|[1-9][0-9]{0,9}|-".boxed(),
            ValueForm::TrafficPath => "[1-8]|-".boxed(),
            ValueForm::Time => "1[0-9]{9}".boxed(),
            ValueForm::Address => {
                "10\\.[0-9]{1,3}\\.0\\.[0-9]|-|2001:db8:[1-9a-f]{1,4}::[1-9a-f]{1,4}".boxed()
            }
            ValueForm::Text => {
                "-|OK|ACCEPT|eni-[0-9a-f]{17}|arn:aws:ecs:[a-z:/-]{1,90}|[!-~]{1,40}".boxed()
            }
        }
    }

    /// Values that are hardly any, or could be taken for others.
    fn odd() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "(-|0|00|007|-1|1-|x|1641597879000|01641597879|164159787|9{18}|9{19}|9{20}|99999999999999999999999|accept)",
            2 => "(::1|2001:DB8::A|2001:db8::a|fe80:0:0:0:0:0:0:1|12345:1|::ffff:1\\.2\\.3\\.4|0::)",
            2 => "(NODATA|SKIPDATA|\\*|\\*{3}|1\\*{3})",
            1 => "[!-~]{1,140}",
        ]
    }

    /// A layout's columns with usual values in a row, and which of them are compared, in which order.
    #[derive(Clone, Debug)]
    struct Case {
        layout: Layout,
        cells: Vec<String>,
        compared: Vec<FieldName>,
    }

    fn of_layout(layout: Layout) -> impl Strategy<Value = Case> {
        let columns = layout.columns().to_vec();
        let cells: Vec<_> = columns.iter().map(|name| usual(name.kind())).collect();
        let some = prop::sample::subsequence(columns.clone(), 1..=columns.len()).prop_shuffle();
        let compared = prop_oneof![2 => Just(columns), 1 => some];
        (cells, compared).prop_map(move |(cells, compared)| Case {
            layout: layout.clone(),
            cells,
            compared,
        })
    }

    fn layout(names: &[&str]) -> Layout {
        Layout::from_names(names.iter().copied()).unwrap()
    }

    fn any_layout() -> impl Strategy<Value = Layout> {
        let mut names: Vec<&'static str> = FIELDS.iter().map(|field| field.name).collect();
        names.extend(["brand-new", "never-heard-of"]);
        let count = names.len();
        let some = prop::sample::subsequence(names.clone(), 1..=count).prop_shuffle();
        prop_oneof![
            4 => some.prop_map(|names| layout(&names)),
            1 => Just(Layout::vpc_default()),
            1 => Just(Layout::transit_gateway_default()),
            // All that there are, most often with what one row needs.
            1 => Just(layout(&names)),
        ]
    }

    fn any_case() -> impl Strategy<Value = Case> {
        any_layout().prop_flat_map(of_layout)
    }

    fn normaliser(case: &Case) -> Normaliser {
        Normaliser::new(&case.layout, &ComparedFields::new(case.compared.clone())).unwrap()
    }

    /// What both ways make of a row. Whether the text is the line is left out.
    fn both_ways(case: &Case, before: &str, after: &str) -> bool {
        let normaliser = normaliser(case);
        let row = case.cells.join(" ");
        let cut = CutText::new(format!("{before}{row}{after}").as_bytes());
        let first = before.bytes().filter(|byte| *byte <= b' ').count();
        let ways = ways().into_iter().map(|simd| {
            let line = cut.line(first, case.cells.len(), simd);
            both_ways_of(case, &normaliser, line, &row)
        });
        let told: Vec<bool> = ways.collect();
        assert!(told.iter().all_equal());
        told[0]
    }

    fn both_ways_of(case: &Case, normaliser: &Normaliser, line: CellsLine<'_>, row: &str) -> bool {
        assert_eq!(line.text(), row.as_bytes());
        let apart: Vec<&[u8]> = case.cells.iter().map(String::as_bytes).collect();
        let mut texts = [Vec::new(), b"something else".to_vec(), Vec::new()];
        let [one, two, three] = &mut texts;
        let same = |normal: NormalisedRow<'_>| NormalisedRow {
            verbatim: false,
            text: normal.text.to_vec().leak(),
            interface: normal.interface.to_vec().leak(),
            ..normal
        };
        let expected = normaliser.normalise(Cells::Apart(&apart), one).map(same);
        let in_line = normaliser.normalise(Cells::InLine(line), two).map(same);
        assert_eq!(in_line, expected, "{case:?}");
        let copied = normaliser.normalise(Cells::InLine(line), three);
        assert!(
            copied.is_err()
                || copied.is_ok_and(|normal| !normal.verbatim || normal.text == row.as_bytes())
        );
        let verbatim = normaliser.verbatim(Cells::InLine(line));
        let fast = Verbatim::new(&case.layout, &columns(case))
            .unwrap()
            .read(line);
        if let Some(normal) = verbatim {
            assert!(normal.verbatim && normal.text == row.as_bytes());
            assert_eq!(Ok(same(normal)), expected, "{case:?}");
        }
        if let (Some(fast), Ok(expected)) = (&fast, &expected) {
            assert_eq!(
                (fast.start, fast.end, fast.status, fast.interface),
                (
                    expected.start,
                    expected.end,
                    expected.status,
                    expected.interface
                )
            );
        }
        assert!(fast.is_none() || expected.is_ok(), "{case:?}");
        fast.is_some()
    }

    fn columns(case: &Case) -> Vec<usize> {
        let compared = case.compared.iter();
        compared
            .map(|name| case.layout.position(name).unwrap())
            .collect()
    }

    proptest! {
        #[test]
        fn rows_as_aws_writes_them_are_taken_as_they_stand(
            case in any_case(),
            before in "([0-9a-z.-]{0,9}[ \n]){0,20}",
            after in "|\n|\n[0-9 a-z]{0,70}",
        ) {
            let large = |name: &str| case.layout.position(&FieldName::new(name)).is_some_and(|at| case.cells[at].len() > 19);
            prop_assert!(both_ways(&case, &before, &after) || large("packets") || large("bytes"));
        }

        #[test]
        fn both_ways_make_the_same_of_any_row(
            mut case in any_case(),
            odd in prop::collection::vec((any::<prop::sample::Index>(), odd()), 1..4),
            before in "([0-9a-z.-]{0,9}[ \n]){0,20}",
            after in "|\n|\n[0-9 a-z]{0,70}",
        ) {
            for (at, value) in odd {
                let at = at.index(case.cells.len());
                case.cells[at] = value;
            }
            both_ways(&case, &before, &after);
        }
    }

    fn case(format: &str, row: &str) -> Case {
        let layout = layout(&format.split(' ').collect::<Vec<_>>());
        Case {
            compared: layout.columns().to_vec(),
            cells: row.split(' ').map(str::to_owned).collect(),
            layout,
        }
    }

    #[test]
    fn what_is_left_to_the_general_way() {
        for (format, row, fast) in [
            ("start end", "1700000000 1700000060", true),
            ("start end", "1700000000 -", true),
            ("start end", "1700000000000 1700000060", false),
            ("start end", "01700000000 1700000060", false),
            ("start bytes", "0 9999999999999999999", true),
            ("start bytes", "0 10000000000000000000", false),
            ("start srcaddr", "1 2001:db8::1", true),
            ("start srcaddr", "1 2001:DB8::1", false),
            ("start traffic-path", "1 -", true),
            ("start traffic-path", "1 0", false),
            ("start account-id", "1 ***", true),
            ("start srcport", "1 ***", false),
            ("start srcport", "1 0", true),
            ("start srcport", "1 00", false),
        ] {
            let told = both_ways(&case(format, row), "", "\n");
            assert_eq!(told, fast, "{format}: {row}");
        }
    }

    #[test]
    fn a_row_whose_fields_stand_in_another_order_is_copied() {
        let mut case = case(
            "start srcaddr end ecs-cluster-arn log-status",
            "1700000000 10.0.0.1 1700000060 arn:aws:ecs:eu-west-1:123456789010:cluster/production-of-this-and-that OK",
        );
        case.compared = ["log-status", "start", "srcaddr", "ecs-cluster-arn"]
            .map(FieldName::new)
            .to_vec();
        let normaliser = normaliser(&case);
        let cut = CutText::new(case.cells.join(" ").as_bytes());
        let line = cut.line(0, 5, Simd::Portable);
        assert!(normaliser.verbatim(Cells::InLine(line)).is_none());
        let mut text = Vec::new();
        let normal = normaliser
            .normalise(Cells::InLine(line), &mut text)
            .unwrap();
        let expected = "OK 1700000000 10.0.0.1 arn:aws:ecs:eu-west-1:123456789010:cluster/production-of-this-and-that";
        assert_eq!(String::from_utf8_lossy(normal.text), expected);
        assert_eq!(
            (normal.end, normal.status),
            (Some(1_700_000_060), LogStatus::Ok)
        );
    }

    #[test]
    fn a_row_of_very_many_columns_is_left_to_the_general_way() {
        let names: Vec<String> = (0..MOST_CELLS).map(|number| format!("f{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let all: Vec<usize> = (0..names.len()).collect();
        assert!(Verbatim::new(&layout(&names), &all).is_none());
        let fewer = layout(&names[1..]);
        assert!(Verbatim::new(&fewer, &all[1..]).is_none_or(|way| !way.is_whole()));
        assert!(
            Verbatim::new(&fewer, &all[..MOST_CELLS - 1])
                .unwrap()
                .is_whole()
        );
    }
}
