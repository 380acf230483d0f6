//! What tools write around a record in its line: times, streams, groups, ids. Whatever else stands there makes a row
//! malformed, since it may as well be a field that the layout lacks.
//!
//! Sources: AWS CLI `--output text` (ids and times in milliseconds) and `aws logs tail` (a time, a stream), awslogs
//! (a group, a stream, times), saw (`[time] (stream)`), cw (`time - group - stream - id - `), Loki's logcli (a time, labels), Kubernetes'
//! container runtimes (`time stdout F`).

/// One kind of what may stand beside a record.
struct Aside {
    /// Tells it by its shape.
    is: fn(&[u8]) -> bool,
    /// Whether it may stand behind the record as well.
    behind: bool,
}

/// THE table of what may stand beside a record.
const ASIDES: &[Aside] = &[
    // `2025-02-25T12:25:04.000Z`.
    Aside {
        is: is_time_stamp,
        behind: true,
    },
    // `[2025-02-25T12:25:04Z]` and `(eni-0aa-all)`.
    Aside {
        is: |cell| within(cell, b'[', b']').is_some_and(is_time_stamp),
        behind: false,
    },
    Aside {
        is: |cell| within(cell, b'(', b')').is_some_and(is_stream),
        behind: false,
    },
    // Milliseconds since 1970, from 2001 on, and nanoseconds.
    Aside {
        is: |cell| matches!(cell.len(), 13 | 19) && is_number(cell),
        behind: true,
    },
    // What container runtimes put before each line: the stream, and whether the line is whole.
    Aside {
        is: |cell| matches!(cell, b"stdout" | b"stderr" | b"F"),
        behind: false,
    },
    // The id of an event: 56 digits as a rule. No field has a number of more than 20.
    Aside {
        is: |cell| cell.len() >= 40 && is_number(cell),
        behind: true,
    },
    Aside {
        is: is_stream,
        behind: true,
    },
    // A log group. No field that comes first has a value with a slash in front.
    Aside {
        is: |cell| cell.len() > 1 && cell[0] == b'/',
        behind: false,
    },
    // What a list has before each of its items.
    Aside {
        is: |cell| cell == b"EVENTS",
        behind: false,
    },
];

/// Where a time stamp has its `T`.
pub(super) const STAMP_T: usize = 10;

/// Tells by its shape whether a cell is `2025-02-25T12:25:04...`.
#[inline(always)]
pub(super) fn is_time_stamp(cell: &[u8]) -> bool {
    cell.len() >= "2025-02-25T12:25:04".len()
        && (cell[4], cell[7], cell[STAMP_T], cell[13]) == (b'-', b'-', b'T', b':')
        && cell[..4].iter().all(u8::is_ascii_digit)
}

/// Returns a line without its time stamp, if it begins with one; nothing else is looked at.
#[inline(always)]
pub(super) fn after_time_stamp(line: &[u8]) -> &[u8] {
    if line.get(STAMP_T) != Some(&b'T') {
        return line;
    }
    match memchr::memchr(b' ', line) {
        Some(end) if is_time_stamp(&line[..end]) => &line[end + 1..],
        _ => line,
    }
}

/// Tells whether all of these cells are such as stand before a record.
pub(super) fn may_stand_before(mut cells: &[&[u8]]) -> bool {
    while let Some((first, mut rest)) = cells.split_first() {
        if *first == b"-" && rest.is_empty() {
            return false;
        }
        // `2023-11-14 22:13:20.000`, as Logs Insights writes a time.
        if is_date(first) && rest.first().is_some_and(|cell| is_time_of_day(cell)) {
            rest = &rest[1..];
        } else if let Some(after) = after_labels(cells) {
            rest = after;
        } else if !ASIDES.iter().any(|aside| (aside.is)(first)) {
            return false;
        }
        // cw separates all that it writes.
        cells = match rest {
            [b"-", after @ ..] => after,
            _ => rest,
        };
    }
    true
}

/// Tells whether all of these cells are such as stand behind a record.
pub(super) fn may_stand_behind(cells: &[&[u8]]) -> bool {
    let is_aside = |cell: &&[u8]| ASIDES.iter().any(|aside| aside.behind && (aside.is)(cell));
    cells.iter().all(is_aside)
}

/// Tells whether this is the name of a stream that flow logs write to: an interface or an attachment, and which traffic.
/// Source: VPC User Guide "Publish flow logs to CloudWatch Logs".
pub(super) fn is_stream(cell: &[u8]) -> bool {
    let id = [&b"eni-"[..], b"tgw-attach-", b"nat-"]
        .iter()
        .find_map(|kind| cell.strip_prefix(*kind));
    let id = id.and_then(|id| {
        [&b"-all"[..], b"-accept", b"-reject"]
            .iter()
            .find_map(|traffic| id.strip_suffix(*traffic))
    });
    id.is_some_and(|id| !id.is_empty() && id.iter().all(u8::is_ascii_alphanumeric))
}

fn is_number(cell: &[u8]) -> bool {
    cell.iter().all(u8::is_ascii_digit)
}

fn within(cell: &[u8], open: u8, close: u8) -> Option<&[u8]> {
    match cell {
        [first, inner @ .., last] if (*first, *last) == (open, close) => Some(inner),
        _ => None,
    }
}

fn is_date(cell: &[u8]) -> bool {
    matches!(cell, [year @ .., b'-', _, _, b'-', _, _] if year.len() == 4 && is_number(year))
}

fn is_time_of_day(cell: &[u8]) -> bool {
    matches!(cell, [h, i, b':', m, n, b':', rest @ ..] if is_number(&[*h, *i, *m, *n]) && !rest.is_empty())
}

/// Returns what follows labels in braces, `{a="b", c="d"}`, if the cells begin with them.
fn after_labels<'a, 't>(cells: &'a [&'t [u8]]) -> Option<&'a [&'t [u8]]> {
    let first = cells.first()?;
    if !(first.starts_with(b"{") && (first == b"{}" || first.contains(&b'='))) {
        return None;
    }
    let last = cells.iter().position(|cell| cell.ends_with(b"}"))?;
    Some(&cells[last + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_write_around_records_is_told_from_fields() {
        let id = "3".repeat(56);
        for (text, before, behind) in [
            ("2023-11-14T22:13:20.000Z", true, true),
            ("2023-11-14 22:13:20.000", true, false),
            ("[2023-11-14T22:13:20Z] (eni-0aa-all)", true, false),
            (
                "2023-11-14T22:13:20 - /vpc/flow - eni-0aa-all -",
                true,
                false,
            ),
            (
                "/vpc/flow eni-0aa-all 2023-11-14T22:13:20Z 2023-11-14T22:13:21Z",
                true,
                false,
            ),
            ("1700000000000", true, true),
            (&id, true, true),
            ("EVENTS 1700000000000", true, false),
            ("{app=\"a\", job=\"b\"}", true, false),
            ("tgw-attach-0aa-all", true, true),
            ("{}", true, false),
            ("-", false, false),
            ("- 1700000000000", false, false),
            ("2", false, false),
            ("1700000000", false, false),
            ("eni-0aa", false, false),
            ("eni--all", false, false),
            ("stream", false, false),
            ("/", false, false),
            ("{app=\"a\",", false, false),
            ("2023-11-14", false, false),
        ] {
            let cells: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
            assert_eq!(may_stand_before(&cells), before, "{text}");
            assert_eq!(may_stand_behind(&cells), behind, "{text}");
        }
    }
}
