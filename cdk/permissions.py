"""Permissions of roles. A permission on more than single resources has to state its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from cdk.acknowledgements import acknowledge


@dataclass(frozen=True, kw_only=True)
class Permission:
    """A statement of a role's policy.

    Attributes
    ----------
    sid
        Name of the statement.
    actions
        Actions without wildcards.
    resources
        ARNs, which may contain ``*``.
    because
        Why the ARNs can't name single resources; `None` if no ARN contains ``*``.
    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[str]
    because: str | None = None
    conditions: Mapping[str, Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        if any("*" in action for action in self.actions):
            raise ValueError(f"{self.sid}: actions must not contain *.")
        if any("*" in resource for resource in self.resources) != (self.because is not None):
            raise ValueError(f"{self.sid}: because is needed if a resource contains *, and only then.")


def allow(role: iam.Role, permissions: Sequence[Permission]) -> None:
    """Add permissions to a role, and acknowledge cdk-nag's findings on their wildcards."""
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
            wildcards = [_readable(role, arn) for arn in permission.resources if "*" in arn]
            acknowledge(role, {f"AwsSolutions-IAM5[Resource::{arn}]": permission.because for arn in wildcards})


def _readable(role: iam.Role, arn: str) -> str:
    """Write an ARN as cdk-nag does, with references in angle brackets."""
    resolved = Stack.of(role).resolve(arn)
    if isinstance(resolved, str):
        return resolved
    return "".join(_reference(part) for part in resolved["Fn::Join"][1])


def _reference(part: Any) -> str:  # noqa: ANN401 -- a part of a template
    if isinstance(part, str):
        return part
    if "Ref" in part:
        return f"<{part['Ref']}>"
    if "Fn::Sub" in part:
        return str(part["Fn::Sub"]).replace("${", "<").replace("}", ">")
    return f"<{'.'.join(part['Fn::GetAtt'])}>"
