"""IAM: what a role may do is what the policies of the stack say, and nothing else.

moto's own check knows no conditions and no policies of buckets, and not which resource most calls are about.
"""

import json
import threading
from collections.abc import Iterator
from typing import Any

from moto.iam.models import iam_backends
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from localaws.account import ACCOUNT, REGION, LocalAws, LocalAwsError
from localaws.policies import Grant, Need, Statement, as_list, find_grant, grants_of, matches

ENCRYPTED = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
"""Said of every call: there is no TLS on this machine, and the policies that demand it are not what is rehearsed."""

_used: dict[str, set[Grant]] = {}
_lock = threading.Lock()


def refusal(role_arn: str, needs: list[Need]) -> Need | None:
    """Look for a permission that a role lacks.

    Returns
    -------
    Need or None
        The first one; None if it has all of them.
    """
    return next((need for need in needs if not is_allowed(role_arn, need)), None)


def is_allowed(role_arn: str, need: Need) -> bool:
    """Say whether the policies of a role, or of the bucket, allow something; remember which grant did."""
    if need.action == "sts:GetCallerIdentity":  # of everybody
        return True
    need = Need(need.action, need.resource, {**ENCRYPTED, **need.context})
    statements = [*_role_statements(role_arn), *_bucket_statements(role_arn, need.resource)]
    grant = find_grant(statements, need)
    if grant:
        with _lock:
            _used.setdefault(role_arn, set()).add(grant)
    return grant is not None


def require(aws: LocalAws, role_arn: str, action: str, resource: str = "*") -> None:  # noqa: ARG001 -- as its callers have it
    """Insist that a role has a permission that AWS checks when a resource is made.

    Raises
    ------
    LocalAwsError
        If it has not.
    """
    if not is_allowed(role_arn, Need(action, resource)):
        raise LocalAwsError(f"The role {role_arn} does not have permissions to call {action} on {resource}.")


def require_trust(role_arn: str, service: str) -> None:
    """Insist that a role may be taken on by a service, such as ``lambda.amazonaws.com``.

    Raises
    ------
    LocalAwsError
        If it may not, or is not there.
    """
    role = next((role for role in _roles() if role.arn == role_arn), None)
    document = json.loads(role.assume_role_policy_document) if role else {"Statement": []}
    trusted = [as_list(statement["Principal"].get("Service", [])) for statement in document["Statement"]]
    if not any(service in services for services in trusted):
        raise LocalAwsError(f"The role {role_arn} cannot be assumed by {service}.")


def require_service_access(service: str, action: str, queue_arn: str, source_arn: str) -> None:
    """Insist that the policy of a queue lets a service of AWS in.

    Raises
    ------
    LocalAwsError
        If it doesn't.
    """
    queue = sqs_backends[ACCOUNT][REGION].queues[queue_arn.rpartition(":")[2]]
    statements = [
        statement
        for statement in (json.loads(queue.policy)["Statement"] if queue.policy else ())
        if _is_principal(statement["Principal"], "Service", service)
    ]
    context = {**ENCRYPTED, "aws:SourceArn": source_arn, "aws:SourceAccount": ACCOUNT}
    if not find_grant(statements, Need(action, queue_arn, context)):
        raise LocalAwsError(
            f"The policy of the queue {queue_arn} does not let {service} call {action} for {source_arn}."
        )


def ledger() -> list[dict[str, Any]]:
    """List the grants of all roles, and which of them has been needed."""
    return [
        {
            "role": role.arn,
            "statement": grant.statement,
            "action": grant.action,
            "resource": grant.resource,
            "used": grant in _used.get(role.arn, ()),
        }
        for role in _roles()
        for statement in _role_statements(role.arn)
        for grant in grants_of(statement)
    ]


def _roles() -> list[Any]:
    return list(iam_backends[ACCOUNT]["aws"].roles.values())


def _role_statements(role_arn: str) -> Iterator[Statement]:
    backend = iam_backends[ACCOUNT]["aws"]
    name = role_arn.rpartition("/")[2]
    if name not in {role.name for role in _roles()}:
        return
    for policy in backend.list_role_policies(name):
        yield from json.loads(backend.get_role_policy(name, policy)[1])["Statement"]
    for managed in backend.list_attached_role_policies(name)[0]:
        version = next(version for version in managed.versions if version.is_default)
        yield from json.loads(version.document)["Statement"]


def _bucket_statements(role_arn: str, resource: str) -> Iterator[Statement]:
    if not resource.startswith("arn:aws:s3:::"):
        return
    try:
        policy = s3_backends[ACCOUNT]["aws"].get_bucket_policy(resource.removeprefix("arn:aws:s3:::").partition("/")[0])
    except MissingBucket:
        return
    for statement in json.loads(policy)["Statement"] if policy else ():
        if _is_principal(statement["Principal"], "AWS", role_arn):
            yield statement


def _is_principal(principal: Any, kind: str, name: str) -> bool:  # noqa: ANN401 -- "*", or a mapping
    named = principal if principal == "*" else principal.get(kind, [])
    return any(matches(pattern, name) for pattern in as_list(named))
