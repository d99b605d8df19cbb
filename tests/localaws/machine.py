"""A state machine in the local AWS, and small definitions for it."""

import json
from typing import Any
from uuid import uuid4

from localaws.definitions import RESOURCE
from tests.localaws.cloud import ANYTHING, Cloud, until

ENDED = ("SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT")


class Machine:
    """A state machine and its executions."""

    def __init__(self, cloud: Cloud, definition: dict[str, Any], role: str | None = None) -> None:
        self.cloud = cloud
        self.sfn = cloud.aws.client("stepfunctions")
        role = role or cloud.role(*ANYTHING, service="states.amazonaws.com")
        made = self.sfn.create_state_machine(
            name=f"machine-{uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=role
        )
        self.arn = made["stateMachineArn"]

    def start(self, name: str | None = None, **request: Any) -> str:  # noqa: ANN401 -- any JSON
        """Start an execution, and return its ARN."""
        started = self.sfn.start_execution(
            stateMachineArn=self.arn, name=name or uuid4().hex, input=json.dumps(request)
        )
        return str(started["executionArn"])

    def describe(self, execution: str) -> dict[str, Any]:
        """Return the description of an execution."""
        return dict(self.sfn.describe_execution(executionArn=execution))

    def end(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution, and return its description."""
        return dict(until(lambda: (found := self.describe(execution))["status"] in ENDED and found))

    def stop(self, execution: str) -> None:
        """Stop an execution."""
        self.sfn.stop_execution(executionArn=execution)

    def history(self, execution: str) -> list[dict[str, Any]]:
        """Return the events of an execution."""
        return list(self.sfn.get_execution_history(executionArn=execution)["events"])

    def entered(self, execution: str) -> list[str]:
        """Return the names of the states that an execution has entered."""
        details = [event.get("stateEnteredEventDetails") for event in self.history(execution)]
        return [detail["name"] for detail in details if detail]

    def errors(self, execution: str) -> list[str]:
        """Return the names of the errors of tasks."""
        details = [event.get("taskFailedEventDetails") for event in self.history(execution)]
        return [detail["error"] for detail in details if detail]

    def wait_for(self, execution: str, state: str) -> None:
        """Wait until an execution has entered a state."""
        until(lambda: state in self.entered(execution))

    def count(self, metric: str) -> float:
        """Return the sum of a metric of the state machine."""
        found = self.cloud.aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/States",
            MetricName=metric,
            Dimensions=[{"Name": "StateMachineArn", "Value": self.arn}],
            StartTime="2020-01-01",
            EndTime="2100-01-01",
            Period=86400,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in found)


def definition(state: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    """Return a definition whose first state is named "Only"."""
    return {"StartAt": "Only", "States": {"Only": state, **others}}


def task(integration: str, parameters: dict[str, Any], **fields: Any) -> dict[str, Any]:  # noqa: ANN401 -- any JSON
    """Return a Task, which is the last state unless it has a Next."""
    end = {} if "Next" in fields else {"End": True}
    return {"Type": "Task", "Resource": f"{RESOURCE}{integration}", "Parameters": parameters, **end, **fields}
