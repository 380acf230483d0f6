//! `flowdiff doctor`: that what a check lacks is named, with the smallest calls, and that nothing is called that writes.

mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::aws::{BUCKET, Call, Fault, GROUP, Server, Speed, Stores};
use crate::support::moto::moto;
use crate::support::records::{Delivery, generate, recent, streams};
use crate::support::schema::assert_fits;
use crate::support::{REGION, flowdiff, offline};

const HOUR: i64 = 3600;

/// What a doctor calls if all is well, how often: a level of folders each, and the smallest reads.
const CALLS: [(&str, usize); 8] = [
    ("DescribeLogGroups", 1),
    ("DescribeLogStreams", 1),
    ("FilterLogEvents", 1),
    ("GetBucketLifecycleConfiguration", 1),
    ("GetCallerIdentity", 2),
    ("GetLogEvents", 1),
    ("GetObject", 1),
    ("ListObjectsV2", 8),
];

/// The same records in both stores.
fn stores() -> Stores {
    let records = generate(200, 2, recent(), HOUR);
    let mut stores = Stores::default();
    for (key, bytes) in Delivery::default().objects(&records) {
        stores.put(&key, bytes);
    }
    for (name, events) in streams(&records) {
        stores.streams.insert(name, Arc::new(events));
    }
    stores
}

/// What a run ended with.
struct Outcome {
    code: i32,
    diagnosis: Value,
    calls: BTreeMap<String, usize>,
}

impl Outcome {
    /// Status, what was found and the advice of a side's probe.
    fn probe(&self, side: &str, name: &str) -> (String, String, String) {
        let probes = self.diagnosis["probes"].as_array().unwrap();
        let probe = probes
            .iter()
            .find(|probe| probe["side"] == side && probe["probe"] == name);
        let probe = probe.unwrap_or_else(|| panic!("no {side} {name}: {:#}", self.diagnosis));
        let text = |name: &str| probe[name].as_str().unwrap_or("").to_owned();
        (text("status"), text("found"), text("advice"))
    }

    /// (Side, probe) of what is not ok.
    fn troubles(&self) -> Vec<(String, String)> {
        let probes = self.diagnosis["probes"].as_array().unwrap().iter();
        let troubles = probes.filter(|probe| probe["status"] != "ok");
        troubles
            .map(|probe| {
                let side = probe["side"].as_str().unwrap_or("both").to_owned();
                (side, probe["probe"].as_str().unwrap().to_owned())
            })
            .collect()
    }
}

fn window() -> [String; 4] {
    let time = |second| Timestamp::from_second(second).unwrap().to_string();
    [
        "--since".to_owned(),
        time(recent()),
        "--until".to_owned(),
        time(recent() + HOUR),
    ]
}

fn run_on(server: &Server, words: &[&str]) -> Outcome {
    let output = offline()
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .args(["doctor", "--output", "json"])
        .args(words)
        .args(window())
        .output()
        .unwrap();
    let mut calls = BTreeMap::new();
    for call in server.take_answered() {
        *calls.entry(call.operation).or_default() += 1;
    }
    Outcome {
        code: output.status.code().unwrap(),
        diagnosis: serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}")),
        calls,
    }
}

/// Runs on both addresses of a server with these stores.
fn run(stores: Stores, words: &[&str]) -> Outcome {
    refusing(stores, words, |_| Fault::None)
}

