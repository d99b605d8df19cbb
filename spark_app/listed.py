"""What a listing of a bucket returns, whichever store it is in."""

from typing import NamedTuple


class ListedObject(NamedTuple):
    """An object in a bucket. A tuple, because listings of millions of objects make one for each."""

    key: str
    """Full key in the bucket."""
    version: str
    """Etag or generation, which changes with the bytes; the client that reads the object returns the same one."""
    size: int
    """Bytes."""
