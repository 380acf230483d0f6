//! `flowdiff check` against a bucket and a log group: the contract of command line, report and
//! exit code.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::moto::moto;
use crate::support::records::{Delivery, FlowRecord, Traffic, generate, recent, streams};
use crate::support::{REGION, flowdiff, refusal};

const HOUR: i64 = 3600;

/// A bucket and a log group of one test.
struct Stores {
    bucket: String,
    group: String,
    group_region: &'static str,
}

/// What a run ended with.
struct Outcome {
    code: i32,
    report: Value,
    stderr: String,
}

impl Stores {
    /// Creates both, empty.
    fn new(name: &str) -> Self {
        Self::in_regions(name, REGION)
    }

    fn in_regions(name: &str, group_region: &'static str) -> Self {
        let stores = Self {
            bucket: format!("flowdiff-{name}"),
            group: format!("/flowdiff/{name}"),
            group_region,
        };
        moto().create_bucket(&stores.bucket, REGION);
        moto().create_group(&stores.group, group_region);
        stores
    }

    fn put_s3(&self, delivery: &Delivery, records: &[FlowRecord]) {
        moto().put_objects(&self.bucket, delivery.objects(records));
    }

    fn put_cwl(&self, records: &[FlowRecord]) {
        for (stream, events) in streams(records) {
            moto().put_events(&self.group, self.group_region, &stream, &events);
        }
    }

    /// Fills both, in the default layout.
    fn fill(name: &str, s3: &[FlowRecord], cwl: &[FlowRecord]) -> Self {
        let stores = Self::new(name);
        stores.put_s3(&Delivery::default(), s3);
        stores.put_cwl(cwl);
        stores
    }

    /// Checks `[start, start + 1 h)`.
    fn check(&self, start: i64) -> Outcome {
        self.check_with(start, &format!("s3://{}", self.bucket), &[])
    }

    fn check_with(&self, start: i64, s3: &str, more: &[&str]) -> Outcome {
        check(s3, &format!("cwl://{}", self.group), start, more)
    }
}

fn check(s3: &str, cwl: &str, start: i64, more: &[&str]) -> Outcome {
    let time = |second| Timestamp::from_second(second).unwrap().to_string();
    let output = flowdiff()
        .args(["check", s3, cwl, "--output", "json"])
        .args(["--since", &time(start), "--until", &time(start + HOUR)])
        .args(more)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let report = match output.stdout.as_slice() {
        [] => Value::Null,
        text => serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}: {stderr}")),
    };
    Outcome {
        code: output.status.code().unwrap(),
        report,
        stderr,
    }
}

impl Outcome {
    #[track_caller]
    fn assert_verdict(&self, verdict: &str, code: i32) {
        let Self { report, stderr, .. } = self;
        assert_eq!(report["verdict"], verdict, "{report:#}\n{stderr}");
        assert_eq!(self.code, code, "{report:#}\n{stderr}");
        assert_eq!(report["exit_code"], code);
    }

    /// Asserts that this many records stand on both sides and nothing else is said.
    #[track_caller]
    fn assert_consistent(&self, records: usize) {
        self.assert_verdict("consistent", 0);
        assert_eq!(self.counts(), counts(&[("/matched", records)]));
        assert_eq!(self.report["findings"], json!([]));
        for side in ["s3", "cwl"] {
            assert_eq!(self.report["sides"][side]["records"], records, "{side}");
        }
    }

    #[track_caller]
    fn assert_different(&self, numbers: &[(&str, usize)]) {
        self.assert_verdict("different", 1);
        assert_eq!(self.counts(), counts(numbers), "{:#}", self.report);
    }

    /// Asserts trouble that names what it is about, and no report.
    #[track_caller]
    fn assert_trouble(&self, named: &str) {
        assert_eq!(self.code, 2, "{}", self.stderr);
        assert!(self.stderr.contains(named), "{}", self.stderr);
        assert_eq!(self.report, Value::Null);
    }

