"""Tests of whole runs: their results, and what stays when a run fails."""

import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.sql import SparkSession
from sklearn.decomposition import PCA

from cli.sample import BROKEN
from contract.layout import LATEST
from contract.runs import Mode
from contract.summary import Latest, Summary
from spark_app.engine.litert_engine import LiteRtEngine
from spark_app.engine.measures import measure
from spark_app.engine.model import FILES, ExportedModel
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.errors import OutputError, TooManyRejectsError
from spark_app.numerics.components import ComponentCount, RequestedComponents, VarianceShare
from spark_app.pipeline import maintain, run
from spark_app.progress import PlainReporter
from spark_app.settings import Engine, Limits, RunSettings
from tests.published import read_matrix, read_table

Run = Callable[..., Summary]
Results = Callable[[], Path]
PICTURES = 60


def _features(images: Path, keys: list[str], exported: ExportedModel) -> np.ndarray:
    """Compute features without Spark."""
    prepare_decoders()
    engine = LiteRtEngine(exported.files[FILES[Engine.LITERT]])
    pixels = [decode((images / key).read_bytes(), Limits()).pixels for key in keys]
    return np.concatenate([engine.features(image[np.newaxis]) for image in pixels])


def test_the_matrix_is_what_scikit_learn_makes_of_the_images(
    run_pipeline: Run, results: Results, images: Path, output: Path, exported: ExportedModel
) -> None:
    """The published matrix and variances equal those of an independent computation from the files."""
    summary = run_pipeline(components=ComponentCount(10))
    keys, coordinates = read_matrix(results())
    features = _features(images, keys, exported).astype(np.float64)
    oracle = PCA(10, svd_solver="full").fit(features)
    np.testing.assert_allclose(coordinates, oracle.transform(features), atol=1e-3 * np.abs(coordinates).max())
    table = np.array(read_table(results() / "explained_variance.csv"), dtype=float)
    np.testing.assert_allclose(table[:, 2], oracle.explained_variance_ratio_, atol=1e-6)
    np.testing.assert_allclose(table[:, 3], oracle.explained_variance_ratio_.cumsum(), atol=1e-6)
    assert (output / f"pca/{summary.pca_version}/basis.npz").is_file()
    assert summary.pca is not None
    assert summary.pca.captured == pytest.approx(oracle.explained_variance_ratio_.sum(), abs=1e-6)


def _measurements(images: Path, key: str) -> dict[str, object]:
    """Hash and measure an image without Spark."""
    body = (images / key).read_bytes()
    return {
        "key": key,
        "content_hash": hashlib.sha256(body).hexdigest(),
        **vars(measure(decode(body, Limits()).pixels)),
    }


def test_broken_files_are_rows_and_everything_else_is_computed(
    run_pipeline: Run, results: Results, images: Path, output: Path
) -> None:
    """Each broken file is a reject with a reason, each picture a measured row, and the summary counts them."""
    counts = run_pipeline().counts
    assert {row[0] for row in read_table(results() / "rejects.csv")} == {f"Broken/{name}" for name in BROKEN}
    assert (counts.listed, counts.featurised, counts.rejected) == (PICTURES + len(BROKEN), PICTURES, len(BROKEN))
    assert (counts.images, counts.rejects) == (PICTURES, len(BROKEN))
    expected = [_measurements(images, key) for key in read_matrix(results())[0]]
    features = pq.read_table(output / "tables/fruits/features/data", columns=list(expected[0])).sort_by("key")
    assert features.to_pylist() == expected
    assert sorted(file.name for file in results().iterdir()) == [
        "explained_variance.csv",
        "explore.html",
        "findings.csv",
        "pca.csv",
        "rejects.csv",
        "report.html",
        "report.json",
        "summary.json",
    ]


