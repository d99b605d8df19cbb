"""Tests of the starting point of a run."""

from pathlib import Path

import pytest

from contract.layout import LATEST
from contract.summary import Latest
from spark_app.stages.starting_point import load_last_run
from spark_app.storage import Storage


@pytest.mark.parametrize("summary", [None, b"{}", b"no JSON", b"[1]"])
def test_a_last_run_that_can_not_be_read_is_none(tmp_path: Path, summary: bytes | None) -> None:
    """A run ignores results that another version wrote or that were deleted, and does not fail."""
    root = Storage(tmp_path.as_uri())
    root.write(LATEST, Latest(run_id="r", results="results/r/", finished_at="").to_json().encode())
    if summary is not None:
        root.write("results/r/summary.json", summary)
        root.write("results/r/report.json", summary)
    assert load_last_run(root) is None
