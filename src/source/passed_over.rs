//! What lies in a folder or a bucket and is no flow log: what other readers of such places pass over, what broken downloads
//! leave, and tables, whose files only their log tells apart. Pure.
//!
//! Sources: the Hadoop and Hive rule that names beginning with `_` or `.` are hidden, which Athena and Spark follow; the
//! `_$folder$` objects of Hadoop's old S3 file systems; the AWS CLI's temporary names (the name, a dot and eight hexadecimal
//! digits); the Delta Lake protocol (`_delta_log/`), the Iceberg table specification (`metadata/*.metadata.json`), Hudi's
//! technical specification (`.hoodie/`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::key::{self, ObjectName};
use super::{Listing, Part, PassedOver, Remark};

/// How many names a note tells.
const NAMED: usize = 3;

/// What ends the name of a file that is still being downloaded, or was when the download was killed.
const UNFINISHED: [&str; 6] = [
    ".partial",
    ".part",
    ".crdownload",
    ".tmp",
    ".download",
    ".filepart",
];

/// What ends the name of a flow log, packed or not.
const LOGS: [&str; 4] = [".log", ".gz", ".parquet", ".json"];

/// The folder that makes a table of the one that it lies in.
const TABLES: [(&str, &str, &str); 2] = [
    ("_delta_log", "Delta", "delta_scan"),
    (".hoodie", "Hudi", ""),
];

/// What was passed over in one place, by name.
#[derive(Debug, Default)]
pub(super) struct PassedFiles {
    hidden: BTreeSet<String>,
    markers: BTreeSet<String>,
    unfinished: BTreeSet<String>,
}

impl PassedFiles {
    /// Passes over what is hidden by its name below the place; tells whether it is.
    pub(super) fn hides(&mut self, name: &str) -> bool {
        let Some(end) = hidden_part(name) else {
            return false;
        };
        self.hidden.insert(name[..end].to_owned());
        true
    }

    /// Takes out of a listing what is no flow log of its own, and says so. `root` is what all names begin with that the user
    /// has not written there; `is_broken` tells of a part that is called like an unfinished download of a name beside it whether
    /// its content says so as well, as far as that can be seen.
    pub(super) fn sift(
        mut self,
        root: &str,
        listing: &mut Listing,
        is_broken: impl Fn(&str, &str) -> bool,
    ) {
        let below = |part: &Part| {
            part.name
                .strip_prefix(root)
                .unwrap_or(&part.name)
                .to_owned()
        };
        listing.parts.retain(|part| !self.hides(&below(part)));
        listing
            .unreadable
            .retain(|(part, _)| !self.hides(&below(part)));
        self.tables(root, listing);
        let names: BTreeSet<Arc<str>> =
            listing.parts.iter().map(|part| part.name.clone()).collect();
        let sized = listing.parts.iter();
        let sizes: BTreeMap<Arc<str>, Option<u64>> =
            sized.map(|part| (part.name.clone(), part.size)).collect();
        // What has been broken off is not larger than the whole.
        let is_less = |part: &Part, whole: &str| {
            let size = part.size.zip(sizes.get(whole).copied().flatten());
            size.is_none_or(|(part, whole)| part <= whole) && is_broken(&part.name, whole)
        };
        let parts = std::mem::take(&mut listing.parts);
        for part in parts {
            let empty = part.size == Some(0);
            if empty && is_marker(&part.name, &names) {
                self.markers.insert(below(&part));
            } else if let Some(whole) = whole_of(&part.name)
                .filter(|&whole| !names.contains(whole) || is_less(&part, whole))
            {
                if names.contains(whole) {
                    self.unfinished.insert(below(&part));
                } else {
                    let reason = format!("an unfinished download: `{whole}` is not beside it");
                    listing.unreadable.push((part, reason));
                }
            } else if let Some(reason) = empty_log(&part) {
                listing.unreadable.push((part, reason));
            } else {
                listing.parts.push(part);
            }
        }
        listing
            .unreadable
            .sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        self.say(listing);
    }

