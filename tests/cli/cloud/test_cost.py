"""Tests of `fruits cost`."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from cli.cloud.cost import Costs, lines, summary
from cli.cloud.environment import Deployment, StackResource
from cli.cloud.month import Month
from cli.cloud.spending import BUDGET, Spending, by_service, spending_of
from cli.main import main
from contract.functions import DIMENSION, Function, Metric, metrics_namespace
from contract.summary import Summary
from contract.workflow import RunRecord

COST = ["cost", "--env", "dev"]
Publish = Callable[..., None]
MONTH = f"{datetime.now(UTC):%B}"


@pytest.fixture
def spend(deployment: Deployment) -> Callable[[float], None]:
    """Return a function that records the cost of a run as `record_run` does."""

    def record(amount: float) -> None:
        deployment.client("cloudwatch").put_metric_data(
            Namespace=metrics_namespace("dev"),
            MetricData=[
                {
                    "MetricName": Metric.RUN_COST_USD.value,
                    "Dimensions": [{"Name": DIMENSION, "Value": Function.RECORD_RUN.value}],
                    "Timestamp": datetime.now(UTC),
                    "Value": amount,
                }
            ],
        )

    return record


@pytest.fixture
def answers(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the answers to give for operations that moto lacks, by operation; an exception is raised."""
    assert deployment
    given = dict[str, Any]()
    request = BaseClient._make_api_call  # noqa: SLF001 -- all requests of all clients pass through it

    def answer(client: BaseClient, name: str, parameters: dict[str, object]) -> object:
        if name not in given:
            return request(client, name, parameters)
        if isinstance(given[name], Exception):
            raise given[name]
        given[f"asked {name}"] = parameters
        return given[name]

    monkeypatch.setattr(BaseClient, "_make_api_call", answer)
    budget = StackResource("Budget", BUDGET, "fruits-budget-1")
    monkeypatch.setattr(Deployment, "resources", (budget,))
    return given


def _spent(actual: str, forecast: str | None = None) -> dict[str, Any]:
    spend = {"ActualSpend": {"Amount": actual, "Unit": "USD"}}
    if forecast:
        spend["ForecastedSpend"] = {"Amount": forecast, "Unit": "USD"}
    return {"Budget": {"CalculatedSpend": spend}}


