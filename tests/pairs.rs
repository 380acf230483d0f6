//! Several pairs: `flowdiff pairs`, and `--pairs` of `check` and `watch`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::flow_logs::{DEFAULT, item, stores, usual};
use crate::support::aws::{BUCKET, Fault, GROUP, Server, Speed};
use crate::support::records::{Delivery, generate, recent};
use crate::support::schema::assert_fits;
use crate::support::{REGION, offline};

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A pairs file in a folder of its own, of scenarios by name.
struct Desk(TempDir);

impl Desk {
    fn new(scenarios: &[&str]) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios");
        let line = |name: &&str| {
            let address = |side: &str| root.join(name).join(side);
            let pair = json!({
                "name": name, "s3": {"address": address("s3")}, "cwl": {"address": address("cwl")},
            });
            format!("{pair}\n")
        };
        fs::write(desk.file(), scenarios.iter().map(line).collect::<String>()).unwrap();
        desk
    }

    fn file(&self) -> std::path::PathBuf {
        self.0.path().join("pairs.jsonl")
    }

    fn check(&self, more: &[&str]) -> Output {
        let mut command = offline();
        command
            .current_dir(self.0.path())
            .args(["check", "--pairs", "pairs.jsonl"])
            .args(more);
        command.output().unwrap()
    }

    fn lacks(&self, name: &str) {
        let pair = json!({"name": name, "s3": {"address": "/no/such"}, "cwl": {"address": "/no/such/either"}});
        let text = fs::read_to_string(self.file()).unwrap();
        fs::write(self.file(), format!("{text}{pair}\n")).unwrap();
    }
}

#[test]
fn a_line_a_pair_and_one_exit_code() {
    let desk = Desk::new(&["consistent", "missing-on-cwl"]);
    let output = desk.check(&[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output);
    let said: Vec<_> = said.lines().collect();
    assert!(
        said[0].starts_with("consistent      Consistent: both"),
        "{said:#?}"
    );
    assert!(
        said[1].starts_with("missing-on-cwl  Different: "),
        "{said:#?}"
    );
    assert_eq!(
        said[2],
        "2 pairs: 1 consistent, 1 different, 0 could not be checked, 0 without a verdict."
    );
    for (scenarios, lacking, code) in [
        (&["consistent"][..], false, 0),
        (&["consistent"], true, 2),
        (&["cut-gzip-on-s3"], true, 2),
        (&["cut-gzip-on-s3", "consistent"], false, 3),
        (&["missing-on-cwl"], true, 1),
    ] {
        let desk = Desk::new(scenarios);
        if lacking {
            desk.lacks("gone");
        }
        let output = desk.check(&["--output", "jsonl"]);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{scenarios:?}: {output:?}"
        );
        let lines = lines(&output);
        assert_fits("several", &lines);
        let [pairs @ .., total] = &lines[..] else {
            panic!("{lines:#?}")
        };
        assert_eq!(pairs.len(), scenarios.len() + usize::from(lacking));
        assert_eq!(total["exit_code"], code);
        if lacking {
            let last = pairs.last().unwrap();
            assert!(
                last["error"].as_str().unwrap().contains("/no/such"),
                "{last:#}"
            );
        }
    }
}

#[test]
fn each_report_is_that_of_a_check_of_its_pair() {
    let desk = Desk::new(&["divergent-bytes", "surplus-on-s3"]);
    let more = [
        "--report",
        "json={pair}.json",
        "--report",
        "openmetrics={pair}.prom",
        "--all-differences",
        "{pair}.jsonl",
        "--quiet",
    ];
    let output = desk.check(&more);
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
    for name in ["divergent-bytes", "surplus-on-s3"] {
        let read =
            |end: &str| fs::read_to_string(desk.0.path().join(format!("{name}.{end}"))).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/scenarios")
            .join(name);
        let alone = offline()
            .arg("check")
            .args([folder.join("s3"), folder.join("cwl")])
            .args(["--output", "json"])
            .output()
            .unwrap();
        assert_eq!(read("json"), String::from_utf8(alone.stdout).unwrap());
        assert_eq!(read("jsonl").lines().count(), 1);
        assert!(
            read("prom").contains(&format!("pair=\"{name}\"")),
            "{}",
            read("prom")
        );
    }
}

