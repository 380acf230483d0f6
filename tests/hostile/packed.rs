//! Little that unpacks to much.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Desk, entries, gzip};
use crate::support::unless_long;

const MIB: usize = 1 << 20;

/// One byte over and over, in as many members as there are MiB: 1000:1.
fn bomb(byte: u8, mib: usize) -> Vec<u8> {
    gzip(&vec![byte; MIB]).repeat(mib)
}

/// What is nothing but NUL in it costs no place on the disk; what a line is does not depend on that.
#[test]
fn a_line_of_1_gb() {
    let desk = Desk::new();
    let rows = b"1 2\n".repeat(299);
    desk.put("hostile", &[GOOD, &rows].concat());
    let mut file = fs::File::options()
        .append(true)
        .open(desk.at("s3").join("hostile"))
        .unwrap();
    file.set_len(1 << 30).unwrap();
    file.write_all(b"\n1 2\n").unwrap();
    let outcome = desk.check(&["--max-evidence", "400"]);
    // The good row is not on the other side.
    assert_eq!((outcome.code, &*outcome.stderr), (1, ""));
    let report = outcome.report();
    let malformed = report["findings"].as_array().unwrap();
    assert_eq!(malformed.len(), 302);
    let row = |at: usize| {
        (
            malformed[at]["row"].as_u64(),
            malformed[at]["reason"].as_str(),
        )
    };
    assert_eq!(row(300), (Some(301), Some("line longer than 4 MiB")));
    assert_eq!(
        row(301),
        (Some(302), Some("2 columns where the layout has 14"))
    );
}

const GOOD: &[u8] =
    b"2 123456789010 eni-0aa 10.0.0.1 10.0.0.2 1 2 6 1 40 1641597879 1641597879 ACCEPT OK\n";

/// More than is ever unpacked at once.
#[test]
fn gzip_of_1000_to_1() {
    let content = bomb(b'x', 36);
    assert!(content.len() < 36 * MIB / 900);
    Desk::new().assert_malformed(&content, 1, "line longer than 4 MiB");
}

#[test]
fn gzip_within_gzip() {
    let desk = Desk::new();
    // A few KiB that would be a GiB.
    let once = gzip(&bomb(b'x', 1024));
    assert!(once.len() < MIB / 100);
    let reason = "gzip within gzip that unpacks to more than 1032 times its size";
    desk.assert_unreadable(&once, reason);
    desk.assert_unreadable(&gzip(&gzip(&once)), "gzip within gzip, too many times");
    // An honest one is read, however often it was packed.
    let honest = gzip(&gzip(&gzip(b"1 2\n")));
    desk.assert_malformed(&honest, 1, "2 columns where the layout has 14");
}

/// Very many lines each of which is wrong: all are counted, few are kept.
#[test]
fn millions_of_malformed_rows() {
    let desk = Desk::new();
    let rows = unless_long(MIB / 16, 2 * MIB);
    let wrong = b"x\n".repeat(rows);
    desk.put("hostile", &gzip(&wrong));
    desk.put("other", &gzip(&[&wrong[..], GOOD].concat()));
    let outcome = desk.check(&["--max-evidence", "3"]);
    let report = outcome.report();
    assert_eq!(outcome.code, 1);
    assert_eq!(report["sides"]["s3"]["malformed"], rows);
    assert_eq!(report["sides"]["s3"]["unreadable_parts"], 1);
    // The good row that the other side lacks, the part without a record, and as many rows as are shown.
    assert_eq!(report["findings"].as_array().unwrap().len(), 1 + 1 + 3);
    assert_eq!(report["evidence_capped"], true);
}

#[test]
fn json_that_would_be_kept_whole() {
    let desk = Desk::new();
    let reason = "JSON: a string longer than 16 MiB";
    let heads = [
        "{\"events\":[{\"message\":\"",
        "{\"awslogs\":{\"data\":\"",
        "{\"",
        "{\"events\":[{\"message\":\"1 2\",\"ingestionTime\":\"",
    ];
    for head in &heads[..unless_long(1, heads.len())] {
        let long = [head.as_bytes(), &b"x".repeat(24 * MIB)].concat();
        desk.assert_unreadable_because(&long, reason);
    }
    let deep = [&b"{\"x\":"[..], &b"[".repeat(17 * MIB)].concat();
    desk.assert_unreadable_because(&deep, "JSON: nested more than a million deep");
    let held = [&b"{\"logEvents\":["[..], &b"\"1 2\",".repeat(MIB)].concat();
    let reason = "JSON document 1: more than 32 MiB of events before `messageType`";
    desk.assert_unreadable_because(&held, reason);
}

#[test]
fn json_nested_a_million_deep() {
    let desk = Desk::new();
    let reason = "JSON document 1: recursion limit exceeded at line 1 column 128";
    desk.assert_unreadable(&b"[".repeat(1_000_000), reason);
    let passed_over = [&b"{\"x\":"[..], &b"[".repeat(1_000_000)].concat();
    let reason = "JSON document 1 is cut off at line 1 column 1000005";
    desk.assert_unreadable(&passed_over, reason);
}

#[test]
fn a_record_for_lambda_that_unpacks_to_much() {
    let data = STANDARD.encode(bomb(b' ', 33));
    let json = format!("{{\"awslogs\":{{\"data\":\"{data}\"}}}}");
    Desk::new().assert_unreadable(json.as_bytes(), "what is in base64: more than 32 MiB");
}

/// It is put on disk, but not all of it, and nothing of it stays there.
#[test]
fn parquet_that_unpacks_to_much() {
    let desk = Desk::new();
    let content = [gzip(b"PAR1"), bomb(0, 130)].concat();
    desk.put("hostile", &content);
    let temporary = desk.at("temporary");
    fs::create_dir(&temporary).unwrap();
    let (s3, cwl) = (desk.at("s3"), desk.at("cwl"));
    let sources = [s3.to_str().unwrap(), cwl.to_str().unwrap()];
    let arguments = [&["check", "--output", "json"], &sources[..]].concat();
    let env = [("TMPDIR", temporary.to_str().unwrap())];
    let outcome = desk.run_with(&arguments, Stdio::null(), &env);
    let reason = "Parquet within gzip that unpacks to more than 128 MiB: unpack it first";
    assert_eq!(outcome.report()["findings"][0]["reason"], reason);
    assert_eq!(outcome.code, 3);
    assert_eq!(entries(&temporary), 0);
}
