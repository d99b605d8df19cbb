"""Alarms are evaluated as CloudWatch evaluates them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localaws.account import LocalAwsError
from localaws.alarms import Condition

NOW = datetime(2026, 11, 28, 3, tzinfo=UTC)

HOUR = {
    "AlarmName": "long",
    "ComparisonOperator": "GreaterThanThreshold",
    "Statistic": "Minimum",
    "Threshold": 0,
    "Period": 300,
    "EvaluationPeriods": 12,
    "TreatMissingData": "notBreaching",
}
"""An alarm on something that lasts for an hour without a break."""


def _points(minutes: int, **changed: float) -> list[tuple[datetime, float]]:
    """Return a value of 1 for each of the last minutes, except those that are given as m7=0, or left out as m7=-1."""
    values = {minute: changed.get(f"m{minute}", 1.0) for minute in range(minutes)}
    return [(NOW - timedelta(minutes=minute), value) for minute, value in values.items() if value >= 0]


@pytest.mark.parametrize(
    ("points", "state"),
    [
        (_points(60), "ALARM"),
        (_points(600), "ALARM"),
        (_points(55), "OK"),
        (_points(60, m31=0), "OK"),
        (_points(60, m30=-1), "ALARM"),
        (_points(60, **{f"m{minute}": -1 for minute in range(30, 35)}), "OK"),
        ([], "OK"),
    ],
)
def test_every_period_must_be_above_the_threshold(points: list[tuple[datetime, float]], state: str) -> None:
    """One value that is not above it, or one period without values, keeps the alarm quiet."""
    assert Condition.parse(HOUR).state(points, NOW) == state


@pytest.mark.parametrize(
    ("statistic", "values", "state"),
    [
        ("Sum", [1, 1], "ALARM"),
        ("Maximum", [1, 1], "OK"),
        ("Maximum", [0, 2], "ALARM"),
        ("Average", [1, 2], "OK"),
        ("Minimum", [1, 9], "OK"),
    ],
)
def test_the_values_of_a_period_make_one_value(statistic: str, values: list[float], state: str) -> None:
    """The statistic of the alarm says how."""
    alarm = {**HOUR, "Statistic": statistic, "EvaluationPeriods": 1, "Threshold": 1.5}
    points = [(NOW - timedelta(seconds=second), value) for second, value in enumerate(values)]
    assert Condition.parse(alarm).state(points, NOW) == state


def test_some_of_the_periods_may_be_enough() -> None:
    """`DatapointsToAlarm` says how many."""
    assert Condition.parse({**HOUR, "DatapointsToAlarm": 11}).state(_points(60, m31=0), NOW) == "ALARM"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"EvaluationPeriods": 289}, "86400 seconds at most, not 86700"),
        ({"Period": 3600, "EvaluationPeriods": 169}, "604800 seconds at most"),
        ({"Period": 45}, "multiple of 60"),
        ({"DatapointsToAlarm": 13}, "can't need 13 of 12 periods"),
        ({"Statistic": "p99"}, "'p99' is not known"),
        ({"ComparisonOperator": "LessThanThreshold"}, "The alarm long compares in an unknown way"),
        ({"TreatMissingData": "missing"}, "must treat missing data as notBreaching"),
    ],
)
def test_an_alarm_that_cloudwatch_refuses_is_refused(change: dict[str, Any], sentence: str) -> None:
    """So is one that would be evaluated in another way here."""
    with pytest.raises(LocalAwsError, match=sentence):
        Condition.parse(HOUR | change)
