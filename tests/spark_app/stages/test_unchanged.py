"""Tests of the decision that nothing has changed since the last complete run."""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from contract.layout import LAST_STATE, LATEST, REJECTED_NOTICES, ResultFile, notices_file, results_folder
from contract.runs import Mode, new_run_id
from contract.summary import Counts, Latest, Snapshots, Summary, WeightsSummary
from spark_app.engine.weights import Weights, WeightsKind
from spark_app.installed import program_digest
from spark_app.numerics.components import ComponentCount
from spark_app.progress import PlainReporter
from spark_app.run import Run
from spark_app.settings import Engine, Limits, RunSettings
from spark_app.stages.listing import stage_listing
from spark_app.stages.unchanged import Comparison, find_changes, last_state, record_state

WEIGHTS = Weights(WeightsKind.SEEDED, None, "0" * 64)


@dataclass(frozen=True)
class Place:
    """Images and an output, with the id of the run that has left the output."""

    images: Path
    output: Path
    run_id: str

    def run(self, **settings: Any) -> Run:  # noqa: ANN401 -- values of settings
        """Return a run of the same settings, except for the given ones."""
        defaults = {"images": self.images.as_uri(), "output": self.output.as_uri(), "weights": "seeded"}
        return Run(RunSettings(**defaults | settings), PlainReporter(io.StringIO()))

    def record(self, **settings: Any) -> None:  # noqa: ANN401 -- as above
        """Record the present state, as the run that has left the output does at its end."""
        run = self.run(run_id=self.run_id, **settings)
        listing = None if run.settings.mode is Mode.UPDATE else stage_listing(run.images, run.root, run.staging)
        record_state(run, WEIGHTS, listing, ())

    def found(self, weights: Weights | None = WEIGHTS, **settings: Any) -> Comparison | None:  # noqa: ANN401 -- as above
        """Return what another run finds; `None` if it does not compare."""
        run = self.run(**settings)
        state = last_state(run)
        return find_changes(run, state, weights) if state else None

    def is_still_valid(self, **settings: Any) -> bool:  # noqa: ANN401 -- as above
        """Return whether another run finds that the last results are still valid."""
        found = self.found(**settings)
        return found is not None and found.last is not None


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return images, and an output with files where a run leaves some, whose state is recorded."""
    place = Place(tmp_path / "images", tmp_path / "output", new_run_id())
    summary = Summary(
        run_id=place.run_id,
        mode=Mode.RECONCILE,
        started_at="",
        finished_at="",
        model_id="model",
        engine=Engine.LITERT,
        weights=WeightsSummary(kind="seeded", sha256=WEIGHTS.sha256),
        counts=Counts(images=2),
        pca_version=None,
        pca=None,
        matrix=[],
        snapshots=Snapshots(features=1, components=1, rejects=None),
        timings={},
        images_per_second=None,
        settings={},
        versions={},
    )
    results = results_folder(place.run_id)
    files = {
        "images/Plum/a.jpg": "a",
        "images/Plum/b.jpg": "b",
        "images/notes.txt.tmp/.DS_Store": "no image",
        "output/tables/fruits/features/data/1.parquet": "rows",
        "output/tables/fruits/features/metadata/v1.metadata.json": "metadata",
        "output/models/m/model.tflite": "network",
        f"output/pca/{place.run_id}/basis.npz": "basis",
        f"output/{results}{ResultFile.MATRIX}": "matrix",
        f"output/{results}{ResultFile.SUMMARY}": summary.to_json(),
        f"output/{LATEST}": Latest(run_id=place.run_id, results=results, finished_at="").to_json(),
    }
    for name, body in files.items():
        _write(tmp_path / name, body)
    place.record()
    return place


def _write(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body)


@pytest.mark.parametrize(
    ("mode", "nothing"), [(Mode.RECONCILE, "nothing has changed"), (Mode.UPDATE, "there are no notices")]
)
def test_the_last_results_stand_if_nothing_has_changed(place: Place, mode: Mode, nothing: str) -> None:
    """A run finds the summary of the last one, as often as it looks, and leaves the output as it is."""
    before = {path: path.stat().st_mtime_ns for path in place.output.rglob("*") if "staging" not in path.parts}
    for _ in range(2):
        found = place.found(mode=mode)
        assert found
        assert found.last
        assert found.last.run_id == place.run_id
        assert found.outcome == f"{nothing} since run {place.run_id}: its results are still valid"
    after = {path: path.stat().st_mtime_ns for path in place.output.rglob("*") if "staging" not in path.parts}
    assert after == before


@pytest.mark.parametrize(
    "settings",
    [
        {"max_reject_rate": 1.0},
        {"components": ComponentCount(2)},
        {"standardize": True},
        {"refit_threshold": 0.5},
        {"label_level": 1},
        {"engine": Engine.TENSORFLOW},
        {"limits": Limits(megapixels=1)},
        {"notices": ("These are other weights.",)},
        {"mode": Mode.REPROCESS},
        {"run_id": "20260101T000000Z-abcdef"},
    ],
    ids=str,
)
def test_another_setting_is_a_reason_to_run(place: Place, settings: dict[str, Any]) -> None:
    """A run with another setting takes place, and so does one whose results a caller awaits under its id."""
    assert not place.is_still_valid(**settings)


@pytest.mark.parametrize(
    "settings", [{"chunk_size": 1}, {"retention_days": 1.0}, {"use_existing_folder": True}], ids=str
)
def test_a_setting_without_effect_is_no_reason_to_run(place: Place, settings: dict[str, Any]) -> None:
    """Settings that only matter while images are computed change nothing."""
    assert place.is_still_valid(**settings)


@pytest.mark.parametrize(
    "weights", [None, replace(WEIGHTS, sha256="1" * 64), replace(WEIGHTS, kind=WeightsKind.FILE)], ids=str
)
def test_other_weights_are_a_reason_to_run(place: Place, weights: Weights | None) -> None:
    """A run with other weights, or with weights that must be downloaded first, takes place."""
    found = place.found(weights)
    assert found
    assert found.last is None


def test_another_program_is_a_reason_to_run(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of the program or of a package, a run takes place, because its results may differ."""
    assert len(program_digest()) == 64
    monkeypatch.setattr("spark_app.installed.version", lambda _: "999")
    assert not place.is_still_valid()


