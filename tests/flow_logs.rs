//! Two flow logs, or a resource that has two, instead of sources: what EC2 says of them is all the configuration there is.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::support::aws::{BUCKET, Call, Fault, GROUP, Server, Speed, Stores};
use crate::support::moto::moto;
use crate::support::records::{Delivery, FlowRecord, generate, recent, streams};
use crate::support::schema::assert_fits;
use crate::support::{REGION, flowdiff, offline};

const HOUR: i64 = 3600;
pub(crate) const DEFAULT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} \
                       ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/// What a run ended with.
struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
    /// The operations that the server was asked for, if it was ours.
    operations: Vec<String>,
}

impl Outcome {
    fn report(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stderr))
    }

    /// The settings of all findings of kind `configuration`.
    fn settings(&self) -> Vec<String> {
        let report = self.report();
        let findings = report["findings"].as_array().unwrap().iter();
        let ours = findings.filter(|it| it["kind"] == "configuration");
        ours.map(|it| it["setting"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn run(mut command: assert_cmd::Command, words: &[&str]) -> Outcome {
    let time = |second| Timestamp::from_second(second).unwrap().to_string();
    let output = command
        .arg("check")
        .args(words)
        .args([
            "--since",
            &time(recent()),
            "--until",
            &time(recent() + HOUR),
        ])
        .output()
        .unwrap();
    Outcome {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        operations: Vec::new(),
    }
}

#[test]
fn the_tutorials_two_flow_logs_are_all_it_takes() {
    let names = ["BucketName=flowdiff-named", "LogGroupName=/flowdiff/named"];
    let made = moto().deploy("named", REGION, &names);
    let output = |name: &str| made.outputs[name].as_str();
    let records = generate(200, 2, recent(), HOUR);
    let ours = Delivery {
        flow_log_id: output("FlowLogToS3").to_owned().leak(),
        ..Delivery::default()
    };
    moto().put_objects("flowdiff-named", ours.objects(&records));
    // Another flow log's, in the same folder: it must not be read.
    let others = Delivery {
        flow_log_id: "fl-0dd",
        ..Delivery::default()
    };
    moto().put_objects("flowdiff-named", others.objects(&records[..50]));
    for (stream, events) in streams(&records) {
        moto().put_events("/flowdiff/named", REGION, &stream, &events);
    }
    let (s3, cwl) = (output("FlowLogToS3"), output("FlowLogToCloudWatch"));
    for words in [
        &["--flow-logs", s3, cwl, "-o", "json"][..],
        &["--flow-logs", cwl, s3, "-o", "json"],
        &["--resource", output("Subnet"), "-o", "json"],
    ] {
        let outcome = run(flowdiff(), words);
        let report = outcome.report();
        assert_eq!(report["verdict"], "consistent", "{report:#}");
        assert_eq!(outcome.code, 0);
        assert_eq!(report["counts"]["matched"], 200);
        assert_eq!(
            report["sides"]["s3"]["source"],
            "s3://flowdiff-named/AWSLogs/123456789012/vpcflowlogs/eu-west-1/"
        );
        // moto made them just now, which is after the window.
        assert_eq!(outcome.settings(), ["created", "created"]);
    }
    let text = run(flowdiff(), &["--flow-logs", s3, cwl]).stdout;
    assert!(
        text.starts_with("Consistent: both destinations hold the same 200 records.\n"),
        "{text}"
    );
    assert!(text.contains("\nConfiguration: 2 remarks"), "{text}");
    let outcome = run(flowdiff(), &["--flow-logs", s3, "fl-0123456789abcdef0"]);
    assert_eq!(outcome.code, 2);
    assert!(
        outcome
            .stderr
            .contains("`fl-0123456789abcdef0` cannot be found"),
        "{}",
        outcome.stderr
    );
    let outcome = run(flowdiff(), &["--resource", output("Vpc")]);
    assert!(
        outcome.stderr.contains("has no flow log of its own"),
        "{}",
        outcome.stderr
    );
}

/// An `item` of DescribeFlowLogs; what is set later counts less, so that `more` can be anything.
pub(crate) fn item(id: &str, destination: &str, more: &str) -> String {
    let destination = match destination {
        "s3" => format!(
            "<logDestinationType>s3</logDestinationType><logDestination>arn:aws:s3:::{BUCKET}/team</logDestination>"
        ),
        _ => format!(
            "<logDestinationType>cloud-watch-logs</logDestinationType><logGroupName>{GROUP}</logGroupName>"
        ),
    };
    format!(
        "<item><creationTime>2022-01-07T22:00:00.000Z</creationTime><deliverLogsStatus>SUCCESS</deliverLogsStatus>\
         <flowLogId>{id}</flowLogId><flowLogStatus>ACTIVE</flowLogStatus>{destination}\
         <resourceId>subnet-0aa</resourceId><tagSet/>{more}</item>"
    )
}

pub(crate) fn usual(format: &str, interval: u32, traffic: &str) -> String {
    format!(
        "<logFormat>{format}</logFormat><maxAggregationInterval>{interval}</maxAggregationInterval>\
         <trafficType>{traffic}</trafficType>"
    )
}

/// Both stores with the same records, and flow logs.
pub(crate) fn stores(
    delivery: &Delivery,
    records: &[FlowRecord],
    flow_logs: Vec<String>,
) -> Stores {
    let mut stores = Stores::default();
    for (key, bytes) in delivery.objects(records) {
        stores.put(&key, bytes);
    }
    for (name, events) in streams(records) {
        stores.streams.insert(name, Arc::new(events));
    }
    stores.flow_logs = flow_logs;
    stores
}

fn ask(
    stores: Stores,
    page: usize,
    meddler: impl FnMut(&Call<'_>, &mut Stores) -> Fault + Send + 'static,
    words: &[&str],
) -> Outcome {
    let speed = Speed {
        page: Some(page),
        ..Speed::default()
    };
    let server = Server::start(stores, speed, Box::new(meddler));
    let mut command = offline();
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server.endpoint);
    let mut outcome = run(
        command,
        &[words, &["--cwl-rate", "1000", "--timeout", "2s"]].concat(),
    );
    let answered = server.take_answered().into_iter();
    outcome.operations = answered.map(|call| call.operation).collect();
    outcome
}

fn alike() -> Vec<String> {
    let set = usual(DEFAULT, 60, "ALL");
    vec![item("fl-0aa", "s3", &set), item("fl-0bb", "cwl", &set)]
}

/// A Hive-compatible flow log in a folder of the bucket, among those of other accounts and regions.
#[test]
fn only_the_flow_logs_own_folder_is_listed() {
    let records = generate(200, 2, recent(), HOUR);
    let delivery = Delivery {
        prefix: "team/",
        flow_log_id: "fl-0aa",
        hive: true,
        hourly: true,
        ..Delivery::default()
    };
    let options = "<destinationOptions><fileFormat>plain-text</fileFormat><hiveCompatiblePartitions>true\
                   </hiveCompatiblePartitions><perHourPartition>true</perHourPartition></destinationOptions>";
    let set = usual(DEFAULT, 60, "ALL");
    let logs = vec![
        item("fl-0aa", "s3", &format!("{set}{options}")),
        item("fl-0bb", "cwl", &set),
    ];
    let mut stores = stores(&delivery, &records, logs);
    let elsewhere = Delivery {
        region: "us-east-1",
        ..delivery
    };
    for (key, bytes) in elsewhere.objects(&records[..20]) {
        stores.put(&key, bytes);
    }
    let own = format!("{}year=", delivery.folder());
    let meddler = move |call: &Call<'_>, _: &mut Stores| {
        let listed = call.operation == "ListObjectsV2" && !call.name.starts_with(&own);
        match listed && own.strip_suffix("year=") != Some(call.name) {
            true => Fault::Refused(403, "AccessDenied"),
            false => Fault::None,
        }
    };
    let outcome = ask(
        stores,
        1000,
        meddler,
        &["--flow-logs", "fl-0aa", "fl-0bb", "-o", "json"],
    );
    let report = outcome.report();
    assert_eq!(report["verdict"], "consistent", "{report:#}");
    assert_eq!(report["counts"]["matched"], 200);
    assert!(outcome.settings().is_empty());
}

#[test]
fn what_the_two_do_not_share_comes_before_the_result() {
    let records = generate(40, 2, recent(), HOUR);
    let delivery = Delivery {
        prefix: "team/",
        flow_log_id: "fl-0aa",
        ..Delivery::default()
    };
    let more = format!("{DEFAULT} ${{vpc-id}}");
    let failing = "<deliverLogsErrorMessage>Rate limited</deliverLogsErrorMessage>";
    let logs = vec![
        item("fl-0aa", "s3", &usual(&more, 60, "ALL")),
        item(
            "fl-0bb",
            "cwl",
            &format!("{}{failing}", usual(DEFAULT, 600, "REJECT")),
        ),
    ];
    let words = ["--resource", "subnet-0aa", "-o", "json"];
    let outcome = ask(
        stores(&delivery, &records, logs),
        1000,
        |_, _| Fault::None,
        &words,
    );
    let settings = ["traffic-type", "aggregation-interval", "format", "delivery"];
    assert_eq!(outcome.settings(), settings);
    let report = outcome.report();
    // They tell of the flow logs: the records are the same, and so is the answer.
    assert_eq!(report["verdict"], "consistent");
    let first = &report["findings"][0];
    assert_eq!(
        (&first["s3"], &first["cwl"]),
        (&"ALL".into(), &"REJECT".into())
    );
    let last = &report["findings"][3];
    assert_eq!(last["side"], "cwl");
    assert_fits("report", std::slice::from_ref(&report));
    assert!(
        last["reason"].as_str().unwrap().contains("Rate limited"),
        "{last}"
    );
}

/// The log group's rows come in the order that its flow log says; an explicit format goes before.
#[test]
fn formats_come_from_the_flow_logs() {
    let records = generate(40, 2, recent(), HOUR);
    let delivery = Delivery {
        prefix: "team/",
        flow_log_id: "fl-0aa",
        ..Delivery::default()
    };
    let turned = DEFAULT
        .split_whitespace()
        .rev()
        .collect::<Vec<_>>()
        .join(" ");
    let logs = vec![
        item("fl-0aa", "s3", &usual(DEFAULT, 60, "ALL")),
        item("fl-0bb", "cwl", &usual(&turned, 60, "ALL")),
    ];
    let stores = || {
        let mut stores = stores(&delivery, &records, logs.clone());
        for (name, events) in streams(&records) {
            let turn = |line: String| line.split(' ').rev().collect::<Vec<_>>().join(" ");
            let events: Vec<_> = events
                .into_iter()
                .map(|(at, line)| (at, turn(line)))
                .collect();
            stores.streams.insert(name, Arc::new(events));
        }
        stores
    };
    let words = ["--flow-logs", "fl-0aa", "fl-0bb", "-o", "json"];
    let outcome = ask(stores(), 1000, |_, _| Fault::None, &words);
    assert_eq!(
        outcome.report()["counts"]["matched"],
        40,
        "{:#}",
        outcome.report()
    );
    assert!(outcome.settings().is_empty());
    let words = [&words[..], &["--cwl-format", DEFAULT]].concat();
    let outcome = ask(stores(), 1000, |_, _| Fault::None, &words);
    assert_eq!(outcome.report()["counts"]["matched"], 0);
}

#[test]
fn several_candidates_are_listed_page_by_page_and_nothing_is_read() {
    let mut logs = alike();
    logs.push(item("fl-0cc", "cwl", &usual(DEFAULT, 60, "REJECT")));
    let stores = stores(&Delivery::default(), &[], logs);
    let outcome = ask(stores, 1, |_, _| Fault::None, &["--resource", "subnet-0aa"]);
    assert_eq!(outcome.code, 2);
    for id in ["fl-0aa", "fl-0bb", "fl-0cc"] {
        assert!(
            outcome.stderr.contains(&format!("\n  {id} on subnet-0aa")),
            "{}",
            outcome.stderr
        );
    }
    let calls = [
        "DescribeFlowLogs",
        "DescribeFlowLogs",
        "DescribeFlowLogs",
        "GetCallerIdentity",
    ];
    assert_eq!(outcome.operations, calls);
}

#[test]
fn throttling_of_ec2_passes() {
    let meddler = |call: &Call<'_>, _: &mut Stores| match call.operation {
        "DescribeFlowLogs" if call.nth < 4 => Fault::Refused(503, "RequestLimitExceeded"),
        _ => Fault::None,
    };
    let records = generate(40, 2, recent(), HOUR);
    let delivery = Delivery {
        prefix: "team/",
        flow_log_id: "fl-0aa",
        ..Delivery::default()
    };
    let words = ["--flow-logs", "fl-0aa", "fl-0bb", "-o", "json"];
    let outcome = ask(stores(&delivery, &records, alike()), 1000, meddler, &words);
    assert_eq!(
        outcome.report()["verdict"],
        "consistent",
        "{}",
        outcome.stderr
    );
}

/// Who may not ask who it is reads more folders, and that is all.
#[test]
fn without_the_account_all_accounts_folders_are_listed() {
    let meddler = |call: &Call<'_>, _: &mut Stores| match call.operation {
        "GetCallerIdentity" => Fault::Refused(403, "AccessDenied"),
        _ => Fault::None,
    };
    let records = generate(40, 2, recent(), HOUR);
    let delivery = Delivery {
        prefix: "team/",
        flow_log_id: "fl-0aa",
        ..Delivery::default()
    };
    let words = ["--flow-logs", "fl-0aa", "fl-0bb", "-o", "json"];
    let outcome = ask(stores(&delivery, &records, alike()), 1000, meddler, &words);
    let report = outcome.report();
    assert_eq!(report["verdict"], "consistent", "{}", outcome.stderr);
    assert_eq!(
        report["sides"]["s3"]["source"],
        format!("s3://{BUCKET}/team/AWSLogs/")
    );
}

