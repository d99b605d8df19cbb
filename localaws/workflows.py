"""Step Functions: state machines that are checked when they are made, as AWS does, and executed."""

import logging
import threading
import time
import uuid
from datetime import datetime
from typing import Any

from moto.core.config import default_user_config
from moto.core.exceptions import AWSError
from moto.stepfunctions import models, responses
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

from localaws import authorization, interpreter, metrics
from localaws.account import ACCOUNT, REGION, LocalAws, LocalAwsError
from localaws.definitions import check, integrations_of
from localaws.integrations import RULE
from localaws.patches import replace

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
"""To hear of the end of what a state waits for."""

METRICS = {
    ExecutionStatus.SUCCEEDED: "ExecutionsSucceeded",
    ExecutionStatus.FAILED: "ExecutionsFailed",
    ExecutionStatus.TIMED_OUT: "ExecutionsTimedOut",
    ExecutionStatus.ABORTED: "ExecutionsAborted",
}

START_SECONDS = 10
"""An execution whose first state was not entered by then never will be."""

LOGGED = {
    "moto.stepfunctions": logging.WARNING,
    "moto.stepfunctions.parser.asl.component.eval_component": logging.CRITICAL,
}
"""What the interpreter says of every word and of every error is too much; the history of an execution has it all."""

logger = logging.getLogger(__name__)


class AccessDeniedError(AWSError):
    """The role of a state machine lacks something that AWS looks for when the state machine is made."""

    TYPE = "AccessDeniedException"
    STATUS = 400


class InvalidDefinitionError(AWSError):
    """A definition is wrong, or would work otherwise here; moto's own error of this name reaches callers without it."""

    TYPE = "InvalidDefinition"
    STATUS = 400


def install(aws: LocalAws) -> None:
    """Let moto's Step Functions run state machines."""
    for name, level in LOGGED.items():
        logging.getLogger(name).setLevel(level)
    _use_interpreter()
    interpreter.install(aws)
    _check_machines(aws)
    _refuse_updates()
    _start()
    _stop()
    _record_ends(aws)


def _use_interpreter() -> None:
    """Have every state machine executed, whether the API makes it or CloudFormation."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    for module in (models, responses):
        if "stepfunctions_backends" not in vars(module):
            raise LocalAwsError(f"{module.__name__} has no backends to be replaced by those that run state machines.")
        vars(module)["stepfunctions_backends"] = stepfunctions_parser_backends


def _check_machines(aws: LocalAws) -> None:
    def create_state_machine(  # noqa: PLR0913, PLR0917 -- moto's
        self: StepFunctionsParserBackend,
        name: str,
        definition: str,
        roleArn: str,
        tags: list[dict[str, str]] | None = None,
        publish: bool | None = None,  # noqa: FBT001 -- moto's
        loggingConfiguration: dict[str, Any] | None = None,
        tracingConfiguration: dict[str, Any] | None = None,
        encryptionConfiguration: dict[str, Any] | None = None,
        version_description: str | None = None,
        sm_type: str | None = None,
    ) -> StateMachine:
        if sm_type not in {None, "STANDARD"}:
            raise InvalidDefinitionError(f"State machines are STANDARD here, not {sm_type}.")
        _check_definition(definition)
        _check_role(aws, roleArn, _needs(definition, loggingConfiguration or {}, tracingConfiguration or {}))
        return original(  # type: ignore[no-any-return]
            self,
            name,
            definition,
            roleArn,
            tags,
            publish,
            loggingConfiguration,
            tracingConfiguration,
            encryptionConfiguration,
            version_description,
            sm_type,
        )

    original = replace(
        StepFunctionsParserBackend,
        "create_state_machine",
        create_state_machine,
        because="moto takes roles that can't do what the state machine needs, and definitions that it runs otherwise",
    )


def _refuse_updates() -> None:
    def update_state_machine(  # noqa: PLR0913, PLR0917 -- moto's
        self: StepFunctionsParserBackend,  # noqa: ARG001 -- moto's
        arn: str,
        definition: str | None = None,  # noqa: ARG001
        role_arn: str | None = None,  # noqa: ARG001
        logging_configuration: dict[str, Any] | None = None,  # noqa: ARG001
        tracing_configuration: dict[str, Any] | None = None,  # noqa: ARG001
        encryption_configuration: dict[str, Any] | None = None,  # noqa: ARG001
        publish: bool | None = None,  # noqa: ARG001, FBT001
        version_description: str | None = None,  # noqa: ARG001
    ) -> StateMachine:
        raise InvalidDefinitionError(f"A state machine can't be updated here: {arn}.")

    replace(
        StepFunctionsParserBackend,
        "update_state_machine",
        update_state_machine,
        because="it would have to be checked again, and no stack is updated here",
    )


def _check_definition(definition: str) -> None:
    try:
        check(definition)
    except LocalAwsError as error:
        raise InvalidDefinitionError(str(error)) from error


def _needs(definition: str, log: dict[str, Any], tracing: dict[str, Any]) -> list[tuple[str, str]]:
    """List the actions, with their resources, that AWS wants the role of a state machine to be allowed."""
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{RULE}"
    return [
        *((action, "*") for action in LOGGING_ACTIONS if log.get("level", "OFF") != "OFF"),
        *((action, "*") for action in TRACING_ACTIONS if tracing.get("enabled")),
        *((action, rule) for action in RULE_ACTIONS if any(one.waits for one in integrations_of(definition))),
    ]


def _check_role(aws: LocalAws, role_arn: str, needs: list[tuple[str, str]]) -> None:
    try:
        authorization.require_trust(role_arn, SERVICE)
        for action, resource in needs:
            authorization.require(aws, role_arn, action, resource)
    except LocalAwsError as error:
        raise AccessDeniedError(str(error)) from error


def _start() -> None:
    def start_execution(
        self: StepFunctionsParserBackend,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> Execution:
        with starting:
            name = name or str(uuid.uuid4())
            self._validate_name(name)
            return original(self, state_machine_arn, name, execution_input, trace_header)  # type: ignore[no-any-return]

    starting = threading.Lock()
    original = replace(
        StepFunctionsParserBackend,
        "start_execution",
        start_execution,
        because="moto's executions have no name unless they are given one, and two may be given the same at once",
    )


def _stop() -> None:
    def stop(self: Execution, stop_date: datetime, error: str | None, cause: str | None) -> None:
        if self.exec_status == ExecutionStatus.RUNNING:
            _wait_until_running(self)
            original(self, stop_date, error, cause)
            self.exec_status, self.stop_date = ExecutionStatus.ABORTED, stop_date

    original = replace(Execution, "stop", stop, because="moto's can't be stopped in their first moments, nor at once")


def _wait_until_running(execution: Execution) -> None:
    """Wait for the moment between the start of an execution's thread and its first state; moto has no event for it."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and execution.exec_status == ExecutionStatus.RUNNING:
        environment = execution.exec_worker.env if execution.exec_worker else None
        if environment is not None and environment.is_running():
            return
        time.sleep(0.01)


def _record_ends(aws: LocalAws) -> None:
    def terminated(self: BaseExecutionWorkerCommunication) -> None:
        original(self)
        execution = self.execution
        if aws.stopping.is_set() or execution.exec_status is None:
            return
        try:
            dimensions = {"StateMachineArn": execution.state_machine.arn}
            metrics.record(aws, "AWS/States", METRICS[execution.exec_status], dimensions, 1)
        except Exception:
            logger.exception("The end of %s could not be recorded.", execution.exec_arn)
            raise

    original = replace(BaseExecutionWorkerCommunication, "terminated", terminated, because="moto counts no executions")
