//! The CloudFormation template.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{CHECKOV, TOOLS, assert_passes, assert_refuses, file, path, text};
use crate::support::aws::operation::READING;
use crate::support::moto::moto;
use crate::support::records::{ACCOUNT, Delivery, FlowRecord, generate, streams};
use crate::support::{REGION, flowdiff};

const TEMPLATE: &str = "fargate.yaml";
pub(super) const BUCKET: &str = "flowdiff-deploy";
const PREFIX: &str = "central/flow";
const GROUP: &str = "/flowdiff/deploy";
const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/0fa0140f-0140-4a01-8fa0-0140fa0140fa";
const MINUTES: i64 = 10;
/// What moto makes none of.
const UNKNOWN_TO_MOTO: &str = "Pruned";
/// What is made for endpoints of the VPC alone.
pub(super) const ENDPOINTS: [&str; 7] = [
    "EcrApiEndpoint",
    "EcrImagesEndpoint",
    "EndpointSecurityGroup",
    "LogsEndpoint",
    "S3Endpoint",
    "TaskToEndpoints",
    "TaskToS3",
];

#[test]
fn cfn_lint_has_nothing_to_say() {
    let lint = || Command::new(TOOLS.programs().join("cfn-lint"));
    assert_passes(lint().arg(path(TEMPLATE)));
    let folder = tempfile::tempdir().unwrap();
    let broken = text(TEMPLATE).replace("TreatMissingData: breaching", "TreatMissingData: broken");
    let broken = file(&folder, TEMPLATE, &broken);
    assert_refuses(lint().arg(broken), "'broken' is not one of");
}

#[test]
#[ignore = "installs checkov, a third of a gigabyte"]
fn checkov_finds_nothing_without_a_reason() {
    let checkov = || {
        let mut command = Command::new(CHECKOV.programs().join("checkov"));
        command.args([
            "--framework",
            "cloudformation",
            "--compact",
            "--quiet",
            "--skip-download",
            "-f",
        ]);
        command
    };
    assert_passes(checkov().arg(path(TEMPLATE)));
    let folder = tempfile::tempdir().unwrap();
    let open = text(TEMPLATE).replace("BlockPublicPolicy: true", "BlockPublicPolicy: false");
    assert_refuses(checkov().arg(file(&folder, TEMPLATE, &open)), "CKV_AWS_54");
    // Each exception has its reason.
    let text = text(TEMPLATE);
    let exceptions: Vec<_> = text
        .lines()
        .filter(|line| line.contains("id: CKV"))
        .collect();
    assert_eq!(exceptions.len(), 5);
    assert!(
        exceptions.iter().all(|line| line.contains(", comment: \"")),
        "{exceptions:#?}"
    );
}

/// What the services say of a deployed stack.
pub(super) fn deployed(stack: &str, more: &[&str]) -> Value {
    let template = path(TEMPLATE);
    let image = format!("Image=example/flowdiff@sha256:{}", "0fa0140f".repeat(8));
    let parameters = [
        &format!("Bucket={BUCKET}"),
        &format!("Prefix={PREFIX}"),
        &format!("KmsKey={KEY}"),
        &format!("Minutes={MINUTES}"),
        &image,
        "Repository=arn:aws:ecr:eu-west-1:123456789012:repository/flowdiff",
    ];
    let words = [
        &[REGION, stack, template.to_str().unwrap()],
        &parameters[..],
        more,
    ]
    .concat();
    serde_json::from_slice(&moto().script("fargate.py", &words)).unwrap()
}

/// The names under `Resources:`.
fn declared() -> BTreeSet<String> {
    let text = text(TEMPLATE);
    let (_, resources) = text.split_once("\nResources:\n").unwrap();
    let (resources, _) = resources.split_once("\nOutputs:\n").unwrap();
    let names = resources.lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?.strip_suffix(':')?;
        (!name.starts_with([' ', '#'])).then(|| name.to_owned())
    });
    names.collect()
}

