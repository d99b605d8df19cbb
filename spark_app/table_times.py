"""The times in the metadata of an Iceberg table: https://iceberg.apache.org/spec/#table-metadata-fields."""

from collections.abc import Iterator
from typing import Any

Metadata = dict[str, Any]
"""The JSON document of a version of a table."""

UPDATED, TIME = "last-updated-ms", "timestamp-ms"
LISTS = ("snapshots", "snapshot-log", "metadata-log")
"""Lists of objects with a time."""


def last_time(metadata: Metadata) -> int:
    """Return the latest time in the metadata, in milliseconds since 1970."""
    return max([int(metadata[UPDATED]), *(int(entry[TIME]) for entry in _entries(metadata))])


def with_times_until(metadata: Metadata, latest: int, location: str) -> Metadata:
    """Return the next version of a table, which differs in its times only: none is later than `latest`.

    The order of all times stays.

    Parameters
    ----------
    metadata
        The present version. It does not change.
    latest
        Milliseconds since 1970.
    location
        Path of the file of the present version, which the next version lists.
    """
    log = [*metadata.get("metadata-log", ()), {TIME: metadata[UPDATED], "metadata-file": location}]
    following = metadata | {"metadata-log": log, UPDATED: min(metadata[UPDATED], latest)}
    for name in LISTS:
        if name in following:
            following[name] = [entry | {TIME: min(entry[TIME], latest)} for entry in following[name]]
    return following


def _entries(metadata: Metadata) -> Iterator[dict[str, Any]]:
    for name in LISTS:
        yield from metadata.get(name, ())
