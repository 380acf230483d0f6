"""Makes a flow log to S3 in another account, and one to CloudWatch Logs in the default one, and prints their ids.

usage: two_accounts.py ENDPOINT REGION ROLE BUCKET GROUP

moto has an account for each one whose role is assumed.
"""

import sys

import boto3

endpoint, region, role, bucket, group = sys.argv[1:]
mine = boto3.Session("test", "test", region_name=region)
sts = mine.client("sts", endpoint_url=endpoint)
assumed = sts.assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
theirs = boto3.Session(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"], region_name=region)


def flow_log(session, **delivery):
    ec2 = session.client("ec2", endpoint_url=endpoint)
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.0.0/24")["Subnet"]["SubnetId"]
    made = ec2.create_flow_logs(ResourceIds=[subnet], ResourceType="Subnet", TrafficType="ALL", **delivery)
    return made["FlowLogIds"][0]


theirs.client("s3", endpoint_url=endpoint).create_bucket(
    Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region}
)
mine.client("logs", endpoint_url=endpoint).create_log_group(logGroupName=group)
print(flow_log(theirs, LogDestinationType="s3", LogDestination=f"arn:aws:s3:::{bucket}"))
print(
    flow_log(
        mine,
        LogDestinationType="cloud-watch-logs",
        LogGroupName=group,
        DeliverLogsPermissionArn="arn:aws:iam::123456789012:role/deliver",
    )
)
