"""Calls of the workflow: in the name of the state machine's role, in the casing and with the errors of AWS."""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape
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
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from localaws.account import LocalAws
from localaws.definitions import INTEGRATIONS, RESOURCE

POLL_SECONDS = 0.5
"""Between two looks at a job."""

SLICE_SECONDS = 0.5
"""Longest wait at a stretch: moto's signal of an end is gone at once, so that who begins to wait then misses it."""

RULE = "StepFunctionsGetEventsForEMRServerlessJobRule"
"""The rule that AWS manages, to hear of the ends of jobs."""

RULE_PATTERN = {"source": ["aws.emr-serverless"], "detail-type": ["EMR Serverless Job Run State Change"]}

FAILED = frozenset({"FAILED", "CANCELLED"})

JOB_RUN = INTEGRATIONS["emr-serverless:startJobRun.sync"].model.service_model.shape_for("JobRun")

logger = logging.getLogger(__name__)


def pause(aws: LocalAws, env: Environment, seconds: float) -> None:
    """Wait, but not longer than the execution, or the state, or the local AWS."""
    until = time.monotonic() + seconds
    while env.is_running() and not aws.stopping.is_set() and (left := until - time.monotonic()) > 0:
        env.program_state_event.wait(min(left, SLICE_SECONDS))


def client_of(aws: LocalAws, service: str, role_arn: str) -> Any:  # noqa: ANN401 -- boto3's clients
    """Make a client for calls of a state: whether to try again is up to the definition, not to the client."""
    client = aws.client(service, role_arn)
    name = client.meta.service_model.service_id.hyphenize()
    client.meta.events.unregister(f"needs-retry.{name}", unique_id=f"retry-config-{name}")
    client.meta.events.register("after-call", _identify)
    return client


def _identify(parsed: dict[str, Any], **_: object) -> None:
    """Give the answer to a call an id if it has none: moto puts it into the cause of an error, and fails without."""
    parsed["ResponseMetadata"].setdefault("RequestId", str(uuid.uuid4()))


def shape_of(resource: str, kind: str) -> StructureShape:
    """Look up what an integration takes (``input_shape``) or answers (``output_shape``)."""
    return getattr(INTEGRATIONS[resource.removeprefix(RESOURCE)].model, kind)  # type: ignore[no-any-return]


def written(value: Any, shape: Shape | None) -> Any:  # noqa: ANN401 -- any answer
    """Write an answer as Step Functions does: names begin with a capital, times are text.

    Parameters
    ----------
    value
        As boto3 gives it.
    shape
        Says what are names; the keys of a map are none.
    """
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, list):
        return [written(one, shape.member if isinstance(shape, ListShape) else None) for one in value]
    if not isinstance(value, dict):
        return value
    if not isinstance(shape, StructureShape):
        inner = shape.value if isinstance(shape, MapShape) else None
        return {key: written(one, inner) for key, one in value.items()}
    return {key[0].upper() + key[1:]: written(one, shape.members.get(key)) for key, one in value.items()}


def timestamp(moment: datetime) -> str:
    """Write a time as Step Functions does."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def start_job_task(aws: LocalAws) -> Callable[[], StateTaskServiceCallback]:
    """Make the class of the task that moto lacks."""

    class StartJobRun(_StartJobRun):
        local_aws = aws

    return StartJobRun


class _StartJobRun(StateTaskServiceCallback):
    """``emr-serverless:startJobRun.sync``: starts a job, and waits for its end."""

    local_aws: LocalAws

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns={ResourceCondition.Sync})  # type: ignore[arg-type]

    def _get_supported_parameters(self) -> set[str]:
        shape = shape_of(self.resource.resource_arn, "input_shape")
        return {self._to_sfn_cased(member) for member in shape.members}

    def _from_error(self, env: Environment, ex: Exception) -> FailureEvent:
        """Name an error as AWS does."""
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
        hear_of_jobs(client_of(self.local_aws, "events", role_arn), machine)
        answer = client_of(self.local_aws, "emr-serverless", role_arn).start_job_run(**normalised_parameters)
        answer.pop("ResponseMetadata")
        env.stack.append(answer)

    def _eval_integration_pattern(
        self,
        env: Environment,
        resource_runtime_part: ResourceRuntimePart,  # noqa: ARG002 -- moto's
        normalised_parameters: dict[str, Any],  # noqa: ARG002 -- moto's
        state_credentials: StateCredentials,
    ) -> None:
        """Wait for the job; if the state is left before, because it is stopped or took too long, cancel it."""
        started = env.stack.pop()
        job = {"applicationId": started["ApplicationId"], "jobRunId": started["JobRunId"]}
        emr = self.local_aws.client("emr-serverless", state_credentials.role_arn)
        while env.is_running() and not self.local_aws.stopping.is_set():
            run = emr.get_job_run(**job)["jobRun"]
            if run["state"] in FAILED:
                cause = json.dumps(written(run, JOB_RUN))
                failed = StatesErrorNameType.StatesTaskFailed
                raise FailureEventException(self._failure(env, StatesErrorName(failed), failed.to_name(), cause))
            if run["state"] == "SUCCESS":
                env.stack.append(written(run, JOB_RUN))
                return
            pause(self.local_aws, env, POLL_SECONDS)
        env.stack.append(started)
        self._cancel(emr, job)

    def _cancel(self, emr: Any, job: dict[str, str]) -> None:  # noqa: ANN401 -- boto3's client
        if self.local_aws.stopping.is_set():
            return
        try:
            emr.cancel_job_run(**job)
        except ClientError as error:
            logger.warning("The job %s of a state that has ended goes on: %s", job["jobRunId"], error)

    def _failure(self, env: Environment, name: ErrorName, error: str, cause: str) -> FailureEvent:
        details = TaskFailedEventDetails(
            resource=self._get_sfn_resource(), resourceType=self._get_sfn_resource_type(), error=error, cause=cause
        )
        return FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),  # type: ignore[typeddict-item]
        )


_making_rule = threading.Lock()


def hear_of_jobs(events: Any, state_machine_arn: str) -> None:  # noqa: ANN401 -- boto3's client
    """Make the managed rule, where it is not there yet.

    Raises
    ------
    ClientError
        If the role may not.
    """
    with _making_rule:
        try:
            events.describe_rule(Name=RULE)
        except events.exceptions.ResourceNotFoundException:
            events.put_rule(Name=RULE, EventPattern=json.dumps(RULE_PATTERN))
            events.put_targets(Rule=RULE, Targets=[{"Id": "StepFunctions", "Arn": state_machine_arn}])
