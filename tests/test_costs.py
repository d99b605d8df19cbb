"""Tests of cdk/costs and of docs/costs.md, which it prints."""

import re
from pathlib import Path

import pytest

from cdk.costs import arithmetic
from cdk.costs.arithmetic import IDLE, hourly, job
from cdk.costs.assumptions import ASSUMED
from cdk.costs.french import MEANINGS, notation
from cdk.costs.page import render, render_in_french
from cdk.settings import ENVIRONMENTS, X86_PRICES, Architecture, list_prices
from cdk.typography import NO_BREAK, THIN

DOCS = Path(__file__).parents[1] / "docs"
PAGE, FRENCH = ((DOCS / name).read_text() for name in ("costs.md", "costs.fr.md"))
DRIVER, EXECUTOR = ENVIRONMENTS["prod"].capacity.driver, ENVIRONMENTS["prod"].capacity.executor


def test_the_page_is_what_the_module_prints() -> None:
    """docs/costs.md has the numbers of the present settings, prices and assumptions; `make costs` writes it."""
    assert render() == PAGE
    assert render_in_french() == FRENCH


def test_no_amount_is_written_by_hand() -> None:
    """The templates contain no sum of money except for the limit that idle costs are held to."""
    folder = Path(arithmetic.__file__).parent
    assert re.findall(r"\$\d[\d.,]*", (folder / "costs.md.j2").read_text()) == ["$5"]
    assert re.findall(rf"\d[\d.,]*{NO_BREAK}\$", (folder / "costs.fr.md.j2").read_text()) == [f"5{NO_BREAK}$"]


def test_the_french_page_has_the_amounts_of_the_english_one() -> None:
    """Both pages name the same amounts and the same rows of numbers, in the notation of their language."""
    english = [notation(amount) for amount in re.findall(r"\$(\d[\d,]*(?:\.\d+)?)", PAGE)]
    assert sorted(re.findall(rf"(\d[\d{THIN}]*(?:,\d+)?){NO_BREAK}\$", FRENCH)) == sorted(english)
    rows = [[notation(cell) for cell in line.split(" | ")[1:] if cell[0].isdigit()] for line in _rows(PAGE)]
    assert [[cell for cell in line.split(" | ")[1:] if cell[0].isdigit()] for line in _rows(FRENCH)] == rows


def _rows(page: str) -> list[str]:
    """Return the rows of numbers of a page: those whose second cell is a number."""
    return [line for line in page.splitlines() if re.match(rf"\|[^|]*\| \d[\d.,{THIN}]* [|(]", line)]


def test_every_assumption_has_a_meaning_in_french() -> None:
    """No assumption is left without a French meaning, and none that is gone keeps one."""
    assert MEANINGS.keys() == {name for name, _, _ in ASSUMED.table()}


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