def test_only_what_is_new_or_changed_is_computed(run_pipeline: Run, results: Results, images: Path) -> None:
    """A run without changes computes nothing; other runs compute new and changed images, and remove deleted ones."""
    run_pipeline()
    before = (results() / "pca.csv").read_bytes()
    again = run_pipeline().counts
    assert (again.featurised, again.rejected, again.unchanged) == (0, 0, PICTURES + len(BROKEN))
    assert (results() / "pca.csv").read_bytes() == before

    (images / "New").mkdir()
    for file in sorted(images.glob("Lemon*/*"))[:5] + sorted(images.glob("Plum/*"))[:5]:
        shutil.copy(file, images / "New" / f"{file.parent.name} {file.name}")
    added = run_pipeline().counts
    assert (added.featurised, added.replaced, added.images) == (10, 0, PICTURES + 10)

    Image.new("RGB", (30, 20), (9, 99, 9)).save(images / "Plum/view 000.jpg")
    (images / "Plum/view 001.jpg").unlink()
    (images / "Broken/empty.jpg").unlink()
    changed = run_pipeline().counts
    assert (changed.featurised, changed.replaced, changed.removed) == (1, 1, 2)
    keys, _ = read_matrix(results())
    assert "Plum/view 000.jpg" in keys
    assert "Plum/view 001.jpg" not in keys
    assert (changed.images, changed.rejects) == (PICTURES + 9, len(BROKEN) - 1)


def test_a_repaired_file_leaves_the_rejects_and_a_damaged_one_the_matrix(
    run_pipeline: Run, results: Results, images: Path
) -> None:
    """An image has a row in exactly one of the two tables, the one for its present file."""
    run_pipeline()
    shutil.copy(images / "Orange/view 000.jpg", images / "Broken/text.jpg")
    (images / "Orange/view 000.jpg").write_bytes(b"")
    run_pipeline(chunk_size=1)
    keys, _ = read_matrix(results())
    rejects = {row[0]: row[1] for row in read_table(results() / "rejects.csv")}
    assert "Broken/text.jpg" in keys
    assert "Broken/text.jpg" not in rejects
    assert "Orange/view 000.jpg" not in keys
    assert rejects["Orange/view 000.jpg"] == "empty"


def test_chunks_change_nothing(run_pipeline: Run, results: Results, output: Path) -> None:
    """The matrix is the same with one chunk and with seven."""
    run_pipeline(components=ComponentCount(5))
    keys, at_once = read_matrix(results())
    shutil.rmtree(output / "tables")
    run_pipeline(components=ComponentCount(5), chunk_size=10)
    keys_again, in_pieces = read_matrix(results())
    assert keys == keys_again
    np.testing.assert_allclose(in_pieces, at_once, atol=1e-3)


def test_the_engines_give_the_same_matrix(run_pipeline: Run, results: Results, output: Path) -> None:
    """`--engine tensorflow` gives the same matrix."""
    run_pipeline(components=ComponentCount(5))
    _, litert = read_matrix(results())
    shutil.rmtree(output / "tables")
    assert run_pipeline(components=ComponentCount(5), engine=Engine.TENSORFLOW).engine == "tensorflow"
    _, tensorflow = read_matrix(results())
    np.testing.assert_allclose(tensorflow, litert, atol=1e-2 * np.abs(litert).max())


@pytest.mark.parametrize(
    ("count", "components"), [(1, ComponentCount(50)), (5, ComponentCount(50)), (5, VarianceShare(0.95))]
)
def test_five_images_dropped_in_an_empty_bucket_give_a_result(
    run_pipeline: Run, results: Results, images: Path, count: int, components: RequestedComponents
) -> None:
    """A few images give as many components as they allow, with a note, and no error."""
    for file in sorted(file for file in images.rglob("*") if file.is_file())[:-count]:
        file.unlink()
    summary = run_pipeline(components=components)
    keys, coordinates = read_matrix(results())
    assert len(keys) == count
    assert 1 <= coordinates.shape[1] <= max(1, count - 1)
    if components == ComponentCount(50):
        assert any(re.search(rf"\b{count} images? allows? ", note) for note in summary.notes)


def test_no_readable_image_at_all_is_a_result_if_the_user_says_so(
    run_pipeline: Run, results: Results, images: Path
) -> None:
    """With a rate of 1, a run on seven broken files publishes the rejects, and a matrix with a header only."""
    for folder in images.iterdir():
        if folder.name != "Broken":
            shutil.rmtree(folder)
    summary = run_pipeline(max_reject_rate=1.0)
    assert summary.pca is None
    assert summary.counts.rejects == len(BROKEN)
    assert (results() / "pca.csv").read_text().strip() == '"key","label"'


