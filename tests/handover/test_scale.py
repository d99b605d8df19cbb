"""Tests of handover/scale.py, and of the numbers of docs/review.md and its translation."""

import re

import pytest

from cdk.costs.arithmetic import first_run_in_rounds
from cdk.costs.assumptions import PHOTO, SMALL
from cdk.settings import ENVIRONMENTS
from handover import scale
from handover.scale import NARROW_BYTES, computing_kwh, images_that_fit, storage_kwh
from spark_app.settings import CurationSettings
from tests.handover.pages import DOCS, both, rows_between


def test_the_table_agrees_with_the_page_of_the_costs() -> None:
    """At ten million images, the first runs cost and last what docs/costs.md says."""
    costs = (DOCS / "costs.md").read_text()
    head, *cells = next(line for line in costs.splitlines() if "**first run, in all**" in line).strip("| ").split("|")
    assert head.strip() == "**first run, in all**"
    small, photos = float(cells[2]), float(cells[5])
    rows = [row for row in rows_between(both("review")[0], "scale") if row[0].startswith("first run")]
    assert [row[2] for row in rows] == [f"${small:,.0f}", f"${photos:,.0f}"]


def test_the_bytes_of_an_image_in_the_driver_are_the_measured_ones() -> None:
    """docs/findings.md reports the measurement."""
    (measured,) = re.findall(
        r"narrow columns of all images, about (\d+) bytes each", (DOCS / "findings.md").read_text()
    )
    assert int(measured) == NARROW_BYTES


@pytest.mark.parametrize("page", both("review"), ids=["english", "french"])
def test_what_breaks_first_follows_from_the_table(page: str) -> None:
    """The text names the number of images that fit into the driver, the timeout, and the limit of comparisons."""
    assert re.search(rf"\D{round(images_that_fit() / 1e6)} million", page)
    assert f"({ENVIRONMENTS['prod'].job_timeout_minutes} minutes)" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert re.search(rf"\D{CurationSettings.max_compared_images // 1000}\D000\D", page)


def test_the_upload_of_ten_million_images_takes_dozens_of_rounds() -> None:
    """The text says dozens: more than 24 and less than 100."""
    assert 24 < first_run_in_rounds(10_000_000, SMALL)[1] < 100


def test_a_year_of_storage_takes_a_hundred_times_the_energy_of_computing() -> None:
    """The text says a hundred, which is right within a factor of two, and does not depend on the number of images."""
    for images in scale.SIZES:
        assert 50 < storage_kwh(images, PHOTO) / computing_kwh(images, PHOTO) < 200


def test_the_energy_is_what_pencil_and_paper_give() -> None:
    """A million photos of 2 MB are 2 TB in three copies: 6 x 0.65 W for 8,760 hours, times 1.135."""
    assert storage_kwh(1_000_000, PHOTO) == pytest.approx(6 * 0.65 * 8_760 / 1000 * 1.135)
