//! Reports for monitoring systems, read by the parsers of these systems (`support/consume.py`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::moto::environment;
use crate::support::offline;

/// Where something is wrong, and what.
const SCENARIOS: &str = "fixtures/scenarios";

/// Has reports read by their consumers, all in one go.
fn consume<'a>(reports: impl IntoIterator<Item = (&'a str, &'a Path)>) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/consume.py");
    let reports = reports.into_iter();
    let arguments = reports.map(|(format, path)| format!("{format}={}", path.display()));
    let mut python = Command::new(environment());
    let output = python.arg(script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs a scenario with some options and returns the exit code and standard output.
fn run(scenario: &str, more: &[&str]) -> (i32, String) {
    let folder = Path::new(SCENARIOS).join(scenario);
    let given = fs::read_to_string(folder.join("args.json"));
    let given: Vec<String> =
        given.map_or_else(|_| Vec::new(), |text| serde_json::from_str(&text).unwrap());
    let mut command = offline();
    let sources = [folder.join("s3"), folder.join("cwl")];
    let output = command
        .arg("check")
        .args(sources)
        .args(given)
        .args(more)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

/// Writes a report of each format of one run.
fn reports(scenario: &str) -> (i32, Vec<(&'static str, PathBuf)>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let formats = ["json", "csv", "emf", "junit", "openmetrics"];
    let paths: Vec<_> = formats
        .iter()
        .map(|format| (*format, folder.path().join(format)))
        .collect();
    let mut args = vec!["--quiet".to_owned()];
    for (format, path) in &paths {
        args.extend([
            "--report".to_owned(),
            format!("{format}={}", path.display()),
        ]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (code, printed) = run(scenario, &args);
    assert_eq!(printed, "");
    (code, paths, folder)
}

/// Every scenario there is: what each consumer understood is what the JSON report says.
#[test]
fn every_consumer_understands_every_scenario() {
    let names = fs::read_dir(SCENARIOS).unwrap();
    let written: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|scenario| {
            let written = reports(&scenario);
            (scenario, written)
        })
        .collect();
    assert!(written.len() >= 14, "the scenarios are there");
    let paths = written.iter().flat_map(|(_, (_, paths, _))| &paths[1..]);
    let read = consume(paths.map(|(format, path)| (*format, path.as_path())));
    for ((scenario, (code, paths, _)), read) in written.iter().zip(read.chunks(4)) {
        let report = fs::read_to_string(&paths[0].1).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        let [csv, emf, junit, openmetrics] = read else {
            unreachable!()
        };
        same_findings(scenario, &report, csv);
        same_metrics(scenario, &report, emf);
        same_gauges(scenario, &report, openmetrics);
        let number = |name: &str| junit[name].as_i64().unwrap();
        let red = number("failures") + number("errors") > 0;
        let only_pending = number("skipped") > 0;
        assert_eq!(red, *code != 0 && !only_pending, "{scenario}: {junit}");
        assert_eq!(number("failures") > 0, *code == 1, "{scenario}: {junit}");
        assert!(number("tests") > 0, "{scenario}: {junit}");
    }
}

fn same_findings(scenario: &str, report: &Value, csv: &Value) {
    let findings = report["findings"].as_array().unwrap();
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let mut rows = csv.as_array().unwrap().iter();
    for finding in findings {
        let row = |name: &str, row: &Value| {
            let value = match name {
                // Of several causes that which explains most.
                "cause" => &finding["causes"][0]["number"],
                name => &finding[name],
            };
            assert_eq!(row[name], Value::String(text(value)), "{scenario}: {name}");
        };
        let Some(records) = finding["records"].as_u64() else {
            let next = rows.next().unwrap();
            for name in ["kind", "side", "part", "row", "reason"] {
                row(name, next);
            }
            continue;
        };
        // A row for each of its records, with its fields and where it stands.
        for number in 0..usize::try_from(records).unwrap() {
            let next = rows.next().unwrap();
            for name in ["kind", "side", "interface", "slot", "cause"] {
                row(name, next);
            }
            assert_eq!(next["records"], "1", "{scenario}");
            let shown = &finding["evidence"][number];
            let shown = if shown["s3"].is_object() {
                &shown["s3"]
            } else {
                shown
            };
            for (name, value) in shown["record"].as_object().into_iter().flatten() {
                let value = if value.is_null() {
                    "-".to_owned()
                } else {
                    text(value)
                };
                assert_eq!(
                    next[name.as_str()],
                    Value::String(value),
                    "{scenario}: {name}"
                );
            }
            if shown.is_object() {
                assert_eq!(next["part"], shown["found_in"]["part"], "{scenario}");
                assert_eq!(next["row"], text(&shown["found_in"]["row"]), "{scenario}");
            }
        }
    }
    assert_eq!(rows.next(), None, "{scenario}");
}

fn same_metrics(scenario: &str, report: &Value, emf: &Value) {
    let [s3, cwl] = &emf.as_array().unwrap()[..] else {
        panic!("{scenario}: {emf}")
    };
    for (line, side) in [(s3, "s3"), (cwl, "cwl")] {
        let counts = &report["counts"];
        assert_eq!(line["side"], side);
        assert_eq!(line["source"], report["sides"][side]["source"]);
        let metrics = &line["metrics"];
        assert_eq!(
            metrics["Records"], report["sides"][side]["records"],
            "{scenario}"
        );
        for (metric, kind) in [
            ("Missing", "missing"),
            ("Surplus", "surplus"),
            ("Pending", "pending"),
            ("Undetermined", "undetermined"),
        ] {
            assert_eq!(metrics[metric], counts[kind][side], "{scenario}: {kind}");
        }
        assert_eq!(metrics["Divergent"], counts["divergent"], "{scenario}");
        let consistent = i32::from(report["verdict"] == "consistent");
        assert_eq!(metrics["Consistent"], consistent, "{scenario}");
        assert!(metrics["RunSeconds"].as_f64().unwrap() > 0.0, "{scenario}");
        assert_eq!(
            line["document"]["WindowStart"], report["window"]["start"],
            "{scenario}"
        );
        // Nothing is known of delays in files, and 0 would be a lie.
        assert_eq!(metrics.get("LagP99"), None, "{scenario}");
    }
}

fn same_gauges(scenario: &str, report: &Value, gauges: &Value) {
    let value = |name: &str| gauges[name]["value"].as_f64();
    for side in ["s3", "cwl"] {
        for kind in ["missing", "surplus", "pending", "undetermined"] {
            let name = format!("flowdiff_{kind}_records[{side}]");
            assert_eq!(
                value(&name),
                report["counts"][kind][side].as_f64(),
                "{scenario}: {name}"
            );
        }
        let records = value(&format!("flowdiff_records[{side}]"));
        assert_eq!(
            records,
            report["sides"][side]["records"].as_f64(),
            "{scenario}"
        );
    }
    assert_eq!(
        value("flowdiff_divergent_records"),
        report["counts"]["divergent"].as_f64()
    );
    assert_eq!(
        value("flowdiff_exit_code"),
        report["exit_code"].as_f64(),
        "{scenario}"
    );
    let last_run = value("flowdiff_last_run_timestamp_seconds");
    assert!(last_run > Some(1.6e9), "{scenario}: {gauges}");
    let success = last_run.filter(|_| report["exit_code"] == 0);
    assert_eq!(
        value("flowdiff_last_success_timestamp_seconds"),
        success,
        "{scenario}"
    );
}

#[test]
fn the_last_success_outlives_a_run_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flow.prom");
    let both = folder.path().join("logs");
    fs::create_dir(&both).unwrap();
    let check = |code: i32| {
        let report = format!("openmetrics={}", path.display());
        let mut command = offline();
        command
            .args(["check", "fixtures/ping/s3"])
            .arg(&both)
            .args(["--quiet", "--report", &report]);
        command.assert().code(code);
        let read = consume([("openmetrics", &*path)]);
        read[0]["flowdiff_last_success_timestamp_seconds"]["value"].as_f64()
    };
    let copy = |names: &[&str]| {
        for name in names {
            fs::copy(Path::new("fixtures/ping/cwl").join(name), both.join(name)).unwrap();
        }
    };
    let names: Vec<String> = fs::read_dir("fixtures/ping/cwl")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    copy(&names);
    let success = check(0);
    assert!(success.is_some());
    fs::remove_file(both.join(names[0])).unwrap();
    assert_eq!(check(1), success);
    copy(&names);
    assert!(check(0) >= success);
}

#[test]
fn nagios_reads_the_line_and_gets_its_own_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("consistent", "", 0, "FLOWDIFF OK - Consistent: "),
        (
            "missing-on-cwl",
            "",
            2,
            "FLOWDIFF CRITICAL - Different: 1 record missing on cwl.",
        ),
        (
            "missing-on-cwl",
            "-w missing=0 -c missing=5",
            1,
            "FLOWDIFF WARNING - ",
        ),
        ("missing-on-cwl", "-w 0 -c 5", 1, "FLOWDIFF WARNING - "),
        (
            "missing-on-cwl",
            "-w missing=5 -c missing=10,divergent=0",
            0,
            "FLOWDIFF OK - Different: 1 record missing",
        ),
        ("missing-on-cwl", "-c @1:2", 2, "FLOWDIFF CRITICAL - "),
        (
            "divergent-bytes",
            "-w ~:0 -c divergent=~:0",
            2,
            "FLOWDIFF CRITICAL - ",
        ),
        (
            "pending-on-s3",
            "",
            3,
            "FLOWDIFF UNKNOWN - No verdict: 1 record pending",
        ),
        ("pending-on-s3", "-w pending=0", 1, "FLOWDIFF WARNING - "),
        ("pending-on-s3", "-w pending=1", 0, "FLOWDIFF OK - "),
        (
            "cut-gzip-on-s3",
            "-w 99 -c 99",
            3,
            "FLOWDIFF UNKNOWN - No verdict: ",
        ),
        (
            "outside-the-window",
            "",
            3,
            "FLOWDIFF UNKNOWN - No verdict: neither",
        ),
        ("consistent", "-c lag=900", 3, "FLOWDIFF UNKNOWN - "),
    ];
    let mut lines = Vec::new();
    for (scenario, args, code, said) in cases {
        let words = ["--nagios"].into_iter().chain(args.split_whitespace());
        let (got, line) = run(scenario, &words.collect::<Vec<_>>());
        assert_eq!(got, code, "{scenario} {args}: {line}");
        assert!(line.starts_with(said), "{scenario} {args}: {line}");
        let path = folder.path().join(lines.len().to_string());
        fs::write(&path, &line).unwrap();
        lines.push(path);
    }
    let read = consume(lines.iter().map(|path| ("nagios", &**path)));
    for ((scenario, args, code, _), read) in cases.into_iter().zip(read) {
        let values = read["values"].as_object().unwrap();
        let outside = |limit: &str| values.values().any(|value| value[limit] == true);
        // What the library makes of the ranges in the line is what flowdiff made of them.
        let warning = outside("warning") && !outside("critical");
        assert_eq!(warning, code == 1, "{scenario} {args}: {read}");
        for name in [
            "missing",
            "surplus",
            "divergent",
            "pending",
            "undetermined",
            "records_s3",
            "records_cwl",
            "time",
        ] {
            assert!(values.contains_key(name), "{scenario} {args}: {name}");
        }
    }
}

#[test]
fn nagios_is_told_of_trouble_in_its_own_way() {
    for (args, said) in [
        (
            &["check", "no-such-folder", "fixtures/ping/cwl", "--nagios"][..],
            "no-such-folder",
        ),
        (
            &["check", "a", "b", "--nagios", "-w", "many"],
            "--warning: `many` is not a range",
        ),
        (
            &["check", "--nagios", "--no-such-option"],
            "--no-such-option",
        ),
        (&["check", "--nagios"], "required"),
    ] {
        let output = offline().args(args).output().unwrap();
        let line = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(3), "{args:?}: {line}");
        assert!(
            line.starts_with("FLOWDIFF UNKNOWN - ") && line.contains(said),
            "{args:?}: {line}"
        );
        assert_eq!(line.lines().count(), 1, "{args:?}: {line}");
    }
    let mut broken = offline();
    broken
        .env("FLOWDIFF_NAGIOS", "1")
        .args(["check", "a"])
        .assert()
        .code(3);
    let mut plain = offline();
    plain
        .env("FLOWDIFF_NAGIOS", "0")
        .args(["check", "a"])
        .assert()
        .code(2);
}

