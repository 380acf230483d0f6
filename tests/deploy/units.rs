//! The systemd units, the Kubernetes manifest and the Dockerfile.

use std::process::Command;

use super::{TOOLS, assert_passes, assert_refuses, file, path, text};

/// What the units call; the tests have the binary elsewhere.
const INSTALLED: &str = "/usr/local/bin/flowdiff";

/// The most that `systemd-analyze security` may find open, in tenths. What is left is the network, which the job is for.
const EXPOSURE: &str = "15";

#[test]
fn systemd_takes_the_units() {
    let there = Command::new("systemd-analyze").arg("--version").output();
    if there.is_err() {
        println!("SKIPPED: systemd-analyze is not installed (Debian: apt-get install systemd)");
        return;
    }
    let analyze = |words: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(words);
        command
    };
    let folder = tempfile::tempdir().unwrap();
    let service = text("flowdiff.service").replace(INSTALLED, env!("CARGO_BIN_EXE_flowdiff"));
    let timer = file(&folder, "flowdiff.timer", &text("flowdiff.timer"));
    let unit = file(&folder, "flowdiff.service", &service);
    let said = analyze(&["verify"]).args([&unit, &timer]).output().unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
    assert_passes(analyze(&["security", "--offline=true", "--threshold", EXPOSURE]).arg(&unit));

    let open = service.replace("ProtectSystem=strict", "ProtectSystem=no");
    let open = open.replace("CapabilityBoundingSet=\n", "");
    let open = file(&folder, "open.service", &open);
    assert_refuses(
        analyze(&["security", "--offline=true", "--threshold", EXPOSURE]).arg(open),
        "ProtectSystem",
    );
    // What it cannot understand it only mentions.
    let wrong = service.replace("SuccessExitStatus=3 143", "SuccessExitStatus=missing");
    let wrong = file(&folder, "wrong.service", &wrong);
    let said = analyze(&["verify"]).arg(wrong).output().unwrap().stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("Failed to parse"), "{said}");
}

#[test]
fn kubernetes_takes_the_manifest() {
    let validate = || {
        let mut command = Command::new(TOOLS.programs().join("kubernetes-validate"));
        command.arg("--strict");
        command
    };
    assert_passes(validate().arg(path("cronjob.yaml")));
    let folder = tempfile::tempdir().unwrap();
    let wrong =
        text("cronjob.yaml").replace("concurrencyPolicy: Forbid", "concurrencyPolicies: Forbid");
    let wrong = file(&folder, "cronjob.yaml", &wrong);
    assert_refuses(validate().arg(wrong), "concurrencyPolicies");
}

#[test]
fn hadolint_has_nothing_to_say_about_the_dockerfile() {
    let lint = || Command::new(TOOLS.programs().join("hadolint"));
    assert_passes(lint().arg(path("Dockerfile")));
    let folder = tempfile::tempdir().unwrap();
    let wrong = text("Dockerfile").replace("WORKDIR /src", "WORKDIR src");
    let wrong = file(&folder, "Dockerfile", &wrong);
    assert_refuses(lint().arg(wrong), "DL3000");
}

/// What an image is built on is the same tomorrow, and has the compiler that the package asks for.
#[test]
fn the_base_image_is_pinned_by_digest() {
    let dockerfile = text("Dockerfile");
    let base = dockerfile
        .lines()
        .find_map(|line| line.strip_prefix("ARG RUST="));
    let (tag, digest) = base.unwrap().split_once("@sha256:").unwrap();
    assert!(
        digest.len() == 64
            && digest
                .bytes()
                .all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')),
        "{digest}"
    );
    assert_eq!(
        tag,
        format!("rust:{}.0-bookworm", env!("CARGO_PKG_RUST_VERSION"))
    );
    let inspect = format!("docker buildx imagetools inspect {tag}");
    for page in ["Dockerfile", "INSTALL.md"] {
        assert!(text(page).contains(&inspect), "{page}");
    }
    let others = dockerfile.lines().filter(|line| line.starts_with("FROM "));
    assert_eq!(
        others.collect::<Vec<_>>(),
        ["FROM ${RUST} AS build", "FROM scratch"]
    );
}

