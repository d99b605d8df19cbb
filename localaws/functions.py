"""Lambda: moto keeps the functions, and `FunctionRunner` runs them.

A function or an event source mapping that AWS would refuse, or that would behave differently here, is refused when it
is created or updated.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import EventSourceMapping, LambdaBackend, LambdaFunction
from moto.sqs.models import Queue, sqs_backends

from localaws.account import ACCOUNT, REGION, LocalAws, LocalAwsError, refuse_unknown, refusing
from localaws.authorization import Authorization, require_trust
from localaws.event_source import DEFAULT_CONCURRENCY, QueueMapping
from localaws.function_runner import FunctionRunner
from localaws.metrics import Metrics
from localaws.patches import Original, Part, replaces
from localaws.sandbox import PYTHON

NODE = "nodejs"
"""Prefix of the runtimes whose functions can be created, but not invoked: CDK deploys such functions."""

FUNCTION_PROPERTIES = frozenset(
    {"Architectures", "Code", "Description", "Environment", "FunctionName", "Handler", "LoggingConfig", "MemorySize"}
    | {"PackageType", "Publish", "Role", "Runtime", "Tags", "Timeout", "TracingConfig"}
)
"""Known properties of a function; the architecture has no effect, as all code is Python."""

MAPPING_PROPERTIES = frozenset(
    {"BatchSize", "Enabled", "EventSourceArn", "FunctionName", "FunctionResponseTypes", "ScalingConfig", "Tags"}
    | {"MaximumBatchingWindowInSeconds", "RegionName", "AccountId"}
)

RESERVED = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|AWS_LAMBDA_.*|AWS_(DEFAULT_)?REGION|AWS_.*(KEY.*|TOKEN|ENV)|LAMBDA_.*"
)
"""Environment variables that Lambda sets itself."""

LAST_LOG_BYTES = 4096
"""Part of the log that the answer to an invocation contains."""

BATCH_WITHOUT_WINDOW = 10
"""Largest batch of a mapping that has no batching window."""


class Functions(Part):
    """The functions, and the queues that invoke them."""

    def __init__(self, aws: LocalAws, authorization: Authorization, metrics: Metrics) -> None:
        super().__init__(aws)
        self._authorization = authorization
        self._metrics = metrics
        self._specs: dict[str, dict[str, Any]] = {}

    def start(self) -> None:
        """Replace Lambda's Docker by processes."""
        super().start()
        self._runner = FunctionRunner(self.aws, self._metrics)
        self.at_end.callback(self._runner.close)

    @replaces(LambdaFunction, "invoke", because="moto's runs functions in containers of Docker")
    def _invoke(
        self,
        _: Original,
        function: LambdaFunction,
        body: str | bytes,
        request_headers: Mapping[str, str],
        response_headers: dict[str, str],
    ) -> bytes:
        with refusing(InvalidParameterValueException):
            kind = request_headers.get("X-Amz-Invocation-Type") or "RequestResponse"
            event = (body.encode() if isinstance(body, str) else body) or b"{}"
            if kind == "Event":
                self._runner.invoke_later(function, event)
                return b""
            if kind != "RequestResponse":
                raise LocalAwsError(f"{function.function_name} is invoked by {kind}, which is not known here.")
            result = self._runner.invoke(function, event)
        response_headers["x-amz-executed-version"] = "$LATEST"
        log = "".join(line.text for line in result.log).encode()
        response_headers["x-amz-log-result"] = base64.b64encode(log[-LAST_LOG_BYTES:]).decode()
        if result.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return result.payload

    @replaces(
        LambdaBackend, "create_function", because="moto's checks no permissions of the role, and forgets the log group"
    )
    def _create_function(self, original: Original, backend: LambdaBackend, spec: dict[str, Any]) -> LambdaFunction:
        with refusing(InvalidParameterValueException):
            self._check_function(spec)
        function = original(backend, spec)
        function.logs_group_name = spec.get("LoggingConfig", {}).get("LogGroup", function.logs_group_name)
        self._specs[function.function_arn] = spec
        return function  # type: ignore[no-any-return] # the original has no type

    @replaces(LambdaFunction, "get_configuration", because="moto's does not know the log group")
    def _get_configuration(
        self,
        original: Original,
        function: LambdaFunction,
        on_create: bool = False,  # noqa: FBT001, FBT002 -- moto's
    ) -> dict[str, Any]:
        logging = {"LogFormat": "Text", "LogGroup": function.logs_group_name}
        return {**original(function, on_create), "LoggingConfig": logging}

    @replaces(LambdaBackend, "update_function_configuration", because="moto's ignores properties that it does not know")
    def _update_function(
        self, original: Original, backend: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        function = backend.get_function(function_name, qualifier)
        spec = {**self._specs[function.function_arn], **body}
        with refusing(InvalidParameterValueException):
            self._check_function(spec)
        original(backend, function_name, qualifier, body)
        function.logs_group_name = spec.get("LoggingConfig", {}).get("LogGroup", function.logs_group_name)
        function.tracing_config = spec.get("TracingConfig", {"Mode": "PassThrough"})
        self._specs[function.function_arn] = spec
        self._runner.forget(function.function_arn)
        return function.get_configuration()

    @replaces(LambdaBackend, "update_function_code", because="moto's does not know the processes")
    def _update_code(
        self, original: Original, backend: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        answer: dict[str, Any] = original(backend, function_name, qualifier, body)
        self._runner.forget(backend.get_function(function_name, qualifier).function_arn)
        return answer

    @replaces(LambdaBackend, "delete_function", because="moto's does not know the processes")
    def _delete_function(
        self, original: Original, backend: LambdaBackend, function_name: str, qualifier: str | None = None
    ) -> None:
        arn = backend.get_function(function_name, qualifier).function_arn
        original(backend, function_name, qualifier)
        self._runner.forget(arn)
        self._specs.pop(arn, None)

    @replaces(
        LambdaBackend, "create_event_source_mapping", because="moto's has no windows, partial failures and permissions"
    )
    def _create_mapping(self, original: Original, backend: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
        with refusing(InvalidParameterValueException):
            mapping = self._checked_mapping(backend.get_function(spec.get("FunctionName", "")), spec)
        given = dict(spec)  # moto adds to it
        created: EventSourceMapping = original(backend, spec)
        self._specs[created.uuid] = given
        if created.enabled:
            self._runner.attach(created.uuid, mapping)
        return created

    @replaces(LambdaBackend, "delete_event_source_mapping", because="moto's does not know the pollers")
    def _delete_mapping(self, original: Original, backend: LambdaBackend, uuid: str) -> EventSourceMapping | None:
        self._runner.detach(uuid)
        return original(backend, uuid)  # type: ignore[no-any-return] # the original has no type

    @replaces(LambdaBackend, "update_event_source_mapping", because="moto's does not know the pollers")
    def _update_mapping(
        self, original: Original, backend: LambdaBackend, uuid: str, spec: dict[str, Any]
    ) -> EventSourceMapping:
        now = {**self._specs[uuid], **{name: value for name, value in spec.items() if name != "UUID"}}
        with refusing(InvalidParameterValueException):
            mapping = self._checked_mapping(backend.get_function(now["FunctionName"]), now)
        updated: EventSourceMapping = original(backend, uuid, dict(spec))
        self._specs[uuid] = now
        self._runner.detach(uuid)
        if updated.enabled:
            self._runner.attach(uuid, mapping)
        return updated

    def _check_function(self, spec: Mapping[str, Any]) -> None:
        function, runtime = f"The function {spec.get('FunctionName')}", str(spec.get("Runtime"))
        logging = spec.get("LoggingConfig", {})
        refuse_unknown(filter(spec.get, spec), FUNCTION_PROPERTIES, function)
        refuse_unknown(logging, {"LogGroup", "LogFormat"}, f"the log of {function}")
        if runtime != PYTHON and not runtime.startswith(NODE):
            raise LocalAwsError(f"{function} is written for {runtime}: here is {PYTHON} only.")
        if spec.get("PackageType", "Zip") != "Zip" or spec.get("Publish"):
            raise LocalAwsError(f"{function} is an image or has versions: neither is known here.")
        if logging.get("LogFormat", "Text") != "Text":
            raise LocalAwsError(f"{function} asks for a log in JSON: only text is known here.")
        reserved = sorted(filter(RESERVED.fullmatch, spec.get("Environment", {}).get("Variables", {})))
        if reserved:
            raise LocalAwsError(f"{function} sets environment variables that are reserved: {', '.join(reserved)}.")
        require_trust(spec["Role"], "lambda.amazonaws.com")
        if spec.get("TracingConfig", {}).get("Mode") == "Active":
            for action in ("PutTraceSegments", "PutTelemetryRecords"):
                self._authorization.require(spec["Role"], f"xray:{action}")

    def _checked_mapping(self, function: LambdaFunction, spec: Mapping[str, Any]) -> QueueMapping:
        mapping, responses = f"The event source mapping of {function.function_name}", spec.get("FunctionResponseTypes")
        refuse_unknown(filter(spec.get, spec), MAPPING_PROPERTIES, mapping)
        refuse_unknown(spec.get("ScalingConfig", {}), {"MaximumConcurrency"}, mapping)
        refuse_unknown(responses or (), {"ReportBatchItemFailures"}, mapping)
        queue = _queue(spec["EventSourceArn"])
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            self._authorization.require(function.role, f"sqs:{action}", queue.queue_arn)
        visibility = int(queue.attributes["VisibilityTimeout"])
        if visibility < function.timeout:
            raise LocalAwsError(
                f"{mapping}: the visibility timeout of the queue, {visibility} s, is shorter than that of the function."
            )
        batch_size, window = int(spec.get("BatchSize", 10)), float(spec.get("MaximumBatchingWindowInSeconds", 0))
        if batch_size > BATCH_WITHOUT_WINDOW and not window:
            raise LocalAwsError(f"{mapping}: batches of more than {BATCH_WITHOUT_WINDOW} messages need a window.")
        return QueueMapping(
            queue,
            function,
            batch_size=batch_size,
            window=window,
            concurrency=int(spec.get("ScalingConfig", {}).get("MaximumConcurrency", DEFAULT_CONCURRENCY)),
            partial=bool(responses),
        )


def _queue(arn: str) -> Queue:
    name = arn.removeprefix(f"arn:aws:sqs:{REGION}:{ACCOUNT}:")
    queue = sqs_backends[ACCOUNT][REGION].queues.get(name)
    if queue is None:
        raise LocalAwsError(f"There is no queue {arn}: only queues can invoke functions here.")
    return queue
