"""Lambda: functions run for real, from the bundles that are deployed, under their roles.

moto keeps the functions; what it would call Docker for is done by processes of this machine.
"""

import base64
import contextlib
import io
import re
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import EventSourceMapping, LambdaBackend, LambdaFunction
from moto.sqs.models import Queue, sqs_backends

from localaws import queues
from localaws.account import ACCOUNT, REGION, LocalAws, LocalAwsError
from localaws.authorization import require, require_trust
from localaws.event_source import CALLS_AT_ONCE, Poller, QueueMapping
from localaws.function_logs import Figure, LogWriter, Recorder, figures_of
from localaws.patches import replace
from localaws.sandbox import PYTHON, Outcome, Program, Sandbox

NODE = "nodejs"

FUNCTION_PROPERTIES = frozenset(
    {"Architectures", "Code", "Description", "Environment", "FunctionName", "Handler", "LoggingConfig", "MemorySize"}
    | {"PackageType", "Publish", "Role", "Runtime", "Tags", "Timeout", "TracingConfig"}
)
"""What is known of a function; the architecture is not heeded, since all of the code is Python's."""

MAPPING_PROPERTIES = frozenset(
    {"BatchSize", "Enabled", "EventSourceArn", "FunctionName", "FunctionResponseTypes", "ScalingConfig", "Tags"}
    | {"MaximumBatchingWindowInSeconds", "RegionName", "AccountId"}
)

IMAGE = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""What AWS's image of Python adds to the code of a function, apart from an SDK: ours is in the bundles."""

RESERVED = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|AWS_LAMBDA_.*|AWS_(DEFAULT_)?REGION|AWS_.*(KEY.*|TOKEN|ENV)|LAMBDA_.*"
)
"""Variables of the environment that Lambda sets itself."""

_installed: "list[_Functions]" = []


def install(aws: LocalAws) -> None:
    """Let functions run, and queues call them."""
    functions = _Functions(aws)
    _installed.append(functions)
    _run_functions(functions)
    _keep_functions(functions)
    _keep_mappings(functions)
    queues.install(functions.recorder.put)
    threading.Thread(target=functions.close_at_the_end, name="ends-functions", daemon=True).start()


def close(aws: LocalAws) -> None:
    """End all processes of functions, and wait until they are gone."""
    for functions in _installed:
        if functions.aws is aws:
            functions.close()


