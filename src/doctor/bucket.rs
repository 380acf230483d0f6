//! What is found in a bucket, judged.

use itertools::Itertools;

use super::live::{self, refused, untried};
use super::{Permission, ProbeStatus, SideDiagnosis, files, form};
use crate::model::words::count;
use crate::source::examine::{
    BucketFacts, CallAnswer, Live, Object, Places, TroubleKind, partition,
};

const LIST: &str = "s3:ListBucket";
const READ: &str = "s3:GetObject";
const LIFECYCLE: &str = "s3:GetLifecycleConfiguration";
const DECRYPT: &str = "kms:Decrypt";

/// Judges a bucket.
pub(super) fn judge(chart: &mut SideDiagnosis<'_>, at: &Live, bucket: &BucketFacts) {
    live::judge(chart, at, bucket.region.as_deref());
    let region = bucket.region.as_deref().or(at.region.as_deref());
    let arn = format!(
        "arn:{}:s3:::{}",
        partition(region.unwrap_or("")),
        bucket.name
    );
    let may = |action, resource| Permission { action, resource };
    let list = may(LIST, arn.clone());
    let read = may(READ, format!("{arn}/{}*", bucket.folder));
    let lifecycle = may(LIFECYCLE, arn.clone());
    match &bucket.places {
        None => {
            untried(chart, &list, "there are no usable credentials");
            untried(chart, &read, "there are no usable credentials");
        }
        Some(Err(trouble)) => {
            refused(chart, &list, trouble);
            untried(chart, &read, "no object is known");
        }
        Some(Ok(places)) => {
            chart.permission(&list, ProbeStatus::Ok, format!("allowed on {arn}"), None);
            what_is_there(chart, bucket, places);
            if let Some(answer) = &bucket.kept_days {
                kept(chart, &lifecycle, answer);
            }
            match &bucket.object {
                None => untried(
                    chart,
                    &read,
                    "there is no object, and an empty folder proves nothing",
                ),
                Some((key, answer)) => object(chart, &read, key, answer),
            }
        }
    }
}

fn kept(chart: &mut SideDiagnosis<'_>, lifecycle: &Permission, answer: &CallAnswer<Option<i64>>) {
    let Permission { action, resource } = lifecycle;
    let (status, found, advice) = match answer {
        Ok(Some(days)) => {
            let days = count(days.unsigned_abs(), "day");
            let found = format!("allowed: a lifecycle rule removes objects after {days}");
            (ProbeStatus::Ok, found, None)
        }
        Ok(None) => {
            let found = "allowed: no lifecycle rule removes all of these objects".to_owned();
            (ProbeStatus::Ok, found, None)
        }
        Err(trouble) if trouble.why == TroubleKind::Denied => {
            let advice = format!(
                "a check does without, but cannot tell that objects have expired; allow `{action}` on `{resource}`"
            );
            (ProbeStatus::Warning, trouble.text.clone(), Some(advice))
        }
        // Stores that are only like S3, and access points, know of no rules.
        Err(_) => return,
    };
    chart.permission(lifecycle, status, found, advice);
}

fn what_is_there(chart: &mut SideDiagnosis<'_>, bucket: &BucketFacts, places: &Places) {
    if places.is_empty() {
        let advice = match bucket.elsewhere.iter().collect_vec().as_slice() {
            [] => {
                "check the address, and that the flow log delivers there (its status: --flow-logs)"
                    .to_owned()
            }
            folders => {
                let addresses = folders
                    .iter()
                    .map(|folder| format!("s3://{}/{folder}", bucket.name));
                format!("delivered logs lie below {}", addresses.format(", "))
            }
        };
        let ids = &chart.options.flow_log_ids;
        let found = match ids.as_slice() {
            [] => format!(
                "there is nothing under s3://{}/{}",
                bucket.name, bucket.folder
            ),
            ids => format!(
                "no object of {} under s3://{}/{}",
                ids.iter().format(", "),
                bucket.name,
                bucket.folder
            ),
        };
        return chart.warn("layout", found, advice);
    }
    files::places(chart, places);
}

fn object(
    chart: &mut SideDiagnosis<'_>,
    read: &Permission,
    key: &str,
    answer: &CallAnswer<Object>,
) {
    let object = match answer {
        Ok(object) => object,
        // S3 says so where the key is refused and not the object.
        Err(trouble) if trouble.why == TroubleKind::Denied && trouble.text.contains(DECRYPT) => {
            let decrypt = Permission {
                action: DECRYPT,
                resource: "the key that the object is encrypted with".to_owned(),
            };
            return refused(chart, &decrypt, trouble);
        }
        Err(trouble) => return refused(chart, read, trouble),
    };
    let allowed = "allowed: the first bytes of the newest object were read";
    match &object.sealed {
        // The object may be asked for, but not what is in it.
        Some(_) => chart.permission(read, ProbeStatus::Ok, "allowed", None),
        None => chart.permission(read, ProbeStatus::Ok, allowed, None),
    }
    let decrypt = |key: &str| Permission {
        action: DECRYPT,
        resource: key.to_owned(),
    };
    match (&object.key, &object.encryption) {
        (Some(key), kind) => {
            let kind = kind.as_deref().unwrap_or("KMS");
            chart.ok("encryption", format!("{kind}, with key {key}"));
            match &object.sealed {
                Some(trouble) => return refused(chart, &decrypt(key), trouble),
                None => chart.permission(&decrypt(key), ProbeStatus::Ok, "allowed", None),
            }
        }
        (None, Some(kind)) => {
            chart.ok("encryption", format!("{kind}: no key needs to be allowed"));
        }
        (None, None) => chart.ok("encryption", "the service tells of none"),
    }
    form::judge_object(chart, key, &object.head);
}
