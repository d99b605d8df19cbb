"""CloudWatch: the metric values of services and functions, and the alarms that are evaluated when a value arrives."""

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from queue import SimpleQueue
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from localaws.account import ACCOUNT, REGION, LocalAws
from localaws.alarms import ALARM, Condition

CLOSE_SECONDS = 5.0
"""Longest wait for the values that are still in the queue when the local AWS ends."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MetricValue:
    """One value of a CloudWatch metric."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    value: float


class Metrics:
    """Records metric values in a thread of its own, one after the other."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        self._values: SimpleQueue[MetricValue | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="records-metrics", daemon=True)
        self._thread.start()

    def put(self, value: MetricValue) -> None:
        """Record a value soon; the caller does not wait."""
        self._values.put(value)

    def close(self) -> None:
        """End the thread."""
        self._values.put(None)
        self._thread.join(CLOSE_SECONDS)

    def _work(self) -> None:
        while value := self._values.get():
            if self._aws.stopping.is_set():
                continue  # the server accepts no calls any more
            try:
                _record(self._aws, value)
            except Exception:  # one lost value must be visible, and must not end the thread
                logger.exception("The value of %s in %s is lost", value.name, value.namespace)


def _record(aws: LocalAws, value: MetricValue) -> None:
    cloudwatch = aws.client("cloudwatch")
    dimensions = [{"Name": key, "Value": text} for key, text in value.dimensions.items()]
    cloudwatch.put_metric_data(
        Namespace=value.namespace,
        MetricData=[{"MetricName": value.name, "Dimensions": dimensions, "Value": value.value}],
    )
    alarms = cloudwatch.describe_alarms_for_metric(Namespace=value.namespace, MetricName=value.name)["MetricAlarms"]
    for alarm in alarms:
        if {one["Name"]: one["Value"] for one in alarm["Dimensions"]} == value.dimensions:
            _evaluate(aws, alarm)


def _evaluate(aws: LocalAws, alarm: Mapping[str, Any]) -> None:
    """Compare the values of the last periods with the threshold, and set the state of the alarm."""
    condition, now = Condition.parse(alarm), datetime.now(UTC)
    state = condition.state(_points(alarm), now)
    if state == alarm["StateValue"]:
        return
    above = "above" if state == ALARM else "not above"
    reason = f"{alarm['MetricName']} was {above} {alarm['Threshold']} in the last {condition.window}."
    aws.client("cloudwatch").set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=state, StateReason=reason)


def _points(alarm: Mapping[str, Any]) -> Iterator[tuple[datetime, float]]:
    """Yield the times and the values of the metric of an alarm, which has exactly the dimensions of the alarm."""
    dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
    for datum in list(cloudwatch_backends[ACCOUNT][REGION].metric_data):
        if (datum.namespace, datum.name) != (alarm["Namespace"], alarm["MetricName"]):
            continue
        if {one.name: one.value for one in datum.dimensions} == dimensions:
            # moto keeps times with and without a time zone, all in UTC.
            yield datum.timestamp.replace(tzinfo=UTC), float(getattr(datum, "value"))  # noqa: B009 -- moto declares it in a subclass


def embedded_metrics(text: str) -> Iterator[MetricValue]:
    """Read the metric values in a log line that is in CloudWatch's embedded metric format; other lines have none."""
    try:
        document = json.loads(text) if text.startswith("{") else {}
    except ValueError:
        return
    for directive in document.get("_aws", {}).get("CloudWatchMetrics", ()):
        for metric, names in product(directive["Metrics"], directive.get("Dimensions") or [[]]):
            values = document[metric["Name"]]
            for value in values if isinstance(values, list) else [values]:
                dimensions = {name: str(document[name]) for name in names}
                yield MetricValue(directive["Namespace"], metric["Name"], dimensions, float(value))
