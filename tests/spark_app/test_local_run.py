"""Tests of runs on this machine, which start Spark only if something has changed."""

import io
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from contract.last_state import LastState
from contract.layout import LAST_STATE, ResultFile, notices_file, results_folder
from contract.rejects import Reason
from contract.summary import Summary
from spark_app.engine.provision import Model
from spark_app.engine.weights import Weights
from spark_app.local_run import _compare, run_if_changed
from spark_app.pipeline import _record_state
from spark_app.progress import PlainReporter
from spark_app.report.data import RefusedImages, ReportData
from spark_app.run import Run
from spark_app.settings import RunSettings
from spark_app.stages.listing import stage_listing

CopyOfRun = Callable[[], tuple[Summary, bool]]


@pytest.fixture
def run_here(
    images: Path, output: Path, session_at: Callable[[Path], SparkSession], monkeypatch: pytest.MonkeyPatch
) -> CopyOfRun:
    """Return a function that runs the pipeline in this process, and says whether it has started Spark."""
    starts: list[Path] = []

    def open_session(*_: object) -> nullcontext[SparkSession]:
        starts.append(output)
        return nullcontext(session_at(output))

    monkeypatch.setattr("spark_app.pipeline.open_session", open_session)

    def run_it() -> tuple[Summary, bool]:
        starts.clear()
        settings = RunSettings(images=images.as_uri(), output=output.as_uri(), weights="seeded")
        return run_if_changed(settings, PlainReporter(io.StringIO()), {}), bool(starts)

    return run_it


def _arrive(image: Path, notices: Path) -> None:
    """Replace an image, and write a file of notices, as others do while Spark starts."""
    os.utime(image, (1, 1))
    notices.parent.mkdir(exist_ok=True)
    notices.write_text("")


def test_a_run_starts_spark_only_if_something_has_changed(
    run_here: CopyOfRun, images: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that finds nothing new returns the last summary, and publishes nothing.

    A run that was killed after it had published its results records nothing, and neither does one that has repaired
    something, so the next run looks at everything. After a change, a run lists the images once. If an image is replaced
    after this, or a notice arrives, the next run looks at the images again, and the notice stays.
    """
    with monkeypatch.context() as killed:
        killed.setattr("spark_app.pipeline.record_state", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_here()
    first, has_started = run_here()
    assert has_started
    files = sorted(output.rglob("*"))
    assert run_here() == (first, False)
    assert sorted(output.rglob("*")) == files

    late, notices = images / "Plum/late.jpg", output / notices_file("20260101T000000Z")
    (images / "Plum/view 000.jpg").rename(late)
    with monkeypatch.context() as listed:
        listed.setattr("spark_app.pipeline.stage_listing", lambda *_: 1 / 0)  # it would list the images a second time
        listed.setattr("spark_app.local_run._compare", lambda this: (_compare(this), _arrive(late, notices))[0])
        changed, has_started = run_here()
    assert has_started
    assert (changed.counts.removed, changed.counts.featurised) == (1, 1)
    assert notices.exists()
    assert '"listing": null' in (output / LAST_STATE).read_text()

    (output / results_folder(changed.run_id) / ResultFile.REPORT_DATA).write_text("damaged")
    repaired, has_started = run_here()
    assert has_started
    assert any(ResultFile.REPORT_DATA in note for note in repaired.notes)
    state = LastState.from_json((output / LAST_STATE).read_bytes())
    assert state.run_id == changed.run_id  # so the output is not as the state says


def test_an_unreadable_image_is_looked_at_by_every_run(images: Path, output: Path, seeded: Weights) -> None:
    """Permissions change without the image, so a reconcile takes place as long as the table has such a row."""
    this = Run(RunSettings(images=images.as_uri(), output=output.as_uri()), PlainReporter(io.StringIO()))
    listing = stage_listing(this.images, this.root, this.staging)
    model = Model("model", seeded, b"", None)
    for reasons in ({Reason.UNREADABLE.value: 1, Reason.CORRUPT.value: 2}, {Reason.CORRUPT.value: 2}):
        _record_state(this, model, listing, ReportData([], [], 1.0, [], RefusedImages(reasons, [])))
        is_looked_at = '"listing": null' in (output / LAST_STATE).read_text()
        assert is_looked_at == (Reason.UNREADABLE in reasons)


def test_a_damaged_model_is_looked_at_once_more(images: Path, output: Path, seeded: Weights) -> None:
    """A run that has replaced the exported model records no state."""
    this = Run(RunSettings(images=images.as_uri(), output=output.as_uri()), PlainReporter(io.StringIO()))
    report = ReportData([], [], 1.0, [], RefusedImages({}, []))
    _record_state(this, Model("model", seeded, b"", None, was_damaged=True), None, report)
    assert not (output / LAST_STATE).exists()
