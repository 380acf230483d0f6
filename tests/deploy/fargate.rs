//! The CloudFormation template.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{TOOLS, assert_passes, assert_refuses, file, path, text};
use crate::support::aws::operation::READING;
use crate::support::moto::moto;
use crate::support::records::{ACCOUNT, Delivery, FlowRecord, generate, streams};
use crate::support::{REGION, flowdiff};

const TEMPLATE: &str = "fargate.yaml";
const BUCKET: &str = "flowdiff-deploy";
const PREFIX: &str = "central/flow";
const GROUP: &str = "/flowdiff/deploy";
const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/0fa0140f-0140-4a01-8fa0-0140fa0140fa";
const MINUTES: i64 = 10;

#[test]
fn cfn_lint_has_nothing_to_say() {
    let lint = || Command::new(TOOLS.programs().join("cfn-lint"));
    assert_passes(lint().arg(path(TEMPLATE)));
    let folder = tempfile::tempdir().unwrap();
    let broken = text(TEMPLATE).replace("TreatMissingData: breaching", "TreatMissingData: broken");
    let broken = file(&folder, TEMPLATE, &broken);
    assert_refuses(lint().arg(broken), "'broken' is not one of");
}

/// What the services say of a deployed stack.
fn deployed() -> Value {
    let made = moto().script(
        "fargate.py",
        &[
            REGION,
            "flowdiff-job",
            path(TEMPLATE).to_str().unwrap(),
            &format!("Bucket={BUCKET}"),
            &format!("Prefix={PREFIX}"),
            &format!("LogGroup={GROUP}"),
            &format!("KmsKey={KEY}"),
            &format!("Minutes={MINUTES}"),
            &format!("FlowLogId={}", Delivery::default().flow_log_id),
            "Image=example/flowdiff:0.1.0",
            "Repository=arn:aws:ecr:eu-west-1:123456789012:repository/flowdiff",
        ],
    );
    serde_json::from_slice(&made).unwrap()
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
    let stack = deployed();
    all_is_made(&stack);
    the_task_may_do_what_a_check_needs(&stack);
    the_schedule_starts_the_task(&stack);
    the_state_is_out_of_reach_for_others(&stack);
    the_alarms_go_off(&stack);
}

fn all_is_made(stack: &Value) {
    let made = stack["made"].as_object().unwrap();
    let names: BTreeSet<_> = made.keys().cloned().collect();
    assert_eq!(names, declared());
    // moto gives access points no name of their own in a stack; they are looked at below.
    let nameless = made
        .iter()
        .filter(|(_, id)| id.is_null())
        .map(|(name, _)| name);
    assert_eq!(nameless.collect::<Vec<_>>(), ["StateDirectory"]);
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
    assert_eq!(stack["policies"]["TaskRole"], json!([policy]));

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
    assert_eq!(run["Resource"], stack["made"]["Task"]);
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
    assert_eq!(stack["file_system"]["Encrypted"], true);
    let [point] = &stack["access_points"].as_array().unwrap()[..] else {
        panic!("{:#}", stack["access_points"])
    };
    let user = stack["task"]["containerDefinitions"][0]["user"]
        .as_str()
        .unwrap();
    let posix = &point["PosixUser"];
    assert_eq!(format!("{}:{}", posix["Uid"], posix["Gid"]), user);
    assert_eq!(
        point["RootDirectory"]["CreationInfo"]["Permissions"],
        "0700"
    );
    let subnets = stack["mount_targets"].as_array().unwrap().iter();
    let subnets: BTreeSet<_> = subnets.map(|it| it["SubnetId"].as_str().unwrap()).collect();
    let given = ["FirstSubnet", "SecondSubnet"].map(|name| stack["given"][name].as_str().unwrap());
    assert_eq!(subnets, BTreeSet::from(given));
    // Tasks reach it, and only they do.
    let [ingress] = &stack["ingress"].as_array().unwrap()[..] else {
        panic!("{:#}", stack["ingress"])
    };
    assert_eq!(
        (&ingress["FromPort"], &ingress["ToPort"]),
        (&json!(2049), &json!(2049))
    );
    assert_eq!(ingress["IpRanges"], json!([]));
    let from = &ingress["UserIdGroupPairs"][0]["GroupId"];
    assert_eq!(from, &stack["made"]["TaskSecurityGroup"]);
    let egress = stack["egress"].as_array().unwrap().iter();
    let to = &stack["made"]["StateSecurityGroup"];
    assert!(
        { egress }.any(|it| it["FromPort"] == 2049 && it["UserIdGroupPairs"][0]["GroupId"] == *to),
        "{:#}",
        stack["egress"]
    );
}

