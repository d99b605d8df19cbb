"""The output of functions: its way into log groups, and the metrics that are embedded in it."""

import json
import logging
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.account import LocalAws
from localaws.log_events import LogLine, put_lines
from localaws.metrics import MetricValue

logger = logging.getLogger(__name__)


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


def embedded_metrics(text: str) -> Iterator[MetricValue]:
    """Read the metric values in a log line that is in CloudWatch's embedded metric format; other lines have none."""
    document = _embedded(text)
    for directive in document["_aws"]["CloudWatchMetrics"] if document else ():
        for metric, names in product(directive["Metrics"], directive.get("Dimensions") or [[]]):
            values = document[metric["Name"]]
            for value in values if isinstance(values, list) else [values]:
                dimensions = {name: str(document[name]) for name in names}
                yield MetricValue(directive["Namespace"], metric["Name"], dimensions, float(value))


def _embedded(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text) if text.startswith("{") else None
    except ValueError:
        return {}
    is_metric = isinstance(document, dict) and "CloudWatchMetrics" in document.get("_aws", {})
    return document if document and is_metric else {}