    /// Puts one unreadable part in the place of all files of a table.
    fn tables(&self, root: &str, listing: &mut Listing) {
        for table in self.found_tables(root, listing) {
            let folder = format!("{root}{}", table.folder);
            listing.parts.retain(|part| !part.name.starts_with(&folder));
            listing
                .unreadable
                .retain(|(part, _)| !part.name.starts_with(&folder));
            let part = Part {
                name: format!("{folder}{}", table.log).into(),
                size: None,
                version: String::new(),
                cover: key::cover(""),
                delivered: None,
            };
            listing.unreadable.push((Arc::new(part), table.reason()));
        }
    }

    fn found_tables(&self, root: &str, listing: &Listing) -> BTreeSet<TableFolder> {
        let hidden = self.hidden.iter().filter_map(|name| {
            let (folder, last) = split(name);
            let (log, kind, scan) = TABLES.into_iter().find(|(log, ..)| *log == last)?;
            Some(TableFolder::new(folder, log, kind, scan))
        });
        let iceberg = listing.parts.iter().filter_map(|part| {
            let name = part.name.strip_prefix(root).unwrap_or(&part.name);
            let (folder, file) = split(name);
            let (table, last) = split(folder.strip_suffix('/')?);
            let described = file.ends_with(".metadata.json") || file.ends_with(".metadata.json.gz");
            (last == "metadata" && described)
                .then(|| TableFolder::new(table, "metadata", "Iceberg", "iceberg_scan"))
        });
        let all: BTreeSet<TableFolder> = hidden.chain(iceberg).collect();
        // One within another is a matter of the outer one.
        let within = |inner: &TableFolder| {
            let mut others = all.iter().filter(|outer| outer.folder != inner.folder);
            others.any(|outer| inner.folder.starts_with(&outer.folder))
        };
        all.iter().filter(|table| !within(table)).cloned().collect()
    }

    fn say(self, listing: &mut Listing) {
        for (names, what) in [
            (self.hidden, PassedOver::Hidden),
            (self.markers, PassedOver::Marker),
            (self.unfinished, PassedOver::Unfinished),
        ] {
            if !names.is_empty() {
                listing.remarks.push(Remark::PassedOver {
                    what,
                    count: names.len(),
                    first: names.into_iter().take(NAMED).collect(),
                });
            }
        }
    }
}

/// A folder whose files are not all in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TableFolder {
    /// The folder, with `/` at its end; empty is the whole place.
    folder: String,
    log: &'static str,
    kind: &'static str,
    scan: &'static str,
}

impl TableFolder {
    fn new(folder: &str, log: &'static str, kind: &'static str, scan: &'static str) -> Self {
        Self {
            folder: folder.to_owned(),
            log,
            kind,
            scan,
        }
    }

    fn reason(&self) -> String {
        let duckdb = match self.scan {
            "" => String::new(),
            scan => format!(", or in DuckDB COPY (SELECT * FROM {scan}('...')) TO 'rows.parquet'"),
        };
        format!(
            "{} {} table: its files also hold rows that it has replaced or deleted, and which count only its log tells; export its \
             rows and compare these, in Athena with UNLOAD (SELECT * FROM ...) TO 's3://...' WITH (format = 'PARQUET'){duckdb}",
            if self.kind == "Iceberg" { "an" } else { "a" },
            self.kind
        )
    }
}

/// Says why a folder cannot be read that lies within a table, whose log lies in a folder above it; `holds` tells whether
/// there is a folder of that name and in it a file whose name ends so.
pub(super) fn table_around(holds: impl Fn(&str, &str) -> bool) -> Option<(&'static str, String)> {
    let iceberg = [("metadata", "Iceberg", "iceberg_scan")];
    let mut tables = TABLES.into_iter().chain(iceberg);
    let (log, kind, scan) = tables.find(|(log, kind, _)| {
        let ending = if *kind == "Iceberg" {
            ".metadata.json"
        } else {
            ""
        };
        holds(log, ending)
    })?;
    Some((log, TableFolder::new("", log, kind, scan).reason()))
}

