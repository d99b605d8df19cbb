"""Tests of later runs: their cost, what they replace, and that the results are those of a full run."""

import io
import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from cli.main import main as fruits
from cli.sample import BROKEN
from contract.layout import notices_file
from contract.notices import Notice, NoticeType
from contract.runs import Mode
from contract.summary import Summary
from spark_app.basis_file import load_basis
from spark_app.errors import ModelMismatchError, TooManyRejectsError
from spark_app.explorer.page import read_explorer
from spark_app.numerics.components import ComponentCount
from spark_app.pipeline import maintain
from spark_app.progress import PlainReporter
from spark_app.settings import Limits, RunSettings
from spark_app.stages.statistics import compute_statistics, load_statistics
from spark_app.storage import Storage
from spark_app.tables import Tables
from tests.published import read_matrix, read_table

Run = Callable[..., Summary]
Results = Callable[[], Path]
Notify = Callable[..., None]
PICTURES = 60
NEVER_REFIT = {"components": ComponentCount(10), "refit_threshold": 0.0}


@pytest.fixture
def notify(images: Path, output: Path) -> Notify:
    """Return a function that writes notices with the command."""

    def write(*keys: str) -> None:
        assert fruits(["notify", "--images", str(images), "--output", str(output), *keys]) == 0

    return write


@pytest.fixture
def few_images(images: Path) -> Path:
    """Keep pictures of four varieties and the broken files, and return the folder of the others."""
    aside = images.parent / "aside"
    aside.mkdir()
    for folder in sorted(folder for folder in images.iterdir() if folder.name != "Broken")[4:]:
        shutil.move(folder, aside / folder.name)
    return aside


@pytest.fixture
def tables(output: Path, session_at: Callable[[Path], SparkSession]) -> Tables:
    """Return the tables of the output."""
    return Tables(session_at(output), "fruits")


def _inbox(output: Path) -> list[str]:
    return sorted(file.name for file in (output / "inbox").glob("*.jsonl")) if (output / "inbox").exists() else []


def test_an_update_does_what_the_notices_say(
    run_pipeline: Run, results: Results, images: Path, output: Path, notify: Notify, tables: Tables
) -> None:
    """An update finds what reconcile would find, for changes of all kinds, duplicate notices and old notices."""
    run_pipeline(**NEVER_REFIT)
    (images / "New").mkdir()
    shutil.copy(images / "Plum/view 000.jpg", images / "New/it's + ä.jpg")
    Image.new("RGB", (30, 20), (9, 99, 9)).save(images / "Plum/view 000.jpg")
    (images / "Plum/view 001.jpg").unlink()
    shutil.copy(images / "Orange/view 000.jpg", images / "Broken/text.jpg")
    (images / "Broken/empty.jpg").unlink()
    (images / "Orange/view 000.jpg").write_bytes(b"")
    changed = ["New", "Plum/view 000.jpg", "Plum/view 001.jpg", "Broken/text.jpg", "Broken/empty.jpg"]
    notify(*changed, "Orange/view 000.jpg", "Orange/view 001.jpg")
    notify(*changed)
    assert len(_inbox(output)) == 12

    summary = run_pipeline(mode=Mode.UPDATE, **NEVER_REFIT)
    counts = summary.counts
    assert (counts.featurised, counts.replaced, counts.rejected, counts.removed) == (3, 1, 1, 2)
    assert (counts.listed, counts.unchanged) == (7, 1)
    assert _inbox(output) == []
    keys, coordinates = read_matrix(results())
    assert {"New/it's + ä.jpg", "Plum/view 000.jpg", "Broken/text.jpg"} <= set(keys)
    assert not {"Plum/view 001.jpg", "Orange/view 000.jpg"} & set(keys)
    assert counts.images == len(keys) == PICTURES
    reasons = {row[0]: row[1] for row in read_table(results() / "rejects.csv")}
    assert reasons["Orange/view 000.jpg"] == "empty"
    assert not {"Broken/empty.jpg", "Broken/text.jpg"} & set(reasons)

    again = run_pipeline(**NEVER_REFIT)
    assert (again.counts.featurised, again.counts.removed, again.counts.rejected) == (0, 0, 0)
    np.testing.assert_array_equal(read_matrix(results())[1], coordinates)
    _assert_as_computed_anew(run_pipeline, results, tables, output, summary)


