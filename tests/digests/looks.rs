//! A check whose looks are made in several places gives the report of a check that makes them all, to the byte.

use std::fs;
use std::path::Path;

use super::command::{options, path, run};
use crate::support::unless_long;

/// The two sources of a check, and what else was typed.
struct Typed<'a> {
    sources: [&'a str; 2],
    options: &'a [&'a str],
}

/// What one machine reports.
fn whole(typed: &Typed<'_>) -> (i32, String, String) {
    run(&[
        &["check"],
        &typed.sources[..],
        typed.options,
        &["-o", "json"],
    ]
    .concat())
}

/// What is reported when the parts of each side are shared out among so many, for both looks; or why a look cannot be made.
fn shared_out(
    typed: &Typed<'_>,
    folder: &Path,
    shares: usize,
) -> Result<(i32, String, String), String> {
    let at = |name: &str| path(folder, name);
    let fine = |words: &[&str]| match run(words) {
        (0 | 3, out, _) => Ok(out),
        (_, _, said) => Err(said),
    };
    let options = typed.options;
    let listed = fine(&[&["plan"], &typed.sources[..], &["--parts"], options].concat())?;
    for (side, source) in ["s3", "cwl"].iter().zip(typed.sources) {
        let of_side = listed
            .lines()
            .filter(|line| line.contains(&format!(r#""side":"{side}""#)));
        let now: Vec<&str> = of_side
            .filter(|line| !line.contains(r#""ended_before":true"#))
            .collect();
        let mut digests = Vec::new();
        for share in 0..shares {
            let (parts, to) = (at("parts"), at(&format!("{side}-{share}")));
            let some = now.iter().skip(share).step_by(shares);
            fs::write(
                &parts,
                some.map(|line| format!("{line}\n")).collect::<String>(),
            )
            .unwrap();
            let words = [
                "digest",
                source,
                "--side",
                side,
                "--sample",
                "--differences",
                "1000",
                "--parts",
                &*parts,
                "-q",
                "-o",
                &*to,
            ];
            fine(&[&words[..], options].concat())?;
            digests.push(to);
        }
        let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
        fine(
            &[
                &["digest", "--merge"],
                &digests[..],
                &["-q", "-o", &at(side)],
            ]
            .concat(),
        )?;
    }
    let (s3, cwl, rows) = (at("s3"), at("cwl"), at("rows"));
    fs::write(at("parts"), &listed).unwrap();
    let look = ["second-look", &*s3, &*cwl, "--parts"];
    let wanted = fine(&[&look[..], &[&*at("parts")], options].concat())?;
    let _ = fs::remove_dir_all(&rows);
    fs::create_dir(&rows).unwrap();
    for (number, line) in wanted.lines().enumerate() {
        let side = usize::from(line.contains(r#""side":"cwl""#));
        fs::write(at("parts"), line).unwrap();
        let to = format!("{rows}/{number}");
        let words = [
            &*at("parts"),
            "--read",
            typed.sources[side],
            "--side",
            ["s3", "cwl"][side],
            "-q",
            "-o",
            &*to,
        ];
        fine(&[&look[..], &words, options].concat())?;
    }
    let looks = [
        "--first-look",
        &*s3,
        &*cwl,
        "--second-look",
        &*rows,
        "-o",
        "json",
    ];
    Ok(run(
        &[&["check"], &typed.sources[..], options, &looks].concat()
    ))
}

/// Those that are tried in every run; all of them in the long run.
const SOME: [&str; 3] = ["cut-gzip-on-s3", "divergent-bytes", "malformed-row-on-cwl"];

#[test]
fn every_scenario_is_reported_as_by_one_machine() {
    let folder = tempfile::tempdir().unwrap();
    let (mut same, mut refused) = (0, Vec::new());
    for entry in fs::read_dir("fixtures/scenarios").unwrap() {
        let scenario = entry.unwrap().path();
        let name = scenario.file_name().unwrap().to_str().unwrap();
        if !unless_long(SOME.contains(&name), true) {
            continue;
        }
        let (all, _) = options(&scenario);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let [s3, cwl] = ["s3", "cwl"].map(|side| path(&scenario, side));
        let typed = Typed {
            sources: [&s3, &cwl],
            options: &all,
        };
        match shared_out(&typed, folder.path(), 2) {
            Ok(told) => {
                assert_eq!(told, whole(&typed), "{name}");
                same += 1;
            }
            Err(said) => refused.push((name.to_owned(), said)),
        }
    }
    assert_eq!(same, unless_long(3, 13), "{refused:?}");
    // A digest is of one set of fields.
    assert_eq!(refused.len(), unless_long(0, 2), "{refused:?}");
    let unlike = |(_, said): &(String, String)| said.contains("make both with the same --fields");
    assert!(refused.iter().all(unlike), "{refused:?}");
}

/// Rows of other digests, damaged ones, and digests without a sample.
#[test]
fn looks_that_do_not_belong_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = Path::new("fixtures/scenarios/divergent-bytes");
    let [s3, cwl] = ["s3", "cwl"].map(|side| path(scenario, side));
    let typed = Typed {
        sources: [&s3, &cwl],
        options: &[],
    };
    assert_eq!(shared_out(&typed, folder.path(), 1).unwrap().0, 1);
    let at = |name: &str| path(folder.path(), name);
    let (rows, first) = (at("rows/0"), [at("s3"), at("cwl")]);
    let looks = [
        "--first-look",
        &*first[0],
        &*first[1],
        "--second-look",
        &*rows,
    ];
    let words = [&["check", &*s3, &*cwl], &looks[..]].concat();
    let mut damaged = fs::read(&rows).unwrap();
    damaged[20] ^= 1;
    fs::write(&rows, damaged).unwrap();
    let (code, _, said) = run(&words);
    assert!(code == 2 && said.contains("damaged or cut off"), "{said}");
    fs::write(&rows, "rows").unwrap();
    let (code, _, said) = run(&words);
    assert!(
        code == 2 && said.contains("none that `flowdiff second-look` writes"),
        "{said}"
    );
    assert_eq!(shared_out(&typed, folder.path(), 1).unwrap().0, 1);
    let anew = [
        "digest",
        &*s3,
        "--side",
        "s3",
        "--differences",
        "1000",
        "-q",
        "-o",
        &*first[0],
    ];
    assert_eq!(run(&[&anew[..], &["--sample", "--now", "0"]].concat()).0, 0);
    let (code, _, said) = run(&words);
    assert!(
        code == 2 && said.contains("it is of other digests than --first-look"),
        "{said}"
    );
    assert_eq!(run(&anew).0, 0);
    let (code, _, said) = run(&words[..6]);
    assert!(code == 2 && said.contains("has no sample"), "{said}");
}

fn record(number: usize) -> String {
    let start = 1_700_000_000 + number;
    format!(
        "2 123456789010 eni-0aa 10.0.0.5 10.0.1.9 {number} 443 6 1 84 {start} {} ACCEPT OK\n",
        start + 60
    )
}

/// What could not be read when the digest was made stays unread, as with one machine, unless it is another object by now: what it
/// holds has not arrived late.
#[test]
fn what_a_digest_could_not_read_is_not_late() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| path(folder.path(), name);
    let sides = ["s3", "cwl"].map(at);
    for side in &sides {
        fs::create_dir(side).unwrap();
        for (name, number) in [("a.log", 1), ("b.log", 2)] {
            fs::write(format!("{side}/{name}"), record(number)).unwrap();
        }
    }
    let [s3, cwl] = &sides;
    let (code, lines, said) = run(&["plan", s3, cwl, "--parts"]);
    assert_eq!(code, 0, "{said}");
    // As if the service had denied it then.
    let denied = |line: &str| match line.contains("b.log") && line.contains(r#""side":"s3""#) {
        true => line.replacen('}', r#","unreadable":"denied"}"#, 1) + "\n",
        false => line.to_owned() + "\n",
    };
    fs::write(at("parts"), lines.lines().map(denied).collect::<String>()).unwrap();
    let digests = ["s3.digest", "cwl.digest"].map(at);
    for ((side, name), to) in sides.iter().zip(["s3", "cwl"]).zip(&digests) {
        let words = ["digest", side, "--side", name, "--sample", "-q", "-o", to];
        let code = run(&[&words[..], &["--parts", &at("parts")]].concat()).0;
        assert!(matches!(code, 0 | 3), "{code}");
    }
    let check = || {
        let words = ["check", s3, cwl, "--first-look", &digests[0], &digests[1]];
        let (code, report, said) = run(&[&words[..], &["-o", "json"]].concat());
        let report: serde_json::Value = serde_json::from_str(&report).expect(&said);
        (code, report["counts"].clone())
    };
    let (code, counts) = check();
    assert_eq!(code, 3, "{counts:#}");
    assert_eq!(counts["undetermined"]["s3"], 1, "{counts:#}");
    assert_eq!(counts["late"]["s3"], 0, "{counts:#}");
    // Another object has the name now.
    fs::write(format!("{s3}/b.log"), record(2) + &record(2)).unwrap();
    let (_, counts) = check();
    assert_eq!(counts["undetermined"]["s3"], 0, "{counts:#}");
}

/// What was there and is in no digest may hold anything; and digests of another place are none of this one's.
#[test]
fn a_share_that_was_left_out_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| path(folder.path(), name);
    let sides = ["s3", "cwl"].map(at);
    for side in &sides {
        fs::create_dir(side).unwrap();
        fs::write(format!("{side}/a.log"), record(1)).unwrap();
    }
    let digests = ["s3.digest", "cwl.digest"].map(at);
    for ((side, name), to) in sides.iter().zip(["s3", "cwl"]).zip(&digests) {
        let words = ["digest", side, "--side", name, "--sample", "-q", "-o", to];
        assert_eq!(run(&words).0, 0);
    }
    let check = |s3: &str| {
        let words = [
            "check",
            s3,
            &sides[1],
            "--first-look",
            &digests[0],
            &digests[1],
        ];
        run(&[&words[..], &["-o", "json"]].concat())
    };
    assert_eq!(check(&sides[0]).0, 0);
    let late = format!("{}/b.log", sides[0]);
    fs::write(&late, record(2)).unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_100);
    fs::File::options()
        .append(true)
        .open(&late)
        .unwrap()
        .set_modified(old)
        .unwrap();
    let (code, report, _) = check(&sides[0]);
    assert_eq!(code, 3, "{report}");
    assert!(
        report.contains("b.log") && report.contains("the digest has nothing of it"),
        "{report}"
    );
    let other = at("other");
    fs::create_dir(&other).unwrap();
    fs::write(format!("{other}/a.log"), record(1)).unwrap();
    let (code, _, said) = check(&other);
    assert!(
        code == 2 && said.contains("--first-look: the digest of s3 is of"),
        "{said}"
    );
}

/// A second look reads only what may hold what differs, by what the digests say that each part held.
#[test]
fn what_cannot_hold_what_differs_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| path(folder.path(), name);
    let sides = ["s3", "cwl"].map(at);
    for side in &sides {
        fs::create_dir(side).unwrap();
        for (name, number) in [("a.log", 1), ("b.log", 400), ("c.log", 800)] {
            fs::write(format!("{side}/{name}"), record(number)).unwrap();
        }
    }
    fs::write(format!("{}/b.log", sides[1]), record(1)).unwrap();
    let [s3, cwl] = &sides;
    let (code, lines, said) = run(&["plan", s3, cwl, "--parts"]);
    assert_eq!(code, 0, "{said}");
    fs::write(at("parts"), lines).unwrap();
    let again = || {
        let digests = ["s3.digest", "cwl.digest"].map(at);
        for ((side, name), to) in sides.iter().zip(["s3", "cwl"]).zip(&digests) {
            let words = ["digest", side, "--side", name, "--sample", "-q", "-o", to];
            assert_eq!(run(&words).0, 0);
        }
        let words = ["second-look", &digests[0], &digests[1], "--parts"];
        let (code, again, said) = run(&[&words[..], &[&at("parts")]].concat());
        assert_eq!(code, 0, "{said}");
        let named = |line: &str| -> (String, String) {
            let part: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| part[name].as_str().unwrap().to_owned();
            (text("side"), text("name"))
        };
        again.lines().map(named).collect::<Vec<_>>()
    };
    // One record lacks on cwl, and another one is there twice.
    let wanted = [
        ("s3", "a.log"),
        ("s3", "b.log"),
        ("cwl", "a.log"),
        ("cwl", "b.log"),
    ];
    let wanted = wanted.map(|(side, name)| (side.to_owned(), name.to_owned()));
    assert_eq!(again(), wanted);
}
