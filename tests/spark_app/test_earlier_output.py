"""Tests that this version continues an output of an earlier version, written by Spark 3.5.8 and Iceberg 1.10.1.

`data/output-of-spark-3.5.tar.xz` contains the output after two runs on Python 3.11, of which the second replaced one
image and removed another, and the images. The archive lacks the model and the statistics, which take 31 MB: the model
is that of the other tests, and the fixture writes the statistics as the earlier version did.

That version read images in another way, so its model has another id. The tests of its formats give this version the
id of that time; the last two tests use the id of this version.
"""

import fcntl
import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import boto3
import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from cli.main import main as fruits
from contract.layout import IMAGES
from contract.runs import Mode
from contract.summary import Latest, Summary
from contract.tables import Table
from spark_app.engine.model import ExportedModel, model_id_of, save_model
from spark_app.engine.preprocessing import PREPROCESSING
from spark_app.engine.weights import Weights
from spark_app.errors import ModelMismatchError
from spark_app.numerics.components import ComponentCount
from spark_app.pipeline import maintain, run
from spark_app.progress import PlainReporter
from spark_app.settings import Decoding, RunSettings
from spark_app.stages.statistics import compute_statistics, load_statistics
from spark_app.storage import Storage
from spark_app.tables import ADDED_COLUMNS, Tables
from tests.published import read_matrix

PLACE = Path("/tmp/fruits-output-of-spark-3.5")  # noqa: S108 -- Iceberg's metadata names files by their absolute paths
BUCKET = "earlier"
EARLIER_PREPROCESSING = "exif-orientation, RGB on white, Pillow bicubic 224x224, x/127.5-1; version 1"
SETTINGS = {"output": PLACE.as_uri(), "weights": "seeded", "components": ComponentCount(3), "refit_threshold": 0.0}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Return the images of the earlier output."""
    return tmp_path / "images"


@pytest.fixture
def earlier(
    images: Path,
    warm: SparkSession,
    session_at: Callable[[Path], SparkSession],
    seeded: Weights,
    exported: ExportedModel,
) -> Iterator[Tables]:
    """Extract the earlier output at its original path, and return its tables."""
    del warm
    with PLACE.with_name(f"{PLACE.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if PLACE.exists():
            shutil.rmtree(PLACE)
        with tarfile.open(Path(__file__).parent / "data" / "output-of-spark-3.5.tar.xz") as archive:
            archive.extractall(images.parent, filter="data")
        shutil.move(images.parent / PLACE.name, PLACE)
        for decoding in Decoding:
            save_model(Storage(PLACE.as_uri()), model_id_of(seeded, decoding), seeded, exported, decoding)
        tables = Tables(session_at(PLACE), "fruits")
        _write_statistics(tables)
        yield tables
        shutil.rmtree(PLACE)


def _write_statistics(tables: Tables) -> None:
    rows = tables.spark.table(tables.features).select("features").collect()
    features = np.array([row.features for row in rows], dtype=np.float64)
    centred = features - features.mean(axis=0)
    summary = _last_summary()
    np.savez(
        PLACE / "pca" / str(summary.pca_version) / "statistics.npz",
        count=len(features),
        mean=features.mean(axis=0),
        scatter=centred.T @ centred,
        rounding=0.0,
        snapshot=summary.snapshots.features,
    )


def _last_results() -> Path:
    return PLACE / Latest.from_json((PLACE / "results/latest.json").read_bytes()).results


def _last_summary() -> Summary:
    return Summary.from_json((_last_results() / "summary.json").read_bytes())


@pytest.fixture
def follow(earlier: Tables, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Summary]:
    """Return a function that runs this version on the earlier output."""
    monkeypatch.setattr("spark_app.pipeline.open_session", lambda *_: nullcontext(earlier.spark))
    return lambda **settings: run(RunSettings(**SETTINGS | settings), PlainReporter(io.StringIO()), {})


@pytest.fixture
def as_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the models the ids of the earlier version."""
    monkeypatch.setitem(PREPROCESSING, Decoding.FULL, EARLIER_PREPROCESSING)


@pytest.fixture
def bucket(aws: str, images: Path, earlier: Tables) -> str:
    """Put the images in a bucket, where, unlike in a folder, a copy has the etag of the original."""
    del aws, earlier
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for file in images.rglob("*.*"):
        s3.put_object(Bucket=BUCKET, Key=f"{IMAGES}{file.relative_to(images)}", Body=file.read_bytes())
    return f"s3://{BUCKET}/{IMAGES.rstrip('/')}"


