//! The README's offline commands do what it says they do, to the last character.
//!
//! After a change that is meant: `FLOWDIFF_BLESS=1 cargo test readme`, then read the difference.

use std::fs;
use std::path::Path;

use crate::support::offline;

/// How the README calls flowdiff: as a newcomer builds it, and as it is called once installed.
const CALLS: [&str; 2] = ["cargo run --release -- ", "flowdiff "];

/// Where the README's scheduled job keeps its state.
const STATE: &str = "/var/lib/flowdiff";

#[test]
fn console_blocks_show_what_is_printed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let mut blocks = readme.split("```console\n$ ");
    let mut renewed = blocks.next().unwrap().to_owned();
    let state = tempfile::tempdir().unwrap();
    let mut tried = 0;
    for block in blocks {
        let (shown, rest) = block.split_once("```").unwrap();
        let command = shown.lines().next().unwrap();
        let words = CALLS
            .iter()
            .find_map(|call| command.strip_prefix(call))
            .unwrap();
        // A state of this run of the tests, where the README has one of a machine.
        let words = words.replace(STATE, &state.path().display().to_string());
        let output = offline().args(words.split_whitespace()).output().unwrap();
        let right: &[i32] = match words.contains("--nagios") {
            true => &[0, 2],
            false => &[0, 1],
        };
        assert!(
            output
                .status
                .code()
                .is_some_and(|code| right.contains(&code)),
            "{command}: {output:?}"
        );
        let printed = steady(&String::from_utf8(output.stdout).unwrap());
        renewed += &format!("```console\n$ {command}\n{printed}```{rest}");
        tried += 1;
    }
    assert!(tried >= 3, "the README shows its commands");
    if std::env::var_os("FLOWDIFF_BLESS").is_some() {
        fs::write(&path, &renewed).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), renewed);
}

/// How long a run took is never the same; the README shows it as if it were.
fn steady(printed: &str) -> String {
    match printed.split_once(" time=") {
        Some((before, after)) => {
            let (_, after) = after.split_once("s;").unwrap();
            format!("{before} time=0.016s;{after}")
        }
        None => printed.to_owned(),
    }
}
