//! A pairs file, read and checked.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Pair;
use crate::model::Side;

/// The longest name, so that it can be a folder's with something added.
const LONGEST_NAME: usize = 200;

/// Reads a pairs file: a pair a line; empty lines are passed over.
///
/// # Errors
/// The line (from 1), and what is wrong with it.
pub fn read(text: &str) -> Result<Vec<Pair>, String> {
    let mut pairs: Vec<Pair> = Vec::new();
    let mut names = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let at = |reason: String| format!("line {}: {reason}", number + 1);
        let pair: Pair =
            serde_json::from_str(line).map_err(|error| at(format!("is no pair: {error}")))?;
        if !is_name(&pair.name) {
            return Err(at(format!(
                "`{}` is no name: up to {LONGEST_NAME} letters, digits, `-`, `_` and `.`, and no dot in front",
                pair.name
            )));
        }
        for side in Side::BOTH {
            let settings = pair.side(side).flow_log.as_ref();
            if let Some(created) = settings.and_then(|settings| settings.created.as_ref())
                && created.parse::<Timestamp>().is_err()
            {
                return Err(at(format!(
                    "{side}: `created` is no time: `{created}`; it is written as 2022-01-07T23:00:00Z"
                )));
            }
        }
        // What some file systems take for one name.
        if !names.insert(pair.name.to_lowercase()) {
            return Err(at(format!(
                "`{}` is the name of a pair before it",
                pair.name
            )));
        }
        pairs.push(pair);
    }
    match pairs.is_empty() {
        true => Err("holds no pair".to_owned()),
        false => Ok(pairs),
    }
}

/// Tells whether a name can be that of a folder, and nothing else.
fn is_name(name: &str) -> bool {
    let fit = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.starts_with('.')
        && name.chars().all(fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str) -> String {
        format!(
            r#"{{"name":"{name}","s3":{{"address":"s3://logs"}},"cwl":{{"address":"cwl://g"}}}}"#
        )
    }

    #[test]
    fn names_and_addresses_are_enough() {
        let pairs = read(&format!("{}\n\n{}\n", line("vpc-a"), line("b_2.x"))).unwrap();
        let names: Vec<_> = pairs.iter().map(|pair| &*pair.name).collect();
        assert_eq!(names, ["vpc-a", "b_2.x"]);
        assert_eq!(pairs[0].flow_logs(), None);
        let again = serde_json::to_string(&pairs[0]).unwrap();
        assert_eq!(read(&again).unwrap(), pairs[..1]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, said) in [
            (String::new(), "holds no pair"),
            (format!("{}\n{{", line("a")), "line 2: is no pair"),
            (
                line("a").replace("cwl\":", "cwi\":"),
                "line 1: is no pair: unknown field `cwi`",
            ),
            (line(".."), "line 1: `..` is no name"),
            (line("a/b"), "line 1: `a/b` is no name"),
            (line(""), "line 1: `` is no name"),
            (
                format!("{}\n{}", line("a"), line("A")),
                "line 2: `A` is the name of a pair before it",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(said), "{said}: {error}");
        }
    }
}
