"""CloudWatch: the figures of services arrive here, alarms are judged, and their topics told."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from localaws.account import LocalAws, LocalAwsError

OK, ALARM = "OK", "ALARM"


def record(aws: LocalAws, namespace: str, name: str, dimensions: Mapping[str, str], value: float) -> None:
    """Put a figure of a service, and judge the alarms that are about it."""
    cloudwatch = aws.client("cloudwatch")
    named = [{"Name": key, "Value": text} for key, text in dimensions.items()]
    cloudwatch.put_metric_data(
        Namespace=namespace, MetricData=[{"MetricName": name, "Dimensions": named, "Value": value}]
    )
    for alarm in cloudwatch.describe_alarms_for_metric(Namespace=namespace, MetricName=name)["MetricAlarms"]:
        if {one["Name"]: one["Value"] for one in alarm["Dimensions"]} == dimensions:
            _judge(aws, cloudwatch, alarm)


def _judge(aws: LocalAws, cloudwatch: Any, alarm: Mapping[str, Any]) -> None:  # noqa: ANN401 -- boto3's client
    """Compare the figures of the last period with the threshold, and tell the topics if that changes anything."""
    if (alarm["ComparisonOperator"], alarm["EvaluationPeriods"]) != ("GreaterThanThreshold", 1):
        raise LocalAwsError(f"The alarm {alarm['AlarmName']} compares in a way that is not known here.")
    now = datetime.now(UTC)
    statistics = cloudwatch.get_metric_statistics(
        Namespace=alarm["Namespace"],
        MetricName=alarm["MetricName"],
        Dimensions=alarm["Dimensions"],
        StartTime=now - timedelta(seconds=alarm["Period"]),
        EndTime=now + timedelta(seconds=alarm["Period"]),
        Period=2 * alarm["Period"],
        Statistics=[alarm["Statistic"]],
    )["Datapoints"]
    breached = any(point[alarm["Statistic"]] > alarm["Threshold"] for point in statistics)
    state = ALARM if breached else OK
    if state == alarm["StateValue"]:
        return
    reason = f"{alarm['MetricName']} was {'above' if breached else 'not above'} {alarm['Threshold']}."
    cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=state, StateReason=reason)
    for topic in alarm["AlarmActions"] if breached else ():
        message = {"AlarmName": alarm["AlarmName"], "NewStateValue": state, "NewStateReason": reason}
        aws.client("sns").publish(TopicArn=topic, Subject=f"{state}: {alarm['AlarmName']}", Message=json.dumps(message))
