//! Text: cut into lines, from memory or as it is read.

use std::io::Read;
use std::mem;

use super::around::after_time_stamp;
use super::cut::{Cut, Cutter, TakeLines};
use super::marks::newlines;
use super::rows::{RowOrigin, RowTexts};
use super::{DecodeError, Format, Malformed, Sink};

/// The longest line that is looked at. A record of all known fields has a few KiB, but `aws logs filter-log-events --output
/// text` may put all messages of an answer, 1 MB of them, in one line.
const LONGEST_LINE: usize = 4 << 20;

/// How much of a stream is read at a time.
const CHUNK: usize = 256 << 10;

/// What some editors put before UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Decodes a whole text.
pub(super) fn decode<S: Sink>(
    text: &[u8],
    format: &Format,
    sink: &mut S,
) -> Result<(), DecodeError> {
    let mut lines = LineCutter::new(format, sink);
    lines.feed(text)?;
    lines.finish()
}

/// Decodes a text as it is read, in memory that does not depend on its size.
pub(super) fn stream<S: Sink>(
    text: &mut dyn Read,
    format: &Format,
    sink: &mut S,
) -> Result<(), DecodeError> {
    let mut lines = LineCutter::new(format, sink);
    let mut chunk = vec![0; CHUNK];
    loop {
        match text.read(&mut chunk) {
            Ok(0) => return lines.finish(),
            Ok(read) => lines.feed(&chunk[..read])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Cuts a text that comes in chunks into lines.
struct LineCutter<'a, S> {
    cutter: Cutter,
    rows: RowTexts<'a, S>,
    /// Lines so far, blank ones and headers included.
    number: u64,
    /// The line that the last chunk left unfinished.
    unfinished: Vec<u8>,
    /// Whether that line is too long to be kept.
    too_long: bool,
}

impl<'a, S: Sink> LineCutter<'a, S> {
    fn new(format: &Format, sink: &'a mut S) -> Self {
        Self {
            cutter: Cutter::default(),
            rows: RowTexts::new(format, sink),
            number: 0,
            unfinished: Vec::new(),
            too_long: false,
        }
    }

    fn feed(&mut self, mut chunk: &[u8]) -> Result<(), DecodeError> {
        if self.too_long || !self.unfinished.is_empty() {
            let Some(end) = memchr::memchr(b'\n', chunk) else {
                self.keep(chunk);
                return Ok(());
            };
            self.keep(&chunk[..end]);
            self.end_unfinished()?;
            chunk = &chunk[end + 1..];
        }
        let whole = memchr::memrchr(b'\n', chunk).map_or(0, |end| end + 1);
        let (lines, unfinished) = chunk.split_at(whole);
        let result = self.cut(lines);
        self.keep(unfinished);
        result
    }

    fn finish(mut self) -> Result<(), DecodeError> {
        self.finish_line()?;
        self.rows.end(self.number)
    }

    fn finish_line(&mut self) -> Result<(), DecodeError> {
        if self.too_long {
            return self.end_unfinished();
        }
        if self.unfinished.is_empty() {
            return Ok(());
        }
        let line = mem::take(&mut self.unfinished);
        let mut line = line.as_slice();
        if self.number == 0 {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        self.number += 1;
        self.rows.take_unended(line, self.number)
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.too_long || self.unfinished.len() + piece.len() > LONGEST_LINE {
            self.too_long = true;
            self.unfinished.clear();
        } else {
            self.unfinished.extend_from_slice(piece);
        }
    }

    fn end_unfinished(&mut self) -> Result<(), DecodeError> {
        if mem::take(&mut self.too_long) {
            self.number += 1;
            return self.refuse_long();
        }
        let mut text = mem::take(&mut self.unfinished);
        // With what ended it, so that a blank one is cut as well.
        text.push(b'\n');
        let result = self.cut(&text);
        text.clear();
        self.unfinished = text;
        result
    }

    /// The loop that all rows of text go through. Its parts, from here to the digests, are joined into one by
    /// `inline(always)`: left to itself, the compiler makes calls of them that cost a third of the time.
    fn cut(&mut self, mut lines: &[u8]) -> Result<(), DecodeError> {
        if self.number == 0 {
            lines = lines.strip_prefix(BYTE_ORDER_MARK).unwrap_or(lines);
        }
        let asterisks = memchr::memchr(b'*', lines).is_some();
        self.rows.sink.asterisks(asterisks);
        if self.rows.sink.may_skip() {
            return self.search(lines);
        }
        self.cut_all(lines)
    }

    fn cut_all(&mut self, lines: &[u8]) -> Result<(), DecodeError> {
        let mut cutter = mem::take(&mut self.cutter);
        let result = cutter.cut(lines, self);
        self.cutter = cutter;
        result
    }

    /// Goes through lines most of which the sink skips, which costs less than cutting them. What may be a header is
    /// always cut.
    fn search(&mut self, lines: &[u8]) -> Result<(), DecodeError> {
        let mut start = 0;
        let ends = newlines(lines).map(|newline| newline + 1);
        let unended = (!lines.ends_with(b"\n")).then_some(lines.len());
        for end in ends.chain(unended) {
            let line = &lines[mem::replace(&mut start, end)..end];
            let row = line.strip_suffix(b"\n").unwrap_or(line);
            let row = after_time_stamp(row.strip_suffix(b"\r").unwrap_or(row));
            // Nothing before a header begins with a digit: neither its name, nor white space, nor a colour.
            let is_no_header = row.first().is_some_and(u8::is_ascii_digit);
            if is_no_header && self.rows.is_of_shape(row) && self.rows.sink.skips(row) {
                self.number += 1;
            } else {
                self.cut_all(line)?;
            }
        }
        Ok(())
    }

    fn refuse_long(&mut self) -> Result<(), DecodeError> {
        // How long it is, nobody has counted.
        Ok(self.rows.sink.malformed(Malformed {
            cells: u64::MAX,
            ..Malformed::new(self.number, "line longer than 4 MiB".to_owned())
        })?)
    }
}

impl<S: Sink> TakeLines for LineCutter<'_, S> {
    type Error = DecodeError;

    #[inline(always)]
    fn line(&mut self, line: &Cut<'_>) -> Result<(), DecodeError> {
        self.number += 1;
        // What has been cut into cells is short.
        if line.cells.is_none() && line.text.len() > LONGEST_LINE {
            return self.refuse_long();
        }
        self.rows.take_cut(line, RowOrigin::Line(self.number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::collected::{Collected, CollectedRow, default_format, given};
    use crate::decode::{Content, Row, Stop};
    use crate::record::Layout;

    const ROW: &str = "2 123456789010 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK";

    fn of(text: &[u8], format: &Format) -> Collected {
        Collected::of(Content::Bytes(text.to_vec().into()), format).unwrap()
    }

    #[test]
    fn lines_are_numbered_and_blank_ones_pass() {
        let text = b"start end\n\n1 2\r\n \t\n3  4\n\r\n\t5\t6 \nend start\n7 8";
        let all = of(text, &default_format());
        assert_eq!(all.texts(), ["1 2", "3 4", "5 6", "7 8"]);
        assert_eq!(all.numbers(), [3, 5, 7, 9]);
        let names = |layout: &Layout| layout.columns()[0].to_string();
        let names: Vec<String> = all.layouts.iter().map(names).collect();
        assert_eq!(names, ["start", "end"], "the default was never in force");
        assert!(all.malformed.is_empty() && !all.provisional);
    }

    #[test]
    fn what_stands_before_a_record_is_dropped() {
        for before in [
            "",
            "\u{feff}",
            "\x1b[0m",
            "2023-11-14T22:13:20.000Z ",
            "2023-11-14T22:13:20 ",
            "2023-11-14T22:13:20.000000+00:00 eni-0aa-all ",
            "\x1b[32m2023-11-14T22:13:20.000000+00:00\x1b[0m \x1b[36meni-0aa-all\x1b[0m ",
        ] {
            let all = of(format!("{before}{ROW}\n").as_bytes(), &default_format());
            assert_eq!(all.texts(), [ROW], "{before:?} {:?}", all.malformed);
            assert_eq!(all.layouts, [Layout::vpc_default()]);
        }
    }

    #[test]
    fn rows_that_do_not_fit_are_named() {
        let long = "x".repeat(LONGEST_LINE + 1);
        for (line, reason) in [
            ("2 1 eni-0aa", "3 columns where the layout has 2"),
            ("2023-11-14T22:13:20 1", "1 columns where the layout has 2"),
            (
                "2023-11-14T22:13:20 a b 1 2",
                "4 columns where the layout has 2",
            ),
            ("stream 1 2", "3 columns where the layout has 2"),
            ("# 1 2", "3 columns where the layout has 2"),
            ("1 \0 2", "control byte 0x00 within it"),
            ("\x1b[0m1\0 2", "control byte 0x00 within it"),
            (&long, "line longer than 4 MiB"),
        ] {
            let text = format!("1 2\n{line}\n3 4\n");
            let mut all = Collected::default();
            decode(text.as_bytes(), &given("${start} ${end}"), &mut all).unwrap();
            assert_eq!(all.malformed, [(2, reason.to_owned())]);
            assert_eq!(all.texts(), ["1 2", "3 4"]);
        }
    }

    #[test]
    fn the_longest_line_is_taken() {
        let line = format!("1 {}", "2".repeat(LONGEST_LINE - 2));
        let all = of(line.as_bytes(), &given("${start} ${end}"));
        assert_eq!((all.rows.len(), all.malformed.len()), (1, 0));
    }

    #[test]
    fn a_header_may_name_a_field_twice_but_not_a_thousand() {
        let all = of(
            b"start end\n1 2\nstart end start\n3 4 5\n",
            &default_format(),
        );
        assert_eq!(all.texts(), ["1 2", "3 4 5"]);
        let text = format!("start end\n1 2\nstart{}\n", " end".repeat(1000));
        let error = Collected::of(Content::Bytes(text.into()), &default_format()).unwrap_err();
        let reason = "the header in line 3: 1001 fields, more than any flow log has";
        assert_eq!(error, DecodeError::Unreadable(reason.to_owned()));
    }

    #[test]
    fn a_last_line_without_an_end_may_be_cut_within_a_closed_value() {
        let row = |end: &str| format!("{ROW}\n{}", ROW.replace("OK", end));
        for (text, rows) in [
            (row("NODATA"), 2),
            (row("NODAT"), 1),
            (row("NODAT") + "\n", 2),
            (row("-"), 2),
            (row("***"), 2),
            (row("OK") + "\nversion log-status", 2),
            (format!("2023-11-14T22:13:20.000Z {}", row("O")), 1),
            (format!("{ROW}\n{ROW}\t{}", ROW.replace("OK", "O")), 2),
        ] {
            let all = of(text.as_bytes(), &default_format());
            assert_eq!(all.rows.len(), rows, "{text}");
            let cut = usize::from(rows < text.matches("eni-").count());
            assert_eq!(all.malformed.len(), cut, "{text}");
        }
    }

    /// What the AWS CLI writes in place of the token of `--max-items`, where `--query` asks for messages alone.
    #[test]
    fn a_last_line_none_tells_that_more_follows() {
        let cut = |text: &str| {
            let mut all = Collected::default();
            let result = decode(text.as_bytes(), &default_format(), &mut all);
            (result.is_err(), all.rows.len(), all.malformed.len())
        };
        for (text, expected) in [
            (format!("{ROW}\nNone\n"), (true, 1, 0)),
            (format!("{ROW}\nNone"), (true, 1, 0)),
            (format!("{ROW}\r\nNone\r\n"), (true, 1, 0)),
            (format!("{ROW}\nNone\n\n \n"), (true, 1, 0)),
            (format!("{ROW}\nNone\n\n{ROW}\n"), (false, 2, 1)),
            // Two answers in one file, the second one whole.
            (format!("{ROW}\nNone\n{ROW}\n"), (false, 2, 1)),
            (format!("None\n{ROW}\nNone\n"), (true, 1, 1)),
            (format!("{ROW}\nNone of these\n"), (false, 1, 1)),
        ] {
            assert_eq!(cut(&text), expected, "{text}");
        }
        let text = format!("{ROW}\nNone\n");
        let error = Collected::of(Content::Bytes(text.into()), &default_format()).unwrap_err();
        assert!(error.to_string().contains("the last line is"), "{error}");
    }

    #[test]
    fn bytes_that_are_no_utf8_are_passed_on() {
        let mut text = "1 2\n".repeat(999).into_bytes();
        text.extend_from_slice(b"1 \xff\xfe\n");
        assert_eq!(
            of(&text, &given("${start} ${end}")).texts()[999],
            "1 \u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn the_sink_can_stop() {
        let mut sink = Collected {
            stop_after: Some(1),
            ..Collected::default()
        };
        let stopped = decode(b"1 2\n3 4\n5 6", &given("${start} ${end}"), &mut sink);
        assert_eq!(stopped, Err(DecodeError::Stopped));
        assert_eq!(sink.texts(), ["1 2"]);
    }

    /// Anything, made of what lines are made of.
    fn any_text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            8 => "[0-9a-z.:-]{1,12}".prop_map(String::into_bytes),
            6 => Just(b" ".to_vec()),
            3 => Just(b"\n".to_vec()),
            1 => prop::sample::select(vec![
                &b"\r\n"[..], b"\t", b"start end\n", b"2023-11-14T22:13:20Z ", b"\xef\xbb\xbf", b"\0", b"\x1b[1m", b"\xff",
            ]).prop_map(<[u8]>::to_vec),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    /// Skips lines without a 7.
    struct Sevens(Collected);

    impl Sink for Sevens {
        fn provisional(&mut self) {}

        fn layout(&mut self, layout: &Layout) -> Result<(), Stop> {
            self.0.layout(layout)
        }

        fn skips(&self, line: &[u8]) -> bool {
            !line.contains(&b'7')
        }

        fn may_skip(&self) -> bool {
            true
        }

        fn row(&mut self, row: Row<'_>) -> Result<(), Stop> {
            self.0.row(row)
        }

        fn malformed(&mut self, row: Malformed) -> Result<(), Stop> {
            self.0.malformed(row)
        }
    }

    #[test]
    fn lines_may_be_skipped_and_headers_never_are() {
        let text = "end start\n1 2\n\n3 7\n2023-11-14T22:17:20Z 5 6\n2023-11-14T22:17:20Z 8 7\nstart end\n9 9\n7 9";
        let mut sevens = Sevens(Collected::default());
        decode(text.as_bytes(), &default_format(), &mut sevens).unwrap();
        let all = sevens.0;
        assert_eq!(all.texts(), ["3 7", "8 7", "7 9"]);
        assert_eq!((all.numbers(), all.layouts.len()), (vec![4, 6, 9], 2));
    }

    proptest! {
        #[test]
        fn skipping_finds_every_row_that_is_not_skipped(text in any_text()) {
            let format = given("${start} ${end}");
            let (mut all, mut sevens) = (Collected::default(), Sevens(Collected::default()));
            let results = (decode(&text, &format, &mut all), decode(&text, &format, &mut sevens));
            prop_assert_eq!(results.0, results.1);
            let with_seven = |rows: Vec<CollectedRow>| rows.into_iter().filter(|row| row.text.contains('7')).collect::<Vec<_>>();
            prop_assert_eq!(with_seven(sevens.0.rows), with_seven(all.rows));
        }

        #[test]
        fn any_chunks_give_the_same_rows(text in any_text(), sizes in prop::collection::vec(1usize..9, 1..20)) {
            let format = given("${start} ${end}");
            let mut whole = Collected::default();
            let result = decode(&text, &format, &mut whole);
            let mut chunked = Collected::default();
            let mut lines = LineCutter::new(&format, &mut chunked);
            let (mut rest, mut sizes) = (&text[..], sizes.iter().cycle());
            let mut fed = Ok(());
            while !rest.is_empty() && fed.is_ok() {
                let (chunk, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                fed = lines.feed(chunk);
                rest = after;
            }
            prop_assert_eq!(fed.and_then(|()| lines.finish()), result);
            prop_assert_eq!(chunked, whole);
        }
    }
}