    /// What was counted, but for how much of it has a cause.
    fn counts(&self) -> Value {
        let mut counts = self.report["counts"].clone();
        counts.as_object_mut().unwrap().remove("unexplained");
        counts
    }

    fn evidence(&self) -> &Value {
        &self.report["findings"][0]["evidence"][0]
    }
}

/// Returns `counts` with these numbers and otherwise nothing.
fn counts(numbers: &[(&str, usize)]) -> Value {
    let none = json!({"s3": 0, "cwl": 0});
    let mut counts = json!({
        "matched": 0, "matched_on_fewer_fields": 0, "missing": none, "surplus": none, "divergent": 0, "pending": none, "undetermined": none, "late": none,
    });
    for (pointer, number) in numbers {
        *counts.pointer_mut(pointer).unwrap() = json!(number);
    }
    counts
}

fn traffic(record: &mut FlowRecord) -> &mut Traffic {
    record.traffic.as_mut().unwrap()
}

#[test]
fn the_same_records_are_consistent() {
    let start = recent();
    let records = generate(400, 4, start, HOUR);
    let outcome = Stores::fill("consistent", &records, &records).check(start);
    outcome.assert_consistent(400);
    assert_eq!(outcome.report["schema"], "flowdiff.report/2");
    assert_eq!(outcome.report["sides"]["cwl"]["parts"], 4);
    assert_eq!(outcome.report["sides"]["s3"]["nodata"], 20);
}

#[test]
fn a_record_missing_on_cwl_is_shown_with_its_place_in_s3() {
    let start = recent();
    let records = generate(400, 4, start, HOUR);
    let mut fewer = records.clone();
    let lost = fewer.remove(123);
    let outcome = Stores::fill("missing-cwl", &records, &fewer).check(start);
    outcome.assert_different(&[("/matched", 399), ("/missing/cwl", 1)]);
    let finding = &outcome.report["findings"][0];
    assert_eq!(finding["kind"], "missing");
    assert_eq!(finding["side"], "cwl");
    assert_eq!(finding["interface"], lost.interface);
    let evidence = outcome.evidence();
    assert_eq!(evidence["record"]["bytes"], lost.traffic.unwrap().bytes);
    let part = evidence["found_in"]["part"].as_str().unwrap();
    assert!(part.ends_with(".log.gz"), "{part}");
}

#[test]
fn records_missing_on_s3_are_shown_with_their_stream() {
    let start = recent();
    let records = generate(400, 4, start, HOUR);
    let mut fewer = records.clone();
    let lost: Vec<_> = fewer.drain(40..43).collect();
    let outcome = Stores::fill("missing-s3", &fewer, &records).check(start);
    outcome.assert_different(&[("/matched", 397), ("/missing/s3", 3)]);
    let place = &outcome.evidence()["found_in"];
    let streams: Vec<_> = lost
        .iter()
        .map(|it| format!("{}-all", it.interface))
        .collect();
    let part = place["part"].as_str().unwrap();
    assert!(streams.iter().any(|stream| stream == part), "{part}");
}

#[test]
fn the_same_flow_with_other_values_is_divergent() {
    let start = recent();
    let records = generate(400, 4, start, HOUR);
    let mut other = records.clone();
    traffic(&mut other[200]).bytes += 4;
    let outcome = Stores::fill("divergent", &records, &other).check(start);
    outcome.assert_different(&[("/matched", 399), ("/divergent", 1)]);
    let pair = outcome.evidence();
    assert_eq!(pair["fields"], json!(["bytes"]));
    let bytes = traffic(&mut other[200]).bytes;
    assert_eq!(pair["s3"]["record"]["bytes"], bytes - 4);
    assert_eq!(pair["cwl"]["record"]["bytes"], bytes);
}

#[test]
fn an_extra_copy_is_surplus() {
    let start = recent();
    let records = generate(400, 4, start, HOUR);
    let mut twice = records.clone();
    twice.push(records[77].clone());
    let outcome = Stores::fill("surplus", &twice, &records).check(start);
    outcome.assert_different(&[("/matched", 400), ("/surplus/s3", 1)]);
}

