//! What README.md and the pages of docs/ show is so, to the last character.
//!
//! After a change that is meant: `FLOWDIFF_BLESS=1 cargo test pages`, then read the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::offline;

/// How the pages call flowdiff: as a newcomer builds it, and as it is called once installed.
const CALLS: [&str; 2] = ["cargo run -- ", "flowdiff "];

/// Where the pages' scheduled job keeps its state.
const STATE: &str = "/var/lib/flowdiff";

/// What the README says of itself by being short.
const LONGEST_README: usize = 250;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README and all that is in docs/, by path from the root.
fn pages() -> BTreeSet<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let docs = docs.map(|entry| Path::new("docs").join(entry.unwrap().file_name()));
    docs.filter(|path| path.extension().is_some_and(|it| it == "md"))
        .chain([PathBuf::from("README.md")])
        .collect()
}

#[test]
fn console_blocks_show_what_is_printed() {
    let tried: usize = pages().iter().map(|page| renew(page)).sum();
    assert!(tried >= 7, "the pages show commands: {tried}");
}

/// Runs what a page's console blocks show, and compares. Returns how many there are.
fn renew(page: &Path) -> usize {
    let path = root().join(page);
    let text = fs::read_to_string(&path).unwrap();
    let mut blocks = text.split("```console\n$ ");
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
        // A state of this run of the tests, where the page has one of a machine.
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
            "{}: {command}: {output:?}",
            page.display()
        );
        let printed = steady(&String::from_utf8(output.stdout).unwrap());
        let printed = printed.replace(&state.path().display().to_string(), STATE);
        renewed += &format!("```console\n$ {command}\n{printed}```{rest}");
        tried += 1;
    }
    if std::env::var_os("FLOWDIFF_BLESS").is_some() && renewed != text {
        fs::write(&path, &renewed).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), renewed);
    tried
}

/// How long a run took is never the same; the pages show it as if it were.
fn steady(printed: &str) -> String {
    match printed.split_once(" time=") {
        Some((before, after)) => {
            let (_, after) = after.split_once("s;").unwrap();
            format!("{before} time=0.016s;{after}")
        }
        None => printed.to_owned(),
    }
}

#[test]
fn every_page_is_in_the_binary_and_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(
        readme.lines().count() <= LONGEST_README,
        "README.md is to be read at once"
    );
    let listed = offline().arg("help").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for page in pages().iter().filter(|page| page.starts_with("docs")) {
        let topic = page.file_stem().unwrap().to_str().unwrap();
        let text = fs::read(root().join(page)).unwrap();
        let printed = offline().args(["help", topic]).output().unwrap();
        assert!(printed.status.success(), "{topic}: {printed:?}");
        assert!(
            printed.stdout == text,
            "{topic} is not what {} says",
            page.display()
        );
        assert!(
            readme.contains(&format!("| `{topic}` | [")),
            "README.md does not list {topic}"
        );
        assert!(listed.contains(&format!("\n  {topic} ")), "{listed}");
    }
    let unknown = offline().args(["help", "nothing"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn links_lead_somewhere() {
    let more = [
        "deploy/INSTALL.md",
        "deploy/README.md",
        "fixtures/README.md",
        "fuzz/README.md",
    ];
    let mut followed = 0;
    for page in pages().into_iter().chain(more.map(PathBuf::from)) {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for link in text.split("](").skip(1) {
            let (link, _) = link.split_once(')').unwrap();
            if link.contains("://") {
                continue;
            }
            follow(&page, link);
            followed += 1;
        }
    }
    assert!(followed > 10, "the pages link to each other: {followed}");
}

fn follow(page: &Path, link: &str) {
    let (file, heading) = link
        .split_once('#')
        .map_or((link, None), |(file, heading)| (file, Some(heading)));
    let path = match file {
        "" => root().join(page),
        file => root().join(page).with_file_name("").join(file),
    };
    let at = page.display();
    assert!(path.exists(), "{at}: {link}");
    if let Some(heading) = heading {
        let text = fs::read_to_string(&path).unwrap();
        let mut headings = text.lines().filter(|line| line.starts_with('#'));
        assert!(headings.any(|line| anchor(line) == heading), "{at}: {link}");
    }
}

/// A heading as links name it.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words
        .chars()
        .filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}
