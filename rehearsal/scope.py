"""What the rehearsal shows and what not: the tables of docs/rehearsal.md, which a test compares with these."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from localaws import resources

NOT_REHEARSED_PARTS = {
    "staging and prod": "A rehearsal deploys dev. The tests also deploy staging, but start no run in it.",
    "TLS": "All requests stay on this machine, and use HTTP.",
    "logs of executors": "One process stands for all workers, and writes the log of the driver.",
    "Iceberg of EMR's image": "Jobs run with the shipped jars, which `iceberg` in the settings chooses by default.",
    "quotas, throttling": "There are none, except those that the tests ask for.",
    "the code of AWS": "moto and localaws may misunderstand it.",
    **resources.NOT_REHEARSED,
}

SCOPE: dict[str, dict[str, str]] = {
    "As in the cloud": {
        "the template": "as CDK synthesises it for the processor and the Python of this machine, untrained weights",
        "cdk bootstrap, deploy, destroy": "the CDK command, with change sets and assets, also for updates",
        "custom resources": "CloudFormation invokes their functions, and waits for the answers",
        "the packages": "the archive of the workers, the application, the model, the functions: as they are shipped",
        "start_run, record_run": "in their bundles, called by AWS's own runtime client for Python",
        "the state machine": "as it is deployed, state by state",
        "the Spark job": "spark-submit with the parameters of the workflow; Iceberg with the Glue catalog and S3FileIO",
        "IAM": "functions, workflow and job have the permissions of their roles and no others; conditions count",
        "policies of queues and topics": "S3 sends events and CloudWatch publishes alarms only if these allow it",
    },
    "Emulated": {
        "the services": "moto replaces AWS, and keeps everything in memory",
        "CloudFormation": "calls of the services create, update and replace resources; some properties can't change",
        "S3 events": "delivered at once, and once (the tests deliver them twice)",
        "SQS to Lambda": "a poller gathers batches, with window, partial failures and dead letters",
        "Step Functions": "an interpreter of the Amazon States Language, which polls jobs (AWS uses EventBridge)",
        "EMR Serverless": "one Spark on this machine replaces the workers; their sizes are billed, but not provided",
        "waits": "the window, the visibility of messages, waits and retries of the workflow are shortened",
        "alarms": "evaluated at each value of their metric, over all of their periods, and published to their topic",
        "metrics": "of dead letters, functions, executions and running jobs only; the age of messages has no values",
        **resources.EMULATED,
    },
    "Not rehearsed": NOT_REHEARSED_PARTS,
}
"""Title of a table → its rows: a part, and how the rehearsal treats it."""

UNUSED_PERMISSIONS = {
    "DrainingDrainRole: *": "when an update has replaced the application, and when the stack is destroyed",
    "IntakeStartRunRole: sqs:ChangeMessageVisibility": "CDK grants it to every reader of a queue",
    "IntakeStartRunRole: sqs:GetQueueUrl": "CDK grants it to every reader of a queue",
    "SparkJobRole: s3:AbortMultipartUpload": "after an upload of a large file that failed",
    "SparkJobRole: s3:ListBucketMultipartUploads": "when Hadoop's S3A looks for uploads that a failed job has left",
    "SparkJobRole: logs:CreateLogGroup": "AWS demands it, although the log group exists",
    "SparkJobRole: glue:DeleteTable": "when a table is damaged, and the run makes it anew",
    "WorkflowRole: dynamodb:GetItem": "when another execution holds the lease, or images arrive during a run",
    "WorkflowRole: states:DescribeExecution": "when another execution holds the lease",
    "WorkflowRole: states:StartExecution": "when a run fails, and notices are left that no update has failed on",
    "WorkflowRole: emr-serverless:CancelJobRun": "when a user stops an execution",
}
"""Role and action, or role and ``*``, → when the action is needed: none of these is needed when all goes well. The
stack must not allow any other action that the rehearsal does not need."""


def scope_lines() -> Iterable[str]:
    """Write the tables as lines of text."""
    for title, rows in SCOPE.items():
        yield f"{title}:"
        yield from (f"  {part}: {sentence}" for part, sentence in rows.items())


def unused_permissions(grants: Iterable[Mapping[str, Any]], stack: str) -> set[str]:
    """Return the actions that a role of the stack may do, and has not done on any resource.

    The local AWS lists the grants: a grant allows a role an action on a resource.
    """
    of_stack = [grant for grant in grants if f":role/{stack}-" in grant["role"]]
    allowed = {(grant["role"], grant["action"]) for grant in of_stack}
    used = {(grant["role"], grant["action"]) for grant in of_stack if grant["used"]}
    return {f"{_construct(role)}: {action}" for role, action in allowed - used}


def reason_for(permission: str) -> str | None:
    """Return why a permission of `unused_permissions` is unused; `None` if it should have been used."""
    role = permission.partition(":")[0]
    return UNUSED_PERMISSIONS.get(permission) or UNUSED_PERMISSIONS.get(f"{role}: *")


def _construct(role: str) -> str:
    """Return the name of a role in the stack, without the parts that CDK and CloudFormation add."""
    return re.sub(r"[0-9A-F]{8}$", "", role.split("-")[-2])
