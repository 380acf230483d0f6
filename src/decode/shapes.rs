//! For tests: the same records in every shape.

use std::collections::HashSet;

use proptest::prelude::*;

use super::collected::{CollectedRow, default_format, every_way, fixture, given, gzip};
use super::*;
use crate::record::{ComparedFields, Normaliser};

/// The records in canonical form, in order, each event once.
fn records(content: &[u8]) -> Vec<String> {
    let comparison = ComparedFields::new(Layout::vpc_default().columns().to_vec());
    let all = every_way(content, &default_format()).unwrap();
    assert_eq!(all.malformed, []);
    let mut seen = HashSet::new();
    let mut fresh = |row: &&CollectedRow| row.event_id.iter().all(|id| seen.insert(id.clone()));
    let mut records: Vec<String> = Vec::new();
    for row in all.rows.iter().filter(|row| fresh(row)) {
        let normaliser = Normaliser::new(&row.layout, &comparison).unwrap();
        let cells: Vec<&[u8]> = row.cells.iter().map(Vec::as_slice).collect();
        let mut text = Vec::new();
        let normal = normaliser
            .normalise(Cells::Apart(&cells), &mut text)
            .unwrap();
        records.push(String::from_utf8(normal.text.to_vec()).unwrap());
    }
    records
}

#[test]
fn every_shape_holds_the_same_records() {
    let expected = [
        "2 123456789010 eni-0f1a2b3c4d5e6f701 10.0.0.5 198.51.100.7 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK",
        "2 123456789010 eni-0f1a2b3c4d5e6f701 203.0.113.9 10.0.0.5 51000 22 6 1 40 1700000003 1700000058 REJECT OK",
        "2 123456789010 eni-0f1a2b3c4d5e6f701 10.0.0.5 192.0.2.1 0 0 1 4 336 1700000010 1700000010 ACCEPT OK",
        "2 123456789010 eni-0f1a2b3c4d5e6f702 fd00:0:0:1::5 fd00:0:0:1::9 40000 53 17 1 96 1700000020 1700000079 ACCEPT OK",
        "2 123456789010 eni-0f1a2b3c4d5e6f702 - - - - - - - 1700000060 1700000118 - NODATA",
    ];
    for name in [
        "athena-results.csv",
        "awslogs-no-group.txt",
        "awslogs-times.txt",
        "awslogs.txt",
        "batched-events.json",
        "cli-filter-table.txt",
        "cli-filter-text.txt",
        "cli-get-text.txt",
        "cli-messages-table.txt",
        "cli-messages-text.txt",
        "cli-times-messages-table.txt",
        "cli-times-messages-text.txt",
        "cli-yaml-messages.yaml",
        "cli-yaml.yaml",
        "concatenated-headers.txt",
        "console-quoted.csv",
        "console.csv",
        "crlf.txt",
        "cw.txt",
        "elasticsearch.json",
        "export-task.gz",
        "filebeat.jsonl",
        "filter-log-events.json",
        "firehose-http.json",
        "firehose-messages.json",
        "firehose-transform-in.json",
        "firehose-transform-out.json",
        "fluent-bit.json",
        "get-log-events.json",
        "get-query-results.json",
        "insights-console.csv",
        "insights-console.json",
        "jq-strings.txt",
        "kinesis-get-records.json",
        "kinesis-lambda.json",
        "lambda-event.json",
        "logcli.jsonl",
        "logcli.txt",
        "logstash.jsonl",
        "no-last-newline.txt",
        "nothing-between.txt",
        "old-mac.txt",
        "otlp.json",
        "pandas.parquet",
        "plain.txt",
        "plain.txt.zst",
        "powershell-utf16.txt",
        "powershell.json",
        "python-print.txt",
        "query-events.json",
        "query-messages.json",
        "query-streams-messages.json",
        "query-times-messages.json",
        "s3-header.log.gz",
        "s3.log.parquet",
        "saw.txt",
        "splunk-export.json",
        "splunk-hec.json",
        "subscription-decompressed.json",
        "subscription.gz",
        "tail-detailed-colour.txt",
        "tail-detailed.txt",
        "tail-short.txt",
        "two-layouts.txt",
        "vector.jsonl",
        "cloud-logging.jsonl",
        "datadog.json",
        "docker.jsonl",
        "elasticdump.jsonl",
        "fluentd.txt",
        "gelf.jsonl",
        "grafana.csv",
        "journald.jsonl",
        "kibana.csv",
        "kinesis-data.txt",
        "kinesis-records.jsonl",
        "kubernetes.txt",
        "loki-query.json",
        "results-messages.json",
        "splunk.csv",
    ] {
        assert_eq!(records(&fixture(name)), expected, "{name}");
        assert_eq!(
            records(&gzip(&fixture(name))),
            expected,
            "{name}, packed once more"
        );
    }
}

