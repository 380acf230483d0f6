//! The template of `fixtures/environment.yaml`.

use crate::support::REGION;
use crate::support::moto::moto;

#[test]
fn the_template_makes_two_flow_logs_on_one_subnet() {
    let made = moto().deploy("fa-014", REGION, &[]);
    let output = |name: &str| made.outputs[name].as_str();
    assert_eq!(output("Bucket"), "fa-014-123456789012");
    assert_eq!(output("LogGroup"), "fa-014-FlowLogGroup");
    assert!(output("Vpc").starts_with("vpc-"));
    let [s3, cwl] = made.flow_logs.as_slice() else {
        panic!("two flow logs: {:?}", made.flow_logs)
    };
    assert_eq!(s3["FlowLogId"], output("FlowLogToS3"));
    assert_eq!(s3["LogDestinationType"], "s3");
    assert_eq!(s3["LogDestination"], "arn:aws:s3:::fa-014-123456789012");
    assert_eq!(cwl["FlowLogId"], output("FlowLogToCloudWatch"));
    assert_eq!(cwl["LogGroupName"], "fa-014-FlowLogGroup");
    assert_eq!(cwl["DeliverLogsStatus"], "SUCCESS");
    for log in [s3, cwl] {
        assert_eq!(log["ResourceId"], output("Subnet"));
        assert_eq!(log["TrafficType"], "ALL");
    }
    for same in ["LogFormat", "MaxAggregationInterval"] {
        assert_eq!(s3[same], cwl[same], "{same}");
    }
}
