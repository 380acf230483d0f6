//! Rows that no service writes.

use std::fs;

use serde_json::json;

use super::{Desk, GOOD};

const ROW: [&str; 14] = [
    "2",
    "123456789010",
    "eni-0aa",
    "10.0.0.5",
    "10.0.1.9",
    "49152",
    "443",
    "6",
    "10",
    "840",
    "1700000000",
    "1700000058",
    "ACCEPT",
    "OK",
];

/// A row with other cells.
fn row(cells: &[(usize, &str)]) -> String {
    let mut row = ROW;
    for (at, cell) in cells {
        row[*at] = cell;
    }
    row.join(" ")
}

/// A listing of messages that `--max-items` has cut: what is in it counts, and what follows may hold whatever else lacks.
#[test]
fn records_before_the_end_of_a_cut_output_count() {
    let desk = Desk::new();
    let (both, here, there) = (row(&[]), row(&[(5, "50000")]), row(&[(5, "50001")]));
    desk.put("cut.txt", format!("{both}\n{here}\nNone\n").as_bytes());
    fs::write(
        desk.at("cwl").join("whole.txt"),
        format!("{both}\n{there}\n"),
    )
    .unwrap();
    let outcome = desk.check(&[]);
    let report = outcome.report();
    let counts = &report["counts"];
    assert_eq!(outcome.code, 1, "{report:#}");
    assert_eq!(counts["matched"], GOOD + 1, "{report:#}");
    assert_eq!(counts["missing"], json!({"s3": 0, "cwl": 1}), "{report:#}");
    assert_eq!(
        counts["undetermined"],
        json!({"s3": 1, "cwl": 0}),
        "{report:#}"
    );
    let findings = report["findings"].as_array().unwrap();
    let unreadable = findings
        .iter()
        .find(|finding| finding["kind"] == "unreadable");
    let reason = unreadable.unwrap()["reason"].as_str().unwrap();
    assert!(reason.contains("the last line is the `None`"), "{reason}");
}

/// What tells that a content is text, so that what follows is looked at row by row.
fn after_good_rows(content: &[u8]) -> Vec<u8> {
    let good = row(&[]) + "\n" + &"1 2\n".repeat(300);
    [good.as_bytes(), content].concat()
}

#[test]
fn ten_million_columns() {
    let desk = Desk::new();
    let many = |first: &str, count: usize| [first.as_bytes(), &b" a".repeat(count)].concat();
    desk.assert_malformed(&many("2", 10_000_000), 1, "line longer than 4 MiB");
    desk.assert_malformed(&many("version", 10_000_000), 1, "line longer than 4 MiB");
    desk.assert_malformed(
        &many("2", 500_000),
        1,
        "500001 columns where the layout has 14",
    );
    let names: Vec<String> = (0..100_000).map(|n| format!("f{n}")).collect();
    let header = format!("version {}\n1 2\n", names.join(" "));
    let reason = "the header in line 1: 100001 fields, more than any flow log has";
    desk.assert_unreadable(header.as_bytes(), reason);
}

#[test]
fn headers_without_end() {
    let desk = Desk::new();
    let headers: String = (0..20_000)
        .map(|n| format!("{} extra-{n}\n", ["version", "start"][n % 2]))
        .collect();
    let reason = "more than 100 different headers, up to line 101";
    desk.assert_unreadable(headers.as_bytes(), reason);
}

/// Each of them is a layout of its own that has all fields, so that nothing narrows what is compared.
#[test]
fn a_hundred_thousand_headers() {
    let desk = Desk::new();
    let fields = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";
    let headers: String = (0..100_000).map(|n| format!("{fields} f{n}\n")).collect();
    let reason = "more than 100 different headers, up to line 101";
    desk.assert_unreadable(headers.as_bytes(), reason);
    // The same ones over and over are one.
    let again = format!("{fields}\n").repeat(1_000);
    desk.put("hostile", again.as_bytes());
    assert_eq!(desk.check(&[]).code, 0);
}

#[test]
fn bytes_that_are_no_text() {
    let desk = Desk::new();
    let neither = "neither flow-log text, JSON nor Parquet";
    for content in [
        &b"2 1\0 3\n"[..],
        b"2 \xff\xfe\n",
        b"\x01\x02\x03",
        &[0; 4096],
        &[0xff; 4096],
    ] {
        desk.assert_unreadable(content, neither);
    }
    for (byte, name) in [(0, "0x00"), (7, "0x07"), (8, "0x08"), (12, "0x0c")] {
        let content = after_good_rows(&[&b"2 "[..], &[byte], b" 3\n"].concat());
        desk.put("hostile", &content);
        let report = desk.check(&["--max-evidence", "400"]).report();
        let findings = report["findings"].as_array().unwrap();
        let last = findings.last().unwrap();
        // One of them is the good row, which the other side lacks.
        assert_eq!((findings.len(), last["row"].as_u64()), (302, Some(302)));
        assert_eq!(last["reason"], format!("control byte {name} within it"));
    }
}

