//! How long objects are kept: what the bucket's lifecycle rules say.
//!
//! Source: S3 API reference "GetBucketLifecycleConfiguration"; S3 User Guide "Lifecycle configuration elements".

use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule};

use super::S3;
use crate::source::aws::Failure;

/// How the service says that there are no rules.
const NO_RULES: &str = "NoSuchLifecycleConfiguration";

impl S3 {
    /// Returns after how many days a rule removes every object below the address; `None` if no rule does.
    pub(super) async fn lifecycle_days(&self) -> Result<Option<i64>, Failure> {
        let call = self
            .client()
            .get_bucket_lifecycle_configuration()
            .bucket(&self.bucket);
        let answer = self
            .caller
            .call("GetBucketLifecycleConfiguration", || call.clone().send())
            .await;
        match answer.map_err(|error| Failure::of(&error)) {
            Ok(answer) => Ok(days(answer.rules(), &self.root())),
            Err(failure) if failure.code == NO_RULES => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// Returns after how many days the first of these rules removes all that lies in the folder.
fn days(rules: &[LifecycleRule], folder: &str) -> Option<i64> {
    let meant = rules.iter().filter(|rule| is_of_all(rule, folder));
    let days = meant.filter_map(|rule| rule.expiration()?.days());
    days.min().map(i64::from)
}

/// Tells whether a rule is in force for all objects of a folder: those that it tells by tag or size are only some.
fn is_of_all(rule: &LifecycleRule, folder: &str) -> bool {
    let prefix = match rule.filter() {
        Some(filter) if filter.tag().is_some() => return false,
        Some(filter) => {
            let sizes = [
                filter.object_size_greater_than(),
                filter.object_size_less_than(),
            ];
            if filter.and().is_some() || sizes.iter().any(Option::is_some) {
                return false;
            }
            filter.prefix()
        }
        // As rules were written before there were filters.
        #[expect(deprecated, reason = "buckets have such rules all the same")]
        None => rule.prefix(),
    };
    *rule.status() == ExpirationStatus::Enabled && folder.starts_with(prefix.unwrap_or(""))
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{LifecycleExpiration, LifecycleRuleFilter, Tag};

    use super::*;

    fn rule(
        days: i32,
        status: ExpirationStatus,
        filter: Option<LifecycleRuleFilter>,
    ) -> LifecycleRule {
        LifecycleRule::builder()
            .status(status)
            .set_filter(filter)
            .expiration(LifecycleExpiration::builder().days(days).build())
            .build()
            .unwrap()
    }

    fn below(prefix: &str) -> Option<LifecycleRuleFilter> {
        Some(LifecycleRuleFilter::builder().prefix(prefix).build())
    }

    #[test]
    fn only_rules_for_all_of_the_folder_count() {
        use ExpirationStatus::{Disabled, Enabled};
        let tag = Tag::builder().key("a").value("b").build().unwrap();
        let tagged = LifecycleRuleFilter::builder().tag(tag).build();
        let large = LifecycleRuleFilter::builder()
            .object_size_greater_than(1)
            .build();
        for (rules, expected) in [
            (vec![rule(7, Enabled, None)], Some(7)),
            (vec![rule(7, Disabled, None)], None),
            (vec![rule(7, Enabled, below("logs/AWSLogs/"))], None),
            (vec![rule(7, Enabled, below("logs/"))], Some(7)),
            (vec![rule(7, Enabled, below("log"))], Some(7)),
            (vec![rule(7, Enabled, Some(tagged))], None),
            (vec![rule(7, Enabled, Some(large))], None),
            (
                vec![rule(30, Enabled, None), rule(7, Enabled, below(""))],
                Some(7),
            ),
            (vec![], None),
        ] {
            assert_eq!(days(&rules, "logs/"), expected, "{rules:?}");
        }
    }
}