CHANGES_OF_IMAGES: dict[str, Callable[[Path], object]] = {
    "added": lambda images: _write(images / "Plum/c.jpg", "c"),
    "removed": lambda images: (images / "Plum/b.jpg").unlink(),
    "longer": lambda images: _write(images / "Plum/b.jpg", "longer"),
    "renamed": lambda images: (images / "Plum/b.jpg").rename(images / "Plum/c.jpg"),
    "touched": lambda images: os.utime(images / "Plum/b.jpg", (1, 1)),
    "names exchanged": lambda images: [
        (images / "Plum" / old).rename(images / "Plum" / new)
        for old, new in (("a.jpg", "x"), ("b.jpg", "a.jpg"), ("x", "b.jpg"))
    ],
    "another file that is skipped": lambda images: _write(images / "Thumbs.db", ""),
    "a file that can't be listed": lambda images: (images / "link.jpg").symlink_to("missing"),
}


@pytest.mark.parametrize("change", CHANGES_OF_IMAGES.values(), ids=CHANGES_OF_IMAGES)
def test_another_image_is_a_reason_to_reconcile(place: Place, change: Callable[[Path], object]) -> None:
    """A reconcile finds every change below the folder of images, and has listed them then; an update looks at none."""
    change(place.images)
    found = place.found()
    assert found
    assert (found.outcome, found.last) == ("the images have changed", None)
    assert found.listing
    assert place.is_still_valid(mode=Mode.UPDATE)


CHANGES_OF_OUTPUT: dict[str, Callable[[Place], object]] = {
    "a table's file is gone": lambda at: (at.output / "tables/fruits/features/data/1.parquet").unlink(),
    "a table's file is damaged": lambda at: _write(at.output / "tables/fruits/features/data/1.parquet", "damaged"),
    "a commit of another program": lambda at: _write(
        at.output / "tables/fruits/features/metadata/v2.metadata.json", "metadata"
    ),
    "the tables are gone": lambda at: (at.output / "tables").rename(at.output.with_name("elsewhere")),
    "the model is damaged": lambda at: _write(at.output / "models/m/model.tflite", "networj"),
    "the basis is gone": lambda at: (at.output / f"pca/{at.run_id}/basis.npz").unlink(),
    "the matrix is gone": lambda at: (at.output / results_folder(at.run_id) / ResultFile.MATRIX).unlink(),
    "the matrix is a copy": lambda at: _copied(at.output / results_folder(at.run_id) / ResultFile.MATRIX),
    "the summary is damaged": lambda at: _write(at.output / results_folder(at.run_id) / ResultFile.SUMMARY, "{"),
    "other results are the last ones": lambda at: _write(
        at.output / LATEST,
        Latest(run_id=(other := new_run_id()), results=results_folder(other), finished_at="").to_json(),
    ),
    "a notice has arrived": lambda at: _write(at.output / notices_file("1"), "a notice"),
    "the record is gone": lambda at: (at.output / LAST_STATE).unlink(),
    "the record is damaged": lambda at: _write(at.output / LAST_STATE, "{"),
}


def _copied(path: Path) -> None:
    body, status = path.read_bytes(), path.stat()
    path.rename(path.with_name("original"))
    path.write_bytes(body)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.with_name("original").unlink()


@pytest.mark.parametrize("mode", [Mode.RECONCILE, Mode.UPDATE])
@pytest.mark.parametrize("change", CHANGES_OF_OUTPUT.values(), ids=CHANGES_OF_OUTPUT)
def test_another_output_is_a_reason_to_run(place: Place, change: Callable[[Place], object], mode: Mode) -> None:
    """A file that is damaged, deleted, restored or added makes a run take place, which repairs what it can."""
    change(place)
    assert not place.is_still_valid(mode=mode)


def test_rejected_notices_are_no_reason_to_run(place: Place) -> None:
    """Lines that are not notices stay in the inbox for a user to read, and wait for no run."""
    _write(place.output / REJECTED_NOTICES / "1.jsonl", "nonsense")
    assert place.is_still_valid()


def test_an_update_says_nothing_about_the_images(place: Place) -> None:
    """After an update, which lists no images, a reconcile takes place, and an update without notices does not."""
    place.record(mode=Mode.UPDATE)
    assert not place.is_still_valid()
    assert place.is_still_valid(mode=Mode.UPDATE)


def test_a_moved_output_is_a_reason_to_run(place: Place) -> None:
    """A run in a moved output takes place, and says that the output was moved."""
    place.output.rename(moved := place.output.with_name("moved"))
    assert not replace(place, output=moved).is_still_valid()


def test_a_run_that_has_met_damage_records_nothing(place: Place) -> None:
    """The next run looks at everything once more."""
    (place.output / LAST_STATE).unlink()
    run = place.run()
    record_state(run, WEIGHTS, stage_listing(run.images, run.root, run.staging), ["The basis was damaged."])
    assert last_state(run) is None
