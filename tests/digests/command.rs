//! `flowdiff digest`, `flowdiff key` and checks of digests, from outside.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::offline;
use crate::support::schema::assert_fits;

/// Runs flowdiff and returns the exit code, standard output and standard error.
pub(super) fn run(words: &[&str]) -> (i32, String, String) {
    let output = offline().args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

pub(super) fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

fn report(words: &[&str]) -> Option<Value> {
    let words = [&["check"], words, &["-o", "json"]].concat();
    let (code, out, _) = run(&words);
    (code != 2).then(|| serde_json::from_str(&out).unwrap())
}

/// The options of a scenario, and those of them that are for whoever makes a digest.
pub(super) fn options(folder: &Path) -> (Vec<String>, Vec<String>) {
    let given = fs::read_to_string(folder.join("args.json"));
    let all: Vec<String> =
        given.map_or_else(|_| Vec::new(), |text| serde_json::from_str(&text).unwrap());
    let mut rest = Vec::new();
    let mut words = all.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--fields" | "--ignore-fields" => drop(words.next()),
            _ => rest.push(word.clone()),
        }
    }
    (all, rest)
}

/// Adds up two digests, the second first.
fn merge(shards: &[String], merged: &str) {
    let words = [
        "digest",
        "--merge",
        &*shards[1],
        &*shards[0],
        "-q",
        "-o",
        merged,
    ];
    assert_eq!(run(&words), (0, String::new(), String::new()));
}

#[test]
fn a_digest_in_place_of_either_side_tells_what_the_side_does() {
    let folder = tempfile::tempdir().unwrap();
    let digest = path(folder.path(), "one.digest");
    let (mut same, mut refused, mut reports) = (0, Vec::new(), Vec::new());
    for entry in fs::read_dir("fixtures/scenarios").unwrap() {
        let scenario = entry.unwrap().path();
        let (all, rest) = options(&scenario);
        let [all, rest] =
            [&all, &rest].map(|words| words.iter().map(String::as_str).collect::<Vec<_>>());
        let [s3, cwl] = ["s3", "cwl"].map(|side| path(&scenario, side));
        let Some(whole) = report(&[&[&*s3, &cwl], &all[..]].concat()) else {
            continue;
        };
        for (side, source) in [("s3", &s3), ("cwl", &cwl)] {
            let words = ["digest", source, "--side", side, "-o", &digest];
            let (code, out, said) = run(&[&words[..], &all].concat());
            assert_eq!(out, "");
            assert!([0, 3].contains(&code), "{}: {said}", scenario.display());
            let sources = match side {
                "s3" => [&*digest, &cwl],
                _ => [&*s3, &digest],
            };
            let Some(told) = report(&[&sources, &rest[..]].concat()) else {
                refused.push(scenario.file_name().unwrap().to_str().unwrap().to_owned());
                continue;
            };
            reports.push(told.clone());
            let of = |report: &Value| {
                let mut counts = report["counts"].clone();
                // Records tell more of causes than sums do.
                counts["unexplained"] = Value::Null;
                (report["verdict"].clone(), counts)
            };
            assert_eq!(of(&told), of(&whole), "{} {side}", scenario.display());
            let open = told["verdict"] == "unknown";
            let troubles = told["sides"][side]["unreadable_parts"] != 0
                || told["sides"][side]["malformed"] != 0;
            assert_eq!(code == 3, troubles, "{said}");
            assert!(open || told["exit_code"] != 3);
            same += 1;
        }
    }
    assert!(same >= 28, "{same}");
    assert_fits("report", &reports);
    // A digest is of one set of fields.
    refused.sort();
    assert_eq!(refused, ["format-given-on-cwl", "more-fields-on-s3"]);
}

/// The digests of the scenario's halves, made with these options.
struct Halves {
    folder: tempfile::TempDir,
}

const PING: &str = "fixtures/scenarios/divergent-bytes";

impl Halves {
    fn made(options: &[&str]) -> Self {
        let halves = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for side in ["s3", "cwl"] {
            let (source, to) = (format!("{PING}/{side}"), halves.path(side));
            let words = [
                &["digest", &*source, "--side", side, "-q", "-o", &*to],
                options,
            ]
            .concat();
            assert_eq!(run(&words), (0, String::new(), String::new()));
        }
        halves
    }

    fn path(&self, name: &str) -> String {
        path(self.folder.path(), name)
    }
}