#[test]
fn what_is_tolerated_is_still_told() {
    for (scenario, limits, code) in [
        ("missing-on-cwl", "missing>1", 0),
        ("missing-on-cwl", "missing>=1", 1),
        ("missing-on-cwl", "missing>12.5%", 0),
        ("missing-on-cwl", "missing>0.001%,divergent>0", 1),
        ("missing-on-cwl", "divergent>5", 1),
        ("divergent-bytes", "missing>0.001%,divergent>1", 0),
        // What is not known is not tolerated.
        ("cut-gzip-on-s3", "missing>99", 3),
        ("pending-on-s3", "missing>99", 3),
    ] {
        let (got, printed) = run(scenario, &["--output", "json", "--fail-on", limits]);
        assert_eq!(got, code, "{scenario} {limits}: {printed}");
        let report: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(report["exit_code"], code, "{scenario} {limits}");
        let tolerated = report["notes"].to_string().contains("tolerated: 1 record");
        assert_eq!(tolerated, code == 0, "{scenario} {limits}: {printed}");
        if code < 2 {
            assert_eq!(report["verdict"], "different", "{scenario} {limits}");
            assert_ne!(report["findings"], json!([]), "{scenario} {limits}");
        }
    }
}

#[test]
fn a_report_can_have_standard_output() {
    let (code, printed) = run("missing-on-cwl", &["--report", "emf=-", "--quiet"]);
    assert_eq!((code, printed.lines().count()), (1, 2), "{printed}");
    assert!(
        printed.lines().all(|line| line.starts_with("{\"_aws\":{")),
        "{printed}"
    );
    let (code, _) = run("missing-on-cwl", &["--report", "emf=-", "--output", "json"]);
    assert_eq!(code, 2);
}

/// Whoever reads has seen enough, which changes nothing about the answer, in whatever form.
#[test]
fn a_reader_that_goes_away_changes_no_exit_code() {
    use std::io::Read;
    use std::process::{Command, Stdio};

    let folder = tempfile::tempdir().unwrap();
    let lines: String = crate::support::records::generate(2_000, 200, 1_641_596_400, 86_400)
        .iter()
        .map(|record| record.line() + "\n")
        .collect();
    fs::write(folder.path().join("s3.log"), &lines).unwrap();
    let first = lines.lines().next().unwrap();
    fs::write(folder.path().join("cwl.log"), format!("{first}\n")).unwrap();
    for format in [
        "text",
        "json",
        "jsonl",
        "csv",
        "html",
        "junit",
        "emf",
        "openmetrics",
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_flowdiff"))
            .current_dir(&folder)
            .args([
                "check",
                "s3.log",
                "cwl.log",
                "-o",
                format,
                "--max-evidence",
                "5000",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut one = [0];
        child.stdout.take().unwrap().read_exact(&mut one).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{format}: {said}");
    }
}
