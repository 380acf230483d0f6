//! What systems and tools leave beside files: told by its name, and by what it lies beside. And a file that lies there twice,
//! packed and not, or by several names.
//!
//! Sources: Microsoft's "Zone.Identifier" stream (as WSL and archives write it), `desktop.ini` and `Thumbs.db`; the backups of
//! Emacs, Vim, nano and gedit; Athena User Guide "Query results" (`.csv.metadata`).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use super::{Listing, Part, Remark, changes};
use crate::decode;

/// How many names a remark tells.
const NAMED: usize = 3;

/// What Windows leaves in folders.
const OF_WINDOWS: [&str; 3] = ["desktop.ini", "thumbs.db", "ehthumbs.db"];

/// What ends the name of something that lies beside a file and is none of its own, and whether that file must be there.
const BESIDE: [(&str, bool); 6] = [
    (":Zone.Identifier", false),
    ("#Zone.Identifier", false),
    (".csv.metadata", false),
    ("~", true),
    (".swp", true),
    (".swo", true),
];

/// Takes out of a listing what is left behind, and says so.
pub(super) fn pass_over(listing: &mut Listing) {
    let names: BTreeSet<Arc<str>> = listing.parts.iter().map(|part| part.name.clone()).collect();
    let mut left = BTreeSet::new();
    listing.parts.retain(|part| {
        let is_left = is_left_behind(&part.name, &names);
        if is_left {
            left.insert(part.name.clone());
        }
        !is_left
    });
    if let Some((count, first)) = counted(&left) {
        listing.remarks.push(Remark::LeftBehind { count, first });
    }
}

fn is_left_behind(name: &str, names: &BTreeSet<Arc<str>>) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    if OF_WINDOWS
        .iter()
        .any(|known| last.eq_ignore_ascii_case(known))
    {
        return true;
    }
    BESIDE.iter().any(|(ending, needs)| {
        let whole = name.strip_suffix(ending);
        whole.is_some_and(|whole| !needs || names.contains(whole))
    })
}

/// Takes out of a folder's listing each packed file that unpacks to the file it lies beside, and says so: `gunzip --keep` leaves
/// both.
pub(super) fn pass_over_twins(folder: &Path, listing: &mut Listing) {
    let names: BTreeSet<Arc<str>> = listing.parts.iter().map(|part| part.name.clone()).collect();
    let mut twins = BTreeSet::new();
    listing.parts.retain(|part| {
        let is_twin = unpacked_name(part).is_some_and(|whole| {
            names.contains(whole) && unpacks_to(&folder.join(&*part.name), &folder.join(whole))
        });
        if is_twin {
            twins.insert(part.name.clone());
        }
        !is_twin
    });
    if let Some((count, first)) = counted(&twins) {
        listing.remarks.push(Remark::PackedTwins { count, first });
    }
}

/// Takes out of a folder's listing each link, symbolic or hard, to a file that is in it by another name, and says so: records
/// that are read twice would look like two copies each.
pub(super) fn pass_over_links(folder: &Path, listing: &mut Listing) {
    let mut in_order: Vec<&Arc<Part>> = listing.parts.iter().collect();
    in_order.sort_by(|a, b| (&a.version, &a.name).cmp(&(&b.version, &b.name)));
    let same = in_order.chunk_by(|a, b| changes::is_one_file(&a.version, &b.version));
    let mut links = BTreeSet::new();
    for names in same.filter(|same| same.len() > 1) {
        // One that leads there without a symbolic link stays.
        let straight = names
            .iter()
            .position(|part| is_straight(folder, &part.name));
        let others = names.iter().enumerate();
        let others = others.filter(|(at, _)| *at != straight.unwrap_or(0));
        links.extend(others.map(|(_, part)| Arc::clone(&part.name)));
    }
    listing.parts.retain(|part| !links.contains(&part.name));
    if let Some((count, first)) = counted(&links) {
        listing.remarks.push(Remark::Links { count, first });
    }
}

fn is_straight(folder: &Path, name: &str) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let there = real(folder).map(|folder| folder.join(name));
    there.is_some() && real(&folder.join(name)) == there
}

fn unpacked_name(part: &Part) -> Option<&str> {
    let endings = [".gz", ".zst"];
    endings
        .iter()
        .find_map(|ending| part.name.strip_suffix(ending))
}

/// Tells whether one file is another one, packed. What cannot be read is told when it is read.
fn unpacks_to(packed: &Path, whole: &Path) -> bool {
    let opened = (File::open(packed), File::open(whole));
    let (Ok(packed), Ok(whole)) = opened else {
        return false;
    };
    decode::unpacks_to(packed, whole).unwrap_or(false)
}

/// So much is looked at to tell whether one file is a piece of another one.
const MOST_SOUGHT: u64 = 64 << 20;

/// Tells whether one file is a piece of another one: some programs fetch ranges.
fn is_within(part: &Path, whole: &Path) -> io::Result<bool> {
    if part.metadata()?.len().max(whole.metadata()?.len()) > MOST_SOUGHT {
        return Ok(false);
    }
    let (piece, all) = (fs::read(part)?, fs::read(whole)?);
    Ok(memchr::memmem::find(&all, &piece).is_some())
}

