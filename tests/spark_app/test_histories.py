"""Tests that any history of additions, replacements, removals and crashes ends in the state of a full run.

Only the network is replaced: the features of an image are drawn, so that NumPy can compute the expected results.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyspark.sql import DataFrame, SparkSession

from contract.digest import Digest
from contract.job import Fence, OnNewModel
from contract.layout import (
    BASES,
    FENCE,
    INBOX,
    LATEST,
    RESULTS,
    STAGING,
    label_of,
    matrix_file,
    notices_file,
    staging_folder,
)
from contract.notices import Notice, NoticeType
from contract.runs import Mode, new_run_id
from contract.summary import Latest, Summary
from contract.tables import Table
from spark_app import pipeline
from spark_app.basis_file import load_basis
from spark_app.csv_files import texts_of
from spark_app.curation.corpus import HeldCoordinates, run_here
from spark_app.curation.curate import curate
from spark_app.curation.known import Known
from spark_app.engine.provision import Model
from spark_app.engine.thumbnail import thumbnail
from spark_app.engine.weights import Weights
from spark_app.errors import FencedOffError, ModelMismatchError
from spark_app.explorer import page, sample
from spark_app.explorer.data import Explorer
from spark_app.explorer.page import read_explorer
from spark_app.explorer.tiles import pictures_of
from spark_app.fence import check_fence
from spark_app.keys import key_hash
from spark_app.numerics.components import ComponentCount
from spark_app.numerics.pca import Basis
from spark_app.numerics.statistics import Statistics
from spark_app.progress import PlainReporter
from spark_app.run import Run
from spark_app.settings import FEATURE_COUNT, CatalogSettings, CurationSettings, RunSettings, ThumbnailsChoice
from spark_app.stages import chunks, maintenance, stored_corpus
from spark_app.stages import explorer as stages_explorer
from spark_app.stages.features import FeatureJob
from spark_app.stages.inbox import read_inbox
from spark_app.stages.outcomes import OUTCOMES, Tally
from spark_app.stages.rebuild import BRANCH
from spark_app.stages.repair import DamagedTableError, TableDamage, check_place, make_anew
from spark_app.stages.statistics import load_statistics
from spark_app.stages.stored_corpus import StoredCorpus
from spark_app.storage import Storage
from spark_app.tables import Tables
from tests.published import read_matrix, read_table

BROKEN = -1
"""Version of an image that the pipeline refuses."""

UNMEASURED = 2
"""Version of images that an earlier version of the pipeline has computed."""

COPY = 3
"""Version of all images that are copies of one file."""

Versions = dict[str, int]

SILENT = PlainReporter(io.StringIO())


class CrashError(Exception):
    """A simulated end of the process."""


def vector(key: str, version: int) -> np.ndarray:
    """Draw the features of a version of an image."""
    random = np.random.default_rng([*(b"" if version == COPY else key.encode()), version])
    return np.maximum(random.normal(size=FEATURE_COUNT) * 0.99 ** np.arange(FEATURE_COUNT), 0).astype(np.float32)


def measures(key: str, version: int | None) -> dict[str, Any]:
    """Draw the measurements of a version of an image; return none of them without a version."""
    if version is None:
        return {}
    content = "copy" if version == COPY else f"{key} {version}"
    return {
        "content_hash": sha256(content.encode()).hexdigest(),
        "perceptual_hash": 0b1011 << (len(content) % 3),  # all images are near-duplicates if their features are
        **dict.fromkeys(("brightness", "brightness_low", "brightness_high", "contrast", "entropy"), 0.1),
        "sharpness": 1.0,
    }


def picture(key: str, version: int | None) -> bytes | None:
    """Draw the thumbnail of a version of an image, which has a colour of its own; return none without a version."""
    if version is None:
        return None
    return thumbnail(np.full((224, 224, 3), _colour(key, version), np.uint8))


def _colour(key: str, version: int) -> list[int]:
    return np.random.default_rng([*key.encode(), version]).integers(0, 256, 3).tolist()


@dataclass
class World:
    """A bucket, and the environment that processes its images."""

    spark: SparkSession
    root: Storage
    weights: Weights
    versions: Versions = field(default_factory=dict)

    def change(self, changes: dict[str, int | None]) -> None:
        """Write or delete objects in the bucket, and write notices of them."""
        notices = []
        for key, version in changes.items():
            if version is None:
                self.versions.pop(key, None)
                notices.append(Notice(key=key, op=NoticeType.REMOVED))
            else:
                self.versions[key] = version
                notices.append(Notice(key=key, op=NoticeType.CREATED, etag=str(version), size=1))
        body = "".join(notice.to_json() + "\n" for notice in notices)
        self.root.write(notices_file(new_run_id()), body.encode())

    def update(self, reporter: PlainReporter = SILENT, model: str = "model", **options: Any) -> Summary:  # noqa: ANN401 -- settings
        """Run an update in the existing session."""
        defaults = {
            "components": ComponentCount(3),
            "chunk_size": 7,
            "mode": Mode.UPDATE,
            "max_reject_rate": 1.0,
        }
        catalog = CatalogSettings(database=self.database)
        these = RunSettings(
            images=f"{self.root.url}/images", output=self.root.url, catalog=catalog, **defaults | options
        )
        with pytest.MonkeyPatch.context() as network:
            network.setattr(chunks, "compute_features", self._compute)
            ready = Model(model, self.weights, b"", None)
            return pipeline._run_steps(Run(these, reporter), self.spark, ready, None)  # noqa: SLF001

    def maintain(self, reporter: PlainReporter, without: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 -- settings
        """Run a maintenance without retention in the existing session, whose steps `without` do nothing."""
        these = RunSettings(
            images="",
            output=self.root.url,
            catalog=CatalogSettings(database=self.database),
            mode=Mode.MAINTAIN,
            retention_days=0,
            use_existing_folder=True,
            **options,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pipeline, "open_session", lambda *_: nullcontext(self.spark))
            for step in without:
                patch.setattr(pipeline, step, lambda *_: 0)
            pipeline.maintain(these, reporter, {})

    @property
    def database(self) -> str:
        """Name of the database, which is unique because all worlds share the session."""
        return f"d{self.root.url.rpartition('/')[2].replace('-', '_')}"

    @property
    def tables(self) -> Tables:
        """The tables."""
        return Tables(self.spark, self.database)

    @property
    def results(self) -> Path:
        """Folder of the last complete results."""
        return self.root.local_path / Latest.from_json(self.root.read("results/latest.json") or b"").results

    @property
    def explorer(self) -> Explorer:
        """The explorer of the last complete results."""
        return read_explorer((self.results / "explore.html").read_text())

    def fence(self, run_id: str) -> None:
        """Let a run be the only one that may write."""
        self.root.write(FENCE, Fence(run_id=run_id).to_json().encode())

    def shared(self) -> dict[str, bytes]:
        """Return everything but the folders of the run: what runs share, and what others have staged."""
        own = tuple(f"{folder}{run_id}" for folder in (STAGING, RESULTS, BASES) for run_id in (MINE, THEIRS))
        keys = [key for batch in self.root.list_objects() for key in batch["key"].to_pylist()]
        return {key: self.root.read(key) or b"" for key in keys if not key.startswith(own)}

    def _compute(self, changes: DataFrame, job: FeatureJob, tasks: int, folder: str) -> Tally:  # noqa: ARG002
        rows = [self._outcome(row.key, row, job) for row in changes.collect()]
        outcomes = pa.Table.from_pylist(rows, schema=OUTCOMES)
        with self.root.open_writer(f"{folder}part-0.parquet") as sink:
            pq.write_table(outcomes, sink)
        return Tally.of_outcomes(outcomes)

    def _outcome(self, key: str, change: Any, job: FeatureJob) -> dict[str, Any]:  # noqa: ANN401 -- a row
        version = self.versions.get(key)
        unchanged = version is not None and str(version) == change.settled_etag
        readable = version not in {None, BROKEN} and not unchanged
        return {
            "key": key,
            "etag": str(version),
            "label": label_of(key),
            "width": 1,
            "height": 1,
            "model_id": job.judge.model_id,
            "features": vector(key, version) if readable and version is not None else None,
            "run_id": job.run_id,
            "processed_at": None if not readable else 0,
            "reason": "empty" if version == BROKEN else None,
            "detail": "" if version == BROKEN else None,
            "had_features": change.had_features,
            "had_reject": change.had_reject,
            "unchanged": unchanged,
            **measures(key, version if readable and version != UNMEASURED else None),
            "thumbnail": picture(
                key, version if readable and version != UNMEASURED and key_hash(key) < job.thumbnail_share else None
            ),
        }

    def assert_is_what_a_full_run_makes(self, summary: Summary) -> None:
        """Compare tables, statistics and results with NumPy."""
        images = {key: version for key, version in sorted(self.versions.items()) if version != BROKEN}
        assert summary.counts.images == len(images)
        assert [row[0] for row in read_table(self.results / "rejects.csv")] == sorted(self.versions.keys() - images)
        keys, coordinates = read_matrix(self.results)
        assert keys == list(images)
        if not images:
            return
        vectors = np.array([vector(key, version) for key, version in images.items()])
        assert summary.pca_version
        stored = load_statistics(self.root, summary.pca_version, self.tables.snapshots().features)
        expected = Statistics.of(vectors)
        assert stored is not None
        assert stored.count == expected.count
        np.testing.assert_allclose(stored.mean, expected.mean, rtol=1e-9, atol=1e-15)
        error = np.linalg.norm(stored.scatter - expected.scatter)
        assert error <= 1e-9 * np.linalg.norm(expected.scatter)
        basis = load_basis(self.root, summary.pca_version)
        assert basis is not None
        np.testing.assert_allclose(coordinates, basis.project(vectors), atol=1e-4)
        sample = json.loads((self.results / "report.json").read_text())["sample"]
        assert [image["key"] for image in sample] == keys
        self._assert_findings(basis)
        self._assert_explorer(dict(zip(keys, coordinates, strict=True)))

    def _assert_findings(self, basis: Basis) -> None:
        """Compare the findings with those of a curation that knows nothing of earlier runs."""
        corpus = StoredCorpus(self.root, self.tables, len(basis.components))
        images = corpus.images
        held = HeldCoordinates(corpus.coordinates.read(np.arange(len(images))))
        anew = curate(images, held, basis, Known.nothing(), CurationSettings(), run_here).findings
        written = read_table(self.results / "findings.csv")
        assert [(texts_of(key)[-1], kind) for key, _, kind, *_ in written] == list(
            zip(anew["key"].to_pylist(), anew["kind"].to_pylist(), strict=True)
        )
        stored = self.spark.table(self.tables.findings).toArrow()
        assert sorted(map(str, stored.to_pylist())) == sorted(map(str, anew.to_pylist()))

    def _assert_explorer(self, coordinates: dict[str, np.ndarray]) -> None:
        """Compare the points of the explorer with the matrix, the findings and the pictures of the images."""
        points = self.explorer.points
        assert points.keys == sorted(coordinates, key=key_hash)
        assert points.labels == [label_of(key) for key in points.keys]
        np.testing.assert_allclose(points.coordinates, [coordinates[key] for key in points.keys], rtol=2e-3, atol=1e-3)
        found = {(points.keys[number], kind) for kind, numbers in points.findings.items() for number in numbers}
        assert found == {(texts_of(row[0])[-1], row[2]) for row in read_table(self.results / "findings.csv")}
        pictures = pictures_of(points, points.keys)
        assert pictures.keys() == {key for key in points.keys if self.versions[key] != UNMEASURED}
        for key, file in pictures.items():
            with Image.open(io.BytesIO(file)) as image:
                colour = np.asarray(image.convert("RGB"), float).mean(axis=(0, 1))
            np.testing.assert_allclose(colour, _colour(key, self.versions[key]), atol=8)

    @contextmanager
    def crash_before(self, event: int) -> Iterator[None]:
        """End the run after a number of lasting changes: commits, and objects that are written, copied or deleted."""
        left = [event]

        def dying(action: Any) -> Any:  # noqa: ANN401 -- any function
            def act(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
                left[0] -= 1
                if left[0] < 0:
                    raise CrashError
                return action(*arguments, **options)

            return act

        with pytest.MonkeyPatch.context() as patch:
            for owner, name in (
                (Tables, "commit"),
                (Tables, "replace_components"),
                (Tables, "replace_findings"),
                (Storage, "write"),
                (Storage, "delete"),
                (Storage, "copy"),
            ):
                patch.setattr(owner, name, dying(getattr(owner, name)))
            yield


@pytest.fixture
def world(
    session_at: Callable[[Path], SparkSession], tmp_path_factory: pytest.TempPathFactory, seeded: Weights
) -> World:
    """Return an empty world."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "images").mkdir()
    return World(session_at(folder), Storage(folder.as_uri()), seeded)


