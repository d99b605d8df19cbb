"""The processes, logs and queue pollers of all functions: what moto would use Docker for."""

import io
import logging
import threading
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path

from moto.awslambda.models import LambdaFunction

from localaws.account import LocalAws, LocalAwsError
from localaws.event_source import Poller, QueueMapping
from localaws.logs import LogWriter
from localaws.metrics import Metrics, MetricValue, embedded_metrics
from localaws.sandbox import PYTHON, InvocationResult, Sandbox

IMAGE = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""Packages that AWS's image of Python adds to a function; the SDK is left out, so that a bundle must contain one."""

RETRY_SECONDS = (60.0, 120.0)
"""Pauses before Lambda tries again to process an event for which no client waits."""

logger = logging.getLogger(__name__)


class FunctionRunner:
    """Runs functions, and keeps their processes for further invocations until it is closed."""

    def __init__(self, aws: LocalAws, metrics: Metrics) -> None:
        self._aws = aws
        self._metrics = metrics
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starts-functions")
        self._idle: dict[str, list[Sandbox]] = {}
        self._busy: set[Sandbox] = set()
        self._outdated: set[Sandbox] = set()
        self._writers: dict[tuple[str, str], LogWriter] = {}
        self._pollers: dict[str, Poller] = {}
        self._closed = False
        self._lock = threading.RLock()

    def invoke(self, function: LambdaFunction, event: bytes) -> InvocationResult:
        """Run a function in an idle process or a new one, and write its log.

        Raises
        ------
        LocalAwsError
            If the function is not written for this Python, or the local AWS ends.
        """
        if function.run_time != PYTHON:
            raise LocalAwsError(
                f"{function.function_name} is written for {function.run_time}: only functions for {PYTHON} run here."
            )
        sandbox = self._take(function)
        try:
            result = sandbox.invoke(event)
        finally:
            self._put_back(sandbox)
        self._log(sandbox, result)
        return result

    def invoke_later(self, function: LambdaFunction, event: bytes) -> None:
        """Run a function in the background; like Lambda, try again after a minute and after two if it fails."""
        threading.Thread(target=self._invoke_with_retries, args=(function, event), daemon=True).start()

    def _invoke_with_retries(self, function: LambdaFunction, event: bytes) -> None:
        try:
            for pause in (*RETRY_SECONDS, 0):
                if not self.invoke(function, event).failed or self._aws.stopping.wait(self._aws.shortened(pause)):
                    return
        except LocalAwsError as error:
            logger.warning("An event is lost: %s", error)

    def attach(self, mapping_id: str, mapping: QueueMapping) -> None:
        """Let a queue invoke a function."""
        self._pollers[mapping_id] = Poller(self._aws, mapping, lambda event: self.invoke(mapping.function, event))

    def detach(self, mapping_id: str) -> None:
        """End a mapping from a queue to a function."""
        poller = self._pollers.pop(mapping_id, None)
        if poller:
            poller.stop()

    def forget(self, function_arn: str) -> None:
        """End the processes of a function that has changed or is deleted, each after its invocation."""
        with self._lock:
            ended = self._idle.pop(function_arn, [])
            self._outdated |= {sandbox for sandbox in self._busy if sandbox.function.function_arn == function_arn}
        _close(ended)

    def close(self) -> None:
        """Stop all pollers, and end all processes."""
        with self._lock:
            self._closed = True
            busy, idle = list(self._busy), [sandbox for idle in self._idle.values() for sandbox in idle]
            self._idle.clear()
        for mapping_id in list(self._pollers):
            self.detach(mapping_id)
        for sandbox in busy:
            sandbox.kill()  # the thread that invokes the function closes it
        _close(idle)
        self._starter.shutdown()

    def _take(self, function: LambdaFunction) -> Sandbox:
        with self._lock:
            if self._closed:
                raise LocalAwsError(f"The function {function.function_name} is invoked while the local AWS ends.")
            idle = self._idle.pop(function.function_arn, [])
            usable = [sandbox for sandbox in idle if sandbox.is_usable and sandbox.function is function]
            _close(sandbox for sandbox in idle if sandbox not in usable)
            sandbox = usable.pop() if usable else self._new_sandbox(function)
            self._idle[function.function_arn] = usable
            self._busy.add(sandbox)
            return sandbox

    def _put_back(self, sandbox: Sandbox) -> None:
        with self._lock:
            self._busy.discard(sandbox)
            is_current = sandbox not in self._outdated
            self._outdated.discard(sandbox)
            if sandbox.is_usable and is_current and not self._closed:
                self._idle.setdefault(sandbox.function.function_arn, []).append(sandbox)
                return
        sandbox.close()

    def _log(self, sandbox: Sandbox, result: InvocationResult) -> None:
        function = sandbox.function
        with self._lock:
            key = function.role, function.logs_group_name
            writer = self._writers.get(key) or self._writers.setdefault(key, LogWriter(self._aws, *key))
        # CloudWatch extracts embedded metrics from the log: lines that were not written do not count.
        if writer.write(sandbox.log_stream, result.log):
            for line in result.log:
                for value in embedded_metrics(line.text):
                    self._metrics.put(value)
        dimensions = {"FunctionName": function.function_name}
        self._metrics.put(MetricValue("AWS/Lambda", "Errors", dimensions, float(result.failed)))

    def _new_sandbox(self, function: LambdaFunction) -> Sandbox:
        code, image = self._aws.folder / "code" / function.code_digest, self._aws.folder / "image"
        if not code.exists():
            with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as bundle:
                bundle.extractall(code)
        if not image.exists():
            image.mkdir()
            for path in _installed_paths(IMAGE):
                (image / path.name).symlink_to(path)
        return Sandbox(self._aws, function, code, image, self._starter)


def _installed_paths(packages: Iterable[str]) -> set[Path]:
    """Return the top-level modules and folders that distributions have installed."""
    return {
        Path(str(distribution(package).locate_file(file.parts[0])))
        for package in packages
        for file in distribution(package).files or ()
        if file.parts[0] not in {"..", "__pycache__"} and not file.parts[0].endswith(".dist-info")
    }


def _close(sandboxes: Iterable[Sandbox]) -> None:
    for sandbox in sandboxes:
        sandbox.close()
