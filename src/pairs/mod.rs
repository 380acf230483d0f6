//! Pairs: two flow logs of one resource, one to each destination; found by asking EC2, kept as JSON lines, and read again.
//!
//! A line has all that a check of the pair needs, so that a job asks EC2 once and not in each run.

mod file;
mod found;
mod text;

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::window::rfc3339;
use crate::model::{Side, Sides};
use crate::source::flow_logs::{Destination, FlowLog};

pub use file::read;
pub use found::{Found, join};
pub use text::text;

/// A line of a pairs file. Only `name` and the two addresses are needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The name, which is fit to be a folder's: the resource's id, with the flow logs' where it has several pairs.
    pub name: String,
    /// What goes to the bucket.
    pub s3: PairSide,
    /// What goes to the log group.
    pub cwl: PairSide,
    /// What the two do not share and what is wrong with either, when they were found; a check finds that out by itself.
    #[serde(default)]
    pub unlike: Vec<Unlike>,
}

/// One side of a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairSide {
    /// The address, as a check takes it.
    pub address: String,
    /// The account.
    #[serde(default)]
    pub account: Option<String>,
    /// The region.
    #[serde(default)]
    pub region: Option<String>,
    /// The profile that it was found with.
    #[serde(default)]
    pub profile: Option<String>,
    /// A role to assume; nothing that is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The external id for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The format of its records, in AWS's syntax.
    #[serde(default)]
    pub format: Option<String>,
    /// The flow log, which never changes once it is made.
    #[serde(default)]
    pub flow_log: Option<Settings>,
}

/// How a flow log is set up, as far as that never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `fl-...`.
    pub id: String,
    /// What it watches.
    pub resource: String,
    /// `ACCEPT`, `REJECT` or `ALL`; empty for what has none.
    pub traffic_type: String,
    /// The longest aggregation interval, in seconds.
    pub aggregation_seconds: Option<u32>,
    /// `plain-text` or `parquet`; empty where there are no files.
    pub file_format: String,
    /// Whether folders are named `name=value`.
    pub hive: bool,
    /// Whether there is a folder for each hour.
    pub per_hour: bool,
    /// When it was made.
    pub created: Option<String>,
}

/// What two flow logs do not share, or what is wrong with one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlike {
    /// What is set: `traffic-type`, `aggregation-interval`, `format`, `created`, `status`, `delivery`.
    pub setting: String,
    /// Whose it is, if it is one side's alone.
    #[serde(default)]
    pub side: Option<Side>,
    /// What it is on the S3 side.
    #[serde(default)]
    pub s3: Option<String>,
    /// What it is on the CloudWatch side.
    #[serde(default)]
    pub cwl: Option<String>,
    /// What follows from it.
    pub reason: String,
}

impl Pair {
    /// Returns one of its sides.
    pub fn side(&self, side: Side) -> &PairSide {
        match side {
            Side::S3 => &self.s3,
            Side::Cwl => &self.cwl,
        }
    }

    /// Returns both flow logs, if the line tells of both.
    pub fn flow_logs(&self) -> Option<Arc<Sides<FlowLog>>> {
        let (s3, cwl) = (self.s3.flow_log()?, self.cwl.flow_log()?);
        Some(Arc::new(Sides { s3, cwl }))
    }
}

impl PairSide {
    fn flow_log(&self) -> Option<FlowLog> {
        let settings = self.flow_log.clone()?;
        let created = settings.created.and_then(|text| text.parse().ok());
        Some(FlowLog {
            id: settings.id,
            region: self.region.clone().unwrap_or_default(),
            account: self.account.clone(),
            resource: settings.resource,
            // The address is what is read; this is for people.
            destination: Destination::Other(self.address.clone()),
            traffic_type: settings.traffic_type,
            interval: settings.aggregation_seconds,
            format: self.format.clone().unwrap_or_default(),
            hive: settings.hive,
            per_hour: settings.per_hour,
            file_format: settings.file_format,
            created: created.map(Timestamp::as_second),
            status: String::new(),
            delivery: String::new(),
            delivery_error: String::new(),
        })
    }
}

impl From<&FlowLog> for Settings {
    fn from(log: &FlowLog) -> Self {
        Self {
            id: log.id.clone(),
            resource: log.resource.clone(),
            traffic_type: log.traffic_type.clone(),
            aggregation_seconds: log.interval,
            file_format: log.file_format.clone(),
            hive: log.hive,
            per_hour: log.per_hour,
            created: log.created.map(rfc3339),
        }
    }
}