#[test]
fn who_may_not_describe_flow_logs_is_told_the_action() {
    let meddler = |call: &Call<'_>, _: &mut Stores| match call.operation {
        "DescribeFlowLogs" => Fault::Refused(403, "UnauthorizedOperation"),
        _ => Fault::None,
    };
    let stores = stores(&Delivery::default(), &[], alike());
    let outcome = ask(stores, 1000, meddler, &["--resource", "subnet-0aa"]);
    assert_eq!(outcome.code, 2);
    for said in [
        "UnauthorizedOperation: as the test wants it",
        "`ec2:DescribeFlowLogs` on `*`",
    ] {
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    }
}

/// The endpoint of EC2 alone, and credentials of one side alone.
#[test]
fn the_endpoint_of_ec2_can_be_set_by_itself() {
    let stores = stores(&Delivery::default(), &[], alike());
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let mut command = flowdiff();
    command.env("AWS_ENDPOINT_URL_EC2", &server.endpoint);
    let outcome = run(command, &["--flow-logs", "fl-0aa", "fl-0bb"]);
    // moto has no such bucket: that it was asked for shows whose answer was taken.
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.stderr.contains(BUCKET) || outcome.stderr.contains(GROUP),
        "{}",
        outcome.stderr
    );
    let asked: Vec<_> = server
        .take_answered()
        .into_iter()
        .map(|call| call.operation)
        .collect();
    assert_eq!(asked, ["DescribeFlowLogs"]);
}

