//! Texts that hold more than a record: several of them, with tabs, line breaks, their escapes or nothing between, or one
//! with what tools write around it.
//!
//! Sources of the shapes: AWS CLI User Guide "Text output" (lists become lines with tabs between), "Table output", and
//! agents that put several lines into one event.

use std::collections::BTreeMap;

use memchr::memmem;
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::around::{is_time_stamp, may_stand_before, may_stand_behind};
use super::envelopes::line_column;
use crate::record::Layout;

/// Cells of one record or several, one after the other.
pub(super) type CellsRun<'t> = SmallVec<[&'t [u8]; 80]>;

/// The most cells of a text that are looked at as records that stand one after the other without anything between.
const MOST_JOINED: usize = 100_000;

/// How many cells may stand beside a record: group, stream, two times and an id, with a dash after each.
const MOST_ASIDES: usize = 12;

/// Cuts a text where one thing ends and another begins; blank pieces are left out.
pub(super) fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let table = is_table(text);
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        loop {
            let all = rest?;
            let cut = if table {
                memchr::memchr(b'|', all).map(|at| (at, at + 1))
            } else {
                next_cut(all)
            };
            let (piece, after) =
                cut.map_or((all, None), |(end, next)| (&all[..end], Some(&all[next..])));
            rest = after;
            let piece = piece.trim_ascii();
            if !piece.is_empty() {
                return Some(piece);
            }
        }
    })
}

/// Returns where the next separator begins and ends: a tab, a line break, or one that was written as `\t`, `\n` or `\r`.
fn next_cut(text: &[u8]) -> Option<(usize, usize)> {
    let byte = memchr::memchr3(b'\t', b'\r', b'\n', text);
    let escape = memmem::find_iter(&text[..byte.unwrap_or(text.len())], b"\\")
        .find(|at| matches!(text.get(at + 1), Some(b'n' | b'r' | b't')));
    match (escape, byte) {
        (Some(at), _) => Some((at, at + 2)),
        (None, Some(at)) => Some((at, at + 1)),
        (None, None) => None,
    }
}

/// Returns the line that an object in a piece holds, if it is one of text alone: Fluentd's files have a time, a tag and an object.
pub(super) fn line_of_object(piece: &[u8]) -> Option<&[u8]> {
    if !piece.starts_with(b"{\"") {
        return None;
    }
    let members: BTreeMap<&str, &RawValue> = serde_json::from_slice(piece).ok()?;
    let lines = members
        .iter()
        .filter_map(|(name, value)| Some((line_column(name)?, value)));
    let (_, line) = lines.min_by_key(|(rank, _)| *rank)?;
    // With an escape in it, it is no record.
    let text = line.get().strip_prefix('"')?.strip_suffix('"')?;
    let text = text.strip_suffix("\\n").unwrap_or(text);
    (!text.contains('\\')).then_some(text.as_bytes())
}

/// Tells whether this is a row of a table as the AWS CLI draws it.
pub(super) fn is_table(text: &[u8]) -> bool {
    text.starts_with(b"|")
}

/// Tells whether a piece of a text is one that stands beside a record: a time, a stream, an id. The AWS CLI writes any id, and
/// whatever `--query` asks for.
pub(super) fn is_beside(text: &[u8], piece: &[u8]) -> bool {
    if piece.iter().any(u8::is_ascii_whitespace) {
        return false;
    }
    // Of Fluentd's files: a time, a tag, an object.
    let tagged = || text.ends_with(b"}") && text.split(|byte| *byte == b'\t').count() == 3;
    let told = is_table(text) || text.starts_with(b"EVENTS\t") || tagged();
    told || may_stand_before(&[piece]) || may_stand_behind(&[piece])
}

/// What a line without a record in it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    /// Nothing that could be a record.
    Over,
    /// It says that more events follow, which are not here.
    More,
    /// It may be anything.
    No,
}

/// Tells lines of the AWS CLI's `--output text` and `--output table` that are no events.
pub(super) fn passing(text: &[u8]) -> Passing {
    let ruler = |byte: &u8| matches!(byte, b'+' | b'-' | b'|');
    if text.len() >= 5 && text.iter().all(ruler) {
        return Passing::Over;
    }
    let mut words = pieces(text);
    let Some(first) = words.next() else {
        return Passing::No;
    };
    let one_word = |piece: &[u8]| !piece.iter().any(u8::is_ascii_whitespace);
    if matches!(first, b"NEXTTOKEN" | b"NextToken" | b"nextToken") {
        return Passing::More;
    }
    let is_token = |piece: &[u8]| {
        let digits = piece.strip_prefix(b"b/").or(piece.strip_prefix(b"f/"));
        digits.is_some_and(|rest| rest.len() >= 20)
    };
    let told = is_table(text) || first == b"SEARCHEDLOGSTREAMS" || is_token(first);
    if told && one_word(first) && words.all(one_word) {
        Passing::Over
    } else {
        Passing::No
    }
}

