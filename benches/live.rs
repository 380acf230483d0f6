//! How fast flowdiff reads live, against a server of ours on loopback with AWS's limits and 30 ms latency.
//!
//! `cargo bench --bench live` measures all; `-- groups`, `-- cwl` or `-- s3` one of them, with `FLOWDIFF_BENCH_STREAMS=200` of the
//! groups those of so many streams alone.
//!
//! - `groups`: log groups of many shapes, with the quotas of most regions: 25 calls a second of `GetLogEvents` and
//!   `DescribeLogStreams`, 10 of `FilterLogEvents`. Beside it, in the same run and against the same quotas, a reader that
//!   lists the streams and then pages through the whole group with `FilterLogEvents`, and does nothing with what comes;
//!   both of its times are printed. The ratio is to their sum: without a listing nobody knows which streams should have had
//!   events. The S3 side is a file with the same records.
//! - `cwl`: 25 calls a second, pages of 1 MB or 10,000 events, 40 streams of which one holds half of the data.
//!   The S3 side is a folder with the same records, so that there is one pass. Printed are the calls a second
//!   between the first and the last `GetLogEvents`, as a share of the quota, the share of calls throttled, and
//!   the share of calls that brought events.
//! - `s3`: few large objects and many small ones as both sides, with `--concurrency` 1 to 64. Printed are objects and
//!   records a second and how busy the processors were with flowdiff alone: where more calls in flight bring no
//!   more, these are the limit.

#![allow(clippy::unwrap_used, reason = "a failed unwrap ends the benchmark")]

#[allow(dead_code, unused_imports, reason = "what only the tests need")]
#[path = "../tests/support/aws/mod.rs"]
mod aws;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_cloudwatchlogs::Client;

use aws::{Answered, BUCKET, Fault, GROUP, Quotas, Server, Speed, Stores, Stream};
use flate2::Compression;
use flate2::write::GzEncoder;

const LATENCY: Duration = Duration::from_millis(30);
const QUOTA: usize = 25;

/// One that has the quotas of most.
const REGION: &str = "us-east-2";

const STREAMS: usize = 40;
/// Events of the one busy stream; the others share as many.
const BUSY: usize = 2_400_000;

const BEGIN: i64 = 1_700_000_100;
const SECONDS: i64 = 3600;

const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start \
                      end action log-status\n";

/// Events of one interface, evenly over the hour. All have the same length, so that to write one is to copy a
/// pattern and to fill in digits: the server must not take the processors from what is measured.
struct Even {
    events: usize,
    /// The second of its first event.
    begin: i64,
    pattern: Vec<u8>,
    /// Where the pattern has the message, and in it bytes, start and end.
    message: std::ops::Range<usize>,
    bytes: usize,
    start: usize,
    end: usize,
}

impl Even {
    fn new(interface: usize, events: usize) -> Self {
        let line = format!(
            "2 123456789012 {} 10.0.1.10 10.0.1.11 49152 443 6 10 1000000 1700000000 1700000000 ACCEPT OK",
            name(interface)
        );
        let before = r#"{"timestamp":1700000000000,"message":""#;
        let after = r#"","ingestionTime":1700000000000}"#;
        let at = |text: &str| before.len() + line.find(text).unwrap();
        Self {
            events,
            begin: BEGIN,
            pattern: format!("{before}{line}{after}").into_bytes(),
            message: before.len()..before.len() + line.len(),
            bytes: at("1000000"),
            start: at("1700000000"),
            end: at("1700000000") + 11,
        }
    }

    fn second(&self, event: usize) -> i64 {
        self.begin + i64::try_from(event).unwrap() * SECONDS / i64::try_from(self.events).unwrap()
    }

    fn line(&self, event: usize, out: &mut Vec<u8>) {
        let mut entry = Vec::with_capacity(self.pattern.len());
        self.write(event, &mut entry);
        out.extend_from_slice(&entry[self.message.clone()]);
        out.push(b'\n');
    }
}

impl Stream for Even {
    fn len(&self) -> usize {
        self.events
    }

    fn timestamp(&self, event: usize) -> i64 {
        self.second(event) * 1000
    }

    fn size(&self, _event: usize) -> usize {
        self.message.len()
    }

