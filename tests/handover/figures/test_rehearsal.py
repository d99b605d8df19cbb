"""Tests of handover/figures/rehearsal.py, with lines as the rehearsal prints them."""

import time

import pytest

from handover.errors import FailedError
from handover.figures.rehearsal import rehearsal_figures
from rehearsal.rehearse import TimedPrinter


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a rehearsal prints that deploys in 21.5 seconds and ends after 90."""
    printer = TimedPrinter(began=time.time())
    for seconds, actor, what in (
        (21.5, "CDK", "fruits-dev is deployed, its bucket is fruits-dev-bucket"),
        (60.0, "results", "40 images, 7 refused, s3://fruits-dev-bucket/results/run/"),
        (80.0, "results", "39 images, 7 refused, s3://fruits-dev-bucket/results/run/"),
        (90.0, "CDK", "fruits-dev is destroyed, and nothing is left"),
    ):
        printer.line(actor, what, printer.began + seconds)
    return capsys.readouterr().out


def test_the_figures_are_those_of_the_lines(printed: str) -> None:
    """Durations count from the begin of the rehearsal, and the images are those of the upload."""
    found = rehearsal_figures(printed)
    assert (found["deploy_seconds"], found["seconds"], found["images"], found["rejects"]) == (21.5, 90, 40, 7)


def test_a_missing_line_is_named(printed: str) -> None:
    """A rehearsal whose lines have changed makes no figures of something else."""
    with pytest.raises(FailedError, match="deploy_seconds"):
        rehearsal_figures(printed.replace("is deployed", "has been deployed"))