/// Returns the cells of the records in these cells, if all of them are cells of such records, or such as tools write around one.
pub(super) fn records<'t>(layout: &Layout, cells: &[&'t [u8]]) -> Option<CellsRun<'t>> {
    let columns = layout.columns().len();
    if cells.len() == columns {
        let stamped = cells.first().is_some_and(|cell| is_time_stamp(cell));
        return (!stamped).then(|| CellsRun::from_slice(cells));
    }
    let more = cells.len().checked_sub(columns)?;
    if more <= MOST_ASIDES
        && let Some(record) = one_within(layout, cells, more)
    {
        return Some(CellsRun::from_slice(record));
    }
    if cells.len() > MOST_JOINED || !tells_records(layout) {
        return None;
    }
    let stamped = cells.first().is_some_and(|cell| is_time_stamp(cell));
    let cells = &cells[usize::from(stamped)..];
    let run = if cells.len().is_multiple_of(columns) {
        CellsRun::from_slice(cells)
    } else {
        unglue(layout, cells)?
    };
    let fits = |record: &[&[u8]]| layout.can_hold(record);
    run.chunks(columns).all(fits).then_some(run)
}

/// Returns the record that stands between asides, if there is one way only to tell it from them.
fn one_within<'a, 't>(
    layout: &Layout,
    cells: &'a [&'t [u8]],
    more: usize,
) -> Option<&'a [&'t [u8]]> {
    let mut ways = (0..=more).filter_map(|before| {
        let (ahead, rest) = cells.split_at(before);
        let (record, behind) = rest.split_at(layout.columns().len());
        let fits = may_stand_before(ahead) && may_stand_behind(behind) && layout.can_hold(record);
        fits.then_some(record)
    });
    let record = ways.next()?;
    ways.next().is_none().then_some(record)
}

/// Tells whether enough columns have values that can be told from others, to find records in a row of cells.
fn tells_records(layout: &Layout) -> bool {
    let told = layout.columns().iter().filter(|name| name.is_told());
    layout.columns().len() > 1 && told.count() >= 3
}