    fn write(&self, event: usize, json: &mut Vec<u8>) {
        let from = json.len();
        json.extend_from_slice(&self.pattern);
        let entry = &mut json[from..];
        let second = self.second(event);
        digits(&mut entry[self.start..][..10], second);
        digits(&mut entry[self.end..][..10], second + 59);
        digits(&mut entry[13..][..10], second);
        let bytes = 1_000_000 + i64::try_from(event).unwrap();
        digits(&mut entry[self.bytes..][..7], bytes);
    }
}

fn digits(places: &mut [u8], mut number: i64) {
    for place in places.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap();
        number /= 10;
    }
}

fn name(interface: usize) -> String {
    format!("eni-{interface:017x}")
}

fn main() {
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let wanted = |what: &str| only.is_empty() || only.iter().any(|arg| arg == what);
    if wanted("groups") {
        groups();
    }
    if wanted("cwl") {
        log_group();
    }
    if wanted("s3") {
        bucket();
    }
}

/// A run of flowdiff: wall and processor seconds. It must find the sides consistent.
fn run(sources: [&str; 2], endpoint: &str, more: &[&str]) -> (f64, f64) {
    let binary = env!("CARGO_BIN_EXE_flowdiff");
    let mut command = Command::new("/usr/bin/env");
    command.arg("bash").arg("-c");
    command.arg("time -p \"$@\"").arg("bash").arg(binary);
    command.arg("check").args(sources).args(more);
    command.args(["--quiet", "--since", &BEGIN.to_string(), "--until"]);
    command.arg((BEGIN + SECONDS).to_string());
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", endpoint);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    let seconds = |name: &str| {
        let line = told.lines().rev().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse::<f64>().unwrap()
    };
    (seconds("real"), seconds("user") + seconds("sys"))
}

/// (Streams, events of each, the most time that reading may take as a share of the other reader's.)
const SHAPES: [(usize, usize, f64); 5] = [
    (1_000, 60, 1.3),
    (200, 2_000, 0.7),
    (4, 100_000, 0.5),
    (10_000, 6, 1.5),
    (40, 50_000, f64::INFINITY),
];

fn groups() {
    println!(
        "groups: quotas of 25 GetLogEvents, 10 FilterLogEvents, 25 DescribeLogStreams a second; 30 ms"
    );
    println!(
        "{:>16} {:>9} {:>6} {:>6} {:>6} {:>9} {:>10} {:>9} {:>9} {:>6} {:>7} {:>7}",
        "streams x events",
        "flowdiff",
        "list",
        "filter",
        "get",
        "throttled",
        "of quotas",
        "listing",
        "filtering",
        "calls",
        "ratio",
        "target"
    );
    let only = std::env::var("FLOWDIFF_BENCH_STREAMS").ok();
    let only: Option<usize> = only.map(|it| it.parse().unwrap());
    for (streams, events, target) in SHAPES {
        if only.is_none_or(|it| it == streams) {
            group(streams, events, target);
        }
    }
}

fn group(count: usize, events: usize, target: f64) {
    let apart = SECONDS / i64::try_from(events).unwrap();
    let streams: Vec<(String, Arc<Even>)> = (0..count)
        .map(|n| {
            let mut even = Even::new(n, events);
            // Not all at the same second.
            even.begin += (i64::try_from(n).unwrap() * 7919) % apart.max(1);
            (format!("{}-all", name(n)), Arc::new(even))
        })
        .collect();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-groups");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let file = fs::File::create(folder.join("all.log.gz")).unwrap();
    let mut gzip = GzEncoder::new(file, Compression::fast());
    let mut text = HEADER.as_bytes().to_vec();
    for (_, stream) in &streams {
        (0..events).for_each(|event| stream.line(event, &mut text));
        gzip.write_all(&text).unwrap();
        text.clear();
    }
    gzip.finish().unwrap();
    let mut stores = Stores::default();
    for (name, stream) in streams {
        stores.streams.insert(name, stream);
    }
    let speed = Speed {
        latency: LATENCY,
        quota: Some(Quotas::MOST),
        page: None,
    };
    let server = Server::start(stores, speed, Box::new(|_, _| Fault::None));
    let sources = [folder.to_str().unwrap(), &format!("cwl://{GROUP}")];
    let (seconds, _) = run(sources, &server.endpoint, &[]);
    let answered = server.take_answered();
    let calls = |operation: &str| {
        let of = answered.iter().filter(|it| it.operation == operation);
        of.count()
    };
    let reading =
        |it: &&Answered| ["FilterLogEvents", "GetLogEvents"].contains(&it.operation.as_str());
    let reads: Vec<&Answered> = answered.iter().filter(reading).collect();
    let (first, last) = (reads.first().unwrap().at, reads.last().unwrap().at);
    let used = (reads.len() - 1) as f64 / last.duration_since(first).as_secs_f64();
    let quotas = (Quotas::MOST.get + Quotas::MOST.filter) as f64;
    let throttled = answered.iter().filter(|it| it.throttled).count();
    // As few events as are there.
    let begun = Instant::now();
    let found = peer(&server.endpoint, list_all);
    let listing = begun.elapsed().as_secs_f64();
    assert_eq!(found, count);
    let begun = Instant::now();
    let found = peer(&server.endpoint, filter_all);
    let filtering = begun.elapsed().as_secs_f64();
    assert_eq!(found, count * events);
    let peer_calls = server.take_answered().len();
    let target = match target.is_finite() {
        true => format!("{target:.1}"),
        false => "-".to_owned(),
    };
    println!(
        "{:>16} {seconds:>8.1}s {:>6} {:>6} {:>6} {throttled:>9} {:>9.0}% {listing:>8.1}s {filtering:>8.1}s {peer_calls:>6} {:>7.2} {target:>7}",
        format!("{count} x {events}"),
        calls("DescribeLogStreams"),
        calls("FilterLogEvents"),
        calls("GetLogEvents"),
        100.0 * used / quotas,
        seconds / (listing + filtering),
    );
}

