//! CloudWatch Logs: `DescribeLogGroups`, `DescribeLogStreams`, `GetLogEvents` and (in `filter`) `FilterLogEvents` in the JSON 1.1
//! protocol.
//!
//! Source: CloudWatch Logs API reference. A page has at most 10,000 events or 1 MB (26 bytes more than its message
//! for each event); `endTime` does not belong to the range; the end is told by the token that was sent.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};

use super::http::{Reply, Request};
use super::{Fault, GROUP, Making, State, reply};

pub(super) const PAGE_EVENTS: usize = 10_000;
pub(super) const PAGE_BYTES: usize = 1 << 20;
pub(super) const EVENT_BYTES: usize = 26;
/// Log streams of a page.
const PAGE_STREAMS: usize = 50;

/// A log stream: events in order of time.
pub(crate) trait Stream: Send + Sync {
    fn len(&self) -> usize;

    /// Milliseconds.
    fn timestamp(&self, event: usize) -> i64;

    /// Bytes of the message.
    fn size(&self, event: usize) -> usize;

    /// Appends the event as JSON.
    fn write(&self, event: usize, json: &mut Vec<u8>);
}

/// How long events take to be ingested, in milliseconds from their timestamp on.
pub(crate) const INGESTION: i64 = 300_000;

/// (Milliseconds, message).
type Event = (i64, String);

impl Stream for Vec<Event> {
    fn len(&self) -> usize {
        self.len()
    }

    fn timestamp(&self, event: usize) -> i64 {
        self[event].0
    }

    fn size(&self, event: usize) -> usize {
        self[event].1.len()
    }

    fn write(&self, event: usize, json: &mut Vec<u8>) {
        let (timestamp, message) = &self[event];
        let message = json!(message);
        let ingested = timestamp + INGESTION;
        let text = format!(
            r#"{{"timestamp":{timestamp},"message":{message},"ingestionTime":{ingested}}}"#
        );
        json.write_all(text.as_bytes()).unwrap();
    }
}