#[test]
fn two_digests_are_compared_and_say_what_shows_the_rows() {
    let halves = Halves::made(&[]);
    let (code, text, _) = run(&["check", &halves.path("s3"), &halves.path("cwl")]);
    assert_eq!(code, 1, "{text}");
    for said in [
        "Different: 1 record divergent.",
        "unequal values, of which a digest has none",
        &format!("s3 is a digest of {PING}/s3"),
        "an extra copy of a record that both have counts as missing",
        &format!("\n  flowdiff check {PING}/s3 {PING}/cwl"),
    ] {
        assert!(
            text.replace("\n          ", " ").contains(said),
            "{said}: {text}"
        );
    }
}

#[test]
fn digests_with_a_key_need_it() {
    let folder = tempfile::tempdir().unwrap();
    let [key, other] = ["key", "other"].map(|name| path(folder.path(), name));
    for file in [&key, &other] {
        assert_eq!(run(&["key", file]), (0, String::new(), String::new()));
    }
    let (code, _, said) = run(&["key", &key]);
    assert_eq!(code, 2);
    assert!(said.contains("there already"), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    for algorithm in ["xxh3", "blake3"] {
        let halves = Halves::made(&["--key-file", &key, "--fingerprint", algorithm]);
        let sources = [halves.path("s3"), halves.path("cwl")];
        let with = |more: &[&str]| run(&[&["check", &*sources[0], &*sources[1]], more].concat());
        assert_eq!(with(&["--key-file", &key]).0, 1);
        for (more, said) in [
            (&[][..], "give that with --key-file"),
            (&["--key-file", &*other], "and --key-file has the key"),
        ] {
            let (code, _, error) = with(more);
            assert_eq!(code, 2);
            assert!(error.contains(said), "{error}");
        }
        let bare = Halves::made(&[]);
        let (code, _, error) = run(&["check", &sources[0], &bare.path("cwl"), "--key-file", &key]);
        assert_eq!(code, 2);
        assert!(error.contains("it was made without a key"), "{error}");
    }
}

#[test]
fn shards_are_added_up_and_none_counts_twice() {
    let halves = Halves::made(&[]);
    let streams: Vec<PathBuf> = fs::read_dir(format!("{PING}/cwl"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(streams.len(), 2);
    let shards: Vec<String> = (0..2)
        .map(|number| halves.path(&format!("shard{number}")))
        .collect();
    for (stream, shard) in streams.iter().zip(&shards) {
        let stream = stream.to_str().unwrap();
        assert_eq!(
            run(&["digest", stream, "--side", "cwl", "-q", "-o", shard]).0,
            0
        );
    }
    let merged = halves.path("merged");
    merge(&shards, &merged);
    let [one, other] = [&merged, &halves.path("cwl")].map(|cwl| {
        let report = report(&[&halves.path("s3"), cwl]).unwrap();
        (
            report["counts"].clone(),
            report["findings"].to_string().replace(cwl, "cwl"),
        )
    });
    assert_eq!(one, other);
    let again = [
        "digest",
        "--merge",
        &*merged,
        &*shards[0],
        "-o",
        &*halves.path("twice"),
    ];
    let (code, _, said) = run(&again);
    assert_eq!(code, 2);
    assert!(said.contains("was read for both"), "{said}");
    assert!(!Path::new(&halves.path("twice")).exists());
}

#[test]
fn what_is_no_digest_any_more_is_refused_with_the_reason() {
    let halves = Halves::made(&[]);
    let (s3, cwl) = (halves.path("s3"), halves.path("cwl"));
    let whole = fs::read(&s3).unwrap();
    let damaged = halves.path("damaged");
    let mut newer = whole.clone();
    newer[16] = b'2';
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for (bytes, said) in [
        (&flipped[..], "damaged or cut off"),
        (&whole[..whole.len() - 1], "damaged or cut off"),
        (&newer, "a digest of version `2`"),
    ] {
        fs::write(&damaged, bytes).unwrap();
        let (code, out, error) = run(&["check", &damaged, &cwl]);
        assert_eq!((code, &*out), (2, ""));
        assert!(error.contains(said) && error.contains(&damaged), "{error}");
    }
    for (words, said) in [
        (
            &["check", &*cwl, &*s3][..],
            "is a digest of cwl: the S3 side comes first",
        ),
        (
            &["check", &*s3, &*cwl, "--fields", "start"],
            "--fields: was decided when the digest was made",
        ),
        (
            &["check", &*s3, &*cwl, "--since", "2022-01-08"],
            "--since and --until: the digest is of everything",
        ),
        (
            &["check", &*s3, &*cwl, "--interface", "eni-1"],
            "--interface: the digest is of all interfaces",
        ),
        (
            &["check", &*s3, &*cwl, "--state", "st"],
            "--state: is for sources that go on",
        ),
        (
            &["check", &*s3, &*cwl, "--repair", "cure"],
            "--repair: takes the records of both sides",
        ),
        (
            &[
                "digest",
                &*s3,
                "--side",
                "s3",
                "-o",
                &*damaged,
                "--fingerprint",
                "blake3",
            ],
            "needs --key-file",
        ),
        (
            &[
                "digest",
                &*s3,
                "--side",
                "s3",
                "-o",
                &*damaged,
                "--differences",
                "4000000000",
            ],
            "raise --memory",
        ),
        (
            &["digest", "a", "b", "--side", "s3", "-o", &*damaged],
            "--merge",
        ),
    ] {
        let (code, out, error) = run(words);
        assert_eq!((code, &*out), (2, ""), "{words:?}");
        assert!(error.contains(said), "{error}");
    }
    // A digest among the files of a folder is no flow log, and none of them is written over.
    let elsewhere = tempfile::tempdir().unwrap();
    let to = elsewhere.path().join("of-all").display().to_string();
    let folder = halves.folder.path().to_str().unwrap();
    let (code, _, error) = run(&["digest", folder, "--side", "s3", "-o", &damaged]);
    assert_eq!(code, 2);
    assert!(error.contains("one of the files that are read"), "{error}");
    let (code, _, error) = run(&["digest", folder, "--side", "s3", "-o", &to]);
    assert_eq!(code, 3);
    assert!(
        error.contains("give the file itself to `flowdiff check`"),
        "{error}"
    );
}

#[test]
fn digests_that_are_unlike_are_not_compared() {
    let halves = Halves::made(&["--ignore-fields", "bytes"]);
    let other = Halves::made(&[]);
    let (code, _, said) = run(&["check", &halves.path("s3"), &other.path("cwl")]);
    assert_eq!(code, 2);
    assert!(said.contains("make both with the same --fields"), "{said}");
    let (code, text, _) = run(&["check", &halves.path("s3"), &halves.path("cwl")]);
    assert_eq!(code, 0, "{text}");
}

/// What another flowdiff has written is read for ever.
#[test]
fn a_digest_of_the_first_version_is_still_read() {
    let (code, text, _) = run(&[
        "check",
        "fixtures/digests/ping-s3.digest",
        "fixtures/ping/cwl",
    ]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("Consistent"), "{text}");
    let (code, text, _) = run(&[
        "check",
        "fixtures/digests/ping-s3.digest",
        &format!("{PING}/cwl"),
    ]);
    assert_eq!(code, 1, "{text}");
}

/// One listing, shared out: the digests of the shares add up to that of the side.
#[test]
fn parts_are_listed_once_and_shared_out() {
    let halves = Halves::made(&[]);
    let (s3, cwl) = (format!("{PING}/s3"), format!("{PING}/cwl"));
    let (code, lines, said) = run(&["plan", &s3, &cwl, "--parts"]);
    assert_eq!(code, 0, "{said}");
    let of_cwl: Vec<&str> = lines
        .lines()
        .filter(|line| line.contains(r#""side":"cwl""#))
        .collect();
    let documents: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_fits("part", &documents);
    assert_eq!((lines.lines().count(), of_cwl.len()), (3, 2), "{lines}");
    let (shards, merged) = (
        ["0", "1"].map(|name| halves.path(name)),
        halves.path("merged"),
    );
    for (line, shard) in of_cwl.iter().zip(&shards) {
        // Lines of the other side are passed over.
        let parts = halves.path("parts");
        fs::write(
            &parts,
            format!("{}\n{line}\n", lines.lines().next().unwrap()),
        )
        .unwrap();
        let words = [
            "digest", &*cwl, "--side", "cwl", "-q", "-o", shard, "--parts", &parts,
        ];
        assert_eq!(run(&words), (0, String::new(), String::new()));
    }
    merge(&shards, &merged);
    let whole = report(&[&halves.path("s3"), &halves.path("cwl")]).unwrap();
    let shared = report(&[&halves.path("s3"), &merged]).unwrap();
    assert_eq!(shared["counts"], whole["counts"]);
    assert_eq!(shared["sides"]["cwl"]["parts"], 2);
    // A part that is gone since it was listed is one that cannot be read.
    let gone = of_cwl[0].replace("-all.txt", "-none.txt");
    fs::write(halves.path("parts"), gone).unwrap();
    let parts = halves.path("parts");
    let words = [
        "digest",
        &*cwl,
        "--side",
        "cwl",
        "-o",
        &*shards[0],
        "--parts",
        &parts,
    ];
    let (code, _, said) = run(&words);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("not read: "), "{said}");
    for (text, said) in [
        (
            format!("{0}\n{0}\n", of_cwl[0]),
            "twice, whose records would count twice",
        ),
        (
            "{}\n".to_owned(),
            "line 1 is none that `flowdiff plan --parts` prints",
        ),
    ] {
        fs::write(&parts, text).unwrap();
        let (code, _, error) = run(&words);
        assert_eq!(code, 2);
        assert!(error.contains(said), "{error}");
    }
}

/// A line for every record that differs, however many, of those that nobody has read with what is known of them.
#[test]
fn a_table_of_digests_has_every_difference() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| path(folder.path(), name);
    let line = |number: u32, bytes: u32| {
        let (port, start) = (1024 + number, 1_700_000_000 + number);
        format!(
            "2 1 eni-0a 10.0.0.1 10.0.1.9 {port} 443 6 1 {bytes} {start} {} ACCEPT OK\n",
            start + 50
        )
    };
    let s3: String = (0..300).map(|number| line(number, 40)).collect();
    let cwl: String = (0..300)
        .filter(|number| number % 2 == 0)
        .map(|number| line(number, if number % 4 == 0 { 40 } else { 41 }))
        .collect();
    for (side, text) in [("s3", s3), ("cwl", cwl)] {
        fs::write(of(&format!("{side}.log")), text).unwrap();
        for (name, differences) in [("", "1000"), ("-few", "1")] {
            let (source, to) = (of(&format!("{side}.log")), of(&format!("{side}{name}")));
            let words = ["digest", &*source, "--side", side, "-q", "-o", &*to];
            assert_eq!(
                run(&[&words[..], &["--differences", differences]].concat()).0,
                0
            );
        }
    }
    let table = |sources: [&str; 2]| {
        let sources = sources.map(of);
        let (code, text, said) = run(&[
            "check",
            &*sources[0],
            &*sources[1],
            "-o",
            "csv",
            "--max-evidence",
            "3",
        ]);
        assert_eq!(code, 1, "{said}");
        let of_kind = |kind: &str| text.lines().filter(|line| line.starts_with(kind)).count();
        (of_kind("missing,"), of_kind("divergent,"))
    };
    let whole = table(["s3.log", "cwl.log"]);
    assert_eq!(whole, (150, 75));
    for sources in [["s3", "cwl.log"], ["s3.log", "cwl"], ["s3", "cwl"]] {
        assert_eq!(table(sources), whole, "{sources:?}");
    }
    // By bucket: 300 and 150 copies.
    assert_eq!(table(["s3-few", "cwl-few"]), (150, 0));
}

/// What comes through a pipe is told by its bytes: two of them add up, and one of them twice does not.
#[test]
fn shards_through_pipes_are_told_by_what_came() {
    let folder = tempfile::tempdir().unwrap();
    let header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";
    let record = |start: u32| {
        format!(
            "2 123456789010 eni-0aa 10.0.0.1 10.0.0.2 1 2 6 3 4 {start} {} ACCEPT OK\n",
            start + 9
        )
    };
    let made = |name: &str, start: u32| {
        let to = path(folder.path(), name);
        let words = ["digest", "-", "--side", "s3", "-q", "-o", &*to];
        let text = format!("{header}\n{}", record(start));
        let output = offline().args(words).write_stdin(text).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        to
    };
    let shards = [
        made("one", 1_700_000_000),
        made("other", 1_700_000_060),
        made("again", 1_700_000_000),
    ];
    let all = path(folder.path(), "all");
    merge(&shards[..2], &all);
    let words = ["digest", "--merge", &*shards[0], &*shards[2], "-o", &*all];
    let (code, _, said) = run(&words);
    assert!(code == 2 && said.contains("was read for both"), "{said}");
}

/// What was asked for stands in the digest, for whoever has to know what it is of.
#[test]
fn what_was_asked_for_is_kept() {
    let halves = Halves::made(&["--flow-log-id", "fl-0f1a2b3c4d5e6f708"]);
    let bytes = fs::read(halves.path("s3")).unwrap();
    let digest = flowdiff::digest::file::SideDigest::read(&bytes, None).unwrap();
    let source = &digest.about.sources[0];
    assert_eq!(
        source.flow_log_ids.iter().collect::<Vec<_>>(),
        ["fl-0f1a2b3c4d5e6f708"]
    );
    assert!(!source.all_streams && digest.about.sample.is_none());
}
