"""What uses what in a template of CloudFormation: bricks, and the connections that the template gives them."""

import json
import re
from collections.abc import Iterator
from typing import Any

from spark_app.errors import UsageError

Resource = dict[str, Any]
Pair = tuple[str, str]

BRICKS = {
    "AWS::S3::Bucket BucketData": "bucket",
    "AWS::S3::Bucket BucketAccessLogs": "logs",
    "AWS::SQS::Queue Events": "queue",
    "AWS::SQS::Queue EventsDeadLetters": "dead_letters",
    "AWS::Lambda::Function IntakeStartRunFunction": "start_run",
    "AWS::Lambda::Function RecordingRecordRunFunction": "record_run",
    "AWS::Lambda::Function DrainingDrainFunction": "drain",
    "AWS::IAM::Role SparkJobRole": "spark",
    "AWS::Athena::NamedQuery": "athena",
    "AWS::Athena::WorkGroup": "athena",
    "AWS::Budgets::Budget": "budget",
    "AWS::CloudWatch::Alarm": "alarms",
    "AWS::CloudWatch::Dashboard": "alarms",
    "AWS::DynamoDB::Table": "table",
    "AWS::EMRServerless::Application": "spark",
    "AWS::Glue::Database": "catalog",
    "AWS::Logs::LogGroup": "logs",
    "AWS::Scheduler::Schedule": "schedules",
    "AWS::SNS::Subscription": "mail",
    "AWS::SNS::Topic": "topic",
    "AWS::StepFunctions::StateMachine": "machine",
    "Custom::ApplicationDrain": "drain",
}
"""Type of a resource, with its name if several bricks have resources of the type → brick that it belongs to."""

CONNECTIONS = {
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}
"""Types of resources that connect bricks, and are no brick themselves."""

SERVICES = {":emr-serverless:": "spark", ":states:": "machine", ":glue:": "catalog", ":logs:": "logs"}
"""Part of an ARN that names no resource of the template → brick."""


class DiagramError(UsageError):
    """A diagram does not show what the template contains."""


class TemplateGraph:
    """The bricks of a template, and the pairs of them of which the first uses, feeds or reports to the second.

    Parameters
    ----------
    template
        The template as CDK synthesises it.

    Raises
    ------
    DiagramError
        If a resource belongs to no brick.
    """

    def __init__(self, template: dict[str, Any]) -> None:
        self.resources: dict[str, Resource] = template["Resources"]
        found = {name: _brick(name, resource) for name, resource in self.resources.items()}
        self._brick_of = {name: brick for name, brick in found.items() if brick}
        self.bricks = {*self._brick_of.values()}
        self.pairs = {pair for pair in self._all_pairs() if pair[0] != pair[1]}

    def of_type(self, kind: str) -> list[Resource]:
        """List the properties of all resources of a type."""
        return [resource["Properties"] for resource in self.resources.values() if resource["Type"] == kind]

    def definition(self) -> dict[str, Any]:
        """Return the definition of the state machine, in which an `x` stands for each reference to a resource."""
        (machine,) = self.of_type("AWS::StepFunctions::StateMachine")
        parts = machine["DefinitionString"]["Fn::Join"][1]
        return dict(json.loads("".join(part if isinstance(part, str) else "x" for part in parts)))

    def _all_pairs(self) -> Iterator[Pair]:
        for name, resource in self.resources.items():
            yield from self._pairs(name, resource["Type"], resource.get("Properties", {}))

    def _pairs(self, name: str, kind: str, properties: dict[str, Any]) -> Iterator[Pair]:
        brick = self._brick_of.get(name, "")
        if kind == "AWS::IAM::Policy":
            permitted = [statement["Resource"] for statement in properties["PolicyDocument"]["Statement"]]
            yield from ((owner, used) for owner in self._owners(properties["Roles"]) for used in self._used(permitted))
        elif kind == "AWS::Lambda::EventSourceMapping":
            yield from self._between(properties["EventSourceArn"], properties["FunctionName"])
        elif kind == "AWS::Budgets::Budget":
            yield brick, "mail"
        elif kind == "AWS::SNS::Subscription":
            yield from ((topic, brick) for topic in self._used(properties["TopicArn"]))
        else:
            # Other properties make no connection: alarms name the metrics that they watch, and bricks name their roles.
            parts = ("AlarmActions", "NotificationConfiguration", "RedrivePolicy", "LoggingConfiguration", "Target")
            connecting = [properties.get(part, {}) for part in (*parts, "WorkGroupConfiguration", "ApplicationId")]
            yield from ((brick, used) for used in self._used(connecting) if brick)

    def _between(self, first: object, second: object) -> Iterator[Pair]:
        yield from ((one, other) for one in self._used(first) for other in self._used(second))

    def _owners(self, roles: list[dict[str, str]]) -> Iterator[str]:
        """Find the bricks that assume roles."""
        for role in (reference["Ref"] for reference in roles):
            if role in self._brick_of:
                yield self._brick_of[role]
            for name, brick in self._brick_of.items():
                properties = self.resources[name].get("Properties", {})
                assumed = [properties.get("Role"), properties.get("RoleArn"), properties.get("Target", {})]
                if role in _references(assumed):
                    yield brick

    def _used(self, value: object) -> Iterator[str]:
        """Find the bricks that a value names, by reference or in an ARN."""
        yield from (self._brick_of[name] for name in _references(value) if name in self._brick_of)
        text = json.dumps(value)
        yield from (brick for part, brick in SERVICES.items() if part in text)


def _brick(name: str, resource: Resource) -> str | None:
    kind = resource["Type"]
    known = BRICKS.get(f"{kind} {re.sub('[0-9A-F]{8}$', '', name)}") or BRICKS.get(kind)
    if not known and kind not in CONNECTIONS:
        raise DiagramError(f"The diagram of the bricks does not know {name} ({kind}): add it to BRICKS in {__name__}.")
    return known


def _references(value: object) -> Iterator[str]:
    """Find the resources that a value refers to."""
    if isinstance(value, list):
        for part in value:
            yield from _references(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key == "Ref":
                yield part
            elif key == "Fn::GetAtt":
                yield part[0]
            else:
                yield from _references(part)
