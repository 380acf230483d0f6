//! Names and values that a terminal would act on: of files, objects, streams, interfaces.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::json;

use super::{Desk, assert_harmless};
use crate::support::REGION;
use crate::support::aws::{BUCKET, Fault, GROUP, Server, Speed, Stores};

/// Clears the screen, sets the title, goes back to the start of the line, reverses what follows.
const NAME: &str = "a\n\u{1b}[2J\u{1b}]0;title\u{7}\r\u{9b}31m\u{202e}b\u{200b}";

/// The same as reports show it.
const SHOWN: &str = r"a\n\u{1b}[2J\u{1b}]0;title\u{7}\r\u{9b}31m\u{202e}b\u{200b}";

const FORMATS: [&str; 7] = [
    "text",
    "json",
    "jsonl",
    "csv",
    "junit",
    "emf",
    "openmetrics",
];

/// A record that the other side lacks, with an interface that a terminal would act on. A control below space would make
/// the row malformed.
fn record() -> String {
    let eni = "eni-\u{9b}2J\u{202e}\u{200b}";
    format!(
        "2 123456789010 {eni} 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK\n"
    )
}

#[test]
fn no_report_hands_a_name_or_a_value_to_a_terminal() {
    let desk = Desk::new();
    desk.put(NAME, record().as_bytes());
    desk.put(&format!("{NAME}-broken"), b"\0");
    desk.put(&format!("{NAME}-malformed"), b"\x1b[31m1 2\x1b[0m\n");
    desk.put(&format!(".{NAME}"), b"hidden");
    let not_utf_8 = OsStr::from_bytes(b"not \xff\x1b[2J utf-8");
    fs::write(desk.at("s3").join(not_utf_8), "1 2\n").unwrap();
    fs::rename(desk.at("s3"), desk.at(NAME)).unwrap();
    let (s3, cwl) = (desk.at(NAME), desk.at("cwl"));
    let sources = [s3.to_str().unwrap(), cwl.to_str().unwrap()];

    let paths: Vec<String> = FORMATS
        .map(|format| format!("{format}={}", desk.at(format).display()))
        .into();
    let differences = desk.at("differences");
    let mut arguments = vec![
        "check",
        "-vv",
        "--all-differences",
        differences.to_str().unwrap(),
    ];
    arguments.extend(paths.iter().flat_map(|path| ["--report", path]));
    arguments.extend(sources);
    let outcome = desk.run(&arguments);
    // Malformed rows may be what lacks on the side that has them, never on the other.
    assert_eq!(outcome.code, 1, "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains(SHOWN), "{}", outcome.stdout);
    for file in FORMATS.iter().chain(&["differences"]) {
        let text = fs::read_to_string(desk.at(file)).unwrap();
        println!("{file}");
        assert!(!text.is_empty());
        assert_harmless(&text);
    }
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(desk.at("json")).unwrap()).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let unreadable = findings
        .iter()
        .filter(|finding| finding["kind"] == "unreadable");
    let parts: Vec<_> = unreadable
        .map(|finding| finding["part"].as_str().unwrap())
        .collect();
    // JSON keeps the name as it is.
    let expected = [
        format!("{NAME}-broken"),
        format!("{NAME}-malformed"),
        "not \u{fffd}\u{1b}[2J utf-8".to_owned(),
    ];
    assert_eq!(parts, expected);

    for more in [
        &["--nagios"][..],
        &["--plan"],
        &["--plan", "--output", "json"],
        &["--redact"],
        &["--color", "never"],
    ] {
        let outcome = desk.run(&[&["check"], &sources[..], more].concat());
        assert_ne!(outcome.stdout, "", "{more:?}");
    }
}

#[test]
fn no_message_hands_a_name_to_a_terminal() {
    let desk = Desk::new();
    let cwl = desk.at("cwl");
    let cwl = cwl.to_str().unwrap();
    let missing = format!("no/such/{NAME}");
    let state = format!("{cwl}/{NAME}");
    let option = format!("--{NAME}");
    let limits = format!("missing>{NAME}");
    let report = format!("json={missing}");
    let bucket = format!("s3://{NAME}");
    for arguments in [
        &["check", &missing, cwl][..],
        &["check", &bucket, cwl],
        &["check", cwl, cwl, &missing],
        &["check", cwl, cwl, &option],
        &["check", cwl, cwl, "--since", NAME],
        &["check", cwl, cwl, "--output", NAME],
        &["check", cwl, cwl, "--color", NAME],
        &["check", cwl, cwl, "--fields", NAME],
        &["check", cwl, cwl, "--s3-format", NAME],
        &["check", cwl, cwl, "--fail-on", &limits],
        &["check", cwl, cwl, "--report", &report],
        &["check", cwl, cwl, "--state", &state],
        &["check", &missing, cwl, "--nagios"],
        &["check", cwl, cwl, "--nagios", &option],
    ] {
        let outcome = desk.run(arguments);
        assert!(
            [2, 3].contains(&outcome.code),
            "{arguments:?}\n{}",
            outcome.stderr
        );
        let said = outcome.stdout + &outcome.stderr;
        assert_ne!(said, "");
    }
}

/// A key may be any UTF-8, and a stream's name anything but `:` and `*`.
#[test]
fn names_of_objects_and_streams() {
    // What XML can carry.
    let key = "p/\u{9b}2J\u{202e}\u{200b}b.txt";
    let stream = "eni-0aa-\n\u{1b}[2J\u{9b}\u{202e}";
    let mut stores = Stores::default();
    stores.put(key, b"\0".to_vec());
    stores.put("p/good.txt", record().into_bytes());
    let events: Vec<(i64, String)> = vec![(1_700_000_000_000, "\u{1b}[31mred".to_owned())];
    stores.streams.insert(stream.to_owned(), Arc::new(events));
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let desk = Desk::new();
    let env = BTreeMap::from([
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", REGION),
        ("AWS_ENDPOINT_URL", &*server.endpoint),
    ]);
    let env: Vec<(&str, &str)> = env.into_iter().collect();
    let (bucket, group) = (format!("s3://{BUCKET}"), format!("cwl://{GROUP}"));
    let window = [
        "--since",
        "2023-11-14T22:00:00Z",
        "--until",
        "2023-11-14T23:00:00Z",
    ];
    for more in [&["--output", "json"][..], &["-v"], &["-vv"]] {
        let arguments = [&["check", &bucket, &group], &window[..], more].concat();
        let outcome = desk.run_with(&arguments, Stdio::null(), &env);
        // The malformed row is of another interface's stream, so it is not the record that lacks.
        assert_eq!(outcome.code, 1, "{}{}", outcome.stdout, outcome.stderr);
        if more[0] == "--output" {
            let report = outcome.report();
            let findings = report["findings"].as_array().unwrap().iter();
            let parts: Vec<_> = findings
                .filter(|finding| finding["part"].is_string())
                .collect();
            assert_eq!(parts[0]["part"], json!(key), "{report:#}");
            assert_eq!(parts[1]["part"], json!(stream), "{report:#}");
        }
    }
}
