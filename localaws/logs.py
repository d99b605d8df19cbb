"""CloudWatch Logs: lines on their way to a log stream, within the limits of PutLogEvents."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.account import LocalAws

EVENTS, BYTES, OVERHEAD = 10_000, 1_048_576, 26
"""Limits of one PutLogEvents: events, their bytes, and the bytes that each event counts beyond its text."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LogLine:
    """A line of a log.

    Attributes
    ----------
    at
        Milliseconds since 1970.
    text
        Text of the event; it must not be empty.
    """

    at: int
    text: str


def put_lines(logs: Any, group: str, stream: str, lines: Sequence[LogLine]) -> None:  # noqa: ANN401 -- boto3's client
    """Write lines into a stream that exists.

    Raises
    ------
    ClientError
        If the role of the client may not write them.
    """
    for part in parts_of(lines):
        events = [{"timestamp": line.at, "message": line.text} for line in part]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def parts_of(lines: Sequence[LogLine]) -> Iterator[list[LogLine]]:
    """Split lines into parts that one PutLogEvents accepts."""
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


class LogWriter:
    """Writes the log of a function under the function's role; lines that the role may not write are lost, as in AWS."""

    def __init__(self, aws: LocalAws, role_arn: str, log_group: str) -> None:
        self._logs = aws.client("logs", role_arn)
        self._group = log_group
        self._streams: set[str] = set()

    def write(self, stream: str, lines: Sequence[LogLine]) -> bool:
        """Write lines, and return whether they are in the log group now."""
        try:
            if stream not in self._streams:
                self._create(stream)
            put_lines(self._logs, self._group, stream, lines)
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
