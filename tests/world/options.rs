//! Options that change what services answer.

use crate::support::aws::{BUCKET, Fault, GROUP, Server, Speed, Stores};
use crate::support::records::{Delivery, generate, streams};
use crate::support::{REGION, offline};

const BEGIN: i64 = 1_641_596_400;

fn stores() -> Stores {
    let mut stores = Stores::default();
    let records = generate(200, 8, BEGIN, 3600);
    for (key, bytes) in Delivery::default().objects(&records) {
        stores.put(&key, bytes);
    }
    for (name, events) in streams(&records) {
        stores.streams.insert(name, std::sync::Arc::new(events));
    }
    stores
}

fn run(stores: Stores, args: &[&str]) -> (Option<i32>, String) {
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let output = offline()
        .args([
            args[0],
            &format!("s3://{BUCKET}"),
            &format!("cwl://{GROUP}"),
        ])
        .args(["--since", "2022-01-07T23:00:00Z", "--until", "2022-01-08"])
        .args(&args[1..])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server.endpoint)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn masked_values_are_asked_for_and_only_then() {
    let masked = || Stores {
        masked: Some("10.0.1.10"),
        ..stores()
    };
    for way in ["together", "by-stream"] {
        let (code, said) = run(masked(), &["check", "--cwl-read", way]);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("masked"), "{said}");
        let (code, said) = run(masked(), &["check", "--cwl-read", way, "--cwl-unmask"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("hold the same 200 records"), "{said}");
    }
    let (code, said) = run(masked(), &["doctor", "--cwl-unmask"]);
    assert_ne!(code, Some(2), "{said}");
    assert!(said.contains("logs:Unmask"), "{said}");
    assert!(!run(stores(), &["doctor"]).1.contains("logs:Unmask"));
}

#[test]
fn a_bucket_whose_reader_pays_says_so_and_is_read() {
    let pays = || Stores {
        requester_pays: true,
        ..stores()
    };
    let (code, said) = run(pays(), &["check"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("of a bucket with Requester Pays, `--s3-request-payer`"),
        "{said}"
    );
    let (code, said) = run(pays(), &["check", "--s3-request-payer"]);
    assert_eq!(code, Some(0), "{said}");
}

/// An id that is a slip is no loss; one that has objects, though none in the window, is.
#[test]
fn a_flow_log_that_nothing_is_of_is_a_slip() {
    let (code, said) = run(
        stores(),
        &["check", "--flow-log-id", "fl-0fa0140fa0140fa10"],
    );
    assert_eq!(code, Some(2), "{said}");
    for part in [
        "nothing there is of the flow log `fl-0fa0140fa0140fa10`",
        "there are `fl-0fa0140fa0140fa01`",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let mut stopped = stores();
    let ended = Delivery {
        flow_log_id: "fl-0fa0150fa0150fa01",
        ..Delivery::default()
    };
    for (key, bytes) in ended.objects(&generate(20, 8, BEGIN - 20 * 86_400, 3600)) {
        stopped.put(&key, bytes);
    }
    let (code, said) = run(stopped, &["check", "--flow-log-id", "fl-0fa0150fa0150fa01"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("200 records missing on s3"), "{said}");
}

#[test]
fn what_a_run_calls_is_told_if_asked_for() {
    let (code, said) = run(stores(), &["check", "-v"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("operation=\"ListObjectsV2\"") && said.contains("GetLogEvents"),
        "{said}"
    );
}

#[test]
fn a_window_that_has_not_begun_is_refused() {
    let output = offline()
        .args([
            "check",
            "fixtures/ping/s3",
            "fixtures/ping/cwl",
            "--since",
            "2999-01-01",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("--since: 2999-01-01T00:00:00Z lies in the future"),
        "{said}"
    );
}

/// What neither side has is no answer; what one side has is one.
#[test]
fn an_interface_that_nobody_has_is_a_slip() {
    let run = |interface: &str| {
        let output = offline()
            .args([
                "check",
                "fixtures/ping/s3",
                "fixtures/ping/cwl",
                "--interface",
                interface,
            ])
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = run("eni-01d89470fafe7a86d");
    assert_eq!(code, Some(2), "{said}");
    let named = "neither side has a record of `eni-01d89470fafe7a86d` in the window; the most alike of those that are there: \
                 `eni-01d89470fafe7a86b`";
    assert!(said.contains(named), "{said}");
    assert_eq!(run("eni-01d89470fafe7a86b").0, Some(0));
}
