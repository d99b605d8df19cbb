"""What a destruction has left behind: each service is asked for all that it has."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from localaws.account import ACCOUNT
from localaws.host import Host

TOOLKIT = "CDKToolkit"
"""The stack that `cdk bootstrap` makes; it stays, as in AWS."""

TOOLKIT_NAMES = "cdk-hnb659fds-"
"""With which the names of its roles, and of the bucket of assets, begin."""

GONE = {"DELETE_COMPLETE", "TERMINATED"}
"""States of what services still list for a while after it was deleted."""


@dataclass(frozen=True)
class Inventory:
    """A call that lists all there is of a kind.

    Attributes
    ----------
    kind
        In words.
    service, operation, key
        Of the call; the list is under the key of its answer.
    name
        Under which the name stands in an item of the list; None if the item is the name.
    state
        Under which its state stands, if it has one.
    arguments
        Of the call.
    """

    kind: str
    service: str
    operation: str
    key: str
    name: str | None
    state: str = ""
    arguments: dict[str, str] = field(default_factory=dict)

    def names(self, host: Host) -> Iterable[str]:
        """List what is there, and is not there to stay."""
        for item in _all(host.client(self.service), self.operation, self.key, **self.arguments):
            name = item if self.name is None else item[self.name]
            gone = self.state and item[self.state] in GONE
            if not gone and name not in {TOOLKIT, "primary"} and not name.startswith(TOOLKIT_NAMES):
                yield name


INVENTORIES = (
    Inventory("stack", "cloudformation", "list_stacks", "StackSummaries", "StackName", state="StackStatus"),
    Inventory("role", "iam", "list_roles", "Roles", "RoleName"),
    Inventory("queue", "sqs", "list_queues", "QueueUrls", None),
    Inventory("topic", "sns", "list_topics", "Topics", "TopicArn"),
    Inventory("subscription", "sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    Inventory("function", "lambda", "list_functions", "Functions", "FunctionName"),
    Inventory("event source mapping", "lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    Inventory("DynamoDB table", "dynamodb", "list_tables", "TableNames", None),
    Inventory("application", "emr-serverless", "list_applications", "applications", "id", state="state"),
    Inventory("state machine", "stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn"),
    Inventory("group of logs", "logs", "describe_log_groups", "logGroups", "logGroupName"),
    Inventory("alarm", "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    Inventory("dashboard", "cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    Inventory("budget", "budgets", "describe_budgets", "Budgets", "BudgetName", arguments={"AccountId": ACCOUNT}),
    Inventory("workgroup", "athena", "list_work_groups", "WorkGroups", "Name"),
    Inventory("Glue database", "glue", "get_databases", "DatabaseList", "Name"),
    Inventory("bucket", "s3", "list_buckets", "Buckets", "Name"),
)


def leftovers(host: Host) -> list[str]:
    """Look for what is still there after a destruction.

    Returns
    -------
    list of str
        Such as "the bucket pictures-dev-… with 12 objects"; nothing if only that is there which CDK keeps for the next
        deployment.
    """
    return [
        f"the {inventory.kind} {name}{_DETAILS[inventory.kind](host, name) if inventory.kind in _DETAILS else ''}"
        for inventory in INVENTORIES
        for name in inventory.names(host)
    ]


def _objects(host: Host, bucket: str) -> str:
    s3 = host.client("s3")
    return f" with {len(_all(s3, 'list_object_versions', 'Versions', Bucket=bucket))} objects"


def _tables(host: Host, database: str) -> str:
    return f" with {len(_all(host.client('glue'), 'get_tables', 'TableList', DatabaseName=database))} tables"


def _executions(host: Host, state_machine: str) -> str:
    arguments = {"stateMachineArn": state_machine, "statusFilter": "RUNNING"}
    running = _all(host.client("stepfunctions"), "list_executions", "executions", **arguments)
    return f" with {len(running)} executions that run"


def _jobs(host: Host, application: str) -> str:
    emr = host.client("emr-serverless")
    try:
        jobs = _all(emr, "list_job_runs", "jobRuns", applicationId=application)
    except emr.exceptions.ResourceNotFoundException:  # moto's answer where there was never a job
        jobs = []
    return f" with {sum(job['state'] not in {'SUCCESS', 'FAILED', 'CANCELLED'} for job in jobs)} jobs that run"


_DETAILS: dict[str, Callable[[Host, str], str]] = {
    "application": _jobs,
    "bucket": _objects,
    "Glue database": _tables,
    "state machine": _executions,
}
"""Kind → what to say of one beside its name."""


def _all(client: Any, operation: str, key: str, **arguments: str) -> list[Any]:  # noqa: ANN401 -- boto3's clients
    """List everything, over all pages."""
    if not client.can_paginate(operation):
        return list(getattr(client, operation)(**arguments).get(key, []))
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page.get(key, [])]
