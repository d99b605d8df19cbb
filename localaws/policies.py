"""Evaluation of IAM policies, without any state.

The operators of conditions are those that deployed policies use; a policy with anything else is an error.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from localaws.account import refuse_unknown

Statement = Mapping[str, Any]

ELEMENTS = frozenset({"Sid", "Effect", "Action", "Resource", "Condition", "Principal"})


@dataclass(frozen=True)
class Permission:
    """A permission that a call needs.

    Attributes
    ----------
    action
        For example ``s3:GetObject``.
    resource
        ARN.
    context
        Condition key, such as ``s3:prefix``, → its value in the call.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grant:
    """The smallest part of a policy that can be removed: one action on one resource.

    Attributes
    ----------
    statement
        Sid of the statement, or its first action if it has no Sid.
    action, resource
        Patterns, as the policy has them.
    """

    statement: str
    action: str
    resource: str


def find_grant(statements: Iterable[Statement], permission: Permission) -> Grant | None:
    """Return the grant that allows a call, or `None` if no statement allows it or one denies it.

    Raises
    ------
    LocalAwsError
        If a statement has an element or a condition that is not evaluated here.
    """
    found = None
    for statement in statements:
        match = _matching_grant(statement, permission)
        if match and statement["Effect"] == "Deny":
            return None
        found = found or match
    return found


def grants_of(statement: Statement) -> Iterator[Grant]:
    """Split a statement into grants."""
    name = str(statement.get("Sid") or as_list(statement["Action"])[0])  # the statements that CDK adds have no Sid
    for action in as_list(statement["Action"]):
        for resource in as_list(statement.get("Resource", "*")):
            yield Grant(name, action, resource)


def as_list(value: str | list[str]) -> list[str]:
    """Read an element of a policy that is one string or a list of strings."""
    return [value] if isinstance(value, str) else list(value)


def _matching_grant(statement: Statement, permission: Permission) -> Grant | None:
    refuse_unknown(statement, ELEMENTS, f"the statement {dict(statement)}")
    if not _meets_conditions(statement.get("Condition", {}), permission.context):
        return None
    for grant in grants_of(statement):
        if matches(grant.action.lower(), permission.action.lower()) and matches(grant.resource, permission.resource):
            return grant
    return None


def matches(pattern: str, value: str) -> bool:
    """Compare a value with a pattern of IAM: ``*`` stands for any characters, ``?`` for one."""
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": matches,
    "ArnEquals": matches,
    "ArnLike": matches,
    "Bool": lambda wanted, value: wanted == value,
    "NumericLessThan": lambda wanted, value: float(value) < float(wanted),
}


def _meets_conditions(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    refuse_unknown(conditions, _OPERATORS, "the conditions of a policy")
    given = {key.lower(): value for key, value in context.items()}  # the case of condition keys does not matter
    for operator, keys in conditions.items():
        compare = _OPERATORS[operator]
        for key, wanted in keys.items():
            values = wanted if isinstance(wanted, list) else [wanted]
            # A key that the call does not have meets no condition.
            if key.lower() not in given or not any(compare(str(value), given[key.lower()]) for value in values):
                return False
    return True
