"""Roles and their policies."""

import json
from typing import Any

from localaws.resources.resource import Made, Maker, Resource


def _role(resource: Resource) -> Made:
    iam = resource.client("iam")
    name = resource.name("RoleName", longest=64)
    trust, tags = json.dumps(resource.require("AssumeRolePolicyDocument")), resource.tag_list()
    path, settings = resource.take_all("Path"), resource.take_all("Description MaxSessionDuration")
    if resource.before:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        iam.update_role(RoleName=name, **{"Description": "", "MaxSessionDuration": 3600, **settings})
        role = iam.get_role(RoleName=name)["Role"]
    else:
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, Tags=tags, **path, **settings)["Role"]
    resource.undo(iam.delete_role, RoleName=name)
    for arn in resource.take("ManagedPolicyArns", []):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        resource.undo(iam.detach_role_policy, RoleName=name, PolicyArn=arn)
    for policy in resource.take("Policies", []):
        _put_policy(resource, name, policy["PolicyName"], policy["PolicyDocument"])
    return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _policy(resource: Resource) -> Made:
    name, document = resource.require("PolicyName"), resource.require("PolicyDocument")
    for role in resource.require("Roles"):
        _put_policy(resource, role, name, document)
    return Made(resource.generate_name(128))


def _put_policy(resource: Resource, role: str, name: str, document: Any) -> None:  # noqa: ANN401 -- JSON
    iam = resource.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    resource.undo(iam.delete_role_policy, RoleName=role, PolicyName=name)


MAKERS: dict[str, Maker] = {"AWS::IAM::Policy": _policy, "AWS::IAM::Role": _role}
