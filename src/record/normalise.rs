//! The canonical form: what makes two rows the same record.
//!
//! A row's compared fields, in the order of the comparison, each in canonical form, with
//! one space between and `-` for absent. Two rows are the same record exactly when these bytes are
//! equal. The facts behind each rule: VPC User Guide "Flow log records".
//!
//! There are two ways to it: most rows stand in a line that is canonical already, which [`super::verbatim`] tells; all
//! others are written anew, value by value.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use itertools::Itertools;
use smallvec::SmallVec;

use super::digits::digits;
use super::field::{FieldName, ValueForm};
use super::normal::{ABSENT, LogStatus, NormalisedRow};
use super::time::{finer, push_time, seconds};
use super::verbatim::Verbatim;
use super::{Cells, Layout, Record};

/// The fields in which two rows must be equal to be the same record, in the order in which canonical text has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedFields {
    fields: Vec<FieldName>,
}

impl ComparedFields {
    /// Takes the fields in the order that canonical text is to have. One that comes again is left out.
    pub fn new(fields: impl IntoIterator<Item = FieldName>) -> Self {
        Self {
            fields: fields.into_iter().unique().collect(),
        }
    }

    /// Returns the compared fields.
    pub fn fields(&self) -> &[FieldName] {
        &self.fields
    }

    /// Returns those of the fields that a layout has, in the same order.
    #[must_use]
    pub fn of(&self, layout: &Layout) -> Self {
        self.only(|name| layout.position(name).is_some())
    }

    /// Returns some of the fields, in the same order.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(&FieldName) -> bool) -> Self {
        let fields = self.fields.iter().filter(|name| wanted(name));
        Self {
            fields: fields.cloned().collect(),
        }
    }

    /// Tells whether the field is compared.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.as_str() == name)
    }
}

/// Brings rows of one layout to canonical form for one comparison.
#[derive(Debug)]
pub struct Normaliser {
    layout: Layout,
    /// Column and kind of each compared field, in the order of the comparison.
    compared: Vec<(usize, ValueForm)>,
    interface: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
    /// `packets` and `bytes`.
    amounts: [Option<usize>; 2],
    status: Option<usize>,
    traffic: Vec<usize>,
    /// The columns that are not compared. Whether a row is a record does not depend on what is compared of it.
    rest: Vec<usize>,
    /// Columns of a field that stands twice: they must agree.
    repeats: Vec<(usize, usize)>,
    /// All fields' columns in table order, and their names: what evidence keeps.
    order: Vec<usize>,
    names: Arc<[FieldName]>,
    /// The faster way for rows that are canonical as they stand; `None` if the layout rules that out.
    verbatim: Option<Verbatim>,
}

impl Normaliser {
    /// Prepares for rows of `layout`.
    ///
    /// # Errors
    /// The first compared field that the layout lacks.
    pub fn new(layout: &Layout, comparison: &ComparedFields) -> Result<Self, FieldName> {
        let compared = comparison
            .fields()
            .iter()
            .map(|name| {
                layout
                    .position(name)
                    .map(|column| (column, name.kind()))
                    .ok_or_else(|| name.clone())
            })
            .collect::<Result<Vec<_>, _>>()?;
        let column = |name: &str| layout.position(&FieldName::new(name));
        let traffic = layout.columns().iter().enumerate();
        let repeats = layout.repeats();
        let is_first = |column: &usize| repeats.iter().all(|(_, again)| again != column);
        let mut order: Vec<usize> = (0..layout.columns().len()).filter(is_first).collect();
        order.sort_by_key(|&column| &layout.columns()[column]);
        let columns: Vec<usize> = compared.iter().map(|(column, _)| *column).collect();
        Ok(Self {
            verbatim: Verbatim::new(layout, &columns).filter(|_| repeats.is_empty()),
            repeats,
            rest: (0..layout.columns().len())
                .filter(|column| !columns.contains(column))
                .collect(),
            compared,
            interface: column("interface-id"),
            start: column("start"),
            end: column("end"),
            amounts: ["packets", "bytes"].map(column),
            status: column("log-status"),
            traffic: traffic
                .filter(|(_, name)| name.is_traffic())
                .map(|(index, _)| index)
                .collect(),
            names: order
                .iter()
                .map(|&column| layout.columns()[column].clone())
                .collect(),
            order,
            layout: layout.clone(),
        })
    }