def test_runs_and_month_are_set_against_the_budget(
    publish: Publish,
    record: RunRecord,
    summary: Summary,
    spend: Callable[[float], None],
    answers: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The last line is the share of the budget; what AWS has counted includes more than the jobs."""
    publish(
        "20261118T080000Z-first",
        replace(record, cost_usd=0.5),
        replace(summary, counts=replace(summary.counts, featurised=2000)),
    )
    publish("20261119T080000Z-fails", replace(record, state="FAILED", cost_usd=None))
    spend(2.5)
    answers["DescribeBudget"] = _spent("3.2", "6.4")
    assert main(COST) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split("  ")[0] == "run"
    assert out[1].split() == ["20261119T080000Z-fails", "update", "2026-11-20", "12:15", "UTC", "-", "-", "-"]
    assert out[2].split()[-3:] == ["2,000", "0.500", "0.250"]
    assert out[3] == "2 runs: 0.500 USD, without 1 of unknown cost"
    assert out[-1] == f"{MONTH}: 3.20 of 20 USD (16%)"
    assert f"Jobs: 2.500 USD in {MONTH}, at list prices." in out
    assert "6.400 USD expected for the whole month" in " ".join(out)
    assert answers["asked DescribeBudget"] == {"AccountId": "123456789012", "BudgetName": "fruits-budget-1"}


def test_an_idle_month_says_so(answers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Zero costs are a statement, not a missing number."""
    answers["DescribeBudget"] = _spent("0.0")
    assert main(COST) == 0
    out = capsys.readouterr().out
    assert "There are no runs yet." in out
    assert f"Jobs: no job has cost anything in {MONTH}." in out
    assert out.splitlines()[-1] == f"{MONTH}: 0.00 of 20 USD (0%)"


def test_a_refusal_of_the_budget_does_not_hide_the_jobs(
    spend: Callable[[float], None], answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The line says that only jobs are counted, and why."""
    spend(1.0)
    answers["DescribeBudget"] = ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeBudget")
    assert main(COST) == 0
    out = capsys.readouterr().out
    assert "unknown, because these credentials have no permission for DescribeBudget." in " ".join(out.split())
    assert out.splitlines()[-1] == f"{MONTH}: 1.00 of 20 USD for jobs (5%)"


def test_cost_explorer_is_asked_only_on_demand(answers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """AWS charges for each of its answers, so that a user must ask for one; the output says what it costs."""
    answers["DescribeBudget"] = _spent("0.5")
    answers["GetCostAndUsage"] = {
        "ResultsByTime": [
            {"Groups": [_group("Amazon S3", "0.10"), _group("EMR Serverless", "0.30")]},
            {"Groups": [_group("Amazon S3", "0.25")]},
        ]
    }
    assert main(COST) == 0
    assert "asked GetCostAndUsage" not in answers
    capsys.readouterr()
    assert main([*COST, "--services"]) == 0
    out = capsys.readouterr().out
    assert [line.split("  ")[0] for line in out.splitlines() if line.startswith(("Amazon", "EMR"))] == [
        "Amazon S3",
        "EMR Serverless",
    ]
    assert "AWS charges 0.01 USD for this answer" in out
    tag = {"Tags": {"Key": "environment", "Values": ["fruits-dev"]}}
    assert answers["asked GetCostAndUsage"]["Filter"] == tag


def _group(service: str, amount: str) -> dict[str, Any]:
    return {"Keys": [service], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}}


@pytest.mark.parametrize(
    ("now", "period"),
    [
        (datetime(2026, 11, 1, 0, 5, tzinfo=UTC), {"Start": "2026-11-01", "End": "2026-11-02"}),
        (datetime(2026, 12, 31, 23, tzinfo=UTC), {"Start": "2026-12-01", "End": "2027-01-01"}),
    ],
)
def test_the_period_is_valid_on_every_day(
    deployment: Deployment, answers: dict[str, Any], now: datetime, period: dict[str, str]
) -> None:
    """Cost Explorer refuses a period that ends when it begins."""
    answers["GetCostAndUsage"] = {"ResultsByTime": []}
    assert by_service(deployment, now) == {}
    assert answers["asked GetCostAndUsage"]["TimePeriod"] == period


def test_the_document_has_numbers_and_nulls(
    publish: Publish, record: RunRecord, answers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A script reads numbers, and null for what is unknown."""
    publish("20261118T080000Z-first", replace(record, cost_usd=0.25))
    answers["DescribeBudget"] = _spent("3.2")
    assert main([*COST, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "runs": [{"run": "20261118T080000Z-first", "computed": None, "cost_usd": 0.25}],
        "cost_usd": 0.25,
        "month": {"budget_usd": 20, "jobs_usd": 0, "actual_usd": 3.2, "forecast_usd": None, "problem": None},
        "services": None,
    }


def test_a_stack_without_a_budget_is_said(deployment: Deployment) -> None:
    """The stack of the fixture has no budget."""
    assert spending_of(deployment) == Spending(problem="the stack has no budget")


@pytest.mark.parametrize(
    ("jobs", "actual", "sentence"),
    [
        (21.0, 19.0, f"{MONTH}: 21.00 of 20 USD (105%): the budget is spent"),
        (None, None, "Nothing is known about the present month, whose budget is 20 USD."),
        (None, 4.0, f"{MONTH}: 4.00 of 20 USD (20%)"),
    ],
)
def test_the_last_line_counts_the_larger_amount(jobs: float | None, actual: float | None, sentence: str) -> None:
    """AWS counts hours late, and the jobs lack the other services: the larger one is closer to the truth."""
    month = None if jobs is None else Month(name=MONTH, spent_usd=jobs, budget_usd=20)
    costs = Costs(runs=(), budget_usd=20, month=month, spending=Spending(actual_usd=actual, problem="of a test"))
    assert summary(costs) == sentence
    assert list(lines(costs))[-1] == sentence
