//! Where a row stands, and the command that fetches it. What comes out has not been made harmless yet.

use std::path::Path;

use super::escape::is_hostile;
use crate::model::Side;
use crate::model::finding::Place;
use crate::report::Report;
use crate::report::reached::Reached;
use crate::source::{Address, GroupName};

/// Where a side's rows stand.
pub(super) struct Where<'a> {
    address: Option<Address>,
    reached: &'a Reached,
}

impl<'a> Where<'a> {
    pub(super) fn of(report: &'a Report, side: Side) -> Self {
        Self {
            address: report.sides[side].source.parse().ok(),
            reached: &report.reached[side],
        }
    }

    /// Tells whether a row's number is an event's time in milliseconds.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self.address, Some(Address::Group(_)))
    }

    /// Returns what a part of it is called.
    pub(super) fn noun(&self) -> &'static str {
        match &self.address {
            Some(Address::S3 { .. }) => "object",
            Some(Address::Group(_)) => "log stream",
            Some(Address::Path(_) | Address::Stdin) => "file",
            None => "part",
        }
    }

    /// Returns a part as one word that can be copied: `s3://bucket/key`, a path, a stream's name.
    pub(super) fn part(&self, part: &str) -> String {
        match &self.address {
            Some(Address::S3 { bucket, .. }) => format!("s3://{bucket}/{part}"),
            Some(Address::Path(path)) if !is_file(path, part) => {
                path.join(part).to_string_lossy().into_owned()
            }
            Some(Address::Path(path)) => path.to_string_lossy().into_owned(),
            Some(Address::Group(_) | Address::Stdin) | None => part.to_owned(),
        }
    }

    /// Returns where a row stands: `s3://bucket/key:line`, or of a stream the command that shows the event.
    pub(super) fn row(&self, place: &Place) -> String {
        match self.event(place) {
            Some(command) => command,
            None => format!("{}:{}", self.part(&place.part), place.row),
        }
    }

    /// Returns the command that prints a row; `None` if there is no such command, as of what came through a pipe.
    pub(super) fn command(&self, place: &Place) -> Option<String> {
        let name = place.part.to_ascii_lowercase();
        let is_packed = name.ends_with(".gz");
        let is_text = is_packed || [".log", ".txt"].iter().any(|end| name.ends_with(end));
        let part = quoted(&self.part(&place.part));
        let line = match is_packed {
            true => format!(" | zcat | sed -n {}p", place.row),
            false => format!(" | sed -n {}p", place.row),
        };
        match &self.address {
            Some(Address::S3 { .. }) => {
                let options = self.options();
                let payer = match self.reached.request_payer {
                    true => " --request-payer requester",
                    false => "",
                };
                Some(match is_text {
                    true => format!("aws s3 cp {part} -{options}{payer}{line}"),
                    false => format!("aws s3 cp {part} .{options}{payer}"),
                })
            }
            Some(Address::Group(_)) => self.event(place),
            Some(Address::Path(_)) if is_packed => {
                Some(format!("zcat {part} | sed -n {}p", place.row))
            }
            Some(Address::Path(_)) if is_text => Some(format!("sed -n {}p {part}", place.row)),
            Some(Address::Path(_) | Address::Stdin) | None => None,
        }
    }

    fn event(&self, place: &Place) -> Option<String> {
        let Some(Address::Group(group)) = &self.address else {
            return None;
        };
        let stream = quoted(&place.part);
        let (from, to) = (place.row, place.row.saturating_add(1));
        Some(format!(
            "aws logs get-log-events {} --log-stream-name {stream} --start-time {from} --end-time {to} --start-from-head{}",
            named(group),
            self.options_of(group)
        ))
    }

    fn options_of(&self, group: &GroupName) -> String {
        let mut options = self.options();
        if let (None, Some(region)) = (&self.reached.region, group.region()) {
            options.push_str(&format!(" --region {}", quoted(region)));
        }
        options
    }

    fn options(&self) -> String {
        options(self.reached)
    }
}

/// Writes the options of the AWS CLI that reach a side, each after a blank.
pub(crate) fn options(reached: &Reached) -> String {
    {
        let Reached {
            profile,
            region,
            endpoint_url,
            ..
        } = reached;
        let given = [
            ("profile", profile),
            ("region", region),
            ("endpoint-url", endpoint_url),
        ];
        let given = given.into_iter();
        let given = given.filter_map(|(name, value)| Some((name, value.as_deref()?)));
        given
            .map(|(name, value)| format!(" --{name} {}", quoted(value)))
            .collect()
    }
}

/// A file that is a source itself has one part, which is named as it is.
fn is_file(path: &Path, part: &str) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy() == part)
        && !path.is_dir()
}

