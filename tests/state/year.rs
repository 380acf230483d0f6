//! How long the history of a year of five-minute windows takes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flowdiff::archive::{Archive, ArchiveLine, ArchivePlace, ChainEnd, hash};
use serde_json::json;

use super::bucket::credentials;
use super::{MIDNIGHT, time};
use crate::support::aws::operation::KEPT;
use crate::support::aws::{Fault, Server, Speed, Stores};
use crate::support::offline;

const WINDOWS: i64 = 365 * 288;
const LONGEST: Duration = Duration::from_secs(2);

/// A line as a job writes it; every hundredth window has lost records of fifty interfaces.
fn line(number: i64, previous: Option<&ChainEnd>) -> ArchiveLine {
    let (start, loses) = (MIDNIGHT + number * 300, number % 100 == 7);
    let lost = if loses { 150 } else { 0 };
    let interface = |number: u64| json!({"interface": format!("eni-{number:017x}"), "missing": {"s3": 0, "cwl": 3}, "surplus": {"s3": 0, "cwl": 0}, "divergent": 0});
    let report = |form: &str| json!({"name": format!("reports/2022-01-07/{number:09}.{form}"), "sha256": "0".repeat(64)});
    let delay =
        json!({"records": 5000, "p50": 100, "p95": 200, "p99": 240 + number % 60, "max": 400});
    let cause = json!({"kind": "outage", "side": "cwl", "certain": false, "records": lost, "text": "nothing arrived of 50 interfaces"});
    let sides = |s3: u64, cwl: u64| json!({"s3": s3, "cwl": cwl});
    let line = json!({
        "schema": "flowdiff.archive/1", "number": number + 1, "previous": previous.map(|it| &it.hash), "look": "first",
        "window": {"start": time(start), "end": time(start + 300)}, "read_at": time(start + 1200),
        "sources": {"s3": "s3://central-logs/flow/AWSLogs", "cwl": "cwl:///vpc/flow"}, "records": sides(5000, 5000 - lost),
        "verdict": if loses { "different" } else { "consistent" },
        "counts": {
            "matched": 5000 - lost, "matched_on_fewer_fields": 0, "missing": sides(0, lost), "surplus": sides(0, 0), "divergent": 0,
            "pending": sides(0, 0), "undetermined": sides(0, 0), "late": sides(0, 0),
        },
        "unexplained": 0, "unreadable_parts": sides(0, 0), "malformed": sides(0, 0),
        "causes": if loses { vec![cause] } else { Vec::new() },
        "interfaces": (0..if loses { 50 } else { 0 }).map(interface).collect::<Vec<_>>(), "more_interfaces": 0,
        "delays": {"s3": null, "cwl": delay},
        "carried": {"pending": sides(0, 0), "undetermined": sides(0, 0), "unreadable_parts": 0, "unread_windows": 0},
        "report": loses.then(|| json!({"json": report("json"), "html": report("html")})),
    });
    ArchiveLine::parse(&line.to_string()).unwrap()
}

fn write(folder: &Path) {
    let archive = Archive::create(&ArchivePlace::Folder(folder.to_owned())).unwrap();
    let mut end: Option<ChainEnd> = None;
    for day in 0..WINDOWS / 288 {
        let (after, mut lines) = (end.clone(), Vec::new());
        for number in day * 288..(day + 1) * 288 {
            let line = line(number, end.as_ref());
            end = Some(ChainEnd {
                number: line.number,
                hash: hash(line.text().as_bytes()),
            });
            lines.push((line, Vec::new()));
        }
        archive.append(after.as_ref(), &lines).unwrap();
    }
}

/// Measured with the binary that `FLOWDIFF_TEST_BINARY` names (`target/release/flowdiff`), else with this build's, of which nothing is
/// asked but the answer.
#[test]
#[ignore = "writes 100,000 lines, and means something with a release build only"]
fn a_year_is_told_within_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    write(&archive);
    let named = std::env::var_os("FLOWDIFF_TEST_BINARY");
    let binary = named
        .clone()
        .unwrap_or_else(|| offline().get_program().to_owned());
    let time = |place: &Path, form: &str, endpoint: &str| {
        let mut command = Command::new(&binary);
        credentials(&mut command, endpoint);
        let began = Instant::now();
        let output = command
            .arg("history")
            .arg(place)
            .args(["-o", form])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let took = began.elapsed();
        assert!(output.status.success(), "{form}");
        println!("{form}: {took:?}, {} bytes", output.stdout.len());
        took
    };
    for form in ["text", "json", "csv", "html"] {
        let took = time(&archive, form, "http://127.0.0.1:9");
        assert!(took < LONGEST || named.is_none(), "{form}: {took:?}");
    }
    // In a bucket, 30 ms away: told, and bounded by nothing.
    let mut stores = Stores::default();
    for entry in std::fs::read_dir(archive.join("lines")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        stores.put(
            &format!("{KEPT}archive/lines/{name}"),
            std::fs::read(path).unwrap(),
        );
    }
    let speed = Speed {
        latency: Duration::from_millis(30),
        ..Speed::default()
    };
    let server = Server::start(stores, speed, Box::new(|_, _| Fault::None));
    print!("from a bucket, ");
    time(
        Path::new(&super::evidence::archive()),
        "text",
        &server.endpoint,
    );
}
