//! Layouts: which column holds which field in one kind of row.

use std::fmt;

use super::field::{DEFAULT_FORMAT, FieldName, TRANSIT_GATEWAY_FORMAT};
use super::{Cells, RecordKind};

/// The most columns of a layout. No flow log has a tenth of that; a hostile file may claim any number.
const MOST_COLUMNS: usize = 1000;

/// The columns of a row, first to last. There is at least one and at most a thousand. A name that stands twice, as AWS lets it,
/// is one field: its columns must agree in each row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Layout {
    columns: Vec<FieldName>,
    kind: RecordKind,
}

/// Why a text is not a layout.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A token of a format is not `${name}`.
    #[error("`{0}` is not a field in AWS's syntax: write `${{field-name}}`, separated by spaces")]
    NotAField(String),
    /// There are more fields than any flow log has; how many.
    #[error("{0} fields, more than any flow log has")]
    TooMany(usize),
    /// There is no field at all.
    #[error("there is no field in it")]
    Empty,
}

impl Layout {
    /// Takes column names as headers and Parquet schemas spell them.
    ///
    /// # Errors
    /// No name, or more than a thousand.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, LayoutError> {
        let columns: Vec<FieldName> = names.into_iter().map(FieldName::new).collect();
        if columns.len() > MOST_COLUMNS {
            return Err(LayoutError::TooMany(columns.len()));
        }
        if columns.is_empty() {
            return Err(LayoutError::Empty);
        }
        let kind = if columns.iter().any(FieldName::is_of_transit_gateways) {
            RecordKind::TransitGateway
        } else {
            RecordKind::Vpc
        };
        Ok(Self { columns, kind })
    }

    /// Takes a format in the syntax of the flow log's own `LogFormat`: `${version} ${account-id} ...`.
    ///
    /// # Errors
    /// A token that is not `${name}`, no name, or more than a thousand.
    pub fn from_format(format: &str) -> Result<Self, LayoutError> {
        let name = |token: &'_ str| -> Result<String, LayoutError> {
            token
                .strip_prefix("${")
                .and_then(|rest| rest.strip_suffix('}'))
                .filter(|name| is_name(name.as_bytes()))
                .map(str::to_owned)
                .ok_or_else(|| LayoutError::NotAField(token.to_owned()))
        };
        let names = format
            .split_whitespace()
            .map(name)
            .collect::<Result<Vec<_>, _>>()?;
        Self::from_names(names.iter().map(String::as_str))
    }

    /// Takes the cells of a text line if they are a header: all of them look like field names and
    /// at least one is a known field. No data row looks like that, since no field's *value* is a field's name.
    ///
    /// Returns `None` for a data row, and an error for a header that names too many fields.
    pub fn from_header(cells: Cells<'_>) -> Option<Result<Self, LayoutError>> {
        // First bytes tell most rows from a header, before all bytes are looked at.
        let is_begin = |cell: &[u8]| cell.first().is_some_and(u8::is_ascii_lowercase);
        if !cells.iter().all(is_begin) || !cells.iter().all(is_name) {
            return None;
        }
        let names: Vec<&str> = cells
            .iter()
            .filter_map(|cell| std::str::from_utf8(cell).ok())
            .collect();
        names
            .iter()
            .any(|name| FieldName::new(name).is_known())
            .then(|| Self::from_names(names))
    }

    /// Returns the default format of VPC flow logs (version 2, 14 fields).
    pub fn vpc_default() -> Self {
        Self::from_format(DEFAULT_FORMAT).expect("the default format parses")
    }

    /// Returns the default format of Transit Gateway flow logs (version 6, 36 fields).
    pub fn transit_gateway_default() -> Self {
        Self::from_format(TRANSIT_GATEWAY_FORMAT).expect("the Transit Gateway format parses")
    }

    /// Returns the columns, first to last.
    pub fn columns(&self) -> &[FieldName] {
        &self.columns
    }

    /// Returns which kind of record has these columns: Transit Gateway records are told by a field that no other has, unless
    /// it was said that they are ([`Layout::of_transit_gateways`]).
    pub fn kind(&self) -> RecordKind {
        self.kind
    }

    /// Returns the column of the version if that alone tells which kind a record is of: there is no field that only one of
    /// them has.
    pub fn kind_column(&self) -> Option<usize> {
        let is_open = self.kind == RecordKind::Vpc
            && self
                .columns
                .iter()
                .all(FieldName::may_be_of_transit_gateways);
        is_open
            .then(|| self.position(&FieldName::new("version")))
            .flatten()
    }

    /// Returns the same columns as of Transit Gateway records.
    #[must_use]
    pub fn of_transit_gateways(&self) -> Self {
        Self {
            columns: self.columns.clone(),
            kind: RecordKind::TransitGateway,
        }
    }

    /// Returns the columns that hold what an earlier one holds as well, each after that one.
    pub fn repeats(&self) -> Vec<(usize, usize)> {
        let columns = self.columns.iter().enumerate();
        let repeats = columns.filter_map(|(again, name)| {
            let first = self.position(name)?;
            (first < again).then_some((first, again))
        });
        repeats.collect()
    }

    /// Returns the column that holds the field, the first one if there are several.
    pub fn position(&self, name: &FieldName) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

