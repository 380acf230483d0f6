//! What may be given away: reports with stand-ins, and no credentials anywhere.

use std::fs;
use std::path::Path;

use crate::support::aws::{BUCKET, Fault, GROUP, Server, Speed, Stores};
use crate::support::{REGION, offline, refusal};

const KEY: &str = "a key that two runs share";

/// What the records and keys of the scenarios hold, and what must not be told.
const TELLING: [&str; 6] = [
    "123456789012",
    "10.0.1.",
    "10.0.2.",
    "eni-01d89470fafe7a86b",
    "01d89470fafe7a86b",
    "fl-0f1a2b3c4d5e6f708",
];

/// Everything a run of a scenario says: standard output, standard error and every report.
fn everything(scenario: &Path, args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let given = fs::read_to_string(scenario.join("args.json"));
    let given: Vec<String> =
        given.map_or_else(|_| Vec::new(), |text| serde_json::from_str(&text).unwrap());
    let mut command = offline();
    command
        .arg("check")
        .args([scenario.join("s3"), scenario.join("cwl")]);
    command
        .args(given)
        .args(args)
        .arg("--all-differences")
        .arg(folder.path().join("differences"));
    let formats = ["json", "jsonl", "csv", "junit", "emf", "openmetrics"];
    // Without a key that lasts, series are refused.
    let formats = match args {
        ["--redact"] => &formats[..4],
        _ => &formats[..],
    };
    for format in formats {
        command.arg(format!(
            "--report={format}={}",
            folder.path().join(format).display()
        ));
    }
    let output = command.output().unwrap();
    assert!(
        matches!(output.status.code(), Some(0 | 1 | 3)),
        "{output:?}"
    );
    let mut text = String::from_utf8(output.stdout).unwrap();
    text += &String::from_utf8(output.stderr).unwrap();
    for name in formats.iter().chain(&["differences"]) {
        text += &fs::read_to_string(folder.path().join(name)).unwrap();
    }
    text
}

/// Their names would be others in each run.
#[test]
fn series_are_not_redacted_without_a_key_that_lasts() {
    for report in [
        "--report=emf=-",
        "--report=openmetrics=flow.prom",
        "--output=emf",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let check = |more: &[&str]| {
            let mut command = offline();
            let ping = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ping");
            command
                .current_dir(&folder)
                .arg("check")
                .args([ping.join("s3"), ping.join("cwl")])
                .arg(report)
                .args(more);
            command.output().unwrap()
        };
        let refused = check(&["--redact"]);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{report}: {said}");
        assert!(said.contains("--redact-key"), "{report}: {said}");
        assert_eq!(
            check(&["--redact", "--redact-key", KEY]).status.code(),
            Some(0)
        );
    }
}

#[test]
fn nothing_telling_is_in_any_output_of_any_scenario() {
    let mut told = 0;
    for entry in fs::read_dir("fixtures/scenarios").unwrap() {
        let scenario = entry.unwrap().path();
        let plain = everything(&scenario, &[]);
        told += TELLING.iter().filter(|text| plain.contains(**text)).count();
        for args in [&["--redact"][..], &["--redact-key", KEY, "-vv"]] {
            let text = everything(&scenario, args);
            for telling in TELLING {
                let line = text.lines().find(|line| line.contains(telling));
                assert!(
                    line.is_none(),
                    "{}: {telling}: {line:?}",
                    scenario.display()
                );
            }
            assert!(text.contains("are stand-ins"), "{text}");
        }
    }
    assert!(told > 30, "the scenarios do tell something without: {told}");
}

#[test]
fn the_same_key_gives_the_same_stand_ins_and_another_run_others() {
    let json = |args: &[&str]| {
        let mut command = offline();
        let folder = Path::new("fixtures/scenarios/divergent-bytes");
        command
            .arg("check")
            .args([folder.join("s3"), folder.join("cwl")]);
        let output = command
            .args(["--output", "json"])
            .args(args)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stdout).unwrap()
    };
    let keyed = json(&["--redact-key", KEY]);
    assert_eq!(json(&["--redact", "--redact-key", KEY]), keyed);
    assert_ne!(json(&["--redact"]), json(&["--redact"]));
    let report: serde_json::Value = serde_json::from_str(&keyed).unwrap();
    let pair = &report["findings"][0]["evidence"][0];
    for field in ["srcaddr", "dstaddr", "interface-id", "account-id"] {
        assert_eq!(
            pair["s3"]["record"][field], pair["cwl"]["record"][field],
            "{field}"
        );
    }
    assert_eq!(pair["s3"]["record"]["bytes"], 1680);
    assert_eq!(
        report["findings"][0]["interface"],
        pair["s3"]["record"]["interface-id"]
    );
}

