"""The interpreter of the Amazon States Language: moto's, with replacements where AWS's behaves differently."""

import sys
import threading
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
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.asl.eval.states import StateData
from moto.stepfunctions.parser.asl.utils.json_path import extract_json

from localaws.account import REGION, LocalAwsError
from localaws.integrations import StartJobRun, as_step_functions, client_of, operation_of, pause, timestamp
from localaws.patches import Original, Part, replaces

UNCATCHABLE = frozenset({"States.Runtime", "States.DataLimitExceeded"})
"""Errors that AWS neither retries nor catches: the definition is wrong."""

CASING = "moto leaves the casing as it is, and times in a form that JSON does not have"


class Interpreter(Part):
    """The interpreter that executes state machines."""

    def start(self) -> None:
        """Let the interpreter act under roles, and write times as AWS does."""
        super().start()
        self._making_rule = threading.Lock()
        for name, module in list(sys.modules.items()):
            if name.startswith("moto.stepfunctions.") and hasattr(module, "boto_client_for"):
                self.replace(module, "boto_client_for", self._client, because="moto calls services without a role")
        if set(StateData.__annotations__) != {"EnteredTime", "Name", "RetryCount"}:
            raise LocalAwsError("moto's context of a state is no longer what the local AWS was made for.")
        self.exchange(state_module, "StateData", before=StateData, now=_state_data)

    def _client(self, _: Original, region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ANN401 -- moto's
        if region != REGION or state_credentials is None:
            raise LocalAwsError(f"A state calls {service} in {region}, or under no role.")
        return client_of(self.aws, service, state_credentials.role_arn)

    @replaces(StateTaskService, "_normalise_parameters", because=CASING)
    def _parameters(self, _: Original, task: StateTaskService, parameters: Any, arguments: Any) -> None:  # noqa: ANN401, ARG002 -- moto's
        task._to_boto_request(parameters, operation_of(task).input_shape)  # type: ignore[arg-type] # noqa: SLF001 -- moto's own step, for operations with parameters

    @replaces(StateTaskService, "_normalise_response", because=CASING)
    def _response(self, _: Original, task: StateTaskService, response: Any, arguments: Any) -> None:  # noqa: ANN401, ARG002 -- moto's
        answer = as_step_functions(response, operation_of(task).output_shape)
        response.clear()
        response.update(answer)

    @replaces(state_task_factory, "state_task_service_for", because="moto's interpreter has no EMR Serverless")
    def _task_service(self, original: Original, service_name: str) -> StateTaskService:
        if service_name == "emr-serverless":
            return StartJobRun(self.aws, self._making_rule)
        return original(service_name)  # type: ignore[no-any-return] # the original has no type

    @replaces(
        ComparisonFuncValue, "_eval_body", because="AWS fails if a Choice compares a variable that does not exist"
    )
    def _compare(self, original: Original, comparison: ComparisonFuncValue, env: Environment) -> None:
        missing = env.stack[-1]
        if isinstance(missing, NoSuchVariable) and comparison.operator_type != ComparisonOperatorType.IsPresent:
            raise LookupError(f"Invalid path: {missing.path}")
        original(comparison, env)

    @replaces(StringEqualsPath, "eval", because="moto can't compare with the context ($$)")
    def _equals_path(self, _: Original, env: Environment, value: Any) -> None:  # noqa: ANN401 -- moto's
        variable = env.stack.pop()
        in_context = value.startswith("$$")
        data = env.states.context_object.context_object_data if in_context else env.stack[-1]
        env.stack.append(isinstance(variable, str) and variable == extract_json(value[in_context:], data))

    @replaces(StateTaskServiceSfn, "_from_error", because="moto appends Exception to names that end with it")
    def _sfn_error(
        self, original: Original, task: StateTaskServiceSfn, env: Environment, ex: Exception
    ) -> FailureEvent:
        event = original(task, env, ex)
        for details in (event.event_details or {}).values():
            if isinstance(details, dict) and str(details.get("error")).endswith("ExceptionException"):
                details["error"] = details["error"].removesuffix("Exception")
                event.error_name = ErrorName(details["error"])
        return event  # type: ignore[no-any-return] # the original has no type

    @replaces(
        state_fail, "CustomErrorName", because="a Fail may end with the error of another state, as States.TaskFailed"
    )
    def _custom_error(self, _: Original, error_name: str | None) -> ErrorName:
        return ErrorName(error_name)

    @replaces(ErrorEqualsDecl, "_eval_body", because="moto retries and catches mistakes in a definition")
    def _match_error(self, original: Original, declaration: ErrorEqualsDecl, env: Environment) -> None:
        if env.stack[-1] is not None and env.stack[-1].error_name in UNCATCHABLE:
            env.stack[-1] = False
        else:
            original(declaration, env)

    @replaces(StateTaskServiceDynamoDB, "_from_error", because="moto reports wrong parameters as errors of DynamoDB")
    def _dynamodb_error(
        self, original: Original, task: StateTaskServiceDynamoDB, env: Environment, ex: Exception
    ) -> FailureEvent:
        if isinstance(ex, ClientError | BotoCoreError):
            return original(task, env, ex)  # type: ignore[no-any-return] # the original has no type
        return StateTask._from_error(task, env, ex)  # noqa: SLF001 -- what moto's other tasks do

    @replaces(WaitFunction, "_wait_interval", because="moto waits as long as AWS does")
    def _wait(self, _: Original, __: WaitFunction, env: Environment, wait_seconds: float) -> None:
        pause(self.aws, env, self.aws.shortened(wait_seconds))

    @replaces(Timestamp, "_get_wait_seconds", because="moto compares times in UTC with the time of this machine's zone")
    def _until(self, original: Original, function: Timestamp, env: Environment) -> int:
        here = datetime.now().astimezone()
        difference = here.replace(tzinfo=UTC) - here
        return int(original(function, env) + difference.total_seconds())

    @replaces(RetrierDecl, "_eval_body", because="moto's wait between retries does not end with the execution")
    def _retry(self, _: Original, retrier: RetrierDecl, env: Environment) -> None:
        retrier.error_equals.eval(env)
        if not env.stack.pop():
            env.stack.append(RetrierOutcome.Skipped)
            return
        retrier.max_attempts.eval(env=env)
        if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
            env.stack.append(RetrierOutcome.Failed)
            return
        for step in (
            retrier.interval_seconds,
            retrier.backoff_rate,
            retrier.max_delay_seconds,
            retrier.jitter_strategy,
        ):
            step.eval(env=env)
        pause(self.aws, env, self.aws.shortened(env.stack.pop()))
        env.stack.append(RetrierOutcome.Executed)

    @replaces(Environment, "set_error", because="an error in a state that was stopped is not a failure")
    def _set_error(self, original: Original, env: Environment, error: Any) -> None:  # noqa: ANN401 -- moto's
        if not isinstance(env._program_state, ProgramStopped):  # noqa: SLF001 -- it has no public name
            original(env, error)


def _state_data(**data: Any) -> Any:  # noqa: ANN401 -- moto's
    """Write the time at which a state was entered as AWS does: definitions take parts of it."""
    return {**data, "EnteredTime": timestamp(datetime.now(UTC))}
