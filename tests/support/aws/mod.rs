//! S3, CloudWatch Logs and a call of EC2 and STS each as far as flowdiff reads them, on a loopback port of this process: with AWS's rules for
//! pages and tokens, a quota, latency, and faults on demand. moto has none of these.

mod bucket;
mod ec2;
mod filter;
pub(crate) mod http;
mod logs;
pub(crate) mod operation;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use http::{Body, Reply, Request, Wire};

pub(crate) use logs::{INGESTION, Stream};

/// The one bucket.
pub(crate) const BUCKET: &str = "flow-logs";
/// The one log group.
pub(crate) const GROUP: &str = "/flow/logs";

/// A service on a loopback port.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

/// What the stores hold.
#[derive(Default)]
pub(crate) struct Stores {
    pub(crate) objects: BTreeMap<String, Object>,
    pub(crate) streams: BTreeMap<String, Arc<dyn Stream>>,
    /// Events (of a stream, in a range of timestamps) that one call does not show, without a word.
    pub(crate) hidden: Vec<Hidden>,
    /// What the listing of streams tells of each besides its name.
    pub(crate) listed: BTreeMap<String, serde_json::Value>,
    /// By how many seconds the services' clock is ahead of this machine's.
    pub(crate) clock: i64,
    /// The key that objects are encrypted with.
    pub(crate) kms_key: Option<String>,
    /// The bucket's lifecycle rules, as XML.
    pub(crate) lifecycle: Option<String>,
    /// What DescribeLogGroups tells of the group besides its name.
    pub(crate) settings: BTreeMap<&'static str, serde_json::Value>,
    /// Whether objects are written whatever the condition, as some servers do that are like S3.
    pub(crate) unconditional: bool,
    /// Whether whoever reads the bucket has to say that they pay.
    pub(crate) requester_pays: bool,
    /// What a data protection policy of the group masks: this text, unless it is asked for with `unmask`.
    pub(crate) masked: Option<&'static str>,
    /// The region that the group is in; any if there is none.
    pub(crate) region: Option<&'static str>,
    /// `item`s of DescribeFlowLogs, in XML.
    pub(crate) flow_logs: Vec<String>,
}

/// What one of the two calls that read events leaves out.
#[derive(Clone, Debug)]
pub(crate) struct Hidden {
    pub(crate) operation: &'static str,
    pub(crate) stream: String,
    pub(crate) range: std::ops::Range<i64>,
}

/// An object; another version is another ETag.
pub(crate) struct Object {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) etag: String,
    /// When it was put there, by the services' clock.
    pub(crate) modified: Timestamp,
}

impl Stores {
    /// The services' clock.
    fn now(&self) -> Timestamp {
        Timestamp::from_second(Timestamp::now().as_second() + self.clock).unwrap()
    }

    /// Puts an object in the place of any older one.
    pub(crate) fn put(&mut self, key: &str, bytes: Vec<u8>) {
        let older = self.objects.get(key).map_or("", |object| &object.etag);
        // As long as one of AWS's at most, and another one each time.
        let number = older
            .split_once('v')
            .map_or(0, |(number, _)| number.parse().unwrap_or(0));
        let object = Object {
            etag: format!("{}v{}", number + 1, bytes.len()),
            modified: self.now(),
            bytes: bytes.into(),
        };
        self.objects.insert(key.to_owned(), object);
    }
}

/// How fast the server is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Speed {
    /// Before the first byte of each answer.
    pub(crate) latency: Duration,
    /// Calls of each operation of CloudWatch Logs in any second; more are throttled.
    pub(crate) quota: Option<Quotas>,
    /// The keys or events of a page, if fewer than the service's own limit.
    pub(crate) page: Option<usize>,
}

/// How many calls of each operation a region takes in a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quotas {
    pub(crate) get: usize,
    pub(crate) filter: usize,
    pub(crate) streams: usize,
}

impl Quotas {
    /// What most regions take.
    pub(crate) const MOST: Self = Self {
        get: 25,
        filter: 10,
        streams: 25,
    };

    fn of(self, operation: &str) -> usize {
        match operation {
            "GetLogEvents" => self.get,
            "FilterLogEvents" => self.filter,
            "DescribeLogStreams" => self.streams,
            _ => 10,
        }
    }
}

/// A call that came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// `GetLogEvents`, `ListObjectsV2`, ...
    pub(crate) operation: &'a str,
    /// The stream, the key, the prefix.
    pub(crate) name: &'a str,
    /// The how manieth of this operation on this name, from 1.
    pub(crate) nth: usize,
    /// Whether it goes on with a page's token.
    pub(crate) continued: bool,
}