#[test]
fn messages_of_trouble_are_redacted_too() {
    let mut offline_check = offline();
    let output = offline_check
        .args([
            "check",
            "/no-such/123456789012/10.0.1.22",
            "fixtures/ping/cwl",
            "--redact",
        ])
        .output()
        .unwrap();
    let mut live = offline();
    let denied = live
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", refusal::start())
        .args([
            "check",
            "s3://flow-123456789012",
            "cwl://flow",
            "--redact",
            "-vvv",
        ])
        .output()
        .unwrap();
    for output in [output, denied] {
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("flowdiff: "), "{said}");
        for telling in ["123456789012", "10.0.1.22"] {
            let line = said.lines().find(|line| line.contains(telling));
            assert!(line.is_none(), "{line:?}");
        }
    }
    offline()
        .args(["check", "a", "b", "--redact-key", "short"])
        .assert()
        .code(2);
}

/// Secrets from each place that flowdiff takes credentials from; all are named so that they can be looked for.
#[test]
fn no_output_contains_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let profile = folder.path().join("credentials");
    fs::write(
        &profile,
        "[mine]\naws_access_key_id = AKIAFROMPROFILE0\naws_secret_access_key = SECRETFROMPROFILE\n\
         aws_session_token = SECRETTOKENFROMPROFILE\n",
    )
    .unwrap();
    let endpoint = refusal::start().replace("http://", "http://user:SECRETFROMURL@");
    let server = Server::start(
        Stores::default(),
        Speed::default(),
        Box::new(|_, _| Fault::None),
    );
    let signed = "https://b.s3.amazonaws.com/k?X-Amz-Credential=SECRETCREDENTIAL&X-Amz-Signature=SECRETSIGNATURE";
    let run = |sources: [&str; 2], more: &[&str], verbose: &str| {
        let mut command = offline();
        command
            .env("AWS_ACCESS_KEY_ID", "AKIAFROMENVIRONMENT")
            .env("AWS_SECRET_ACCESS_KEY", "SECRETFROMENVIRONMENT")
            .env("AWS_SESSION_TOKEN", "SECRETTOKENFROMENVIRONMENT")
            .env("AWS_SHARED_CREDENTIALS_FILE", &profile)
            .env("AWS_ENDPOINT_URL_STS", &server.endpoint)
            .env("AWS_REGION", REGION)
            .args(["check", verbose])
            .args(sources)
            .args(more)
            .arg(format!("--report=json={}", report.display()));
        let output = command.output().unwrap();
        let said =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        let written = fs::read_to_string(&report).unwrap_or_default();
        for line in said.lines().chain(written.lines()) {
            for secret in ["SECRET", "AKIA"] {
                assert!(!line.contains(secret), "{verbose} {line}");
            }
        }
        output.status.code()
    };
    let url = [
        "--s3-endpoint-url",
        &endpoint,
        "--cwl-endpoint-url",
        &endpoint,
    ];
    let profiles = ["--s3-profile", "mine", "--cwl-profile", "mine"];
    let live = ["s3://bucket", "cwl://group"];
    for verbose in ["-v", "-vv", "-vvv"] {
        assert_eq!(run(live, &url, verbose), Some(2));
        assert_eq!(
            run(live, &[&url[..], &profiles[..]].concat(), verbose),
            Some(2)
        );
    }
    assert_eq!(run([signed, "cwl://group"], &[], "-v"), Some(2));
    assert_eq!(
        run(["s3://AKIA:SECRETUSER@bucket/x", "cwl://group"], &[], "-v"),
        Some(2)
    );
    // Of a role that is assumed, and used for both sides.
    let here = [
        "--s3-endpoint-url",
        &server.endpoint,
        "--cwl-endpoint-url",
        &server.endpoint,
    ];
    let role = "arn:aws:iam::123456789012:role/reader";
    let roles = [
        "--s3-role-arn",
        role,
        "--cwl-role-arn",
        role,
        "--s3-external-id",
        "x",
    ];
    let live = [format!("s3://{BUCKET}"), format!("cwl://{GROUP}")];
    let live = live.each_ref().map(String::as_str);
    for verbose in ["-v", "-vvv"] {
        assert_eq!(
            run(live, &[&here[..], &roles[..]].concat(), verbose),
            Some(3)
        );
        let operations: Vec<_> = server
            .take_answered()
            .into_iter()
            .map(|it| it.operation)
            .collect();
        assert!(
            operations.iter().any(|it| it == "AssumeRole"),
            "{operations:?}"
        );
    }
    // A file that was named after the address it came from.
    let downloaded = folder.path().join("k?X-Amz-Signature=SECRETSIGNATURE");
    fs::copy("fixtures/formats/plain.txt", &downloaded).unwrap();
    let downloaded = downloaded.to_str().unwrap();
    assert_eq!(
        run([downloaded, "fixtures/formats/plain.txt"], &[], "-vvv"),
        Some(0)
    );
}
