"""Tests of the starting point of a run."""

import io
from pathlib import Path

import pytest

from contract.layout import LATEST
from contract.summary import Latest
from spark_app.progress import PlainReporter
from spark_app.run import Run
from spark_app.settings import RunSettings
from spark_app.stages.starting_point import load_last_summary

RUN = "20261120T121530Z-3fa94c"


@pytest.mark.parametrize("summary", [None, b"{}", b"no JSON", b"[1]", b"7", b"[" * 100_000])
def test_a_last_run_that_can_not_be_read_is_none_and_is_noted(tmp_path: Path, summary: bytes | None) -> None:
    """A run ignores results that another version wrote, that are damaged or deleted; it says so and does not fail."""
    run = Run(RunSettings(images="file:///images", output=tmp_path.as_uri()), PlainReporter(io.StringIO()))
    root = run.root
    root.write(LATEST, Latest(run_id=RUN, results=f"results/{RUN}/", finished_at="").to_json().encode())
    if summary is not None:
        root.write(f"results/{RUN}/summary.json", summary)
    assert load_last_summary(run) is None
    assert [note.partition(" is ")[0] for note in run.notes] == [f"results/{RUN}/summary.json"]


def test_an_output_without_results_needs_no_note(tmp_path: Path) -> None:
    """The first run of an output finds no results, and nothing is wrong with that."""
    run = Run(RunSettings(images="file:///images", output=tmp_path.as_uri()), PlainReporter(io.StringIO()))
    assert load_last_summary(run) is None
    assert run.notes == []
