"""Resource types that moto's CloudFormation does not know, though moto's services do.

Each is made by the call that CloudFormation makes, so that what the service does not take is refused.
"""

import boto3
from moto.core.common_models import CloudFormationModel


def add(endpoint):
    """Makes moto's CloudFormation know them. It looks for direct subclasses, by what they say of their type."""
    for kind, service, make in [
        ("AWS::CloudWatch::Alarm", "cloudwatch", alarm),
        ("AWS::EC2::SecurityGroupEgress", "ec2", egress),
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


def _creating(endpoint, service, make):
    def create(cls, resource_name, cloudformation_json, account_id, region_name, **_):
        session = boto3.Session("test", "test", region_name=region_name)
        client = session.client(service, endpoint_url=endpoint)
        return cls(make(client, resource_name, cloudformation_json["Properties"]))

    return create


def alarm(cloudwatch, name, properties):
    cloudwatch.put_metric_alarm(AlarmName=name, **properties)
    return name


def egress(ec2, _, properties):
    group = properties.pop("GroupId")
    target = {"GroupId": properties.pop("DestinationSecurityGroupId"), "Description": properties.pop("Description")}
    answer = ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[{"UserIdGroupPairs": [target], **properties}])
    return answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]


def schedule(scheduler, name, properties):
    # The one name that the service spells otherwise than CloudFormation.
    network = properties["Target"]["EcsParameters"]["NetworkConfiguration"]
    network["awsvpcConfiguration"] = network.pop("AwsvpcConfiguration")
    scheduler.create_schedule(Name=name, **properties)
    return name
