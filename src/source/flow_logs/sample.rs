//! Flow logs for tests.

use super::{Destination, FlowLog};
use crate::model::Sides;

fn log(id: &str, destination: Destination) -> FlowLog {
    FlowLog {
        id: id.into(),
        region: "eu-west-1".into(),
        account: Some("111122223333".into()),
        resource: "subnet-0aa".into(),
        destination,
        traffic_type: "ALL".into(),
        interval: Some(60),
        format: "${version} ${start}".into(),
        hive: false,
        per_hour: false,
        file_format: String::new(),
        created: Some(1000),
        status: "ACTIVE".into(),
        delivery: "SUCCESS".into(),
        delivery_error: String::new(),
    }
}

/// A flow log that delivers to S3.
pub(crate) fn bucket(id: &str) -> FlowLog {
    let destination = Destination::S3 {
        bucket: "logs".into(),
        prefix: "team/".into(),
    };
    log(id, destination)
}

/// A flow log that delivers to CloudWatch Logs.
pub(crate) fn group(id: &str) -> FlowLog {
    let destination = Destination::Group {
        name: "/flow".into(),
        arn: None,
    };
    log(id, destination)
}

/// One of each, alike.
pub(crate) fn both() -> Sides<FlowLog> {
    Sides {
        s3: bucket("fl-a"),
        cwl: group("fl-b"),
    }
}
