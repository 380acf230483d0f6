"""Resource types that moto's CloudFormation does not know, though moto's services do.

Each is made by the call that CloudFormation makes, so that what the service does not take is refused.
"""

import json

import boto3
from moto.core.common_models import CloudFormationModel
from moto.s3.models import FakeBucket


def add(endpoint):
    """Makes moto's CloudFormation know them. It looks for direct subclasses, by what they say of their type."""
    for kind, service, make in [
        ("AWS::CloudWatch::Alarm", "cloudwatch", alarm),
        ("AWS::EC2::SecurityGroupEgress", "ec2", egress),
        ("AWS::S3::BucketPolicy", "s3", bucket_policy),
        ("AWS::Scheduler::Schedule", "scheduler", schedule),
    ]:
        methods = {
            "__module__": f"moto.{service}.models",
            "__init__": lambda self, name: setattr(self, "physical_resource_id", name),
            "cloudformation_type": staticmethod(lambda kind=kind: kind),
            "cloudformation_name_type": staticmethod(lambda: ""),
            "create_from_cloudformation_json": classmethod(_creating(endpoint, service, make)),
        }
        type(CloudFormationModel)(kind, (CloudFormationModel,), methods)
    _complete_buckets(endpoint)


def _creating(endpoint, service, make):
    def create(cls, resource_name, cloudformation_json, account_id, region_name, **_):
        session = boto3.Session("test", "test", region_name=region_name)
        client = session.client(service, endpoint_url=endpoint)
        return cls(make(client, resource_name, cloudformation_json["Properties"]))

    return create


def _complete_buckets(endpoint):
    """Of a bucket, moto's CloudFormation makes no more than its encryption."""
    without = FakeBucket.create_from_cloudformation_json.__func__

    def create(cls, resource_name, cloudformation_json, account_id, region_name, **more):
        bucket = without(cls, resource_name, cloudformation_json, account_id, region_name, **more)
        s3 = boto3.Session("test", "test", region_name=region_name).client("s3", endpoint_url=endpoint)
        properties = cloudformation_json.get("Properties", {})
        for name, put in [
            ("VersioningConfiguration", s3.put_bucket_versioning),
            ("PublicAccessBlockConfiguration", s3.put_public_access_block),
            ("OwnershipControls", s3.put_bucket_ownership_controls),
        ]:
            if name in properties:
                put(Bucket=resource_name, **{name: properties[name]})
        if "LifecycleConfiguration" in properties:
            rules = [lifecycle(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
            s3.put_bucket_lifecycle_configuration(Bucket=resource_name, LifecycleConfiguration={"Rules": rules})
        return bucket

    FakeBucket.create_from_cloudformation_json = classmethod(create)


def lifecycle(rule):
    """What CloudFormation calls otherwise than S3."""
    rule = dict(rule)
    made = {"ID": rule.pop("Id"), "Filter": {"Prefix": rule.pop("Prefix", "")}}
    if "ExpirationInDays" in rule:
        made["Expiration"] = {"Days": int(rule.pop("ExpirationInDays"))}
    if "ExpiredObjectDeleteMarker" in rule:
        made["Expiration"] = {"ExpiredObjectDeleteMarker": rule.pop("ExpiredObjectDeleteMarker")}
    return {**made, **rule}


def bucket_policy(s3, name, properties):
    s3.put_bucket_policy(Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"]))
    return name


def alarm(cloudwatch, name, properties):
    cloudwatch.put_metric_alarm(AlarmName=name, **properties)
    return name


def egress(ec2, _, properties):
    group, about = properties.pop("GroupId"), {"Description": properties.pop("Description")}
    for name, target in [
        ("DestinationSecurityGroupId", ("UserIdGroupPairs", "GroupId")),
        ("DestinationPrefixListId", ("PrefixListIds", "PrefixListId")),
        ("CidrIp", ("IpRanges", "CidrIp")),
    ]:
        if name in properties:
            kind, key = target
            properties[kind] = [{key: properties.pop(name), **about}]
    answer = ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[properties])
    return answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]


def schedule(scheduler, name, properties):
    # The one name that the service spells otherwise than CloudFormation.
    network = properties["Target"]["EcsParameters"]["NetworkConfiguration"]
    network["awsvpcConfiguration"] = network.pop("AwsvpcConfiguration")
    scheduler.create_schedule(Name=name, **properties)
    return name