fn parsed(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// Tells whether the call goes on with a page's token.
pub(super) fn is_continued(request: &Request) -> bool {
    parsed(request)["nextToken"].is_string()
}

/// Returns what the call is about.
pub(super) fn name(request: &Request) -> String {
    let body = parsed(request);
    body["logStreamName"].as_str().unwrap_or("").to_owned()
}

fn answer(body: &Value) -> Reply {
    reply(200, "application/x-amz-json-1.1", body.to_string().into())
}

/// The error as the service says it.
pub(super) fn refusal(status: u16, code: &str) -> Reply {
    let body = json!({"__type": code, "message": "as the test wants it"});
    reply(
        status,
        "application/x-amz-json-1.1",
        body.to_string().into(),
    )
}

pub(super) fn make(request: &Request, operation: &str, state: &State, fault: Fault) -> Making {
    let body = parsed(request);
    let signed = request.headers.get("authorization");
    // Its credential: key, day, region, service.
    let region = signed.and_then(|it| it.split('/').nth(2));
    let here = state.stores.region.is_none_or(|it| region == Some(it));
    match operation {
        "DescribeLogGroups" if !here => Box::new(|| (answer(&json!({"logGroups": []})), 0)),
        _ if !here => Box::new(|| (refusal(400, "ResourceNotFoundException"), 0)),
        "DescribeLogGroups" => {
            let mut group = json!({"logGroupName": GROUP, "logGroupClass": "STANDARD"});
            for (name, value) in &state.stores.settings {
                group[name] = value.clone();
            }
            let prefix = body["logGroupNamePrefix"].as_str().unwrap_or("");
            let groups = match GROUP.starts_with(prefix) {
                true => vec![group],
                false => Vec::new(),
            };
            Box::new(move || (answer(&json!({"logGroups": groups})), 1))
        }
        "DescribeLogStreams" if body["orderBy"] == "LastEventTime" => latest(&body, state),
        "DescribeLogStreams" => streams(&body, state, fault),
        "GetLogEvents" => events(&body, state, fault),
        "FilterLogEvents" => super::filter::events(&body, state, fault),
        _ => Box::new(|| (refusal(400, "UnknownOperationException"), 0)),
    }
}

fn streams(body: &Value, state: &State, fault: Fault) -> Making {
    let prefix = body["logStreamNamePrefix"].as_str().unwrap_or("");
    let after = body["nextToken"].as_str().unwrap_or("");
    let page = state.speed.page.unwrap_or(PAGE_STREAMS);
    let page = page.min(most(body, PAGE_STREAMS));
    let names = state.stores.streams.keys();
    let names = names.filter(|name| name.starts_with(prefix) && name.as_str() > after);
    let names: Vec<&String> = names.take(page + 1).collect();
    let more = names.len() > page;
    let empty = fault == Fault::EmptyPage;
    let shown = &names[..if empty { 0 } else { names.len().min(page) }];
    let listed = |name: &&&String| {
        let told = state.stores.listed.get(**name).cloned();
        let mut told = told.unwrap_or_else(|| json!({}));
        told["logStreamName"] = json!(name);
        told
    };
    let listed: Vec<Value> = shown.iter().map(|name| listed(&name)).collect();
    let count = listed.len();
    let after = after.to_owned();
    let mut body = json!({"logStreams": listed});
    if empty || fault == Fault::FirstAgain {
        body["nextToken"] = json!(format!("{after}!"));
    } else if fault == Fault::SameToken {
        body["nextToken"] = json!(after);
    } else if more {
        body["nextToken"] = json!(shown.last());
    }
    Box::new(move || (answer(&body), count))
}

/// The first page of the streams that were written to last.
fn latest(body: &Value, state: &State) -> Making {
    assert_eq!(body["descending"], true, "nobody asks for the first ones");
    let mut streams: Vec<(i64, &String)> = state
        .stores
        .streams
        .iter()
        .map(|(name, stream)| {
            let last = stream.len().checked_sub(1);
            (last.map_or(0, |last| stream.timestamp(last)), name)
        })
        .collect();
    streams.sort_by(|a, b| b.cmp(a));
    let page = most(body, PAGE_STREAMS);
    let listed: Vec<Value> = streams
        .iter()
        .take(page)
        .map(|(last, name)| {
            json!({"logStreamName": name, "lastEventTimestamp": last, "lastIngestionTime": last})
        })
        .collect();
    let count = listed.len();
    let mut body = json!({"logStreams": listed});
    if streams.len() > page {
        body["nextToken"] = json!("more");
    }
    Box::new(move || (answer(&body), count))
}

/// What is asked for at most.
pub(super) fn most(body: &Value, otherwise: usize) -> usize {
    let limit = body["limit"].as_u64();
    limit.map_or(otherwise, |limit| usize::try_from(limit).unwrap())
}

fn events(body: &Value, state: &State, fault: Fault) -> Making {
    let name = body["logStreamName"].as_str().unwrap_or("");
    let Some(stream) = state.stores.streams.get(name).map(Arc::clone) else {
        return Box::new(|| (refusal(400, "ResourceNotFoundException"), 0));
    };
    let token = body["nextToken"].as_str().map(str::to_owned);
    let from = body["startTime"].as_i64().unwrap_or(i64::MIN);
    let to = body["endTime"].as_i64().unwrap_or(i64::MAX);
    let most = most(body, PAGE_EVENTS).min(state.speed.page.unwrap_or(PAGE_EVENTS));
    let most = if fault == Fault::Short {
        most.div_ceil(3)
    } else {
        most
    };
    let hidden = hidden(state, "GetLogEvents", name);
    let masked = masked(state, body);
    // The service's own default.
    let newest = body["startFromHead"] != true;
    Box::new(move || {
        let index = token.as_ref().and_then(|token| token.rsplit('/').next());
        let begin = index.and_then(|index| index.parse().ok());
        let (first, end) = (first_from(&*stream, from), first_from(&*stream, to));
        let is_hidden = |event: usize| {
            hidden
                .iter()
                .any(|it| it.contains(&stream.timestamp(event)))
        };
        let begin = begin.unwrap_or(if newest {
            let shown = (first..end).rev().filter(|&event| !is_hidden(event));
            shown.take(most).last().unwrap_or(end)
        } else {
            first
        });
        let swaps = fault == Fault::Swapped && !newest;
        let shown = if swaps {
            swapped(begin, first, end, most)
        } else {
            begin
        };
        let mut next = shown;
        let mut json = b"{\"events\":[".to_vec();
        let (mut bytes, mut items) = (0, 0);
        let shows =
            !matches!(fault, Fault::EmptyPage) && (newest || !matches!(fault, Fault::Ended));
        while shows && next < stream.len() && next - shown < most && stream.timestamp(next) < to {
            bytes += stream.size(next) + EVENT_BYTES;
            if bytes > PAGE_BYTES {
                break;
            }
            if !is_hidden(next) {
                if items > 0 {
                    json.push(b',');
                }
                stream.write(next, &mut json);
                items += 1;
            }
            next += 1;
        }
        if swaps {
            next = (begin + most).min(end);
        }
        if fault == Fault::Overlaps && next < end && !newest {
            // The next page begins with the events of this one's last timestamp, if that moves on at all.
            let again = first_from(&*stream, stream.timestamp(next - 1));
            if again > shown {
                next = again;
            }
        }
        mask(&mut json, masked);
        // Tokens that differ after an empty page too, unless it is the end.
        let turn = token.as_ref().map_or(0, |token| token.matches('.').count());
        let dots = ".".repeat(turn + usize::from(fault == Fault::EmptyPage));
        let forward = match (&token, fault) {
            (Some(token), Fault::SameToken | Fault::Ended) => token.clone(),
            (Some(_), Fault::Circle) => format!("f/{}", first + most),
            _ => format!("f{dots}/{next}"),
        };
        let tokens =
            format!(r#"],"nextForwardToken":"{forward}","nextBackwardToken":"b/{begin}"}}"#);
        json.extend_from_slice(tokens.as_bytes());
        (reply(200, "application/x-amz-json-1.1", json), items)
    })
}

/// Returns where the page begins that changes places with the one from `begin` on, of a range of pages.
fn swapped(begin: usize, first: usize, end: usize, page: usize) -> usize {
    let other = first + (((begin - first) / page) ^ 1) * page;
    if begin < end && other < end {
        other
    } else {
        begin
    }
}

pub(super) fn first_from(stream: &dyn Stream, from: i64) -> usize {
    let (mut low, mut high) = (0, stream.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if stream.timestamp(middle) < from {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Returns the text that a call does not show.
pub(super) fn masked(state: &State, body: &Value) -> Option<&'static str> {
    state.stores.masked.filter(|_| body["unmask"] != true)
}

/// Puts asterisks in the place of a text.
pub(super) fn mask(json: &mut Vec<u8>, masked: Option<&str>) {
    if let Some(masked) = masked {
        let text = String::from_utf8_lossy(json);
        *json = text.replace(masked, &"*".repeat(masked.len())).into_bytes();
    }
}

/// Returns the timestamps of a stream that a call does not show.
pub(super) fn hidden(state: &State, operation: &str, stream: &str) -> Vec<Range<i64>> {
    let of = state.stores.hidden.iter();
    let of = of.filter(|it| it.operation == operation && it.stream == stream);
    of.map(|it| it.range.clone()).collect()
}
