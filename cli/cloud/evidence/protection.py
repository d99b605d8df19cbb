"""How the data of an environment are protected: encryption, public access, TLS, roles, retention of logs."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from cli.cloud.evidence.answers import Answers, Document
from cli.cloud.evidence.found import Evidence
from cli.cloud.evidence.judging import Judged, fault_of, nothing_found, unanswered
from cli.cloud.evidence.places import log_groups_in
from cli.cloud.evidence.text import filled

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
"""The blocks of public access of a bucket."""


def judge_encryption(evidence: Evidence) -> Judged:
    """Judge whether buckets and queues are encrypted; DynamoDB encrypts every table."""
    answers = evidence.answers
    plain = _resources(answers, "sqs:GetQueueAttributes", lambda content: not _is_encrypted(content["Attributes"]))
    bare = _resources(answers, "s3:GetBucketEncryption", lambda content: not _algorithms(content))
    algorithms = {name for _, content in answers.contents("s3:GetBucketEncryption") for name in _algorithms(content)}
    proof = filled(
        "Buckets: {algorithms}; queues: encrypted by SQS or KMS; table: DynamoDB encrypts every table.",
        algorithms=", ".join(sorted(algorithms)),
    )
    calls = ("s3:GetBucketEncryption", "sqs:GetQueueAttributes", "dynamodb:DescribeTable")
    faults = [
        *fault_of(bare, "Buckets without encryption: {names}."),
        *fault_of(plain, "Queues without encryption: {names}."),
    ]
    return Judged(proof, [*unanswered(answers, *calls), *faults])


def _resources(answers: Answers, call: str, is_at_fault: Callable[[Document], bool]) -> list[str]:
    """Return the names of the resources that are at fault by the answer to a call."""
    return [name.rpartition("/")[2] for name, content in answers.contents(call) if is_at_fault(content)]


def _is_encrypted(queue: Document) -> bool:
    return queue.get("SqsManagedSseEnabled") == "true" or "KmsMasterKeyId" in queue


def _algorithms(bucket: Document) -> list[str]:
    """Return the algorithms that a bucket encrypts with by default; none if its rules name none."""
    rules = bucket["ServerSideEncryptionConfiguration"]["Rules"]
    defaults = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules]
    return [default["SSEAlgorithm"] for default in defaults if "SSEAlgorithm" in default]


def judge_privacy(evidence: Evidence) -> Judged:
    """Judge whether all blocks of public access are on for all buckets."""
    call = "s3:GetPublicAccessBlock"
    public = _resources(
        evidence.answers, call, lambda content: not _blocks_all(content["PublicAccessBlockConfiguration"])
    )
    proof = filled(
        "All four blocks of public access are on for {count:.0f} buckets.",
        count=len(evidence.answers.to(call)),
    )
    faults = fault_of(public, "Public access is possible: {names}.")
    return Judged(proof, [*unanswered(evidence.answers, call), *faults])


def _blocks_all(blocks: Document) -> bool:
    """Whether all blocks are on. S3 may leave out one that is off."""
    return all(blocks.get(name) is True for name in BLOCKS)


def judge_tls(evidence: Evidence) -> Judged:
    """Judge whether the policies of all buckets refuse requests without TLS."""
    call = "s3:GetBucketPolicy"
    policies = {bucket: json.loads(content["Policy"]) for bucket, content in evidence.answers.contents(call)}
    lax = [bucket for bucket, policy in policies.items() if not _refuses_plain_requests(policy, bucket)]
    proof = filled(
        "The policies of {count:.0f} buckets refuse every request without TLS.",
        count=len(evidence.answers.to(call)),
    )
    faults = fault_of(
        lax,
        "The policy does not refuse requests without TLS: {names}.",
    )
    return Judged(proof, [*unanswered(evidence.answers, call), *faults])


def _refuses_plain_requests(policy: Document, bucket: str) -> bool:
    """Whether a statement refuses all of a bucket to everyone who does not use TLS, under no other condition."""
    whole = ({"*"}, {f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"})
    return any(
        statement["Effect"] == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and _list(statement.get("Action")) in (["s3:*"], ["*"])
        and any(resources <= set(_list(statement.get("Resource"))) for resources in whole)
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in _list(policy["Statement"])
    )


def judge_roles(evidence: Evidence) -> Judged:
    """Judge whether services alone may assume the roles, and whether their permissions are limited."""
    call = "iam:GetRole"
    foreign = _resources(
        evidence.answers, call, lambda role: not all(map(_trusts_services, _list(role["Trust"]["Statement"])))
    )
    unlimited = _resources(evidence.answers, call, lambda role: any(map(_is_unlimited, _statements_of(role))))
    general = _resources(evidence.answers, call, lambda role: bool(role["AttachedPolicies"]))
    proof = filled(
        "{count:.0f} roles: services of AWS alone may assume them, and none has all actions of a service "
        "on all resources.",
        count=len(evidence.answers.to(call)),
    )
    faults = [
        *fault_of(
            foreign,
            "Others than services may assume: {names}.",
        ),
        *fault_of(
            unlimited,
            "All actions of a service on all resources: {names}.",
        ),
        *fault_of(general, "General policies are attached: {names}."),
    ]
    return Judged(proof, [*unanswered(evidence.answers, call), *faults])


def _trusts_services(statement: Document) -> bool:
    principal = statement.get("Principal")
    return isinstance(principal, dict) and set(principal) == {"Service"}


def _statements_of(role: Document) -> Iterator[Document]:
    for policy in role["Policies"].values():
        yield from _list(policy["Statement"])


def _is_unlimited(statement: Document) -> bool:
    actions, resources = _list(statement.get("Action", "*")), _list(statement.get("Resource", "*"))
    return (
        statement["Effect"] == "Allow"
        and "*" in resources
        and any(action == "*" or action.endswith(":*") for action in actions)
    )


def _list(value: Any) -> list[Any]:  # noqa: ANN401 -- an element of a policy, which may stand without a list
    return value if isinstance(value, list) else [value]


def judge_logs(evidence: Evidence) -> Judged:
    """Judge whether every log group has a retention."""
    groups = list(log_groups_in(evidence.answers))
    endless = [group["logGroupName"] for group in groups if "retentionInDays" not in group]
    proof = filled(
        "{count:.0f} log groups; days until they delete an entry: {days}.",
        count=len(groups),
        days=", ".join(sorted({str(group.get("retentionInDays")) for group in groups})),
    )
    call = "logs:DescribeLogGroups"
    unknown = unanswered(evidence.answers, call) or nothing_found(groups, call)
    return Judged(proof, [*unknown, *fault_of(endless, "Kept without end: {names}.")])
