//! moto's server: a bucket, a log group, a CloudFormation, all in one process on a loopback port.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::aws::Fault;
use super::proxy;
use super::python::{Environment, script};

/// The Python that has moto and what reads the reports that flowdiff writes for others.
const ENVIRONMENT: Environment = Environment {
    name: "moto-venv",
    packages: &[
        "moto[server,s3,logs,ec2,cloudformation]==5.2.5",
        "jsonschema==4.26.0",
        "junitparser==5.0.3",
        "nagiosplugin==1.4.0",
        "prometheus_client==0.26.0",
    ],
    // AWS's own library of that time brings the published schema of the embedded metric format as a file, and nothing
    // else of it is used.
    alone: &["aws-lambda-powertools==1.10.2"],
};

/// What PutLogEvents takes at once (CloudWatch Logs API reference): events, and bytes with this
/// many counted extra for each event.
const BATCH_EVENTS: usize = 10_000;
const BATCH_BYTES: usize = 1_048_576;
const EVENT_OVERHEAD: usize = 26;

static MOTO: LazyLock<Moto> = LazyLock::new(|| Moto::start("serve.py", &[]));

/// Returns the server that all tests of this process share; the first call starts it. Tests keep
/// apart by the names of their buckets and groups.
pub(crate) fn moto() -> &'static Moto {
    &MOTO
}

/// A running server.
pub(crate) struct Moto {
    endpoint: String,
    reading: String,
    python: PathBuf,
    runtime: Runtime,
    /// Holds the server's standard input, which is never written. When this process ends, however it
    /// ends, the pipe closes and the server ends too.
    _server: Child,
}

/// What a deployed template made.
#[derive(Debug, Deserialize)]
pub(crate) struct Deployed {
    /// The stack's outputs.
    pub(crate) outputs: BTreeMap<String, String>,
    /// DescribeFlowLogs of the stack's two: S3, then CloudWatch Logs.
    pub(crate) flow_logs: Vec<Value>,
}

impl Moto {
    /// Starts a server of its own, with a script of the tests.
    pub(crate) fn start(serve: &str, arguments: &[&str]) -> Self {
        let python = environment();
        let mut server = Command::new(&python)
            .arg(script(serve))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto's server starts");
        let mut endpoint = String::new();
        let answers = server.stdout.take().expect("a pipe");
        BufReader::new(answers)
            .read_line(&mut endpoint)
            .expect("moto's server says where it is");
        assert!(
            endpoint.starts_with("http://"),
            "moto's server did not start; try: {} {}",
            python.display(),
            script(serve).display()
        );
        let endpoint = endpoint.trim_end().to_owned();
        Self {
            reading: proxy::start(&endpoint, Box::new(|_| Fault::None)),
            endpoint,
            python,
            runtime: Runtime::new().expect("a runtime"),
            _server: server,
        }
    }

    /// Returns the address of all services.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the address for flowdiff, which may only read.
    pub(crate) fn reading(&self) -> &str {
        &self.reading
    }

    /// Deploys a template with boto3, as a user would with the AWS CLI.
    pub(crate) fn deploy(&self, stack: &str, region: &str, parameters: &[&str]) -> Deployed {
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/environment.yaml");
        let given = [&[region, stack, template], parameters].concat();
        serde_json::from_slice(&self.script("deploy.py", &given)).expect("deploy.py prints JSON")
    }

    /// Runs a script of the tests that talks to the server, and returns what it prints.
    pub(crate) fn script(&self, name: &str, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new(&self.python)
            .arg(script(name))
            .arg(&self.endpoint)
            .args(arguments)
            .output()
            .expect("python runs");
        assert!(
            output.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// Creates a bucket.
    pub(crate) fn create_bucket(&self, bucket: &str, region: &str) {
        let location = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region))
            .build();
        self.runtime.block_on(async {
            let call = self.s3(region).create_bucket().bucket(bucket);
            let call = match region {
                "us-east-1" => call,
                _ => call.create_bucket_configuration(location),
            };
            call.send().await.unwrap();
        });
    }

    /// Puts objects, some at a time.
    pub(crate) fn put_objects(&self, bucket: &str, objects: Vec<(String, Vec<u8>)>) {
        self.runtime.block_on(async {
            let s3 = self.s3(super::REGION);
            let puts = objects.into_iter().map(|(key, body)| {
                let put = s3.put_object().bucket(bucket).key(key).body(body.into());
                put.send()
            });
            let done = stream::iter(puts).buffer_unordered(16);
            done.try_for_each(|_| async { Ok(()) }).await.unwrap();
        });
    }

    /// Creates a log group.
    pub(crate) fn create_group(&self, group: &str, region: &str) {
        self.runtime.block_on(async {
            let logs = self.logs(region);
            let call = logs.create_log_group().log_group_name(group);
            call.send().await.unwrap();
        });
    }

    /// Creates a stream and puts events, which are (milliseconds, message) in order of time.
    pub(crate) fn put_events(
        &self,
        group: &str,
        region: &str,
        stream: &str,
        events: &[(i64, String)],
    ) {
        self.runtime.block_on(async {
            let logs = self.logs(region);
            let create = logs.create_log_stream().log_group_name(group);
            create.log_stream_name(stream).send().await.unwrap();
            for batch in batches(events) {
                let events = batch.iter().map(|(time, message)| {
                    let event = InputLogEvent::builder().timestamp(*time).message(message);
                    event.build().unwrap()
                });
                let put = logs
                    .put_log_events()
                    .log_group_name(group)
                    .log_stream_name(stream)
                    .set_log_events(Some(events.collect()));
                let answer = put.send().await.unwrap();
                assert!(answer.rejected_log_events_info().is_none(), "{answer:?}");
            }
        });
    }

    fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config(region));
        aws_sdk_s3::Client::from_conf(config.force_path_style(true).build())
    }

    fn logs(&self, region: &str) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.config(region))
    }

    /// Nothing in it comes from the developer's environment.
    fn config(&self, region: &str) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "tests");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(Region::new(region.to_owned()))
            .endpoint_url(&self.endpoint)
            .build()
    }
}

/// Splits into what PutLogEvents takes at once.
fn batches(events: &[(i64, String)]) -> Vec<&[(i64, String)]> {
    let (mut batches, mut first, mut bytes) = (Vec::new(), 0, 0);
    for (index, (_, message)) in events.iter().enumerate() {
        let size = message.len() + EVENT_OVERHEAD;
        if index - first == BATCH_EVENTS || bytes + size > BATCH_BYTES {
            batches.push(&events[first..index]);
            (first, bytes) = (index, 0);
        }
        bytes += size;
    }
    batches.push(&events[first..]);
    batches
}

/// Returns the Python that has moto and the consumers of reports.
pub(crate) fn environment() -> PathBuf {
    ENVIRONMENT.programs().join("python")
}
