//! Which streams a group has, and which of them are flow logs'.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_cloudwatchlogs::operation::describe_log_groups::DescribeLogGroupsOutput;
use aws_sdk_cloudwatchlogs::types::{LogGroup, LogGroupClass, LogStream, OrderBy};
use tokio::sync::watch;

use super::ahead::Listed;
use super::quotas::{GROUPS, STREAMS};
use super::{CloudWatch, EXPORT, account_in};
use crate::model::window::Window;
use crate::model::{Cover, Error};
use crate::source::aws::Failure;
use crate::source::key::stream_interface;
use crate::source::pages::ListingPages;
use crate::source::{Ask, Listing, Part, PartsPassedOver, Remark};

/// What listing takes.
const LIST: &str = "`logs:DescribeLogStreams` on the log group";

/// Up to so many interfaces are asked for one by one instead of listing the whole group.
pub(super) const FEW: usize = 20;

/// How many streams a remark names.
const NAMED: usize = 3;

/// A stream is passed over if its last event is so long (in milliseconds) before the window. AWS keeps the time
/// of the last event "eventually consistent", usually within an hour but sometimes later; a day is far
/// beyond that, and it only matters for streams that were silent until shortly before they were listed.
const LONG_SILENT: i64 = 24 * 60 * 60 * 1000;

/// How a stream stands to what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Wanted,
    /// It holds nothing that is asked for: it is another interface's, or of another time.
    Other,
    /// Its name begins with no interface, so it may hold anything.
    OtherName,
    /// Ended long before the window.
    Silent,
}

impl CloudWatch {
    /// Lists the streams that may hold what is asked for.
    pub(super) async fn list_streams(
        &self,
        ask: &Ask,
        listed: &watch::Sender<Listed>,
    ) -> Result<Listing, Error> {
        self.refuse_infrequent_access().await?;
        let mut streams = BTreeMap::new();
        let prefixes = self.prefixes(ask);
        for prefix in &prefixes {
            self.page_through(prefix.as_deref(), &mut streams, listed, &ask.met)
                .await?;
        }
        if streams.is_empty() && prefixes.iter().all(Option::is_some) {
            // Perhaps no stream here is named after an interface.
            self.page_through(None, &mut streams, listed, &ask.met)
                .await?;
        }
        Ok(self.sorted(streams, ask))
    }

    /// Sorts out which streams are read.
    fn sorted(&self, streams: BTreeMap<String, StreamTimes>, ask: &Ask) -> Listing {
        let mut listing = Listing::default();
        let mut promised = Vec::new();
        let none_is_named = streams.keys().all(|name| stream_interface(name).is_none());
        for (name, times) in streams {
            let sorted = self.sort(&name, times, none_is_named, ask);
            if sorted == Stream::Wanted && times.promise_one_in(ask) {
                promised.push(name.clone());
            }
            let passed_over = &mut listing.passed_over;
            match sorted {
                Stream::Wanted => listing.parts.push(part(name)),
                Stream::OtherName => passed_over.by_name.push(part(name)),
                Stream::Silent => passed_over.by_age.push(part(name)),
                Stream::Other => {}
            }
        }
        self.state().promised = promised;
        let PartsPassedOver { by_age, by_name } = &listing.passed_over;
        if !by_name.is_empty() {
            let first = by_name.iter().take(NAMED);
            listing.remarks.push(Remark::OtherStreams {
                count: by_name.len(),
                first: first.map(|part| part.name.to_string()).collect(),
            });
        }
        if !by_age.is_empty() {
            listing.remarks.push(Remark::SilentStreams(by_age.len()));
        }
        if listing.parts.is_empty() {
            let address = self.group.written.clone();
            listing.remarks.push(Remark::NoStream { address });
        }
        listing
    }

    /// Returns the beginnings of names to list by; `None` is the whole group.
    fn prefixes(&self, ask: &Ask) -> Vec<Option<String>> {
        let interfaces = &ask.interfaces;
        let known = interfaces.iter().all(|id| stream_interface(id) == Some(id));
        if self.all_streams || interfaces.is_empty() || interfaces.len() > FEW || !known {
            return vec![None];
        }
        interfaces.iter().cloned().map(Some).collect()
    }

