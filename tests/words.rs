//! What flowdiff says when it cannot do what was asked: slips on the command line, and inputs that are not what they were
//! thought to be. Each message is meant to be read by somebody who has never seen flowdiff before.
//!
//! After a change that is meant: `FLOWDIFF_BLESS=1 cargo test words`, then read the difference as a new user would.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::offline;

const ROW: &str =
    "2 123456789010 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK";

/// What is typed, a line each: the words after `flowdiff`, single quotes as a shell takes them.
const TYPED: &str = r#"
check
check a.log
check fa-014 a.log
check a.log /vpc/flow
check a.log flow
check fl-0aa a.log
check a.log eni-0aa
check ./none a.log
check a.log cwl://
check a.log 'cwl://a b'
check a.log cwl://group:*
check s3:// a.log
check 's3://a b' a.log
check S3://fa-014 a.log
check s3a://fa-014/AWSLogs a.log
check https://fa-014.s3.eu-west-1.amazonaws.com/AWSLogs/ a.log
check 'https://eu-west-1.console.aws.amazon.com/s3/buckets/fa-014?region=eu-west-1&prefix=AWSLogs/' a.log
check a.log 'https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Fvpc$252Fflow'
check https://example.com/x a.log
check a.log cloudwatch:///vpc/flow
check arn:aws:s3::123456789010:accesspoint/abc.mrap a.log
check arn:aws:ec2:eu-west-1:123456789010:vpc-flow-log/fl-0aa a.log
check a.log arn:aws:logs:eu-west-1:123456789010:log-group:g:log-stream:s
check arn:aws:iam::123456789010:role/x a.log
check - -
check a.log b.log --cwl-format ''
check a.log b.log --cwl-format ' id id        status'
check a.log b.log --cwl-format '$${version} $${start}'
check a.log b.log --cwl-format 'version start end'
check a.log b.log --cwl-format '${version},${start},${end}'
check a.log b.log --cwl-format '["version", "start"]'
check a.log b.log --cwl-format '${VERSION} ${START}'
check a.log b.log --cwl-format '${timestamp} ${version} ${start}'
check a.log b.log --cwl-format '${version} ${byts}'
check a.log b.log --s3-format '${src-addr} ${start}'
check a.log b.log --cwl-format '${version} $start'
check a.log b.log --fields srcadr
check a.log b.log --fields start,logstatuses
check a.log b.log --ignore-fields flowdirection
check a.log b.log --since tomorrow
check a.log b.log --since 2022-13-01
check a.log b.log --since 1h --until 2h --now 2023-11-15
check a.log b.log --settle soon
check a.log b.log --recheck-every 0s
check a.log b.log --memory lots
check a.log b.log --memory 1MiB
check a.log b.log --concurrency 0
check a.log b.log --cwl-rate 0
check a.log b.log --timeout 0s
check a.log b.log --output xml
check a.log b.log --report xml=x
check a.log b.log --report json
check a.log b.log --report json=- -o csv
check a.log b.log --fail-on missing
check a.log b.log -w 10
check a.log b.log --nagios -q
check a.log b.log --key-file b.log
digest a.log
digest a.log -o x
digest a.log --side s3 -o x --fingerprint blake3
digest a.log --side s3 -o x --key-file none
digest a.log --side s3 -o x --key-file a.log
digest a.log --side s3 -o x --recheck 3
digest a.log b.log --side s3 -o x
digest --merge a.log -o x
digest a.log --side s3 -o x --receipt
verify a.log b.log
verify a.log
watch a.log b.log --state st --key-file a.log
plan a.log b.log --key-file a.log --receipt x
plan a.log b.log --parts -o json
key a.log
export-plan a.log --to s3://exports --since 2022-01-07 --until 2022-01-08
export-plan cwl://g --to b --since 2022-01-07 --until 2022-01-08
export-plan cwl://g --to s3://exports --since 2022-01-08 --until 2022-01-07
export-plan cwl://g --to s3://exports --since 2022-01-07 --until 2022-01-08 --step 0s
check a.log b.log --state s3://bucket/state
check a.log b.log --state st --step 7m
check a.log b.log --state st --fields bytes
check a.log b.log --redact-key short
check a.log b.log --sinse 1h
check a.log b.log --flow-log-id fl-0aa
check --flow-logs fl-0aa a.log
doctor a.log b.log --recheck 2
doctor a.log b.log --plan
watch a.log b.log --state st -o csv
watch a.log b.log
chek a.log b.log
check a.log bzip2 -o json
check a.log picture -o json
check a.log cut.gz -o json
check a.log cut.json -o json
check a.log other.json -o json
check a.log more.json -o json
check a.log more.txt -o json
check a.log running.json -o json
check a.log cut-results.json -o json
check a.log fields.json -o json
check a.log insights.csv -o json
check a.log many.csv -o json
check a.log empty.yaml -o json
"#;

