"""Notices: one JSON line for each object that was created or removed, in the files of the inbox."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from contract.layout import fault_of

SEQUENCER_DIGITS = 64
"""Length to which sequencers are padded for comparison. S3 uses 16 or 18 digits, and guarantees no length."""

MAX_SIZE = 2**63
"""Sizes must be less than this, because the tables can't hold larger numbers."""


class NoticeError(ValueError):
    """A line of the inbox is not a notice; the message says why."""


class NoticeType(StrEnum):
    """What happened to an object."""

    CREATED = "created"
    """The object was written for the first time, or overwritten."""
    REMOVED = "removed"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One message that an object was created or removed. Notices may arrive late, twice, or out of order.

    Attributes
    ----------
    key
        Key of the image below ``images/``.
    op
        What happened.
    etag
        ETag of the object that was created, without quotes; `None` if it was removed.
    size
        Size of the object in bytes; `None` if it was removed.
    sequencer
        Hexadecimal digits that order two notices of one key; `None` if the storage has none.

    Raises
    ------
    NoticeError
        If a value is invalid.
    """

    key: str
    op: NoticeType
    etag: str | None = None
    size: int | None = None
    sequencer: str | None = None

    def __post_init__(self) -> None:
        _check_key(self.key)
        is_created = self.op is NoticeType.CREATED
        if (is_created or self.etag is not None) and not _is_text(self.etag):
            raise NoticeError("a created object has an etag, and any etag is text")
        if (is_created or self.size is not None) and not _is_count(self.size):
            raise NoticeError("a created object has a size, and any size is a number of bytes")
        if self.sequencer is not None and not _is_hexadecimal(self.sequencer):
            raise NoticeError(f"the sequencer is not a hexadecimal number: {self.sequencer!r}")

    @property
    def order(self) -> str:
        """Text by which the notices of one key sort from the oldest to the newest.

        AWS documents the comparison: pad the shorter sequencer with zeros on the right, then compare them as texts
        (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
        """
        return (self.sequencer or "").upper().ljust(SEQUENCER_DIGITS, "0")

    def to_json(self) -> str:
        """Return the notice as a line, without its line break."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str | bytes) -> Self:
        """Read a line. Unknown fields, which a later version may add, are ignored.

        Raises
        ------
        NoticeError
            If the line is not a notice.
        """
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise NoticeError("the line is not JSON") from error
        if not isinstance(document, dict):
            raise NoticeError("the line is not a JSON object")
        return cls(
            key=document.get("key", ""),
            op=_notice_type(document.get("op")),
            etag=document.get("etag"),
            size=document.get("size"),
            sequencer=document.get("sequencer"),
        )


@dataclass(frozen=True, kw_only=True)
class RejectedLine:
    """A line of a file in ``inbox/rejected/``: a notice that no run can use.

    Attributes
    ----------
    line
        Number of the notice in its file or batch, from 1.
    reason
        Why no run can use the notice.
    notice
        The notice as it was found, or the key of the image.
    """

    line: int
    reason: str
    notice: str

    def to_json(self) -> str:
        """Return the rejected line as JSON, without its line break."""
        return json.dumps(asdict(self), ensure_ascii=False)


def _notice_type(op: Any) -> NoticeType:  # noqa: ANN401 -- any JSON value
    try:
        return NoticeType(op)
    except ValueError:
        raise NoticeError(f"op is neither created nor removed: {op!r}") from None


def _check_key(key: Any) -> None:  # noqa: ANN401 -- any JSON value
    if not isinstance(key, str) or not key:
        raise NoticeError("there is no key")
    if fault := fault_of(key):
        raise NoticeError(f"the key can't be used, because {fault}: {key!r}")


def _is_text(etag: Any) -> bool:  # noqa: ANN401 -- any JSON value
    return isinstance(etag, str) and etag != "" and not any("\ud800" <= character <= "\udfff" for character in etag)


def _is_count(size: Any) -> bool:  # noqa: ANN401 -- any JSON value
    return isinstance(size, int) and not isinstance(size, bool) and 0 <= size < MAX_SIZE


def _is_hexadecimal(sequencer: Any) -> bool:  # noqa: ANN401 -- any JSON value
    return (
        isinstance(sequencer, str)
        and 0 < len(sequencer) <= SEQUENCER_DIGITS
        and all(digit in "0123456789abcdefABCDEF" for digit in sequencer)
    )
