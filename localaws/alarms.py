"""The evaluation of CloudWatch alarms, without any state."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from localaws.account import LocalAwsError

OK, ALARM = "OK", "ALARM"

HOUR, DAY = 3600, 86_400

STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "Sum": sum,
}


@dataclass(frozen=True)
class Condition:
    """The condition of an alarm: a statistic that is above a threshold in each of the last periods.

    Attributes
    ----------
    period
        Length of a period in seconds.
    periods
        Number of periods that are evaluated; the values of one period make one value of the statistic.
    breaching
        Number of these periods that must be above the threshold.

    Raises
    ------
    LocalAwsError
        If CloudWatch would refuse the alarm, or if it would be evaluated differently here.
    """

    statistic: str
    threshold: float
    period: int
    periods: int
    breaching: int

    def __post_init__(self) -> None:
        if self.statistic not in STATISTICS:
            raise LocalAwsError(f"The statistic {self.statistic!r} is not known here: use {', '.join(STATISTICS)}.")
        if self.period % 60 or self.period < 60:  # noqa: PLR2004 -- seconds of a minute
            raise LocalAwsError(f"The period of an alarm must be a multiple of 60 seconds here, not {self.period}.")
        if not 1 <= self.breaching <= self.periods:
            raise LocalAwsError(f"An alarm can't need {self.breaching} of {self.periods} periods.")
        longest = DAY if self.period < HOUR else 7 * DAY
        if self.period * self.periods > longest:
            raise LocalAwsError(
                f"An alarm with a period of {self.period} seconds evaluates {longest} seconds at most, "
                f"not {self.period * self.periods}."
            )

    @classmethod
    def parse(cls, alarm: Mapping[str, Any]) -> Self:
        """Read the condition from the settings, or the description, of an alarm.

        Raises
        ------
        LocalAwsError
            If CloudWatch would refuse the alarm, or if it would be evaluated differently here.
        """
        name, periods = alarm.get("AlarmName", "without a name"), int(alarm["EvaluationPeriods"])
        if alarm["ComparisonOperator"] != "GreaterThanThreshold":
            raise LocalAwsError(f"The alarm {name} compares in an unknown way: use GreaterThanThreshold.")
        if periods > 1 and alarm.get("TreatMissingData") != "notBreaching":
            raise LocalAwsError(f"The alarm {name} of several periods must treat missing data as notBreaching here.")
        return cls(
            statistic=alarm["Statistic"],
            threshold=float(alarm["Threshold"]),
            period=int(alarm["Period"]),
            periods=periods,
            breaching=int(alarm.get("DatapointsToAlarm") or periods),
        )

    @property
    def window(self) -> timedelta:
        """Time that all periods take together."""
        return timedelta(seconds=self.period * self.periods)

    def state(self, points: Iterable[tuple[datetime, float]], now: datetime) -> str:
        """Return the state of the alarm.

        The periods end now, as CloudWatch's window slides. A period without values does not breach.

        Parameters
        ----------
        points
            Times and values of the metric, in any order.
        """
        values: dict[int, list[float]] = {}
        for moment, value in points:
            values.setdefault(int((now - moment).total_seconds() // self.period), []).append(value)
        above = [
            number
            for number in range(self.periods)
            if values.get(number) and STATISTICS[self.statistic](values[number]) > self.threshold
        ]
        return ALARM if len(above) >= self.breaching else OK
