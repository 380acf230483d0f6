"""Deploys deploy/fargate.yaml into a new VPC with two subnets, and prints as JSON what the services then say they have.

usage: fargate.py ENDPOINT REGION STACK TEMPLATE NAME=VALUE ...
"""

import ast
import json
import sys

import boto3

endpoint, region, stack, template, *parameters = sys.argv[1:]
session = boto3.Session("test", "test", region_name=region)


def client(service):
    return session.client(service, endpoint_url=endpoint)


ec2 = client("ec2")
vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
subnets = [
    ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=region + "ab"[n])["Subnet"]["SubnetId"] for n in range(2)
]
tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
given = {
    "Vpc": vpc,
    "FirstSubnet": subnets[0],
    "SecondSubnet": subnets[1],
    "RouteTables": ",".join(table["RouteTableId"] for table in tables),
    "AlarmTopic": client("sns").create_topic(Name=stack)["TopicArn"],
    **dict(parameter.split("=", 1) for parameter in parameters),
}
with open(template, encoding="utf-8") as file:
    body = file.read()
cloudformation = client("cloudformation")
cloudformation.create_stack(
    StackName=stack,
    TemplateBody=body,
    Capabilities=["CAPABILITY_IAM"],
    Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
)
cloudformation.get_waiter("stack_create_complete").wait(StackName=stack)
described = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
# moto has one nameless entry for a policy of a file system.
made = {it["LogicalResourceId"]: it.get("PhysicalResourceId") for it in described if "LogicalResourceId" in it}

iam, s3 = client("iam"), client("s3")
bucket = made["JobBucket"]


def policies(role):
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    # moto gives what a stack has made as Python writes it.
    documents = [ast.literal_eval(it) if isinstance(it, str) else it for it in documents]
    for document in documents:
        # And leaves nothing where there is to be none.
        document["Statement"] = [statement for statement in document["Statement"] if statement]
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return documents + attached


alarms = client("cloudwatch").describe_alarms(AlarmNamePrefix=stack)["MetricAlarms"]
logical = {name: key for key, name in made.items()}
group = ec2.describe_security_groups(GroupIds=[made["TaskSecurityGroup"]])["SecurityGroups"][0]
endpoints = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["VpcEndpoints"]
policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
# moto refuses what a policy denies, whatever the condition; and here there is no TLS.
s3.delete_bucket_policy(Bucket=bucket)
json.dump(
    {
        "made": made,
        "given": given,
        "alarms": {logical[alarm["AlarmName"]]: alarm for alarm in alarms},
        "schedule": client("scheduler").get_schedule(Name=made["Schedule"]),
        "prune": client("ecs").describe_task_definition(taskDefinition=made["Prune"])["taskDefinition"],
        "task": client("ecs").describe_task_definition(taskDefinition=made["Task"])["taskDefinition"],
        "policies": {name: policies(made[name]) for name in ["TaskRole", "PruneRole", "ExecutionRole", "SchedulerRole"]},
        "bucket": {
            "versioning": s3.get_bucket_versioning(Bucket=bucket)["Status"],
            "encryption": s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"],
            "public": s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
            "policy": policy,
            "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
        },
        "egress": group["IpPermissionsEgress"],
        "endpoints": [it["ServiceName"] for it in endpoints],
        "log_groups": client("logs").describe_log_groups(logGroupNamePrefix=made["Log"])["logGroups"],
        "cluster": client("ecs").describe_clusters(clusters=[made["Cluster"]])["clusters"],
    },
    sys.stdout,
    default=str,
)