def _assert_as_computed_anew(
    run_pipeline: Run, results: Results, tables: Tables, output: Path, summary: Summary
) -> None:
    """Compare rows, statistics and explained variance with a full run, projected on the basis in force."""
    keys, coordinates = read_matrix(results())
    variances = np.array(read_table(results() / "explained_variance.csv"), dtype=float)
    assert summary.pca_version
    basis = load_basis(Storage(output.as_uri()), summary.pca_version)
    assert basis
    features = tables.spark.table(tables.features)
    stored = load_statistics(Storage(output.as_uri()), summary.pca_version, tables.snapshots().features)
    assert stored
    computed = compute_statistics(features)
    assert stored.count == computed.count
    np.testing.assert_allclose(stored.mean, computed.mean, rtol=1e-9, atol=1e-12)
    error = np.linalg.norm(stored.scatter - computed.scatter)
    assert error <= 1e-9 * np.linalg.norm(computed.scatter)

    run_pipeline(mode=Mode.REPROCESS, components=ComponentCount(10))
    rows = tables.spark.table(tables.features).select("key", "features").orderBy("key").collect()
    assert [row.key for row in rows] == keys
    expected = basis.project(np.array([row.features for row in rows], dtype=np.float32))
    np.testing.assert_allclose(coordinates, expected, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(variances[:, 1], expected.var(axis=0, ddof=1), rtol=1e-3)


def test_an_update_reads_notices_only_and_keeps_later_ones(
    run_pipeline: Run, output: Path, notify: Notify, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update lists no images, and does not acknowledge a notice that arrives while it publishes."""
    run_pipeline()
    shutil.copytree(images / "Plum", images / "Without notice")
    shutil.copytree(images / "Plum", images / "With notice")
    notify("With notice")
    from spark_app.stages import publish

    point_to = publish.point_to

    def arrives(*arguments: object) -> None:
        notify("Without notice")
        point_to(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr("spark_app.pipeline.point_to", arrives)
        assert run_pipeline(mode=Mode.UPDATE).counts.images == PICTURES + 6
    assert len(_inbox(output)) == 1
    assert run_pipeline(mode=Mode.UPDATE).counts.images == PICTURES + 12
    assert _inbox(output) == []


def test_a_run_that_lists_all_images_acknowledges_the_notices(run_pipeline: Run, output: Path, notify: Notify) -> None:
    """A run that lists all images acknowledges the earlier notices, and has the requested run id."""
    notify("Plum")
    summary = run_pipeline(run_id="20261120T121530Z-abc-1")
    assert summary.run_id == "20261120T121530Z-abc-1"
    assert summary.counts.images == PICTURES
    assert _inbox(output) == []


def test_a_malformed_notice_delays_no_other_notice(run_pipeline: Run, output: Path, images: Path) -> None:
    """A run moves a malformed notice aside with the reason, processes the others of its file, and adds a note."""
    found = Storage(images.as_uri()).find("Plum/view 000.jpg")
    assert found
    good = Notice(key="Plum/view 000.jpg", op=NoticeType.CREATED, etag=found[1], size=found[0], sequencer="1")
    (output / "inbox").mkdir()
    lines = ["no JSON", good.to_json(), '{"key": "../x", "op": "removed"}', "", '{"key": "a", "op": "moved"}']
    (output / notices_file("1")).write_bytes("\n".join(lines).encode() + b"\n\xff\xfe")
    summary = run_pipeline(mode=Mode.UPDATE)
    assert summary.counts.images == 1
    assert any("Malformed notices" in note and note.endswith(": 4.") for note in summary.notes)
    rejected = [json.loads(line) for line in (output / "inbox/rejected/1.jsonl").read_text().splitlines()]
    assert [(line["line"], line["notice"][:7]) for line in rejected] == [
        (1, "no JSON"),
        (3, '{"key":'),
        (5, '{"key":'),
        (6, "\\xff\\xf"),
    ]
    assert all(line["reason"] for line in rejected)
    assert _inbox(output) == []


def test_an_update_without_notices_publishes_the_present_images(
    run_pipeline: Run, results: Results, images: Path
) -> None:
    """Without notices, an update keeps all images in the matrix, even if the folder is empty."""
    assert "There are no features: there is no matrix." in run_pipeline(mode=Mode.UPDATE).notes
    run_pipeline()
    before = (results() / "pca.csv").read_bytes()
    shutil.rmtree(images)
    images.mkdir()
    assert run_pipeline(mode=Mode.UPDATE).counts.images == PICTURES
    assert (results() / "pca.csv").read_bytes() == before


def test_the_basis_is_kept_while_it_serves_and_refitted_otherwise(
    run_pipeline: Run, results: Results, images: Path, few_images: Path
) -> None:
    """Old coordinates stay identical while the basis is kept, and the results say why it was kept or refitted."""
    first = run_pipeline(components=ComponentCount(10))
    assert first.pca is not None
    assert (first.pca.kept, first.pca.reason, first.pca.of_best) == (False, "it is the first basis", 1.0)
    old = dict(zip(*read_matrix(results()), strict=True))

    one = min(few_images.iterdir())
    shutil.copytree(one, images / one.name)
    kept = run_pipeline(components=ComponentCount(10), refit_threshold=0.5)
    assert kept.pca is not None
    assert kept.pca_version == first.pca_version
    assert kept.pca.kept
    assert 0.5 < kept.pca.of_best < 0.99
    keys, coordinates = read_matrix(results())
    now = dict(zip(keys, coordinates, strict=True))
    assert len(now) == len(old) + 6
    for key, row in old.items():
        np.testing.assert_array_equal(now[key], row)
    assert (
        f"captures {kept.pca.of_best:.2%} of the variance that the best basis of its size captures"
        in (results() / "report.html").read_text()
    )

    refitted = run_pipeline(components=ComponentCount(10), refit_threshold=0.99)
    assert refitted.pca is not None
    assert not refitted.pca.kept
    assert refitted.pca_version not in {None, first.pca_version}
    assert "captures only" in refitted.pca.reason
    assert refitted.counts.featurised == 0
    assert not run_pipeline(components=ComponentCount(5)).pca.kept  # type: ignore[union-attr]


def test_a_first_corpus_that_is_too_small_gets_its_components_later(
    run_pipeline: Run, images: Path, few_images: Path
) -> None:
    """Three images allow two components, which a note says; with more images, a run has as many as requested."""
    shutil.rmtree(images / "Broken")
    for file in sorted(file for file in images.rglob("*") if file.is_file())[:-3]:
        file.unlink()
    first = run_pipeline(components=ComponentCount(12), refit_threshold=0.0)
    assert first.pca is not None
    assert first.pca.components == 2
    assert any("3 images allow 2" in note for note in first.notes)
    for folder in few_images.iterdir():
        shutil.copytree(folder, images / folder.name)
    second = run_pipeline(components=ComponentCount(12), refit_threshold=0.0)
    assert second.pca is not None
    assert second.pca.components == 12
    assert "allow 12 components, the last basis has 2" in second.pca.reason


def _other_model(tables: Tables) -> None:
    """Make all features in the tables equal, and those of another model."""
    tables.spark.sql(f"UPDATE {tables.features} SET model_id = 'another', features = array_repeat(1.0f, 1280)")


@pytest.mark.parametrize("mode", [Mode.UPDATE, Mode.RECONCILE])
def test_features_of_two_models_never_mix(run_pipeline: Run, results: Results, tables: Tables, mode: Mode) -> None:
    """A run with other weights is refused with the remedy, and changes nothing."""
    run_pipeline()
    before = results()
    _other_model(tables)
    with pytest.raises(ModelMismatchError, match="--mode reprocess"):
        run_pipeline(mode=mode)
    assert results() == before


def test_reprocess_fills_branches_and_switches_at_the_end(
    run_pipeline: Run, results: Results, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers see the old tables and results until the switch, and the next run completes a crashed one."""
    run_pipeline()
    before = results()
    _other_model(tables)
    with monkeypatch.context() as broken:
        broken.setattr("spark_app.pipeline.switch", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_pipeline(mode=Mode.REPROCESS)
    assert results() == before
    assert tables.model_id() == "another"
    assert tables.spark.table(tables.features).count() == PICTURES
    summary = run_pipeline(mode=Mode.REPROCESS)
    assert (summary.counts.featurised, summary.counts.images) == (0, PICTURES)
    assert summary.counts.rejects == len(BROKEN)
    assert summary.pca is not None
    assert summary.pca.reason == "reprocess always fits a new basis"
    assert tables.model_id() == summary.model_id
    assert not tables.iceberg["features"].has_branch("reprocess")
    assert run_pipeline(mode=Mode.REPROCESS).counts.featurised == PICTURES


def test_an_erased_image_is_in_no_file_after_maintenance(
    run_pipeline: Run, output: Path, images: Path, notify: Notify, tables: Tables
) -> None:
    """After maintenance, no table contains features, coordinates, thumbnail or key of a deleted image, and no page it.

    Pages of earlier runs keep their texts, and lose their pictures.
    """
    first = run_pipeline(**NEVER_REFIT)
    key = "Plum/view 000.jpg"
    vector, coordinates, thumbnail = _columns_of(tables, key)
    erased = (key.encode(), _bytes_of(vector), _bytes_of(coordinates), thumbnail)
    (images / key).unlink()
    notify(key)
    before = run_pipeline(mode=Mode.UPDATE, **NEVER_REFIT)
    assert _files_with(output / "tables", erased)
    _maintain(output, days=1.0)
    assert _files_with(output / "tables", erased)
    assert (output / f"results/{first.run_id}/explore.html").exists()
    assert _reports_with_pictures(output) == {first.run_id, before.run_id}
    _maintain(output, days=0.0)
    assert _files_with(output / "tables", erased) == []
    assert [page.parent.name for page in output.glob("results/*/explore.html")] == [before.run_id]
    assert key not in read_explorer((output / f"results/{before.run_id}/explore.html").read_text()).points.keys
    assert _reports_with_pictures(output) == {before.run_id}
    assert "What the components see" in (output / f"results/{first.run_id}/report.html").read_text()
    after = run_pipeline(**NEVER_REFIT)
    assert (after.counts.featurised, after.counts.images) == (0, PICTURES - 1)
    assert after.snapshots == before.snapshots


def _maintain(output: Path, days: float) -> None:
    these = RunSettings(images="", output=output.as_uri(), mode=Mode.MAINTAIN, retention_days=days)
    maintain(these, PlainReporter(io.StringIO()), {})


def _columns_of(tables: Tables, key: str) -> tuple[list[float], list[float], bytes]:
    (features,) = tables.spark.table(tables.features).where(f"key = '{key}'").collect()
    (components,) = tables.spark.table(tables.components).where(f"key = '{key}'").collect()
    return features.features, components.components, bytes(features.thumbnail)


def _bytes_of(vector: list[float]) -> bytes:
    return np.array(vector, np.float32)[:8].tobytes()


def _reports_with_pictures(output: Path) -> set[str]:
    return {page.parent.name for page in output.glob("results/*/report.html") if "data:image/webp" in page.read_text()}


def _files_with(folder: Path, patterns: Collection[bytes]) -> list[str]:
    """Find the files that contain some bytes, with Parquet files decompressed."""
    found = []
    for file in (file for file in folder.rglob("*") if file.is_file()):
        body = file.read_bytes()
        if file.suffix == ".parquet":
            rows = pq.ParquetFile(file).read().to_pylist()
            body += b"".join(str(row.get("key")).encode() for row in rows)
            body += b"".join(
                np.array(row.get("features") or row.get("components") or [], np.float32).tobytes() for row in rows
            )
            body += b"".join(row.get("thumbnail") or b"" for row in rows)
        if any(pattern in body for pattern in patterns):
            found.append(file.name)
    return found


def test_junk_of_one_uploader_holds_up_nobody_else(
    run_pipeline: Run, images: Path, few_images: Path, notify: Notify
) -> None:
    """Twenty broken files fail one update. They are recorded, and do not fail the next one, nor the images after it."""
    run_pipeline(**NEVER_REFIT)
    junk = [images / f"Junk/{number}.jpg" for number in range(30)]
    junk[0].parent.mkdir()
    for file in junk:
        file.write_text("not an image")
    arrivals = sorted(few_images.iterdir())
    shutil.move(arrivals[0], images)
    notify("Junk", arrivals[0].name)
    with pytest.raises(TooManyRejectsError, match=r"30 of 36 images were refused"):
        run_pipeline(mode=Mode.UPDATE, **NEVER_REFIT)
    shutil.move(arrivals[1], images)
    notify(arrivals[1].name)
    summary = run_pipeline(mode=Mode.UPDATE, **NEVER_REFIT)
    assert (summary.counts.featurised, summary.counts.rejected) == (12, 0)
    assert summary.counts.images == 4 * 6 + 12


def test_a_resumed_reprocess_examines_again_what_other_limits_refused(
    run_pipeline: Run, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild that a run with lower limits began and did not end does not keep the refusals of these limits."""
    del images
    with monkeypatch.context() as patch:
        patch.setattr("spark_app.pipeline.bring_up_statistics", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_pipeline(mode=Mode.REPROCESS, limits=Limits(megapixels=0.001), max_reject_rate=1.0)
    summary = run_pipeline(mode=Mode.REPROCESS)
    assert summary.counts.images == PICTURES