#[test]
fn more_than_a_page_of_objects_and_of_events_is_read_whole() {
    let start = recent();
    let records = generate(12_000, 1, start, HOUR);
    let stores = Stores::new("pages");
    let delivery = Delivery {
        object_records: 11,
        ..Delivery::default()
    };
    let objects = delivery.objects(&records);
    assert!(objects.len() > 1000, "{}", objects.len());
    moto().put_objects(&stores.bucket, objects);
    stores.put_cwl(&records);
    stores.check(start).assert_consistent(12_000);
}

/// Outside the window the sides differ, by a second on either end; inside they do not.
#[test]
fn the_window_holds_its_first_second_and_not_its_end() {
    let start = recent();
    let at = |second: i64, port: u16| FlowRecord {
        start: second,
        end: second + 30,
        traffic: Some(Traffic {
            srcport: port,
            dstport: 443,
            packets: 1,
            bytes: 60,
        }),
        ..generate(1, 1, start, HOUR).remove(0)
    };
    let borders = |port| {
        let outside = [at(start - 1, port), at(start + HOUR, port)];
        let inside = [at(start, 1), at(start + HOUR - 1, 1)];
        [outside, inside].concat()
    };
    let outcome = Stores::fill("borders", &borders(1001), &borders(1002)).check(start);
    outcome.assert_consistent(2);
}

#[test]
fn of_two_regions_in_a_bucket_one_is_compared_with_a_group_elsewhere() {
    let start = recent();
    let (here, there) = (
        generate(100, 2, start, HOUR),
        generate(90, 3, start + 7, HOUR - 7),
    );
    let stores = Stores::in_regions("two-regions", "us-east-1");
    stores.put_s3(&Delivery::default(), &here);
    let delivery = Delivery {
        region: "us-east-1",
        flow_log_id: "fl-0fa0150fa0150fa01",
        ..Delivery::default()
    };
    stores.put_s3(&delivery, &there);
    stores.put_cwl(&there);

    let elsewhere = ["--cwl-region", "us-east-1"];
    let folder = format!("s3://{}/{}", stores.bucket, delivery.folder());
    stores
        .check_with(start, &folder, &elsewhere)
        .assert_consistent(90);

    let bucket = format!("s3://{}", stores.bucket);
    let chosen = [&elsewhere[..], &["--flow-log-id", delivery.flow_log_id]].concat();
    stores
        .check_with(start, &bucket, &chosen)
        .assert_consistent(90);

    let everything = stores.check_with(start, &bucket, &elsewhere);
    assert_eq!(everything.report["sides"]["s3"]["records"], 190);
    everything.assert_verdict("different", 1);
}

#[test]
fn every_key_layout_is_found() {
    let start = recent();
    let records = generate(200, 2, start, HOUR);
    for (name, prefix, hive, hourly) in [
        ("daily", "team/", false, false),
        ("hourly", "", false, true),
        ("hive-daily", "", true, false),
        ("hive-hourly", "team/net/", true, true),
    ] {
        let stores = Stores::new(&format!("layout-{name}"));
        let delivery = Delivery {
            prefix,
            hive,
            hourly,
            ..Delivery::default()
        };
        stores.put_s3(&delivery, &records);
        stores.put_cwl(&records);
        let address = format!("s3://{}/{prefix}", stores.bucket);
        stores
            .check_with(start, &address, &[])
            .assert_consistent(200);
    }
}

#[test]
fn parquet_objects_hold_the_same_records_as_events() {
    let start = recent();
    let records = generate(200, 2, start, HOUR);
    let stores = Stores::new("parquet");
    let delivery = Delivery {
        parquet: true,
        ..Delivery::default()
    };
    stores.put_s3(&delivery, &records);
    stores.put_cwl(&records);
    stores.check(start).assert_consistent(200);
}