/// One deployment for all that is asserted of it, since it takes seconds.
#[test]
fn it_deploys_runs_and_alarms() {
    let group = format!("LogGroup={GROUP}");
    let flow_log = format!("FlowLogId={}", Delivery::default().flow_log_id);
    let stack = deployed("flowdiff-job", &[&group, &flow_log]);
    all_is_made(&stack);
    the_task_may_do_what_a_check_needs(&stack);
    the_schedule_starts_the_task(&stack);
    the_state_is_out_of_reach_for_others(&stack);
    the_alarms_go_off(&stack);
}

fn all_is_made(stack: &Value) {
    let made = stack["made"].as_object().unwrap();
    let names: BTreeSet<_> = made.keys().cloned().collect();
    let endpoints = ENDPOINTS.map(str::to_owned);
    let mut declared = declared();
    assert!(declared.remove(UNKNOWN_TO_MOTO));
    assert_eq!(&names | &BTreeSet::from(endpoints), declared);
    assert!(made.values().all(|id| !id.is_null()), "{made:#?}");
    assert_eq!(stack["endpoints"], json!([]));
    assert_eq!(stack["log_groups"][0]["logGroupName"], "/flowdiff");
    assert_eq!(stack["log_groups"][0]["retentionInDays"], 30);
    assert_eq!(stack["cluster"][0]["status"], "ACTIVE");
}

fn the_task_may_do_what_a_check_needs(stack: &Value) {
    let page = include_str!("../../docs/aws.md");
    let (_, policy) = page
        .split_once("```json\n{\"Version\": \"2012-10-17\"")
        .unwrap();
    let (policy, _) = policy.split_once("```").unwrap();
    let policy = format!("{{\"Version\": \"2012-10-17\"{policy}")
        .replace("arn:aws:kms:REGION:ACCOUNT:key/KEY", KEY)
        .replace("REGION", REGION)
        .replace("ACCOUNT", ACCOUNT)
        .replace("GROUP", GROUP)
        .replace("BUCKET", BUCKET)
        .replace("PREFIX", PREFIX);
    let policy: Value = serde_json::from_str(&policy).unwrap();
    let bucket = stack["made"]["JobBucket"].as_str().unwrap();
    let kept_in = ["state", "archive"].map(|it| format!("arn:aws:s3:::{bucket}/{it}/*"));
    let kept = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
         "Resource": kept_in},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::{bucket}")},
    ]});
    let policies = stack["policies"]["TaskRole"].as_array().unwrap();
    let [first, second] = &policies[..] else {
        panic!("{policies:#?}")
    };
    let (read, keep) = match first == &kept {
        true => (second, first),
        false => (first, second),
    };
    assert_eq!(read, &policy);
    assert_eq!(keep, &kept);

    let archive = format!("arn:aws:s3:::{bucket}/archive/");
    let prune = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::{bucket}")},
        {"Effect": "Allow", "Action": ["s3:DeleteObject", "s3:GetObject"], "Resource": format!("{archive}*")},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": format!("{archive}start.json")},
    ]});
    assert_eq!(stack["policies"]["PruneRole"], json!([prune]));

    // And that is what the tests see flowdiff call, with the one that S3 makes itself.
    let mut actions = actions(&policy);
    assert!(actions.remove("kms:Decrypt"));
    let called: BTreeSet<_> = READING
        .into_iter()
        .map(|(_, action)| action)
        .filter(|action| action.starts_with("s3:") || action.starts_with("logs:"))
        .collect();
    assert_eq!(actions, called);
    let scheduler = stack["policies"]["SchedulerRole"].as_array().unwrap();
    let [scheduler] = &scheduler[..] else {
        panic!("{scheduler:#?}")
    };
    let [run, pass] = &scheduler["Statement"].as_array().unwrap()[..] else {
        panic!("{scheduler:#}")
    };
    assert_eq!(run["Action"], "ecs:RunTask");
    let tasks = ["Task", "Prune"].map(|name| stack["made"][name].clone());
    assert_eq!(run["Resource"], json!(tasks));
    assert_eq!(pass["Action"], "iam:PassRole");
}

