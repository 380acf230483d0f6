"""Deploys a CloudFormation template and prints its outputs and the account's flow logs as JSON.

usage: deploy.py ENDPOINT REGION STACK TEMPLATE [NAME=VALUE ...]
"""

import json
import sys

import boto3

endpoint, region, stack, template, *parameters = sys.argv[1:]
session = boto3.Session("test", "test", region_name=region)
cloudformation = session.client("cloudformation", endpoint_url=endpoint)

with open(template, encoding="utf-8") as file:
    body = file.read()
pairs = [parameter.split("=", 1) for parameter in parameters]
cloudformation.create_stack(
    StackName=stack,
    TemplateBody=body,
    Capabilities=["CAPABILITY_IAM"],
    Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in pairs],
)
cloudformation.get_waiter("stack_create_complete").wait(StackName=stack)
[described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
ours = [outputs["FlowLogToS3"], outputs["FlowLogToCloudWatch"]]
flow_logs = session.client("ec2", endpoint_url=endpoint).describe_flow_logs(FlowLogIds=ours)["FlowLogs"]
json.dump({"outputs": outputs, "flow_logs": flow_logs}, sys.stdout, default=str)