KEYS = st.integers(0, 11).map(lambda number: f"it's {number % 3}/{number}.jpg")
CHANGES = st.dictionaries(KEYS, st.none() | st.sampled_from([BROKEN, 1, 2, 3]), min_size=1, max_size=10)
STEPS = st.tuples(CHANGES, st.none() | st.integers(0, 14), st.sampled_from([0.0, 0.97]))


@settings(
    max_examples=2,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=st.lists(STEPS, min_size=3, max_size=5))
def test_any_history_ends_in_the_state_that_a_full_run_makes(
    session_at: Callable[[Path], SparkSession],
    tmp_path_factory: pytest.TempPathFactory,
    seeded: Weights,
    history: list[tuple[dict[str, int | None], int | None, float]],
) -> None:
    """Rows, statistics (to 1e-9), coordinates and sample are those of a full run; a crash leaves complete results."""
    folder = tmp_path_factory.mktemp("world")
    (folder / "images").mkdir()
    world = World(session_at(folder), Storage(folder.as_uri()), seeded)
    world.update()
    for changes, crash, threshold in history:
        world.change(changes)
        if crash is not None:
            before = {file: file.read_bytes() for file in (folder / "results").glob("*/*")}
            try:
                with world.crash_before(crash):
                    world.update(refit_threshold=threshold)
            except CrashError:
                assert {file: file.read_bytes() for file in before} == before
                Latest.from_json(world.root.read(LATEST) or b"")
        world.assert_is_what_a_full_run_makes(world.update(refit_threshold=threshold))
        assert not any(batch.num_rows for batch in world.root.list_objects(INBOX))


