//! YAML, and what Python prints of dictionaries, as JSON: what counts in a document is told in one place.
//!
//! Sources of the shapes: AWS CLI User Guide "YAML output" and "YAML stream output"; a dictionary printed by Python is YAML in
//! its flow style.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use saphyr_parser::{BufferedInput, Event, Parser, ScalarStyle};

/// How much of a document may be without an end of something: the parser keeps so much in memory.
const LONGEST: usize = 4 << 20;

/// Tells whether this is the beginning of a document in YAML that may hold events: a mapping or a list of mappings with a name and
/// a colon on its first line, a list whose first item goes on in the next line, or a dictionary or list as Python prints it.
pub(super) fn is_yaml(head: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(head)
        .or_else(|error| std::str::from_utf8(&head[..error.valid_up_to()]))
    else {
        return false;
    };
    let mut lines = text.lines().filter(|line| {
        let line = line.trim();
        !line.is_empty() && line != "---" && !line.starts_with('#')
    });
    let Some(first) = lines.next() else {
        return false;
    };
    if matches!(
        first.trim_start().as_bytes(),
        [b'{' | b'[', b'\'', ..] | [b'[', b'{', b'\'', ..]
    ) {
        return true;
    }
    let mut item = first.trim_start();
    let mut listed = false;
    while let Some(rest) = item.strip_prefix("- ") {
        (item, listed) = (rest.trim_start(), true);
    }
    let name = item
        .split_once(':')
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphabetic() || matches!(b, b'@' | b'_'))
    };
    let mut goes_on = || {
        lines
            .next()
            .is_some_and(|next| next.starts_with("  ") && !next.trim_start().starts_with("- "))
    };
    name.is_some_and(|(name, _)| is_name(name)) || (listed && goes_on())
}

/// What went wrong below the parser, which knows only characters, and how many it has asked for since it last told something.
#[derive(Default)]
struct Below {
    failure: Cell<Option<io::Error>>,
    asked: Cell<usize>,
}

/// The characters of a text.
struct Characters<R> {
    text: R,
    below: Rc<Below>,
    /// Bytes that have been read; characters are taken from `at` on.
    bytes: Vec<u8>,
    at: usize,
}

impl<R: Read> Characters<R> {
    /// Reads more; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.bytes.drain(..self.at);
        self.at = 0;
        let before = self.bytes.len();
        self.bytes.resize(before + (64 << 10), 0);
        let read = self.text.read(&mut self.bytes[before..])?;
        self.bytes.truncate(before + read);
        if read == 0 && before > 0 {
            return Err(io::Error::other("YAML: not UTF-8"));
        }
        Ok(read > 0)
    }

    /// Returns the next character if all of it has been read.
    fn take(&mut self) -> io::Result<Option<char>> {
        let rest = &self.bytes[self.at..];
        let most = &rest[..rest.len().min(4)];
        let valid = match std::str::from_utf8(most) {
            Ok(text) => text,
            Err(error) if error.valid_up_to() == 0 && error.error_len().is_some() => {
                return Err(io::Error::other("YAML: not UTF-8"));
            }
            Err(error) => std::str::from_utf8(&most[..error.valid_up_to()]).unwrap_or_default(),
        };
        let character = valid.chars().next();
        self.at += character.map_or(0, char::len_utf8);
        Ok(character)
    }

    fn read(&mut self) -> io::Result<Option<char>> {
        loop {
            if let Some(character) = self.take()? {
                return Ok(Some(character));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }
}

impl<R: Read> Iterator for Characters<R> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let asked = self.below.asked.get() + 1;
        self.below.asked.set(asked);
        let read = if asked > LONGEST {
            let reason = "YAML: 4 MiB without the end of a value";
            Err(io::Error::other(reason))
        } else {
            self.read()
        };
        read.unwrap_or_else(|error| {
            self.below.failure.set(Some(error));
            None
        })
    }
}

/// What is open around the place that has been reached.
enum OpenBlock {
    List { empty: bool },
    Object { empty: bool, value: bool },
}

