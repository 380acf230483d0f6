//! The CloudFormation template, for all pairs of an account.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::fargate::{BUCKET, ENDPOINTS, alarming, deployed, run};
use crate::support::REGION;
use crate::support::moto::moto;
use crate::support::records::{Delivery, generate, streams};

/// With a stack for all pairs: one of two is lost, the other as it was.
#[test]
fn it_deploys_for_all_pairs_with_endpoints() {
    let more = [
        "LogGroup=/flowdiff/pairs/*",
        "JobLogGroup=/flowdiff-of-pairs",
        "Pairs=2",
        "Endpoints=yes",
        "S3PrefixList=pl-0fa0140f",
    ];
    let stack = deployed("flowdiff-pairs", &more);
    let made = stack["made"].as_object().unwrap();
    let names: BTreeSet<_> = made.keys().map(String::as_str).collect();
    let endpoints = BTreeSet::from(ENDPOINTS);
    assert_eq!(
        endpoints.difference(&names).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
    assert!(!names.contains("TaskToServices"));
    let services = stack["endpoints"].as_array().unwrap().iter();
    let services: BTreeSet<_> = services.map(|it| it.as_str().unwrap()).collect();
    let expected =
        ["s3", "logs", "ecr.api", "ecr.dkr"].map(|it| format!("com.amazonaws.{REGION}.{it}"));
    assert_eq!(services, expected.iter().map(String::as_str).collect());
    let anywhere = stack["egress"].as_array().unwrap().iter();
    assert!(
        { anywhere }.all(|it| it["FromPort"] != 443 || it["IpRanges"] == json!([])),
        "{:#}",
        stack["egress"]
    );

    let bucket = format!("{BUCKET}-pairs");
    moto().create_bucket(&bucket, REGION);
    let now = Timestamp::now().as_second();
    let records = generate(100, 4, now - 70 * 60, 50 * 60);
    let mut pairs = String::new();
    for (name, lost) in [("vpc-0aa", 0), ("vpc-0bb", 1)] {
        let prefix: &'static str = if lost == 0 { "a/" } else { "b/" };
        let delivery = Delivery {
            prefix,
            ..Delivery::default()
        };
        moto().put_objects(&bucket, delivery.objects(&records));
        let group = format!("/flowdiff/pairs/{name}");
        moto().create_group(&group, REGION);
        for (stream, events) in streams(&records[lost..]) {
            moto().put_events(&group, REGION, &stream, &events);
        }
        let pair = json!({
            "name": name,
            "s3": {"address": format!("s3://{bucket}/{prefix}AWSLogs")},
            "cwl": {"address": format!("cwl://{group}")},
        });
        pairs += &format!("{pair}\n");
    }
    let kept = stack["made"]["JobBucket"].as_str().unwrap();
    let missing = run(&stack, "pairs");
    assert_eq!(missing, (String::new(), 2), "there is no pairs.jsonl yet");
    moto().put_objects(kept, vec![("pairs.jsonl".to_owned(), pairs.into_bytes())]);
    let (printed, code) = run(&stack, "pairs");
    assert_eq!((code, printed.lines().count()), (1, 4), "{printed}");
    let off = alarming(&stack, &printed);
    assert_eq!(off, ["Missing", "NoVerdict"].map(str::to_owned).into());
    // One of two says nothing.
    let one: Vec<_> = printed.lines().take(2).collect();
    let off = alarming(&stack, &one.join("\n"));
    assert_eq!(off, ["NoRun"].map(str::to_owned).into());
}
