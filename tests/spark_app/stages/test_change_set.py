"""Tests of the change set: every state that a crash can leave, against every listing."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import Row

from spark_app.keys import quoted
from spark_app.stages.change_set import Action, Candidates, ChangeSet, plan_changes
from spark_app.stages.listing import Listing, Omissions
from spark_app.storage import LISTING_SCHEMA
from spark_app.tables import Tables

MODEL = "this-model"


class World:
    """A listing and tables, both made of etags."""

    def __init__(self, tables: Tables, folder: Path) -> None:
        self._tables = tables
        self._folder = folder

    def plan(
        self,
        listed: dict[str, str],
        features: dict[str, str] | None = None,
        rejects: dict[str, str] | None = None,
        noticed: dict[str, str | None] | None = None,
        unlisted: tuple[str, ...] = (),
    ) -> tuple[ChangeSet, dict[str, Row]]:
        """Plan the changes for the etags of each key, and return the change set and its rows by key.

        With `noticed`, there are notices instead of a listing; the etag `None` stands for a removal.
        """
        for table, rows, values in (
            (self._tables.features, features or {}, f"NULL, 1, 1, '{MODEL}', array(1.0f), 'run', now()"),
            (self._tables.rejects, rejects or {}, "'empty', '', 'run'"),
        ):
            for key, etag in rows.items():
                self._tables.spark.sql(f"INSERT INTO {table} VALUES ({quoted(key)}, '{etag}', {values})")
        columns = [list(listed), list(listed.values()), [1] * len(listed)]
        pq.write_table(pa.table(columns, schema=LISTING_SCHEMA), self._folder / "listing.parquet")
        listing = Listing(str(self._folder / "listing.parquet"), len(listed), Omissions())
        wanted = Candidates(listing.rows(self._tables.spark), complete=True, unlisted=unlisted)
        path = str(self._folder / "plan")
        change_set = plan_changes(self._tables, self._noticed(noticed) if noticed else wanted, MODEL, path)
        rows = self._tables.spark.read.parquet(path).collect()
        assert len(rows) == change_set.size
        return change_set, {row.key: row for row in rows}

    def _noticed(self, noticed: dict[str, str | None]) -> Candidates:
        rows = [(key, etag, 1, (Action.FEATURISE if etag else Action.CHECK).value) for key, etag in noticed.items()]
        frame = self._tables.spark.createDataFrame(rows, "key string, etag string, size long, action string")
        return Candidates(frame, complete=False, keys=noticed)


@pytest.fixture
def world(tables: Tables, tmp_path: Path) -> World:
    """Return an empty world."""
    return World(tables, tmp_path)


def test_settled_images_are_left_alone(world: World) -> None:
    """The change set contains neither images with features nor refused images of the same version."""
    _, rows = world.plan({"done": "1", "refused": "1"}, features={"done": "1"}, rejects={"refused": "1"})
    assert rows == {}


def test_new_changed_and_vanished_images_are_found(world: World) -> None:
    """The change set is the difference between the listing and both tables."""
    change_set, rows = world.plan(
        listed={"new": "1", "changed": "2", "mended": "2"},
        features={"changed": "1", "gone": "1"},
        rejects={"mended": "1", "refused and gone": "1"},
    )
    assert {key: row.action for key, row in rows.items()} == {
        "new": "featurise",
        "changed": "featurise",
        "mended": "featurise",
        "gone": "remove",
        "refused and gone": "remove",
    }
    assert (change_set.featurise, change_set.remove) == (3, 2)
    assert {key for key, row in rows.items() if row.had_features} == {"changed", "gone"}
    assert {key for key, row in rows.items() if row.had_reject} == {"mended", "refused and gone"}


def test_a_key_in_both_tables_is_processed_again(world: World) -> None:
    """A crash between the two commits of a chunk leaves such a key, and the next run repairs it."""
    _, rows = world.plan({"both": "1"}, features={"both": "1"}, rejects={"both": "1"})
    assert rows["both"].action == "featurise"


def test_rows_below_a_folder_that_cannot_be_listed_stay(world: World) -> None:
    """Images in a locked folder are not taken for deleted, and the run does not count them."""
    change_set, rows = world.plan(
        {"Plum/0": "1"},
        features={"Plum/0": "1", "Plum/gone": "1", "It's/0": "1", "It's/a/0": "1", "It's": "1"},
        rejects={"It's/1": "1"},
        unlisted=("It's/",),
    )
    assert {key: row.action for key, row in rows.items()} == {"Plum/gone": "remove", "It's": "remove"}
    assert (change_set.examined, change_set.settled) == (1, 1)


def test_notices_concern_their_keys_only(world: World) -> None:
    """Images without a notice stay, and a notice of the removal of an unknown image changes nothing."""
    change_set, rows = world.plan(
        {},
        features={"same": "1", "changed": "1", "gone": "1", "other": "1"},
        rejects={"refused": "1", "refused and gone": "1"},
        noticed={"same": "1", "changed": "2", "gone": None, "refused": "1", "refused and gone": None, "never": None},
    )
    assert {key: row.action for key, row in rows.items()} == {
        "changed": "featurise",
        "gone": "check",
        "refused and gone": "check",
    }
    assert (change_set.examined, change_set.featurise, change_set.remove, change_set.settled) == (6, 1, 2, 3)
    assert rows["changed"].settled_etag == rows["gone"].settled_etag == "1"


@pytest.mark.parametrize("count", [3, 450, 1_200])
def test_any_number_of_notices_finds_its_rows(world: World, count: int) -> None:
    """The rows are found for one list of keys, for several lists, and for too many keys to name."""
    names = [f'it\'s \\{number} "ü".jpg' for number in range(count)]
    known = {names[0]: "1", names[-1]: "1", "another": "1"}
    change_set, rows = world.plan({}, features=known, noticed=dict.fromkeys(names, "2"))
    assert (change_set.examined, len(rows)) == (count, count)
    assert {key for key, row in rows.items() if row.had_features} == {names[0], names[-1]}


def test_chunks_cover_the_change_set_once(world: World) -> None:
    """Every key is in exactly one chunk at every reading, and the chunks have about the same size."""
    change_set, rows = world.plan({f"Ä {number}.jpg": "1" for number in range(200)})
    chunks = [[row.key for row in change_set.chunk(world._tables.spark, number, 4).collect()] for number in range(4)]  # noqa: SLF001
    assert sorted(key for chunk in chunks for key in chunk) == sorted(rows)
    assert all(30 <= len(chunk) <= 70 for chunk in chunks)
