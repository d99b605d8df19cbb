"""The calls that state machines make: under the role of the state machine, in the casing and with the errors of AWS."""

import json
import logging
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.credentials import StateCredentials
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceCondition,
    ResourceRuntimePart,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from localaws.account import LocalAws
from localaws.definitions import INTEGRATIONS, RESOURCE

POLL_SECONDS = 1.0
"""Time between two looks at a job."""

SLICE_SECONDS = 0.5
"""Longest wait for moto's event of an end: moto clears the event at once, so that a later waiter misses it."""

RULE = "StepFunctionsGetEventsForEMRServerlessJobRule"
"""Name of the EventBridge rule that AWS manages to learn of the end of jobs."""

RULE_PATTERN = {"source": ["aws.emr-serverless"], "detail-type": ["EMR Serverless Job Run State Change"]}

FAILED = frozenset({"FAILED", "CANCELLED"})

logger = logging.getLogger(__name__)


def pause(aws: LocalAws, env: Environment, seconds: float) -> None:
    """Wait until the time is over, or the execution, the state or the local AWS ends."""
    until = time.monotonic() + seconds
    while env.is_running() and not aws.stopping.is_set() and (left := until - time.monotonic()) > 0:
        env.program_state_event.wait(min(left, SLICE_SECONDS))


def client_of(aws: LocalAws, service: str, role_arn: str) -> Any:  # noqa: ANN401 -- boto3's clients
    """Return a client for the calls of a state; it never retries, as retries are up to the definition."""
    client = aws.client(service, role_arn)
    name = client.meta.service_model.service_id.hyphenize()
    client.meta.events.unregister(f"needs-retry.{name}", unique_id=f"retry-config-{name}")
    client.meta.events.register("after-call", _add_request_id)
    return client


def _add_request_id(parsed: dict[str, Any], **_: object) -> None:
    """Give an answer a request id if it has none: moto reads it for the cause of an error, and fails without it."""
    parsed["ResponseMetadata"].setdefault("RequestId", str(uuid.uuid4()))


def operation_of(task: StateTaskService) -> OperationModel:
    """Return the operation that a Task calls."""
    return INTEGRATIONS[task.resource.resource_arn.removeprefix(RESOURCE)].model


def as_step_functions(value: Any, shape: Shape | None) -> Any:  # noqa: ANN401 -- any answer
    """Convert an answer of boto3 into that of Step Functions: names begin with a capital, times are text.

    The shape tells names of members, which are converted, from keys of maps, which are not.
    """
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, list):
        return [as_step_functions(one, shape.member if isinstance(shape, ListShape) else None) for one in value]
    if not isinstance(value, dict):
        return value
    if not isinstance(shape, StructureShape):
        inner = shape.value if isinstance(shape, MapShape) else None
        return {key: as_step_functions(one, inner) for key, one in value.items()}
    return {key[0].upper() + key[1:]: as_step_functions(one, shape.members.get(key)) for key, one in value.items()}


def timestamp(moment: datetime) -> str:
    """Write a time as Step Functions does."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


class StartJobRun(StateTaskServiceCallback):
    """``emr-serverless:startJobRun.sync``: the task starts a job, and waits for its end by asking for its state."""

    def __init__(self, aws: LocalAws, making_rule: threading.Lock) -> None:
        super().__init__(supported_integration_patterns={ResourceCondition.Sync})  # type: ignore[arg-type] # wrong in moto
        self._aws = aws
        self._making_rule = making_rule

    def _get_supported_parameters(self) -> set[str]:
        members = operation_of(self).input_shape.members  # type: ignore[union-attr] # the operation has parameters
        return {self._to_sfn_cased(member) for member in members}

    def _from_error(self, env: Environment, ex: Exception) -> FailureEvent:
        """Give an error the name that AWS gives it."""
        if not isinstance(ex, ClientError):
            return super()._from_error(env=env, ex=ex)
        code = ex.response["Error"]["Code"]
        name = f"EMRServerless.{code if code.endswith('Exception') else f'{code}Exception'}"
        return self._failure(env, ErrorName(name), name, str(ex.response["Error"]["Message"]))

    def _eval_service_task(
        self,
        env: Environment,
        resource_runtime_part: ResourceRuntimePart,  # noqa: ARG002 -- moto's
        normalised_parameters: dict[str, Any],
        state_credentials: StateCredentials,
    ) -> None:
        role_arn = state_credentials.role_arn
        machine = env.states.context_object.context_object_data["StateMachine"]["Id"]
        with self._making_rule:
            _make_rule(client_of(self._aws, "events", role_arn), machine)
        answer = client_of(self._aws, "emr-serverless", role_arn).start_job_run(**normalised_parameters)
        answer.pop("ResponseMetadata")
        env.stack.append(answer)

    def _eval_integration_pattern(
        self,
        env: Environment,
        resource_runtime_part: ResourceRuntimePart,  # noqa: ARG002 -- moto's
        normalised_parameters: dict[str, Any],  # noqa: ARG002 -- moto's
        state_credentials: StateCredentials,
    ) -> None:
        """Wait for the job, and cancel it if the state ends before, because of a stop or a timeout."""
        started = env.stack.pop()
        job = {"applicationId": started["ApplicationId"], "jobRunId": started["JobRunId"]}
        emr = self._aws.client("emr-serverless", state_credentials.role_arn)
        shape = operation_of(self).service_model.shape_for("JobRun")
        while env.is_running() and not self._aws.stopping.is_set():
            run = emr.get_job_run(**job)["jobRun"]
            if run["state"] in FAILED:
                cause = json.dumps(as_step_functions(run, shape))
                failed = StatesErrorNameType.StatesTaskFailed
                raise FailureEventException(self._failure(env, StatesErrorName(failed), failed.to_name(), cause))
            if run["state"] == "SUCCESS":
                env.stack.append(as_step_functions(run, shape))
                return
            pause(self._aws, env, POLL_SECONDS)
        env.stack.append(started)
        if not self._aws.stopping.is_set():
            self._cancel(emr, job)

    def _cancel(self, emr: Any, job: dict[str, str]) -> None:  # noqa: ANN401 -- boto3's client
        try:
            emr.cancel_job_run(**job)
        except ClientError as error:
            logger.warning("The job run %s of a state that has ended can't be cancelled: %s", job["jobRunId"], error)

    def _failure(self, env: Environment, name: ErrorName, error: str, cause: str) -> FailureEvent:
        details = TaskFailedEventDetails(
            resource=self._get_sfn_resource(), resourceType=self._get_sfn_resource_type(), error=error, cause=cause
        )
        return FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),  # type: ignore[typeddict-item] # wrong in moto
        )


def _make_rule(events: Any, state_machine_arn: str) -> None:  # noqa: ANN401 -- boto3's client
    """Create the rule that AWS manages if it does not exist."""
    try:
        events.describe_rule(Name=RULE)
    except events.exceptions.ResourceNotFoundException:
        events.put_rule(Name=RULE, EventPattern=json.dumps(RULE_PATTERN))
        events.put_targets(Rule=RULE, Targets=[{"Id": "StepFunctions", "Arn": state_machine_arn}])
