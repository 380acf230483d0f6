//! What is found of a log group by few and small calls.

use std::collections::BTreeSet;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::{LogGroup, OrderBy};

use super::CloudWatch;
use super::quotas::{FILTER, GET, STREAMS};
use super::streams::{FEW, StreamTimes};
use crate::source::aws::Failure;
use crate::source::endpoint::Endpoint;
use crate::source::examine::{
    CallTrouble, Examined, GroupFacts, GroupSettings, Live, NewestEvent, Streams, TroubleKind,
    caller,
};
use crate::source::key::stream_interface;
use crate::source::{Ask, SourceOptions};

/// The streams of a page, which is as many as the service gives at once.
const PAGE: i32 = 50;

impl CloudWatch {
    /// Finds out how the group is set up, and whether its streams may be listed and read.
    pub(in crate::source) async fn examine(
        &mut self,
        options: &SourceOptions,
        ask: &Ask,
    ) -> Examined {
        let endpoint = Endpoint::default();
        let config = self.client.config().to_builder();
        self.client = Client::from_conf(config.interceptor(endpoint.clone()).build());
        let region = self.client.config().region().map(ToString::to_string);
        let caller = caller(options, self.group.region(), None).await;
        let mut group = GroupFacts {
            name: self.group.name.clone(),
            arn: self.group.arn.clone(),
            ..GroupFacts::default()
        };
        let may_call = !matches!(&caller, Err(trouble) if trouble.why == TroubleKind::Credentials);
        if may_call {
            self.look(&mut group, options, ask).await;
        }
        let live = Live {
            caller,
            region,
            endpoint: endpoint.last(),
            clock_ahead: self.clock.ahead(),
            calls: self.caller.calls(),
        };
        Examined::Group(live, Box::new(group))
    }

    async fn look(&self, group: &mut GroupFacts, options: &SourceOptions, ask: &Ask) {
        let tell = |failure: Failure| CallTrouble::of(&failure, options);
        let settings = self.settings(&mut group.similar).await.map_err(tell);
        group.settings = Some(settings);
        let streams = self.newest_streams(ask).await.map_err(tell);
        let of_flow_logs = streams.as_ref().ok().and_then(|streams| {
            let mut listed = streams.listed.iter().map(|(name, _)| name);
            let all = self.all_streams || streams.none_is_named();
            listed.find(|name| all || stream_interface(name).is_some())
        });
        if let Some(stream) = of_flow_logs {
            let event = self.newest_event(stream, false).await.map_err(tell);
            group.event = Some((stream.clone(), event));
            group.together = Some(self.one_together(stream).await.map_err(tell));
            if self.options.unmask {
                let unmasked = self.newest_event(stream, true).await;
                group.unmasked = Some(unmasked.map(drop).map_err(tell));
            }
        }
        group.streams = Some(streams);
    }

    /// Asks how the group is set up, and which groups have names that begin like its own.
    async fn settings(
        &self,
        similar: &mut BTreeSet<String>,
    ) -> Result<Option<GroupSettings>, Failure> {
        let page = self.describe_group().await?;
        similar.extend(
            page.log_groups()
                .iter()
                .filter_map(|group| group.log_group_name().map(str::to_owned)),
        );
        similar.remove(&self.group.name);
        Ok(self.ours(&page).map(settings))
    }

    /// Lists the streams that were written to last; of interfaces that are asked for, a stream each.
    async fn newest_streams(&self, ask: &Ask) -> Result<Streams, Failure> {
        let asked_for = ask.interfaces.iter().filter(|id| *id != "-");
        let asked_for: Vec<&String> = asked_for.take(FEW).collect();
        let mut streams = Streams::default();
        if asked_for.is_empty() {
            let (listed, more) = self.some_streams(None, PAGE).await?;
            streams.more = more;
            streams.listed = listed;
            let is_named = |(name, _): &(String, Option<i64>)| stream_interface(name).is_some();
            if !self.all_streams && more && !streams.listed.iter().any(is_named) {
                let (named, _) = self.some_streams(Some("eni-"), 1).await?;
                streams.listed.extend(named);
            }
            return Ok(streams);
        }
        for id in asked_for {
            let (listed, _) = self.some_streams(Some(id), 1).await?;
            if listed.is_empty() {
                streams.lacking.push(id.clone());
            }
            streams.listed.extend(listed);
        }
        Ok(streams)
    }

    /// Lists one page: by name if names have to begin with something, else by the last event, latest first. (The service
    /// does not take both.)
    async fn some_streams(
        &self,
        prefix: Option<&str>,
        limit: i32,
    ) -> Result<(Vec<(String, Option<i64>)>, bool), Failure> {
        let (name, identifier) = self.named();
        let call = self
            .client
            .describe_log_streams()
            .set_log_group_name(name)
            .set_log_group_identifier(identifier)
            .limit(limit);
        let call = match prefix {
            Some(prefix) => call.log_stream_name_prefix(prefix),
            None => call.order_by(OrderBy::LastEventTime).descending(true),
        };
        let page = self.call(STREAMS, || call.clone().send()).await?;
        let listed = page.log_streams().iter().filter_map(|stream| {
            let name = stream.log_stream_name()?.to_owned();
            let last = StreamTimes::of(stream).last_written();
            Some((name, last.map(|time| time.div_euclid(1000))))
        });
        Ok((listed.collect(), page.next_token().is_some()))
    }

    /// Reads an event of a stream with the call that reads many.
    async fn one_together(&self, stream: &str) -> Result<(), Failure> {
        let (name, identifier) = self.named();
        let call = self
            .client
            .filter_log_events()
            .set_log_group_name(name)
            .set_log_group_identifier(identifier)
            .log_stream_names(stream)
            .limit(1);
        self.call(FILTER, || call.clone().send()).await.map(drop)
    }

    /// Reads the newest event of a stream.
    async fn newest_event(
        &self,
        stream: &str,
        unmask: bool,
    ) -> Result<Option<NewestEvent>, Failure> {
        let (name, identifier) = self.named();
        let call = self
            .client
            .get_log_events()
            .set_log_group_name(name)
            .set_log_group_identifier(identifier)
            .log_stream_name(stream)
            .start_from_head(false)
            .set_unmask(unmask.then_some(true))
            .limit(1);
        let page = self.call(GET, || call.clone().send()).await?;
        let mut newest = page.events().iter().filter_map(|event| {
            Some(NewestEvent {
                time: event.timestamp()?.div_euclid(1000),
                message: event.message()?.to_owned(),
            })
        });
        Ok(newest.next_back())
    }
}

fn settings(group: &LogGroup) -> GroupSettings {
    let arn = group
        .log_group_arn()
        .or_else(|| Some(group.arn()?.trim_end_matches(":*")));
    GroupSettings {
        arn: arn.map(str::to_owned),
        retention: group.retention_in_days(),
        class: group
            .log_group_class()
            .map(|class| class.as_str().to_owned()),
        key: group.kms_key_id().map(str::to_owned),
        created: group.creation_time().map(|time| time.div_euclid(1000)),
    }
}
