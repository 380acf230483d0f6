//! That what flowdiff writes as JSON is what its JSON Schemas say, to the last member. Tests of live runs hold what only
//! those write against the same schemas: findings of kind `configuration`, plans, diagnoses, the rounds of `watch`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::offline;
use crate::support::schema::assert_fits;

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Runs a check and returns its report as a document, as lines, and all its differences.
fn check(folder: &Path, more: &[String]) -> [Vec<Value>; 3] {
    let written = tempfile::tempdir().unwrap();
    let [json, jsonl, all] = ["json", "jsonl", "all"].map(|name| written.path().join(name));
    let output = offline()
        .args(["check", "--quiet"])
        .args([folder.join("s3"), folder.join("cwl")])
        .args(more)
        .args(["--report", &format!("json={}", json.display())])
        .args(["--report", &format!("jsonl={}", jsonl.display())])
        .arg("--all-differences")
        .arg(&all)
        .output()
        .unwrap();
    assert_ne!(output.status.code(), Some(2), "{output:?}");
    let document = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let [jsonl, all] = [jsonl, all].map(|path| lines(&fs::read_to_string(path).unwrap()));
    [vec![document], jsonl, all]
}

#[test]
fn every_scenario_fits() {
    let root = Path::new("fixtures/scenarios");
    let mut all: [Vec<Value>; 3] = Default::default();
    for entry in fs::read_dir(root).unwrap() {
        let folder = entry.unwrap().path();
        let given = fs::read_to_string(folder.join("args.json"));
        let given = given.map_or_else(|_| Vec::new(), |text| serde_json::from_str(&text).unwrap());
        for (all, more) in all.iter_mut().zip(check(&folder, &given)) {
            all.extend(more);
        }
    }
    let findings = all[0]
        .iter()
        .flat_map(|report| report["findings"].as_array().unwrap());
    let kinds: BTreeSet<&str> = findings.map(|it| it["kind"].as_str().unwrap()).collect();
    let every = [
        "divergent",
        "malformed",
        "missing",
        "pending",
        "surplus",
        "undetermined",
        "unreadable",
    ];
    assert_eq!(kinds, BTreeSet::from(every));
    assert!(all.iter().all(|documents| documents.len() >= 10));
    for (name, documents) in ["report", "line", "difference"].into_iter().zip(&all) {
        assert_fits(name, documents);
    }
}

#[test]
fn a_job_fits() {
    let state = tempfile::tempdir().unwrap();
    let archive = state.path().join("archive");
    let job = |now: &str| {
        let state = state.path().display().to_string();
        let words = [
            "--archive",
            archive.to_str().unwrap(),
            "--state",
            &state,
            "--since",
            "2022-01-07T22:00:00Z",
            "--now",
            now,
        ];
        let words = words.map(str::to_owned);
        check_job(&words)
    };
    let reports = ["2022-01-07T23:20:00Z", "2022-01-07T23:25:00Z"].map(job);
    assert_ne!(reports[0]["state"]["windows"], serde_json::json!([]));
    assert_eq!(reports[1]["verdict"], "different");
    assert_fits("report", &reports);
    let kept: Vec<Value> = walkdir::WalkDir::new(archive.join("lines"))
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file())
        .flat_map(|path| lines(&fs::read_to_string(path).unwrap()))
        .collect();
    assert!(kept.iter().any(|line| line["report"].is_object()));
    assert_fits("archive", &kept);
}

fn check_job(words: &[String]) -> Value {
    let output = offline()
        .args(["check", "--output", "json"])
        .args([
            "fixtures/lost-five-minutes/s3",
            "fixtures/lost-five-minutes/cwl",
        ])
        .args(words)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_plan_and_a_diagnosis_of_files_fit() {
    for command in ["plan", "doctor"] {
        let output = offline()
            .args([
                command,
                "--output",
                "json",
                "fixtures/ping/s3",
                "fixtures/ping/cwl",
            ])
            .output()
            .unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_fits(command, &[document]);
    }
}

#[test]
fn an_unknown_schema_is_told_which_there_are() {
    let output = offline().args(["schema", "reports"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains("report, line, difference, round, archive, history, plan, doctor"),
        "{said}"
    );
}
