//! Events that a log group has kept for as long as it is told to.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::run::{HOUR, check_with, records, stores};
use crate::support::aws::{Call, Fault, Stores};
use crate::support::records::recent;

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
