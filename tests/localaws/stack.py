"""A stack in a local AWS, which tests create, update and delete as the CDK command does."""

import json
from dataclasses import dataclass
from typing import Any

from localaws.host import Host
from tests.localaws.cloud import until

STACK = "some-test"

Resources = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class DeployedStack:
    """The stack of a test."""

    aws: Host

    @property
    def client(self) -> Any:  # noqa: ANN401 -- boto3's client
        """Client of CloudFormation."""
        return self.aws.client("cloudformation")

    def change_set(self, template: dict[str, Any], kind: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 -- of boto3
        """Create a change set, and return its description."""
        made = self.client.create_change_set(
            StackName=STACK,
            ChangeSetName="change",
            ChangeSetType=kind,
            TemplateBody=json.dumps(template),
            **arguments,
        )
        return dict(self.client.describe_change_set(ChangeSetName=made["Id"], StackName=STACK))

    def create(self, template: dict[str, Any], **arguments: Any) -> str:  # noqa: ANN401 -- of boto3
        """Create the stack, and return its status."""
        return self._execute(self.change_set(template, "CREATE", **arguments))

    def update(self, template: dict[str, Any], **arguments: Any) -> str:  # noqa: ANN401 -- of boto3
        """Update the stack, and return its status."""
        return self._execute(self.change_set(template, "UPDATE", **arguments))

    def changes(self, template: dict[str, Any]) -> list[tuple[str, str, str | None]]:
        """Return action, resource and replacement of each change that an update would make."""
        changes = [change["ResourceChange"] for change in self.change_set(template, "UPDATE")["Changes"]]
        return [(change["Action"], change["LogicalResourceId"], change.get("Replacement")) for change in changes]

    def _execute(self, change_set: dict[str, Any]) -> str:
        self.client.execute_change_set(ChangeSetName=change_set["ChangeSetId"], StackName=STACK)
        return self.end(change_set["StackId"])

    def delete(self) -> str:
        """Delete the stack, and return its status."""
        stack = self.describe()["StackId"]
        self.client.delete_stack(StackName=STACK)
        return self.end(stack)

    def end(self, stack: str = STACK) -> str:
        """Wait for the end of an operation, and return the status of the stack."""
        return str(until(lambda: not (status := self.status(stack)).endswith("_IN_PROGRESS") and status))

    def status(self, stack: str = STACK) -> str:
        """Return the status of the stack."""
        return str(self.describe(stack)["StackStatus"])

    def describe(self, stack: str = STACK) -> dict[str, Any]:
        """Return the description of the stack."""
        return dict(self.client.describe_stacks(StackName=stack)["Stacks"][0])

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the stack."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.describe().get("Outputs", [])}

    def resource(self, name: str) -> str:
        """Return the physical id of a resource."""
        answer = self.client.describe_stack_resource(StackName=STACK, LogicalResourceId=name)
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])

    def events(self, stack: str = STACK) -> list[tuple[str, str, str]]:
        """Return status, resource and reason of all events, the oldest first."""
        events = self.client.describe_stack_events(StackName=stack)["StackEvents"]
        return [
            (event["ResourceStatus"], event["LogicalResourceId"], event.get("ResourceStatusReason", ""))
            for event in reversed(events)
        ]

    def last_operation(self, stack: str = STACK) -> list[str]:
        """Return the events of the last operation as texts such as "UPDATE_COMPLETE Queue"."""
        told = [f"{status} {name}" for status, name, _ in self.events(stack)]
        begins = [number for number, text in enumerate(told) if text.endswith(f"_IN_PROGRESS {STACK}")]
        operations = [number for number in begins if "ROLLBACK" not in told[number] and "CLEANUP" not in told[number]]
        return told[operations[-1] :]

    def reasons(self, status: str, stack: str = STACK) -> list[str]:
        """Return the reasons of the events with this status."""
        return [reason for found, _, reason in self.events(stack) if found == status]
