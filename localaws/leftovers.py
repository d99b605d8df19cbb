"""A search for resources that the deletion of a stack has left behind: it lists the resources of each service."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from localaws.account import ACCOUNT
from localaws.host import Host

TOOLKIT = "CDKToolkit"
"""Name of the stack that `cdk bootstrap` creates; it is not a leftover."""

TOOLKIT_NAMES = "cdk-hnb659fds-"
"""Prefix of the names of its roles and of its bucket for assets."""

GONE = {"DELETE_COMPLETE", "TERMINATED"}
"""States of resources that a service still lists for a while after their deletion."""


@dataclass(frozen=True)
class ResourceKind:
    """A kind of resource, with the call that lists all resources of this kind.

    Attributes
    ----------
    noun
        For messages.
    key
        Key of the list in the answer.
    name
        Key of the name in an item of the list; `None` if the item is the name.
    state
        Key of the state in an item; empty if there is none.
    """

    noun: str
    service: str
    operation: str
    key: str
    name: str | None
    state: str = ""
    arguments: dict[str, str] = field(default_factory=dict)

    def names(self, host: Host) -> Iterable[str]:
        """List the names of all resources of this kind, without those of `cdk bootstrap`."""
        for item in _all(host.client(self.service), self.operation, self.key, **self.arguments):
            name = item if self.name is None else item[self.name]
            gone = self.state and item[self.state] in GONE
            if not gone and name not in {TOOLKIT, "primary"} and not name.startswith(TOOLKIT_NAMES):
                yield name


KINDS = (
    ResourceKind("stack", "cloudformation", "list_stacks", "StackSummaries", "StackName", state="StackStatus"),
    ResourceKind("role", "iam", "list_roles", "Roles", "RoleName"),
    ResourceKind("queue", "sqs", "list_queues", "QueueUrls", None),
    ResourceKind("topic", "sns", "list_topics", "Topics", "TopicArn"),
    ResourceKind("subscription", "sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    ResourceKind("function", "lambda", "list_functions", "Functions", "FunctionName"),
    ResourceKind("event source mapping", "lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    ResourceKind("DynamoDB table", "dynamodb", "list_tables", "TableNames", None),
    ResourceKind("application", "emr-serverless", "list_applications", "applications", "id", state="state"),
    ResourceKind("state machine", "stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn"),
    ResourceKind("log group", "logs", "describe_log_groups", "logGroups", "logGroupName"),
    ResourceKind("alarm", "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ResourceKind("dashboard", "cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ResourceKind("budget", "budgets", "describe_budgets", "Budgets", "BudgetName", arguments={"AccountId": ACCOUNT}),
    ResourceKind("workgroup", "athena", "list_work_groups", "WorkGroups", "Name"),
    ResourceKind("Glue database", "glue", "get_databases", "DatabaseList", "Name"),
    ResourceKind("bucket", "s3", "list_buckets", "Buckets", "Name"),
)


def leftovers(host: Host) -> list[str]:
    """Describe the resources that exist, such as "the bucket pictures-dev-… with 12 objects".

    Resources that `cdk bootstrap` keeps for the next deployment are left out.
    """
    return [
        f"the {kind.noun} {name}{_DETAILS[kind.noun](host, name) if kind.noun in _DETAILS else ''}"
        for kind in KINDS
        for name in kind.names(host)
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
    jobs = _all(host.client("emr-serverless"), "list_job_runs", "jobRuns", applicationId=application)
    return f" with {sum(job['state'] not in {'SUCCESS', 'FAILED', 'CANCELLED'} for job in jobs)} jobs that run"


_DETAILS: dict[str, Callable[[Host, str], str]] = {
    "application": _jobs,
    "bucket": _objects,
    "Glue database": _tables,
    "state machine": _executions,
}
"""Noun → function that returns details of a resource; takes its name."""


def _all(client: Any, operation: str, key: str, **arguments: str) -> list[Any]:  # noqa: ANN401 -- boto3's clients
    """Return the items of all pages of a list."""
    if not client.can_paginate(operation):
        return list(getattr(client, operation)(**arguments).get(key, []))
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page.get(key, [])]
