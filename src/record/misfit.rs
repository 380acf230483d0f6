//! Rows that have a cell more or fewer than a layout has columns: which field it may be.

use super::Layout;

impl Layout {
    /// Says which field of the layout is too many for cells that are one fewer than there are columns, or where one is lacking
    /// for cells that are one more: that without which all others can have the values that stand there. `None` if there is no
    /// such field, or it could be nearly any.
    pub fn misfit(&self, cells: &[&[u8]]) -> Option<String> {
        let columns = self.columns();
        let fits = |skip_column: Option<usize>, skip_cell: Option<usize>| {
            let names = columns.iter().enumerate();
            let names = names.filter(|(at, _)| Some(*at) != skip_column);
            let cells = cells.iter().enumerate();
            let mut cells = cells.filter(|(at, _)| Some(*at) != skip_cell);
            names.map(|(_, name)| name).all(|name| {
                let cell = cells.next();
                cell.is_some_and(|(_, cell)| name.can_be(cell))
            })
        };
        let quoted = |at: usize| format!("`${{{}}}`", columns[at]);
        let one_of = |found: &[usize]| match *found {
            [] => None,
            [only] => Some((only, only)),
            [first, .., last] => (found.len() * 2 <= columns.len()).then_some((first, last)),
        };
        if cells.len() + 1 == columns.len() {
            let found: Vec<usize> = (0..columns.len())
                .filter(|&at| fits(Some(at), None))
                .collect();
            let (first, last) = one_of(&found)?;
            return Some(match first == last {
                true => format!("{} is too many: without it the row fits", quoted(first)),
                false => format!(
                    "one of {} to {} is too many: without it the row fits",
                    quoted(first),
                    quoted(last)
                ),
            });
        }
        if cells.len() != columns.len() + 1 {
            return None;
        }
        let found: Vec<usize> = (0..cells.len())
            .filter(|&at| fits(None, Some(at)))
            .collect();
        let (first, last) = one_of(&found)?;
        let value = String::from_utf8_lossy(cells[first]);
        Some(match (first == last, last == columns.len()) {
            (true, true) => format!("a field is lacking at the end, where the row has `{value}`"),
            (true, false) => format!(
                "a field is lacking before {}, where the row has `{value}`",
                quoted(first)
            ),
            (false, true) if first > 0 => {
                format!("a field is lacking after {}", quoted(first - 1))
            }
            (false, false) if first > 0 => format!(
                "a field is lacking between {} and {}",
                quoted(first - 1),
                quoted(last)
            ),
            (false, true) => "a field is lacking".to_owned(),
            (false, false) => format!("a field is lacking before {}", quoted(last)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "2 123456789010 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK";

    fn misfit(format: &str, row: &str) -> Option<String> {
        let cells: Vec<&[u8]> = row.split(' ').map(str::as_bytes).collect();
        Layout::from_format(format).unwrap().misfit(&cells)
    }

    fn default_with(add: &str, instead_of: &str) -> String {
        let names = Layout::vpc_default();
        let names: Vec<String> = names
            .columns()
            .iter()
            .map(|name| format!("${{{name}}}"))
            .collect();
        names.join(" ").replace(instead_of, add)
    }

    #[test]
    fn the_field_that_does_not_fit_is_named() {
        for (format, told) in [
            (
                default_with(
                    "${action} ${log-status} ${vpc-id}",
                    "${action} ${log-status}",
                ),
                Some("`${vpc-id}` is too many: without it the row fits"),
            ),
            (
                default_with("${start} ${flow-direction} ${end}", "${start} ${end}"),
                Some("`${flow-direction}` is too many: without it the row fits"),
            ),
            (
                default_with("${action}", "${action} ${log-status}"),
                Some("a field is lacking at the end, where the row has `OK`"),
            ),
            (
                default_with("${log-status}", "${action} ${log-status}"),
                Some("a field is lacking before `${log-status}`, where the row has `ACCEPT`"),
            ),
            (
                default_with("${packets} ${start}", "${packets} ${bytes} ${start}"),
                Some("a field is lacking between `${dstaddr}` and `${start}`"),
            ),
            (default_with("", ""), None),
        ] {
            assert_eq!(misfit(&format, ROW).as_deref(), told, "{format}");
        }
        assert_eq!(misfit("${vpc-id} ${subnet-id}", "a b c"), None);
    }
}
