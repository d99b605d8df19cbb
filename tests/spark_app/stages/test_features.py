"""Tests of the tasks that compute features."""

from dataclasses import fields, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from contract.rejects import Reason
from spark_app.engine.measures import Measures
from spark_app.engine.model import FILES, ExportedModel
from spark_app.engine.preprocessing import decode
from spark_app.engine.thumbnail import thumbnail
from spark_app.keys import key_hash
from spark_app.settings import DEFAULT_DECODING, CurationSettings, Engine, FindingsChoice, Limits, RunSettings
from spark_app.stages.change_set import SCHEMA, Action, Judge
from spark_app.stages.features import Counters, FeatureJob, PlannedImage, _decode, _fetch, compute_features, tasks_for
from spark_app.stages.outcomes import read_outcomes
from spark_app.storage import FetchedObject, Forbidden, Storage

MEASUREMENTS = ["content_hash", *(field.name for field in fields(Measures))]


def _job(spark: SparkSession, exported: ExportedModel, images: Storage, folder: Path) -> FeatureJob:
    context = spark.sparkContext
    settings = RunSettings(images=images.url, output=folder.as_uri(), limits=Limits(megabytes=0.02))
    payload = context.broadcast(exported.files[FILES[Engine.LITERT]])
    return FeatureJob(
        settings,
        "run",
        Judge("model", "limits"),
        payload,
        Counters(*(context.accumulator(0) for _ in range(3))),
        DEFAULT_DECODING,
    )


@pytest.mark.parametrize(
    ("images", "parallelism", "tasks"),
    [(1, 8, 1), (5, 2, 2), (256, 2, 2), (2000, 2, 8), (50_000, 64, 256)],
)
def test_chunks_are_cut_into_whole_waves_of_tasks(images: int, parallelism: int, tasks: int) -> None:
    """All cores work until the end, and no task has more images than the limit."""
    assert tasks_for(images, parallelism) == tasks


def test_an_outdated_notice_changes_nothing(
    spark: SparkSession, exported: ExportedModel, sample: Path, tmp_path: Path
) -> None:
    """If the present version of an image already has a row, an outdated notice causes no computation and no removal."""
    names = ["Plum/view 000.jpg", "Plum/view 001.jpg", "Plum/view 002.jpg"]
    images = Storage(sample.as_uri())
    etags = [found[1] for name in names if (found := images.find(name))]
    rows = [
        (names[0], "an older version", 1, "featurise", True, False, etags[0], None, None),
        (names[1], None, None, "check", True, False, etags[1], None, None),
        (names[2], None, None, "check", True, False, "an older version", None, None),
    ]
    job = replace(_job(spark, exported, images, tmp_path), judge=Judge("of this test", ""))
    tally = compute_features(spark.createDataFrame(rows, SCHEMA), job, 1, "staged/")
    assert (tally.unchanged, tally.featurised, tally.replaced, tally.removed) == (2, 1, 1, 0)
    assert tally.changed_meanwhile == 1
    (row,) = read_outcomes(spark, f"file:{tmp_path}/staged", 1).collect()
    assert (row.key, row.etag) == (names[2], etags[2])


def test_the_engine_is_built_once_per_worker_and_outcomes_are_staged(
    spark: SparkSession, exported: ExportedModel, sample: Path, tmp_path: Path
) -> None:
    """Many tasks on two workers build two engines, and stage one row for each image, removal and refusal."""
    job = _job(spark, exported, Storage(sample.as_uri()), tmp_path)
    counters = job.counters
    files = [file for file in sample.rglob("*") if file.is_file()]
    rows = [(str(file.relative_to(sample)), "1", None, "featurise", False, False, None, None, None) for file in files]
    rows += [
        ("gone.jpg", "1", 10, "featurise", True, False, "1", None, None),
        ("said to be gone.jpg", None, None, "check", True, False, "1", None, None),
        ("removed.jpg", None, None, "remove", True, False, "1", None, None),
    ]
    changes = spark.createDataFrame(rows, SCHEMA)
    tally = compute_features(changes, job, 12, "staged/")
    assert counters.engines.value == 2
    assert (tally.featurised, tally.rejected, tally.removed, tally.stale_features) == (60, 7, 3, 3)
    assert tally.reasons[Reason.TOO_LARGE] == 1
    assert tally.changed_meanwhile == len(files) + 1  # whose versions are not "1", and the one that is gone
    assert counters.done.value == len(rows)
    staged = pq.read_table(tmp_path / "staged").to_pylist()
    assert sorted(row["key"] for row in staged) == sorted(row[0] for row in rows)
    by_key = {row["key"]: row for row in staged}
    view = by_key["Lemon Meyer/view 000.jpg"]
    assert (view["label"], view["width"], view["height"], len(view["features"])) == ("Lemon Meyer", 100, 100, 1280)
    assert by_key["Broken/empty.jpg"]["reason"] == "empty"
    assert by_key["gone.jpg"]["features"] is by_key["gone.jpg"]["reason"] is None