/// Returns the end of the first step of a name that begins with a dot or an underscore.
fn hidden_part(name: &str) -> Option<usize> {
    let mut start = 0;
    for step in name.split('/') {
        let end = start + step.len();
        if step.starts_with(['.', '_']) {
            return Some(end);
        }
        start = end + 1;
    }
    None
}

/// Returns the folder of a name, with `/` at its end, and what follows.
fn split(name: &str) -> (&str, &str) {
    name.split_at(name.rfind('/').map_or(0, |slash| slash + 1))
}

/// Tells whether an empty object stands for a folder.
fn is_marker(name: &str, names: &BTreeSet<Arc<str>>) -> bool {
    let below: Arc<str> = format!("{name}/").into();
    let mut others = names.range(Arc::clone(&below)..);
    name.ends_with("_$folder$")
        || others
            .next()
            .is_some_and(|other| other.starts_with(&*below))
}

/// Returns the name that an unfinished download would have had in the end; `None` if the name does not tell that it is one.
fn whole_of(name: &str) -> Option<&str> {
    let stem = UNFINISHED
        .iter()
        .find_map(|ending| name.strip_suffix(ending));
    // Some programs write whole files of such a name.
    let stem = stem.filter(|whole| is_log(whole) || !name.ends_with(".tmp"));
    // rclone puts eight digits before `.partial`.
    let within = without_digits(stem.unwrap_or(name)).filter(|whole| is_log(whole));
    within.or(stem)
}

/// Takes a dot and eight hexadecimal digits off. Eight decimal ones are a date: a log that was rotated.
fn without_digits(name: &str) -> Option<&str> {
    let (whole, digits) = name.rsplit_once('.')?;
    let hexadecimal = digits.len() == 8 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let is_date = digits.bytes().all(|digit| digit.is_ascii_digit());
    (hexadecimal && !is_date).then_some(whole)
}

/// Says why a part cannot be read that is called like a log and has nothing in it: neither gzip nor Parquet nor JSON is ever
/// empty, and an export that failed leaves just that.
pub(super) fn empty_log(part: &Part) -> Option<String> {
    let is_empty = part.size == Some(0) && is_log(&part.name);
    is_empty.then(|| EMPTY.to_owned())
}

/// Why what has nothing in it cannot be read.
pub(super) const EMPTY: &str = "0 bytes: whatever wrote it has failed or is not done yet";

