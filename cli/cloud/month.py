"""What the jobs of the present month have cost, against the budget."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cdk.settings import environment_named
from cli.cloud.environment import Deployment
from contract.functions import DIMENSION, Function, Metric, metrics_namespace

DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Month:
    """Cost of the jobs of the present month.

    Attributes
    ----------
    spent_usd
        Sum of the costs in the run records, at list prices. It lacks storage, requests, logs, taxes, and runs whose
        bill came too late for their record.
    budget_usd
        Budget of the settings, for everything.
    """

    name: str
    spent_usd: float
    budget_usd: float

    @property
    def is_over(self) -> bool:
        """Whether the jobs alone have spent the budget."""
        return self.spent_usd > self.budget_usd


def month_of(deployment: Deployment, now: datetime | None = None) -> Month:
    """Sum up the costs that `record_run` has reported to CloudWatch: one request, for any number of runs."""
    now = now or datetime.now(UTC)
    begins = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    points = deployment.client("cloudwatch").get_metric_statistics(
        Namespace=metrics_namespace(deployment.environment),
        MetricName=Metric.RUN_COST_USD.value,
        Dimensions=[{"Name": DIMENSION, "Value": Function.RECORD_RUN.value}],
        StartTime=begins,
        EndTime=now + timedelta(minutes=1),
        Period=DAY,
        Statistics=["Sum"],
    )["Datapoints"]
    return Month(
        name=f"{begins:%B}",
        spent_usd=sum(point["Sum"] for point in points),
        budget_usd=environment_named(deployment.environment).monthly_budget_usd,
    )
