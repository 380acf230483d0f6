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
given = {
    "Vpc": vpc,
    "FirstSubnet": subnets[0],
    "SecondSubnet": subnets[1],
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

iam, efs = client("iam"), client("efs")


def policies(role):
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    # moto gives what a stack has made as Python writes it.
    documents = [ast.literal_eval(it) if isinstance(it, str) else it for it in documents]
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return documents + attached


alarms = client("cloudwatch").describe_alarms(AlarmNamePrefix=stack)["MetricAlarms"]
logical = {name: key for key, name in made.items()}
group = ec2.describe_security_groups(GroupIds=[made["TaskSecurityGroup"]])["SecurityGroups"][0]
state = ec2.describe_security_groups(GroupIds=[made["StateSecurityGroup"]])["SecurityGroups"][0]
json.dump(
    {
        "made": made,
        "given": given,
        "alarms": {logical[alarm["AlarmName"]]: alarm for alarm in alarms},
        "schedule": client("scheduler").get_schedule(Name=made["Schedule"]),
        "task": client("ecs").describe_task_definition(taskDefinition=made["Task"])["taskDefinition"],
        "policies": {name: policies(made[name]) for name in ["TaskRole", "ExecutionRole", "SchedulerRole"]},
        "access_points": efs.describe_access_points(FileSystemId=made["State"])["AccessPoints"],
        "mount_targets": efs.describe_mount_targets(FileSystemId=made["State"])["MountTargets"],
        "file_system": efs.describe_file_systems(FileSystemId=made["State"])["FileSystems"][0],
        "egress": group["IpPermissionsEgress"],
        "ingress": state["IpPermissions"],
        "log_groups": client("logs").describe_log_groups(logGroupNamePrefix=made["Log"])["logGroups"],
        "cluster": client("ecs").describe_clusters(clusters=[made["Cluster"]])["clusters"],
    },
    sys.stdout,
    default=str,
)
