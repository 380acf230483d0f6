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
    run(&[&["check"], &typed.sources[..], typed.options, &["-o", "json"]].concat())
}

/// What is reported when the parts of each side are shared out among so many, for both looks; or why a look cannot be made.
fn shared_out(typed: &Typed<'_>, folder: &Path, shares: usize) -> Result<(i32, String, String), String> {
    let at = |name: &str| path(folder, name);
    let fine = |words: &[&str]| match run(words) {
        (0 | 3, out, _) => Ok(out),
        (_, _, said) => Err(said),
    };
    let options = typed.options;
    let listed = fine(&[&["plan"], &typed.sources[..], &["--parts"], options].concat())?;
    for (side, source) in ["s3", "cwl"].iter().zip(typed.sources) {
        let of_side = listed.lines().filter(|line| line.contains(&format!(r#""side":"{side}""#)));
        let now: Vec<&str> = of_side.filter(|line| !line.contains(r#""ended_before":true"#)).collect();
        let mut digests = Vec::new();
        for share in 0..shares {
            let (parts, to) = (at("parts"), at(&format!("{side}-{share}")));
            let some = now.iter().skip(share).step_by(shares);
            fs::write(&parts, some.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
            let words = ["digest", source, "--side", side, "--sample", "--differences", "1000", "--parts", &*parts, "-q", "-o", &*to];
            fine(&[&words[..], options].concat())?;
            digests.push(to);
        }
        let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
        fine(&[&["digest", "--merge"], &digests[..], &["-q", "-o", &at(side)]].concat())?;
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
        let words = [&*at("parts"), "--read", typed.sources[side], "--side", ["s3", "cwl"][side], "-q", "-o", &*to];
        fine(&[&look[..], &words, options].concat())?;
    }
    let looks = ["--first-look", &*s3, &*cwl, "--second-look", &*rows, "-o", "json"];
    Ok(run(&[&["check"], &typed.sources[..], options, &looks].concat()))
}

#[test]
fn every_scenario_is_reported_as_by_one_machine() {
    let folder = tempfile::tempdir().unwrap();
    let mut scenarios: Vec<_> = fs::read_dir("fixtures/scenarios").unwrap().map(|entry| entry.unwrap().path()).collect();
    scenarios.sort();
    let (mut same, mut refused) = (0, Vec::new());
    for scenario in scenarios.iter().take(unless_long(8, usize::MAX)) {
        let (all, _) = options(scenario);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let [s3, cwl] = ["s3", "cwl"].map(|side| path(scenario, side));
        let typed = Typed { sources: [&s3, &cwl], options: &all };
        let expected = whole(&typed);
        let name = scenario.file_name().unwrap().to_str().unwrap();
        if expected.0 == 2 {
            continue;
        }
        match shared_out(&typed, folder.path(), 2) {
            Ok(told) => {
                assert_eq!(told, expected, "{name}");
                same += 1;
            }
            Err(said) => refused.push((name.to_owned(), said)),
        }
    }
    println!("{same} {refused:?}");
}
