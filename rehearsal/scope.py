"""What of the cloud is real in the rehearsal, what is emulated, and what is not rehearsed at all."""

from collections.abc import Iterable, Mapping
from typing import Any

from rehearsal.local_aws import resources

REAL = {
    "the template": "as CDK synthesises it, for the processor of this machine and the untrained weights",
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


def unneeded(ledger: Iterable[Mapping[str, Any]], stack: str) -> list[str]:
    """Name the actions that a role of the stack is allowed, and never needed.

    Parameters
    ----------
    ledger
        As the local AWS keeps it: a grant is an action on a resource.
    stack
        Name of the stack.
    """
    grants = [grant for grant in ledger if f":role/{stack}-" in grant["role"]]
    needed = {(grant["role"], grant["statement"], grant["action"]) for grant in grants if grant["used"]}
    granted = {(grant["role"], grant["statement"], grant["action"]) for grant in grants}
    return sorted(f"{role.rpartition('/')[2]}: {action} ({statement})" for role, statement, action in granted - needed)
