"""Roles and their policies."""

import json
from typing import Any

from localaws.resources.resource import Made, Resource, as_tag_list


def make_role(resource: Resource) -> Made:
    """Make an ``AWS::IAM::Role``."""
    iam = resource.client("iam")
    name = resource.take("RoleName") or resource.generate_name(64)
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(resource.demand("AssumeRolePolicyDocument")),
        Tags=as_tag_list(resource.tags()),
        **resource.same("Description", "MaxSessionDuration", "Path"),
    )["Role"]
    resource.undo(iam.delete_role, RoleName=name)
    for arn in resource.take("ManagedPolicyArns", []):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        resource.undo(iam.detach_role_policy, RoleName=name, PolicyArn=arn)
    for policy in resource.take("Policies", []):
        _put_policy(resource, name, policy["PolicyName"], policy["PolicyDocument"])
    return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def make_policy(resource: Resource) -> Made:
    """Make an ``AWS::IAM::Policy``: a part of each of its roles."""
    name, document = resource.demand("PolicyName"), resource.demand("PolicyDocument")
    for role in resource.demand("Roles"):
        _put_policy(resource, role, name, document)
    return Made(resource.generate_name(128))


def _put_policy(resource: Resource, role: str, name: str, document: Any) -> None:  # noqa: ANN401 -- JSON
    iam = resource.client("iam")
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    resource.undo(iam.delete_role_policy, RoleName=role, PolicyName=name)
