"""Keys of images: their hashes, and conditions on them in Spark SQL.

The conditions have a form that lets Iceberg skip files by the statistics of their columns.
"""

from collections.abc import Collection
from hashlib import blake2b

MANY_KEYS = 1_000
"""A condition that names more keys than this costs more than it saves: the whole column of keys is read instead."""

KEYS_PER_LIST = 100
"""Iceberg does not compare a list of more than 200 values with the least and greatest key of a file. It does compare
several shorter lists."""


def key_condition(keys: Collection[str] | None, column: str = "key") -> str:
    """Return the SQL condition that a column has one of the given values.

    Parameters
    ----------
    keys
        `None` stands for any key, and so does a collection of more than `MANY_KEYS`.
    """
    if keys is None or len(keys) > MANY_KEYS:
        return "true"
    if not keys:
        return "false"
    # Sorted, because neighbouring keys are in few files.
    literals = [quoted(key) for key in sorted(keys)]
    lists = (", ".join(literals[start : start + KEYS_PER_LIST]) for start in range(0, len(literals), KEYS_PER_LIST))
    return "(" + " OR ".join(f"{column} IN ({values})" for values in lists) + ")"


def key_hash(key: str) -> float:
    """Map a key to a number from 0 to 1: evenly distributed, and always the same."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") / 2**64


def quoted(text: str) -> str:
    """Return a text as a literal of Spark SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
