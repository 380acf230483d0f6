//! A setting of nothing is no setting.

use std::collections::BTreeSet;

use crate::support::aws::{BUCKET, Call, Fault, GROUP, Server, Speed, Stores};
use crate::support::records::{Delivery, generate};
use crate::support::{REGION, offline};

const SIDES: [&str; 2] = [
    "fixtures/scenarios/missing-on-cwl/s3",
    "fixtures/scenarios/missing-on-cwl/cwl",
];

/// The variables of all options, as the help has them.
fn variables() -> BTreeSet<String> {
    let help = offline().args(["check", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let options = help
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"));
    let name = |option: &str| {
        let end = option.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
        let option = &option[..end.unwrap_or(option.len())];
        format!("FLOWDIFF_{}", option.replace('-', "_").to_uppercase())
    };
    options.map(name).collect()
}

#[test]
fn a_variable_of_nothing_is_not_set() {
    let mut command = offline();
    let whole = command.arg("check").args(SIDES).output().unwrap();
    assert_eq!(whole.status.code(), Some(1));
    let variables = variables();
    assert!(variables.len() > 40, "{variables:?}");
    // The folder of what is temporary would be the current one.
    let others = ["AWS_REGION", "AWS_PROFILE", "TMPDIR", "HOME"];
    for value in ["", " "] {
        let mut command = offline();
        command.arg("check").args(SIDES);
        command.envs(variables.iter().map(|name| (name, value)));
        if value.is_empty() {
            command.envs(others.map(|name| (name, value)));
        }
        let output = command.output().unwrap();
        assert_eq!(output.stdout, whole.stdout, "{output:?}");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
}

#[test]
fn aws_variables_of_nothing_leave_the_others_in_force() {
    let mut stores = Stores::default();
    let all = generate(20, 1, 1_641_596_400, 3600);
    for (key, bytes) in Delivery::default().objects(&all) {
        stores.put(&key, bytes);
    }
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let mut command = offline();
    command
        .args([
            "check",
            &format!("s3://{BUCKET}"),
            &format!("cwl://{GROUP}"),
        ])
        .args(["--since", "2022-01-07T23:00:00Z", "--until", "2022-01-08"])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .env("AWS_DEFAULT_REGION", REGION);
    for name in [
        "AWS_REGION",
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL_S3",
        "AWS_CA_BUNDLE",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
    ] {
        command.env(name, "");
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.starts_with("Different: 20 records missing on cwl"),
        "{output:?}"
    );
}

/// Runs a check against a server that both sides are on, with a configuration file and no other setting.
fn with_config(config: &str, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut stores = Stores::default();
    let all = generate(20, 1, 1_641_596_400, 3600);
    for (key, bytes) in Delivery::default().objects(&all) {
        stores.put(&key, bytes);
    }
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, config.replace("@URL", &server.endpoint)).unwrap();
    let mut command = offline();
    command
        .args([
            "check",
            &format!("s3://{BUCKET}"),
            &format!("cwl://{GROUP}"),
        ])
        .args(["--since", "2022-01-07T23:00:00Z", "--until", "2022-01-08"])
        .env("AWS_CONFIG_FILE", &path)
        .envs(more.iter().copied());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

const KEYS: &str = "aws_access_key_id = test\naws_secret_access_key = test\nendpoint_url = @URL\n";

#[test]
fn configuration_files_are_read_as_the_aws_cli_reads_them() {
    let quoted = format!("[profile 'my prof']\nregion = {REGION}\n{KEYS}");
    let blanks = format!(
        "[profile my]\n  region = {REGION}\n  {}",
        KEYS.replace('\n', "\n  ")
    );
    let colon = format!("[default]\nregion: {REGION}\n{KEYS}");
    for (config, profile) in [(&quoted, "my prof"), (&blanks, "my"), (&colon, "default")] {
        let (code, said) = with_config(config, &[("AWS_PROFILE", profile)]);
        assert_eq!(code, Some(1), "{config}{said}");
        assert!(said.contains("20 records missing on cwl"), "{said}");
    }
}

#[test]
fn what_is_wrong_in_a_configuration_file_is_said_with_its_line() {
    let good = format!("[default]\nregion = {REGION}\n{KEYS}");
    for (config, more, named) in [
        (
            good.clone() + "[profile x]\nno setting\n",
            ("AWS_PROFILE", "default"),
            "line 7: neither a section",
        ),
        (
            good.clone(),
            ("AWS_PROFILE", "nobody"),
            "there is no profile `nobody`",
        ),
        (
            good.clone(),
            ("AWS_CA_BUNDLE", "no/such/bundle"),
            "no/such/bundle",
        ),
        (
            good + "ca_bundle = Cargo.toml\n",
            ("AWS_PROFILE", "default"),
            "holds no certificate",
        ),
    ] {
        let (code, said) = with_config(&config, &[more]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(named), "{named}: {said}");
    }
}

/// Calls are made again by rules of flowdiff's own, whatever the SDK's settings say.
#[test]
fn settings_of_the_sdks_retries_change_nothing() {
    for name in ["AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"] {
        let mut stores = Stores::default();
        let all = generate(20, 1, 1_641_596_400, 3600);
        for (key, bytes) in Delivery::default().objects(&all) {
            stores.put(&key, bytes);
        }
        let mut calls = 0;
        let meddler = move |call: &Call<'_>, _: &mut Stores| {
            calls += usize::from(call.operation == "ListObjectsV2");
            match (call.operation, calls) {
                ("ListObjectsV2", 1..=3) => Fault::Refused(503, "SlowDown"),
                _ => Fault::None,
            }
        };
        let server = Server::start(stores, Speed::default(), Box::new(meddler));
        let output = offline()
            .args([
                "check",
                &format!("s3://{BUCKET}"),
                &format!("cwl://{GROUP}"),
            ])
            .args(["--since", "2022-01-07T23:00:00Z", "--until", "2022-01-08"])
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", &server.endpoint)
            .env(
                name,
                if name == "AWS_MAX_ATTEMPTS" {
                    "1"
                } else {
                    "adaptive"
                },
            )
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.starts_with("Different: 20 records missing on cwl"),
            "{output:?}"
        );
    }
}

/// S3 encodes names in a listing, since a control character is no XML.
#[test]
fn objects_of_any_name_are_read() {
    let names = ["a b", "a+b", "a%2Bb", "\u{1}", "\u{e9}&<>", "#?*"];
    let mut stores = Stores::default();
    let all = generate(12, 1, 1_641_596_400, 3600);
    for (name, records) in names.iter().zip(all.chunks(2)) {
        let lines: String = records.iter().map(|record| record.line() + "\n").collect();
        stores.put(&format!("logs/{name}/{name}.log"), lines.into_bytes());
    }
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let output = offline()
        .args([
            "check",
            &format!("s3://{BUCKET}/logs"),
            &format!("cwl://{GROUP}"),
        ])
        .args([
            "--since",
            "2022-01-07T23:00:00Z",
            "--until",
            "2022-01-08",
            "-o",
            "json",
        ])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["counts"]["missing"]["cwl"], 12, "{report:#}");
    assert_eq!(report["sides"]["s3"]["unreadable_parts"], 0);
}
