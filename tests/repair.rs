//! `--repair`: what it makes closes the gap, with the AWS CLI and as often as one likes, and touches nothing else.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::moto::moto;
use crate::support::python::Environment;
use crate::support::records::{Delivery, FlowRecord, generate, recent, streams};
use crate::support::{REGION, flowdiff, offline};

/// The AWS CLI of Python's registry, which is version 1; what the scripts use is in version 2 as well.
const AWS_CLI: Environment = Environment {
    name: "aws-cli-venv",
    packages: &["awscli==1.46.3"],
    alone: &[],
};

struct Stores {
    bucket: String,
    group: String,
}

impl Stores {
    fn fill(name: &str, s3: &[FlowRecord], cwl: &[FlowRecord]) -> Self {
        let stores = Self {
            bucket: format!("flowdiff-{name}"),
            group: format!("/flowdiff/{name}"),
        };
        moto().create_bucket(&stores.bucket, REGION);
        moto().create_group(&stores.group, REGION);
        moto().put_objects(&stores.bucket, Delivery::default().objects(s3));
        for (stream, events) in streams(cwl) {
            moto().put_events(&stores.group, REGION, &stream, &events);
        }
        stores
    }

    fn check(&self, start: i64, more: &[&str]) -> (Value, Output) {
        let output = flowdiff()
            .args(["check", &format!("s3://{}", self.bucket)])
            .args([&format!("cwl://{}", self.group), "--output", "json"])
            .args([
                "--since",
                &start.to_string(),
                "--until",
                &(start + 3600).to_string(),
            ])
            .args(more)
            .output()
            .unwrap();
        let report = serde_json::from_slice(&output.stdout);
        (report.unwrap_or_else(|_| panic!("{output:?}")), output)
    }
}

/// Runs a script of the cure as its user would, from another folder.
fn apply(folder: &Path, script: &str, words: &[&str]) -> Output {
    let programs = AWS_CLI.programs();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(programs).chain(std::env::split_paths(&path));
    Command::new(folder.join(script))
        .args(words)
        .current_dir("/")
        .env_clear()
        .env("PATH", std::env::join_paths(paths).unwrap())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_ENDPOINT_URL", moto().endpoint())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn what_is_missing_on_either_side_is_brought_there() {
    let start = recent() - 3600;
    let records = generate(400, 4, start, 3600);
    // Ten minutes are missing on cwl, one interface on s3, and one interface has no stream at all on cwl.
    let gap = start + 1200..start + 1800;
    let of = |record: &FlowRecord, number: &str| record.interface.ends_with(number);
    let s3: Vec<_> = records.iter().filter(|it| !of(it, "40")).cloned().collect();
    let lacks = |it: &FlowRecord| of(it, "41") || !of(it, "40") && gap.contains(&it.start);
    let cwl = records.iter().filter(|it| !lacks(it));
    let cwl: Vec<_> = cwl.cloned().collect();
    let stores = Stores::fill("repair", &s3, &cwl);
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("cure");
    let repair = ["--repair", folder.to_str().unwrap()];
    let (report, output) = stores.check(start, &repair);
    assert_eq!(report["verdict"], "different", "{report:#}");
    let missing = &report["counts"]["missing"];
    let (on_s3, on_cwl) = (
        missing["s3"].as_u64().unwrap(),
        missing["cwl"].as_u64().unwrap(),
    );
    assert!(on_s3 > 50 && on_cwl > 100, "{missing}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains(&format!(
            "for s3 {on_s3} records, for cwl {on_cwl} records; 0 would be refused, 0 not touched"
        )),
        "{told}"
    );
    // Without an answer nothing happens.
    let asked = apply(&folder, "apply-cwl.sh", &[]);
    assert_eq!(asked.status.code(), Some(1), "{}", said(&asked));
    assert!(said(&asked).contains("Go on? [y/N]"), "{}", said(&asked));
    assert_eq!(stores.check(start, &[]).0["counts"]["missing"], *missing);
    for _ in 0..2 {
        for script in ["apply-s3.sh", "apply-cwl.sh"] {
            let done = apply(&folder, script, &["--yes"]);
            assert!(done.status.success(), "{script}: {}", said(&done));
        }
        let (report, _) = stores.check(start, &[]);
        assert_eq!(report["verdict"], "consistent", "{report:#}");
        assert_eq!(report["counts"]["matched"], 400);
    }
}