/// The three lines for cron in docs/jobs.md: mail when records are lost, or when it cannot run, and none otherwise.
#[test]
fn cron_mails_what_somebody_must_read() {
    let page = include_str!("../../docs/jobs.md");
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix("*/5 * * * * "));
    let job = tempfile::tempdir().unwrap();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/lost-five-minutes");
    let command = line
        .unwrap()
        .replace(
            "flowdiff check",
            concat!(env!("CARGO_BIN_EXE_flowdiff"), " check"),
        )
        .replace("cwl://fa-014-FlowLogGroup", &format!("{fixtures}/cwl"));
    let run = |now: &str, s3: &str| {
        let output = Command::new("/bin/sh")
            .args(["-c", &command.replace("s3://fa-014", s3)])
            .env_clear()
            .env("HOME", job.path())
            .env("FLOWDIFF_SINCE", "2022-01-07T22:00:00Z")
            .env("FLOWDIFF_NOW", now)
            .output()
            .unwrap();
        assert_eq!(output.stderr, b"");
        String::from_utf8(output.stdout).unwrap()
    };
    let s3 = format!("{fixtures}/s3");
    assert_eq!(run("2022-01-07T23:20:00Z", &s3), "");
    let mail = run("2022-01-07T23:25:00Z", &s3);
    assert!(mail.contains("Missing on cwl: 2 records"), "{mail}");
    assert_eq!(run("2022-01-07T23:30:00Z", &s3), "");
    let mail = run("2022-01-07T23:35:00Z", "no-such-folder");
    assert!(mail.contains("no-such-folder"), "{mail}");
    // Neither destination has anything of that hour: exit code 3.
    assert_eq!(run("2022-01-09T00:00:00Z", &s3), "");
}

/// The commands of the units and of the manifest are ones that flowdiff takes.
#[test]
fn the_commands_are_understood() {
    let service = text("flowdiff.service");
    let command = service
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let words = command.unwrap().split_whitespace().skip(1);
    let state = tempfile::tempdir().unwrap();
    let at = |name: &str| state.path().join(name).display().to_string();
    let of_unit: Vec<String> = words
        .map(|word| match word {
            "${S3_SOURCE}" => "fixtures/ping/s3".to_owned(),
            "${CWL_SOURCE}" => "fixtures/ping/cwl".to_owned(),
            word => word.replace("${STATE_DIRECTORY}", &at("unit")),
        })
        .collect();
    let manifest = text("cronjob.yaml");
    let (_, arguments) = manifest.split_once("args:\n").unwrap();
    let of_manifest: Vec<String> = arguments
        .lines()
        .map_while(|line| line.trim().strip_prefix("- "))
        .map(|word| match word {
            // What a place in a bucket promises is tested with a bucket.
            "s3://my-jobs/flowdiff/fa-014" => at("pod-state"),
            "s3://fa-014" => "fixtures/ping/s3".to_owned(),
            "cwl://fa-014-FlowLogGroup" => "fixtures/ping/cwl".to_owned(),
            word => word.replace("/var/lib/flowdiff", &at("pod")),
        })
        .collect();
    for (words, printed) in [(of_unit, "Consistent: "), (of_manifest, "Consistent: ")] {
        let mut flowdiff = crate::support::offline();
        flowdiff.args(&words);
        // The hours that the fixtures are about.
        flowdiff
            .env("FLOWDIFF_SINCE", "2022-01-07T23:00:00Z")
            .env("FLOWDIFF_NOW", "2022-01-08T00:00:00Z");
        let output = flowdiff.output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
        assert!(stdout.starts_with(printed), "{words:?}: {stdout}");
    }
}