    /// Returns the layout of the rows.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Reads a row whose canonical text is the line it stands in. `None` if it is not, or might not be; then
    /// [`Normaliser::normalise`] tells. `cells` has one cell for each column of the layout.
    #[inline(always)]
    pub fn verbatim<'a>(&self, cells: Cells<'a>) -> Option<NormalisedRow<'a>> {
        match (cells, &self.verbatim) {
            (Cells::InLine(line), Some(verbatim)) if verbatim.is_whole() => verbatim.read(line),
            _ => None,
        }
    }

    /// Brings a row to canonical form, which may be written over `text`. `cells` has one cell for each column of the layout.
    ///
    /// # Errors
    /// A value that its field cannot have, as a sentence that names the field.
    pub fn normalise<'a>(
        &self,
        cells: Cells<'a>,
        text: &'a mut Vec<u8>,
    ) -> Result<NormalisedRow<'a>, String> {
        if let (Cells::InLine(line), Some(verbatim)) = (cells, &self.verbatim)
            && let Some(normal) = verbatim.read(line)
        {
            return Ok(if verbatim.is_whole() {
                normal
            } else {
                NormalisedRow {
                    text: verbatim.copy(line, text),
                    verbatim: false,
                    ..normal
                }
            });
        }
        self.rewrite(cells, text)
    }

    /// The general way: never wrong to take.
    fn rewrite<'a>(
        &self,
        cells: Cells<'a>,
        text: &'a mut Vec<u8>,
    ) -> Result<NormalisedRow<'a>, String> {
        let line = match cells {
            Cells::InLine(line) => line.text(),
            Cells::Apart(_) => b"",
        };
        let interface = self.interface.map(|at| cells.get(at));
        let cells: SmallVec<[&[u8]; 80]> = cells.iter().collect();
        let cells = Cells::Apart(&cells);
        self.check_rest(cells, text)?;
        let text = self.write_canonical(cells, text)?;
        let refuse = |at: usize| not_a_value(&self.layout, at, cells.get(at));
        let time = |column: Option<usize>| match column {
            Some(at) if !is_masked(cells.get(at)) => seconds(cells.get(at)).ok_or(at),
            _ => Ok(None),
        };
        for at in self.amounts.into_iter().flatten() {
            if total(cells.get(at)).is_none() && !is_masked(cells.get(at)) {
                return Err(refuse(at));
            }
        }
        Ok(NormalisedRow {
            interface: interface.filter(|cell| !cell.is_empty()).unwrap_or(ABSENT),
            start: time(self.start).map_err(refuse)?,
            end: time(self.end).map_err(refuse)?,
            status: self.status_of(cells),
            verbatim: text == line,
            text,
        })
    }

    fn check_rest(&self, cells: Cells<'_>, text: &mut Vec<u8>) -> Result<(), String> {
        let wrong = |column: &usize| {
            let (name, cell) = (&self.layout.columns()[*column], cells.get(*column));
            !is_masked(cell) && !can_take(name, cell, text)
        };
        if let Some(column) = self.rest.iter().copied().find(wrong) {
            return Err(not_a_value(&self.layout, column, cells.get(column)));
        }
        for &(first, again) in &self.repeats {
            let name = &self.layout.columns()[first];
            let (one, other) = (cells.get(first), cells.get(again));
            if !agree(name, one, other) {
                let [one, other] = [one, other].map(String::from_utf8_lossy);
                return Err(format!(
                    "`{name}` stands twice, once as `{one}` and once as `{other}`"
                ));
            }
        }
        Ok(())
    }

    fn write_canonical<'a>(
        &self,
        cells: Cells<'_>,
        text: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], String> {
        text.clear();
        for (index, &(column, kind)) in self.compared.iter().enumerate() {
            if index > 0 {
                text.push(b' ');
            }
            if !push_canonical(kind, cells.get(column), text) {
                return Err(not_a_value(&self.layout, column, cells.get(column)));
            }
        }
        Ok(text)
    }

    /// Tells the unit in which a row tells its `start`, if that is finer than the milliseconds which AWS has been seen to
    /// write.
    pub fn finer_unit(&self, cells: Cells<'_>) -> Option<&'static str> {
        let unit = finer(significant(
            self.start
                .map(|at| cells.get(at))
                .filter(|cell| !cell.is_empty())?,
        ))?;
        unit.noted.then_some(unit.name)
    }

    /// Keeps the whole row as evidence: all its fields, those not compared included. A value its
    /// field cannot have is kept as it stands.
    pub fn record(&self, cells: Cells<'_>) -> Record {
        let mut text = Vec::with_capacity(256);
        for (name, &column) in self.names.iter().zip(&self.order) {
            if !text.is_empty() {
                text.push(b' ');
            }
            if !push_canonical(name.kind(), cells.get(column), &mut text) {
                push_text(cells.get(column), &mut text);
            }
        }
        Record::of_canonical(Arc::clone(&self.names), &text)
    }

    /// Returns the fields of [`Self::record`].
    pub fn names(&self) -> &Arc<[FieldName]> {
        &self.names
    }

    /// Returns the compared fields whose values cannot be seen, because a data protection policy has put asterisks in their
    /// place (CloudWatch Logs User Guide, "Help protect sensitive log data with masking").
    pub fn masked(&self, cells: Cells<'_>) -> Vec<FieldName> {
        let compared = self.compared.iter().map(|(column, _)| *column);
        let masked = compared.filter(|&column| is_masked(cells.get(column)));
        masked
            .map(|column| self.layout.columns()[column].clone())
            .collect()
    }

    /// Tells whether all fields are compared and in table order, so that a row's canonical text is that of its record.
    pub fn compares_all(&self) -> bool {
        let compared = self.compared.iter().map(|(column, _)| column);
        compared.eq(&self.order)
    }

    /// Without a `log-status` column a NODATA row can still be told: it has none of the traffic fields.
    fn status_of(&self, cells: Cells<'_>) -> LogStatus {
        match self.status.map(|at| cells.get(at)) {
            Some(said) => LogStatus::said(said),
            None if self.traffic.is_empty() => LogStatus::Ok,
            None if self.traffic.iter().all(|&at| self.is_absent(cells, at)) => LogStatus::NoData,
            None => LogStatus::Ok,
        }
    }

    /// Tells whether a cell's canonical form is absent.
    fn is_absent(&self, cells: Cells<'_>, column: usize) -> bool {
        let (cell, kind) = (cells.get(column), self.layout.columns()[column].kind());
        is_absent(cell) || (kind == ValueForm::TrafficPath && cell.iter().all(|&byte| byte == b'0'))
    }
}

