"""CloudWatch: the metric values of services and functions, and the alarms that are evaluated when a value arrives."""

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from queue import SimpleQueue
from typing import Any

from localaws.account import LocalAws, LocalAwsError

OK, ALARM = "OK", "ALARM"

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
    """Compare the values of the last period with the threshold, and publish to the topics if the alarm goes off."""
    if (alarm["ComparisonOperator"], alarm["EvaluationPeriods"]) != ("GreaterThanThreshold", 1):
        raise LocalAwsError(
            f"The alarm {alarm['AlarmName']} compares in an unknown way: use GreaterThanThreshold, for one period."
        )
    cloudwatch, now = aws.client("cloudwatch"), datetime.now(UTC)
    points = cloudwatch.get_metric_statistics(
        Namespace=alarm["Namespace"],
        MetricName=alarm["MetricName"],
        Dimensions=alarm["Dimensions"],
        StartTime=now - timedelta(seconds=alarm["Period"]),
        EndTime=now + timedelta(seconds=alarm["Period"]),
        Period=2 * alarm["Period"],
        Statistics=[alarm["Statistic"]],
    )["Datapoints"]
    breached = any(point[alarm["Statistic"]] > alarm["Threshold"] for point in points)
    state = ALARM if breached else OK
    if state == alarm["StateValue"]:
        return
    reason = f"{alarm['MetricName']} was {'above' if breached else 'not above'} {alarm['Threshold']}."
    cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=state, StateReason=reason)
    for topic in alarm["AlarmActions"] if breached else ():
        message = {"AlarmName": alarm["AlarmName"], "NewStateValue": state, "NewStateReason": reason}
        aws.client("sns").publish(TopicArn=topic, Subject=f"{state}: {alarm['AlarmName']}", Message=json.dumps(message))


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
