"""Tests of the change set: every state that a crash can leave, against every listing."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import Row

from spark_app.keys import quoted
from spark_app.stages.change_set import Action, Candidates, ChangeSet, Judge, plan_changes
from spark_app.stages.listing import Listing, Omissions
from spark_app.stages.rebuild import begin_rebuild
from spark_app.storage import LISTING_SCHEMA
from spark_app.tables import Tables

JUDGE = Judge("this-model", "these limits")


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
            (
                f"{self._tables.features} (key, etag, label, width, height, model_id, features, run_id, processed_at)",
                features or {},
                f"NULL, 1, 1, '{JUDGE.model_id}', array(1.0f), 'run', now()",
            ),
            (self._tables.rejects, rejects or {}, f"'empty', '', 'run', '{JUDGE.examined_with}'"),
        ):
            for key, etag in rows.items():
                self._tables.spark.sql(f"INSERT INTO {table} VALUES ({quoted(key)}, '{etag}', {values})")
        columns = [list(listed), list(listed.values()), [1] * len(listed)]
        pq.write_table(pa.table(columns, schema=LISTING_SCHEMA), self._folder / "listing.parquet")
        listing = Listing(str(self._folder / "listing.parquet"), len(listed), Omissions(), digest="")
        wanted = Candidates(listing.rows(self._tables.spark), complete=True, unlisted=unlisted)
        path = str(self._folder / "plan")
        change_set = plan_changes(self._tables, self._noticed(noticed) if noticed else wanted, JUDGE, path)
        rows = self._tables.spark.read.parquet(path).collect()
        assert len(rows) == change_set.size
        return change_set, {row.key: row for row in rows}

    def rebuild(self) -> None:
        """Plan the changes of empty branches from now on."""
        self._tables = begin_rebuild(self._tables, JUDGE.model_id)

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
        unlisted=("It's/", "\udce9t\udce9/"),
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


@pytest.mark.parametrize(
    ("reason", "examined_with", "is_settled"),
    [
        ("corrupt", f"'{JUDGE.examined_with}'", True),
        ("too_many_pixels", "'lower limits'", False),
        ("corrupt", "null", True),
        ("unreadable", f"'{JUDGE.examined_with}'", False),
    ],
)
def test_a_refusal_is_settled_while_nothing_that_decided_it_changes(
    world: World,
    tables: Tables,
    reason: str,
    examined_with: str,
    is_settled: bool,  # noqa: FBT001
) -> None:
    """After a change of limits or decoders, and after a lack of permissions, another run examines the image again."""
    tables.spark.sql(f"INSERT INTO {tables.rejects} VALUES ('a', '1', '{reason}', '', 'run', {examined_with})")
    _, rows = world.plan({"a": "1"})
    assert bool(rows) is not is_settled
    assert is_settled or (rows["a"].refused_etag, rows["a"].refused_as) == ("1", reason)


def test_a_rebuild_knows_what_the_published_tables_refuse(world: World, tables: Tables) -> None:
    """A rebuild examines a refused image again, and removes no row that only the published table has."""
    rows_of_rejects = ", ".join(f"('{key}', '1', 'empty', '', 'run', '')" for key in ("a", "gone"))
    tables.spark.sql(f"INSERT INTO {tables.rejects} VALUES {rows_of_rejects}")
    world.rebuild()
    _, rows = world.plan({"a": "1"})
    assert list(rows) == ["a"]
    assert (rows["a"].had_reject, rows["a"].refused_etag) == (False, "1")


def test_the_listing_of_an_empty_output_is_its_change_set(world: World, tables: Tables, tmp_path: Path) -> None:
    """The change set that is made of a listing without a comparison has the rows that a comparison would have."""
    listed = {f"Lemon/{number}.jpg": f"etag {number}" for number in range(9)}
    compared, _ = world.plan(listed)
    new = ChangeSet.of_new_images(str(tmp_path / "listing.parquet"), len(listed), JUDGE)
    assert replace(new, path=compared.path) == compared
    for number in range(2):
        rows = [one.chunk(tables.spark, number, 2).collect() for one in (new, compared)]
        assert sorted(map(str, rows[0])) == sorted(map(str, rows[1]))