def test_any_key_survives_from_listing_to_csv(run_pipeline: Run, results: Results, images: Path) -> None:
    """Folders and files may have spaces, accents, +, %, #, emoji, quotes and commas in their names."""
    shutil.rmtree(images / "Broken")
    names = ["Crème brûlée/a b.jpg", "50% + 1/#1.jpg", "🍎/🍏.jpg", 'x,"y"/a%20b.jpg', "no folder.jpg"]
    for name in names:
        (images / name).parent.mkdir(exist_ok=True)
        shutil.copy(images / "Plum/view 000.jpg", images / name)
    run_pipeline()
    labels = {row[0]: row[1] for row in read_table(results() / "pca.csv")}
    assert {name: labels.get(name) for name in names} == {name: name.rpartition("/")[0] for name in names}


def test_too_many_refusals_fail_the_run_and_keep_the_last_results(
    run_pipeline: Run, results: Results, images: Path
) -> None:
    """So many refused images fail the run, as a broken upload would, unless the user allows a higher rate."""
    run_pipeline()
    before = results()
    for number in range(200):
        (images / f"{number}.jpg").write_bytes(b"")
    with pytest.raises(TooManyRejectsError, match="200 of 200 images"):
        run_pipeline(mode=Mode.RECONCILE)
    assert results() == before
    summary = run_pipeline()
    assert (summary.counts.rejected, summary.counts.images) == (0, PICTURES)
    assert summary.counts.rejects == 200 + len(BROKEN)


def test_a_reprocess_with_too_many_refusals_fails_until_the_user_says_so(run_pipeline: Run, images: Path) -> None:
    """A rebuild that would lose most images records nothing, except for what the published tables refuse as well."""
    for number in range(80):
        (images / f"{number}.jpg").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(TooManyRejectsError, match="--max-reject-rate 1"):
            run_pipeline(mode=Mode.REPROCESS)
    assert run_pipeline(mode=Mode.REPROCESS, max_reject_rate=1.0).counts.rejected == 80 + len(BROKEN)
    assert run_pipeline(mode=Mode.REPROCESS).counts.rejected == 80 + len(BROKEN)


def test_a_higher_limit_admits_what_a_lower_one_has_refused(run_pipeline: Run, images: Path) -> None:
    """A run examines refused images again if its limits differ from those that refused them."""
    del images
    assert run_pipeline(limits=Limits(megapixels=0.001), max_reject_rate=1.0).counts.images == 0
    summary = run_pipeline()
    assert (summary.counts.featurised, summary.counts.images) == (PICTURES, PICTURES)
    assert run_pipeline().counts.featurised == 0


@pytest.mark.parametrize("mode", [Mode.RECONCILE, Mode.REPROCESS])
def test_a_run_of_which_all_images_are_refused_fails(run_pipeline: Run, images: Path, output: Path, mode: Mode) -> None:
    """A folder of a few broken files yields the reasons instead of an empty matrix, again and again."""
    shutil.rmtree(images)
    images.mkdir()
    (images / "a.jpg").write_bytes(b"")
    (images / "b.jpg").write_bytes(b"I am no picture.")
    for _ in range(2):
        with pytest.raises(TooManyRejectsError, match=r"All 2 images were refused \(1 empty, 1 not_an_image\)"):
            run_pipeline(mode=mode)
    assert not (output / "results").exists()
    assert run_pipeline(mode=mode, max_reject_rate=1.0).counts.rejects == 2


def test_the_summary_describes_the_run(run_pipeline: Run, results: Results) -> None:
    """The summary contains timings, rate, versions, settings and weights, in the file and as the return value."""
    summary = run_pipeline(standardize=True)
    assert Summary.from_json((results() / "summary.json").read_bytes()) == summary
    assert list(summary.timings) == [
        "start",
        "list",
        "plan",
        "featurise",
        "statistics",
        "pca",
        "project",
        "curate",
        "explore",
        "publish",
    ]
    assert summary.images_per_second
    assert summary.weights.kind == "seeded"
    assert any("seeded" in note for note in summary.notes)
    document = json.loads((results() / "summary.json").read_text())
    assert document["settings"]["standardize"] is True
    assert {"spark", "iceberg", "ai-edge-litert", "pillow"} <= document["versions"].keys()


