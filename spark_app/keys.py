"""Conditions on keys, in the form in which Iceberg can tell from a file's statistics that it need not be read."""

from collections.abc import Collection, Iterator

MANY_KEYS = 1_000
"""From here on the column of keys is read as a whole: a condition that names them all costs more than it saves."""

KEYS_PER_LIST = 100
"""Iceberg holds no list of more than 200 values against a file's least and greatest key. Several lists it does."""


def key_condition(keys: Collection[str] | None, column: str = "key") -> str:
    """Write the condition that a column has one of these values, for Spark SQL.

    Parameters
    ----------
    keys
        None stands for any key, and so does a collection of more than `MANY_KEYS`.
    column
        Name of the column.
    """
    if keys is None or len(keys) > MANY_KEYS:
        return "true"
    if not keys:
        return "false"
    lists = (", ".join(map(quoted, group)) for group in _groups(sorted(keys)))
    return "(" + " OR ".join(f"{column} IN ({values})" for values in lists) + ")"


def quoted(text: str) -> str:
    """Write a text as a literal of Spark SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _groups(keys: list[str]) -> Iterator[list[str]]:
    # Neighbours together: a list of neighbours is in few files.
    for start in range(0, len(keys), KEYS_PER_LIST):
        yield keys[start : start + KEYS_PER_LIST]