/// Takes records apart that have nothing between them, so that the last cell of one and the first of the next are one.
fn unglue<'t>(layout: &Layout, cells: &[&'t [u8]]) -> Option<CellsRun<'t>> {
    let columns = layout.columns().len();
    if !(cells.len() - 1).is_multiple_of(columns - 1) {
        return None;
    }
    let (first, last) = (layout.columns().first()?, layout.columns().last()?);
    if !first.is_told() && !last.is_told() {
        return None;
    }
    let mut run = CellsRun::new();
    for (at, cell) in cells.iter().enumerate() {
        let between = at > 0 && at + 1 < cells.len() && at.is_multiple_of(columns - 1);
        if !between {
            run.push(cell);
            continue;
        }
        let mut cuts = (1..cell.len())
            .map(|cut| cell.split_at(cut))
            .filter(|(end, start)| last.can_be(end) && first.can_be(start));
        let (end, start) = cuts.next()?;
        if cuts.next().is_some() {
            return None;
        }
        run.extend([end, start]);
    }
    Some(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "2 123456789010 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK";
    const OTHER: &str = "2 123456789010 eni-0aa - - - - - - - 1700000060 1700000118 - NODATA";

    fn cells(text: &str) -> Vec<&[u8]> {
        text.split_whitespace().map(str::as_bytes).collect()
    }

    fn found(layout: &Layout, text: &str) -> Option<Vec<String>> {
        let cells = cells(text);
        let run = records(layout, &cells)?;
        let record = |cells: &[&[u8]]| String::from_utf8_lossy(&cells.join(&b' ')).into_owned();
        Some(run.chunks(layout.columns().len()).map(record).collect())
    }

    #[test]
    fn records_one_after_the_other_are_told() {
        let layout = Layout::vpc_default();
        let both = Some(vec![ROW.to_owned(), OTHER.to_owned()]);
        assert_eq!(found(&layout, &format!("{ROW} {OTHER}")), both);
        assert_eq!(found(&layout, &format!("{ROW}{OTHER}")), both);
        assert_eq!(found(&layout, ROW), Some(vec![ROW.to_owned()]));
        for text in [
            format!("{ROW} {ROW} x"),
            format!("{ROW}x{ROW}"),
            format!("{ROW} 3"),
            ROW.replace(" OK", ""),
            format!("{ROW} {}", ROW.replace("ACCEPT", "vpc-0a")),
        ] {
            assert_eq!(found(&layout, &text), None, "{text}");
        }
    }

    #[test]
    fn what_could_be_cut_in_two_ways_is_not_cut() {
        let fields = "${bytes} ${start} ${end} ${action} ${packets}";
        let layout = Layout::from_format(fields).unwrap();
        let row = "840 1700000000 1700000058 ACCEPT 10";
        assert_eq!(found(&layout, &format!("{row}{row}")), None);
        let fields = "${account-id} ${start} ${end} ${action} ${vpc-id}";
        let layout = Layout::from_format(fields).unwrap();
        let row = "123456789010 1700000000 1700000058 ACCEPT vpc-0a";
        let twice = Some(vec![row.to_owned(), row.to_owned()]);
        assert_eq!(found(&layout, &format!("{row}{row}")), twice);
        let free = Layout::from_format("${vpc-id} ${subnet-id}").unwrap();
        assert_eq!(found(&free, "vpc-0a subnet-0a vpc-0b subnet-0b"), None);
    }

    #[test]
    fn a_record_is_found_between_what_tools_write_around_it() {
        let layout = Layout::vpc_default();
        let one = Some(vec![ROW.to_owned()]);
        let both = Some(vec![ROW.to_owned(), OTHER.to_owned()]);
        let stamped = format!("2023-11-14T22:13:20Z {ROW}{OTHER}");
        assert_eq!(found(&layout, &stamped), both);
        for (before, behind) in [
            ("/vpc/flow eni-0aa-all ", ""),
            ("eni-0aa-all ", ""),
            ("[2023-11-14T22:13:20Z] (eni-0aa-all) ", ""),
            ("2023-11-14T22:13:20 - /vpc/flow - eni-0aa-all - ", ""),
            ("EVENTS 1700000312345 ", " 1700000000000"),
            ("", " 1700000000000"),
        ] {
            assert_eq!(found(&layout, &format!("{before}{ROW}{behind}")), one);
        }
        // A row of a longer format is none of this one.
        for text in [
            format!("{ROW} vpc-0aa"),
            format!("1700000000 {ROW}"),
            format!("- {ROW}"),
        ] {
            assert_eq!(found(&layout, &text), None, "{text}");
        }
    }

    #[test]
    fn texts_are_cut_where_records_end() {
        for (text, expected) in [
            ("a b\tc d", vec!["a b", "c d"]),
            ("a b\r\n\r\nc d\n", vec!["a b", "c d"]),
            (r"a b\nc d\r\ne", vec!["a b", "c d", "e"]),
            (r"a\x b", vec![r"a\x b"]),
            ("||  a b |  c||", vec!["a b", "c"]),
            (" \t ", vec![]),
        ] {
            let found: Vec<&[u8]> = pieces(text.as_bytes()).collect();
            let expected: Vec<&[u8]> = expected.iter().map(|piece| piece.as_bytes()).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_within_an_object_is_found() {
        for (piece, line) in [
            (r#"{"message":"2 1","x":{"y":[1]}}"#, Some("2 1")),
            (r#"{"log":"2 1\n","message":"3 4"}"#, Some("3 4")),
            (r#"{"log":"2 1\n"}"#, Some("2 1")),
            (r#"{"log":"2\t1"}"#, None),
            (r#"{"x":"2 1"}"#, None),
            (r#"{"log":7}"#, None),
            (r#"{"log":"2 1""#, None),
            ("2 1", None),
        ] {
            assert_eq!(
                line_of_object(piece.as_bytes()),
                line.map(str::as_bytes),
                "{piece}"
            );
        }
    }

    #[test]
    fn lines_of_the_cli_that_are_no_events_are_told() {
        for (line, expected) in [
            ("-------", Passing::Over),
            ("|+----+---+|", Passing::Over),
            ("||   events   ||", Passing::Over),
            ("|| eventId | message ||", Passing::Over),
            ("|  2 123 eni-0aa  |", Passing::No),
            ("SEARCHEDLOGSTREAMS\teni-0aa-all\tTrue", Passing::Over),
            (
                "b/00000000000000000000000000\tf/00000000000000000000000000",
                Passing::Over,
            ),
            ("NEXTTOKEN\teyJuZXh0", Passing::More),
            ("|  NextToken |  eyJuZXh0 |", Passing::More),
            ("EVENTS\t1\t2 3\t4", Passing::No),
            ("- - -", Passing::No),
            ("-", Passing::No),
            ("hello", Passing::No),
            ("", Passing::No),
        ] {
            assert_eq!(passing(line.as_bytes()), expected, "{line}");
        }
    }
}
