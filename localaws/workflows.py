"""Step Functions: state machines are checked when they are created, as AWS does, and `Interpreter` executes them.

Executions that run when their state machine is updated keep the definition and the role that they began with.
"""

import logging
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any, cast

from moto.core.config import default_user_config
from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions import models, responses
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends
from moto.stepfunctions.responses import StepFunctionResponse

from localaws.account import ACCOUNT, REGION, LocalAws, refusing
from localaws.authorization import Authorization, require_trust
from localaws.definitions import check, integrations_of
from localaws.integrations import RULE
from localaws.metrics import Metrics, MetricValue
from localaws.patches import Original, Part, replaces

SERVICE = "states.amazonaws.com"

LOGGING_ACTIONS = tuple(
    f"logs:{action}"
    for action in (
        *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
        *("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
    )
)

TRACING_ACTIONS = tuple(
    f"xray:{action}" for action in ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")
)

RULE_ACTIONS = ("events:DescribeRule", "events:PutRule", "events:PutTargets")
"""Actions of the role of a state machine that waits for the end of a job."""

METRICS = {
    ExecutionStatus.SUCCEEDED: "ExecutionsSucceeded",
    ExecutionStatus.FAILED: "ExecutionsFailed",
    ExecutionStatus.TIMED_OUT: "ExecutionsTimedOut",
    ExecutionStatus.ABORTED: "ExecutionsAborted",
}

START_SECONDS = 10
"""Longest time from the start of an execution to its first state."""

LOG_LEVELS = {
    "moto.stepfunctions": logging.WARNING,
    "moto.stepfunctions.parser.asl.component.eval_component": logging.CRITICAL,
}
"""The interpreter logs every step and every error; the history of the execution has them all."""


class AccessDeniedError(AWSError):
    """The role of a state machine lacks a permission that AWS demands when the state machine is created."""

    TYPE = "AccessDeniedException"
    STATUS = 400


class InvalidDefinitionError(AWSError):
    """A definition is wrong, or would work differently here; callers see no message of moto's error of this name."""

    TYPE = "InvalidDefinition"
    STATUS = 400


class Workflows(Part):
    """The state machines and their executions."""

    def __init__(self, aws: LocalAws, authorization: Authorization, metrics: Metrics) -> None:
        super().__init__(aws)
        self._authorization = authorization
        self._metrics = metrics
        self._starting = threading.Lock()

    def start(self) -> None:
        """Let moto execute every state machine, whether a client creates it or CloudFormation."""
        super().start()
        for name, level in LOG_LEVELS.items():
            logger = logging.getLogger(name)
            self.at_end.callback(logger.setLevel, logger.level)
            logger.setLevel(level)
        before = default_user_config["stepfunctions"]
        self.at_end.callback(default_user_config.update, {"stepfunctions": before})
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        theirs = models.stepfunctions_backends
        for module in (models, responses):
            self.exchange(module, "stepfunctions_backends", before=theirs, now=stepfunctions_parser_backends)
        self.at_end.callback(_stop_executions)

    @replaces(
        StepFunctionsParserBackend, "create_state_machine", because="moto checks neither the role nor the definition"
    )
    def _create(
        self,
        original: Original,
        backend: StepFunctionsParserBackend,
        definition: str,
        sm_type: str | None,
        arguments: dict[str, Any],
    ) -> StateMachine:
        if sm_type not in {None, "STANDARD"}:
            raise InvalidDefinitionError(f"State machines are STANDARD here, not {sm_type}.")
        self._check(
            arguments["roleArn"], definition, arguments["loggingConfiguration"], arguments["tracingConfiguration"]
        )
        return original(backend, **arguments)  # type: ignore[no-any-return] # the original has no type

    @replaces(StepFunctionsParserBackend, "update_state_machine", because="moto checks neither role nor definition")
    def _update(
        self,
        original: Original,
        backend: StepFunctionsParserBackend,
        arn: str,
        arguments: dict[str, Any],
    ) -> StateMachine:
        machine = backend.describe_state_machine(arn)
        self._check(
            arguments["role_arn"] or machine.roleArn,
            arguments["definition"] or machine.definition,
            arguments["logging_configuration"] or machine.loggingConfiguration,
            arguments["tracing_configuration"] or machine.tracingConfiguration,
        )
        return original(backend, **arguments)  # type: ignore[no-any-return] # the original has no type

    def _check(self, role: str, definition: str, log: Any, tracing: Any) -> None:  # noqa: ANN401 -- as in the request
        with refusing(InvalidDefinitionError):
            check(definition)
        with refusing(AccessDeniedError):
            require_trust(role, SERVICE)
            for action, resource in _role_actions(definition, log or {}, tracing or {}):
                self._authorization.require(role, action, resource)

    @replaces(StepFunctionsParserBackend, "start_execution", because="moto's have no names, or two have the same")
    def _start(
        self, original: Original, backend: StepFunctionsParserBackend, name: str | None, arguments: dict[str, Any]
    ) -> Execution:
        with self._starting:
            name = name or str(uuid.uuid4())
            backend._validate_name(name)  # noqa: SLF001 -- moto checks only names that callers give
            return original(backend, **arguments | {"name": name})  # type: ignore[no-any-return] # the original has no type

    @replaces(
        StepFunctionResponse,
        "describe_state_machine_for_execution",
        because="moto's has the present definition, not the one that the execution began with",
    )
    def _describe_begun(self, original: Original, response: StepFunctionResponse) -> ActionResult:
        answer: ActionResult = original(response)
        backend = stepfunctions_parser_backends[ACCOUNT][REGION]
        execution: Any = backend.describe_execution(response._get_param("executionArn"))  # noqa: SLF001 -- moto's accessor
        return ActionResult({**cast("Any", answer.result), "definition": execution.state_machine.definition})

    @replaces(StepFunctionResponse, "get_execution_history", because="moto's is always in the order of time")
    def _history(self, original: Original, response: StepFunctionResponse) -> ActionResult:
        answer: ActionResult = original(response)
        events = cast("Any", answer.result)["events"]
        is_reversed = bool(response._get_param("reverseOrder"))  # noqa: SLF001 -- moto's accessor
        return ActionResult({"events": sorted(events, key=lambda event: event["id"], reverse=is_reversed)})

    @replaces(StepFunctionResponse, "stop_execution", because="moto's loses error and cause")
    def _stop_for(self, original: Original, response: StepFunctionResponse) -> ActionResult:
        answer: ActionResult = original(response)
        backend = stepfunctions_parser_backends[ACCOUNT][REGION]
        execution: Any = backend.describe_execution(response._get_param("executionArn"))  # noqa: SLF001 -- moto's accessor
        if execution.exec_status == ExecutionStatus.ABORTED:
            execution.error, execution.cause = response._get_param("error"), response._get_param("cause")  # noqa: SLF001 -- as above
        return answer

    @replaces(Execution, "stop", because="moto's can't be stopped before the first state, and is not ABORTED at once")
    def _stop(
        self, original: Original, execution: Execution, stop_date: datetime, error: str | None, cause: str | None
    ) -> None:
        if execution.exec_status == ExecutionStatus.RUNNING:
            _wait_until_running(execution)
            original(execution, stop_date, error, cause)
            execution.exec_status, execution.stop_date = ExecutionStatus.ABORTED, stop_date

    @replaces(BaseExecutionWorkerCommunication, "terminated", because="moto counts no executions")
    def _count_end(self, original: Original, communication: BaseExecutionWorkerCommunication) -> None:
        original(communication)
        execution = communication.execution
        if execution.exec_status is not None:
            dimensions = {"StateMachineArn": execution.state_machine.arn}
            self._metrics.put(MetricValue("AWS/States", METRICS[execution.exec_status], dimensions, 1))


def _role_actions(definition: str, log: dict[str, Any], tracing: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the actions, with their resources, that AWS demands of the role of a state machine."""
    waits = any(integration.waits for integration in integrations_of(definition))
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{RULE}"
    return [
        *((action, "*") for action in LOGGING_ACTIONS if log.get("level", "OFF") != "OFF"),
        *((action, "*") for action in TRACING_ACTIONS if tracing.get("enabled")),
        *((action, rule) for action in RULE_ACTIONS if waits),
    ]


def _wait_until_running(execution: Execution) -> None:
    """Wait until the thread of an execution has reached its first state; moto has no event for it."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and execution.exec_status == ExecutionStatus.RUNNING:
        environment = execution.exec_worker.env if execution.exec_worker else None
        if environment is not None and environment.is_running():
            return
        time.sleep(0.01)


def _stop_executions() -> None:
    """Stop all executions: without the replacements, they would not act under their roles."""
    for machine in stepfunctions_parser_backends[ACCOUNT][REGION].state_machines:
        for execution in machine.executions:
            execution.stop(datetime.now(UTC), None, None)
