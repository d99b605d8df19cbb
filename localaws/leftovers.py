"""A search for resources that the deletion of a stack has left behind: it lists the resources of each service."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from localaws.account import ACCOUNT
from localaws.host import Host

TOOLKIT = "CDKToolkit"
"""Name of the stack that `cdk bootstrap` creates; it is not a leftover."""

TOOLKIT_NAMES = "cdk-hnb659fds-"
"""Prefix of the names of its roles and of its bucket for assets."""

ENDED = {
    *("DELETE_COMPLETE", "TERMINATED"),
    *("SUCCESS", "FAILED", "CANCELLED", "SUCCEEDED", "ABORTED", "TIMED_OUT"),
}
"""States of deleted resources, which a service still lists for a while, and of jobs and executions that have ended."""


@dataclass(frozen=True)
class Listing:
    """A call that lists resources.

    Attributes
    ----------
    key
        Key of the list in the answer.
    name
        Key of the name in an item of the list; `None` if the item is the name.
    state
        Key of the state in an item; empty if there is none.
    arguments
        Arguments of the call; ``{}`` in a value stands for the name of the resource that contains the items.
    """

    service: str
    operation: str
    key: str
    name: str | None = None
    state: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)

    def names(self, host: Host, container: str = "") -> list[str]:
        """Return the names of the resources that have not ended, over all pages."""
        client, arguments = host.client(self.service), {k: v.format(container) for k, v in self.arguments.items()}
        if client.can_paginate(self.operation):
            pages = client.get_paginator(self.operation).paginate(**arguments)
        else:
            pages = [getattr(client, self.operation)(**arguments)]
        items = [item for page in pages for item in page.get(self.key, [])]
        return [
            item if self.name is None else item[self.name]
            for item in items
            if not self.state or item[self.state] not in ENDED
        ]


KINDS = {
    "stack": Listing("cloudformation", "list_stacks", "StackSummaries", "StackName", "StackStatus"),
    "role": Listing("iam", "list_roles", "Roles", "RoleName"),
    "queue": Listing("sqs", "list_queues", "QueueUrls"),
    "topic": Listing("sns", "list_topics", "Topics", "TopicArn"),
    "subscription": Listing("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    "function": Listing("lambda", "list_functions", "Functions", "FunctionName"),
    "event source mapping": Listing("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    "DynamoDB table": Listing("dynamodb", "list_tables", "TableNames"),
    "application": Listing("emr-serverless", "list_applications", "applications", "id", "state"),
    "state machine": Listing("stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn"),
    "EventBridge rule": Listing("events", "list_rules", "Rules", "Name"),
    "log group": Listing("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "alarm": Listing("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "dashboard": Listing("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    "budget": Listing("budgets", "describe_budgets", "Budgets", "BudgetName", arguments={"AccountId": ACCOUNT}),
    "workgroup": Listing("athena", "list_work_groups", "WorkGroups", "Name"),
    "Glue database": Listing("glue", "get_databases", "DatabaseList", "Name"),
    "bucket": Listing("s3", "list_buckets", "Buckets", "Name"),
}

CONTENTS = {
    "application": (
        "jobs that run",
        Listing("emr-serverless", "list_job_runs", "jobRuns", "id", "state", {"applicationId": "{}"}),
    ),
    "bucket": ("objects", Listing("s3", "list_object_versions", "Versions", "Key", arguments={"Bucket": "{}"})),
    "Glue database": ("tables", Listing("glue", "get_tables", "TableList", "Name", arguments={"DatabaseName": "{}"})),
    "state machine": (
        "executions that run",
        Listing("stepfunctions", "list_executions", "executions", "name", "status", {"stateMachineArn": "{}"}),
    ),
}
"""Kind → the noun for, and the listing of, what a resource of this kind contains."""


def leftovers(host: Host) -> list[str]:
    """Describe the resources that exist, such as "the bucket pictures-dev-… with 12 objects".

    Resources that `cdk bootstrap` keeps for the next deployment are left out.
    """
    return [
        f"the {kind} {name}{_contents(host, kind, name)}"
        for kind, listing in KINDS.items()
        for name in listing.names(host)
        if name not in {TOOLKIT, "primary"} and not name.startswith(TOOLKIT_NAMES)
    ]


def _contents(host: Host, kind: str, name: str) -> str:
    if kind not in CONTENTS:
        return ""
    noun, listing = CONTENTS[kind]
    return f" with {len(listing.names(host, name))} {noun}"
