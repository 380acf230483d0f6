//! What would make a check wrong or empty, and what to do about it.

use std::sync::Arc;

use serde_json::json;

use crate::support::aws::{BUCKET, Fault, GROUP, Server, Speed, Stores};
use crate::support::records::{Delivery, generate, recent};
use crate::support::{REGION, offline};

use super::{HOUR, run, run_on, stores};

/// What a check would not notice, or notice too late.
#[test]
fn what_would_make_a_check_wrong_is_warned_of() {
    let with = |change: &dyn Fn(&mut Stores)| {
        let mut stores = stores();
        change(&mut stores);
        stores
    };
    let other = Delivery {
        flow_log_id: "fl-0dd",
        ..Delivery::default()
    };
    let two = with(&|stores| {
        for (key, bytes) in other.objects(&generate(10, 1, recent(), HOUR)) {
            stores.put(&key, bytes);
        }
    });
    let (status, _, advice) = run(two, &[]).probe("s3", "flow-logs");
    assert_eq!(status, "warning");
    assert!(advice.contains("`--flow-log-id fl-0dd`"), "{advice}");

    let short = with(&|stores| {
        stores.settings.insert("retentionInDays", json!(1));
    });
    let since = ["--now", "2026-01-03", "--since", "2026-01-01"];
    let server = Server::start(short, Speed::default(), Box::new(|_, _| Fault::None));
    let output = offline()
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .args([
            "doctor",
            &format!("s3://{BUCKET}"),
            &format!("cwl://{GROUP}"),
        ])
        .args(since)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("before 2026-01-02T00:00:00Z has expired"),
        "{text}"
    );
    assert!(text.starts_with("Warning: a check can run"), "{text}");

    let rare = with(&|stores| {
        stores
            .settings
            .insert("logGroupClass", json!("INFREQUENT_ACCESS"));
    });
    let outcome = run(rare, &[]);
    assert_eq!(outcome.code, 2);
    let (_, _, advice) = outcome.probe("cwl", "log-class");
    assert!(advice.contains("export task"), "{advice}");

    let skewed = with(&|stores| stores.clock = -3600);
    let outcome = run(skewed, &[]);
    assert_eq!(
        outcome.troubles(),
        [("s3", "clock"), ("cwl", "clock")].map(owned)
    );

    let renamed = with(&|stores| {
        let streams = std::mem::take(&mut stores.streams);
        let renamed = streams.into_iter();
        stores.streams = renamed
            .map(|(name, it)| (name.replace("eni", "flow"), it))
            .collect();
    });
    let outcome = run(renamed, &[]);
    let (status, found, _) = outcome.probe("cwl", "streams");
    assert_eq!(status, "ok");
    assert!(found.contains("so all are read"), "{found}");
    assert_eq!(outcome.probe("cwl", "logs:GetLogEvents").0, "ok");
}

fn owned((side, probe): (&str, &str)) -> (String, String) {
    (side.to_owned(), probe.to_owned())
}

#[test]
fn a_format_that_does_not_fit_is_told_with_the_one_that_does() {
    let mut stores = Stores::default();
    let records = generate(10, 1, recent(), HOUR);
    let names = "interface-id start end account-id version";
    for (key, _) in Delivery::default().objects(&records) {
        let row = format!("{names}\neni-0aa {0} {0} 123456789012 3\n", recent());
        stores.put(&key, row.into());
    }
    let event = format!("eni-0aa {0} {0} 123456789012 3", recent());
    let stream = vec![(recent() * 1000, event)];
    stores
        .streams
        .insert("eni-0aa-all".to_owned(), Arc::new(stream));
    let outcome = run(stores, &[]);
    assert_eq!(outcome.code, 1, "{:#}", outcome.diagnosis);
    let (status, _, advice) = outcome.probe("cwl", "format");
    assert_eq!(status, "warning");
    let fitting = "`--cwl-format '${interface-id} ${start} ${end} ${account-id} ${version}'`";
    assert!(advice.contains(fitting), "{advice}");
    assert_eq!(outcome.probe("s3", "format").1, "text of 5 fields");
}

#[test]
fn a_place_without_logs_is_told_with_the_one_that_has_some() {
    let server = Server::start(stores(), Speed::default(), Box::new(|_, _| Fault::None));
    let wrong = format!("s3://{BUCKET}/wrong");
    let outcome = run_on(&server, &[&wrong, "cwl:///flow"]);
    assert_eq!(outcome.code, 2);
    let (status, _, advice) = outcome.probe("s3", "layout");
    assert_eq!(status, "warning");
    assert!(
        advice.ends_with(&format!("below s3://{BUCKET}/")),
        "{advice}"
    );
    let (_, found, _) = outcome.probe("s3", "s3:GetObject");
    assert!(found.contains("proves nothing"), "{found}");
    let (status, _, advice) = outcome.probe("cwl", "log-group");
    assert_eq!(status, "failed");
    assert!(advice.contains(&format!("`{GROUP}`")), "{advice}");
    // A window that nothing was delivered for.
    let address = format!("s3://{BUCKET}");
    let outcome = run_on(
        &server,
        &[&address, "fixtures/ping/cwl", "--flow-log-id", "fl-0ff"],
    );
    let (status, found, _) = outcome.probe("s3", "layout");
    assert_eq!(status, "warning");
    assert!(found.contains("no object of fl-0ff"), "{found}");
    let later = offline()
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .args(["doctor", &address, "fixtures/ping/cwl", "--since", "30m"])
        .args(["--until", "20m"])
        .output()
        .unwrap();
    let text = String::from_utf8(later.stdout).unwrap();
    assert!(text.contains("none may hold records of"), "{text}");
    // The objects tell the region that the log group must be in.
    let address = format!("s3://{BUCKET}");
    let outcome = run_on(
        &server,
        &[&address, "cwl://other", "--cwl-region", "us-east-1"],
    );
    let (_, _, advice) = outcome.probe("cwl", "log-group");
    assert!(advice.contains("`--cwl-region eu-west-1`"), "{advice}");
}
