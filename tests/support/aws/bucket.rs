//! S3: `ListObjectsV2`, `GetBucketLifecycleConfiguration`, `GetObject`, `HeadObject`, conditional `PutObject` and `DeleteObject`, addressed by path.
//!
//! Source: S3 API reference.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::http::{Body, Reply, Request, Wire};
use super::{BUCKET, Fault, Making, State, reply};

const PAGE_KEYS: usize = 1000;

/// Returns the operation, and the key or prefix it is about.
pub(super) fn operation(request: &Request) -> (String, String) {
    let key = key(request);
    // The SDK says in the query which operation it means; anything else there asks for another one (`?acl`).
    let plain = request.query.keys().all(|name| name == "x-id");
    if request.method == "GET" && key.is_empty() && request.query.contains_key("lifecycle") {
        return ("GetBucketLifecycleConfiguration".to_owned(), String::new());
    }
    match request.query.get("list-type") {
        Some(_) if request.method == "GET" && key.is_empty() => {
            let prefix = request.query.get("prefix").cloned();
            ("ListObjectsV2".to_owned(), prefix.unwrap_or_default())
        }
        None if ["GET", "HEAD", "PUT", "DELETE"].contains(&&*request.method)
            && !key.is_empty()
            && plain =>
        {
            let operation = match request.method.as_str() {
                "DELETE" => "DeleteObject",
                "HEAD" => "HeadObject",
                "PUT" => "PutObject",
                _ => "GetObject",
            };
            (operation.to_owned(), key.to_owned())
        }
        _ => (
            format!("{} {}", request.method, request.target),
            key.to_owned(),
        ),
    }
}

pub(super) fn key(request: &Request) -> &str {
    let path = request.path.trim_start_matches('/');
    path.split_once('/').map_or("", |(_, key)| key)
}

/// The error as the service says it.
pub(super) fn refusal(status: u16, code: &str) -> Reply {
    let body = format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>");
    reply(status, "application/xml", body.into())
}

pub(super) fn make(request: &Request, operation: &str, state: &mut State, fault: Fault) -> Making {
    if state.stores.requester_pays && !request.headers.contains_key("x-amz-request-payer") {
        return Box::new(|| (refusal(403, "AccessDenied"), 0));
    }
    if operation == "ListObjectsV2" {
        return list(request, state, fault);
    }
    if operation == "GetBucketLifecycleConfiguration" {
        let rules = state.stores.lifecycle.clone();
        return Box::new(move || match rules {
            None => (refusal(404, "NoSuchLifecycleConfiguration"), 0),
            Some(rules) => {
                let body = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
                (reply(200, "application/xml", body.into()), 1)
            }
        });
    }
    let writes: Option<fn(&Request, &mut State) -> Reply> = match operation {
        "PutObject" => Some(put),
        "DeleteObject" => Some(remove),
        _ => None,
    };
    if let Some(writes) = writes {
        let made = writes(request, state);
        return match (fault, made.status) {
            (Fault::DoneBut(status, code), 200 | 204) => {
                Box::new(move || (refusal(status, code), 0))
            }
            (_, _) => Box::new(move || (made, 1)),
        };
    }
    let Some(object) = state.stores.objects.get(key(request)) else {
        return Box::new(|| (refusal(404, "NoSuchKey"), 0));
    };
    let etag = format!("\"{}\"", object.etag);
    if request.headers.get("if-match").is_some_and(|v| *v != etag) {
        return Box::new(|| (refusal(412, "PreconditionFailed"), 0));
    }
    let bytes = Arc::clone(&object.bytes);
    let last = request.headers.get("range").map(|range| {
        let last = range.strip_prefix("bytes=0-").unwrap();
        last.parse::<usize>().unwrap()
    });
    let modified = object.modified.strftime("%a, %d %b %Y %H:%M:%S GMT");
    let modified = ("Last-Modified".into(), modified.to_string());
    let mut headers = vec![("ETag".into(), etag), modified];
    if let Some(key) = &state.stores.kms_key {
        headers.push(("x-amz-server-side-encryption".into(), "aws:kms".to_owned()));
        headers.push((
            "x-amz-server-side-encryption-aws-kms-key-id".into(),
            key.clone(),
        ));
    }
    Box::new(move || {
        let (status, body) = match last {
            Some(last) if last + 1 < bytes.len() => (206, Body::Own(bytes[..=last].to_vec())),
            Some(_) => (206, Body::Shared(bytes)),
            None => (200, Body::Shared(bytes)),
        };
        let reply = Reply {
            status,
            headers,
            body,
            wire: Wire::Whole,
        };
        (reply, 1)
    })
}

