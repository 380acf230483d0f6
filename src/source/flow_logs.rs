//! How flow logs are set up, as EC2 tells it: the destination, the format and what else decides what they hold.
//!
//! Source: EC2 API reference "DescribeFlowLogs" and "FlowLog"; VPC User Guide "Flow log files" for the folders.

mod answer;
#[cfg(test)]
pub(crate) mod sample;

use jiff::Timestamp;

use super::SourceOptions;
use super::aws::{self, Failure};
use super::pages::ListingPages;
use super::query::{EC2, Query, STS};
use crate::model::{Error, Side, Sides};

/// What the call takes.
const DESCRIBE: &str = "`ec2:DescribeFlowLogs` on `*`";

/// The flow logs of a page.
const PAGE: &str = "1000";

/// Where a flow log delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A bucket, below a folder (empty, or ending with `/`).
    S3 {
        /// The bucket's name.
        bucket: String,
        /// What comes before `AWSLogs/`.
        prefix: String,
    },
    /// A log group.
    Group {
        /// Its name.
        name: String,
        /// Its ARN, if it is another account's.
        arn: Option<String>,
    },
    /// What cannot be read: the type and the destination, as EC2 tells them.
    Other(String),
}

/// How a flow log is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowLog {
    /// `fl-...`.
    pub id: String,
    /// The region it is in.
    pub region: String,
    /// The account it is in, if that is known.
    pub account: Option<String>,
    /// What it watches: `vpc-...`, `subnet-...`, `eni-...`, ...
    pub resource: String,
    /// Where it delivers.
    pub destination: Destination,
    /// `ACCEPT`, `REJECT` or `ALL`; empty for what has none.
    pub traffic_type: String,
    /// The longest aggregation interval, in seconds.
    pub interval: Option<u32>,
    /// The format of its records, in AWS's syntax.
    pub format: String,
    /// Whether folders are named `name=value`.
    pub hive: bool,
    /// Whether there is a folder for each hour.
    pub per_hour: bool,
    /// `plain-text` or `parquet`; empty where there are no files.
    pub file_format: String,
    /// When it was made, in Unix seconds.
    pub created: Option<i64>,
    /// `ACTIVE`.
    pub status: String,
    /// `SUCCESS` or `FAILED`; empty if nothing has been delivered yet.
    pub delivery: String,
    /// Why delivery fails, in EC2's words; empty if it does not.
    pub delivery_error: String,
}

impl FlowLog {
    /// Returns the side that it delivers to; `None` if that cannot be read.
    pub fn side(&self) -> Option<Side> {
        match self.destination {
            Destination::S3 { .. } => Some(Side::S3),
            Destination::Group { .. } => Some(Side::Cwl),
            Destination::Other(_) => None,
        }
    }

    /// Returns the folder of a bucket that holds this flow log's objects and those of its account and region, ending
    /// with `/`; if the account is not known, that of all accounts.
    pub fn folder(&self, prefix: &str) -> String {
        let region = &self.region;
        match &self.account {
            None => format!("{prefix}AWSLogs/"),
            Some(account) if self.hive => format!(
                "{prefix}AWSLogs/aws-account-id={account}/aws-service=vpcflowlogs/aws-region={region}/"
            ),
            Some(account) => format!("{prefix}AWSLogs/{account}/vpcflowlogs/{region}/"),
        }
    }

    /// Returns the address of what it delivers, as a user would write it.
    ///
    /// # Errors
    /// What is delivered there cannot be read.
    pub fn address(&self) -> Result<String, Error> {
        match &self.destination {
            Destination::S3 { bucket, prefix } => {
                Ok(format!("s3://{bucket}/{}", self.folder(prefix)))
            }
            Destination::Group { arn: Some(arn), .. } => Ok(arn.clone()),
            Destination::Group { name, arn: None } => Ok(format!("cwl://{name}")),
            Destination::Other(other) => Err(Error::Usage(format!(
                "flow log `{}` delivers to {other}, which cannot be read; only S3 and CloudWatch Logs can",
                self.id
            ))),
        }
    }

    /// Says what it is in a line.
    pub fn summary(&self) -> String {
        let destination = match &self.destination {
            Destination::S3 { bucket, prefix } => format!("s3://{bucket}/{prefix}"),
            Destination::Group { name, .. } => format!("cwl://{name}"),
            Destination::Other(other) => other.clone(),
        };
        let interval = self
            .interval
            .map_or_else(|| "?".to_owned(), |seconds| seconds.to_string());
        format!(
            "{} on {} in {}: to {destination}, {}, every {interval} s",
            self.id,
            self.resource,
            self.region,
            if self.traffic_type.is_empty() {
                "all traffic"
            } else {
                &self.traffic_type
            },
        )
    }
}

/// Returns the one interface that both can have records of, if either watches just one: others in the same log group
/// are no business of theirs.
pub(crate) fn common_interface(logs: &Sides<FlowLog>) -> Option<String> {
    let interface = |log: &FlowLog| {
        log.resource
            .starts_with("eni-")
            .then(|| log.resource.clone())
    };
    match (interface(&logs.s3), interface(&logs.cwl)) {
        (Some(s3), Some(cwl)) if s3 != cwl => None,
        (one, other) => one.or(other),
    }
}

