"""Size and hash of a published file."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Digest:
    """Size and hash of a published file, by which the next run notices that the file is damaged."""

    size: int
    """Number of bytes."""
    sha256: str

    @classmethod
    def of(cls, body: bytes) -> Self:
        """Compute the digest of a whole file."""
        return cls(size=len(body), sha256=sha256(body).hexdigest())