/// Tells whether a flow log, packed or not, is called so.
fn is_log(name: &str) -> bool {
    LOGS.iter().any(|ending| name.ends_with(ending)) || ObjectName::parse(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(root: &str, files: &[(&str, u64)]) -> Listing {
        let part = |&(name, size): &(&str, u64)| {
            Arc::new(Part {
                name: format!("{root}{name}").into(),
                size: Some(size),
                version: String::new(),
                cover: key::cover(name),
                delivered: None,
            })
        };
        let mut listing = Listing {
            parts: files.iter().map(part).collect(),
            ..Listing::default()
        };
        PassedFiles::default().sift(root, &mut listing, |_, _| true);
        listing
    }

    fn names(listing: &Listing) -> (Vec<&str>, Vec<&str>) {
        let read = listing.parts.iter().map(|part| &*part.name);
        let unreadable = listing.unreadable.iter().map(|(part, _)| &*part.name);
        (read.collect(), unreadable.collect())
    }

    #[test]
    fn what_other_readers_pass_over_is_passed_over() {
        let found = listing(
            "",
            &[
                ("a/b.log.gz", 9),
                ("_SUCCESS", 0),
                ("_temporary/0/x.log.gz", 9),
                ("_temporary/0/y.log.gz", 9),
                ("_spark_metadata/0", 9),
                ("a/.b.log.gz.crc", 9),
                ("a_$folder$", 0),
                ("a", 0),
                ("x_y.log", 9),
            ],
        );
        assert_eq!(names(&found), (vec!["a/b.log.gz", "x_y.log"], vec![]));
        let passed = |what, count, first: &[&str]| Remark::PassedOver {
            what,
            count,
            first: first.iter().map(|name| (*name).to_owned()).collect(),
        };
        let hidden = ["_SUCCESS", "_spark_metadata", "_temporary"];
        let remarks = [
            passed(PassedOver::Hidden, 4, &hidden),
            passed(PassedOver::Marker, 2, &["a", "a_$folder$"]),
        ];
        assert_eq!(found.remarks, remarks);
        // What the user has named is meant.
        let found = listing("_old/.x/", &[("b.log", 9), ("_b.log", 9)]);
        assert_eq!(names(&found), (vec!["_old/.x/b.log"], vec![]));
    }

    #[test]
    fn unfinished_downloads_are_nothing_beside_the_whole_and_unreadable_alone() {
        let endings = [
            "6eF1a2B3",
            "6ef1a2b3.partial",
            "partial",
            "part",
            "crdownload",
            "tmp",
            "download",
            "filepart",
        ];
        for ending in endings {
            let left = format!("x.log.gz.{ending}");
            let beside = listing("", &[(&left, 9), ("x.log.gz", 9)]);
            assert_eq!(names(&beside), (vec!["x.log.gz"], vec![]), "{ending}");
            assert_eq!(beside.remarks.len(), 1);
            let alone = listing("", &[(&left, 9), ("y.log.gz", 9)]);
            assert_eq!(names(&alone), (vec!["y.log.gz"], vec![&*left]), "{ending}");
            assert!(alone.unreadable[0].1.contains("`x.log.gz`"));
        }
        // No download's: a name of eight digits after something that is no log.
        for name in ["flows.20231114", "x.log.gz.6eF1a2Bg", "x.log.gz.6eF1a2B"] {
            assert_eq!(names(&listing("", &[(name, 9)])), (vec![name], vec![]));
        }
    }

    #[test]
    fn an_empty_file_with_the_name_of_a_log_is_unreadable() {
        let delivered = "1_vpcflowlogs_eu-west-1_fl-0aa_20220107T2205Z_0a";
        for name in ["a.log.gz", "a.log", "a.parquet", "a.json", delivered] {
            assert_eq!(names(&listing("", &[(name, 0)])), (vec![], vec![name]));
            assert_eq!(names(&listing("", &[(name, 1)])), (vec![name], vec![]));
        }
        assert_eq!(
            names(&listing("", &[("notes.txt", 0)])),
            (vec!["notes.txt"], vec![])
        );
    }

    #[test]
    fn a_table_is_one_part_that_cannot_be_read() {
        for (log, kind) in [
            ("_delta_log/00000000000000000000.json", "Delta"),
            (".hoodie/hoodie.properties", "Hudi"),
            ("metadata/v1.metadata.json", "Iceberg"),
            ("metadata/00000-0a.metadata.json", "Iceberg"),
        ] {
            for folder in ["", "logs/t/"] {
                let (log, data) = (format!("{folder}{log}"), format!("{folder}data/a.parquet"));
                let found = listing("in/", &[(&log, 9), (&data, 9), ("other/b.log", 9)]);
                let (read, unreadable) = names(&found);
                let others: &[&str] = if folder.is_empty() {
                    &[]
                } else {
                    &["in/other/b.log"]
                };
                assert_eq!(read, others, "{log}");
                let log = log.rsplit_once('/').unwrap().0;
                assert_eq!(unreadable, [format!("in/{log}")]);
                assert!(
                    found.unreadable[0].1.contains(kind),
                    "{:?}",
                    found.unreadable
                );
            }
        }
        // Metadata of something else.
        let found = listing("", &[("metadata/x.json", 9), ("data/a.parquet", 9)]);
        assert_eq!(found.parts.len(), 2);
        for (folder, file, kind) in [
            ("_delta_log", "", Some("Delta")),
            ("metadata", ".metadata.json", Some("Iceberg")),
            ("metadata", "", None),
            ("data", "", None),
        ] {
            let around = table_around(|name, ending| name == folder && ending == file);
            let told = around
                .as_ref()
                .map(|(_, reason)| reason.contains(kind.unwrap_or("-")));
            assert_eq!(told, kind.map(|_| true), "{around:?}");
        }
    }
}
