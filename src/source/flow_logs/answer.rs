//! The answer to DescribeFlowLogs. Pure.

use quick_xml::de::{DeError, from_str};
use serde::Deserialize;

use super::{Destination, FlowLog, seconds};

/// A page of the answer.
#[derive(Debug)]
pub(super) struct FlowLogsPage {
    pub(super) flow_logs: Vec<FlowLog>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct XmlAnswer {
    #[serde(default)]
    flow_log_set: XmlSet,
    next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct XmlSet {
    #[serde(default)]
    item: Vec<XmlItem>,
}

/// Everything is text: an empty element is as good as none, and no number or flag is worth refusing the whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct XmlItem {
    flow_log_id: String,
    resource_id: String,
    creation_time: String,
    deliver_cross_account_role: String,
    deliver_logs_error_message: String,
    deliver_logs_status: String,
    flow_log_status: String,
    log_destination: String,
    log_destination_type: String,
    log_format: String,
    log_group_name: String,
    max_aggregation_interval: String,
    traffic_type: String,
    destination_options: Options,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    file_format: String,
    hive_compatible_partitions: String,
    per_hour_partition: String,
}

/// Reads an answer of the region.
pub(super) fn read(xml: &str, region: &str) -> Result<FlowLogsPage, DeError> {
    let answer: XmlAnswer = from_str(xml)?;
    let flow_logs = answer.flow_log_set.item.into_iter();
    Ok(FlowLogsPage {
        flow_logs: flow_logs.map(|item| flow_log(item, region)).collect(),
        next_token: answer.next_token,
    })
}

fn flow_log(item: XmlItem, region: &str) -> FlowLog {
    let yes = |text: &str| text.trim().eq_ignore_ascii_case("true");
    FlowLog {
        destination: destination(&item),
        region: region.to_owned(),
        account: None,
        interval: item.max_aggregation_interval.trim().parse().ok(),
        hive: yes(&item.destination_options.hive_compatible_partitions),
        per_hour: yes(&item.destination_options.per_hour_partition),
        file_format: item.destination_options.file_format,
        created: seconds(&item.creation_time),
        id: item.flow_log_id,
        resource: item.resource_id,
        traffic_type: item.traffic_type,
        format: item.log_format,
        status: item.flow_log_status,
        delivery: item.deliver_logs_status,
        delivery_error: item.deliver_logs_error_message,
    }
}

fn destination(item: &XmlItem) -> Destination {
    let arn = item.log_destination.as_str();
    match item.log_destination_type.as_str() {
        "s3" => {
            let path = arn.splitn(6, ':').nth(5).unwrap_or(arn);
            let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
            let slash = if prefix.is_empty() || prefix.ends_with('/') {
                ""
            } else {
                "/"
            };
            Destination::S3 {
                bucket: bucket.to_owned(),
                prefix: format!("{prefix}{slash}"),
            }
        }
        // Flow logs older than destination types name a group only.
        "cloud-watch-logs" | "" => {
            let arn = arn.strip_suffix(":*").unwrap_or(arn);
            let in_arn = arn.split_once(":log-group:").map_or("", |(_, name)| name);
            let name = if item.log_group_name.is_empty() {
                in_arn
            } else {
                &item.log_group_name
            };
            let foreign = !item.deliver_cross_account_role.is_empty() && !in_arn.is_empty();
            Destination::Group {
                name: name.to_owned(),
                arn: foreign.then(|| arn.to_owned()),
            }
        }
        other => Destination::Other(format!("{other} ({arn})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeFlowLogsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>2d96dae3</requestId>
  <flowLogSet>
    <item>
      <creationTime>2022-01-07T22:00:00.123Z</creationTime>
      <deliverLogsStatus>SUCCESS</deliverLogsStatus>
      <destinationOptions><fileFormat>parquet</fileFormat>
        <hiveCompatiblePartitions>true</hiveCompatiblePartitions><perHourPartition>false</perHourPartition></destinationOptions>
      <flowLogId>fl-0aa</flowLogId><flowLogStatus>ACTIVE</flowLogStatus>
      <logDestination>arn:aws:s3:::logs/team</logDestination><logDestinationType>s3</logDestinationType>
      <logFormat>${version} ${start}</logFormat><maxAggregationInterval>600</maxAggregationInterval>
      <resourceId>vpc-0aa</resourceId><trafficType>ALL</trafficType><tagSet/>
    </item>
    <item>
      <deliverLogsErrorMessage>Rate limited</deliverLogsErrorMessage><deliverLogsStatus>FAILED</deliverLogsStatus>
      <flowLogId>fl-0bb</flowLogId><logDestinationType>cloud-watch-logs</logDestinationType>
      <logGroupName>/vpc/flow</logGroupName><maxAggregationInterval/><trafficType>REJECT</trafficType>
    </item>
    <item>
      <flowLogId>fl-0cc</flowLogId><logDestinationType>cloud-watch-logs</logDestinationType>
      <deliverCrossAccountRole>arn:aws:iam::1:role/x</deliverCrossAccountRole>
      <logDestination>arn:aws:logs:eu-west-1:444455556666:log-group:central:*</logDestination>
    </item>
    <item>
      <flowLogId>fl-0dd</flowLogId><logDestinationType>kinesis-data-firehose</logDestinationType>
      <logDestination>arn:aws:firehose:eu-west-1:1:deliverystream/x</logDestination>
    </item>
  </flowLogSet>
  <nextToken>more</nextToken>
</DescribeFlowLogsResponse>"#;

    #[test]
    fn what_an_answer_tells() {
        let page = read(ANSWER, "eu-west-1").unwrap();
        assert_eq!(page.next_token.as_deref(), Some("more"));
        let [s3, group, foreign, firehose] = page.flow_logs.as_slice() else {
            panic!("four: {page:?}")
        };
        assert_eq!(
            (s3.hive, s3.per_hour, s3.interval),
            (true, false, Some(600))
        );
        assert_eq!(s3.created, Some(1_641_592_800));
        assert_eq!(s3.address().unwrap(), "s3://logs/team/AWSLogs/");
        let known = FlowLog {
            account: Some("111122223333".into()),
            ..s3.clone()
        };
        assert_eq!(
            known.address().unwrap(),
            "s3://logs/team/AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/"
        );
        let plain = FlowLog {
            hive: false,
            ..known
        };
        assert_eq!(
            plain.address().unwrap(),
            "s3://logs/team/AWSLogs/111122223333/vpcflowlogs/eu-west-1/"
        );
        assert_eq!(group.address().unwrap(), "cwl:///vpc/flow");
        assert_eq!(
            (group.interval, group.delivery_error.as_str()),
            (None, "Rate limited")
        );
        assert_eq!(
            foreign.address().unwrap(),
            "arn:aws:logs:eu-west-1:444455556666:log-group:central"
        );
        let refused = firehose.address().unwrap_err().to_string();
        assert!(
            refused.contains("`fl-0dd` delivers to kinesis-data-firehose"),
            "{refused}"
        );
    }

    #[test]
    fn an_answer_that_breaks_off_is_none() {
        for at in 0..ANSWER.len() {
            assert!(
                read(&ANSWER[..at], "eu-west-1").is_err(),
                "{}",
                &ANSWER[..at]
            );
        }
    }

    #[test]
    fn nothing_found_and_nothing_understood() {
        let empty = "<DescribeFlowLogsResponse><flowLogSet/></DescribeFlowLogsResponse>";
        assert!(read(empty, "").unwrap().flow_logs.is_empty());
        assert!(read("<DescribeFlowLogsResponse><flowLogSet><item>", "").is_err());
        assert!(read("", "").is_err());
    }
}