fn actions(policy: &Value) -> BTreeSet<&str> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| {
        let action = &statement["Action"];
        action
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![action.clone()])
    });
    let actions: Vec<Value> = actions.collect();
    let known = READING.map(|(_, action)| action);
    let known = known.into_iter().chain(["kms:Decrypt"]);
    let found: BTreeSet<_> = known.filter(|it| actions.contains(&json!(it))).collect();
    assert_eq!(found.len(), actions.len(), "{actions:?}");
    found
}

fn the_schedule_starts_the_task(stack: &Value) {
    let schedule = &stack["schedule"];
    assert_eq!(
        schedule["ScheduleExpression"],
        format!("rate({MINUTES} minutes)")
    );
    let target = &schedule["Target"];
    assert_eq!(target["Arn"], stack["cluster"][0]["clusterArn"]);
    let ecs = &target["EcsParameters"];
    assert_eq!(ecs["TaskDefinitionArn"], stack["made"]["Task"]);
    assert_eq!(ecs["LaunchType"], "FARGATE");
    let network = &ecs["NetworkConfiguration"]["awsvpcConfiguration"];
    let given = &stack["given"];
    assert_eq!(
        network["Subnets"],
        json!([given["FirstSubnet"], given["SecondSubnet"]])
    );
    assert_eq!(
        network["SecurityGroups"],
        json!([stack["made"]["TaskSecurityGroup"]])
    );
}

fn the_state_is_out_of_reach_for_others(stack: &Value) {
    let bucket = &stack["bucket"];
    assert_eq!(bucket["versioning"], "Enabled");
    let by = &bucket["encryption"][0]["ApplyServerSideEncryptionByDefault"];
    assert_eq!(by["SSEAlgorithm"], "AES256");
    let public = bucket["public"].as_object().unwrap();
    assert!(
        public.len() == 4 && public.values().all(|it| it == true),
        "{public:#?}"
    );
    let [statement] = &bucket["policy"]["Statement"].as_array().unwrap()[..] else {
        panic!("{:#}", bucket["policy"])
    };
    assert_eq!(
        (&statement["Effect"], &statement["Principal"]),
        (&json!("Deny"), &json!("*"))
    );
    assert_eq!(
        statement["Condition"],
        json!({"Bool": {"aws:SecureTransport": "false"}})
    );
    let rules = bucket["lifecycle"].as_array().unwrap().iter();
    // A state that is old is a state all the same, and a chain whose beginning expires is broken.
    for rule in rules {
        assert!(rule["Expiration"]["Days"].is_null(), "{rule:#}");
    }
    let ports: BTreeSet<_> = open_ports(stack);
    assert_eq!(ports, BTreeSet::from([443]));
}

/// What an alarm was about can be told from the bucket alone, and what is old of it is removed by the task for that.
fn the_archive_has_what_was_lost(stack: &Value, state: &str) {
    let bucket = stack["made"]["JobBucket"].as_str().unwrap();
    let [state, archive] = ["state", "archive"].map(|it| format!("s3://{bucket}/{it}/{state}"));
    let said = |words: &[&str]| {
        let output = flowdiff().args(words).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said} {:?}", output.stderr);
        said
    };
    let words = ["history", &archive, "--state", &state, "--reports"];
    let told = said(&words);
    assert!(
        told.starts_with("Lost or changed: 1 record missing on cwl"),
        "{told}"
    );
    let words = stack["prune"]["containerDefinitions"][0]["command"]
        .as_array()
        .unwrap()
        .iter();
    // moto leaves an empty entry where there is to be none.
    let words = words.filter_map(Value::as_str).map(|word| {
        match word == format!("s3://{bucket}/archive") {
            true => archive.as_str(),
            false => word,
        }
    });
    let told = said(&words.filter(|word| !word.is_empty()).collect::<Vec<_>>());
    assert_eq!(told, "0 lines and 0 reports removed; the first line is 1\n");
    // By which the alarm knows that it was done.
    let template = text(TEMPLATE);
    let (_, pattern) = template.split_once("FilterPattern: '\"").unwrap();
    let (pattern, _) = pattern.split_once("\"'").unwrap();
    assert!(told.contains(pattern), "{pattern}");
}