/// Which flow logs are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowLogsAsked {
    /// Those with these ids.
    Ids(Vec<String>),
    /// Those of this resource.
    Resource(String),
}

impl FlowLogsAsked {
    fn filter(&self) -> Vec<(String, String)> {
        let (name, values) = match self {
            Self::Ids(ids) => ("flow-log-id", ids.as_slice()),
            Self::Resource(id) => ("resource-id", std::slice::from_ref(id)),
        };
        let values = values.iter().enumerate();
        // A filter and not the ids themselves, of which an unknown one would make the whole call fail.
        std::iter::once(("Filter.1.Name".to_owned(), name.to_owned()))
            .chain(values.map(|(n, value)| (format!("Filter.1.Value.{}", n + 1), value.clone())))
            .collect()
    }

    fn text(&self) -> String {
        match self {
            Self::Ids(ids) => ids.join(", "),
            Self::Resource(id) => id.clone(),
        }
    }
}

/// Returns all flow logs of a region, by id.
///
/// # Errors
/// No region is known, or EC2 cannot be asked.
pub async fn all(options: &SourceOptions) -> Result<Vec<FlowLog>, Error> {
    let mut found = find_on(Vec::new(), "the region's flow logs", options).await?;
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// Asks for flow logs with each side's credentials and in each side's region (once, if they are the same), and
/// returns what was found, each flow log once, by id.
///
/// # Errors
/// No region is known, or neither side could be asked. If just one could not, what the other found stands.
pub async fn find(
    asked: &FlowLogsAsked,
    options: &Sides<SourceOptions>,
) -> Result<Vec<FlowLog>, Error> {
    let alike = |a: &SourceOptions, b: &SourceOptions| {
        (&a.profile, &a.region, &a.role_arn, &a.external_id)
            == (&b.profile, &b.region, &b.role_arn, &b.external_id)
    };
    let text = asked.text();
    let find = |side: Side| find_on(asked.filter(), &text, &options[side]);
    let (s3, cwl) = if alike(&options.s3, &options.cwl) {
        (find(Side::S3).await, Ok(Vec::new()))
    } else {
        tokio::join!(find(Side::S3), find(Side::Cwl))
    };
    let mut found = match (s3, cwl) {
        (Ok(mut s3), Ok(cwl)) => {
            s3.extend(cwl);
            s3
        }
        (Ok(found), Err(error)) | (Err(error), Ok(found)) if !found.is_empty() => {
            tracing::info!(%error, "only one side could be asked for flow logs");
            found
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found.dedup_by(|later, first| later.id == first.id);
    Ok(found)
}

async fn find_on(
    filter: Vec<(String, String)>,
    asked: &str,
    options: &SourceOptions,
) -> Result<Vec<FlowLog>, Error> {
    let config = aws::load(options, None, None).await?;
    let side = options.side;
    let wrong = |failure: Failure| failure.into_error(side, asked, DESCRIBE);
    let (Some(ec2), Some(sts)) = (
        Query::new(EC2, &config, options),
        Query::new(STS, &config, options),
    ) else {
        return Err(Error::Source {
            side,
            address: asked.to_owned(),
            reason: "no region is known for the flow logs".to_owned(),
            hint: Some(format!("give `--{side}-region`, or set `AWS_REGION`")),
        });
    };
    let region = config.region().map_or("", |region| region.as_ref());
    let mut found = Vec::new();
    let (mut token, mut pages): (Option<String>, _) = (None, ListingPages::default());
    loop {
        let mut parameters = filter.clone();
        parameters.push(("MaxResults".to_owned(), PAGE.to_owned()));
        parameters.extend(
            token
                .iter()
                .map(|token| ("NextToken".to_owned(), token.clone())),
        );
        let xml = ec2
            .call("DescribeFlowLogs", &parameters)
            .await
            .map_err(wrong)?;
        let page = answer::read(&xml, region).map_err(|error| wrong(Failure::garbled(&error)))?;
        let next = page.next_token.filter(|token| !token.is_empty());
        if let Some(next) = &next {
            let logs = page.flow_logs.first().zip(page.flow_logs.last());
            let ends = logs.map(|(first, last)| [first.id.as_str(), last.id.as_str()]);
            pages.turn(ends, next).map_err(|why| Error::Source {
                side,
                address: asked.to_owned(),
                reason: format!("the list of flow logs {why}"),
                hint: None,
            })?;
        }
        found.extend(page.flow_logs);
        token = next;
        if token.is_none() {
            break;
        }
    }
    if found
        .iter()
        .any(|log| matches!(log.destination, Destination::S3 { .. }))
    {
        // A flow log is told only to its own account. Without it more folders are listed, and that is all.
        match sts.identity().await {
            Ok(identity) => {
                for log in &mut found {
                    log.account = Some(identity.account.clone());
                }
            }
            Err(failure) => tracing::info!(reason = failure.text(), "the account is not known"),
        }
    }
    Ok(found)
}

/// Unix seconds of an RFC 3339 time.
fn seconds(text: &str) -> Option<i64> {
    text.trim().parse().ok().map(Timestamp::as_second)
}