/// What is done to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// An error of the service: status, code.
    Refused(u16, &'static str),
    /// The same of a write that was done all the same.
    DoneBut(u16, &'static str),
    /// The answer suffers on its way.
    Wire(Wire),
    /// A page that is empty although there is more.
    EmptyPage,
    /// A page with the token that was sent although there is more.
    SameToken,
    /// The first page of a listing once more, with a token that never came.
    FirstAgain,
    /// The same without any events, unless the newest are asked for.
    Ended,
    /// A page of events with the token of the second one.
    Circle,
    /// Pages of events in another order: each two change places (not of the newest). Keys of a page the other way round.
    Swapped,
    /// A page with each key twice.
    Twice,
    /// A page that begins with events of the one before (of FilterLogEvents).
    Repeats,
    /// A page that is cut short although there is more.
    Short,
    /// A page that is followed by one that begins with the events of its last timestamp (of GetLogEvents).
    Overlaps,
}

/// Decides on each call; may change the stores before it is answered.
pub(crate) type Meddler = Box<dyn FnMut(&Call<'_>, &mut Stores) -> Fault + Send>;

/// A call that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) operation: String,
    pub(crate) at: Instant,
    pub(crate) throttled: bool,
    /// Events or objects in the answer.
    pub(crate) items: usize,
}

struct State {
    stores: Stores,
    speed: Speed,
    meddler: Meddler,
    counts: BTreeMap<(String, String), usize>,
    answered: Vec<Answered>,
    /// When the last calls of each operation were let through.
    passed: BTreeMap<String, VecDeque<Instant>>,
}

impl Server {
    /// Starts a server; it stays until the process ends.
    pub(crate) fn start(stores: Stores, speed: Speed, meddler: Meddler) -> Self {
        let state = Arc::new(Mutex::new(State {
            stores,
            speed,
            meddler,
            counts: BTreeMap::new(),
            answered: Vec::new(),
            passed: BTreeMap::new(),
        }));
        let shared = Arc::clone(&state);
        let endpoint = http::serve(move |request| answer(request, &shared));
        Self { endpoint, state }
    }

    /// Returns the objects below a prefix, by the rest of their keys.
    pub(crate) fn objects(&self, prefix: &str) -> BTreeMap<String, Arc<[u8]>> {
        let state = lock(&self.state);
        let below = state.stores.objects.iter().filter_map(|(key, object)| {
            let name = key.strip_prefix(prefix)?;
            Some((name.to_owned(), Arc::clone(&object.bytes)))
        });
        below.collect()
    }

    /// Returns the calls so far, and forgets them.
    pub(crate) fn take_answered(&self) -> Vec<Answered> {
        std::mem::take(&mut lock(&self.state).answered)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a service makes of a call once it is let through, with the number of items in it; made without the lock.
type Making = Box<dyn FnOnce() -> (Reply, usize)>;

fn answer(request: &Request, state: &Mutex<State>) -> Reply {
    let logs = operation::of_logs(request);
    let query = ec2::action(request);
    let (operation, name) = operation::of(request);
    operation::insist_on_reading(request, &operation);
    // What answers this method has no body.
    let is_head = request.method == "HEAD";
    let making: Making = {
        let mut state = lock(state);
        let at = Instant::now();
        let throttled = logs.is_some() && state.is_over_quota(&operation, at);
        let fault = if throttled {
            Fault::Refused(400, "ThrottlingException")
        } else {
            state.meddle(&operation, &name, logs::is_continued(request))
        };
        let making = match (fault, logs) {
            (Fault::Refused(status, code), _) => refused(refusal(request, status, code)),
            (_, Some(_)) => logs::make(request, &operation, &state, fault),
            (_, None) if query.is_some() => ec2::make(request, &operation, &state),
            (_, None) => bucket::make(request, &operation, &mut state, fault),
        };
        let date = state.stores.now().strftime("%a, %d %b %Y %H:%M:%S GMT");
        let date = ("Date".into(), date.to_string());
        let number = state.answered.len();
        state.answered.push(Answered {
            operation,
            at,
            throttled,
            items: 0,
        });
        let latency = state.speed.latency;
        Box::new(move || {
            thread::sleep(latency);
            let (mut reply, items) = making();
            reply.headers.push(date);
            if is_head {
                reply.body = Body::Own(Vec::new());
            }
            if let Fault::Wire(wire) = fault {
                reply.wire = wire;
            }
            (reply, (number << 32) | items)
        })
    };
    let (reply, noted) = making();
    if let Some(call) = lock(state).answered.get_mut(noted >> 32) {
        call.items = noted & 0xffff_ffff;
    }
    reply
}

/// An error as the service that was called says it.
pub(crate) fn refusal(request: &Request, status: u16, code: &str) -> Reply {
    if operation::of_logs(request).is_some() {
        logs::refusal(status, code)
    } else if ec2::action(request).is_some() {
        ec2::refusal(status, code)
    } else {
        bucket::refusal(status, code)
    }
}

fn refused(reply: Reply) -> Making {
    Box::new(move || (reply, 0))
}

impl State {
    fn is_over_quota(&mut self, operation: &str, now: Instant) -> bool {
        let Some(quotas) = self.speed.quota else {
            return false;
        };
        let quota = quotas.of(operation);
        let passed = self.passed.entry(operation.to_owned()).or_default();
        while passed
            .front()
            .is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1))
        {
            passed.pop_front();
        }
        if passed.len() >= quota {
            return true;
        }
        passed.push_back(now);
        false
    }

    fn meddle(&mut self, operation: &str, name: &str, continued: bool) -> Fault {
        let count = self
            .counts
            .entry((operation.to_owned(), name.to_owned()))
            .or_default();
        *count += 1;
        let call = Call {
            operation,
            name,
            nth: *count,
            continued,
        };
        (self.meddler)(&call, &mut self.stores)
    }
}

/// A reply that arrives whole.
fn reply(status: u16, kind: &str, body: Vec<u8>) -> Reply {
    Reply {
        status,
        headers: vec![("Content-Type".into(), kind.to_owned())],
        body: Body::Own(body),
        wire: Wire::Whole,
    }
}