def test_without_measurements_their_columns_are_null(
    spark: SparkSession, exported: ExportedModel, sample: Path, tmp_path: Path
) -> None:
    """A run that does not need the measurements neither hashes nor measures, but computes features."""
    job = _job(spark, exported, Storage(sample.as_uri()), tmp_path)
    job = replace(job, settings=replace(job.settings, curation=CurationSettings(findings=FindingsChoice.NONE)))
    row = ("Plum/view 000.jpg", "1", 1, "featurise", False, False, None, None, None)
    assert compute_features(spark.createDataFrame([row], SCHEMA), job, 1, "staged/").featurised == 1
    (staged,) = pq.read_table(tmp_path / "staged").to_pylist()
    assert all(staged[name] is None for name in MEASUREMENTS)


def test_only_images_with_small_hashes_get_thumbnails(
    spark: SparkSession, exported: ExportedModel, sample: Path, tmp_path: Path
) -> None:
    """A share of the images, chosen by hashes of keys, get a picture of their pixels; refused ones do not."""
    job = replace(_job(spark, exported, Storage(sample.as_uri()), tmp_path), thumbnail_share=0.4)
    files = [str(file.relative_to(sample)) for file in sample.rglob("*") if file.is_file()]
    changes = spark.createDataFrame(
        [(key, "1", 1, "featurise", False, False, None, None, None) for key in files], SCHEMA
    )
    compute_features(changes, job, 2, "staged/")
    staged = pq.read_table(tmp_path / "staged").to_pylist()
    pictures = {row["key"]: row["thumbnail"] for row in staged if row["thumbnail"]}
    assert pictures.keys() == {row["key"] for row in staged if key_hash(row["key"]) < 0.4 and not row["reason"]}
    assert 5 < len(pictures) < len(files) - 5
    for key, picture in pictures.items():
        expected = thumbnail(decode((sample / key).read_bytes(), job.settings.limits, DEFAULT_DECODING).pixels)
        assert picture == expected


@pytest.mark.parametrize(
    ("refused", "is_unchanged"),
    [(("1", "unreadable"), True), (("1", "too_large"), False), (("0", "unreadable"), False), ((None, None), False)],
)
def test_an_image_that_stays_unreadable_keeps_its_row(
    tmp_path: Path,
    refused: tuple[str | None, str | None],
    is_unchanged: bool,  # noqa: FBT001
) -> None:
    """A run looks at an unreadable image again, and writes a row only if there is none of this version and reason."""

    class Locked(Storage):
        def fetch(self, key: str, max_bytes: float = 0) -> FetchedObject | None:  # noqa: ARG002 -- the signature of `Storage`
            raise Forbidden(key)

    planned = PlannedImage("a.jpg", "1", 1, Action.FEATURISE, False, refused[0] is not None, None, *refused)  # noqa: FBT003
    outcome = _decode(_fetch(Locked(tmp_path.as_uri()), Limits(), planned), lambda _: pytest.fail("it has no bytes"))
    assert outcome.unchanged is is_unchanged
    assert is_unchanged or (outcome.refusal and outcome.refusal.reason is Reason.UNREADABLE)


def test_a_later_attempt_of_a_task_stages_the_same_rows(
    spark: SparkSession, exported: ExportedModel, sample: Path, tmp_path: Path
) -> None:
    """With the decoders in separate processes, features, measurements and refusals are the same, to the bit."""
    job = _job(spark, exported, Storage(sample.as_uri()), tmp_path)
    files = [str(file.relative_to(sample)) for file in sample.rglob("*") if file.is_file()]
    changes = spark.createDataFrame(
        [(key, "1", 1, "featurise", False, False, None, None, None) for key in files], SCHEMA
    )
    columns = ["key", "etag", "width", "height", "features", *MEASUREMENTS, "reason", "detail"]
    staged = []
    for isolates in (False, True):
        compute_features(changes, replace(job, isolates=isolates), 2, f"staged/{isolates}/")
        staged.append(pq.read_table(tmp_path / "staged" / str(isolates), columns=columns).sort_by("key"))
    assert staged[0].num_rows == len(files)
    assert staged[0].equals(staged[1])