/// The flow log to S3 is of another account, whose role one side alone can assume: by a profile, or as it is typed.
#[test]
fn each_side_may_be_in_an_account_of_its_own() {
    const ROLE: &str = "arn:aws:iam::444455556666:role/reader";
    let made = moto().script(
        "two_accounts.py",
        &[REGION, ROLE, "flowdiff-theirs", "flowdiff-ours"],
    );
    let made = String::from_utf8(made).unwrap();
    let [s3, cwl] = made.lines().collect::<Vec<_>>()[..] else {
        panic!("{made}")
    };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let text = format!(
        "[profile theirs]\nrole_arn = {ROLE}\nsource_profile = ours\n\
         [profile ours]\naws_access_key_id = test\naws_secret_access_key = test\n"
    );
    std::fs::write(&config, text).unwrap();
    let ask = |more: &[&str]| {
        let mut command = flowdiff();
        command
            .env("AWS_CONFIG_FILE", &config)
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY");
        let words = ["--flow-logs", cwl, s3, "-o", "json", "--allow-empty"];
        run(command, &[&words, more].concat())
    };
    for theirs in [
        &["--s3-profile", "theirs", "--cwl-profile", "ours"][..],
        &[
            "--s3-profile",
            "ours",
            "--s3-role-arn",
            ROLE,
            "--cwl-profile",
            "ours",
        ],
    ] {
        let outcome = ask(theirs);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let sides = &outcome.report()["sides"];
        assert_eq!(
            sides["s3"]["source"],
            format!("s3://flowdiff-theirs/AWSLogs/444455556666/vpcflowlogs/{REGION}/")
        );
        assert_eq!(sides["cwl"]["source"], "cwl://flowdiff-ours");
        assert_eq!(outcome.settings(), ["resource", "created", "created"]);
    }
    let outcome = ask(&["--s3-profile", "ours", "--cwl-profile", "ours"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains(s3), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains(cwl), "{}", outcome.stderr);
}
