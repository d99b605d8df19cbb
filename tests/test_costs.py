"""Tests of cdk/costs and of docs/costs.md, which it prints."""

import re
from pathlib import Path

import pytest

from cdk.costs import arithmetic
from cdk.costs.arithmetic import IDLE, hourly, job
from cdk.costs.assumptions import ASSUMED
from cdk.costs.page import render
from cdk.settings import ENVIRONMENTS, X86_PRICES, Architecture, list_prices

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "costs.md").read_text()
DRIVER, EXECUTOR = ENVIRONMENTS["prod"].capacity.driver, ENVIRONMENTS["prod"].capacity.executor


def test_the_page_is_what_the_module_prints() -> None:
    """docs/costs.md has the numbers of the present settings, prices and assumptions; `make costs` writes it."""
    assert render() == PAGE


def test_no_amount_is_written_by_hand() -> None:
    """The template contains no sum of money except for the limit that idle costs are held to."""
    template = (Path(arithmetic.__file__).parent / "costs.md.j2").read_text()
    assert re.findall(r"\$\d[\d.,]*", template) == ["$5"]


def test_idle_stays_below_the_stated_limit() -> None:
    """An idle environment costs less than the page promises: beyond all free tiers, and alone in an account."""
    (limit,) = re.findall(r"costs less than \$(\d+) a month beyond all free tiers", PAGE)
    assert sum(one.price(free_tier=False) for one in IDLE) < float(limit)
    assert sum(one.price() for one in IDLE) < 0.01


def test_the_prices_of_emr_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of a worker costs what the settings say; if they say twice as much, jobs cost twice as much."""
    prices = list_prices("eu-west-1", Architecture.ARM64)
    assert hourly(EXECUTOR) == pytest.approx(EXECUTOR.vcpus * prices.vcpu_hour + EXECUTOR.memory_gb * prices.gb_hour)
    before = job(1_000, 0.1).usd
    dear = type(prices)(vcpu_hour=2 * X86_PRICES["eu-west-1"].vcpu_hour, gb_hour=2 * X86_PRICES["eu-west-1"].gb_hour)
    monkeypatch.setitem(X86_PRICES, "eu-west-1", dear)
    assert job(1_000, 0.1).usd == pytest.approx(2 * before)


def test_the_measured_throughput_is_that_of_the_performance_page() -> None:
    """The costs are computed with the slower of the two measured machines."""
    (measured,) = re.findall(r"The costs assume (\d+) images/s", (DOCS / "performance.md").read_text())
    assert int(measured) == ASSUMED.core_rate


def test_the_price_of_a_job_is_what_pencil_and_paper_give() -> None:
    """Two jobs are worked out by hand: one without work, and one that a single executor computes for an hour."""
    driver, executor = hourly(DRIVER), hourly(EXECUTOR)
    idle = job()
    assert (idle.usd, idle.hours) == pytest.approx((driver * 180 / 3600 + executor * 120 / 3600, 180 / 3600))
    # 1,000 images of 7.2 core-seconds on 4 vCPUs, each of which is half a core, take an hour; one commit follows.
    busy = job(1_000, 7.2)
    assert (busy.usd, busy.hours) == pytest.approx((driver * 3795 / 3600 + executor * 3735 / 3600, 3795 / 3600))