def test_what_the_driver_can_not_hold_is_compared_on_the_workers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The findings of a first run and of an update are the same if the workers read the coordinates themselves."""
    monkeypatch.setattr(stored_corpus, "HELD_BYTES", 0)
    world.change({f"{number % 2}/{number}.jpg": 1 + number % COPY for number in range(12)})
    world.update()
    world.change({"0/0.jpg": None, "1/1.jpg": COPY, "2/12.jpg": 1})
    world.assert_is_what_a_full_run_makes(world.update(refit_threshold=0.0))


def test_the_explorer_follows_its_settings_and_survives_damage(world: World) -> None:
    """The explorer is made anew without thumbnails, with them again, and if the last one is damaged.

    If nothing has changed, the explorer of the next run is the same, except for the name and the time of the run.
    """
    world.change({f"{number % 2}/{number}.jpg": 1 for number in range(12)})
    world.update()
    pictures = world.explorer.points.sheets
    assert all(sheet.image for sheet in pictures)
    bare = world.update(thumbnails=ThumbnailsChoice.NONE)
    assert [sheet.image for sheet in world.explorer.points.sheets] == [b""] * len(pictures)
    assert world.explorer.notes == ["There are no thumbnails, because the run was started with --thumbnails none."]
    assert bare.explorer == Digest.of((world.results / "explore.html").read_bytes())
    world.update()
    assert world.explorer.points.sheets == pictures
    (world.results / "explore.html").write_text("damaged")
    repaired = world.update()
    assert any("explore.html was damaged" in note for note in repaired.notes)
    assert world.explorer.points.sheets == pictures
    world.change({"0/0.jpg": UNMEASURED})
    world.assert_is_what_a_full_run_makes(world.update())
    assert world.explorer.notes == [
        "There are no thumbnails of 1 of 12 images: a run with --mode reprocess makes them."
    ]
    latest = world.update()
    assert world.explorer.run_id == latest.run_id
    assert f'url={latest.run_id}/report.html"' in (world.results.parent / "latest.html").read_text()


def test_a_reprocess_that_makes_thumbnails_does_not_continue_one_that_made_none(world: World) -> None:
    """An interrupted reprocess with other settings is begun anew, so that afterwards no thumbnail is missing."""
    world.change({f"{number % 2}/{number}.jpg": 1 for number in range(12)})
    for key in world.versions:  # a reprocess lists the folder
        file = world.root.local_path / "images" / key
        file.parent.mkdir(exist_ok=True)
        file.touch()
    with world.crash_before(3), suppress(CrashError):
        world.update(mode=Mode.REPROCESS, thumbnails=ThumbnailsChoice.NONE)
    assert world.tables.on_branch(BRANCH).lack_thumbnails()
    summary = world.update(mode=Mode.REPROCESS)
    assert summary.counts.featurised == 12
    assert world.explorer.notes == []
    assert world.explorer.points.pictured.all()


def test_replaced_images_do_not_count_twice_for_the_thumbnails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """If all images are replaced, as many as before get a thumbnail."""
    monkeypatch.setattr(sample, "POINTS", 4)
    keys = [f"{number % 2}/{number}.jpg" for number in range(16)]
    pictured = []
    for version in (1, COPY):
        world.change(dict.fromkeys(keys, version))
        world.update()
        rows = world.spark.table(world.tables.features).where("thumbnail IS NOT NULL").select("key").collect()
        pictured.append({row.key for row in rows})
    assert pictured[0] == pictured[1] == {key for key in keys if key_hash(key) < 0.5}


def test_the_page_of_the_explorer_is_never_too_large(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With long keys, and little room, the explorer shows fewer images, and says how many there are."""
    monkeypatch.setattr(stages_explorer, "LIMITS", [8, 4, 2, 1])
    keys = [f"{number % 2}/{number:02}{vector(str(number), 1).tobytes().hex()[:200]}.jpg" for number in range(12)]
    world.change(dict.fromkeys(keys, 1))
    world.update()
    assert (len(world.explorer.points), world.explorer.images) == (8, 12)
    size = (world.results / "explore.html").stat().st_size
    monkeypatch.setattr(page, "PAGE_BYTES", size - 500)
    world.change({keys[0]: COPY})
    world.update()
    shown = world.explorer.points
    assert shown.keys == sorted(keys, key=key_hash)[: len(shown)]
    assert len(shown) in {4, 2}
    assert (world.results / "explore.html").stat().st_size < size - 300