fn not_a_value(layout: &Layout, column: usize, cell: &[u8]) -> String {
    let name = &layout.columns()[column];
    let shown: String = String::from_utf8_lossy(cell).chars().take(80).collect();
    format!("`{name}` cannot be `{shown}`")
}

/// Tells whether a value is made of asterisks, has three of them on end, which no field's own values have, or is an address
/// of which some are a part.
pub(super) fn is_masked(cell: &[u8]) -> bool {
    if memchr::memchr(b'*', cell).is_none() {
        return false;
    }
    let only = cell.iter().all(|&byte| byte == b'*');
    only || memchr::memmem::find(cell, b"***").is_some() || is_masked_address(cell)
}

fn is_masked_address(cell: &[u8]) -> bool {
    let of_address = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'*');
    memchr::memchr2(b'.', b':', cell).is_some() && cell.iter().all(of_address)
}

pub(super) fn is_absent(cell: &[u8]) -> bool {
    cell.is_empty() || cell == ABSENT
}

/// Appends the canonical form of a value; false if the field cannot have it.
fn push_canonical(kind: ValueForm, cell: &[u8], text: &mut Vec<u8>) -> bool {
    if is_absent(cell) {
        text.extend_from_slice(ABSENT);
        return true;
    }
    match kind {
        ValueForm::Integer => push_integer(cell, text),
        ValueForm::TrafficPath if cell.iter().all(|&b| b == b'0') => {
            text.extend_from_slice(ABSENT);
            true
        }
        ValueForm::TrafficPath => push_integer(cell, text),
        ValueForm::Time => push_time(cell, text),
        ValueForm::Address => {
            push_address(cell, text);
            true
        }
        ValueForm::Text => {
            push_text(cell, text);
            true
        }
    }
}

