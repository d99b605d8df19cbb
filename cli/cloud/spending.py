"""What AWS itself counts as spent in the present month: of its budget, without charge, and by service, for a cent."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from cdk.settings import ENVIRONMENT_TAG
from cli.cloud.environment import Deployment
from cli.cloud.errors import DENIED, code_of, explain
from contract.environments import Output, stack_name

BUDGET = "AWS::Budgets::Budget"
"""Kind of the resource of the stack."""

PRICE_OF_QUESTION = 0.01
"""Price in USD of one request to Cost Explorer: https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/."""


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What AWS Budgets has counted for the environment in the present month, some hours late.

    Attributes
    ----------
    actual_usd
        Cost of everything so far; `None` if AWS does not say it.
    forecast_usd
        Cost that AWS expects for the whole month; `None` as long as AWS has too few days to compute it.
    problem
        Why `actual_usd` is `None`; empty otherwise.
    """

    actual_usd: float | None = None
    forecast_usd: float | None = None
    problem: str = ""


def spending_of(deployment: Deployment) -> Spending:
    """Ask AWS Budgets, which answers without charge. A refusal is part of the answer, and does not hide the rest."""
    try:
        names = [resource.physical_id for resource in deployment.resources if resource.kind == BUDGET]
        if not names:
            return Spending(problem="the stack has no budget")
        answer = deployment.client("budgets").describe_budget(AccountId=_account_of(deployment), BudgetName=names[0])
    except (BotoCoreError, ClientError) as error:
        return Spending(problem=_problem(error))
    spent = answer["Budget"].get("CalculatedSpend", {})
    if "ActualSpend" not in spent:
        return Spending(problem="AWS has not counted it yet")
    return Spending(actual_usd=_amount(spent["ActualSpend"]), forecast_usd=_amount(spent.get("ForecastedSpend")))


def by_service(deployment: Deployment, now: datetime | None = None) -> dict[str, float]:
    """Ask Cost Explorer what each service has cost in the present month, the most expensive first.

    Each call costs `PRICE_OF_QUESTION`. Cost Explorer counts what has the tag of the environment, about a day late.

    Raises
    ------
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        If the request to AWS fails.
    """
    now = now or datetime.now(UTC)
    answer = deployment.client("ce").get_cost_and_usage(
        # The end is exclusive, and must be later than the begin, also on the first day of a month.
        TimePeriod={"Start": f"{now:%Y-%m-01}", "End": f"{now + timedelta(days=1):%Y-%m-%d}"},
        Granularity="MONTHLY",
        Metrics=["UnblendedCost"],
        GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
        Filter={"Tags": {"Key": ENVIRONMENT_TAG, "Values": [stack_name(deployment.environment)]}},
    )
    costs = dict[str, float]()
    for period in answer["ResultsByTime"]:
        for group in period["Groups"]:
            (service,) = group["Keys"]
            # The period may end in the next month, whose first day has another entry.
            costs[service] = costs.get(service, 0.0) + float(group["Metrics"]["UnblendedCost"]["Amount"])
    return dict(sorted(costs.items(), key=lambda cost: -cost[1]))


def _account_of(deployment: Deployment) -> str:
    return deployment.resource(Output.STATE_MACHINE).split(":")[4]


def _amount(spend: dict[str, str] | None) -> float | None:
    return float(spend["Amount"]) if spend else None


def _problem(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError) and code_of(error) in DENIED:
        return f"these credentials have no permission for {error.operation_name}"
    return str(explain(error)).rstrip(".")