@pytest.mark.parametrize("table", ["rejects", "features", "components"])
def test_a_commit_that_fails_publishes_nothing(world: World, table: str) -> None:
    """A commit that conflicts with another one fails the run with the cause, and the next run repairs the tables."""
    world.change({"a/1.jpg": 1, "a/2.jpg": COPY, "b/3.jpg": COPY, "b/4.jpg": BROKEN})
    world.update()
    before = world.results
    world.change({"a/1.jpg": 2, "a/5.jpg": COPY, "b/6.jpg": BROKEN, "b/4.jpg": None})
    location = world.tables.iceberg[table]._load().location()  # noqa: SLF001 -- the path is not public
    metadata = Path(location.removeprefix("file:")) / "metadata"
    in_the_way = metadata / f"v{int((metadata / 'version-hint.text').read_text()) + 1}.metadata.json"
    in_the_way.write_text("not ours")
    with pytest.raises(Exception, match=r"v\d+.metadata.json"):
        world.update(refit_threshold=0.0)
    assert world.results == before
    in_the_way.unlink()
    world.assert_is_what_a_full_run_makes(world.update(refit_threshold=0.0))


def test_many_tiny_updates_leave_the_tables_in_few_files(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of files of a table stays bounded after many updates, and the rows are correct."""
    monkeypatch.setattr(maintenance, "MANY_FILES", many := 5)
    counts = []
    for number in range(many + 5):
        world.change({f"{number}/{image}.jpg": 1 for image in range(2)} | {f"{number - 9}/0.jpg": number % 5})
        summary = world.update(refit_threshold=0.0)
        counts.append({name: table.file_count() for name, table in world.tables.iceberg.items()})
    assert max(max(count.values()) for count in counts) <= many + 4
    assert min(count["features"] for count in counts[many // 2 :]) < many / 2
    world.assert_is_what_a_full_run_makes(summary)
    before = summary.snapshots
    assert world.update(refit_threshold=0.0).snapshots == before


MINE, THEIRS = "20261120T121530Z-aaaaaa", "20261120T121530Z-bbbbbb"


class Intruder(PlainReporter):
    """Lets another run take the fence, and remembers what the environment then contains.

    The moment is the beginning of a step, or the deletion of an object.
    """

    def __init__(self, world: World, moment: str) -> None:
        super().__init__(io.StringIO())
        self._world, self._moment = world, moment
        self.before: dict[str, bytes] = {}

    def started(self, step: str) -> None:
        """Take the fence if this is the step."""
        self._happened([step])

    def _happened(self, moments: list[str]) -> None:
        if self._moment in moments and not self.before:
            self._world.fence(THEIRS)
            self.before = self._world.shared()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take the fence also when the object with the key of the moment was deleted."""
        delete = Storage.delete

        def delete_and_look(storage: Storage, keys: list[str]) -> None:
            delete(storage, keys)
            self._happened(keys)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Storage, "delete", delete_and_look)
            yield

    def assert_nothing_changed(self) -> None:
        """Check that the fence was taken, and that everything is as it was then."""
        assert self.before
        assert self._world.shared() == self.before


