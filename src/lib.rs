//! flowdiff tells whether VPC Flow Logs delivered to S3 and to CloudWatch Logs hold the same
//! records, and if not: which, where and why.
//!
//! The modules in pipeline order, the nearest to the user first. A module imports only what stands below it:
//!
//! - [`command`]: runs what was typed: opens outputs and sources, waits, writes the reports; a file a subcommand
//! - [`cli`]: what can be typed, the help that says so, and what was typed checked: the plan of a run
//! - [`pairs`]: the resources that have a flow log to each destination
//! - [`job`]: a scheduled job: one round, rounds again and again, and the state that is kept between them
//! - [`doctor`]: whether a check could run and be believed, and what it lacks
//! - [`estimate`]: what a check would read, told from listings alone
//! - [`selftest`]: made-up logs with planted faults, and whether exactly these are found
//! - [`check`]: the driver: joins the stages, bounds concurrency and memory, decides the verdict
//! - [`repair`]: files and scripts that bring missing records to the side that lacks them
//! - [`render`]: the ways to show a report, a file each
//! - [`archive`]: the lines and reports that a job keeps, chained by hash, and what they add up to
//! - [`report`]: everything a run found out; the limits that a user sets on it; stand-ins for what is given away
//! - [`causes`]: what may be why two sides differ
//! - [`diff`]: copies of differing records told as missing, surplus or divergent
//! - [`digest`]: records boiled down to what tells two sides apart
//! - [`progress`]: how far a run is, for people who wait
//! - [`output`]: files that a run writes, complete or not there at all
//! - [`source`]: lists parts and reads their bytes (S3, CloudWatch Logs, files)
//! - [`decode`]: bytes to rows, formats told by content
//! - [`model`]: the words that all rooms share: sides, time windows, findings, counts, delays, errors
//! - [`record`]: rows to records in canonical form; the table of fields
//! - [`system`]: what the operating system gives: a file's place, how many may be open, streams that do not wait
//! - [`temporary`]: files for what does not fit memory or came through a pipe

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")
)]

pub mod archive;
pub mod causes;
pub mod check;
pub mod cli;
pub mod command;
pub mod decode;
pub mod diff;
pub mod digest;
pub mod doctor;
pub mod estimate;
pub mod job;
pub mod model;
pub mod output;
pub mod pairs;
pub mod progress;
pub mod record;
pub mod render;
pub mod repair;
pub mod report;
pub mod selftest;
pub mod source;
pub mod system;
pub mod temporary;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The rooms in the order of the list at the top of this file.
    fn listed() -> Vec<&'static str> {
        let lines = include_str!("lib.rs").lines();
        let names = lines.filter_map(|line| line.strip_prefix("//! - [`"));
        names
            .filter_map(|rest| Some(rest.split_once("`]: ")?.0))
            .collect()
    }

    /// The rooms that a file's code names. Comments may point anywhere.
    fn named(text: &str) -> BTreeSet<&str> {
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let paths = code.flat_map(|line| line.split("crate::").skip(1));
        paths
            .map(|path| {
                let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
                let first = &path[..end.unwrap_or(path.len())];
                assert!(
                    !first.is_empty(),
                    "`crate::{path}`: give each room a `use` of its own"
                );
                first
            })
            .collect()
    }

    fn files(folder: &Path) -> Vec<std::path::PathBuf> {
        let all = walkdir::WalkDir::new(folder)
            .into_iter()
            .map(Result::unwrap);
        all.map(walkdir::DirEntry::into_path)
            .filter(|path| path.extension().is_some_and(|end| end == "rs"))
            .collect()
    }

    #[test]
    fn the_list_of_rooms_is_all_of_them() {
        let modules: BTreeSet<_> = include_str!("lib.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
            .collect();
        let rooms = listed();
        assert_eq!(rooms.iter().copied().collect::<BTreeSet<_>>(), modules);
        assert_eq!(rooms.len(), modules.len(), "a room is listed twice");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for path in files(&source) {
            let room = path.strip_prefix(&source).unwrap().with_extension("");
            let room = room.iter().next().unwrap().to_str().unwrap();
            assert!(
                ["lib", "main"].contains(&room) || modules.contains(room),
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn no_room_imports_one_that_stands_above_it() {
        let rooms = listed();
        let place = |name: &str| rooms.iter().position(|room| *room == name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut upwards = Vec::new();
        let mut imports = 0;
        for path in files(&source) {
            let name = path.strip_prefix(&source).unwrap();
            let own = name.with_extension("");
            let own = own.iter().next().unwrap().to_str().unwrap();
            let Some(own) = place(own) else { continue };
            let text = std::fs::read_to_string(&path).unwrap();
            for room in named(&text) {
                imports += 1;
                if place(room).is_none_or(|place| place < own) {
                    upwards.push(format!("{} imports {room}", name.display()));
                }
            }
        }
        assert!(upwards.is_empty(), "{}", upwards.join("\n"));
        assert!(imports > 100, "only {imports} imports were found");
    }
}