/// Runs the task's command, with a folder for its file system, and returns what it prints and its exit code.
fn run(stack: &Value, state: &std::path::Path) -> (String, i32) {
    let container = &stack["task"]["containerDefinitions"][0];
    let texts = |value: &Value| -> Vec<String> {
        let values = value.as_array().unwrap().iter();
        values.map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let command = texts(&container["command"]);
    let mount = container["mountPoints"][0]["containerPath"]
        .as_str()
        .unwrap();
    assert!(command.iter().any(|word| word == mount), "{command:?}");
    let state = state.to_str().unwrap();
    let mut task = flowdiff();
    // moto leaves an empty entry where there is to be none.
    for variable in container["environment"].as_array().unwrap() {
        if let [Some(name), Some(value)] = ["name", "value"].map(|key| variable[key].as_str()) {
            task.env(name, value);
        }
    }
    let words = command
        .iter()
        .map(|word| if word == mount { state } else { word });
    let output = task.args(words).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code().unwrap();
    assert_eq!(code == 2, !stderr.is_empty(), "{code}: {stderr}");
    (String::from_utf8(output.stdout).unwrap(), code)
}

/// Tells which alarms go off by what one run has printed, going by what each alarm asks for.
fn alarming(stack: &Value, printed: &str) -> BTreeSet<String> {
    let lines: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let alarms = stack["alarms"].as_object().unwrap();
    let off = alarms.iter().filter(|(_, alarm)| {
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
        ["Divergent", "Missing", "NoRun", "NoVerdict", "Undetermined"]
    );
    assert_eq!(alarms["NoRun"]["EvaluationPeriods"], 2);
    let states = tempfile::tempdir().unwrap();
    let assert = |run: &str, (printed, code): (String, i32), expected: (i32, &[&str])| {
        let off = alarming(stack, &printed);
        let off: Vec<_> = off.iter().map(String::as_str).collect();
        assert_eq!((code, &off[..]), expected, "{run}: {printed}");
    };

    // Neither destination is there: nothing is said, and that is what the alarm is for.
    let state = states.path().join("lost");
    let nothing = run(stack, &state);
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
    let lost = run(stack, &state);
    assert_eq!(lost.0.lines().count(), 2, "a line a side: {}", lost.0);
    assert("one is lost", lost, (1, &["Missing", "NoVerdict"]));
    assert("nothing is due", run(stack, &state), (0, &[]));

    let state = states.path().join("divergent");
    let changed = |records: &[FlowRecord]| {
        let mut records = records.to_vec();
        records[0].traffic.as_mut().unwrap().bytes += 1;
        records
    };
    // Later objects of the same names take the place of the earlier ones.
    moto().put_objects(BUCKET, delivery.objects(&changed(&kept)));
    assert(
        "one is changed",
        run(stack, &state),
        (1, &["Divergent", "NoVerdict"]),
    );

    let state = states.path().join("unreadable");
    let mut broken = delivery.objects(&kept);
    let (_, bytes) = &mut broken[3];
    bytes.truncate(bytes.len() / 2);
    moto().put_objects(BUCKET, broken);
    assert(
        "one cannot be read",
        run(stack, &state),
        (3, &["NoVerdict", "Undetermined"]),
    );
}