LOST = f"Run {THEIRS} has taken the place of this run"


@pytest.mark.parametrize("mode", [Mode.UPDATE, Mode.REPROCESS])
def test_a_run_that_has_lost_the_fence_changes_nothing(world: World, mode: Mode) -> None:
    """Whenever another run takes the fence, tables, bases, pointer and notices stay as they are; readers see no change.

    The run that has the fence finishes the work of all of them.
    """
    # Four images allow all three components, so an update keeps their basis, and changes its folder.
    world.change({f"a/{number}.jpg": 1 for number in (1, 2, 3, 4)} | {"b/4.jpg": BROKEN})
    world.update()
    world.change({"a/1.jpg": 2, "a/5.jpg": 1, "b/6.jpg": BROKEN, "b/4.jpg": None})
    for key in world.versions:
        world.root.write(f"images/{key}", b"")
    for moment in ("plan", "featurise", "pca", "publish"):
        world.fence(MINE)
        intruder = Intruder(world, moment)
        with pytest.raises(FencedOffError, match=LOST):
            world.update(intruder, run_id=MINE, fenced=True, refit_threshold=0.0, mode=mode)
        intruder.assert_nothing_changed()
    world.assert_is_what_a_full_run_makes(world.update(run_id=THEIRS, fenced=True, refit_threshold=0.0))


