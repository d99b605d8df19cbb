"""`fruits cost`: what the last runs and the present month have cost, against the budget."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cli.as_json import add_json_argument, print_json
from cli.cloud import words
from cli.cloud.environment import Deployment, add_environment_arguments, connect, settings_of
from cli.cloud.errors import explained_errors, unless_denied
from cli.cloud.month import Month, month_of
from cli.cloud.records import RecordedRun
from cli.cloud.runs import last_runs, total_cost, total_of
from cli.cloud.spending import PRICE_OF_QUESTION, Spending, by_service, spending_of
from cli.subcommands import Subcommands, add_subcommand
from spark_app.options import count

HEADER = ("run", "mode", "started", "computed", "cost in USD", "USD per 1,000")
NUMBERS = frozenset(map(HEADER.index, ("computed", "cost in USD", "USD per 1,000")))
DISPENSABLE = ("mode", "started", "USD per 1,000", "computed")


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits cost`."""
    parser = add_subcommand(subcommands, "cost")
    parser.add_argument("--last", type=count, default=10, metavar="N", help="number of runs [%(default)s]")
    parser.add_argument(
        "--services",
        action="store_true",
        help=f"ask Cost Explorer for the cost of each service, too; AWS charges {PRICE_OF_QUESTION} USD for the answer",
    )
    add_json_argument(parser)
    add_environment_arguments(parser)
    parser.set_defaults(command=_cost)


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What is known about the costs of an environment.

    Attributes
    ----------
    month
        Cost of the jobs of the present month; `None` if the credentials have no permission to ask for it.
    services
        Service → cost in USD in the present month; `None` if the user has not asked for it.
    """

    runs: Sequence[RecordedRun]
    budget_usd: float
    month: Month | None
    spending: Spending
    services: Mapping[str, float] | None = None


@explained_errors()
def _cost(arguments: argparse.Namespace) -> int:
    costs = costs_of(connect(arguments.env, arguments.endpoint_url), arguments.last, asks_services=arguments.services)
    if arguments.json:
        print_json(document(costs))
    else:
        print("\n".join(lines(costs)))
    return 0


def costs_of(deployment: Deployment, last: int, *, asks_services: bool) -> Costs:
    """Ask AWS for the costs of an environment; only the costs of the services are charged for."""
    return Costs(
        runs=sorted(last_runs(deployment, last), key=lambda run: run.run_id, reverse=True),
        budget_usd=settings_of(deployment.environment).monthly_budget_usd,
        month=unless_denied(lambda: month_of(deployment)),
        spending=spending_of(deployment),
        services=by_service(deployment) if asks_services else None,
    )


def lines(costs: Costs) -> Iterator[str]:
    """Write the costs for a terminal; the most important lines come last, next to the prompt."""
    if costs.runs:
        rows = [HEADER, *map(_row, costs.runs)]
        yield from words.fitted_table(rows, NUMBERS, DISPENSABLE, words.terminal_width())
        yield total_of(costs.runs)
    else:
        yield "There are no runs yet."
    yield ""
    if costs.services is not None:
        yield from _services(costs.services)
    yield from words.wrapped(f"Jobs: {_jobs(costs.month)}")
    yield from words.wrapped(f"All services: {_everything(costs.spending)}")
    yield from words.wrapped(summary(costs))


def _row(run: RecordedRun) -> tuple[str, ...]:
    record, computed = run.record, _computed(run)
    known, cost = record or run.summary, record.cost_usd if record else None
    each = cost / computed * 1000 if cost is not None and computed else None
    return (
        run.run_id,
        known.mode if known else words.NOTHING,
        words.moment(known.started_at) if known else words.NOTHING,
        words.NOTHING if computed is None else f"{computed:,}",
        words.dollars(cost),
        words.dollars(each),
    )


def _computed(run: RecordedRun) -> int | None:
    """Return the number of images whose features a run has computed; `None` if the run has published nothing."""
    return run.summary.counts.featurised if run.summary else None


def _services(services: Mapping[str, float]) -> Iterator[str]:
    if not services:
        yield "Cost Explorer has no costs of this month yet."
    yield from words.table([(service, words.dollars(cost)) for service, cost in services.items()], frozenset({1}))
    yield from words.wrapped(f"AWS charges {PRICE_OF_QUESTION} USD for this answer of Cost Explorer, which lags a day.")
    yield ""


def _jobs(month: Month | None) -> str:
    if month is None:
        return "unknown, because these credentials have no permission to ask."
    if month.spent_usd == 0:
        return f"no job has cost anything in {month.name}."
    return f"{words.dollars(month.spent_usd)} USD in {month.name}, at list prices."


def _everything(spending: Spending) -> str:
    if spending.actual_usd is None:
        return f"unknown, because {spending.problem}."
    forecast = spending.forecast_usd
    expected = "; AWS can't tell yet what the month will cost" if forecast is None else ""
    until = f", {words.dollars(forecast)} USD expected for the whole month" if forecast is not None else expected
    return f"{words.dollars(spending.actual_usd)} USD so far{until}. AWS counts some hours late."


def summary(costs: Costs) -> str:
    """Say in one line what the month has cost of its budget: everything if AWS says it, otherwise the jobs."""
    month, budget = costs.month, costs.budget_usd
    known = [amount for amount in (costs.spending.actual_usd, month.spent_usd if month else None) if amount is not None]
    if not known:
        return f"Nothing is known about the present month, whose budget is {budget:,.0f} USD."
    # The jobs of the last hours may cost more than AWS has counted so far.
    spent, name = max(known), f"{datetime.now(UTC):%B}"
    only = " for jobs" if costs.spending.actual_usd is None else ""
    over = ": the budget is spent" if spent > budget else ""
    return f"{name}: {spent:,.2f} of {budget:,.0f} USD{only} ({spent / budget:.0%}){over}"


def document(costs: Costs) -> dict[str, Any]:
    """Describe the costs for a program: what is unknown is null."""
    return {
        "runs": [_document_of(run) for run in costs.runs],
        "cost_usd": total_cost(costs.runs),
        "month": {
            "budget_usd": costs.budget_usd,
            "jobs_usd": costs.month.spent_usd if costs.month else None,
            "actual_usd": costs.spending.actual_usd,
            "forecast_usd": costs.spending.forecast_usd,
            "problem": costs.spending.problem or None,
        },
        "services": costs.services,
    }


def _document_of(run: RecordedRun) -> dict[str, Any]:
    cost = run.record.cost_usd if run.record else None
    return {"run": run.run_id, "computed": _computed(run), "cost_usd": cost}
