"""Permissions of roles: whoever is allowed more than single resources is so for a reason that stands beside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from cdk.acknowledgements import acknowledge


@dataclass(frozen=True, kw_only=True)
class Permission:
    """What a role may do.

    Attributes
    ----------
    sid
        Name of the statement.
    actions
        Named one by one.
    resources
        ARNs.
    because
        Why the ARNs can't name single resources; needed where one of them ends in ``*``, and only there.
    conditions
        Of the statement.
    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[str]
    because: str | None = None
    conditions: Mapping[str, Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        if any("*" in action for action in self.actions):
            raise ValueError(f"{self.sid}: actions are named one by one.")
        if any("*" in resource for resource in self.resources) != (self.because is not None):
            raise ValueError(f"{self.sid}: a reason is needed where a resource has a *, and only there.")


def allow(role: iam.Role, permissions: Sequence[Permission]) -> None:
    """Give a role its permissions, and acknowledge the wildcards in them with their reasons."""
    for permission in permissions:
        role.add_to_policy(
            iam.PolicyStatement(
                sid=permission.sid,
                actions=[*permission.actions],
                resources=[*permission.resources],
                conditions=permission.conditions,
            )
        )
        if permission.because:
            many = [resource for resource in permission.resources if "*" in resource]
            acknowledge(
                role, {f"AwsSolutions-IAM5[Resource::{_readable(role, arn)}]": permission.because for arn in many}
            )


def _readable(role: iam.Role, arn: str) -> str:
    """Write an ARN as cdk-nag names it: references in angle brackets."""
    resolved = Stack.of(role).resolve(arn)
    if isinstance(resolved, str):
        return resolved
    return "".join(_reference(part) for part in resolved["Fn::Join"][1])


def _reference(part: Any) -> str:  # noqa: ANN401 -- a piece of a template
    if isinstance(part, str):
        return part
    if "Ref" in part:
        return f"<{part['Ref']}>"
    return f"<{'.'.join(part['Fn::GetAtt'])}>"