/// They are carried byte for byte, told apart, and shown as what can be shown.
#[test]
fn invalid_utf_8_in_values() {
    let desk = Desk::new();
    let line = |bytes: &[u8]| {
        let row = row(&[(2, "eni-0a?")]);
        let (before, after) = row.split_once('?').unwrap();
        let good = "1 2\n".repeat(300);
        [
            good.as_bytes(),
            before.as_bytes(),
            bytes,
            after.as_bytes(),
            b"\n",
        ]
        .concat()
    };
    desk.put("rows.txt", &line(b"\xc3\x28"));
    fs::write(desk.at("cwl").join("rows.txt"), line(b"\xc3\x28")).unwrap();
    let report = desk.check(&[]).report();
    assert_eq!(report["counts"]["matched"], GOOD + 1);
    fs::write(desk.at("cwl").join("rows.txt"), line(b"\xc3\x29")).unwrap();
    let outcome = desk.check(&[]);
    let counts = &outcome.report()["counts"];
    // There are as many malformed rows as could be these.
    assert_eq!(outcome.code, 3);
    assert_eq!(counts["undetermined"], json!({"s3": 1, "cwl": 1}));
}

/// What is a number counts as one, whatever its size; what is none is named.
#[test]
fn numbers_of_every_size() {
    let desk = Desk::new();
    let huge = "9".repeat(60);
    for (at, name, cell, fine) in [
        (9, "bytes", "18446744073709551615", true),
        (9, "bytes", "18446744073709551616", false),
        (9, "bytes", &huge, false),
        (9, "bytes", "-1", false),
        (9, "bytes", "1e9", false),
        (9, "bytes", "0x10", false),
        (8, "packets", "+1", false),
        (5, "srcport", "-0", false),
        (5, "srcport", "99999999999999999999", false),
        (10, "start", &huge, false),
        (10, "start", "9223372036854775808", false),
        (11, "end", "1.5", false),
    ] {
        let line = row(&[(at, cell)]);
        desk.put("hostile", line.as_bytes());
        let outcome = desk.check(&[]);
        let report = outcome.report();
        let kinds = ["unreadable", "missing"];
        let told = &report["findings"][0];
        println!("{line}: {told}");
        assert_eq!(
            report["findings"].as_array().unwrap().len(),
            1,
            "{report:#}"
        );
        assert!(kinds.contains(&told["kind"].as_str().unwrap()));
        if fine {
            assert_eq!(told["kind"], "missing", "{line}");
        } else if told["kind"] == "unreadable" {
            assert!(told["reason"].as_str().unwrap().contains(name), "{told}");
        }
        // Byte for byte the same on both sides, it is the same, or just as malformed.
        fs::write(desk.at("cwl").join("rows"), &line).unwrap();
        let both = desk.check(&[]);
        assert_eq!(
            both.code,
            if told["kind"] == "unreadable" { 3 } else { 0 },
            "{}",
            both.stdout
        );
        fs::remove_file(desk.at("cwl").join("rows")).unwrap();
    }
}

#[test]
fn times_before_1970_and_after_9999() {
    for (start, shown) in [
        ("253402300799", "9999-12-31T23:55:00Z"),
        ("253402300800", "253402300800"),
        ("4611686018427387903", "46116860184273"),
        ("9223372036854775807", ""),
        ("-1", "1969-12-31T23:55:00Z"),
        ("-62135596800", "0001-01-01T00:00:00Z"),
        ("-9223372036854775808", ""),
    ] {
        let desk = Desk::new();
        desk.put("hostile", row(&[(10, start), (11, start)]).as_bytes());
        let reports = [
            "--report=text=/dev/null",
            "--report=csv=/dev/null",
            "--report=junit=/dev/null",
            "--report=emf=/dev/null",
            "--report=openmetrics=/dev/null",
        ];
        for more in [
            &reports[..],
            &["--since", "2020-01-01", "--until", "9999-12-30"],
        ] {
            let outcome = desk.check(more);
            println!("{start} {more:?} {}", outcome.stderr);
            assert!([0, 1, 3].contains(&outcome.code), "{}", outcome.stderr);
            assert_eq!(outcome.stderr, "");
            let finding = &outcome.report()["findings"][0];
            if outcome.code == 1 {
                let slot = finding["slot"].as_str().unwrap();
                assert!(slot.starts_with(shown), "{finding}");
            }
        }
    }
}