fn refusing(
    stores: Stores,
    words: &[&str],
    refuse: impl Fn(&Call<'_>) -> Fault + Send + 'static,
) -> Outcome {
    let server = Server::start(
        stores,
        Speed::default(),
        Box::new(move |call, _| refuse(call)),
    );
    let addresses = [format!("s3://{BUCKET}"), format!("cwl://{GROUP}")];
    let mut all: Vec<&str> = addresses.iter().map(String::as_str).collect();
    all.extend(words);
    run_on(&server, &all)
}

#[test]
fn if_all_is_well_little_is_called_and_only_to_read() {
    let outcome = run(stores(), &[]);
    assert_eq!(outcome.code, 0, "{:#}", outcome.diagnosis);
    assert_eq!(outcome.troubles(), []);
    let calls = CALLS.map(|(operation, times)| (operation.to_owned(), times));
    assert_eq!(outcome.calls, BTreeMap::from(calls));
    let diagnosis = &outcome.diagnosis;
    assert_eq!(diagnosis["schema"], "flowdiff.doctor/1");
    assert_eq!(diagnosis["status"], "ok");
    let s3 = &diagnosis["sides"]["s3"];
    assert_eq!(s3["identity"], "arn:aws:iam::123456789012:user/test");
    assert_eq!(s3["region"], REGION);
    assert_eq!(s3["flow_logs"], json!(["fl-0fa0140fa0140fa01"]));
    assert_eq!(
        s3["layouts"],
        json!(["AWSLogs/ACCOUNT/vpcflowlogs/REGION/YYYY/MM/DD/"])
    );
    let newest = s3["newest_object_in_window"]["name"].as_str().unwrap();
    assert!(newest.ends_with(".log.gz"), "{newest}");
    let cwl = &diagnosis["sides"]["cwl"];
    assert_eq!(
        (&cwl["streams"], &cwl["log_class"]),
        (&json!(2), &json!("STANDARD"))
    );
    assert_eq!(outcome.probe("s3", "format").1, "text of 14 fields");
    assert!(outcome.probe("cwl", "format").1.ends_with("14 fields"));
}

/// Whatever is denied, it is named, and everything else is still looked at.
#[test]
fn each_permission_that_is_lacking_is_named() {
    let group = "arn:aws:logs:eu-west-1:123456789012:log-group:/flow/logs:*";
    let bucket = "arn:aws:s3:::flow-logs";
    let objects = "arn:aws:s3:::flow-logs/AWSLogs/*";
    let (s3, logs) = ((403, "AccessDenied"), (400, "AccessDeniedException"));
    for (side, operation, refusal, action, resource, code, others) in [
        (
            "s3",
            "ListObjectsV2",
            s3,
            "s3:ListBucket",
            bucket,
            2,
            &["s3:GetObject"][..],
        ),
        ("s3", "GetObject", s3, "s3:GetObject", objects, 2, &[]),
        (
            "s3",
            "GetBucketLifecycleConfiguration",
            s3,
            "s3:GetLifecycleConfiguration",
            bucket,
            1,
            &[],
        ),
        (
            "cwl",
            "DescribeLogGroups",
            logs,
            "logs:DescribeLogGroups",
            "*",
            1,
            &[],
        ),
        (
            "cwl",
            "DescribeLogStreams",
            logs,
            "logs:DescribeLogStreams",
            group,
            2,
            &["logs:GetLogEvents", "logs:FilterLogEvents"],
        ),
        (
            "cwl",
            "FilterLogEvents",
            logs,
            "logs:FilterLogEvents",
            group,
            1,
            &[],
        ),
        (
            "cwl",
            "GetLogEvents",
            logs,
            "logs:GetLogEvents",
            group,
            2,
            &[],
        ),
    ] {
        let (status, error) = refusal;
        // An object that may not be read may not be asked for either.
        let heads = operation == "GetObject";
        let outcome = refusing(stores(), &[], move |call| {
            match call.operation == operation || (heads && call.operation == "HeadObject") {
                true => Fault::Refused(status, error),
                false => Fault::None,
            }
        });
        assert_eq!(outcome.code, code, "{operation}: {:#}", outcome.diagnosis);
        let (status, found, advice) = outcome.probe(side, action);
        assert_eq!(status, if code == 2 { "failed" } else { "warning" });
        assert!(found.contains(error) || heads, "{operation}: {found}");
        assert!(
            advice.contains(&format!("allow `{action}` on `{resource}`")),
            "{operation}: {advice}"
        );
        let probes = outcome.diagnosis["probes"].as_array().unwrap();
        let named = probes
            .iter()
            .find(|probe| probe["probe"] == action)
            .unwrap();
        assert_eq!(
            named["permission"],
            json!({"action": action, "resource": resource})
        );
        let expected: BTreeSet<&str> = others.iter().copied().chain([action]).collect();
        let troubles = outcome.troubles();
        let troubles: BTreeSet<&str> = troubles.iter().map(|(_, probe)| probe.as_str()).collect();
        // Without the group's settings its ARN is told from the caller's account: nothing else is lost.
        assert_eq!(troubles, expected, "{operation}");
    }
}

#[test]
fn a_key_that_is_denied_is_told_from_an_object_that_is() {
    let key = "arn:aws:kms:eu-west-1:123456789012:key/0aa";
    let encrypted = || Stores {
        kms_key: Some(key.to_owned()),
        ..stores()
    };
    let outcome = run(encrypted(), &[]);
    assert_eq!(outcome.code, 0, "{:#}", outcome.diagnosis);
    assert_eq!(outcome.probe("s3", "kms:Decrypt").0, "ok");
    assert_eq!(outcome.diagnosis["sides"]["s3"]["kms_key"], key);
    let outcome = refusing(encrypted(), &[], |call| match call.operation {
        "GetObject" => Fault::Refused(403, "AccessDenied"),
        _ => Fault::None,
    });
    assert_eq!(outcome.code, 2);
    assert_eq!(outcome.probe("s3", "s3:GetObject").0, "ok");
    let (status, _, advice) = outcome.probe("s3", "kms:Decrypt");
    assert_eq!(status, "failed");
    assert_eq!(advice, format!("allow `kms:Decrypt` on `{key}`"));
}

#[test]
fn flow_logs_that_cannot_be_asked_for_are_an_answer() {
    let server = Server::start(
        stores(),
        Speed::default(),
        Box::new(|call, _| match call.operation {
            "DescribeFlowLogs" => Fault::Refused(403, "UnauthorizedOperation"),
            _ => Fault::None,
        }),
    );
    let outcome = run_on(&server, &["--resource", "vpc-0aa"]);
    assert_eq!(outcome.code, 2);
    let probes = outcome.diagnosis["probes"].as_array().unwrap();
    assert_eq!(
        probes[0]["permission"],
        json!({"action": "ec2:DescribeFlowLogs", "resource": "*"})
    );
    assert_eq!(outcome.probe("s3", "identity").0, "ok");
    assert_eq!(outcome.probe("cwl", "identity").0, "ok");
}

#[test]
fn files_are_looked_at_and_nobody_is_called() {
    let output = offline()
        .args(["doctor", "fixtures/ping/s3", "-"])
        .write_stdin("2 a")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in ["2 files", "fl-0f1a2b3c4d5e6f708", "can be read only once"] {
        assert!(text.contains(part), "{text}");
    }
    let output = offline()
        .args(["doctor", "no-such-folder", "fixtures/ping/cwl"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("no such file or folder"), "{text}");
}

#[test]
fn without_credentials_what_would_be_needed_is_named() {
    let output = offline()
        .env("AWS_REGION", REGION)
        .args(["doctor", "s3://flow-logs", "cwl://flow"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("no usable credentials"), "{text}");
    for action in [
        "s3:ListBucket",
        "s3:GetObject",
        "logs:DescribeLogStreams",
        "logs:FilterLogEvents",
        "logs:GetLogEvents",
    ] {
        assert!(
            text.contains(&format!("a check needs `{action}`")),
            "{text}"
        );
    }
    let output = offline()
        .args(["doctor", "a", "b", "--output", "junit"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("doctor has the forms text and json"));
}

/// A deployed environment, which is not empty by half: the log group has no stream yet.
#[test]
fn a_deployed_environment_is_examined_by_its_subnet() {
    let names = [
        "BucketName=flowdiff-doctor",
        "LogGroupName=/flowdiff/doctor",
    ];
    let made = moto().deploy("doctor", REGION, &names);
    let records = generate(20, 1, recent(), HOUR);
    let ours = Delivery {
        flow_log_id: made.outputs["FlowLogToS3"].clone().leak(),
        ..Delivery::default()
    };
    moto().put_objects("flowdiff-doctor", ours.objects(&records));
    let output = flowdiff()
        .args([
            "doctor",
            "-o",
            "json",
            "--resource",
            &made.outputs["Subnet"],
        ])
        .args(window())
        .output()
        .unwrap();
    let outcome = Outcome {
        code: output.status.code().unwrap(),
        diagnosis: serde_json::from_slice(&output.stdout).unwrap(),
        calls: BTreeMap::new(),
    };
    assert_eq!(outcome.code, 1, "{:#}", outcome.diagnosis);
    assert_fits("doctor", std::slice::from_ref(&outcome.diagnosis));
    let configuration = outcome.diagnosis["probes"].as_array().unwrap().iter();
    let configuration = configuration.filter(|probe| probe["probe"] == "configuration");
    // moto made both just now, which is after the window.
    assert_eq!(configuration.count(), 2);
    assert_eq!(outcome.probe("s3", "s3:GetObject").0, "ok");
    assert_eq!(outcome.probe("cwl", "streams").0, "warning");
    let (status, found, _) = outcome.probe("cwl", "logs:GetLogEvents");
    assert_eq!(status, "warning");
    assert!(found.contains("proves nothing"), "{found}");
}

#[test]
fn the_manual_tells_of_every_command() {
    let output = offline().arg("man").output().unwrap();
    let manual = String::from_utf8(output.stdout).unwrap();
    for command in [
        "check",
        "plan",
        "doctor",
        "watch",
        "selftest",
        "completions",
    ] {
        let heading = format!(".TH \"flowdiff {command}\"");
        let plain = format!(".TH flowdiff {command}");
        assert!(
            manual.contains(&heading) || manual.contains(&plain),
            "{command}"
        );
    }
}