def test_a_maintenance_that_has_lost_the_fence_changes_nothing(world: World) -> None:
    """Whenever another run takes the fence, tables, old matrices and what other runs have staged stay as they are."""
    world.tables.create()
    for row in ("'a.jpg', '1'", "'b.jpg', '1'"):
        world.spark.sql(f"INSERT INTO {world.tables.rejects} VALUES ({row}, 'empty', '', 'run', 'limits')")
    killed = "20200101T000000Z-cccccc"
    staged, matrix = f"{staging_folder(killed)}1.parquet", matrix_file(killed, killed, 0)
    for key in (staged, matrix):
        world.root.write(key, b"left by another run")
    for moment, others in (
        ("compact", ()),
        ("expire", ("compact",)),
        ("sweep", ("compact", "expire")),
        (matrix, ("compact", "expire")),
    ):
        world.fence(MINE)
        intruder = Intruder(world, moment)
        with pytest.raises(FencedOffError, match=LOST), intruder.watching():
            world.maintain(intruder, without=others, run_id=MINE, fenced=True)
        intruder.assert_nothing_changed()
    assert matrix not in world.shared()


def test_a_run_that_has_lost_the_fence_leaves_the_notices(world: World) -> None:
    """It moves no malformed notices when it begins, and deletes none at its end."""
    world.change({"a/1.jpg": 1})
    world.root.write(notices_file(new_run_id()), b"malformed")
    world.fence(THEIRS)
    before = world.shared()
    with pytest.raises(FencedOffError, match=LOST):
        world.update(run_id=MINE, fenced=True)
    assert world.shared() == before
    inbox = read_inbox(world.root, staging_folder(MINE))
    assert (inbox.notices, inbox.malformed) == (1, 1)
    before = world.shared()
    with pytest.raises(FencedOffError, match=LOST):
        pipeline._tidy(_without_the_fence(world, world.root, Mode.UPDATE), world.tables, inbox)  # noqa: SLF001
    assert world.shared() == before