#[test]
fn nothing_on_either_side_is_no_verdict_unless_allowed() {
    let start = recent();
    let stores = Stores::new("empty");
    stores.check(start).assert_verdict("unknown", 3);
    let address = format!("s3://{}", stores.bucket);
    let allowed = stores.check_with(start, &address, &["--allow-empty"]);
    allowed.assert_verdict("consistent", 0);
}

/// All records of the other side would look missing.
#[test]
fn an_address_under_which_nothing_is_is_trouble_that_names_the_nearest_thing() {
    let start = recent();
    let records = generate(4, 2, start, HOUR);
    let stores = Stores::new("nowhere");
    stores.put_cwl(&records);
    let objects = Delivery::default().objects(&records);
    let objects = objects.into_iter();
    let objects = objects.map(|(key, body)| (format!("flow-logs/{key}"), body));
    moto().put_objects(&stores.bucket, objects.collect());
    let address = |prefix: &str| format!("s3://{}/{prefix}", stores.bucket);
    let outcome = stores.check_with(start, &address("flow-log/"), &[]);
    outcome.assert_trouble(&format!("did you mean `{}`?", address("flow-logs/")));
    let outcome = stores.check_with(start, &address("flow-logs/AWSLog/"), &[]);
    outcome.assert_trouble(&format!("`{}`", address("flow-logs/AWSLogs/")));
    let allowed = stores.check_with(start, &address("flow-log/"), &["--allow-empty"]);
    allowed.assert_different(&[("/missing/s3", 4)]);
}

#[test]
fn a_bucket_that_is_not_there_is_trouble() {
    let stores = Stores::new("wrong-bucket");
    let outcome = stores.check_with(recent(), "s3://flowdiff-nowhere", &[]);
    outcome.assert_trouble("flowdiff-nowhere");
}

#[test]
fn a_group_that_is_not_there_is_trouble() {
    let stores = Stores::new("wrong-group");
    let bucket = format!("s3://{}", stores.bucket);
    let outcome = check(&bucket, "cwl:///flowdiff/nowhere", recent(), &[]);
    outcome.assert_trouble("/flowdiff/nowhere");
}

#[test]
fn a_refusal_is_trouble_and_names_who_refused() {
    let start = recent();
    let records = generate(40, 2, start, HOUR);
    let stores = Stores::fill("denied", &records, &records);
    let refusing = refusal::start();
    let bucket = format!("s3://{}", stores.bucket);
    for (option, named) in [
        ("--s3-endpoint-url", stores.bucket.as_str()),
        ("--cwl-endpoint-url", stores.group.as_str()),
    ] {
        let outcome = stores.check_with(start, &bucket, &[option, &refusing]);
        outcome.assert_trouble(named);
        assert!(
            outcome.stderr.contains("not authorized"),
            "{}",
            outcome.stderr
        );
    }
}

/// An endpoint of one's own takes no bucket as part of its host name, wherever it is given.
#[test]
fn endpoints_in_a_profiles_services_are_used_by_path() {
    let start = recent();
    let records = generate(40, 2, start, HOUR);
    let stores = Stores::fill("services", &records, &records);
    // By its address it would be used by path anyway.
    let endpoint = moto().reading().replace("127.0.0.1", "localhost");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let services =
        ["s3", "cloudwatch_logs"].map(|name| format!("{name} =\n  endpoint_url = {endpoint}\n"));
    let services = services.concat();
    let config = format!("[profile here]\nservices = here\n[services here]\n{services}");
    std::fs::write(&file, config).unwrap();
    let time = |second| Timestamp::from_second(second).unwrap().to_string();
    let output = flowdiff()
        .env_remove("AWS_ENDPOINT_URL")
        .env("AWS_CONFIG_FILE", &file)
        .env("AWS_PROFILE", "here")
        .args([
            "check",
            &format!("s3://{}", stores.bucket),
            &format!("cwl://{}", stores.group),
        ])
        .args([
            "--since",
            &time(start),
            "--until",
            &time(start + HOUR),
            "--timeout",
            "5s",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