def test_nothing_is_left_in_staging(run_pipeline: Run, output: Path) -> None:
    """A run deletes what it has staged itself, and nothing else: other files may be another run's, or the user's."""
    others = [output / "staging" / name for name in ("20260101T000000Z-aaaaaa/part-00000.parquet", "holiday.jpg")]
    for other in others:
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(b"not staged by this run")
    run_pipeline()
    assert sorted(path for path in (output / "staging").rglob("*") if path.is_file()) == sorted(others)


def test_a_folder_with_other_files_becomes_an_output_only_if_the_user_agrees(run_pipeline: Run, output: Path) -> None:
    """A folder that is no output and contains other files is refused, and stays as it is."""
    (output / "thesis.txt").write_text("mine")
    before = sorted(output.rglob("*"))
    with pytest.raises(OutputError, match=r"contains other files, such as 'thesis\.txt'"):
        run_pipeline()
    assert sorted(output.rglob("*")) == before
    assert run_pipeline(use_existing_folder=True).counts.images > 0
    assert run_pipeline().counts.featurised == 0  # the folder bears the mark now
    assert (output / "thesis.txt").read_text() == "mine"


def test_staging_that_is_a_link_is_refused(run_pipeline: Run, output: Path, tmp_path: Path) -> None:
    """A run stages and deletes nothing in a folder to which a link points."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/mine.txt").write_text("mine")
    (output / "staging").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="is a link"):
        run_pipeline()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["mine.txt"]


def test_a_run_that_fails_while_it_publishes_leaves_the_last_results(
    run_pipeline: Run, results: Results, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the pointer, which comes last, files belong to no complete run; the next run publishes everything."""
    run_pipeline()
    before = results()
    (images / "Plum/view 000.jpg").unlink()
    with monkeypatch.context() as broken:
        broken.setattr("spark_app.stages.publish.render_report", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_pipeline()
    assert results() == before
    counts = run_pipeline().counts
    assert (counts.featurised, counts.images) == (0, PICTURES - 1)
    assert len(read_matrix(results())[0]) == PICTURES - 1


def test_one_of_anything_is_singular(
    session_at: Callable[[Path], SparkSession],
    output: Path,
    images: Path,
    results: Results,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither a run on one image, nor its report, nor a maintenance says "1 images", "1 components" or "1 files"."""
    monkeypatch.setattr("spark_app.pipeline.open_session", lambda *_: nullcontext(session_at(output)))
    told = io.StringIO()
    place = {"images": f"{images.as_uri()}/Plum", "output": output.as_uri(), "weights": "seeded"}
    for picture in sorted((images / "Plum").iterdir())[1:]:
        picture.unlink()
    orphan = output / "staging/20200101T000000Z-aaaaaa/plan/1.parquet"
    run(RunSettings(**place), PlainReporter(told), {})
    orphan.parent.mkdir(parents=True)
    orphan.touch()
    (images / "Plum/2.jpg").write_bytes((images / "Orange/view 000.jpg").read_bytes())
    (images / "Plum/view 000.jpg").unlink()
    run(RunSettings(**place), PlainReporter(told), {})
    maintain(RunSettings(**place, mode=Mode.MAINTAIN, retention_days=0), PlainReporter(told), {})
    assert "1 staged file of killed runs" in told.getvalue()
    report = re.sub("<[^>]*>", " ", (results() / "report.html").read_text())
    assert re.findall(r"(?<![\d.,])1 [a-z]{2,}s\b", told.getvalue() + report) == []


def test_an_environment_may_be_empty(
    session_at: Callable[[Path], SparkSession], output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the images are in the folder of the environment, runs without images do nothing and do not fail."""
    monkeypatch.setattr("spark_app.pipeline.open_session", lambda *_: nullcontext(session_at(output)))
    (output / "images").mkdir()
    told = io.StringIO()
    place = {"images": f"{output.as_uri()}/images", "output": output.as_uri(), "weights": "seeded"}
    maintain(RunSettings(**place, mode=Mode.MAINTAIN), PlainReporter(told), {})
    assert "nothing to maintain" in told.getvalue()
    summary = run(RunSettings(**place, mode=Mode.RECONCILE), PlainReporter(told), {})
    assert summary.counts.images == 0
    assert Latest.from_json((output / LATEST).read_bytes()).run_id == summary.run_id