/// The files that are there.
fn write_files(place: &Path) {
    let write = |name: &str, content: &[u8]| fs::write(place.join(name), content).unwrap();
    write("a.log", format!("{ROW}\n").as_bytes());
    write("b.log", format!("{ROW}\n").as_bytes());
    write("bzip2", b"BZh91AY&SY");
    write("picture", b"\x89PNG\r\n\x1a\n\0\0");
    write("cut.gz", b"\x1f\x8b\x08\0\0");
    write("cut.json", br#"{"events":[{"message":"2 1"#);
    write("other.json", br#"{"Reservations":[],"OwnerId":"1"}"#);
    write("more.json", br#"{"events":[],"nextToken":"a"}"#);
    write(
        "more.txt",
        format!("{ROW}\nNEXTTOKEN\teyJuZXh0\n").as_bytes(),
    );
    let row = format!(r#"[{{"field":"@message","value":"{ROW}"}}]"#);
    let results = |rest: &str| format!(r#"{{"results":[{row}],{rest}}}"#);
    write("running.json", results(r#""status":"Running""#).as_bytes());
    let cut = r#""statistics":{"recordsMatched":20000.0},"status":"Complete""#;
    write("cut-results.json", results(cut).as_bytes());
    write(
        "fields.json",
        br#"{"results":[[{"field":"srcAddr","value":"10.0.0.5"}]],"status":"Complete"}"#,
    );
    let rows = format!("2023-11-14 22:13:20.000,{ROW}\n").repeat(10_000);
    write(
        "insights.csv",
        format!("@timestamp,@message\n{rows}").as_bytes(),
    );
    let many = format!("start{}\n", ",end".repeat(1000));
    write("many.csv", many.as_bytes());
    write("empty.yaml", b"events: [\n");
}

/// Cuts a line into words; single quotes keep what is between them together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut begun) = (Vec::new(), String::new(), false, false);
    for letter in line.chars() {
        match letter {
            '\'' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            _ => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// What a report in JSON says of what could not be read, or the line for Nagios.
fn reasons(printed: &str) -> Vec<String> {
    let Ok(report) = serde_json::from_str::<Value>(printed) else {
        return printed.lines().map(str::to_owned).collect();
    };
    let findings = report["findings"].as_array().into_iter().flatten();
    let reasons = findings.filter_map(|finding| finding["reason"].as_str());
    reasons.map(|reason| format!("reason: {reason}")).collect()
}

#[test]
fn what_cannot_be_done_is_said_in_plain_words() {
    let place = tempfile::tempdir().unwrap();
    write_files(place.path());
    let mut said = String::new();
    let lines: Vec<&str> = TYPED.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines.len() >= 60, "only {} are tried", lines.len());
    for line in &lines {
        let mut command = offline();
        command.current_dir(place.path()).args(words(line));
        let output = command.write_stdin("").output().unwrap();
        let code = output.status.code().unwrap();
        assert!([2, 3].contains(&code), "{line}: {output:?}");
        writeln!(said, "$ flowdiff {line}").unwrap();
        let (printed, complained) = (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        );
        for text in complained
            .lines()
            .map(str::to_owned)
            .chain(reasons(&printed))
        {
            writeln!(said, "{}", text.trim_end()).unwrap();
        }
        writeln!(said, "[exit code {code}]\n").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/words/said.txt");
    if std::env::var_os("FLOWDIFF_BLESS").is_some() {
        fs::write(&path, &said).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    for (said, expected) in said.split("\n\n").zip(expected.split("\n\n")) {
        assert_eq!(said, expected);
    }
    assert_eq!(said, expected);
}