#[test]
fn every_shape_is_documented() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let [shapes, fixtures] = ["docs/shapes.md", "fixtures/README.md"]
        .map(|name| std::fs::read_to_string(root.join(name)).unwrap());
    for file in std::fs::read_dir(root.join("fixtures/formats")).unwrap() {
        let name = format!("`{}`", file.unwrap().file_name().to_str().unwrap());
        assert!(shapes.contains(&name), "docs/shapes.md lacks {name}");
        assert!(fixtures.contains(&name), "fixtures/README.md lacks {name}");
    }
}

const COLUMNS: [&str; 4] = ["version", "instance-tag", "brand-new", "start"];

/// What a value can look like: no white space, and not what would be taken for a header or a time stamp.
fn any_rows() -> impl Strategy<Value = Vec<[String; 4]>> {
    let cell = "[!-~\u{a1}-\u{2ff}]{1,30}";
    let row = ("[1-9]{1,2}", cell, cell, "1[0-9]{9}");
    let row = row.prop_map(|(a, b, c, d)| [a, b, c, d]);
    prop::collection::vec(row, 1..30)
}

fn messages(rows: &[[String; 4]]) -> Vec<String> {
    rows.iter().map(|row| row.join(" ")).collect()
}

fn parquet_of(rows: &[[String; 4]]) -> Vec<u8> {
    use super::table::ColumnValues::{I32, I64, Text};
    let text = |at: usize| Text(rows.iter().map(|row| Some(row[at].clone())).collect());
    let version = I32(rows.iter().map(|row| row[0].parse().ok()).collect());
    let start = I64(rows.iter().map(|row| row[3].parse().ok()).collect());
    let names = COLUMNS.map(|name| name.replace('-', "_"));
    let columns = [version, text(1), text(2), start];
    let columns = names.iter().map(String::as_str).zip(columns);
    super::parquet::tests::written(&columns.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_rows_come_back_the_same_from_every_shape(rows in any_rows()) {
        let messages = messages(&rows);
        let lines = messages.join("\n");
        let events = |id: &str| -> Vec<serde_json::Value> {
            let event = |(at, message)| serde_json::json!({"message": message, id: format!("{at}")});
            messages.iter().enumerate().map(event).collect()
        };
        let answer = serde_json::json!({"events": events("eventId")});
        let record = serde_json::json!({"logEvents": events("id"), "messageType": "DATA_MESSAGE"});
        let (answer, record) = (answer.to_string(), record.to_string());
        for content in [
            lines.clone().into_bytes(),
            gzip(lines.as_bytes()),
            [gzip(lines.as_bytes()), gzip(b"\n")].concat(),
            format!("{}\n{lines}", COLUMNS.join(" ")).into_bytes(),
            answer.into_bytes(),
            gzip(record.as_bytes()),
            parquet_of(&rows),
        ] {
            let format = given("${version} ${instance-tag} ${brand-new} ${start}");
            let all = every_way(&content, &format).unwrap();
            prop_assert_eq!(&all.malformed, &[]);
            prop_assert_eq!(all.texts(), messages.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
