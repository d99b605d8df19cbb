"""Notices: what happened to an object, a JSON line each, gathered in the files of the inbox."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from contract.layout import fault_of

SEQUENCER_DIGITS = 64
"""Sequencers are padded to this length to be compared: S3 promises no length, and uses 16 or 18 digits."""

MAX_SIZE = 2**63
"""Sizes are less: tables hold no greater numbers."""


class NoticeError(ValueError):
    """A line of the inbox is no notice; the message says why."""


class Happening(StrEnum):
    """What happened to an object."""

    CREATED = "created"
    """It was written, or written anew."""
    REMOVED = "removed"
    """It was deleted."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What happened to an object, as the storage told it: maybe late, twice, or out of order.

    Attributes
    ----------
    key
        Of the image, below ``images/``.
    op
        What happened.
    etag
        The version that was written, without quotes; None if it was removed.
    size
        Its bytes; None if it was removed.
    sequencer
        Hexadecimal number that orders two notices of one key; None if the storage gives none.

    Raises
    ------
    NoticeError
        If a value can't be one.
    """

    key: str
    op: Happening
    etag: str | None = None
    size: int | None = None
    sequencer: str | None = None

    def __post_init__(self) -> None:
        _check_key(self.key)
        is_created = self.op is Happening.CREATED
        if (is_created or self.etag is not None) and not _is_text(self.etag):
            raise NoticeError("a created object has an etag, and any etag is text")
        if (is_created or self.size is not None) and not _is_count(self.size):
            raise NoticeError("a created object has a size, and any size is a number of bytes")
        if self.sequencer is not None and not _is_hexadecimal(self.sequencer):
            raise NoticeError(f"the sequencer is no hexadecimal number: {self.sequencer!r}")

    @property
    def order(self) -> str:
        """A text that sorts the notices of one key from the oldest to the youngest."""
        return (self.sequencer or "").upper().rjust(SEQUENCER_DIGITS, "0")

    def to_json(self) -> str:
        """Write the notice as a line, without its end."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """Read a line. Fields that are not known here are left to those who know them.

        Raises
        ------
        NoticeError
            If the line is no notice.
        """
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise NoticeError("the line is not JSON") from error
        if not isinstance(document, dict):
            raise NoticeError("the line is no JSON object")
        return cls(
            key=document.get("key", ""),
            op=_happening(document.get("op")),
            etag=document.get("etag"),
            size=document.get("size"),
            sequencer=document.get("sequencer"),
        )


def _happening(op: Any) -> Happening:  # noqa: ANN401 -- whatever the line holds
    try:
        return Happening(op)
    except ValueError:
        raise NoticeError(f"op is neither created nor removed: {op!r}") from None


def _check_key(key: Any) -> None:  # noqa: ANN401 -- as above
    if not isinstance(key, str) or not key:
        raise NoticeError("there is no key")
    if fault := fault_of(key):
        raise NoticeError(f"the key can't be handled, {fault}: {key!r}")


def _is_text(etag: Any) -> bool:  # noqa: ANN401 -- as above
    return isinstance(etag, str) and etag != "" and not any("\ud800" <= character <= "\udfff" for character in etag)


def _is_count(size: Any) -> bool:  # noqa: ANN401 -- as above
    return isinstance(size, int) and not isinstance(size, bool) and 0 <= size < MAX_SIZE


def _is_hexadecimal(sequencer: Any) -> bool:  # noqa: ANN401 -- as above
    return (
        isinstance(sequencer, str)
        and 0 < len(sequencer) <= SEQUENCER_DIGITS
        and all(digit in "0123456789abcdefABCDEF" for digit in sequencer)
    )
