//! CloudWatch Logs: `FilterLogEvents`.
//!
//! Source: CloudWatch Logs API reference. Events of all streams in order of time; `endTime` belongs to the range; the
//! end is told by a token that is absent. A token says how far it got: a timestamp, and how many of its events were shown.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};

use super::logs::{
    EVENT_BYTES, PAGE_BYTES, PAGE_EVENTS, first_from, hidden, mask, masked, most, refusal,
};
use super::{Fault, Making, State, Stream, reply};

/// A stream that is searched.
struct Searched {
    name: String,
    stream: Arc<dyn Stream>,
    hidden: Vec<Range<i64>>,
}

/// Where a page begins: (timestamp, how many of its events were shown).
type Position = (i64, usize);

fn position(token: &str) -> Option<Position> {
    let (at, shown) = token.trim_end_matches('.').split_once('/')?;
    Some((at.parse().ok()?, shown.parse().ok()?))
}

fn searched(body: &Value, state: &State) -> Vec<Searched> {
    let prefix = body["logStreamNamePrefix"].as_str().unwrap_or("");
    let names = body["logStreamNames"].as_array();
    assert!(prefix.is_empty() || names.is_none(), "one or the other");
    assert!(names.is_none_or(|it| (1..=100).contains(&it.len())));
    let wanted = |name: &str| {
        name.starts_with(prefix) && names.is_none_or(|it| it.iter().any(|one| one == name))
    };
    let streams = state.stores.streams.iter();
    let streams = streams.filter(|(name, _)| wanted(name));
    let streams = streams.map(|(name, stream)| Searched {
        name: name.clone(),
        stream: Arc::clone(stream),
        hidden: hidden(state, "FilterLogEvents", name),
    });
    streams.collect()
}

pub(super) fn events(body: &Value, state: &State, fault: Fault) -> Making {
    let streams = searched(body, state);
    let token = body["nextToken"].as_str().map(str::to_owned);
    let masked = masked(state, body);
    let from = body["startTime"].as_i64().unwrap_or(0);
    let to = body["endTime"].as_i64().unwrap_or(i64::MAX);
    let page = most(body, PAGE_EVENTS).min(state.speed.page.unwrap_or(PAGE_EVENTS));
    let page = if fault == Fault::Short {
        page.div_ceil(3)
    } else {
        page
    };
    let begin = match &token {
        None => (from, 0),
        Some(token) => match position(token) {
            Some(begin) => begin,
            None => return Box::new(|| (refusal(400, "InvalidParameterException"), 0)),
        },
    };
    Box::new(move || {
        let begin = if fault == Fault::Repeats {
            ((begin.0 - 1000).max(from), 0)
        } else {
            begin
        };
        let mut json = b"{\"events\":[".to_vec();
        let shows = ![Fault::EmptyPage, Fault::Ended].contains(&fault);
        let (items, next) = match shows {
            true => merge(&streams, begin, to, page, &mut json),
            false => (0, Some(begin)),
        };
        mask(&mut json, masked);
        let dots = token.as_ref().map_or(0, |token| token.matches('.').count());
        let next = next.map(|(at, shown)| match &token {
            Some(token) if fault == Fault::SameToken => token.clone(),
            Some(_) if fault == Fault::Circle => format!("{from}/{page}"),
            _ if fault == Fault::EmptyPage => format!("{at}/{shown}{}", ".".repeat(dots + 1)),
            _ => format!("{at}/{shown}"),
        });
        let next = next.filter(|_| fault != Fault::Ended);
        let next = next.map_or(String::new(), |next| {
            format!(",\"nextToken\":{}", json!(next))
        });
        json.extend_from_slice(format!("],\"searchedLogStreams\":[]{next}}}").as_bytes());
        (reply(200, "application/x-amz-json-1.1", json), items)
    })
}

/// Writes a page of events; returns how many they are and where the next page begins, if there is one.
fn merge(
    streams: &[Searched],
    (begin, shown): Position,
    to: i64,
    page: usize,
    json: &mut Vec<u8>,
) -> (usize, Option<Position>) {
    let mut heap = BinaryHeap::new();
    for (number, it) in streams.iter().enumerate() {
        let first = first_from(&*it.stream, begin);
        if first < it.stream.len() {
            heap.push(Reverse((it.stream.timestamp(first), number, first)));
        }
    }
    let (mut items, mut bytes, mut at, mut of_time) = (0, 0, begin, 0);
    while let Some(&Reverse((timestamp, number, event))) = heap.peek() {
        if timestamp > to {
            break;
        }
        let it = &streams[number];
        if timestamp != at {
            (at, of_time) = (timestamp, 0);
        }
        let is_hidden = it.hidden.iter().any(|range| range.contains(&timestamp));
        let is_shown = timestamp == begin && of_time < shown;
        if !is_hidden && !is_shown {
            bytes += it.stream.size(event) + EVENT_BYTES;
            if items == page || bytes > PAGE_BYTES {
                return (items, Some((at, of_time)));
            }
            if items > 0 {
                json.push(b',');
            }
            it.stream.write(event, json);
            json.pop();
            let id = format!("3{timestamp:020}{number:015}{event:020}");
            let more = format!(r#","logStreamName":{},"eventId":"{id}"}}"#, json!(it.name));
            json.extend_from_slice(more.as_bytes());
            items += 1;
        }
        of_time += 1;
        heap.pop();
        if event + 1 < it.stream.len() {
            heap.push(Reverse((it.stream.timestamp(event + 1), number, event + 1)));
        }
    }
    (items, None)
}
