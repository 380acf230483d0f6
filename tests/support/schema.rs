//! The JSON Schemas that `flowdiff schema` prints, held against what it writes.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::moto::environment;
use super::offline;
use super::python::script;

/// Asserts that these documents are as the schema says: each member is named there, and none is missing. A document that
/// had one more or one fewer would be refused, which is tried with every member.
#[track_caller]
pub(crate) fn assert_fits(name: &str, documents: &[Value]) {
    assert!(!documents.is_empty());
    let mut schema = tempfile::NamedTempFile::new().unwrap();
    let printed = offline().args(["schema", name]).output().unwrap();
    assert!(printed.status.success(), "{printed:?}");
    schema.write_all(&printed.stdout).unwrap();
    let mut python = Command::new(environment())
        .arg(script("validate.py"))
        .arg(schema.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = documents.iter().map(|it| format!("{it}\n")).collect();
    let mut input = python.stdin.take().unwrap();
    // It reads all of it before it says anything.
    input.write_all(lines.as_bytes()).unwrap();
    drop(input);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{name}: see above");
    let wrong: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(wrong.is_empty(), "{name}: {wrong:#?}");
}
