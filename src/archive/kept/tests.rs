use std::fs;

use super::*;
use crate::archive::line::sample::{self, MIDNIGHT};
use crate::archive::{Chain, prune};

const DAY: i64 = 86_400;

fn archive() -> (tempfile::TempDir, Archive) {
    let folder = tempfile::tempdir().unwrap();
    let place = ArchivePlace::Folder(folder.path().join("archive"));
    let archive = Archive::create(&place).unwrap();
    (folder, archive)
}

fn file_of(archive: &Archive, day: &str) -> PathBuf {
    archive.path_of(&format!("lines/{day}.jsonl"))
}

fn days(archive: &Archive) -> Vec<String> {
    let days = archive.days().unwrap();
    days.iter().map(DayName::to_string).collect()
}

fn with_files(lines: Vec<ArchiveLine>) -> Vec<(ArchiveLine, Vec<KeptFile>)> {
    lines.into_iter().map(|line| (line, Vec::new())).collect()
}

fn end_of(line: &ArchiveLine) -> ChainEnd {
    ChainEnd {
        number: line.number,
        hash: hash(line.text().as_bytes()),
    }
}

fn read(archive: &Archive) -> Result<(Vec<u64>, Chain), String> {
    let mut numbers = Vec::new();
    let chain = archive.chain(None, |line, _| numbers.push(line.number));
    chain
        .map(|chain| (numbers, chain))
        .map_err(|error| error.to_string())
}

#[test]
fn lines_are_added_once_whatever_is_there_of_them() {
    let lines = with_files(sample::lines(MIDNIGHT, 5, &[2]));
    let whole: String = lines.iter().map(|(line, _)| line.text() + "\n").collect();
    let ends: Vec<_> = lines.iter().map(|(line, _)| end_of(line)).collect();
    // Two lines are known, and a run was killed at any byte of the other three.
    let known: usize = lines[..2]
        .iter()
        .map(|(line, _)| line.text().len() + 1)
        .sum();
    for killed in (known..=whole.len()).step_by(7) {
        let (_folder, archive) = archive();
        let path = file_of(&archive, "2022-01-07");
        fs::write(&path, &whole[..killed]).unwrap();
        archive.append(Some(&ends[1]), &lines[2..]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), whole, "{killed}");
        let (numbers, chain) = read(&archive).unwrap();
        assert_eq!(
            (numbers, chain.end),
            (vec![1, 2, 3, 4, 5], Some(ends[4].clone()))
        );
        assert_eq!(archive.end().unwrap(), Some(ends[4].clone()));
    }
}

#[test]
fn what_is_not_the_end_that_is_known_is_refused_and_left() {
    let lines = with_files(sample::lines(MIDNIGHT, 4, &[]));
    let other = with_files(sample::lines(MIDNIGHT, 4, &[1]));
    let end = end_of(&lines[2].0);
    for (there, said) in [
        (&lines[..2], "ends with line 2, and the state knows line 3"),
        (&other[..3], "ends with another line 3"),
        (&lines[..0], "ends with nothing, and the state knows line 3"),
    ] {
        let (_folder, archive) = archive();
        archive.append(None, there).unwrap();
        let error = archive.append(Some(&end), &lines[3..]).unwrap_err();
        assert!(error.to_string().contains(said), "{said}: {error}");
        assert_eq!(read(&archive).unwrap().0.len(), there.len());
    }
    let (_folder, archive) = archive();
    fs::write(file_of(&archive, "2022-01-07"), "{\"schema\":\"x").unwrap();
    let error = archive.append(None, &lines).unwrap_err().to_string();
    assert!(error.contains("in the middle of a line"), "{error}");
}