    /// Collects streams with the time of their last event.
    async fn page_through(
        &self,
        prefix: Option<&str>,
        streams: &mut BTreeMap<String, StreamTimes>,
        listed: &watch::Sender<Listed>,
        met: &AtomicU64,
    ) -> Result<(), Error> {
        let (name, identifier) = self.named();
        let call = self
            .client
            .describe_log_streams()
            .set_log_group_name(name)
            .set_log_group_identifier(identifier)
            .set_log_stream_name_prefix(prefix.map(str::to_owned))
            .order_by(OrderBy::LogStreamName);
        let mut token: Option<String> = None;
        let mut pages = ListingPages::default();
        loop {
            let page = self.call(STREAMS, || {
                call.clone().set_next_token(token.clone()).send()
            });
            let page = match page.await {
                Ok(page) => page,
                Err(failure) if failure.code == "ResourceNotFoundException" => {
                    return Err(self.absent(failure, LIST).await);
                }
                Err(failure) => {
                    return Err(failure.into_error(self.side, &self.group.written, LIST));
                }
            };
            let mut names = page
                .log_streams()
                .iter()
                .filter_map(LogStream::log_stream_name);
            let ends = names
                .next()
                .map(|first| [first, names.next_back().unwrap_or(first)]);
            met.fetch_add(page.log_streams().len() as u64, Ordering::Relaxed);
            for stream in page.log_streams() {
                if let Some(name) = stream.log_stream_name() {
                    streams.insert(name.to_owned(), StreamTimes::of(stream));
                }
            }
            let Some(next) = page.next_token() else {
                return Ok(());
            };
            pages.turn(ends, next).map_err(|why| Error::Source {
                side: self.side,
                address: self.group.written.clone(),
                reason: format!("the listing of log streams {why}"),
                hint: None,
            })?;
            listed.send_replace(Listed::More);
            token = Some(next.to_owned());
        }
    }

    fn sort(&self, name: &str, times: StreamTimes, none_is_named: bool, ask: &Ask) -> Stream {
        // A regional NAT gateway's records name no interface (`-`); nothing tells their stream.
        let any = ask.interfaces.is_empty() || ask.interfaces.iter().any(|id| id == "-");
        let silent = match (times.last_written(), ask.window.event_millis().0) {
            (Some(last), Some(start)) => last.saturating_add(LONG_SILENT) < start,
            _ => false,
        };
        let read_all =
            self.all_streams || none_is_named || ask.interfaces.iter().any(|id| id == "-");
        match stream_interface(name) {
            Some(interface) if !any && !ask.interfaces.iter().any(|id| id == interface) => {
                Stream::Other
            }
            // What ended or begins outside of the window holds nothing of it, whatever it is.
            None if !read_all && (silent || times.begin_after(ask)) => Stream::Other,
            None if !read_all => Stream::OtherName,
            _ if silent => Stream::Silent,
            _ => Stream::Wanted,
        }
    }

    /// Refuses a group of the Infrequent Access class, whose events `GetLogEvents` does not give. A caller
    /// who may not ask for the class learns of it from the first stream instead. The same answer has account and retention.
    async fn refuse_infrequent_access(&self) -> Result<(), Error> {
        let page = match self.describe_group().await {
            Ok(page) => page,
            Err(failure) => {
                tracing::debug!(reason = failure.text(), "the group's class is not known");
                return Ok(());
            }
        };
        let ours = self.ours(&page);
        let arn = ours.and_then(|group| group.log_group_arn().or(group.arn()));
        let kept = ours.and_then(|group| group.retention_in_days());
        {
            let mut state = self.state();
            state.account = arn.and_then(account_in);
            state.kept_days = kept.map(i64::from);
        }
        if ours.and_then(|group| group.log_group_class()) != Some(&LogGroupClass::InfrequentAccess)
        {
            return Ok(());
        }
        Err(Error::Source {
            side: self.side,
            address: self.group.written.clone(),
            reason: "the log group is of the Infrequent Access class, whose events cannot be read"
                .to_owned(),
            hint: Some(EXPORT.to_owned()),
        })
    }

    /// Asks for the groups whose names begin like this one's.
    pub(super) async fn describe_group(&self) -> Result<DescribeLogGroupsOutput, Failure> {
        let linked = self.group.arn.as_ref().map(|_| true);
        let call = self
            .client
            .describe_log_groups()
            .log_group_name_prefix(&self.group.name)
            .set_include_linked_accounts(linked);
        self.call(GROUPS, || call.clone().send()).await
    }

    /// Returns the group that is meant, of a page.
    pub(super) fn ours<'a>(&self, page: &'a DescribeLogGroupsOutput) -> Option<&'a LogGroup> {
        page.log_groups()
            .iter()
            .find(|group| match &self.group.arn {
                Some(arn) => group.log_group_arn() == Some(arn),
                None => group.log_group_name() == Some(&self.group.name),
            })
    }
}

/// What a listing tells of a stream's times, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StreamTimes {
    first_event: Option<i64>,
    last_event: Option<i64>,
    last_ingestion: Option<i64>,
}

impl StreamTimes {
    pub(super) fn of(stream: &LogStream) -> Self {
        Self {
            first_event: stream.first_event_timestamp(),
            last_event: stream.last_event_timestamp(),
            last_ingestion: stream.last_ingestion_time(),
        }
    }

