"""moto's interpreter of the Amazon States Language, made to do what AWS's does: patches, each with its reason."""

import sys
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.state import state as state_module
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_func import ComparisonFuncValue
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_operator_type import (
    ComparisonOperatorType,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.string_operators import (
    StringEqualsPath,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.variable import NoSuchVariable
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_dynamodb import (
    StateTaskServiceDynamoDB,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.component.state.fail import state_fail
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.asl.utils.json_path import extract_json

from localaws.account import REGION, LocalAws, LocalAwsError
from localaws.integrations import client_of, pause, shape_of, start_job_task, timestamp, written
from localaws.patches import replace

UNCATCHABLE = frozenset({"States.Runtime", "States.DataLimitExceeded"})
"""Errors that AWS neither retries nor catches: the definition is wrong."""


def install(aws: LocalAws) -> None:
    """Patch the interpreter."""
    _take_on_roles(aws)
    _write_parameters()
    _write_times()
    _run_jobs(aws)
    _compare()
    _name_errors()
    _let_mistakes_show()
    _pace(aws)
    _keep_stopped()


def _take_on_roles(aws: LocalAws) -> None:
    """Make the calls of a state with the permissions of its state machine's role."""

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ANN401 -- moto's
        if region != REGION or state_credentials is None:
            raise LocalAwsError(f"A state calls {service} in {region}, or under no role.")
        return client_of(aws, service, state_credentials.role_arn)

    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions.") and hasattr(module, "boto_client_for"):
            replace(module, "boto_client_for", boto_client_for, because="moto calls services under nobody's name")


def _write_parameters() -> None:
    """Have parameters and answers written as each service, and as Step Functions, write them."""

    def _normalise_parameters(
        self: StateTaskService,
        parameters: dict[str, Any],
        boto_service_name: str | None = None,  # noqa: ARG001 -- moto's
        service_action_name: str | None = None,  # noqa: ARG001 -- moto's
    ) -> None:
        self._to_boto_request(parameters, shape_of(self.resource.resource_arn, "input_shape"))

    def _normalise_response(
        self: StateTaskService,
        response: Any,  # noqa: ANN401 -- moto's
        boto_service_name: str | None = None,  # noqa: ARG001 -- moto's
        service_action_name: str | None = None,  # noqa: ARG001 -- moto's
    ) -> None:
        answer = written(response, shape_of(self.resource.resource_arn, "output_shape"))
        response.clear()
        response.update(answer)

    left = "moto leaves the casing as it is, and times that are no JSON"
    replace(StateTaskService, "_normalise_parameters", _normalise_parameters, because=left)
    replace(StateTaskService, "_normalise_response", _normalise_response, because=left)


def _write_times() -> None:
    """Write the time at which a state was entered as AWS does: definitions take it apart."""

    def state_data(**data: Any) -> Any:  # noqa: ANN401 -- moto's
        return original(**data | {"EnteredTime": timestamp(datetime.now(UTC))})

    original = vars(state_module)["StateData"]
    if set(original.__annotations__) != {"EnteredTime", "Name", "RetryCount"}:
        raise LocalAwsError("moto's context of a state is no longer what the rehearsal was made for.")
    vars(state_module)["StateData"] = state_data


def _run_jobs(aws: LocalAws) -> None:
    def state_task_service_for(service_name: str) -> StateTaskService:
        return job_task() if service_name == "emr-serverless" else original(service_name)

    job_task = start_job_task(aws)
    original = replace(
        state_task_factory,
        "state_task_service_for",
        state_task_service_for,
        because="moto's interpreter has no EMR Serverless",
    )


def _compare() -> None:
    def _eval_body(self: ComparisonFuncValue, env: Environment) -> None:
        missing = env.stack[-1]
        if isinstance(missing, NoSuchVariable) and self.operator_type != ComparisonOperatorType.IsPresent:
            raise LookupError(f"Invalid path: {missing.path}")
        compare(self, env)

    def eval(env: Environment, value: Any) -> None:  # noqa: A001, ANN401 -- moto's
        variable = env.stack.pop()
        in_context = value.startswith("$$")
        data = env.states.context_object.context_object_data if in_context else env.stack[-1]
        env.stack.append(isinstance(variable, str) and variable == extract_json(value[in_context:], data))

    compare = replace(
        ComparisonFuncValue, "_eval_body", _eval_body, because="AWS fails where a Choice compares what is not there"
    )
    replace(StringEqualsPath, "eval", eval, because="moto can't compare with the context ($$)")


def _name_errors() -> None:
    def _from_error(self: StateTaskServiceSfn, env: Environment, ex: Exception) -> FailureEvent:
        event = original(self, env, ex)
        for details in (event.event_details or {}).values():
            if isinstance(details, dict) and str(details.get("error")).endswith("ExceptionException"):
                details["error"] = details["error"].removesuffix("Exception")
                event.error_name = ErrorName(details["error"])
        return event  # type: ignore[no-any-return]

    def custom_error_name(error_name: str | None) -> ErrorName:
        return ErrorName(error_name)

    original = replace(StateTaskServiceSfn, "_from_error", _from_error, because="moto says Exception twice")
    replace(
        state_fail,
        "CustomErrorName",
        custom_error_name,
        because="a Fail may end with the error of another state, as States.TaskFailed",
    )


def _let_mistakes_show() -> None:
    def _eval_body(self: ErrorEqualsDecl, env: Environment) -> None:
        if env.stack[-1] is not None and env.stack[-1].error_name in UNCATCHABLE:
            env.stack[-1] = False
        else:
            matches(self, env)

    def _from_error(self: StateTaskServiceDynamoDB, env: Environment, ex: Exception) -> FailureEvent:
        if isinstance(ex, ClientError | BotoCoreError):
            return original(self, env, ex)  # type: ignore[no-any-return]
        return StateTask._from_error(self, env, ex)  # noqa: SLF001 -- what moto's other tasks do

    original = replace(
        StateTaskServiceDynamoDB, "_from_error", _from_error, because="moto blames DynamoDB for wrong parameters"
    )
    matches = replace(
        ErrorEqualsDecl, "_eval_body", _eval_body, because="moto retries and catches mistakes in a definition"
    )


def _pace(aws: LocalAws) -> None:
    """Shorten the waits of states and between retries, and end them with the execution."""

    def _wait_interval(self: WaitFunction, env: Environment, wait_seconds: float) -> None:  # noqa: ARG001 -- moto's
        pause(aws, env, aws.seconds(wait_seconds))

    def _eval_body(self: RetrierDecl, env: Environment) -> None:
        self.error_equals.eval(env)
        if not env.stack.pop():
            env.stack.append(RetrierOutcome.Skipped)
            return
        self.max_attempts.eval(env=env)
        if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
            env.stack.append(RetrierOutcome.Failed)
            return
        for step in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds, self.jitter_strategy):
            step.eval(env=env)
        pause(aws, env, aws.seconds(env.stack.pop()))
        env.stack.append(RetrierOutcome.Executed)

    replace(WaitFunction, "_wait_interval", _wait_interval, because="moto waits as long as AWS does")
    replace(RetrierDecl, "_eval_body", _eval_body, because="moto sleeps between retries, whatever happens")


def _keep_stopped() -> None:
    def set_error(self: Environment, error: Any) -> None:  # noqa: ANN401 -- moto's
        if not isinstance(self._program_state, ProgramStopped):
            original(self, error)

    original = replace(
        Environment, "set_error", set_error, because="a state that was stopped may stumble over it, which is no failure"
    )
