//! Receipts: every way of tampering is found, and told apart from what does no harm.

use std::fs;
use std::path::Path;

use flowdiff::digest::receipt::Receipt;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::offline;
use crate::support::records::{Delivery, FlowRecord, generate};
use crate::support::schema::assert_fits;

/// The first second of a day, some years ago.
const START: i64 = 1_641_513_600;
const HOUR: i64 = 3600;

fn run(words: &[&str]) -> (i32, String, String) {
    let output = offline().args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// An archive of a folder, its key, and a chain of receipts, one an hour.
struct Kept {
    folder: tempfile::TempDir,
    hours: i64,
}

fn put(folder: &Path, delivery: &Delivery, records: &[FlowRecord]) {
    for (key, bytes) in delivery.objects(records) {
        let path = folder.join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

impl Kept {
    /// Keeps these records, and writes the receipts of so many hours.
    fn new(records: &[FlowRecord], hours: i64) -> Self {
        let kept = Self {
            folder: tempfile::tempdir().unwrap(),
            hours,
        };
        kept.keep(&Delivery::default(), records);
        assert_eq!(run(&["key", &kept.path("key")]).0, 0);
        for hour in 0..hours {
            let (since, until) = (START + hour * HOUR, START + (hour + 1) * HOUR);
            let (since, until) = (since.to_string(), until.to_string());
            let (archive, key, to) = (kept.path("archive"), kept.path("key"), kept.receipt(hour));
            let mut words = vec![
                "digest",
                &archive,
                "--side",
                "s3",
                "--receipt",
                "-q",
                "-o",
                &to,
            ];
            words.extend(["--key-file", &key, "--since", &since, "--until", &until]);
            let before = kept.receipt(hour - 1);
            if hour > 0 {
                words.extend(["--previous", &before]);
            }
            assert_eq!(run(&words), (0, String::new(), String::new()));
        }
        kept
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn receipt(&self, hour: i64) -> String {
        self.path(&format!("hour-{hour}.receipt"))
    }

    /// Makes the archive one of these records, delivered in this way.
    fn keep(&self, delivery: &Delivery, records: &[FlowRecord]) {
        let archive = self.folder.path().join("archive");
        let _ = fs::remove_dir_all(&archive);
        put(&archive, delivery, records);
    }

    /// Verifies these receipts.
    fn verify_these(&self, receipts: &[String]) -> (i32, String, String) {
        let (archive, key) = (self.path("archive"), self.path("key"));
        let mut words = vec!["verify"];
        words.extend(receipts.iter().map(String::as_str));
        words.extend([&*archive, "--key-file", &key]);
        run(&words)
    }

    fn verify(&self) -> (i32, String) {
        let receipts: Vec<String> = (0..self.hours).map(|hour| self.receipt(hour)).collect();
        let (code, out, said) = self.verify_these(&receipts);
        assert_ne!(code, 2, "{said}");
        (code, out)
    }
}

fn records() -> Vec<FlowRecord> {
    generate(600, 3, START, 2 * HOUR)
}

#[test]
fn what_does_no_harm_is_as_it_was() {
    let records = records();
    let kept = Kept::new(&records, 2);
    let (code, text) = kept.verify();
    assert_eq!(code, 0, "{text}");
    assert_eq!(
        text.matches(": as it was, 300 records\n").count(),
        2,
        "{text}"
    );
    assert!(
        text.contains("The chain is whole from number 1 to 2"),
        "{text}"
    );
    assert!(!text.contains("note:"), "{text}");
    let mut turned = records.clone();
    turned.reverse();
    for (delivery, records) in [
        (
            Delivery {
                prefix: "moved/",
                ..Delivery::default()
            },
            &records,
        ),
        (
            Delivery {
                hive: true,
                hourly: true,
                ..Delivery::default()
            },
            &records,
        ),
        (
            Delivery {
                object_records: 7,
                ..Delivery::default()
            },
            &turned,
        ),
        (
            Delivery {
                parquet: true,
                ..Delivery::default()
            },
            &records,
        ),
        (
            Delivery {
                flow_log_id: "fl-0bbbbbbbbbbbbbbbb",
                ..Delivery::default()
            },
            &records,
        ),
    ] {
        kept.keep(&delivery, records);
        let (code, text) = kept.verify();
        assert_eq!(code, 0, "{delivery:?}: {text}");
        assert_eq!(
            text.matches("note: other parts hold them").count(),
            2,
            "{text}"
        );
    }
}

/// The bytes of parts stand in a receipt, so that what was only copied is told from what was written anew.
#[test]
fn a_receipt_has_the_hash_of_each_part() {
    let records = records();
    let kept = Kept::new(&records, 1);
    let key = fs::read_to_string(kept.path("key")).unwrap();
    let digits = key.trim().as_bytes().chunks(2);
    let bytes =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    let key: [u8; 32] = bytes.collect::<Vec<_>>().try_into().unwrap();
    let receipt = Receipt::read(&fs::read(kept.receipt(0)).unwrap(), &key).unwrap();
    let parts = &receipt.head.about.sources[0].parts;
    assert!(parts.len() > 10);
    for part in parts {
        let bytes = fs::read(kept.folder.path().join("archive").join(&part.name)).unwrap();
        let hash: String = Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(part.sha256.as_deref(), Some(&*hash));
    }
    // The same bytes at another time.
    kept.keep(&Delivery::default(), &records);
    assert!(!kept.verify().1.contains("note:"));
}

#[test]
fn what_was_verified_is_told_as_json() {
    let records = records();
    let kept = Kept::new(&records, 2);
    let words: Vec<String> = (0..2).map(|hour| kept.receipt(hour)).collect();
    let told = |code: i32| -> Value {
        let (is, out, said) =
            kept.verify_these(&[&words[..], &["-o".to_owned(), "json".to_owned()]].concat());
        assert_eq!(is, code, "{said}");
        serde_json::from_str(&out).unwrap()
    };
    let as_it_was = told(0);
    kept.keep(&Delivery::default(), &records[1..]);
    let changed = told(1);
    let object = walk(&kept.folder.path().join("archive")).remove(0);
    fs::write(object, [0x1f, 0x8b]).unwrap();
    let unread = told(3);
    let states = |report: &Value| -> Vec<String> {
        let receipts = report["receipts"].as_array().unwrap().iter();
        receipts
            .map(|receipt| receipt["state"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(states(&as_it_was), ["as-it-was", "as-it-was"]);
    assert_eq!(
        states(&changed)
            .iter()
            .filter(|state| *state == "changed")
            .count(),
        1
    );
    assert_eq!(as_it_was["last"]["number"], 2);
    assert!(unread["receipts"].to_string().contains("\"reason\""));
    assert_fits("verify", &[as_it_was, changed]);
}

#[test]
fn every_change_of_a_record_is_found_where_it_is() {
    let records = records();
    let kept = Kept::new(&records, 2);
    let bytes = |record: &FlowRecord| record.traffic.as_ref().unwrap().bytes;
    type Tamper = fn(&mut Vec<FlowRecord>);
    let cases: [(&str, Tamper, &str); 8] = [
        (
            "a value",
            |all| all[0].traffic.as_mut().unwrap().bytes += 1,
            "25 records",
        ),
        ("a row gone", |all| drop(all.remove(0)), "1 of"),
        ("a row twice", |all| all.push(all[0].clone()), "1 more than"),
        (
            "a row in the place of an equal sum",
            |all| {
                let (one, other) = (all[0].clone(), all[3].clone());
                all[0].traffic.as_mut().unwrap().bytes = other.traffic.unwrap().bytes;
                all[3].traffic.as_mut().unwrap().bytes = one.traffic.unwrap().bytes;
            },
            "and not the same",
        ),
        (
            "one row in the place of another",
            |all| all[0] = all[3].clone(),
            "and not the same",
        ),
        (
            "another interface",
            |all| all[0].interface = "eni-0ffffffffffffffff".to_owned(),
            "1 of",
        ),
        ("another time", |all| all[0].start += 1, "and not the same"),
        (
            "all of an object",
            |all| all.retain(|record| record.end.div_euclid(300) * 300 != START),
            "are gone",
        ),
    ];
    assert_ne!(bytes(&records[0]), bytes(&records[3]));
    for (what, tamper, said) in cases {
        let mut all = records.clone();
        tamper(&mut all);
        kept.keep(&Delivery::default(), &all);
        let (code, text) = kept.verify();
        assert_eq!(code, 1, "{what}: {text}");
        assert!(text.contains("NOT as it was"), "{what}: {text}");
        assert!(what == "a value" || text.contains(said), "{what}: {text}");
        // The other hour is as it was.
        assert_eq!(
            text.matches("as it was, 300 records").count(),
            1,
            "{what}: {text}"
        );
    }
}

/// Somebody has written the archive anew without one of its columns.
#[test]
fn a_column_that_is_lost_is_named() {
    let kept = Kept::new(&generate(4, 1, START, HOUR), 1);
    let archive = kept.folder.path().join("archive");
    fs::remove_dir_all(&archive).unwrap();
    fs::create_dir(&archive).unwrap();
    let header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status";
    let row = format!(
        "2 1 eni-0aa 10.0.0.5 10.0.1.9 1 2 6 1 40 {START} {} OK",
        START + 5
    );
    fs::write(archive.join("a.log"), format!("{header}\n{row}\n")).unwrap();
    let (code, _, said) = kept.verify_these(&[kept.receipt(0)]);
    assert_eq!(code, 2, "{said}");
    let expected = "have no field `action`, which the receipt tells of";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn what_cannot_be_read_is_not_called_gone() {
    let records = records();
    let kept = Kept::new(&records, 2);
    let archive = kept.folder.path().join("archive");
    let objects = walk(&archive);
    let bytes = fs::read(&objects[0]).unwrap();
    fs::write(&objects[0], &bytes[..bytes.len() / 2]).unwrap();
    let (code, text) = kept.verify();
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("not known, since not all could be read"),
        "{text}"
    );
    assert!(text.contains("not read: "), "{text}");
    assert!(
        text.contains("which may be in what could not be read"),
        "{text}"
    );
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(walk(&path)),
            false => all.push(path),
        }
    }
    all.sort();
    all
}

#[test]
fn a_receipt_that_is_lacking_or_was_edited_is_noticed() {
    let kept = Kept::new(&generate(300, 2, START, 3 * HOUR), 3);
    let all: Vec<String> = (0..3).map(|hour| kept.receipt(hour)).collect();
    let pick = |indexes: &[usize]| -> Vec<String> {
        indexes.iter().map(|&index| all[index].clone()).collect()
    };
    assert_eq!(kept.verify_these(&pick(&[2, 0, 1])).0, 0);
    let (code, out, _) = kept.verify_these(&pick(&[0, 1]));
    assert_eq!(code, 0);
    assert!(
        out.contains("That none came after it, a chain cannot show"),
        "{out}"
    );
    for (receipts, said) in [
        (pick(&[1, 2]), "is number 2 of its chain"),
        (pick(&[0, 2]), "receipts are lacking"),
        (pick(&[0, 1, 1, 2]), "both number 2"),
    ] {
        let (code, out, error) = kept.verify_these(&receipts);
        assert_eq!((code, &*out), (2, ""));
        assert!(error.contains(said), "{error}");
    }
    // Made anew, with the same content and the same key: another one than the next one names.
    let other = Kept::new(&generate(300, 2, START, 3 * HOUR), 1);
    fs::copy(kept.path("key"), other.path("key")).unwrap();
    let again = kept.path("again.receipt");
    let (archive, key) = (kept.path("archive"), kept.path("key"));
    let (since, until) = (START.to_string(), (START + HOUR).to_string());
    let words = [
        "digest",
        &archive,
        "--side",
        "s3",
        "--receipt",
        "-q",
        "-o",
        &again,
        "--key-file",
        &key,
    ];
    assert_eq!(
        run(&[&words[..], &["--since", &since, "--until", &until]].concat()).0,
        0
    );
    let (code, _, error) = kept.verify_these(&[again, all[1].clone()]);
    assert_eq!(code, 2);
    assert!(error.contains("names another receipt before it"), "{error}");
    let mut edited = fs::read(&all[1]).unwrap();
    let middle = edited.len() / 2;
    edited[middle] ^= 1;
    fs::write(&all[1], edited).unwrap();
    let (code, _, error) = kept.verify_these(&all);
    assert_eq!(code, 2);
    assert!(
        error.contains("damaged, forged or of another key"),
        "{error}"
    );
}

#[test]
fn a_receipt_needs_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("r");
    let words = [
        "digest",
        "fixtures/ping/s3",
        "--side",
        "s3",
        "--receipt",
        "-o",
        to.to_str().unwrap(),
    ];
    let (code, _, error) = run(&words);
    assert_eq!(code, 2);
    assert!(error.contains("--receipt: needs --key-file"), "{error}");
    let (code, _, error) = run(&["verify", "fixtures/ping/s3", "fixtures/ping/s3"]);
    assert_eq!(code, 2);
    assert!(error.contains("verify needs the key"), "{error}");
}

/// The receipt of a check says what it found, and whether the other side held the same.
#[test]
fn a_check_leaves_a_receipt_of_what_both_held() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, first, second) = (path("key"), path("first"), path("second"));
    assert_eq!(run(&["key", &key]).0, 0);
    let other = "fixtures/scenarios/divergent-bytes";
    let words = ["check", "fixtures/ping/s3", "fixtures/ping/cwl", "-q"];
    let kept = ["--key-file", &*key, "--receipt", &*first];
    assert_eq!(
        run(&[&words[..], &kept].concat()),
        (0, String::new(), String::new())
    );
    let (s3, cwl) = (format!("{other}/s3"), format!("{other}/cwl"));
    let words = ["check", &*s3, &*cwl, "-q", "--previous", &*first];
    let kept = ["--key-file", &*key, "--receipt", &*second];
    assert_eq!(run(&[&words[..], &kept].concat()).0, 1);
    let (code, text, _) = run(&["verify", &first, "fixtures/ping/s3", "--key-file", &key]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("then fixtures/ping/cwl held the same; the check said consistent (0)"),
        "{text}"
    );
    let (code, text, _) = run(&["verify", &first, &second, &s3, "--key-file", &key]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("did not hold the same in 1 bucket; the check said different (1)"),
        "{text}"
    );
    assert!(
        text.contains("(number 2, s3 of everything): as it was, 8 records"),
        "{text}"
    );
    for (words, said) in [
        (&["--state", "st"][..], "not with --state"),
        (&["--redact"], "not with --redact"),
    ] {
        let check = [
            "check",
            &*s3,
            &*cwl,
            "--key-file",
            &*key,
            "--receipt",
            &*second,
        ];
        let (code, _, error) = run(&[&check[..], words].concat());
        assert_eq!(code, 2);
        assert!(error.contains(said), "{error}");
    }
}