    /// Returns the latest time at which the stream is known to have been written to; `None` if that is not known.
    pub(super) fn last_written(self) -> Option<i64> {
        Some(self.last_event?.max(self.last_ingestion?))
    }

    /// Tells whether the stream begins after the window.
    fn begin_after(self, ask: &Ask) -> bool {
        let end = ask.window.event_millis().1;
        end.is_some_and(|end| self.first_event.is_some_and(|first| end <= first))
    }

    /// Tells whether the stream has an event in the window. The times may be old, but there is an event at either.
    fn promise_one_in(self, ask: &Ask) -> bool {
        let (from, to) = (ask.window.start, ask.window.end);
        let within = |at: i64| {
            let at = at.div_euclid(1000);
            from.is_none_or(|from| from <= at) && to.is_none_or(|to| at < to)
        };
        [self.first_event, self.last_event]
            .into_iter()
            .flatten()
            .any(within)
    }
}

fn part(name: String) -> Arc<Part> {
    Arc::new(Part {
        cover: Cover {
            interface: stream_interface(&name).map(str::to_owned),
            starts: Window::ALL,
        },
        name: name.into(),
        size: None,
        version: String::new(),
        delivered: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Side;
    use crate::source::{GroupName, SourceOptions};

    async fn group(all_streams: bool) -> CloudWatch {
        let name = GroupName {
            name: "g".into(),
            arn: None,
            written: "cwl://g".into(),
        };
        let options = SourceOptions {
            region: Some("eu-west-1".into()),
            all_streams,
            ..SourceOptions::new(Side::Cwl)
        };
        CloudWatch::open(&name, &options).await.unwrap()
    }

    #[tokio::test]
    async fn streams_are_sorted_by_name_and_silence() {
        let day = 24 * 60 * 60;
        let (eni, other): (&[&str], &[&str]) = (&["eni-0aa"], &["-"]);
        for (all, interfaces, name, last_event, expected) in [
            (false, &[][..], "eni-0aa-all", None, Stream::Wanted),
            (false, &[], "other", None, Stream::OtherName),
            (false, &[], "other", Some(8 * day), Stream::Other),
            (false, &[], "other", Some(9 * day), Stream::OtherName),
            (true, &[], "other", None, Stream::Wanted),
            (false, eni, "eni-0aa-all", None, Stream::Wanted),
            (false, eni, "eni-0ab-all", None, Stream::Other),
            (true, eni, "eni-0ab-all", None, Stream::Other),
            (true, eni, "other", None, Stream::Wanted),
            (false, other, "other", None, Stream::Wanted),
            (false, other, "eni-0aa-all", None, Stream::Wanted),
            (false, &[], "eni-0aa-all", Some(8 * day), Stream::Silent),
            (false, &[], "eni-0aa-all", Some(9 * day), Stream::Wanted),
            (false, &[], "eni-0aa-all", Some(99 * day), Stream::Wanted),
        ] {
            let ask = Ask {
                window: Window::new(10 * day, 11 * day),
                interfaces: interfaces.iter().map(|&id| id.to_owned()).collect(),
                ..Ask::default()
            };
            let last = last_event.map(|second: i64| second * 1000);
            let times = StreamTimes {
                last_event: last,
                last_ingestion: last,
                ..StreamTimes::default()
            };
            let group = group(all).await;
            let sorted = group.sort(name, times, false, &ask);
            assert_eq!(
                sorted, expected,
                "{all} {interfaces:?} {name} {last_event:?}"
            );
            // Where no stream is named after an interface, all are read.
            if sorted == Stream::OtherName {
                assert_eq!(group.sort(name, times, true, &ask), Stream::Wanted);
            }
            let later = StreamTimes {
                first_event: Some(12 * day * 1000),
                ..times
            };
            if sorted == Stream::OtherName {
                assert_eq!(group.sort(name, later, false, &ask), Stream::Other);
            }
        }
    }

    #[tokio::test]
    async fn few_interfaces_are_asked_for_one_by_one() {
        let ask = |interfaces: Vec<String>| Ask {
            window: Window::ALL,
            interfaces,
            ..Ask::default()
        };
        let one = ask(vec!["eni-0aa".into()]);
        assert_eq!(group(false).await.prefixes(&one), [Some("eni-0aa".into())]);
        assert_eq!(group(true).await.prefixes(&one), [None]);
        let many = ask((0..21).map(|n| format!("eni-0{n}")).collect());
        assert_eq!(group(false).await.prefixes(&many), [None]);
        assert_eq!(group(false).await.prefixes(&ask(vec!["-".into()])), [None]);
    }
}