def test_a_run_that_has_lost_the_fence_makes_no_table_anew(world: World, tmp_path: Path) -> None:
    """Neither a damaged table nor, in a copied output, the tables of the original are removed."""
    world.tables.create()
    world.fence(THEIRS)
    original, copied = world.shared(), Storage(tmp_path.as_uri())
    for key, body in original.items():
        copied.write(key, body)
    damage = DamagedTableError(TableDamage(Table.COMPONENTS, "data/1.parquet", "is missing"))
    with pytest.raises(FencedOffError, match=LOST):
        make_anew(_without_the_fence(world, world.root, Mode.RECONCILE), world.spark, damage)
    with pytest.raises(FencedOffError, match=LOST):
        check_place(_without_the_fence(world, copied, Mode.REPROCESS), world.tables)
    assert world.shared() == original
    assert replace(world, root=copied).shared() == original


def _without_the_fence(world: World, root: Storage, mode: Mode) -> Run:
    catalog = CatalogSettings(database=world.database)
    place = {"images": f"{root.url}/images", "output": root.url, "catalog": catalog}
    return Run(RunSettings(**place, mode=mode, run_id=MINE, fenced=True), SILENT)


def test_a_run_without_the_fence_does_not_even_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It exports no model, and starts no Spark."""
    root = Storage(tmp_path.as_uri())
    root.write(FENCE, Fence(run_id=THEIRS).to_json().encode())
    for begins in ("provide_model", "open_session"):
        monkeypatch.setattr(pipeline, begins, lambda *_: pytest.fail("the run begins"))
    place = {"images": f"{root.url}/images", "output": root.url, "weights": "seeded", "use_existing_folder": True}
    (tmp_path / "images").mkdir()
    with pytest.raises(FencedOffError, match=LOST):
        pipeline.run(RunSettings(**place, run_id=MINE, fenced=True, mode=Mode.UPDATE), SILENT, {})
    with pytest.raises(FencedOffError, match=LOST):
        pipeline.maintain(RunSettings(**place, run_id=MINE, fenced=True, mode=Mode.MAINTAIN), SILENT, {})


@pytest.mark.parametrize("fence", [None, b"", b"{", b"[]", b'{"run_id": 1}', b'{"run_id": "../x"}'])
def test_a_fence_that_names_no_run_stops_a_fenced_run(tmp_path: Path, fence: bytes | None) -> None:
    """A missing or damaged fence names no run, so the run stops; another attempt may succeed."""
    root = Storage(tmp_path.as_uri())
    if fence is not None:
        root.write(FENCE, fence)
    with pytest.raises(FencedOffError, match=f"{FENCE} is (missing|damaged)") as stopped:
        check_fence(root, MINE)
    assert stopped.value.exit_code == 1


def test_a_new_model_is_a_reprocess_if_the_settings_want_it(world: World) -> None:
    """An update that finds tables of another model computes all images, also those of later notices, and says so.

    A run that dies is continued by the next update. Later updates are updates again.
    """
    world.change({f"a/{number}.jpg": 1 for number in range(9)})
    first = world.update()
    world.change({"a/9.jpg": 1, "a/0.jpg": None})
    with pytest.raises(ModelMismatchError, match="run with --mode reprocess"):
        world.update(model="other")
    for key in world.versions:
        world.root.write(f"images/{key}", b"")
    with world.crash_before(2), pytest.raises(CrashError):
        world.update(model="other", on_new_model=OnNewModel.REPROCESS)
    assert world.tables.model_id() == "model"
    assert world.tables.on_branch(BRANCH).model_id() == "other"
    world.change({"a/10.jpg": 1})
    world.root.write("images/a/10.jpg", b"")
    second = world.update(model="other", on_new_model=OnNewModel.REPROCESS)
    world.assert_is_what_a_full_run_makes(second)
    assert (second.mode, second.model_id, world.tables.model_id()) == (Mode.REPROCESS, "other", "other")
    assert second.pca_version != first.pca_version
    expected = "The tables contained features of model, but the weights and the decoding of this run make other"
    assert any(expected in note for note in second.notes)
    assert not any(batch.num_rows for batch in world.root.list_objects(INBOX))
    world.change({"a/11.jpg": 1})
    third = world.update(model="other", on_new_model=OnNewModel.REPROCESS)
    assert (third.mode, third.counts.featurised) == (Mode.UPDATE, 1)
