//! A group that is not there: where it was looked for, and where it is instead.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Region;
use futures::future::join_all;

use super::CloudWatch;
use crate::model::Error;
use crate::source::aws::Failure;
use crate::source::meant;
use crate::source::query::{Query, STS, partition};
use crate::source::region::KNOWN;

/// How long it may take to find out more: the answer itself is known already.
const PATIENCE: Duration = Duration::from_secs(3);

impl CloudWatch {
    /// Makes the error of a group that a call has not found.
    pub(super) async fn absent(&self, failure: Failure, action: &str) -> Error {
        let Some(region) = self.client.config().region().map(ToString::to_string) else {
            return failure.into_error(self.side, &self.group.written, action);
        };
        let side = self.side;
        let (account, elsewhere) = tokio::join!(self.account(), self.elsewhere(&region));
        let account = account.map_or_else(String::new, |it| format!(", account {it}"));
        let slip = meant::by_group(&self.group.written);
        let here = elsewhere.first().map(|found| {
            let regions: Vec<String> = elsewhere.iter().map(|it| format!("`{it}`")).collect();
            format!(
                "it exists in {}: give `--{side}-region {found}`",
                regions.join(" and ")
            )
        });
        Error::Source {
            side,
            address: self.group.written.clone(),
            reason: format!("in {region}{account}: {}", failure.text()),
            hint: here.or(slip).or_else(|| failure.hint(side, action)),
        }
    }

    /// Asks who calls, which takes no permission.
    async fn account(&self) -> Option<String> {
        let sts = Query::new(STS, &self.config, &self.options)?;
        let identity = tokio::time::timeout(PATIENCE, sts.identity()).await;
        identity.ok()?.ok().map(|identity| identity.account)
    }

    /// Asks the partition's other regions whether they have the group, and returns those that do, in order.
    async fn elsewhere(&self, region: &str) -> Vec<&'static str> {
        if self.group.arn.is_some() {
            // It names its region.
            return Vec::new();
        }
        let others = KNOWN.into_iter();
        let others = others.filter(|it| *it != region && partition(it) == partition(region));
        let asked = others.map(|other| self.is_in(other));
        let mut found: Vec<_> = join_all(asked).await.into_iter().flatten().collect();
        found.sort_unstable();
        found
    }

    /// Returns the region if it has the group.
    async fn is_in(&self, region: &'static str) -> Option<&'static str> {
        let config = self.client.config().to_builder();
        let client = Client::from_conf(config.region(Region::from_static(region)).build());
        let call = client
            .describe_log_groups()
            .log_group_name_prefix(&self.group.name);
        let page = tokio::time::timeout(PATIENCE, call.send()).await;
        self.ours(&page.ok()?.ok()?).map(|_| region)
    }
}