#[test]
fn a_changed_line_a_removed_one_and_a_cut_beginning_are_found() {
    let lines = sample::lines(MIDNIGHT, 4, &[2]);
    let texts: Vec<String> = lines.iter().map(|line| line.text() + "\n").collect();
    let refused = |texts: &[String], said: &str| {
        let (_folder, archive) = archive();
        fs::write(file_of(&archive, "2022-01-07"), texts.concat()).unwrap();
        let error = read(&archive).unwrap_err();
        assert!(error.contains(said), "{said}: {error}");
    };
    let mut changed = texts.clone();
    changed[1] = changed[1].replace("\"cwl\":2}", "\"cwl\":1}");
    assert_ne!(changed, texts);
    refused(
        &changed,
        "row 3 is line 3, and was written after another line 2",
    );
    let mut removed = texts.clone();
    removed.remove(1);
    refused(&removed, "row 2 is line 3, after line 1");
    refused(&texts[1..], "is line 2, and should be the first");
    let mut damaged = texts;
    damaged[3].insert(9, '\0');
    refused(&damaged, "row 4 is damaged");
}

#[test]
fn a_clock_that_goes_back_keeps_the_order_and_a_new_day_is_a_new_file() {
    let (_folder, archive) = archive();
    let mut lines = sample::lines(MIDNIGHT, 3, &[]);
    lines[0].read_at = MIDNIGHT + DAY;
    lines[1].read_at = MIDNIGHT;
    lines[2].read_at = MIDNIGHT + 2 * DAY;
    for at in 1..3 {
        lines[at].previous = Some(hash(lines[at - 1].text().as_bytes()));
    }
    archive.append(None, &with_files(lines)).unwrap();
    assert_eq!(days(&archive), ["2022-01-08", "2022-01-09"]);
    assert_eq!(read(&archive).unwrap().0, [1, 2, 3]);
}

#[test]
fn no_name_leads_out_of_the_archive() {
    let (_folder, archive) = archive();
    for name in [
        "reports/../../x",
        "/etc/x",
        "x",
        "reports//x",
        "reports/a\\..",
        "lines/x",
    ] {
        let file = KeptFile {
            name: name.to_owned(),
            bytes: Vec::new(),
        };
        assert!(archive.checked(&file.name).is_err(), "{name}");
    }
    let mut file = KeptFile {
        name: "reports/day/1.json".to_owned(),
        bytes: b"one".to_vec(),
    };
    archive.place.put(&file.name, &file.bytes).unwrap();
    archive.place.put(&file.name, &file.bytes).unwrap();
    file.bytes = b"two".to_vec();
    assert!(
        archive.place.put(&file.name, &file.bytes).is_err(),
        "nothing is replaced"
    );
    assert_eq!(archive.read(&file.name).unwrap(), b"one");
}

#[test]
fn what_is_old_is_removed_and_the_rest_is_whole() {
    let (_folder, archive) = archive();
    let lines = sample::lines(MIDNIGHT, 3 * 288, &[]);
    let last = end_of(&lines[lines.len() - 1]);
    archive.append(None, &with_files(lines)).unwrap();
    assert_eq!(
        days(&archive),
        ["2022-01-07", "2022-01-08", "2022-01-09", "2022-01-10"]
    );
    let kept = fs::read(file_of(&archive, "2022-01-08")).unwrap();
    let now = MIDNIGHT + 4 * DAY;
    let pruned = prune(&archive, MIDNIGHT + 2 * DAY + 5, now).unwrap();
    let (numbers, chain) = read(&archive).unwrap();
    assert_eq!((pruned.lines + 1, pruned.from), (numbers[0], numbers[0]));
    assert_eq!(chain.end, Some(last.clone()));
    assert_eq!(chain.start.as_ref().unwrap().removed_at, now);
    // Killed before it had removed all: what should be gone is not told, and goes with the next one.
    fs::write(file_of(&archive, "2022-01-08"), kept).unwrap();
    assert_eq!(read(&archive).unwrap(), (numbers, chain));
    prune(&archive, MIDNIGHT + 2 * DAY + 5, now).unwrap();
    assert_eq!(days(&archive), ["2022-01-09", "2022-01-10"]);
    // The first that is left must be the one after.
    let path = file_of(&archive, "2022-01-09");
    let text = fs::read_to_string(&path).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&path, rest).unwrap();
    assert!(
        read(&archive)
            .unwrap_err()
            .contains("should be the one after line")
    );
    fs::write(&path, text).unwrap();
    // All of it.
    prune(&archive, now, now).unwrap();
    assert_eq!(archive.end().unwrap(), Some(last));
    assert_eq!(read(&archive).unwrap().0, [0_u64; 0]);
}