/// Has a reader without a plan do something; returns how much it found.
fn peer(endpoint: &str, what: impl AsyncFnOnce(Client) -> usize) -> usize {
    use aws_sdk_cloudwatchlogs::config::{BehaviorVersion, Builder, Credentials, Region};
    // It may call too often for a moment, and then waits as the SDK has it.
    let retries = aws_sdk_cloudwatchlogs::config::retry::RetryConfig::standard()
        .with_max_attempts(30)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500));

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("test", "test", None, None, "bench"))
        .endpoint_url(endpoint)
        .retry_config(retries)
        .build();
    runtime.block_on(what(Client::from_conf(config)))
}

/// Pages through the streams; returns how many there are.
async fn list_all(client: Client) -> usize {
    let (mut streams, mut token) = (0, None);
    loop {
        let call = client.describe_log_streams().log_group_name(GROUP);
        let page = call.set_next_token(token).send().await.unwrap();
        streams += page.log_streams().len();
        token = page.next_token;
        if token.is_none() {
            return streams;
        }
    }
}

/// Pages through the events of the whole group; returns how many there are.
async fn filter_all(client: Client) -> usize {
    let (mut events, mut token) = (0, None);
    loop {
        let call = client.filter_log_events().log_group_name(GROUP);
        let call = call
            .start_time(BEGIN * 1000)
            .end_time((BEGIN + SECONDS) * 1000 - 1);
        let page = call.set_next_token(token).send().await.unwrap();
        events += page.events().len();
        token = page.next_token;
        if token.is_none() {
            return events;
        }
    }
}

fn log_group() {
    let others = BUSY / (STREAMS - 1);
    let streams: Vec<(String, Arc<Even>)> = (0..STREAMS)
        .map(|n| {
            // In the middle of the names.
            let events = if n == STREAMS / 2 { BUSY } else { others };
            (format!("{}-all", name(n)), Arc::new(Even::new(n, events)))
        })
        .collect();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench-live");
    write_folder(&folder, &streams);
    let mut stores = Stores::default();
    for (name, stream) in streams {
        stores.streams.insert(name, stream);
    }
    let speed = Speed {
        latency: LATENCY,
        quota: Some(Quotas {
            get: QUOTA,
            ..Quotas::MOST
        }),
        page: None,
    };
    let server = Server::start(stores, speed, Box::new(|_, _| Fault::None));
    println!(
        "cwl: a quota of {QUOTA} calls/s, {STREAMS} streams, one with half of {} events",
        2 * BUSY
    );
    println!(
        "{:>10} {:>7} {:>8} {:>9} {:>9} {:>8} {:>8} {:>8}",
        "--cwl-rate", "calls", "calls/s", "of quota", "throttled", "settled", "useful", "cpu s"
    );
    for rate in ["10", "25", "50"] {
        let sources = [folder.to_str().unwrap(), &format!("cwl://{GROUP}")];
        let (_, cpu) = run(
            sources,
            &server.endpoint,
            &["--cwl-rate", rate, "--cwl-read", "by-stream"],
        );
        print_calls(rate, &server.take_answered(), cpu);
    }
}