/// Writes, if the condition holds; done before the answer is on its way.
fn put(request: &Request, state: &mut State) -> Reply {
    let key = key(request);
    let there = state.stores.objects.get(key);
    let etag = there.map(|object| format!("\"{}\"", object.etag));
    let header = |name: &str| {
        request
            .headers
            .get(name)
            .filter(|_| !state.stores.unconditional)
    };
    match (header("if-none-match"), header("if-match"), &etag) {
        (Some(_), _, Some(_)) => return refusal(412, "PreconditionFailed"),
        (_, Some(_), None) => return refusal(404, "NoSuchKey"),
        (_, Some(wanted), Some(etag)) if wanted != etag => {
            return refusal(412, "PreconditionFailed");
        }
        _ => {}
    }
    state.stores.put(key, request.body.clone());
    let etag = format!("\"{}\"", state.stores.objects[key].etag);
    let mut reply = reply(200, "application/xml", Vec::new());
    reply.headers.push(("ETag".into(), etag));
    reply
}

/// Removes, if the condition holds.
fn remove(request: &Request, state: &mut State) -> Reply {
    let key = key(request);
    let there = state.stores.objects.get(key);
    let etag = there.map(|object| format!("\"{}\"", object.etag));
    let wanted = request.headers.get("if-match");
    if wanted.is_some() && etag.is_some() && wanted != etag.as_ref() {
        return refusal(412, "PreconditionFailed");
    }
    state.stores.objects.remove(key);
    reply(204, "application/xml", Vec::new())
}

fn list(request: &Request, state: &State, fault: Fault) -> Making {
    let asked = |name: &str| request.query.get(name).map_or("", String::as_str);
    let (prefix, delimiter) = (asked("prefix"), asked("delimiter"));
    let after = asked("continuation-token").max(asked("start-after"));
    let encoded = asked("encoding-type") == "url";
    let page = state.speed.page.unwrap_or(PAGE_KEYS);
    let page = page.min(asked("max-keys").parse().unwrap_or(PAGE_KEYS));
    let (mut elements, mut items, mut last, mut more) = (Vec::new(), 0, String::new(), false);
    for (key, object) in &state.stores.objects {
        if !key.starts_with(prefix) || key.as_str() <= after {
            continue;
        }
        let folder = match key[prefix.len()..].find(delimiter) {
            Some(at) if !delimiter.is_empty() => Some(&key[..prefix.len() + at + 1]),
            _ => None,
        };
        if folder.is_some_and(|folder| folder == last || folder == after) {
            continue;
        }
        if items == page || fault == Fault::EmptyPage {
            more = true;
            break;
        }
        items += 1;
        last = folder.unwrap_or(key).to_owned();
        let shown = |name: &str| {
            if encoded {
                encode(name)
            } else {
                name.to_owned()
            }
        };
        elements.push(match folder {
            Some(folder) => {
                let folder = shown(folder);
                format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>")
            }
            None => format!(
                "<Contents><Key>{}</Key><ETag>&quot;{}&quot;</ETag><Size>{}</Size>\
                 <LastModified>{}</LastModified><StorageClass>STANDARD</StorageClass></Contents>",
                shown(key),
                object.etag,
                object.bytes.len(),
                object.modified
            ),
        });
    }
    // A token is the last name before the page; what sorts before all that names have makes others of the same meaning.
    if fault == Fault::SameToken {
        last = asked("continuation-token").to_owned();
    } else if matches!(fault, Fault::EmptyPage | Fault::FirstAgain) {
        last = format!("{after}!");
    }
    let token = match more {
        true => format!("<NextContinuationToken>{last}</NextContinuationToken>"),
        false => String::new(),
    };
    if fault == Fault::Swapped {
        elements.reverse();
    } else if fault == Fault::Twice {
        let twice = elements.iter().flat_map(|it| [it.clone(), it.clone()]);
        elements = twice.collect();
    }
    let encoding = match encoded {
        true => "<EncodingType>url</EncodingType>",
        false => "",
    };
    let body = elements.concat();
    let body = format!(
        "<ListBucketResult><Name>{BUCKET}</Name><KeyCount>{items}</KeyCount><IsTruncated>{more}</IsTruncated>\
         {encoding}{token}{body}</ListBucketResult>"
    );
    Box::new(move || (reply(200, "application/xml", body.into()), items))
}

/// Encodes a name as S3 does: a space is a plus, slashes stay.
fn encode(name: &str) -> String {
    const KEPT: AsciiSet = NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'*')
        .remove(b' ');
    utf8_percent_encode(name, &KEPT)
        .to_string()
        .replace(' ', "+")
}
