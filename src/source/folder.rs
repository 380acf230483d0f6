//! Folders: what files there are below one, and which of them may hold what is asked for.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;

use walkdir::{DirEntry, WalkDir};

use super::changes;
use super::key::{self, ObjectName};
use super::leftovers::{is_broken_off, pass_over, pass_over_links, pass_over_twins};
use super::passed_over::{self, PassedFiles};
use super::{Ask, Listing, Part, Remark};

/// How many folders above one may have the log of the table that it lies in: as many as its partitions.
const ABOVE: usize = 6;

/// Why a socket or a device is not read.
pub(super) const NO_FILE: &str = "neither a file nor a folder";

/// Lists all files below a folder. Of delivered objects, those whose names put them outside the window are
/// left out, and of export tasks' folders those of other interfaces. With `flow_logs`, only objects whose names tell
/// that they are of these.
///
/// Returns the flow logs that any of the names tells, if some are asked for.
pub(super) fn list(
    folder: &Path,
    ask: &Ask,
    flow_logs: &[String],
    listing: &mut Listing,
) -> BTreeSet<String> {
    let mut met = BTreeSet::new();
    let mut passed_over = PassedFiles::default();
    let (mut nameless, mut is_empty) = (0, true);
    let walk = WalkDir::new(folder).follow_links(true);
    let entries = walk.into_iter().filter_entry(|entry| {
        entry.depth() == 0 || !passed_over.hides(&name_within(folder, entry.path()).0)
    });
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => {
                is_empty = false;
                if !flow_logs.is_empty()
                    && let Some(name) = entry.path().to_str().and_then(ObjectName::parse)
                    && !met.contains(name.flow_log_id)
                {
                    met.insert(name.flow_log_id.to_owned());
                }
                match of_flow_log(entry.path(), flow_logs) {
                    Some(true) => list_file(folder, &entry, ask, listing),
                    Some(false) => {}
                    None => nameless += 1,
                }
            }
            Err(error) => {
                let (name, _) = name_within(folder, error.path().unwrap_or(folder));
                let reason = match (error.loop_ancestor(), error.io_error()) {
                    (Some(_), _) => "a link that leads back to a folder above it".to_owned(),
                    (None, Some(error)) => reason(error),
                    (None, None) => error.to_string(),
                };
                let part = Arc::new(unknown_part(&name));
                listing.unreadable.push((part, reason));
            }
        }
    }
    // Walking goes folder by folder; `a.gz` is before `a/b` by name.
    listing.parts.sort_by(|a, b| a.name.cmp(&b.name));
    passed_over.sift("", listing, |name, whole| {
        is_broken_off(&folder.join(name), &folder.join(whole))
    });
    pass_over(listing);
    pass_over_links(folder, listing);
    pass_over_twins(folder, listing);
    if let Some((log, reason)) = table_around(folder) {
        listing.parts.clear();
        listing.unreadable = vec![(Arc::new(unknown_part(log)), reason)];
    }
    if listing.parts.is_empty() && listing.unreadable.is_empty() {
        let folder = folder.display().to_string();
        listing.remarks.push(match is_empty {
            true => Remark::EmptyFolder { folder },
            false => Remark::NoFiles {
                folder,
                in_window: !ask.window.is_all(),
            },
        });
    }
    if nameless > 0 {
        listing.remarks.push(Remark::NamelessFiles(nameless));
    }
    met
}

/// Tells of a folder that lies within a table, by what lies in the folders above it.
fn table_around(folder: &Path) -> Option<(&'static str, String)> {
    let folder = fs::canonicalize(folder).ok()?;
    let mut above = folder.ancestors().skip(1).take(ABOVE);
    above.find_map(|above| {
        passed_over::table_around(|name, ending| {
            let entries = fs::read_dir(above.join(name));
            let names = entries.into_iter().flatten().flatten();
            let mut names = names.map(|entry| entry.file_name());
            names.any(|name| name.to_string_lossy().ends_with(ending))
        })
    })
}

/// Tells whether a file is of one of these flow logs, by its name; `None` if that tells nothing. Without flow logs to be
/// of, every file is wanted.
pub(super) fn of_flow_log(path: &Path, flow_logs: &[String]) -> Option<bool> {
    if flow_logs.is_empty() {
        return Some(true);
    }
    let name = ObjectName::parse(path.to_str()?)?;
    Some(flow_logs.iter().any(|id| id == name.flow_log_id))
}

fn list_file(folder: &Path, entry: &DirEntry, ask: &Ask, listing: &mut Listing) {
    let (name, exact) = name_within(folder, entry.path());
    let outside = ObjectName::parse(&name)
        .is_some_and(|object| !ask.window.object_names().contains(object.time));
    let other = key::cover(&name)
        .interface
        .is_some_and(|only| !ask.interfaces.is_empty() && !ask.interfaces.contains(&only));
    if outside || other {
        return;
    }
    let unreadable = match entry.metadata() {
        // A part is found again by its name.
        Ok(_) if !exact => "the name is not UTF-8".to_owned(),
        Ok(metadata) if !metadata.is_file() => NO_FILE.to_owned(),
        Ok(metadata) => return listing.parts.push(Arc::new(part(&name, &metadata))),
        Err(error) => error.to_string(),
    };
    listing
        .unreadable
        .push((Arc::new(unknown_part(&name)), unreadable));
}

/// Returns the path below the folder with `/` between, and whether that is exactly what it is called.
fn name_within(folder: &Path, path: &Path) -> (String, bool) {
    let below = path.strip_prefix(folder).unwrap_or(path);
    let exact = below.to_str().is_some();
    let steps = below.components();
    let steps: Vec<_> = steps
        .map(|step| step.as_os_str().to_string_lossy())
        .collect();
    (steps.join("/"), exact)
}

/// Describes a file.
pub(super) fn part(name: &str, metadata: &Metadata) -> Part {
    Part {
        size: Some(metadata.len()),
        version: changes::version(metadata),
        ..unknown_part(name)
    }
}

fn unknown_part(name: &str) -> Part {
    Part {
        name: name.into(),
        size: None,
        version: String::new(),
        cover: key::cover(name),
        delivered: None,
    }
}

/// Says why a file cannot be read.
pub(super) fn reason(error: &io::Error) -> String {
    // What is not there may also be the temporary folder, and then the error says so itself.
    if error.kind() == io::ErrorKind::NotFound && error.raw_os_error().is_some() {
        "no such file or folder".to_owned()
    } else {
        error.to_string()
    }
}