#[test]
fn metrics_are_of_each_pair_and_of_all() {
    let desk = Desk::new(&["consistent", "missing-on-cwl"]);
    let output = desk.check(&["--report", "emf=-"]);
    let lines = lines(&output);
    assert_eq!(lines.len(), 4);
    for (line, (name, side)) in lines.iter().zip([
        ("consistent", "s3"),
        ("consistent", "cwl"),
        ("missing-on-cwl", "s3"),
        ("missing-on-cwl", "cwl"),
    ]) {
        assert_eq!((&line["Pair"], &line["Side"]), (&json!(name), &json!(side)));
        let sets = &line["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
        assert_eq!(*sets, json!([["Pair", "Side"], ["Side"]]));
    }
}

#[test]
fn each_pair_has_a_state_of_its_own() {
    let desk = Desk::new(&["consistent", "missing-on-cwl"]);
    let more = [
        "--state",
        "states",
        "--since",
        "2022-01-07T23:00:00Z",
        "--until",
        "2022-01-08",
    ];
    let more = [
        &more[..],
        &["--now", "2022-01-08T01:00:00Z", "--output", "jsonl"],
    ]
    .concat();
    let first = desk.check(&more);
    assert_eq!(first.status.code(), Some(1), "{first:?}");
    for name in ["consistent", "missing-on-cwl"] {
        assert!(
            desk.0
                .path()
                .join("states")
                .join(name)
                .join("state.json")
                .exists(),
            "{name}"
        );
    }
    // What is lost is said once.
    let second = desk.check(&more);
    assert_eq!(second.status.code(), Some(0), "{second:?}");
    // A pair whose state is held keeps no other from going on.
    let lock = fs::File::open(desk.0.path().join("states/consistent/lock")).unwrap();
    lock.lock().unwrap();
    let third = desk.check(&more);
    assert_eq!(third.status.code(), Some(2), "{third:?}");
    let told = lines(&third);
    assert!(
        told[0]["error"].as_str().unwrap().contains("is in use by"),
        "{:#}",
        told[0]
    );
    assert_eq!(told[1]["error"], Value::Null);
}

#[test]
fn watch_tells_a_line_a_pair_and_one_a_round() {
    let desk = Desk::new(&["consistent", "missing-on-cwl"]);
    desk.lacks("gone");
    let mut command = Command::new(offline().get_program());
    command
        .current_dir(desk.0.path())
        .args([
            "watch",
            "--pairs",
            "pairs.jsonl",
            "--state",
            "states",
            "--every",
            "1s",
        ])
        .args(["--since", "2022-01-07T23:00:00Z", "--until", "2022-01-08"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let told: Vec<_> = crate::state::live::lines(&mut child).take(8).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let kinds: Vec<_> = told
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "pair", "pair", "pair", "round", "pair", "pair", "pair", "round"
        ]
    );
    assert_eq!(
        (&told[3]["exit_code"], &told[3]["error"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(
        told[1]["report"]["counts"]["missing"]["cwl"].as_u64(),
        Some(1),
        "{:#}",
        told[1]
    );
    assert_eq!(told[7]["exit_code"], 2);
    let (rounds, pairs): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|line| line["type"] == "round");
    assert_fits("round", &rounds);
    assert_fits("several", &pairs);
}

/// For a person: a line for each pair of which there is something to say, the report when something was found, a dot for a round
/// in which nothing was due.
#[test]
fn watch_tells_a_person_of_each_pair() {
    let start = recent() + 2 * 3600;
    let folder = tempfile::tempdir().unwrap();
    let all = generate(20, 2, start, 900);
    let mut pairs = String::new();
    for (name, lost) in [("vpc-a", 0), ("vpc-bb", 1)] {
        for (side, records) in [("s3", &all[..]), ("cwl", &all[lost..])] {
            let lines: String = records.iter().map(|record| record.line() + "\n").collect();
            fs::write(folder.path().join(format!("{name}-{side}.log")), lines).unwrap();
        }
        let address = |side: &str| json!({"address": format!("{name}-{side}.log")});
        let pair = json!({"name": name, "s3": address("s3"), "cwl": address("cwl")});
        pairs += &format!("{pair}\n");
    }
    fs::write(folder.path().join("pairs.jsonl"), pairs).unwrap();
    let [since, until] = [start, start + 900].map(|second| second.to_string());
    let mut child = Command::new(offline().get_program())
        .current_dir(&folder)
        .args(["watch", "--pairs", "pairs.jsonl", "--state", "states"])
        .args(["--every", "1s", "--output", "text"])
        .args(["--since", &since, "--until", &until])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut said = String::new();
    while !said.ends_with("\n..") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut stdout, &mut byte).unwrap();
        said.push(char::from(byte[0]));
        assert!(said.lines().count() < 100, "{said}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let lines: Vec<_> = said.lines().collect();
    assert!(
        lines[0].contains("Z  vpc-a   ") && lines[0].contains("  Consistent: "),
        "{said}"
    );
    assert!(lines[1].contains("Z  vpc-bb  "), "{said}");
    let found = said
        .matches("\nDifferent: 1 record missing on cwl.\n")
        .count();
    assert_eq!(found, 1, "{said}");
    assert_eq!(said.matches("Z  vpc-").count(), 2, "{said}");
}

#[test]
fn what_cannot_be_asked_of_pairs_is_said() {
    let desk = Desk::new(&["consistent", "missing-on-cwl"]);
    for (more, said) in [
        (
            &["--report", "json=r.json"][..],
            "--report: `json=r.json` would be written by every pair",
        ),
        (
            &["--all-differences", "all"],
            "--all-differences: `all` would be written by every pair",
        ),
        (
            &["--output", "csv"],
            "--pairs: csv is one document for each pair",
        ),
        (
            &["--settle", "soon"],
            "the pair `consistent`: --settle: `soon`",
        ),
        (&["--resource", "vpc-0aa"], "cannot be used with"),
    ] {
        let output = desk.check(more);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    fs::write(desk.file(), "{}\n").unwrap();
    let output = desk.check(&[]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("--pairs: `pairs.jsonl`: line 1: is no pair"),
        "{stderr}"
    );
}

#[test]
fn the_file_can_be_an_object() {
    let desk = Desk::new(&["consistent"]);
    let mut stores = crate::support::aws::Stores::default();
    stores.put("job/pairs.jsonl", fs::read(desk.file()).unwrap());
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    for (object, code, said) in [
        ("s3://flow-logs/job/pairs.jsonl", 0, ""),
        (
            "s3://flow-logs/job/other",
            2,
            "`s3://flow-logs/job/other`: no such object",
        ),
        ("s3://flow-logs", 2, "names no object"),
    ] {
        let output = ask(&server, &["check", "--pairs", object]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains(said),
            "{output:?}"
        );
    }
}

fn server(flow_logs: Vec<String>) -> Server {
    let records = generate(240, 4, recent(), 3600);
    let delivery = Delivery {
        prefix: "team/",
        ..Delivery::default()
    };
    let stores = stores(&delivery, &records, flow_logs);
    Server::start(
        stores,
        Speed {
            page: Some(2),
            ..Speed::default()
        },
        Box::new(|_, _| Fault::None),
    )
}

fn ask(server: &Server, words: &[&str]) -> Output {
    offline()
        .args(words)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .env("FLOWDIFF_CWL_RATE", "1000")
        .output()
        .unwrap()
}

/// What one region cannot tell keeps no other from telling, and is said.
#[test]
fn each_region_is_asked_and_each_flow_log_is_told_once() {
    let all = usual(DEFAULT, 60, "ALL");
    let flow_logs = vec![item("fl-0aa", "s3", &all), item("fl-0bb", "cwl", &all)];
    let told = server(flow_logs.clone());
    let regions = [
        "pairs",
        "--region",
        "eu-west-1",
        "--region",
        "eu-west-2",
        "-o",
        "jsonl",
    ];
    let output = ask(&told, &regions);
    assert_eq!(
        (output.status.code(), lines(&output).len()),
        (Some(0), 1),
        "{output:?}"
    );
    let stores = stores(&Delivery::default(), &[], flow_logs);
    let mut asked = 0;
    let denied = Server::start(
        stores,
        Speed::default(),
        Box::new(move |call, _| {
            asked += usize::from(call.operation == "DescribeFlowLogs");
            match asked == 1 && call.operation == "DescribeFlowLogs" {
                true => Fault::Refused(403, "UnauthorizedOperation"),
                false => Fault::None,
            }
        }),
    );
    let output = ask(&denied, &regions);
    assert_eq!(
        (output.status.code(), lines(&output).len()),
        (Some(2), 1),
        "{output:?}"
    );
    let said = String::from_utf8_lossy(&output.stderr);
    for part in [
        "the flow logs of region `eu-west-",
        "UnauthorizedOperation",
        "`ec2:DescribeFlowLogs`",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn what_an_account_has_is_found_and_can_be_checked() {
    let of = |item: String, resource: &str| item.replace("subnet-0aa", resource);
    let all = usual(DEFAULT, 60, "ALL");
    let id = Delivery::default().flow_log_id;
    let server = server(vec![
        of(item(id, "s3", &all), "subnet-0aa"),
        of(item("fl-0bb", "cwl", &all), "subnet-0aa"),
        of(item("fl-0cc", "s3", &all), "vpc-0bb"),
        of(
            item("fl-0dd", "cwl", &usual(DEFAULT, 600, "REJECT")),
            "vpc-0bb",
        ),
        of(item("fl-0ee", "s3", &all), "vpc-0cc"),
    ]);
    let output = ask(&server, &["pairs"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = text(&output);
    for line in [
        "2 pairs, 1 of them unlike in configuration.",
        "  unlike: traffic-type ALL (s3), REJECT (cwl): ",
        "  unlike: aggregation-interval 60 s (s3), 600 s (cwl): ",
        "  fl-0ee on vpc-0cc in eu-west-1: to s3://",
    ] {
        assert!(
            said.lines().any(|it| it.starts_with(line)),
            "{line}: {said}"
        );
    }
    let output = ask(&server, &["pairs", "-o", "jsonl"]);
    let found = lines(&output);
    assert_fits("pairs", &found);
    let names: Vec<_> = found
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["subnet-0aa", "vpc-0bb"]);
    assert_eq!(found[0]["cwl"]["address"], format!("cwl://{GROUP}"));
    let bucket = found[0]["s3"]["address"].as_str().unwrap();
    assert!(
        bucket.starts_with(&format!("s3://{BUCKET}/team/AWSLogs/")),
        "{bucket}"
    );

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pairs.jsonl");
    fs::write(&file, &output.stdout).unwrap();
    let file = file.to_str().unwrap();
    let output = ask(
        &server,
        &["check", "--pairs", file, "--since", "90d", "-o", "jsonl"],
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = lines(&output);
    assert_eq!(
        (
            &told[0]["exit_code"],
            &told[0]["report"]["counts"]["matched"]
        ),
        (&json!(0), &json!(240))
    );
    // Of the second flow log's objects there are none, and what is unlike is told with it.
    let findings = told[1]["report"]["findings"].as_array().unwrap();
    let unlike: Vec<_> = findings
        .iter()
        .filter(|it| it["kind"] == "configuration")
        .collect();
    assert!(
        unlike.iter().any(|it| it["setting"] == "traffic-type"),
        "{:#}",
        told[1]
    );
    let next = told[1]["report"]["next"]["command"].as_str().unwrap();
    for part in [
        "--flow-log-id fl-0cc",
        "--s3-region eu-west-1",
        bucket,
        "cwl://",
    ] {
        assert!(next.contains(part), "{next}");
    }
    assert!(!next.contains("--pairs"), "{next}");
}