/// Tells whether a file that is called like an unfinished download of another one is one: it is a piece of the other
/// one, has holes, or is packed and breaks off. What is none of these is a file of its own. What cannot be read is told when
/// the whole is read.
pub(super) fn is_broken_off(part: &Path, whole: &Path) -> bool {
    /// So many NULs in a row are what was never written; values of packed files have some.
    const HOLE: [u8; 512] = [0; 512];
    let told = || -> io::Result<bool> {
        let (mut one, mut other) = (
            BufReader::new(File::open(part)?),
            BufReader::new(File::open(whole)?),
        );
        let mut differs = false;
        let mut has_holes = false;
        loop {
            let read = one.fill_buf()?;
            if read.is_empty() {
                break;
            }
            let length = read.len();
            has_holes |= memchr::memmem::find(read, &HOLE).is_some();
            if !differs {
                let mut same = vec![0; length];
                differs = other.read_exact(&mut same).is_err() || same != read;
            }
            one.consume(length);
        }
        let mut head = [0; 2];
        let is_gzip = File::open(part)?.read_exact(&mut head).is_ok() && head == [0x1f, 0x8b];
        Ok(match (differs, is_gzip) {
            (false, _) => true,
            (true, true) => {
                let mut content = flate2::read::MultiGzDecoder::new(File::open(part)?);
                io::copy(&mut content, &mut io::sink()).is_err()
            }
            (true, false) => has_holes || is_within(part, whole)?,
        })
    };
    told().unwrap_or(true)
}

/// Returns how many names there are, and the first of them; `None` of none.
fn counted(names: &BTreeSet<Arc<str>>) -> Option<(usize, Vec<String>)> {
    let first = names.iter().take(NAMED).map(|name| name.to_string());
    (!names.is_empty()).then(|| (names.len(), first.collect()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::source::{Ask, folder};

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(content).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn what_is_left_beside_files_is_passed_over() {
        let place = tempfile::tempdir().unwrap();
        for name in [
            "a.log",
            "a.log:Zone.Identifier",
            "a.log~",
            "a.log.swp",
            "desktop.ini",
            "Thumbs.db",
            "r.csv",
            "r.csv.metadata",
            "lone.log~",
            "lone.swp",
        ] {
            fs::write(place.path().join(name), name).unwrap();
        }
        let mut listing = Listing::default();
        folder::list(place.path(), &Ask::default(), &[], &mut listing);
        let names: Vec<&str> = listing.parts.iter().map(|part| &*part.name).collect();
        assert_eq!(names, ["a.log", "lone.log~", "lone.swp", "r.csv"]);
        let first = ["Thumbs.db", "a.log.swp", "a.log:Zone.Identifier"].map(str::to_owned);
        let expected = Remark::LeftBehind {
            count: 6,
            first: first.to_vec(),
        };
        assert_eq!(listing.remarks, [expected]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_several_names_is_read_once() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir(at("b")).unwrap();
        fs::write(at("b/log"), "2 1\n").unwrap();
        fs::write(at("b/other"), "2 1\n").unwrap();
        fs::hard_link(at("b/other"), at("c")).unwrap();
        std::os::unix::fs::symlink("b/log", at("a")).unwrap();
        std::os::unix::fs::symlink("b", at("z")).unwrap();
        let mut listing = Listing::default();
        folder::list(place.path(), &Ask::default(), &[], &mut listing);
        let names: Vec<&str> = listing.parts.iter().map(|part| &*part.name).collect();
        assert_eq!(names, ["b/log", "b/other"]);
        let expected = Remark::Links {
            count: 4,
            first: ["a", "c", "z/log"].map(str::to_owned).to_vec(),
        };
        assert_eq!(listing.remarks, [expected]);
    }

    #[test]
    fn a_packed_file_beside_what_it_unpacks_to_is_the_same_file() {
        let place = tempfile::tempdir().unwrap();
        let write =
            |name: &str, content: &[u8]| fs::write(place.path().join(name), content).unwrap();
        write("same.log", b"2 1\n");
        write("same.log.gz", &gzip(b"2 1\n"));
        write("other.log", b"2 1\n");
        write("other.log.gz", &gzip(b"2 1\n3 4\n"));
        write("longer.log", b"2 1\n3 4\n");
        write("longer.log.gz", &gzip(b"2 1\n"));
        write("plain.log", b"2 1\n");
        write("plain.log.gz", b"2 1\n");
        write("lone.log.gz", &gzip(b"2 1\n"));
        let mut listing = Listing::default();
        folder::list(place.path(), &Ask::default(), &[], &mut listing);
        let names: Vec<&str> = listing.parts.iter().map(|part| &*part.name).collect();
        assert!(!names.contains(&"same.log.gz") && names.contains(&"same.log"));
        assert_eq!(names.len(), 8);
        let expected = Remark::PackedTwins {
            count: 1,
            first: vec!["same.log.gz".to_owned()],
        };
        assert_eq!(listing.remarks, [expected]);
    }
}