fn open_ports(stack: &Value) -> BTreeSet<i64> {
    let egress = stack["egress"].as_array().unwrap().iter();
    // moto keeps the rule that a new group has, which CloudFormation takes away.
    egress
        .filter_map(|it| it["FromPort"].as_i64())
        .filter(|port| *port > 0)
        .collect()
}

/// Runs the task's command, with a state and an archive of its own, and returns what it prints and its exit code.
pub(super) fn run(stack: &Value, state: &str) -> (String, i32) {
    let container = &stack["task"]["containerDefinitions"][0];
    let words = container["command"].as_array().unwrap().iter();
    let words: Vec<String> = words.map(|it| it.as_str().unwrap().to_owned()).collect();
    let bucket = stack["made"]["JobBucket"].as_str().unwrap();
    let kept = ["state", "archive"].map(|folder| format!("s3://{bucket}/{folder}"));
    assert!(kept.iter().all(|it| words.contains(it)), "{words:?}");
    let mut task = flowdiff();
    // moto leaves an empty entry where there is to be none.
    for variable in container["environment"].as_array().unwrap() {
        if let [Some(name), Some(value)] = ["name", "value"].map(|key| variable[key].as_str()) {
            task.env(name, value);
        }
    }
    let words = words.into_iter().map(|word| match kept.contains(&word) {
        true => format!("{word}/{state}"),
        false => word,
    });
    let output = task.args(words).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code().unwrap();
    assert_eq!(code == 2, !stderr.is_empty(), "{code}: {stderr}");
    (String::from_utf8(output.stdout).unwrap(), code)
}

/// Tells which alarms go off by what one run has printed, going by what each alarm asks for.
pub(super) fn alarming(stack: &Value, printed: &str) -> BTreeSet<String> {
    let lines: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let alarms = stack["alarms"].as_object().unwrap();
    // What a metric filter tells is not in these lines.
    let of_runs = alarms.iter().filter(|(name, _)| *name != "NotPruned");
    let off = of_runs.filter(|(_, alarm)| {
        assert_eq!(
            alarm["AlarmActions"],
            json!([stack["given"]["AlarmTopic"]]),
            "{alarm:#}"
        );
        let metrics = alarm["Metrics"].as_array().unwrap();
        let value = match &metrics[..] {
            [] => value(alarm, &alarm["Statistic"], &alarm["Period"], &lines),
            [expression, s3, cwl] => {
                assert_eq!(expression["Expression"], "s3 + cwl", "{alarm:#}");
                let [s3, cwl] = [s3, cwl].map(|it| {
                    let stat = &it["MetricStat"];
                    value(&stat["Metric"], &stat["Stat"], &stat["Period"], &lines)
                });
                s3.zip(cwl).map(|(s3, cwl)| s3 + cwl)
            }
            _ => panic!("{alarm:#}"),
        };
        let threshold = alarm["Threshold"].as_f64().unwrap();
        match (value, alarm["ComparisonOperator"].as_str().unwrap()) {
            (None, _) => alarm["TreatMissingData"] == "breaching",
            (Some(value), "GreaterThanThreshold") => value > threshold,
            (Some(value), "LessThanThreshold") => value < threshold,
            (_, other) => panic!("{other}"),
        }
    });
    off.map(|(name, _)| name.clone()).collect()
}

