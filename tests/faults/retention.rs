//! Events that a log group has kept for as long as it is told to, and objects of a bucket.

use std::fs;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::run::{HOUR, INTERFACES, check_with, records, stores};
use crate::support::aws::{Call, Fault, GROUP, Stores};
use crate::support::records::{generate, recent};

const DAYS: i64 = 7;

/// The cause that is found a week after half of the events, when the group says this of itself.
fn cause(settings: &[(&'static str, Value)], is_denied: bool) -> Value {
    let edge = recent() + HOUR / 2;
    let all = records();
    let kept: Vec<_> = all.iter().filter(|it| it.start >= edge).cloned().collect();
    let mut there = stores(&all, &kept);
    there.settings.extend(settings.iter().cloned());
    let meddler = move |call: &Call<'_>, _: &mut Stores| match call.operation {
        "DescribeLogGroups" if is_denied => Fault::Refused(400, "AccessDeniedException"),
        _ => Fault::None,
    };
    let now = Timestamp::from_second(edge + DAYS * 24 * HOUR + 60).unwrap();
    let now = now.to_string();
    let outcome = check_with(there, Box::new(meddler), &["--now", &now]);
    assert_eq!(outcome.code, 1, "{:#}\n{}", outcome.report, outcome.stderr);
    let cause = outcome.report["causes"][0].clone();
    assert_eq!(cause["kind"], "expired", "{cause:#}");
    assert_eq!(cause["side"], "cwl", "{cause:#}");
    cause
}

/// What the service says and what is gone agree; where it says nothing or something else, that is likely at best.
#[test]
fn what_has_expired_by_the_groups_own_word_is_certain() {
    let kept_for = |days: i64| [("retentionInDays", json!(days))];
    let known = cause(&kept_for(DAYS), false);
    assert_eq!(known["certain"], true, "{known:#}");
    let text = known["text"].as_str().unwrap();
    assert!(text.contains("keeps events for 7 days"), "{text}");
    for likely in [
        cause(&kept_for(DAYS), true),
        cause(&kept_for(30), false),
        cause(&[], false),
    ] {
        assert_eq!(likely["certain"], false, "{likely:#}");
        let text = likely["text"].as_str().unwrap();
        assert!(text.contains("may have removed it"), "{text}");
    }
}

/// The records that a cure for a group which keeps events for a week says the group would refuse, and how many it would take.
/// Half of what is missing is a bit younger than that.
fn refused(more: &[&str]) -> (Vec<Value>, usize) {
    let all = records();
    let lacking = all[0].interface.clone();
    let cwl = all.iter().filter(|it| it.interface != lacking);
    let mut there = stores(&all, &cwl.cloned().collect::<Vec<_>>());
    there.settings.insert("retentionInDays", json!(DAYS));
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("cure");
    let now = Timestamp::from_second(recent() + HOUR / 2 + DAYS * 24 * HOUR - HOUR).unwrap();
    let now = now.to_string();
    let mut words = vec!["--now", &now, "--repair", folder.to_str().unwrap()];
    words.extend(more);
    let outcome = check_with(there, Box::new(|_, _| Fault::None), &words);
    assert_eq!(outcome.code, 1, "{:#}\n{}", outcome.report, outcome.stderr);
    let lines = fs::read_to_string(folder.join("refused.jsonl")).unwrap();
    let refused = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let files = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let taken = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let taken = taken.map(|path| {
        let batch: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        batch["logEvents"].as_array().unwrap().len()
    });
    (refused.collect(), taken.sum())
}

/// What the group's retention has passed would be refused by it, and is sorted out beforehand; of another group nothing is known.
#[test]
fn a_cure_leaves_out_what_the_groups_retention_has_passed() {
    let (of_group, taken) = refused(&[]);
    assert!(!of_group.is_empty() && taken > 0, "{of_group:?} {taken}");
    let edge = recent() + HOUR / 2;
    for line in &of_group {
        let start = line["record"]["start"].as_str().unwrap();
        assert!(start.parse::<i64>().unwrap() < edge, "{line}");
        let reason = line["reason"].as_str().unwrap();
        assert!(reason.contains("keeps events for 7 days"), "{line}");
    }
    let (of_other, all) = refused(&["--repair-cwl", "cwl:///another/group"]);
    assert_eq!((of_other.len(), all), (0, of_group.len() + taken));
    let (of_same, same) = refused(&["--repair-cwl", &format!("cwl://{GROUP}")]);
    assert_eq!((of_same, same), (of_group, taken));
}

/// The cause that is found when the bucket has nothing from before midnight and these lifecycle rules.
fn cause_of_bucket(rules: Option<&str>, is_denied: bool) -> Value {
    let midnight = (recent() / (24 * HOUR) - 3) * 24 * HOUR;
    let all = generate(480, INTERFACES, midnight - HOUR / 2, HOUR);
    let kept = all.iter().filter(|it| it.start >= midnight);
    let mut there = stores(&kept.cloned().collect::<Vec<_>>(), &all);
    there.lifecycle = rules.map(str::to_owned);
    let meddler = move |call: &Call<'_>, _: &mut Stores| match call.operation {
        "GetBucketLifecycleConfiguration" if is_denied => Fault::Refused(403, "AccessDenied"),
        _ => Fault::None,
    };
    let time = |second| Timestamp::from_second(second).unwrap().to_string();
    let now = time(midnight + DAYS * 24 * HOUR + 2 * HOUR);
    let (since, until) = (time(midnight - HOUR), time(midnight + HOUR));
    let words = ["--now", &now, "--since", &since, "--until", &until];
    let outcome = check_with(there, Box::new(meddler), &words);
    assert_eq!(outcome.code, 1, "{:#}\n{}", outcome.report, outcome.stderr);
    let cause = outcome.report["causes"][0].clone();
    assert_eq!(cause["kind"], "expired", "{cause:#}");
    assert_eq!(cause["side"], "s3", "{cause:#}");
    cause
}

/// What the bucket's rules say and what is gone agree; where they say nothing or something else, that is likely at best.
#[test]
fn what_has_expired_by_the_buckets_own_rule_is_certain() {
    let rule = |prefix: &str, days: i64| {
        format!(
            "<Rule><ID>old</ID><Filter><Prefix>{prefix}</Prefix></Filter><Status>Enabled</Status>\
             <Expiration><Days>{days}</Days></Expiration></Rule>"
        )
    };
    let known = cause_of_bucket(Some(&rule("", DAYS)), false);
    assert_eq!(known["certain"], true, "{known:#}");
    let text = known["text"].as_str().unwrap();
    assert!(text.contains("keeps objects for 7 days"), "{text}");
    for likely in [
        cause_of_bucket(Some(&rule("", DAYS)), true),
        cause_of_bucket(Some(&rule("", 30)), false),
        cause_of_bucket(Some(&rule("other/", DAYS)), false),
        cause_of_bucket(None, false),
    ] {
        assert_eq!(likely["certain"], false, "{likely:#}");
        let text = likely["text"].as_str().unwrap();
        assert!(text.contains("may have removed it"), "{text}");
    }
}