fn print_calls(rate: &str, answered: &[Answered], cpu: f64) {
    let calls = answered.iter().filter(|it| it.operation == "GetLogEvents");
    let calls: Vec<&Answered> = calls.collect();
    let first = calls.first().unwrap().at;
    let since = |it: &Answered| it.at.duration_since(first).as_secs_f64();
    let seconds = since(calls.last().unwrap());
    let throttled = |from: f64| {
        let of: Vec<_> = calls.iter().filter(|it| since(it) >= from).collect();
        let throttled = of.iter().filter(|it| it.throttled).count();
        100.0 * throttled as f64 / of.len() as f64
    };
    let passed = calls.iter().filter(|it| !it.throttled).count();
    let useful = calls.iter().filter(|it| it.items > 0).count();
    // The first call begins the time and is no part of it.
    let per_second = (passed - 1) as f64 / seconds;
    println!(
        "{rate:>10} {:>7} {per_second:>8.2} {:>8.1}% {:>8.2}% {:>7.2}% {:>7.1}% {cpu:>8.1}",
        calls.len(),
        100.0 * per_second / QUOTA as f64,
        throttled(0.0),
        throttled(5.0),
        100.0 * useful as f64 / calls.len() as f64,
    );
    if std::env::var_os("FLOWDIFF_BENCH_SECONDS").is_some() {
        print_seconds(&calls, first);
    }
}

/// The calls of each second, to see when the quota was not used.
fn print_seconds(calls: &[&Answered], first: Instant) {
    let mut seconds: Vec<usize> = Vec::new();
    for call in calls {
        let second = usize::try_from(call.at.duration_since(first).as_secs()).unwrap();
        seconds.resize(seconds.len().max(second + 1), 0);
        seconds[second] += 1;
    }
    println!("    {seconds:?}");
}

/// Writes the records as objects would hold them. Once: they are always the same.
fn write_folder(folder: &std::path::Path, streams: &[(String, Arc<Even>)]) {
    let done = folder.join(format!(".{BUSY}-{STREAMS}"));
    if done.exists() {
        return;
    }
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for (name, stream) in streams {
        let file = fs::File::create(folder.join(format!("{name}.log.gz"))).unwrap();
        let mut gzip = GzEncoder::new(file, Compression::fast());
        let mut text = HEADER.as_bytes().to_vec();
        for event in 0..stream.events {
            stream.line(event, &mut text);
            if text.len() > 1 << 20 {
                gzip.write_all(&text).unwrap();
                text.clear();
            }
        }
        gzip.write_all(&text).unwrap();
        gzip.finish().unwrap();
    }
    fs::write(done, "").unwrap();
}

fn bucket() {
    for (objects, records) in [(160, 60_000), (4_000, 500)] {
        read_objects(objects, records);
    }
}

fn read_objects(objects: usize, records: usize) {
    let mut stores = Stores::default();
    let mut total = 0;
    for n in 0..objects {
        let events = Even::new(n, records);
        let mut text = HEADER.as_bytes().to_vec();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        (0..records).for_each(|event| events.line(event, &mut text));
        gzip.write_all(&text).unwrap();
        let bytes = gzip.finish().unwrap();
        total += bytes.len();
        stores.put(&format!("exported/{}.gz", name(n)), bytes);
    }
    let speed = Speed {
        latency: LATENCY,
        quota: None,
        page: None,
    };
    let server = Server::start(stores, speed, Box::new(|_, _| Fault::None));
    let cores = std::thread::available_parallelism().unwrap().get();
    println!(
        "s3: {objects} objects of {records} records ({} KB) as both sides, {cores} processors",
        total / objects / 1000
    );
    println!(
        "{:>13} {:>8} {:>10} {:>10} {:>8} {:>8}",
        "--concurrency", "seconds", "objects/s", "records/s", "cpu s", "busy"
    );
    let source = format!("s3://{BUCKET}/exported/");
    for concurrency in ["1", "4", "16", "32", "64"] {
        let more = ["--concurrency", concurrency];
        let (wall, cpu) = run([&source, &source], &server.endpoint, &more);
        println!(
            "{concurrency:>13} {wall:>8.2} {:>10.0} {:>10.0} {cpu:>8.2} {:>7.0}%",
            2.0 * objects as f64 / wall,
            2.0 * (objects * records) as f64 / wall,
            100.0 * cpu / wall / cores as f64
        );
    }
}
