"""What of the cloud is real in the rehearsal, what is emulated, and what is not rehearsed at all."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from localaws import resources

REAL = {
    "the template": "as CDK synthesises it, for this machine's processor and Python, and the untrained weights",
    "cdk bootstrap, deploy, destroy": "the CDK command, with change sets and published assets",
    "the packages": "the archive of the workers, the application, the model, the functions: as they are shipped",
    "start_run, record_run": "in their bundles, called by AWS's own runtime client for Python",
    "the state machine": "as it is deployed, state by state",
    "the Spark job": "spark-submit with the parameters of the workflow; Iceberg with its Glue catalogue and S3FileIO",
    "IAM": "functions, workflow and job have the permissions of their roles and no others; conditions count",
}
"""What is the same as in the cloud."""

EMULATED = {
    "the services": "moto answers in the place of AWS, in memory",
    "CloudFormation": "each resource is made by the call of its service that anybody could make; no updates of a stack",
    "S3 events": "delivered at once, and once (the tests deliver them twice)",
    "SQS to Lambda": "a poller gathers batches, with window, partial failures and dead letters",
    "Step Functions": "an interpreter of the Amazon States Language; a job's end is asked for, not told by EventBridge",
    "EMR Serverless": "one Spark on this machine in the place of workers; their sizes are billed, not given",
    "waits": "the window, the visibility of messages, waits and retries of the workflow are shortened",
    "alarms": "judged at each figure that arrives, and told to their topic",
    **resources.EMULATED,
}
"""What only behaves like the cloud."""

NOT_REHEARSED = {
    "staging and prod": "Only dev is deployed: no schedules, nothing that outlives the stack.",
    "TLS": "This machine talks to itself.",
    "quotas, throttling": "There are none, but for those that the tests ask for.",
    "the code of AWS": "Whatever moto, or we, have misunderstood of it.",
    **resources.NOT_REHEARSED,
}
"""What the rehearsal says nothing about."""

NOT_NEEDED = {
    "IntakeStartRunRole: sqs:ChangeMessageVisibility": "CDK gives it to all who read a queue",
    "IntakeStartRunRole: sqs:GetQueueUrl": "CDK gives it to all who read a queue",
    "SparkJobRole: s3:AbortMultipartUpload": "after the upload of a large file that broke off",
    "WorkflowRole: dynamodb:GetItem": "when another execution has the turn",
    "WorkflowRole: states:DescribeExecution": "when another execution has the turn",
    "WorkflowRole: states:StartExecution": "when images come during a run that fails",
    "WorkflowRole: emr-serverless:CancelJobRun": "when an execution is stopped",
}
"""Role and action → when it is needed: not when all goes well. Any other that isn't needed is one too many."""


def tell_scope() -> Iterable[str]:
    """Write down what is real, what is emulated, and what is left out: lines of text."""
    parts: tuple[tuple[str, Mapping[str, str]], ...] = (
        ("As in the cloud", REAL),
        ("Emulated", EMULATED),
        ("Not rehearsed", NOT_REHEARSED),
    )
    for title, entries in parts:
        yield f"{title}:"
        yield from (f"  {name}: {sentence}" for name, sentence in entries.items())


def unneeded(ledger: Iterable[Mapping[str, Any]], stack: str) -> set[str]:
    """Name the actions that a role of the stack is allowed, and has not needed.

    Parameters
    ----------
    ledger
        As the local AWS keeps it: a grant is an action on a resource.
    stack
        Name of the stack.
    """
    grants = [grant for grant in ledger if f":role/{stack}-" in grant["role"]]
    granted = {(grant["role"], grant["action"]) for grant in grants}
    needed = {(grant["role"], grant["action"]) for grant in grants if grant["used"]}
    return {f"{_construct(role)}: {action}" for role, action in granted - needed}


def _construct(role: str) -> str:
    """Name a role as the stack does, without what CDK and CloudFormation add."""
    return re.sub(r"[0-9A-F]{8}$", "", role.split("-")[-2])