fn named(group: &GroupName) -> String {
    match &group.arn {
        Some(arn) => format!("--log-group-identifier {}", quoted(arn)),
        None => format!("--log-group-name {}", quoted(&group.name)),
    }
}

/// Quotes a word for any POSIX shell, if it needs it.
pub(crate) fn quoted_for_script(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Quotes a word for a command that is shown and pasted: in one line, without what a terminal would act on. Where there is any
/// of that it is written as POSIX.1-2024 has it (`$'...'`), which bash, zsh and ksh have long known.
pub(crate) fn quoted(word: &str) -> String {
    if !word.contains(is_hostile) {
        return quoted_for_script(word);
    }
    let mut quoted = "$'".to_owned();
    for c in word.chars() {
        match c {
            '\n' => quoted.push_str(r"\n"),
            '\'' | '\\' => quoted.extend(['\\', c]),
            _ if is_hostile(c) => {
                let mut bytes = [0; 4];
                let bytes = c.encode_utf8(&mut bytes).bytes();
                // Always three digits, so that one that follows is none of them.
                bytes.for_each(|byte| quoted.push_str(&format!("\\{byte:03o}")));
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn report(source: &str) -> Report {
        let mut report = sample::different();
        report.sides.s3.source = source.to_owned();
        report
    }

    #[test]
    fn a_row_of_each_kind_of_source() {
        for (source, part, row, command) in [
            (
                "s3://logs/AWSLogs/",
                "AWSLogs/a.log.gz",
                "s3://logs/AWSLogs/a.log.gz:12",
                Some("aws s3 cp s3://logs/AWSLogs/a.log.gz - | zcat | sed -n 12p"),
            ),
            (
                "arn:aws:s3:::logs",
                "it's.parquet",
                "s3://logs/it's.parquet:12",
                Some(r"aws s3 cp 's3://logs/it'\''s.parquet' ."),
            ),
            (
                "cwl:///vpc/flow",
                "eni-0a-all",
                "aws logs get-log-events --log-group-name /vpc/flow --log-stream-name eni-0a-all --start-time 12 --end-time 13 --start-from-head",
                Some(
                    "aws logs get-log-events --log-group-name /vpc/flow --log-stream-name eni-0a-all --start-time 12 --end-time 13 --start-from-head",
                ),
            ),
            (
                "no-such-folder/s3",
                "a/b.log",
                "no-such-folder/s3/a/b.log:12",
                Some("sed -n 12p no-such-folder/s3/a/b.log"),
            ),
            (
                "no-such-folder/a.log.gz",
                "a.log.gz",
                "no-such-folder/a.log.gz:12",
                Some("zcat no-such-folder/a.log.gz | sed -n 12p"),
            ),
            ("-", "-", "-:12", None),
        ] {
            let report = report(source);
            let place = Place {
                part: part.into(),
                row: 12,
            };
            let at = Where::of(&report, Side::S3);
            assert_eq!(at.row(&place), row);
            assert_eq!(at.command(&place).as_deref(), command);
            assert_eq!(at.is_stream(), source.starts_with("cwl"));
        }
    }

    /// As a shell reads them: the same word, of one line.
    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, expected) in [
            ("a.log", "a.log"),
            ("", "''"),
            ("it's a b", r"'it'\''s a b'"),
            ("a\nb 'c' \\", r"$'a\nb \'c\' \\'"),
            ("a\t1\u{85}2", r"$'a\0111\302\2052'"),
        ] {
            assert_eq!(quoted(word), expected);
            let script = format!("printf %s {expected}");
            let said = std::process::Command::new("bash")
                .args(["-c", &script])
                .output();
            assert_eq!(said.unwrap().stdout, word.as_bytes(), "{word:?}");
        }
    }

    #[test]
    fn a_command_says_how_a_side_is_reached() {
        let arn = "arn:aws:logs:eu-west-1:111122223333:log-group:flow";
        let mut report = report(&format!("{arn}:*"));
        report.reached.s3.profile = Some("my own".to_owned());
        let place = Place {
            part: "eni-0a-all".into(),
            row: 5,
        };
        let command = Where::of(&report, Side::S3).row(&place);
        assert!(
            command.contains(&format!("--log-group-identifier {arn} ")),
            "{command}"
        );
        assert!(
            command.ends_with(" --profile 'my own' --region eu-west-1"),
            "{command}"
        );
        report.sides.s3.source = "s3://logs".to_owned();
        report.reached.s3.request_payer = true;
        let command = Where::of(&report, Side::S3).command(&place).unwrap();
        assert!(
            command.ends_with(" --profile 'my own' --request-payer requester"),
            "{command}"
        );
    }
}
