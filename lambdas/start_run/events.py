"""What a message of the queue says: S3's events, read into notices. Pure."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from contract.layout import IMAGES
from contract.notices import Happening, Notice, NoticeError

HAPPENINGS = {
    "ObjectCreated": Happening.CREATED,
    "ObjectRemoved": Happening.REMOVED,
    "LifecycleExpiration": Happening.REMOVED,
}
"""Kind of event, before the colon → what happened."""


class EventError(ValueError):
    """A message is no event of our bucket's images; the message of the error says why."""


@dataclass(frozen=True)
class Unusable:
    """An image whose name the pipeline can't handle: nobody can do anything with it but rename it.

    Attributes
    ----------
    key
        Below ``images/``.
    reason
        What is wrong with it.
    """

    key: str
    reason: str


def read_message(body: str, bucket: str) -> list[Notice | Unusable]:
    """Read a message.

    Parameters
    ----------
    body
        Of the message: a document as S3 writes it.
    bucket
        Name of the bucket whose events are wanted.

    Returns
    -------
    list
        A notice for every image; nothing for S3's test event and for the markers of folders.

    Raises
    ------
    EventError
        If the message is anything else.
    """
    document = _parse(body)
    if document.get("Event") == "s3:TestEvent":
        return []
    records = document.get("Records")
    if not isinstance(records, list) or not records:
        raise EventError("the message has no records")
    read = (_read_record(record, bucket) for record in records)
    return [notice for notice in read if notice is not None]


def _parse(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise EventError("the message is not JSON") from error
    if not isinstance(document, dict):
        raise EventError("the message is no JSON object")
    return document


def _read_record(record: Any, bucket: str) -> Notice | Unusable | None:  # noqa: ANN401 -- whatever the message holds
    try:
        happening = HAPPENINGS.get(record["eventName"].partition(":")[0])
        origin, name, subject = record["eventSource"], record["s3"]["bucket"]["name"], record["s3"]["object"]
        key = unquote_plus(subject["key"], errors="strict")
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise EventError(f"the record is no event of S3: {error!r}") from error
    if origin != "aws:s3" or happening is None:
        raise EventError(f"the event is of another kind: {origin!r} {record['eventName']!r}")
    if name != bucket or not key.startswith(IMAGES):
        raise EventError(f"the event is of another place: {name!r} {key!r}")
    if key.endswith("/"):
        return None  # consoles make such objects to show empty folders
    return _to_notice(key.removeprefix(IMAGES), happening, subject)


def _to_notice(key: str, happening: Happening, subject: dict[str, Any]) -> Notice | Unusable:
    try:
        Notice(key=key, op=Happening.REMOVED)
    except NoticeError as error:
        return Unusable(key, str(error))
    created = happening is Happening.CREATED
    try:
        return Notice(
            key=key,
            op=happening,
            etag=subject.get("eTag") if created else None,
            size=subject.get("size") if created else None,
            sequencer=subject.get("sequencer"),
        )
    except NoticeError as error:
        raise EventError(str(error)) from error