/// What CloudWatch makes of the lines of one run for a metric; `None` if there is no data.
fn value(metric: &Value, statistic: &Value, period: &Value, lines: &[Value]) -> Option<f64> {
    assert_eq!(period, MINUTES * 60, "a run in each period");
    let name = metric["MetricName"].as_str().unwrap();
    let wanted = metric["Dimensions"].as_array().unwrap().iter();
    let wanted: BTreeMap<_, _> = wanted
        .map(|it| (it["Name"].as_str().unwrap(), it["Value"].as_str().unwrap()))
        .collect();
    let values: Vec<f64> = lines
        .iter()
        .flat_map(|line| {
            let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
            directives.iter().map(move |directive| (line, directive))
        })
        .filter(|(line, directive)| {
            let sets = directive["Dimensions"].as_array().unwrap().iter();
            let has_dimensions = { sets }.any(|set| {
                let set = set.as_array().unwrap().iter();
                let names: BTreeSet<_> = set.map(|name| name.as_str().unwrap()).collect();
                names == wanted.keys().copied().collect()
                    && wanted.iter().all(|(name, value)| line[name] == *value)
            });
            let mut metrics = directive["Metrics"].as_array().unwrap().iter();
            directive["Namespace"] == metric["Namespace"]
                && has_dimensions
                && metrics.any(|it| it["Name"] == name)
        })
        .map(|(line, _)| line[name].as_f64().unwrap())
        .collect();
    match statistic.as_str().unwrap() {
        _ if values.is_empty() => None,
        "Sum" => Some(values.iter().sum()),
        "Maximum" => values.iter().copied().reduce(f64::max),
        "Minimum" => values.iter().copied().reduce(f64::min),
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        "SampleCount" => Some(values.len() as f64),
        other => panic!("{other}"),
    }
}

fn the_alarms_go_off(stack: &Value) {
    let alarms = stack["alarms"].as_object().unwrap();
    let names: Vec<_> = alarms.keys().collect();
    assert_eq!(
        names,
        [
            "Divergent",
            "Missing",
            "NoRun",
            "NoVerdict",
            "NotPruned",
            "Undetermined"
        ]
    );
    let not_pruned = &alarms["NotPruned"];
    assert_eq!(
        (&not_pruned["Namespace"], &not_pruned["MetricName"]),
        (&json!("flowdiff/flowdiff-job"), &json!("Pruned"))
    );
    assert_eq!(
        not_pruned["AlarmActions"],
        json!([stack["given"]["AlarmTopic"]])
    );
    assert_eq!(alarms["NoRun"]["EvaluationPeriods"], 2);
    let assert = |run: &str, (printed, code): (String, i32), expected: (i32, &[&str])| {
        let off = alarming(stack, &printed);
        let off: Vec<_> = off.iter().map(String::as_str).collect();
        assert_eq!((code, &off[..]), expected, "{run}: {printed}");
    };

    // Neither destination is there: nothing is said, and that is what the alarm is for.
    let state = "lost";
    let nothing = run(stack, state);
    assert_eq!(nothing.0, "");
    assert("no bucket", nothing, (2, &["NoRun"]));

    moto().create_bucket(BUCKET, REGION);
    moto().create_group(GROUP, REGION);
    let now = Timestamp::now().as_second();
    let records = generate(200, 4, now - 70 * 60, 50 * 60);
    let delivery = Delivery {
        prefix: "central/flow/",
        ..Delivery::default()
    };
    moto().put_objects(BUCKET, delivery.objects(&records));
    let mut kept = records;
    kept.remove(11);
    for (stream, events) in streams(&kept) {
        moto().put_events(GROUP, REGION, &stream, &events);
    }
    let lost = run(stack, state);
    assert_eq!(lost.0.lines().count(), 2, "a line a side: {}", lost.0);
    assert("one is lost", lost, (1, &["Missing", "NoVerdict"]));
    assert("nothing is due", run(stack, state), (0, &[]));
    the_archive_has_what_was_lost(stack, state);

    let state = "divergent";
    let changed = |records: &[FlowRecord]| {
        let mut records = records.to_vec();
        records[0].traffic.as_mut().unwrap().bytes += 1;
        records
    };
    // Later objects of the same names take the place of the earlier ones.
    moto().put_objects(BUCKET, delivery.objects(&changed(&kept)));
    assert(
        "one is changed",
        run(stack, state),
        (1, &["Divergent", "NoVerdict"]),
    );

    let state = "unreadable";
    let mut broken = delivery.objects(&kept);
    let (_, bytes) = &mut broken[3];
    bytes.truncate(bytes.len() / 2);
    moto().put_objects(BUCKET, broken);
    assert(
        "one cannot be read",
        run(stack, state),
        (3, &["NoVerdict", "Undetermined"]),
    );
}
