"""What functions print: into their log groups, and from there, where it is a figure, into CloudWatch's metrics."""

import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from queue import SimpleQueue
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws import metrics
from localaws.account import LocalAws
from localaws.sandbox import LogLine

EVENTS, BYTES, OVERHEAD = 10_000, 1_048_576, 26
"""Limits of one PutLogEvents: events, their bytes, and what each counts beyond its text."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Figure:
    """A figure, as `metrics.record` takes it."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    value: float


class LogWriter:
    """Writes the log of a function, under the role of the function: what it may not write is lost, as in AWS."""

    def __init__(self, aws: LocalAws, role_arn: str, log_group: str) -> None:
        self._logs = aws.client("logs", role_arn)
        self._group = log_group
        self._streams: set[str] = set()

    def write(self, stream: str, lines: Sequence[LogLine]) -> bool:
        """Write lines.

        Returns
        -------
        bool
            Whether they are in the log now.
        """
        try:
            if stream not in self._streams:
                self._create(stream)
            for part in parts_of(lines):
                events = [{"timestamp": line.at, "message": line.text} for line in part]
                self._logs.put_log_events(logGroupName=self._group, logStreamName=stream, logEvents=events)
        except (BotoCoreError, ClientError) as error:
            logger.warning("%d lines of the log group %s are lost: %s", len(lines), self._group, error)
            return False
        return True

    def _create(self, stream: str) -> None:
        try:
            self._logs.create_log_stream(logGroupName=self._group, logStreamName=stream)
        except self._logs.exceptions.ResourceNotFoundException:
            self._logs.create_log_group(logGroupName=self._group)
            self._logs.create_log_stream(logGroupName=self._group, logStreamName=stream)
        self._streams.add(stream)


def parts_of(lines: Sequence[LogLine]) -> Iterator[list[LogLine]]:
    """Divide lines into parts that CloudWatch takes at once."""
    part: list[LogLine] = []
    size = 0
    for line in lines:
        more = len(line.text.encode()) + OVERHEAD
        if part and (len(part) == EVENTS or size + more > BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += more
    if part:
        yield part


def figures_of(text: str) -> Iterator[Figure]:
    """Read the figures in a line of a log, in CloudWatch's embedded metric format."""
    document = _embedded(text)
    for directive in document["_aws"]["CloudWatchMetrics"] if document else ():
        for metric, names in product(directive["Metrics"], directive.get("Dimensions") or [[]]):
            values = document[metric["Name"]]
            for value in values if isinstance(values, list) else [values]:
                dimensions = {name: str(document[name]) for name in names}
                yield Figure(directive["Namespace"], metric["Name"], dimensions, float(value))


def _embedded(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text) if text.startswith("{") else None
    except ValueError:
        return {}
    is_metric = isinstance(document, dict) and "CloudWatchMetrics" in document.get("_aws", {})
    return document if document and is_metric else {}


class Recorder:
    """Records figures, one after the other, while everything else goes on."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        self._figures: SimpleQueue[Figure | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="records-figures", daemon=True)
        self._thread.start()

    def put(self, figure: Figure) -> None:
        """Have a figure recorded."""
        self._figures.put(figure)

    def close(self) -> None:
        """Record what is left, if that is soon done."""
        self._figures.put(None)
        self._thread.join(timeout=5)

    def _work(self) -> None:
        while figure := self._figures.get():
            if self._aws.stopping.is_set():
                continue  # there is nobody left to take it
            try:
                metrics.record(self._aws, figure.namespace, figure.name, figure.dimensions, figure.value)
            except Exception:  # a figure that is lost is to be seen, and not to lose those after it
                logger.exception("The figure %s of %s is lost", figure.name, figure.namespace)
