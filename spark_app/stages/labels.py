"""The labels of all rows follow `--label-level`: a label is a part of the key, so nothing is computed again."""

from collections.abc import Iterator
from contextlib import contextmanager

from contract.layout import FOLDER_OF_FILE
from contract.tables import Table
from spark_app.tables import Tables

PROPERTY = "fruits.label-level"
"""Property of the table `features`: the level of the labels of all rows, or `CHANGING`."""

CHANGING = "changing"
"""Level while a run replaces labels. If it dies, the next run replaces what it has left."""


def update_labels(tables: Tables, level: int) -> None:
    """Replace the labels of another level.

    The run calls this before it adds rows, so that a table never mixes labels of two levels. It then makes the
    coordinates and the matrix anew, because the rows of `features` have changed.
    """
    if _level_of(tables) != str(level):
        with changing_labels(tables, level):
            replace_labels(tables, level)


@contextmanager
def changing_labels(tables: Tables, level: int) -> Iterator[None]:
    """Record that the body gives all rows of the main branch labels of a level."""
    if _level_of(tables) == str(level):
        yield
        return
    features = tables.iceberg[Table.FEATURES]
    features.set_property(PROPERTY, CHANGING)
    yield
    features.set_property(PROPERTY, str(level))


def _level_of(tables: Tables) -> str:
    return tables.iceberg[Table.FEATURES].read_property(PROPERTY, str(FOLDER_OF_FILE))


def replace_labels(tables: Tables, level: int) -> None:
    """Replace the labels of another level in the rows of `features`, on the branch of `tables`."""
    label = label_in_sql(level)
    if tables.spark.sql(f"SELECT 1 FROM {tables.features} WHERE NOT label <=> {label} LIMIT 1").first():
        tables.replace_labels(label)


def label_in_sql(level: int) -> str:
    """Return `contract.layout.label_of` as an SQL expression of the column ``key``."""
    parts = "split(key, '/')"
    folder = f"least({level}, size({parts}) - 1)" if level > 0 else f"greatest({level - 1}, -size({parts}))"
    return f"if(size({parts}) > 1, element_at({parts}, {folder}), null)"
