//! Text from logs, keys and services made harmless: nothing in it moves a cursor, hides or
//! reorders what stands beside it.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::ser::Formatter;

/// Tells whether a terminal would act on the character instead of showing it: controls, line and
/// paragraph separators, bidirectional overrides and marks of no width, which make unequal values
/// look equal.
pub(super) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Writes hostile characters as `\n` or `\u{1b}`, all others as they are.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hostile(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Writes hostile characters as JSON escapes, which stand for the same text; all others as they are.
fn escape_json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hostile(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Another formatter, except that text a terminal would act on is written as JSON escapes, because
/// people do look at JSON on terminals.
pub(super) struct Harmless<F>(pub(super) F);

impl<F: Formatter> Formatter for Harmless<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.contains(is_hostile) {
            out.write_all(escape_json(fragment).as_bytes())
        } else {
            out.write_all(fragment.as_bytes())
        }
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_spelt_out() {
        for (text, safe) in [
            ("eni-0aa", "eni-0aa"),
            ("bücher/日本", "bücher/日本"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\nb\rc\td", "a\\nb\\rc\\td"),
            ("\u{7f}\u{9b}2J", "\\u{7f}\\u{9b}2J"),
            ("\u{202e}cba\u{2066}", "\\u{202e}cba\\u{2066}"),
            ("336\u{200b}", "336\\u{200b}"),
        ] {
            assert_eq!(escape(text), safe);
        }
    }

    #[test]
    fn json_escapes_stand_for_the_same_text() {
        let text = "a\u{9b}2J\u{202e}\u{feff}é";
        let json = format!("\"{}\"", escape_json(text));
        assert_eq!(json, "\"a\\u009b2J\\u202e\\ufeffé\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