impl fmt::Display for Layout {
    /// Writes it as a flow log's `LogFormat`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, name) in self.columns.iter().enumerate() {
            let space = if number > 0 { " " } else { "" };
            write!(f, "{space}${{{name}}}")?;
        }
        Ok(())
    }
}

/// Tells whether the text could be a field name in a header: lower case, digits, `-` or `_`, a letter first.
fn is_name(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_lowercase)
        && text
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_formats_have_the_documented_number_of_fields() {
        assert_eq!(Layout::vpc_default().columns().len(), 14);
        assert_eq!(Layout::transit_gateway_default().columns().len(), 36);
    }

    #[test]
    fn formats_that_are_not_formats() {
        for (format, error) in [
            ("", LayoutError::Empty),
            ("version start", LayoutError::NotAField("version".into())),
            ("${}", LayoutError::NotAField("${}".into())),
        ] {
            assert_eq!(Layout::from_format(format), Err(error), "{format:?}");
        }
    }

    #[test]
    fn headers_are_told_from_rows() {
        let header = |line: &str| {
            let cells: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            Layout::from_header(Cells::Apart(&cells)).is_some()
        };
        assert!(header("version account-id start"));
        assert!(header("start brand-new-field"));
        assert!(!header("2 123456789010 eni-0aa"));
        assert!(!header("eni-0aa ingress"));
        assert!(!header("- start"));
    }

    #[test]
    fn a_header_may_hold_digits_and_underscores_and_begins_with_a_letter() {
        let header = |line: &str| {
            let cells: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            Layout::from_header(Cells::Apart(&cells)).map(|layout| layout.unwrap().columns().len())
        };
        for (line, columns) in [
            ("start log_status instance-tag-2", Some(3)),
            ("start 2", None),
            ("start -x", None),
            ("start Bytes", None),
            ("start b*", None),
            ("brand-new", None),
        ] {
            assert_eq!(header(line), columns, "{line}");
        }
        let twice: [&[u8]; 3] = [b"end", b"pkt_srcaddr", b"pkt-srcaddr"];
        let twice = Layout::from_header(Cells::Apart(&twice)).unwrap().unwrap();
        assert_eq!(twice.repeats(), [(1, 2)]);
        let names = Layout::from_names(["start", "end"]).unwrap();
        assert_eq!(
            ["end", "bytes"].map(|name| names.position(&FieldName::new(name))),
            [Some(1), None]
        );
    }

    #[test]
    fn a_thousand_columns_are_taken_and_no_more() {
        let names: Vec<String> = (0..=MOST_COLUMNS)
            .map(|number| format!("f{number}"))
            .collect();
        let layout = |count: usize| Layout::from_names(names[..count].iter().map(String::as_str));
        assert_eq!(layout(MOST_COLUMNS).unwrap().columns().len(), MOST_COLUMNS);
        let more = MOST_COLUMNS + 1;
        assert_eq!(layout(more), Err(LayoutError::TooMany(more)));
    }
}