class _Functions:
    """The processes, logs and queues of all functions."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.recorder = Recorder(aws)
        self._idle: dict[str, list[Sandbox]] = {}
        self._busy: set[Sandbox] = set()
        self._writers: dict[tuple[str, str], LogWriter] = {}
        self._pollers: dict[str, Poller] = {}
        self._closed = False
        self._lock = threading.RLock()
        self._closing = threading.Lock()

    def call(self, function: LambdaFunction, event: bytes) -> Outcome:
        """Run a function in a process that is free, or a new one."""
        sandbox = self._take(self._program(function))
        try:
            outcome = sandbox.invoke(event)
        finally:
            self._put_back(sandbox)
        self._log(sandbox, outcome)
        return outcome

    def attach(self, mapping_id: str, mapping: QueueMapping, function: LambdaFunction) -> None:
        """Let a queue call a function."""
        poller = Poller(self.aws, mapping, lambda event: self.call(function, event))
        self._pollers[mapping_id] = poller
        poller.start()

    def detach(self, mapping_id: str) -> None:
        """Let it no longer do so."""
        poller = self._pollers.pop(mapping_id, None)
        if poller:
            poller.stop()

    def forget(self, function_arn: str) -> None:
        """End the processes of a function."""
        with self._lock:
            ended = self._idle.pop(function_arn, [])
        _close(ended)

    def close_at_the_end(self) -> None:
        """Wait for the end, and close."""
        self.aws.stopping.wait()
        self.close()

    def close(self) -> None:
        """End everything; who comes second waits for the first."""
        with self._closing:
            with self._lock:
                self._closed = True
                busy, idle = list(self._busy), [sandbox for idle in self._idle.values() for sandbox in idle]
                self._idle.clear()
            for mapping_id in list(self._pollers):
                self.detach(mapping_id)
            for sandbox in busy:
                sandbox.kill()  # whoever waits for it closes it
            _close(idle)
            self.recorder.close()

    def _take(self, program: Program) -> Sandbox:
        with self._lock:
            if self._closed:
                raise LocalAwsError(f"The function {program.name} is called while the local AWS ends.")
            idle = self._idle.pop(program.arn, [])
            usable = [sandbox for sandbox in idle if sandbox.is_usable and sandbox.program == program]
            _close(sandbox for sandbox in idle if sandbox not in usable)
            sandbox = usable.pop() if usable else Sandbox(self.aws, program)
            self._idle[program.arn] = usable
            self._busy.add(sandbox)
            return sandbox

    def _put_back(self, sandbox: Sandbox) -> None:
        with self._lock:
            self._busy.discard(sandbox)
            if sandbox.is_usable and not self._closed:
                self._idle.setdefault(sandbox.program.arn, []).append(sandbox)
                return
        sandbox.close()

    def _log(self, sandbox: Sandbox, outcome: Outcome) -> None:
        program = sandbox.program
        with self._lock:
            key = program.role_arn, program.log_group
            writer = self._writers.get(key) or self._writers.setdefault(key, LogWriter(self.aws, *key))
        # CloudWatch finds the figures in the logs: what is not logged does not count.
        if writer.write(sandbox.log_stream, outcome.log):
            for line in outcome.log:
                for figure in figures_of(line.text):
                    self.recorder.put(figure)
        self.recorder.put(Figure("AWS/Lambda", "Errors", {"FunctionName": program.name}, float(outcome.failed)))

    def _program(self, function: LambdaFunction) -> Program:
        if function.run_time != PYTHON:
            raise LocalAwsError(f"{function.function_name} is written for {function.run_time}: such don't run here.")
        return Program(
            name=function.function_name,
            arn=function.function_arn,
            handler=function.handler or "",
            role_arn=function.role,
            log_group=function.logs_group_name,
            timeout=function.timeout,
            memory_mb=function.memory_size,
            bundle=self._unpack(function),
            image=self._image(),
            variables=tuple(sorted(function.environment_vars.items())),
        )

    def _unpack(self, function: LambdaFunction) -> Path:
        folder = self.aws.folder / "code" / function.code_digest
        with self._lock:
            if not folder.exists():
                with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as bundle:
                    bundle.extractall(folder)
        return folder

    def _image(self) -> Path:
        folder = self.aws.folder / "image"
        with self._lock:
            if not folder.exists():
                folder.mkdir(parents=True)
                for path in _top_level(IMAGE):
                    (folder / path.name).symlink_to(path)
        return folder


def _top_level(packages: Iterable[str]) -> set[Path]:
    """Return what packages have put on the path of Python: modules, and folders of them."""
    return {
        Path(str(distribution(package).locate_file(file.parts[0])))
        for package in packages
        for file in distribution(package).files or ()
        if file.parts[0] not in {"..", "__pycache__"} and not file.parts[0].endswith(".dist-info")
    }


def _close(sandboxes: Iterable[Sandbox]) -> None:
    for sandbox in sandboxes:
        sandbox.close()


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """Let whoever called the API read why it is refused, as AWS does."""
    try:
        yield
    except LocalAwsError as error:
        raise InvalidParameterValueException(str(error)) from error


def _run_functions(functions: _Functions) -> None:
    def invoke(
        self: LambdaFunction,
        body: str | bytes,
        request_headers: Mapping[str, str],
        response_headers: dict[str, str],
    ) -> bytes:
        with _answering():
            kind = request_headers.get("X-Amz-Invocation-Type") or "RequestResponse"
            if kind != "RequestResponse":
                raise LocalAwsError(f"{self.function_name} is called by {kind}: here all callers wait.")
            outcome = functions.call(self, (body.encode() if isinstance(body, str) else body) or b"{}")
        response_headers["x-amz-executed-version"] = "$LATEST"
        response_headers["x-amz-log-result"] = base64.b64encode(outcome.last_log).decode()
        if outcome.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return outcome.payload

    replace(LambdaFunction, "invoke", invoke, because="moto's runs functions in containers of Docker")


def _keep_functions(functions: _Functions) -> None:
    def create_function(self: LambdaBackend, spec: dict[str, Any]) -> LambdaFunction:
        with _answering():
            _check_function(functions.aws, spec)
        function = original(self, spec)
        function.logs_group_name = spec.get("LoggingConfig", {}).get("LogGroup", function.logs_group_name)
        return function  # type: ignore[no-any-return]

    def get_configuration(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 -- moto's
        described = original_configuration(self, on_create)
        return {**described, "LoggingConfig": {"LogFormat": "Text", "LogGroup": self.logs_group_name}}

    def update_function_configuration(
        self: LambdaBackend,  # noqa: ARG001 -- moto's
        function_name: str,
        qualifier: str,  # noqa: ARG001 -- moto's
        body: dict[str, Any],  # noqa: ARG001 -- moto's
    ) -> dict[str, Any] | None:
        with _answering():
            raise LocalAwsError(f"Functions can't be changed here: delete {function_name}, and create it anew.")

    def delete_function(self: LambdaBackend, function_name: str, qualifier: str | None = None) -> None:
        arn = self.get_function(function_name, qualifier).function_arn
        original_delete(self, function_name, qualifier)
        functions.forget(arn)

    original = replace(
        LambdaBackend,
        "create_function",
        create_function,
        because="moto's checks neither trust nor permissions of the role, and forgets the log group",
    )
    original_configuration = replace(
        LambdaFunction, "get_configuration", get_configuration, because="moto's doesn't know the log group"
    )
    replace(
        LambdaBackend,
        "update_function_configuration",
        update_function_configuration,
        because="moto's ignores what it doesn't know",
    )
    original_delete = replace(
        LambdaBackend, "delete_function", delete_function, because="moto's knows nothing of our processes"
    )


def _keep_mappings(functions: _Functions) -> None:
    def create_event_source_mapping(self: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
        with _answering():
            function = self.get_function(spec.get("FunctionName", ""))
            mapping = _check_mapping(functions.aws, function, spec)
        created: EventSourceMapping = original(self, spec)
        if created.enabled:
            functions.attach(created.uuid, mapping, function)
        return created

    def delete_event_source_mapping(self: LambdaBackend, uuid: str) -> EventSourceMapping | None:
        functions.detach(uuid)
        return original_delete(self, uuid)  # type: ignore[no-any-return]

    def update_event_source_mapping(
        self: LambdaBackend,  # noqa: ARG001 -- moto's
        uuid: str,
        spec: dict[str, Any],  # noqa: ARG001 -- moto's
    ) -> EventSourceMapping | None:
        with _answering():
            raise LocalAwsError(f"Event sources can't be changed here: delete {uuid}, and create it anew.")

    original = replace(
        LambdaBackend,
        "create_event_source_mapping",
        create_event_source_mapping,
        because="moto's knows neither windows nor partial failures, and checks no permissions",
    )
    original_delete = replace(
        LambdaBackend,
        "delete_event_source_mapping",
        delete_event_source_mapping,
        because="moto's knows nothing of our pollers",
    )
    replace(
        LambdaBackend,
        "update_event_source_mapping",
        update_event_source_mapping,
        because="moto's knows nothing of our pollers",
    )


def _check_function(aws: LocalAws, spec: Mapping[str, Any]) -> None:
    """Refuse what AWS refuses, and what can't be done here."""
    name, runtime = spec.get("FunctionName"), str(spec.get("Runtime"))
    _refuse_unknown(f"The function {name}", spec, FUNCTION_PROPERTIES)
    if runtime != PYTHON and not runtime.startswith(NODE):
        raise LocalAwsError(f"The function {name} is written for {runtime}: here is {PYTHON} only.")
    if spec.get("PackageType", "Zip") != "Zip" or spec.get("Publish"):
        raise LocalAwsError(f"The function {name} is to be an image or to have versions: there are none here.")
    _refuse_unknown(f"The log of the function {name}", spec.get("LoggingConfig", {}), {"LogGroup", "LogFormat"})
    if spec.get("LoggingConfig", {}).get("LogFormat", "Text") != "Text":
        raise LocalAwsError(f"The log of the function {name} is to be JSON: here it is text.")
    reserved = sorted(filter(RESERVED.fullmatch, spec.get("Environment", {}).get("Variables", {})))
    if reserved:
        raise LocalAwsError(f"The function {name} sets variables that are reserved: {', '.join(reserved)}.")
    require_trust(spec["Role"], "lambda.amazonaws.com")
    if spec.get("TracingConfig", {}).get("Mode") == "Active":
        for action in ("xray:PutTraceSegments", "xray:PutTelemetryRecords"):
            require(aws, spec["Role"], action)


