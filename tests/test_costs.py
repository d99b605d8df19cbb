"""Tests of docs/costs.md: its program is executed, and every number of the page is held to what the program says."""

import io
import re
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from cdk.settings import ENVIRONMENTS, X86_PRICES, Architecture, list_prices
from spark_app.settings import FEATURES, RunSettings
from spark_app.stages.features import IMAGES_PER_TASK
from spark_app.stages.matrix import FILES_AT_ONCE, ROWS_PER_FILE

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "costs.md").read_text()
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PROSE = PAGE.replace(PROGRAM, "")
AMOUNT = r"\$(\d+(?:,\d{3})*(?:\.\d+)?)"


def _executed() -> tuple[dict[str, Any], str]:
    names: dict[str, Any] = {}
    with redirect_stdout(io.StringIO()) as printed:
        exec(PROGRAM, names)  # noqa: S102 -- our own page
    return names, printed.getvalue()


@pytest.fixture(scope="module")
def executed() -> tuple[dict[str, Any], str]:
    """Provide what the program defines, and what it prints."""
    return _executed()


def _assumptions() -> dict[str, float]:
    rows = re.findall(r"^\| (`.*?`) \| ([\d., ]+) \|", PROSE, re.MULTILINE)
    return {
        name: float(value.replace(",", ""))
        for names, values in rows
        for name, value in zip(re.findall(r"`(\w+)`", names), values.split(", "), strict=True)
    }


def _stated_limit() -> float:
    (limit,) = re.findall(r"less than \$(\d+) a month whatever else", " ".join(PROSE.split()))
    return float(limit)


def test_the_tables_are_those_that_the_program_prints(executed: tuple[dict[str, Any], str]) -> None:
    """Every row of the three tables is as computed, to the digit."""
    printed = [line for line in executed[1].splitlines() if line.startswith("|")]
    assumed = PROSE.index("## What is assumed")
    assert len(printed) > 25
    assert [line for line in PROSE[:assumed].splitlines() if line.startswith("|")] == printed


def test_every_amount_in_the_text_is_computed(executed: tuple[dict[str, Any], str]) -> None:
    """A sum of money in a sentence is one that the program prints, or the limit that idle is held to."""
    stated = set(re.findall(AMOUNT, PROSE))
    assert len(stated) > 12
    assert stated - set(re.findall(AMOUNT, executed[1])) == {f"{_stated_limit():.0f}"}


def test_the_rounds_in_the_text_are_computed(executed: tuple[dict[str, Any], str]) -> None:
    """The text tells as many rounds of a long upload as the program counts."""
    (stated,) = re.findall(r"10,000,000 small images at (\d+) a second are (\d+) rounds", " ".join(PROSE.split()))
    names, _ = executed
    assert stated == (str(names["UPLOAD_RATE"]), str(names["first_in_rounds"](10_000_000, names["SMALL"][1])[1]))


def test_all_assumptions_are_listed_with_their_values(executed: tuple[dict[str, Any], str]) -> None:
    """The reader finds every number that is assumed in the table of assumptions, as the program has it."""
    names, _ = executed
    (assumed,) = re.findall(r"# What is assumed\.\n(.*?)\n\n", PROGRAM, re.DOTALL)
    wanted = re.findall(r"[A-Z_]{4,}", assumed)
    assert _assumptions() == {name: names[name] for name in wanted}


def test_idle_stays_below_the_stated_limit(executed: tuple[dict[str, Any], str]) -> None:
    """Nothing to do costs less than the page promises: beyond all free tiers, and alone in an account."""
    beyond_free_tiers, alone, _ = executed[0]["idle_total"]
    assert beyond_free_tiers < _stated_limit()
    assert alone < 0.01


def test_the_prices_of_emr_are_those_of_the_settings(
    executed: tuple[dict[str, Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour of a worker costs what the settings say; if they say twice as much, jobs cost twice as much."""
    worker = ENVIRONMENTS["prod"].capacity.executor
    prices = list_prices("eu-west-1", Architecture.ARM64)
    hour = worker.vcpus * prices.vcpu_hour + worker.memory_gb * prices.gb_hour
    assert executed[0]["hourly"](worker) == pytest.approx(hour)
    before = executed[0]["job"](1_000, 0.1)[0]
    dear = type(prices)(vcpu_hour=2 * X86_PRICES["eu-west-1"].vcpu_hour, gb_hour=2 * X86_PRICES["eu-west-1"].gb_hour)
    monkeypatch.setitem(X86_PRICES, "eu-west-1", dear)
    assert _executed()[0]["job"](1_000, 0.1)[0] == pytest.approx(2 * before)


def test_what_is_taken_from_the_project_is_as_it_is_there(executed: tuple[dict[str, Any], str]) -> None:
    """Sizes that the program copies from the code, and the measured throughput, are the present ones."""
    names, _ = executed
    (measured,) = re.findall(r"which the costs reckon with \| (\d+) \|", (DOCS / "performance.md").read_text())
    assert int(measured) == names["CORE_RATE"]
    assert names["CHUNK"] == RunSettings.chunk_size
    assert names["PER_TASK"] == IMAGES_PER_TASK
    assert names["NEAR_ROWS"] == 2 * ROWS_PER_FILE
    assert f"more than {FILES_AT_ONCE} files of {ROWS_PER_FILE:,} rows" in " ".join(PROSE.split())
    assert names["RESULT_ROW"] - names["MATRIX_ROW"] == 4 * (FEATURES + names["COMPONENTS"])


def test_the_price_of_a_job_is_what_pencil_and_paper_give(executed: tuple[dict[str, Any], str]) -> None:
    """Two jobs are worked out by hand: one with nothing to do, and one that a single executor computes for an hour."""
    job, hourly = executed[0]["job"], executed[0]["hourly"]
    driver, executor = (
        hourly(worker) for worker in (ENVIRONMENTS["prod"].capacity.driver, ENVIRONMENTS["prod"].capacity.executor)
    )
    assert job() == pytest.approx((driver * 180 / 3600 + executor * 120 / 3600, 180 / 3600))
    # 1,000 images of 7.2 core-seconds on 4 vCPUs, half a core each: an hour, and a commit.
    assert job(1_000, 7.2) == pytest.approx((driver * 3795 / 3600 + executor * 3735 / 3600, 3795 / 3600))