pub(super) fn push_integer(cell: &[u8], text: &mut Vec<u8>) -> bool {
    if !cell.iter().all(u8::is_ascii_digit) {
        return false;
    }
    text.extend_from_slice(significant(cell));
    true
}

/// Returns a number without leading zeros, of which it may be the last.
pub(super) fn significant(cell: &[u8]) -> &[u8] {
    let zeros = cell.iter().take_while(|&&b| b == b'0').count();
    &cell[zeros.min(cell.len() - 1)..]
}

/// IPv6 has many spellings; RFC 5952 picks one, and so does the standard library's `Display`.
/// What is no address (a masked one, say) is compared byte for byte.
fn push_address(cell: &[u8], text: &mut Vec<u8>) {
    if memchr::memchr(b':', cell).is_some()
        && let Some(address) = std::str::from_utf8(cell)
            .ok()
            .and_then(|cell| cell.parse::<Ipv6Addr>().ok())
    {
        // An IPv4 address as IPv6 sockets have it is the same address.
        let address = address
            .to_ipv4_mapped()
            .map_or(IpAddr::V6(address), IpAddr::V4);
        text.extend_from_slice(address.to_string().as_bytes());
    } else {
        push_text(cell, text);
    }
}

/// White space would be taken for the border between two values, so it is percent-encoded, as AWS
/// does in tag values; only Parquet can hold it at all.
fn push_text(cell: &[u8], text: &mut Vec<u8>) {
    if !cell.iter().any(u8::is_ascii_whitespace) {
        text.extend_from_slice(cell);
        return;
    }
    for &byte in cell {
        if byte.is_ascii_whitespace() {
            text.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            text.push(byte);
        }
    }
}

impl Layout {
    /// Tells whether cells, one for each column, are a record: each is a value that its field can have, or masked.
    pub fn takes(&self, cells: Cells<'_>) -> bool {
        let mut text = Vec::new();
        let mut columns = self.columns().iter().zip(cells.iter());
        cells.len() == self.columns().len()
            && columns.all(|(name, cell)| is_masked(cell) || can_take(name, cell, &mut text))
            && self.repeats().iter().all(|&(first, again)| {
                agree(&self.columns()[first], cells.get(first), cells.get(again))
            })
    }
}

/// Tells whether two values of a field are one, as far as both can be seen.
fn agree(name: &FieldName, one: &[u8], other: &[u8]) -> bool {
    let (mut here, mut there) = (Vec::new(), Vec::new());
    let both = push_canonical(name.kind(), one, &mut here)
        && push_canonical(name.kind(), other, &mut there);
    is_masked(one) || is_masked(other) || (both && here == there)
}

/// Tells whether a field can have this value. `text` is written over.
fn can_take(name: &FieldName, cell: &[u8], text: &mut Vec<u8>) -> bool {
    text.clear();
    match name.as_str() {
        "packets" | "bytes" => total(cell).is_some(),
        "start" | "end" => seconds(cell).is_some(),
        _ => push_canonical(name.kind(), cell, text),
    }
}

