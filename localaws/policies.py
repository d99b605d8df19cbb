"""What policies say: the evaluation of IAM, as far as the policies of the stack go. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from localaws.account import LocalAwsError

Statement = Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    """A permission that a call takes.

    Attributes
    ----------
    action
        Such as ``s3:GetObject``.
    resource
        ARN.
    context
        What conditions may ask for, such as ``s3:prefix``.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grant:
    """The part of a policy that allows something: who removes it takes the permission away.

    Attributes
    ----------
    statement
        Its Sid, or the actions that it begins with where it has none.
    action, resource
        The patterns that match.
    """

    statement: str
    action: str
    resource: str


def find_grant(statements: Iterable[Statement], need: Need) -> Grant | None:
    """Look for the statement that allows what is needed.

    Returns
    -------
    Grant or None
        None if nothing allows it, or something denies it.

    Raises
    ------
    LocalAwsError
        If a statement has something that is not evaluated here.
    """
    found = None
    for statement in statements:
        match = _matching_grant(statement, need)
        if match and statement["Effect"] == "Deny":
            return None
        found = found or match
    return found


def grants_of(statement: Statement) -> Iterator[Grant]:
    """Take a statement apart: each action on each resource."""
    for action in as_list(statement["Action"]):
        for resource in as_list(statement.get("Resource", "*")):
            yield Grant(name_of(statement), action, resource)


def name_of(statement: Statement) -> str:
    """Name a statement: CDK's own have no Sid."""
    return str(statement.get("Sid") or as_list(statement["Action"])[0])


def as_list(value: str | list[str]) -> list[str]:
    """Read what may be one or several."""
    return [value] if isinstance(value, str) else list(value)


def _matching_grant(statement: Statement, need: Need) -> Grant | None:
    unknown = statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}
    if unknown:
        raise LocalAwsError(f"Policies with {', '.join(sorted(unknown))} are not evaluated here: {dict(statement)}")
    if not _meets_conditions(statement.get("Condition", {}), need.context):
        return None
    for grant in grants_of(statement):
        if matches(grant.action.lower(), need.action.lower()) and matches(grant.resource, need.resource):
            return grant
    return None


def matches(pattern: str, value: str) -> bool:
    """Compare with a pattern of IAM: ``*`` for any characters, ``?`` for one."""
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
    for operator, keys in conditions.items():
        if operator not in _OPERATORS:
            raise LocalAwsError(f"Conditions with {operator} are not evaluated here.")
        compare = _OPERATORS[operator]
        for key, wanted in keys.items():
            values = wanted if isinstance(wanted, list) else [wanted]
            # A key that the call doesn't have meets no condition.
            if key not in context or not any(compare(str(value), context[key]) for value in values):
                return False
    return True