def _check_mapping(aws: LocalAws, function: LambdaFunction, spec: Mapping[str, Any]) -> QueueMapping:
    """Refuse what AWS refuses, and what can't be done here; say what is wanted."""
    what = f"The event source of {function.function_name}"
    _refuse_unknown(what, spec, MAPPING_PROPERTIES)
    _refuse_unknown(what, spec.get("ScalingConfig", {}), {"MaximumConcurrency"})
    _refuse_unknown(what, spec.get("FunctionResponseTypes", ()), {"ReportBatchItemFailures"})
    queue = _queue(spec["EventSourceArn"])
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        require(aws, function.role, f"sqs:{action}", queue.queue_arn)
    visibility = int(queue.attributes["VisibilityTimeout"])
    if visibility < function.timeout:
        raise LocalAwsError(f"{what}: the queue hides messages for {visibility} s, the function may take longer.")
    batch_size, window = int(spec.get("BatchSize", 10)), float(spec.get("MaximumBatchingWindowInSeconds", 0))
    if batch_size > 10 and not window:  # noqa: PLR2004 -- AWS's rule
        raise LocalAwsError(f"{what}: batches of more than 10 messages take a window.")
    return QueueMapping(
        queue_arn=queue.queue_arn,
        queue_url=f"{aws.endpoint}/{ACCOUNT}/{queue.name}",
        role_arn=function.role,
        timeout=function.timeout,
        batch_size=batch_size,
        window=window,
        concurrency=int(spec.get("ScalingConfig", {}).get("MaximumConcurrency", CALLS_AT_ONCE)),
        partial="ReportBatchItemFailures" in spec.get("FunctionResponseTypes", ()),
        visibility=visibility,
    )


def _queue(arn: str) -> Queue:
    name = arn.removeprefix(f"arn:aws:sqs:{REGION}:{ACCOUNT}:")
    queue = sqs_backends[ACCOUNT][REGION].queues.get(name)
    if queue is None:
        raise LocalAwsError(f"There is no queue {arn}: functions are called by queues only, here.")
    return queue


def _refuse_unknown(what: str, asked: Iterable[str], known: Iterable[str]) -> None:
    """Insist that everything asked for is known; what is empty asks for nothing."""
    values = asked if isinstance(asked, Mapping) else dict.fromkeys(asked, True)
    unknown = sorted(name for name, value in values.items() if value and name not in set(known))
    if unknown:
        raise LocalAwsError(f"{what} asks for what is not known here: {', '.join(unknown)}.")
