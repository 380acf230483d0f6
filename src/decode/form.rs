//! The form of a content, told by how it begins.

use super::csv::CsvTable;
use super::{DecodeError, csv, foreign, gzip, parquet, text, utf16, yaml, zstd};

/// What flow logs come as.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LogForm {
    Gzip,
    Zstd,
    Parquet,
    Json,
    /// What becomes JSON as it is read.
    Yaml,
    /// A table whose header says what it holds.
    Csv(CsvTable),
    /// What becomes any of these as it is read.
    Utf16,
    /// Gzip in base64, one or many.
    Base64,
    Text,
    /// What the service writes to see whether it may write: no rows.
    WriteTest,
}

type Make = fn() -> LogForm;

/// Contents that begin like this are flow logs packed up.
const PACKED: &[(&[u8], Make)] = &[
    (gzip::MAGIC, || LogForm::Gzip),
    (zstd::MAGIC, || LogForm::Zstd),
    (parquet::MAGIC, || LogForm::Parquet),
    (utf16::LITTLE, || LogForm::Utf16),
    (utf16::BIG, || LogForm::Utf16),
];

/// How much of a content is looked at to tell its form: a header of CSV with all known fields, and more.
pub(super) const HEAD: usize = 4096;

/// How much of it has to be text. Behind that, bytes that are none are a matter of their rows.
const TEXT: usize = 1024;

/// The content of `aws-logs-write-test`, which an export task leaves in its bucket.
const WRITE_TEST: &[u8] = b"Permission Check Successful";

/// Tells the form by how the content begins. Less than [`HEAD`] bytes are the whole content.
///
/// # Errors
/// It is in no form that is read.
pub(super) fn told(head: &[u8]) -> Result<LogForm, DecodeError> {
    let unreadable = |reason: &str| Err(DecodeError::Unreadable(reason.to_owned()));
    if let Some((_, form)) = PACKED.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Ok(form());
    }
    let text = head.strip_prefix(text::BYTE_ORDER_MARK).unwrap_or(head);
    if let Some(name) = foreign::named(text) {
        return unreadable(&name);
    }
    let first = &head[..head.len().min(TEXT)];
    if !is_utf8(first) {
        return unreadable(NEITHER);
    }
    if head.len() < HEAD && text.trim_ascii() == WRITE_TEST {
        return Ok(LogForm::WriteTest);
    }
    if text.starts_with(GZIP_IN_BASE64) && text.iter().take(60).all(|byte| is_base64(*byte)) {
        return Ok(LogForm::Base64);
    }
    if let Some(table) = csv::table(head) {
        return Ok(LogForm::Csv(table));
    }
    if yaml::is_yaml(text) {
        return Ok(LogForm::Yaml);
    }
    // Strings may hold any number of DEL bytes; of all others its parser tells.
    if is_json(text.trim_ascii()) {
        return Ok(LogForm::Json);
    }
    if is_text(first) {
        Ok(LogForm::Text)
    } else {
        unreadable(NEITHER)
    }
}

/// How gzip begins in base64.
const GZIP_IN_BASE64: &[u8] = b"H4sI";

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=\r\n\t ".contains(&byte)
}

/// Tells JSON from lines that begin with a bracket or a quote: a time in brackets, labels in braces, a row of CSV.
fn is_json(text: &[u8]) -> bool {
    let line = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
    match line {
        [b'[', rest @ ..] => !matches!(rest, [_, _, _, _, b'-', _, _, b'-', ..]),
        [b'{', rest @ ..] => {
            let names = rest.trim_ascii_start();
            // Labels: `{app="x", job="y"} ...`.
            !(names
                .first()
                .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
                && names.contains(&b'='))
        }
        [b'"', ..] => {
            let mut strings = serde_json::Deserializer::from_slice(line).into_iter::<String>();
            // The line may go on behind what is looked at.
            strings.all(|string| string.is_ok()) || line.len() == text.len()
        }
        _ => false,
    }
}

pub(super) const NEITHER: &str = "neither flow-log text, JSON nor Parquet";

/// Tells whether this may be the beginning of something in UTF-8, perhaps cut within a character, without NUL.
fn is_utf8(head: &[u8]) -> bool {
    let utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => head.len() == TEXT && error.error_len().is_none(),
    };
    utf8 && !head.contains(&0)
}

/// Tells whether hardly any of this are control bytes, but for white space.
fn is_text(head: &[u8]) -> bool {
    let control = |byte: &&u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    head.iter().filter(control).count() <= head.len() / 4
}
