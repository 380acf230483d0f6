//! The next command: what was typed, typed again with some changes, in one line that a shell takes as it is.

use std::ffi::OsString;

use clap::{ArgAction, ArgMatches, Command, CommandFactory, parser::ValueSource};

use super::Cli;
use crate::causes::CommandChange;
use crate::model::window::{Window, rfc3339};
use crate::render::quoted;

/// What is not typed again: it says how the looks were made, it writes files, keeps a state or answers somebody else, or it is a secret.
const LEFT_OUT: [&str; 24] = [
    "archive",
    "output",
    "report",
    "all-differences",
    "state",
    "lease",
    "state-rewind",
    "give-up",
    "step",
    "max-windows",
    "every",
    "nagios",
    "warning",
    "critical",
    "quiet",
    "verbose",
    "plan",
    "key-file",
    "receipt",
    "previous",
    "pairs",
    "redact-key",
    "first-look",
    "second-look",
];

/// Returns the command. `window` is what the check was of, so that it is of the same when it is run later. `None` if nothing was
/// typed that can be changed.
pub fn again(words: &[OsString], window: &Window, changes: &[CommandChange]) -> Option<String> {
    let mut definition = super::empty::without_empty_variables(Cli::command());
    let matches = definition.try_get_matches_from_mut(words).ok()?;
    let (typed, matches) = matches.subcommand()?;
    let definition = definition.find_subcommand(typed)?;
    if !["check", "watch"].contains(&typed) {
        return None;
    }
    let command = changes.iter().rev().find_map(|change| match change {
        CommandChange::Command(name) => Some(*name),
        CommandChange::Set(..) | CommandChange::Window(..) => None,
    });
    let mut line = vec!["flowdiff".to_owned(), command.unwrap_or("check").to_owned()];
    let mut options = options(definition, matches, &mut line)?;
    for (name, time) in [("since", window.start), ("until", window.end)] {
        if let Some(time) = time {
            set(&mut options, name, Some(rfc3339(time)));
        }
    }
    if matches.value_source("redact_key") == Some(ValueSource::CommandLine) {
        set(&mut options, "redact", None);
    }
    for change in changes {
        match change {
            CommandChange::Set(option, value) => {
                let name = option.trim_start_matches("--");
                let known = options.iter().find(|(known, _)| known == name);
                let value = match (name, known.and_then(|(_, known)| known.as_ref()), value) {
                    // What was left out before is left out still.
                    ("ignore-fields", Some(known), Some(more)) => Some(format!("{known},{more}")),
                    _ => value.clone(),
                };
                set(&mut options, name, value);
            }
            CommandChange::Window(since, until) => {
                set(&mut options, "since", Some(rfc3339(*since)));
                set(&mut options, "until", Some(rfc3339(*until)));
            }
            CommandChange::Command(_) => {}
        }
    }
    // A doctor waits for nothing and looks at no time.
    if command == Some("doctor") {
        options.retain(|(name, _)| name != "recheck" && name != "recheck-every");
    }
    for (name, value) in options {
        match value {
            None => line.push(format!("--{name}")),
            Some(value) if value.starts_with('-') => {
                line.push(format!("--{name}={}", quoted(&value)));
            }
            Some(value) => line.push(format!("--{name} {}", quoted(&value))),
        }
    }
    Some(line.join(" "))
}

/// Returns the options that were typed, and adds what was typed beside them to the line.
fn options(
    definition: &Command,
    matches: &ArgMatches,
    line: &mut Vec<String>,
) -> Option<Vec<(String, Option<String>)>> {
    let mut options = Vec::new();
    for arg in definition.get_arguments() {
        let id = arg.get_id().as_str();
        if matches.try_contains_id(id).is_err()
            || matches.value_source(id) != Some(ValueSource::CommandLine)
        {
            continue;
        }
        let name = arg.get_long().unwrap_or("");
        if LEFT_OUT.contains(&name) {
            continue;
        }
        if !matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) {
            options.push((name.to_owned(), None));
            continue;
        }
        let values = matches
            .get_raw(id)?
            .map(|value| value.to_str().map(str::to_owned));
        let values: Vec<String> = values.collect::<Option<_>>()?;
        if arg.get_long().is_none() {
            line.extend(values.iter().map(|value| quoted(value)));
        } else if let Some(delimiter) = arg.get_value_delimiter() {
            options.push((name.to_owned(), Some(values.join(&delimiter.to_string()))));
        } else {
            options.extend(
                values
                    .into_iter()
                    .map(|value| (name.to_owned(), Some(value))),
            );
        }
    }
    Some(options)
}

/// Gives an option once, with this value.
fn set(options: &mut Vec<(String, Option<String>)>, name: &str, value: Option<String>) {
    options.retain(|(known, _)| known != name);
    options.push((name.to_owned(), value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &str, changes: &[CommandChange]) -> Option<String> {
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        again(&words, &Window::ALL, changes)
    }

    #[test]
    fn what_was_typed_is_typed_again() {
        assert_eq!(
            typed(
                "x/flowdiff check a b --fields start,end --redact -o json --report csv=x",
                &[]
            )
            .unwrap(),
            "flowdiff check a b --fields start,end --redact"
        );
        assert_eq!(
            typed(
                "flowdiff watch a b --state s --interface eni-1 --interface=eni-2",
                &[]
            )
            .unwrap(),
            "flowdiff check a b --interface eni-1,eni-2"
        );
        assert_eq!(
            typed("flowdiff check a b --redact-key 0123456789abcdef", &[]).unwrap(),
            "flowdiff check a b --redact"
        );
        assert_eq!(typed("flowdiff plan a b", &[]), None);
    }

    #[test]
    fn changes_take_the_place_of_what_was_typed() {
        let changes = [
            CommandChange::Window(0, 300),
            CommandChange::Set("--cwl-format", Some("${start} ${end}".to_owned())),
            CommandChange::Set("--all-streams", None),
            CommandChange::Command("doctor"),
        ];
        assert_eq!(
            typed(
                "flowdiff check a b --since 1h --cwl-format=${end} --recheck 3",
                &changes
            )
            .unwrap(),
            "flowdiff doctor a b --since 1970-01-01T00:00:00Z --until 1970-01-01T00:05:00Z \
             --cwl-format '${start} ${end}' --all-streams"
        );
    }

    #[test]
    fn the_same_window_is_checked_later() {
        let words = ["flowdiff", "check", "a'b c", "--", "-"].map(OsString::from);
        let command = again(&words, &Window::new(0, 3600), &[]).unwrap();
        assert_eq!(
            command,
            r"flowdiff check 'a'\''b c' - --since 1970-01-01T00:00:00Z --until 1970-01-01T01:00:00Z"
        );
    }
}