fn total(cell: &[u8]) -> Option<u64> {
    if is_absent(cell) {
        Some(0)
    } else {
        digits(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::super::time::seconds as seconds_of;
    use super::*;

    fn canonical(format: &str, compared: &[&str], row: &str) -> Result<String, String> {
        let layout = Layout::from_format(format).unwrap();
        let comparison = ComparedFields::new(compared.iter().map(|name| FieldName::new(name)));
        let cells: Vec<&[u8]> = row.split(' ').map(str::as_bytes).collect();
        let normaliser = Normaliser::new(&layout, &comparison).unwrap();
        normaliser
            .normalise(Cells::Apart(&cells), &mut Vec::new())
            .map(|normal| String::from_utf8(normal.text.to_vec()).unwrap())
    }

    #[test]
    fn each_kind_has_one_spelling() {
        for (name, cell, expected) in [
            ("version", "02", "2"),
            ("srcport", "000", "0"),
            ("srcport", "0", "0"),
            ("srcport", "-", "-"),
            ("traffic-path", "0", "-"),
            ("traffic-path", "8", "8"),
            ("start", "1512564058000", "1512564058"),
            ("start", "1512564058", "1512564058"),
            ("srcaddr", "10.0.0.1", "10.0.0.1"),
            ("srcaddr", "2001:0DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("srcaddr", "::FFFF:10.0.0.1", "10.0.0.1"),
            ("start", "1512564058000999", "1512564058"),
            ("start", "1512564058000999999", "1512564058"),
            ("start", "2017-12-06T12:40:58Z", "1512564058"),
            ("start", "2017-12-06 13:40:58.5+01", "1512564058"),
            ("start", "2017-12-06 12:40:58 UTC", "1512564058"),
            ("start", "2017-12-06 12:40:58", "cannot"),
            ("srcaddr", "***", "***"),
            ("account-id", "012345678901", "012345678901"),
            ("action", "accept", "accept"),
            ("never-heard-of", "0x1", "0x1"),
            ("bytes", "99999999999999999999999", "cannot"),
            ("version", "two", "cannot"),
            ("srcport", "-1", "cannot"),
            ("srcport", "4 4", "cannot"),
        ] {
            let layout = Layout::from_names([name]).unwrap();
            let normaliser =
                Normaliser::new(&layout, &ComparedFields::new([FieldName::new(name)])).unwrap();
            match normaliser.normalise(Cells::Apart(&[cell.as_bytes()]), &mut Vec::new()) {
                Ok(normal) => assert_eq!(
                    String::from_utf8_lossy(normal.text),
                    expected,
                    "{name} {cell}"
                ),
                Err(reason) => assert!(
                    expected == "cannot" && reason.contains(name),
                    "{name} {cell}: {reason}"
                ),
            }
        }
    }

    #[test]
    fn a_field_that_stands_twice_must_agree() {
        let of = |row| canonical("${start} ${bytes} ${start}", &["start", "bytes"], row);
        assert_eq!(of("1 40 1").unwrap(), "1 40");
        assert_eq!(of("1 40 01").unwrap(), "1 40");
        let reason = "`start` stands twice, once as `1` and once as `2`";
        assert_eq!(of("1 40 2").unwrap_err(), reason);
        let layout = Layout::from_format("${start} ${bytes} ${start}").unwrap();
        let compared = ComparedFields::new(layout.columns().to_vec());
        let normaliser = Normaliser::new(&layout, &compared).unwrap();
        let cells: [&[u8]; 3] = [b"1", b"40", b"1"];
        assert_eq!(normaliser.record(Cells::Apart(&cells)).to_string(), "40 1");
    }

    #[test]
    fn what_is_not_compared_must_be_a_value_all_the_same() {
        let of = |row| canonical("${start} ${srcport}", &["start"], row);
        assert_eq!(of("1 443").unwrap(), "1");
        assert_eq!(of("1 -").unwrap(), "1");
        assert_eq!(of("1 x").unwrap_err(), "`srcport` cannot be `x`");
    }

    #[test]
    fn leading_zeros_make_no_milliseconds_and_hide_none() {
        for (written, canonical_form) in [
            ("1700000000999", "1700000000"),
            ("01700000000999", "1700000000"),
            ("0001700000000", "1700000000"),
            ("0000000000000", "0"),
            ("17000000009990", "17000000009990"),
            ("01700000000999999", "1700000000"),
        ] {
            let row = canonical("${start}", &["start"], written).unwrap();
            assert_eq!(row, canonical_form, "{written}");
            assert_eq!(canonical("${start}", &["start"], &row).unwrap(), row);
            let seconds = canonical_form.parse().ok();
            assert_eq!(seconds_of(written.as_bytes()), Some(seconds));
        }
    }

    #[test]
    fn compared_fields_stand_in_the_order_of_the_comparison_whatever_the_layout() {
        let format = "${end} ${never-heard-of} ${start} ${version} ${action}";
        let compared = ["action", "never-heard-of", "start", "version"];
        assert_eq!(
            canonical(format, &compared, "9 x 1 2 ACCEPT").unwrap(),
            "ACCEPT x 1 2"
        );
    }

    #[test]
    fn white_space_in_a_value_never_looks_like_two_values() {
        let layout = Layout::from_names(["instance-tag", "interface-tag"]).unwrap();
        let comparison = ComparedFields::new(layout.columns().to_vec());
        let normaliser = Normaliser::new(&layout, &comparison).unwrap();
        assert_eq!(
            normaliser
                .normalise(Cells::Apart(&[b"a b", b""]), &mut Vec::new())
                .unwrap()
                .text,
            b"a%20b -"
        );
    }

    #[test]
    fn nodata_is_told_without_a_log_status() {
        let layout = Layout::from_format("${interface-id} ${srcaddr} ${start} ${bytes}").unwrap();
        let normaliser =
            Normaliser::new(&layout, &ComparedFields::new(layout.columns().to_vec())).unwrap();
        let empty: [&[u8]; 4] = [b"eni-0aa", b"-", b"1", b"-"];
        assert_eq!(
            normaliser
                .normalise(Cells::Apart(&empty), &mut Vec::new())
                .unwrap()
                .status,
            LogStatus::NoData
        );
        let full: [&[u8]; 4] = [b"eni-0aa", b"10.0.0.1", b"1", b"-"];
        assert_eq!(
            normaliser
                .normalise(Cells::Apart(&full), &mut Vec::new())
                .unwrap()
                .status,
            LogStatus::Ok
        );
    }

    #[test]
    fn a_traffic_path_of_0_makes_no_traffic() {
        let layout = Layout::from_names(["srcaddr", "traffic-path"]).unwrap();
        let normaliser =
            Normaliser::new(&layout, &ComparedFields::new(layout.columns().to_vec())).unwrap();
        for (path, status) in [
            ("-", LogStatus::NoData),
            ("0", LogStatus::NoData),
            ("8", LogStatus::Ok),
        ] {
            let cells: [&[u8]; 2] = [b"-", path.as_bytes()];
            let (cells, mut text) = (Cells::Apart(&cells), Vec::new());
            assert_eq!(
                normaliser.normalise(cells, &mut text).unwrap().status,
                status,
                "{path}"
            );
        }
    }

    #[test]
    fn a_missing_column_is_named() {
        let layout = Layout::from_names(["start"]).unwrap();
        let comparison = ComparedFields::new(["start", "end"].map(FieldName::new));
        assert_eq!(
            Normaliser::new(&layout, &comparison).unwrap_err(),
            FieldName::new("end")
        );
    }

    #[test]
    fn what_a_row_says_besides_its_text() {
        let layout = Layout::from_format(
            "${log-status} ${end} ${start} ${bytes} ${packets} ${interface-id}",
        )
        .unwrap();
        let comparison = ComparedFields::new([FieldName::new("bytes")]);
        assert!(comparison.has("bytes") && !comparison.has("start"));
        let normaliser = Normaliser::new(&layout, &comparison).unwrap();
        let read = |row: &str| {
            let cells: Vec<&[u8]> = row.split(' ').map(str::as_bytes).collect();
            let mut text = Vec::new();
            let normal = normaliser.normalise(Cells::Apart(&cells), &mut text)?;
            let interface = String::from_utf8(normal.interface.to_vec()).unwrap();
            assert!(!normal.verbatim);
            Ok::<_, String>((normal.status, normal.end, normal.start, interface))
        };
        for (row, expected) in [
            (
                "OK 60 1700000000123 84 2 eni-0aa",
                (LogStatus::Ok, Some(60), Some(1_700_000_000), "eni-0aa"),
            ),
            (
                "NODATA 1700000060000 0 - - eni-0aa",
                (LogStatus::NoData, Some(1_700_000_060), Some(0), "eni-0aa"),
            ),
            ("SKIPDATA - - - -  ", (LogStatus::SkipData, None, None, "-")),
        ] {
            let (status, end, start, interface) = expected;
            let expected = (status, end, start, interface.to_owned());
            assert_eq!(read(row), Ok(expected), "{row}");
        }
        for (row, field) in [
            ("OK x 1 1 1 e", "`end` cannot be `x`"),
            (
                "OK 1 99999999999999999999 1 1 e",
                "`start` cannot be `99999999999999999999`",
            ),
            ("OK 1 1 -1 1 e", "`bytes` cannot be `-1`"),
            ("OK 1 1 1 1.5 e", "`packets` cannot be `1.5`"),
        ] {
            assert_eq!(read(row), Err(field.to_owned()), "{row}");
        }
    }

    #[test]
    fn evidence_keeps_what_is_not_compared_and_what_cannot_be() {
        let layout = Layout::from_format("${end} ${brand-new} ${bytes} ${srcaddr}").unwrap();
        let normaliser =
            Normaliser::new(&layout, &ComparedFields::new([FieldName::new("end")])).unwrap();
        assert_eq!(normaliser.layout(), &layout);
        let cells: [&[u8]; 4] = [b"060", b"a\tb", b"x y", b"::0"];
        assert_eq!(
            normaliser.record(Cells::Apart(&cells)).to_string(),
            ":: x%20y 60 a%09b"
        );
    }

    #[test]
    fn a_long_value_is_shown_in_part() {
        let layout = Layout::from_names(["bytes"]).unwrap();
        let normaliser =
            Normaliser::new(&layout, &ComparedFields::new(layout.columns().to_vec())).unwrap();
        let cells: [&[u8]; 1] = [&[b'x'; 200]];
        let refused = normaliser
            .normalise(Cells::Apart(&cells), &mut Vec::new())
            .unwrap_err();
        assert_eq!(refused, format!("`bytes` cannot be `{}`", "x".repeat(80)));
    }

    #[test]
    fn no_traffic_without_a_column_of_it_is_not_nodata() {
        let layout = Layout::from_names(["interface-id", "start"]).unwrap();
        let normaliser =
            Normaliser::new(&layout, &ComparedFields::new(layout.columns().to_vec())).unwrap();
        let cells: [&[u8]; 2] = [b"eni-0aa", b"1"];
        let (cells, mut text) = (Cells::Apart(&cells), Vec::new());
        assert_eq!(
            normaliser.normalise(cells, &mut text).unwrap().status,
            LogStatus::Ok
        );
    }

    #[test]
    fn all_of_a_record_is_compared_or_not() {
        let layout = Layout::from_names(["start", "bytes"]).unwrap();
        for (compared, all) in [
            (&["bytes", "start"][..], true),
            (&["start", "bytes"], false),
            (&["start"], false),
        ] {
            let comparison = ComparedFields::new(compared.iter().map(|name| FieldName::new(name)));
            assert_eq!(
                Normaliser::new(&layout, &comparison)
                    .unwrap()
                    .compares_all(),
                all
            );
        }
    }
}
