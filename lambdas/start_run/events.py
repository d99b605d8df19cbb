"""Reads the events of S3 in a message of the queue, and turns them into notices. Calls no service."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from contract.image_names import is_no_image
from contract.layout import IMAGES
from contract.notices import Notice, NoticeError, NoticeType

NOTICE_TYPES = {
    "ObjectCreated": NoticeType.CREATED,
    "ObjectRemoved": NoticeType.REMOVED,
    "LifecycleExpiration": NoticeType.REMOVED,
}
"""Event name up to the colon → type of the notice."""


class EventError(ValueError):
    """A message is not an event of an image in the bucket; the text of the error says why."""


@dataclass(frozen=True)
class Unusable:
    """An image that the pipeline can't use because of its name. Its owner has to rename it.

    Attributes
    ----------
    key
        Key of the image below ``images/``.
    reason
        What is wrong with the name.
    """

    key: str
    reason: str


@dataclass(frozen=True)
class NoImage:
    """A file below ``images/`` that is no image by name. No run reads it.

    Attributes
    ----------
    key
        Key of the file below ``images/``.
    """

    key: str


def read_message(body: str, bucket: str) -> list[Notice | Unusable | NoImage]:
    """Read the events in a message.

    Parameters
    ----------
    body
        Body of the message: a document as S3 sends it.
    bucket
        Name of the bucket whose events are expected.

    Returns
    -------
    list
        One notice for each image, and the files that are no images by name. S3's test event and folder markers yield
        none.

    Raises
    ------
    EventError
        If the message contains anything else.
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
        raise EventError("the message is not a JSON object")
    return document


def _read_record(record: Any, bucket: str) -> Notice | Unusable | NoImage | None:  # noqa: ANN401 -- any JSON value
    try:
        notice_type = NOTICE_TYPES.get(record["eventName"].partition(":")[0])
        source, name, s3_object = record["eventSource"], record["s3"]["bucket"]["name"], record["s3"]["object"]
        key = unquote_plus(s3_object["key"], errors="strict")
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise EventError(f"the record is not an event of S3: {error!r}") from error
    if source != "aws:s3" or notice_type is None:
        raise EventError(f"the event has another type: {source!r} {record['eventName']!r}")
    if name != bucket or not key.startswith(IMAGES):
        raise EventError(f"the event is about another place: {name!r} {key!r}")
    if key.endswith("/"):
        return None  # the AWS console creates such objects as folder markers
    if is_no_image(key.removeprefix(IMAGES)):
        return NoImage(key.removeprefix(IMAGES))
    return _to_notice(key.removeprefix(IMAGES), notice_type, s3_object)


def _to_notice(key: str, notice_type: NoticeType, s3_object: dict[str, Any]) -> Notice | Unusable:
    try:
        Notice(key=key, op=NoticeType.REMOVED)
    except NoticeError as error:
        return Unusable(key, str(error))
    is_created = notice_type is NoticeType.CREATED
    try:
        return Notice(
            key=key,
            op=notice_type,
            etag=s3_object.get("eTag") if is_created else None,
            size=s3_object.get("size") if is_created else None,
            sequencer=s3_object.get("sequencer"),
        )
    except NoticeError as error:
        raise EventError(str(error)) from error