@pytest.mark.usefixtures("as_then")
def test_no_image_of_an_earlier_output_is_computed_again(
    follow: Callable[..., Summary], bucket: str, earlier: Tables
) -> None:
    """A run reads the tables, the basis and the results of the earlier version, keeps them, and adds what they lack."""
    before, matrix = _last_summary(), (_last_results() / "pca.csv").read_bytes()
    summary = follow(mode=Mode.RECONCILE, images=bucket)
    assert (summary.counts.featurised, summary.counts.rejected, summary.counts.removed) == (0, 0, 0)
    assert (summary.counts.unchanged, summary.counts.images, summary.counts.rejects) == (26, 19, 7)
    assert summary.snapshots == earlier.snapshots()
    assert summary.snapshots.have_images_of(before.snapshots)
    assert earlier.existing().keys() == set(Table)
    for table, columns in ADDED_COLUMNS.items():
        rows = earlier.spark.table(earlier.iceberg[table].name).select("key", *columns).collect()
        assert table is Table.FINDINGS or rows
        assert all(value is None for row in rows for value in row[1:] if table is not Table.FINDINGS)
    assert (summary.pca_version, summary.pca and summary.pca.kept) == (before.pca_version, True)
    assert (_last_results() / "pca.csv").read_bytes() == matrix


@pytest.mark.usefixtures("as_then")
def test_an_earlier_output_is_updated_and_maintained(
    follow: Callable[..., Summary], images: Path, earlier: Tables, tmp_path: Path
) -> None:
    """An update computes changed images only; maintenance applies the deletions of both versions and keeps all rows.

    `fruits features` reads files with and without the added columns.
    """
    assert _deletions(earlier) > 0
    keys, coordinates = read_matrix(_last_results())
    shutil.copy(images / "Plum/view 000.jpg", images / "Plum/new.jpg")
    (images / "Lemon Meyer/view 000.jpg").unlink()
    changed = ("Plum/new.jpg", "Lemon Meyer/view 000.jpg")
    assert fruits(["notify", "--images", str(images), "--output", str(PLACE), *changed]) == 0
    summary = follow(mode=Mode.UPDATE, images=images.as_uri())
    assert (summary.counts.featurised, summary.counts.removed, summary.counts.images) == (1, 1, 19)
    assert summary.pca
    assert summary.pca.kept
    kept = [row for row, key in enumerate(keys) if key not in changed]
    found = dict(zip(*read_matrix(_last_results()), strict=True))
    np.testing.assert_array_equal([found[keys[row]] for row in kept], coordinates[kept])
    # The earlier version computed with another library, to which the features of this one are equal to 1e-4.
    np.testing.assert_allclose(found["Plum/new.jpg"], found["Plum/view 000.jpg"], atol=1e-4)

    stored = load_statistics(Storage(PLACE.as_uri()), str(summary.pca_version), earlier.snapshots().features)
    assert stored
    computed = compute_statistics(earlier.spark.table(earlier.features))
    np.testing.assert_allclose(stored.scatter, computed.scatter, rtol=1e-9, atol=1e-9 * np.abs(computed.scatter).max())

    assert _deletions(earlier) > 0
    snapshots = earlier.snapshots()
    assert _rows_of_features(tmp_path / "before.parquet") == sorted(found)
    _maintain()
    assert earlier.snapshots() == snapshots
    assert _rows_of_features(tmp_path / "after.parquet") == sorted(found)
    assert (tmp_path / "after.parquet").read_bytes() == (tmp_path / "before.parquet").read_bytes()
    assert {row.key for row in earlier.spark.table(earlier.features).collect()} == set(found)
    assert _deletions(earlier) == 0


@pytest.mark.usefixtures("follow")
def test_an_earlier_output_is_maintained_before_any_run(earlier: Tables) -> None:
    """A `maintain` works on the tables that there are, and leaves it to a run to add what this version needs."""
    rows = earlier.spark.table(earlier.features).count()
    _maintain()
    assert _deletions(earlier) == 0
    assert earlier.spark.table(earlier.features).count() == rows
    assert Table.FINDINGS not in earlier.existing()


def test_features_of_two_ways_to_read_images_are_not_mixed(follow: Callable[..., Summary], images: Path) -> None:
    """A run refuses to continue an output whose images were read in another way, and leaves its results."""
    before = (PLACE / "results/latest.json").read_bytes()
    for mode in (Mode.RECONCILE, Mode.UPDATE):
        with pytest.raises(ModelMismatchError, match="--mode reprocess"):
            follow(mode=mode, images=images.as_uri())
    assert (PLACE / "results/latest.json").read_bytes() == before


def test_an_earlier_output_is_reprocessed(
    follow: Callable[..., Summary], images: Path, seeded: Weights, earlier: Tables
) -> None:
    """A reprocess reads all images anew, and publishes them under the id of this version."""
    before = _last_summary()
    summary = follow(mode=Mode.REPROCESS, images=images.as_uri())
    assert (summary.counts.featurised, summary.counts.images, summary.counts.rejects) == (19, 19, 7)
    assert earlier.model_id() == model_id_of(seeded)
    assert summary.pca_version != before.pca_version


def _deletions(tables: Tables) -> int:
    files = (tables.spark.table(f"{table.name}.delete_files").count() for table in tables.existing().values())
    return sum(files)


def _maintain() -> None:
    settings = RunSettings(output=PLACE.as_uri(), images="", mode=Mode.MAINTAIN)
    maintain(settings, PlainReporter(io.StringIO()), {})


def _rows_of_features(file: Path) -> list[str]:
    """Write the features with the command, and return their keys."""
    assert fruits(["features", "--output", str(PLACE), str(file)]) == 0
    keys: list[str] = pq.read_table(file, columns=["key"])["key"].to_pylist()
    return keys