#[test]
fn what_would_be_refused_and_what_is_not_missing_is_listed() {
    let work = tempfile::tempdir().unwrap();
    let cure = |scenario: &str, more: &[&str]| {
        let folder = work.path().join(scenario);
        let sides = ["s3", "cwl"].map(|side| format!("fixtures/scenarios/{scenario}/{side}"));
        let run = offline()
            .arg("check")
            .args(sides)
            .args(["-q", "--repair", folder.to_str().unwrap()])
            .args(more)
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        folder
    };
    let lines = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<Value>>()
    };
    // The records are of 2022, and the sides are folders.
    let folder = cure("missing-on-cwl", &[]);
    let refused = lines(&folder.join("refused.jsonl"));
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["side"], "cwl");
    assert!(
        refused[0]["reason"].as_str().unwrap().contains("14 days"),
        "{}",
        refused[0]
    );
    assert!(!folder.join("apply-cwl.sh").exists());
    let folder = cure("missing-on-s3", &[]);
    assert!(!folder.join("apply-s3.sh").exists(), "nobody said where to");
    assert!(
        fs::read_to_string(folder.join("README.txt"))
            .unwrap()
            .contains("--repair-s3")
    );
    let objects = walkdir(&folder.join("objects"));
    assert_eq!(objects.len(), 1, "{objects:?}");
    let folder = cure("divergent-bytes", &["--repair-s3", "s3://logs"]);
    assert_eq!(lines(&folder.join("not-touched.jsonl")).len(), 1);
    assert!(!folder.join("apply-s3.sh").exists(), "nothing is missing");
    // The same object for the same records.
    let again = work.path().join("again");
    fs::rename(work.path().join("missing-on-s3"), &again).unwrap();
    let folder = cure("missing-on-s3", &["--repair-s3", "s3://logs"]);
    assert_eq!(walkdir(&folder.join("objects")), objects);
    let script = fs::read_to_string(folder.join("apply-s3.sh")).unwrap();
    let copy = format!("\naws s3 cp objects/{0} s3://logs/{0}\n", objects[0]);
    assert!(script.contains(&copy), "{script}");
}

/// The files below a folder, in order.
fn walkdir(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap();
                found.push(name.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_cure_that_cannot_be_is_refused() {
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("file"), "mine").unwrap();
    let full = work.path().to_str().unwrap();
    let new = work.path().join("new");
    let new = new.to_str().unwrap();
    for (words, why) in [
        (vec!["--repair", full], "is not empty; give a new folder"),
        (vec!["--repair", new, "--redact"], "not with --redact"),
        (vec!["--repair", new, "--state", full], "not with --state"),
        (vec!["--repair-s3", "s3://logs"], "are for --repair"),
        (
            vec!["--repair", new, "--repair-s3", "folder"],
            "--repair-s3: give a bucket",
        ),
        (
            vec!["--repair", new, "--repair-cwl", "folder"],
            "--repair-cwl: give a log group",
        ),
    ] {
        let ping = ["check", "fixtures/ping/s3", "fixtures/ping/cwl"];
        let run = offline().args(ping).args(&words).output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{words:?}");
        let told = String::from_utf8(run.stderr).unwrap();
        assert!(told.contains(why), "{told}");
    }
    assert_eq!(fs::read(work.path().join("file")).unwrap(), b"mine");
    assert!(!Path::new(new).exists());
}