/// Reads YAML as JSON.
pub(super) struct AsJson<'a, R: Read> {
    parser: Parser<'a, BufferedInput<Characters<R>>>,
    below: Rc<Below>,
    open: Vec<OpenBlock>,
    json: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<'a, R: Read + 'a> AsJson<'a, R> {
    pub(super) fn new(text: R) -> Self {
        let below = Rc::new(Below::default());
        let characters = Characters {
            text,
            below: Rc::clone(&below),
            bytes: Vec::new(),
            at: 0,
        };
        Self {
            parser: Parser::new_from_iter(characters),
            below,
            open: Vec::new(),
            json: Vec::new(),
            at: 0,
            ended: false,
        }
    }

    /// Writes what comes before a value or a name. A name must be a scalar.
    fn before(&mut self, scalar: bool) -> io::Result<()> {
        let comma = match self.open.last_mut() {
            None => false,
            Some(OpenBlock::List { empty }) => !std::mem::replace(empty, false),
            Some(OpenBlock::Object { value, .. }) if *value => {
                *value = false;
                self.json.push(b':');
                false
            }
            Some(OpenBlock::Object { .. }) if !scalar => {
                return Err(io::Error::other("YAML: a name that is no text"));
            }
            Some(OpenBlock::Object { empty, value }) => {
                *value = true;
                !std::mem::replace(empty, false)
            }
        };
        if comma {
            self.json.push(b',');
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, plain: bool) -> io::Result<()> {
        self.before(true)?;
        let is_name = matches!(
            self.open.last(),
            Some(OpenBlock::Object { value: true, .. })
        );
        let is_number =
            text.len() <= 18 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if plain && !is_name && is_number && (text == "0" || !text.starts_with('0')) {
            self.json.extend_from_slice(text.as_bytes());
        } else if plain && !is_name && matches!(text, "" | "~" | "null" | "None") {
            self.json.extend_from_slice(b"null");
        } else {
            serde_json::to_writer(&mut self.json, text)?;
        }
        Ok(())
    }

    /// Takes one more event of the parser.
    fn step(&mut self) -> io::Result<()> {
        self.below.asked.set(0);
        let next = self.parser.next_event();
        if let Some(failure) = self.below.failure.take() {
            return Err(failure);
        }
        let Some(next) = next else {
            self.ended = true;
            return Ok(());
        };
        let (event, _) = next.map_err(|error| io::Error::other(format!("YAML: {error}")))?;
        match event {
            Event::Scalar(text, style, ..) => self.scalar(&text, style == ScalarStyle::Plain)?,
            Event::SequenceStart(..) => {
                self.before(false)?;
                self.json.push(b'[');
                self.open.push(OpenBlock::List { empty: true });
            }
            Event::MappingStart(..) => {
                self.before(false)?;
                self.json.push(b'{');
                self.open.push(OpenBlock::Object {
                    empty: true,
                    value: false,
                });
            }
            Event::SequenceEnd => {
                self.open.pop();
                self.json.push(b']');
            }
            Event::MappingEnd => {
                self.open.pop();
                self.json.push(b'}');
            }
            Event::DocumentEnd => self.json.push(b'\n'),
            Event::StreamEnd => self.ended = true,
            Event::Alias(_) => return Err(io::Error::other("YAML: an alias, which no export has")),
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
        }
        Ok(())
    }
}

impl<'a, R: Read + 'a> Read for AsJson<'a, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.json.len() {
            self.json.clear();
            self.at = 0;
            if self.ended {
                return Ok(0);
            }
            self.step()?;
        }
        let rest = &self.json[self.at..];
        let read = rest.len().min(into.len());
        into[..read].copy_from_slice(&rest[..read]);
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(yaml: &str) -> Result<String, String> {
        let mut json = String::new();
        let read = AsJson::new(yaml.as_bytes()).read_to_string(&mut json);
        read.map_err(|error| error.to_string())?;
        Ok(json)
    }

    #[test]
    fn yaml_becomes_json() {
        for (yaml, expected) in [
            (
                "events:\n- message: 2 123 eni-0aa\n    ACCEPT OK\n  timestamp: 1700000000000\nnextToken: null\n",
                r#"{"events":[{"message":"2 123 eni-0aa ACCEPT OK","timestamp":1700000000000}],"nextToken":null}"#,
            ),
            ("- 2 1\n- '3 4'\n", r#"["2 1","3 4"]"#),
            (
                "---\na: '7'\n---\nb: 007\n",
                "{\"a\":\"7\"}\n{\"b\":\"007\"}",
            ),
            (
                "{'events': [{'message': '2 1', 'timestamp': 17}], 'ok': True, 'more': None}",
                r#"{"events":[{"message":"2 1","timestamp":17}],"ok":"True","more":null}"#,
            ),
            ("a: \"x\\ty\u{e9}\"", "{\"a\":\"x\\ty\u{e9}\"}"),
        ] {
            assert_eq!(json(yaml).unwrap().trim(), expected, "{yaml}");
        }
        for yaml in ["a: [1", "a: *b", "{'a", "? [1]\n: 2\n", "a: b: c"] {
            assert!(json(yaml).unwrap_err().starts_with("YAML: "), "{yaml}");
        }
    }

    #[test]
    fn a_value_has_an_end() {
        let long = format!("message: '{}", "x ".repeat(LONGEST));
        let reason = "YAML: 4 MiB without the end of a value";
        assert_eq!(json(&long).unwrap_err(), reason);
        let many = format!("- {}\n", "x".repeat(60)).repeat(LONGEST / 60);
        assert!(json(&many).is_ok());
    }

    #[test]
    fn yaml_is_told_from_lines() {
        for text in [
            "events:\n- ingestionTime: 1\n",
            "---\n- events:\n",
            "- message: 2 1\n",
            "- 2 123456789010 eni-0aa 10.0.0.5\n  10.0.0.6\n- 2",
            "{'events': []}",
            "['2 1', '3 4']",
            "[{'message': '2 1'}]",
        ] {
            assert!(is_yaml(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "2 123456789010 eni-0aa",
            "- 2 123456789010\n- 2 123456789010\n",
            "fd00::1 - -",
            "version account-id",
            "{app=\"x\"} 2",
            "2023-11-14T22:13:20Z 2",
        ] {
            assert!(!is_yaml(text.as_bytes()), "{text}");
        }
    }
}
