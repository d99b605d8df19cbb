"""IAM: whether the policies that are deployed allow a call, and which of their grants were used.

moto's own check evaluates neither conditions nor bucket policies, and does not know the resource of most calls.
"""

import json
import threading
from collections.abc import Iterator
from typing import Any

from moto.emrserverless.models import emrserverless_backends
from moto.iam.models import iam_backends
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from localaws.account import ACCOUNT, REGION, LocalAwsError
from localaws.policies import Grant, Permission, Statement, as_list, find_grant, grants_of, matches

ENCRYPTED = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
"""Condition keys of every call: there is no TLS here, and policies that demand TLS must not refuse all calls."""


class Authorization:
    """The decisions about the calls of roles, with a record of the grants that allowed them."""

    def __init__(self) -> None:
        self._used: dict[str, set[Grant]] = {}
        self._lock = threading.Lock()

    def first_denied(self, role_arn: str, permissions: list[Permission]) -> Permission | None:
        """Return the first permission that a role lacks, or `None` if it has all of them."""
        return next((one for one in permissions if not self.is_allowed(role_arn, one)), None)

    def is_allowed(self, role_arn: str, permission: Permission) -> bool:
        """Evaluate the policies of a role and of the bucket, and record the grant that allows the call."""
        if permission.action == "sts:GetCallerIdentity":  # IAM allows it to everyone
            return True
        context = {**ENCRYPTED, **permission.context, **_resource_tags(permission.resource)}
        permission = Permission(permission.action, permission.resource, context)
        statements = [*_role_statements(role_arn), *_bucket_statements(role_arn, permission.resource)]
        grant = find_grant(statements, permission)
        if grant:
            with self._lock:
                self._used.setdefault(role_arn, set()).add(grant)
        return grant is not None

    def require(self, role_arn: str, action: str, resource: str = "*") -> None:
        """Check a permission that AWS demands when a resource is created.

        Raises
        ------
        LocalAwsError
            If the role lacks the permission.
        """
        if not self.is_allowed(role_arn, Permission(action, resource)):
            raise LocalAwsError(f"The role {role_arn} does not have permissions to call {action} on {resource}.")

    def grants(self) -> list[dict[str, Any]]:
        """List the grants of all roles, each with whether a call has used it."""
        return [
            {"role": role.arn, "used": grant in self._used.get(role.arn, ()), **vars(grant)}
            for role in _roles()
            for statement in _role_statements(role.arn)
            for grant in grants_of(statement)
        ]


def require_trust(role_arn: str, service: str, source_arn: str | None = None) -> None:
    """Check that a service, such as ``lambda.amazonaws.com``, may assume a role.

    Parameters
    ----------
    source_arn
        ARN of the resource for which the service acts, which conditions may compare; `None` if it gives none.

    Raises
    ------
    LocalAwsError
        If the role does not exist, does not trust the service, or demands another resource or account.
    """
    role = next((role for role in _roles() if role.arn == role_arn), None)
    document = json.loads(role.assume_role_policy_document) if role else {"Statement": []}
    trusting = [one for one in document["Statement"] if _is_principal(one["Principal"], "Service", service)]
    if not trusting:
        raise LocalAwsError(f"The role {role_arn} cannot be assumed by {service}.")
    if not find_grant(trusting, Permission("sts:AssumeRole", context=_of_source(source_arn))):
        raise LocalAwsError(
            f"The role {role_arn} cannot be assumed by {service} for {source_arn}: its conditions are not met."
        )


def require_queue_access(service: str, queue_arn: str, source_arn: str) -> None:
    """Check that the policy of a queue lets a service send messages for one of its resources.

    Raises
    ------
    LocalAwsError
        If the queue does not exist, or its policy does not allow it.
    """
    queue = sqs_backends[ACCOUNT][REGION].queues.get(queue_arn.rpartition(":")[2])
    policy = str(queue.policy) if queue and queue.policy else None
    _require_resource_access(policy, service, Permission("sqs:SendMessage", queue_arn), source_arn)


def require_topic_access(service: str, topic_arn: str, source_arn: str) -> None:
    """Check that the policy of a topic lets a service publish for one of its resources.

    The policy that a topic has by default lets the services of its own account publish.

    Raises
    ------
    LocalAwsError
        If the topic does not exist, or its policy does not allow it.
    """
    topic = sns_backends[ACCOUNT][REGION].topics.get(topic_arn)
    _require_resource_access(topic.policy if topic else None, service, Permission("sns:Publish", topic_arn), source_arn)


def _require_resource_access(policy: str | None, service: str, permission: Permission, source_arn: str) -> None:
    statements = [
        statement
        for statement in (json.loads(policy)["Statement"] if policy else ())
        if _is_principal(statement["Principal"], "Service", service)
    ]
    asked = Permission(permission.action, permission.resource, {**ENCRYPTED, **_of_source(source_arn)})
    if not find_grant(statements, asked):
        raise LocalAwsError(
            f"The policy of {permission.resource} does not let {service} call {permission.action} for {source_arn}."
        )


def _resource_tags(resource: str) -> dict[str, str]:
    """Return the condition keys for the tags of an application of EMR Serverless; other resources have none here."""
    applications = emrserverless_backends[ACCOUNT][REGION].applications if ":emr-serverless:" in resource else {}
    found = applications.get(resource.rpartition("/applications/")[2])
    return {f"aws:ResourceTag/{key}": value for key, value in ((found.tags if found else None) or {}).items()}


def _of_source(source_arn: str | None) -> dict[str, str]:
    """Return the condition keys of a call that a service makes for a resource of this account."""
    of_account = dict.fromkeys(("aws:SourceAccount", "aws:SourceOwner"), ACCOUNT)
    return of_account if source_arn is None else {**of_account, "aws:SourceArn": source_arn}


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
    if principal == "*" or "*" in as_list(principal.get("AWS", [])):  # every caller, services included
        return True
    return any(matches(pattern, name) for pattern in as_list(principal.get(kind, [])))
