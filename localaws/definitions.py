"""The part of the Amazon States Language that works here as in AWS; any other definition is refused."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import botocore.session
from botocore.model import OperationModel, Shape, StructureShape

from localaws.account import LocalAwsError, refuse_unknown

Document = Mapping[str, Any]

RESOURCE = "arn:aws:states:::"


@dataclass(frozen=True)
class Integration:
    """An integration that a Task may call.

    Attributes
    ----------
    service, operation
        Names in boto3.
    waits
        Whether the state waits for the end of the job that it starts (``.sync``).
    """

    service: str
    operation: str
    waits: bool = False

    @cached_property
    def model(self) -> OperationModel:
        """The description of the operation in botocore."""
        return botocore.session.get_session().get_service_model(self.service).operation_model(self.operation)


INTEGRATIONS = {
    "dynamodb:getItem": Integration("dynamodb", "GetItem"),
    "dynamodb:updateItem": Integration("dynamodb", "UpdateItem"),
    "aws-sdk:sfn:describeExecution": Integration("stepfunctions", "DescribeExecution"),
    "aws-sdk:s3:putObject": Integration("s3", "PutObject"),
    "states:startExecution": Integration("stepfunctions", "StartExecution"),
    "lambda:invoke": Integration("lambda", "Invoke"),
    "emr-serverless:startJobRun.sync": Integration("emr-serverless", "StartJobRun", waits=True),
}
"""Name of an integration in a definition → the integration."""

_ANY = frozenset({"Type", "Comment"})
_FLOW = _ANY | {"Next", "End"}
_PATHS = frozenset({"InputPath", "OutputPath"})

STATES = {
    "Task": _FLOW
    | _PATHS
    | {"Resource", "Parameters", "ResultSelector", "ResultPath", "Retry", "Catch", "TimeoutSeconds"},
    "Choice": _ANY | _PATHS | {"Choices", "Default"},
    "Pass": _FLOW | _PATHS | {"Parameters", "Result", "ResultPath"},
    "Wait": _FLOW | _PATHS | {"Seconds", "TimestampPath"},
    "Succeed": _ANY | _PATHS,
    "Fail": _ANY | {"Error", "ErrorPath", "Cause", "CausePath"},
}
"""Type of a state → its fields."""

MACHINE = frozenset({"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds"})

RETRIER = frozenset(
    {"ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxAttempts", "MaxDelaySeconds", "JitterStrategy"}
)

CATCHER = frozenset({"ErrorEquals", "ResultPath", "Next"})

RULE = frozenset({"And", "Or", "Not", "Variable", "Next"})

COMPARISONS = frozenset(
    {"BooleanEquals", "IsPresent", "StringEquals", "StringEqualsPath", "NumericLessThan", "NumericEquals"}
)
"""Operators of a Choice."""


def check(text: str) -> None:
    """Check that a definition has nothing that would be ignored, or would work differently than in AWS.

    Raises
    ------
    LocalAwsError
        If it has; the message names the field and the state.
    """
    try:
        machine = json.loads(text)
    except ValueError as error:
        raise LocalAwsError(f"The definition is not JSON: {error}.") from error
    refuse_unknown(machine, MACHINE, "the state machine")
    if (language := machine.get("QueryLanguage", "JSONPath")) != "JSONPath":
        raise LocalAwsError(f"The query language of state machines is JSONPath here, not {language}.")
    for name, state in machine["States"].items():
        _check_state(name, state)
    _check_targets(machine)


def integrations_of(text: str) -> list[Integration]:
    """List the integrations that the tasks of a definition call."""
    states = json.loads(text)["States"].values()
    return [_integration(state["Resource"], "") for state in states if state["Type"] == "Task"]


def _check_state(name: str, state: Document) -> None:
    if state.get("Type") not in STATES:
        raise LocalAwsError(f"The type of the state {name} is {state.get('Type')}; known types: {', '.join(STATES)}.")
    refuse_unknown(state, STATES[state["Type"]], f"the state {name}")
    for retrier in state.get("Retry", ()):
        refuse_unknown(retrier, RETRIER, f"a Retry of {name}")
    for catcher in state.get("Catch", ()):
        refuse_unknown(catcher, CATCHER, f"a Catch of {name}")
    for rule in state.get("Choices", ()):
        _check_rule(name, rule)
    if state["Type"] == "Task":
        shape = _integration(state["Resource"], name).model.input_shape
        _check_parameters(name, state.get("Parameters", {}), shape)


def _check_rule(name: str, rule: Document) -> None:
    refuse_unknown(rule, RULE | COMPARISONS, f"a choice of {name}")
    inner = [*rule.get("And", ()), *rule.get("Or", ()), *([rule["Not"]] if "Not" in rule else [])]
    for part in inner:
        _check_rule(name, part)


def _integration(resource: str, name: str) -> Integration:
    called = resource.removeprefix(RESOURCE)
    if not resource.startswith(RESOURCE) or called not in INTEGRATIONS:
        raise LocalAwsError(f"The state {name} calls {resource}; known integrations: {', '.join(INTEGRATIONS)}.")
    return INTEGRATIONS[called]


def _check_parameters(name: str, parameters: Document, shape: Shape | None) -> None:
    """Check that the operation has all parameters: moto would drop the others."""
    if not isinstance(shape, StructureShape):
        return
    members = {member[0].upper() + member[1:]: inner for member, inner in shape.members.items()}
    refuse_unknown((key.removesuffix(".$") for key in parameters), members, f"the parameters of {name}")
    for key, value in parameters.items():
        if isinstance(value, Mapping) and key in members:
            _check_parameters(name, value, members[key])


def _check_targets(machine: Document) -> None:
    states = machine["States"]
    for where, target in (("StartAt", machine["StartAt"]), *_targets(states)):
        if target not in states:
            raise LocalAwsError(f"{where} is followed by {target}, and there is no such state.")
    reached = {machine["StartAt"], *(target for _, target in _targets(states))}
    if unreached := [name for name in states if name not in reached]:
        raise LocalAwsError(f"No state is followed by {unreached[0]}.")


def _targets(states: Document) -> Iterator[tuple[str, str]]:
    for name, state in states.items():
        for part in (state, *state.get("Choices", ()), *state.get("Catch", ())):
            yield from ((f"The state {name}", part[key]) for key in ("Next", "Default") if key in part)
