"""Tests of reading the events of the bucket."""

import copy
import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contract.image_names import is_no_image
from contract.layout import fault_of
from contract.notices import Notice, NoticeType
from lambdas.start_run.events import EventError, NoImage, Unusable, read_message

BUCKET = "fruits-images"

Path = tuple[str | int, ...]


def record(key: str, *, event: str = "ObjectCreated:Put", bucket: str = BUCKET, **told: object) -> dict[str, Any]:
    """Write a record as S3 does, for a key that is already encoded; `told` overrides fields of the object."""
    created = {"size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e"} if event.startswith("ObjectCreated") else {}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-11-20T12:15:30.000Z",
        "eventName": event,
        "userIdentity": {"principalId": "AWS:AIDAJDPLRKLG7UEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "203.0.113.7"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "images",
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": {"key": key, **created, "sequencer": "0A1B2C3D4E5F678901", **told},
        },
    }


def body(*records: object) -> str:
    """Write the body of a message as S3 does."""
    return json.dumps({"Records": records})


ENCODERS: list[Callable[[str], str]] = [quote_plus, partial(quote_plus, safe="/"), partial(quote, safe="/")]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda name: len(f"images/{name}".encode()) <= 1024
)
"""Names that S3 allows."""


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("images/Apple+Braeburn/r_12.jpg", "Apple Braeburn/r_12.jpg"),
        ("images/Apple%20Braeburn/r_12.jpg", "Apple Braeburn/r_12.jpg"),
        ("images/a%2Bb/100%25.jpg", "a+b/100%.jpg"),
        ("images/P%C3%AAche/%E6%A1%83.jpg", "Pêche/桃.jpg"),
        ("images/%F0%9F%8D%8E.jpg", "🍎.jpg"),
        ("images%2Fa%2Fb.jpg", "a/b.jpg"),
        ("images/%252Fa%252B.jpg", "%2Fa%2B.jpg"),
        ("images/images/a.jpg", "images/a.jpg"),
    ],
)
def test_names_are_decoded_once(encoded: str, key: str) -> None:
    """S3 encodes a space as a plus and a plus as %2B; a name that only looks encoded is not decoded again."""
    (notice,) = read_message(body(record(encoded)), BUCKET)
    assert notice.key == key


@given(name=NAMES, encode=st.sampled_from(ENCODERS), removed=st.booleans())
@example(name="a/../b", encode=quote, removed=False)
@example(name="Empty folder/", encode=quote, removed=True)
def test_any_name_is_decoded_exactly(name: str, encode: Callable[[str], str], *, removed: bool) -> None:
    """Any name in any encoding yields a notice or an unusable image of this name; a folder marker yields nothing."""
    event = "ObjectRemoved:Delete" if removed else "ObjectCreated:Put"
    read = read_message(body(record(encode(f"images/{name}"), event=event)), BUCKET)
    if name.endswith("/"):
        assert read == []
    else:
        (found,) = read
        assert found.key == name
        assert isinstance(found, NoImage if is_no_image(name) else Unusable if fault_of(name) else Notice)


@pytest.mark.parametrize("name", ["Plum/.DS_Store", "__MACOSX/Plum/._0.png", "LICENSE", "Plum/Icon%0D"])
@pytest.mark.parametrize("event", ["ObjectCreated:Put", "ObjectRemoved:Delete"])
def test_a_file_that_is_no_image_is_returned_as_such(name: str, event: str) -> None:
    """Files that a Mac adds are neither notices nor images with unusable names."""
    (found,) = read_message(body(record(f"images/{name}", event=event)), BUCKET)
    assert found == NoImage(unquote(name))


@pytest.mark.parametrize("kind", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
def test_a_written_object_is_a_notice_with_all_that_is_known(kind: str) -> None:
    """Any way of writing an object yields a notice with its etag, size and sequencer."""
    told: dict[str, Any] = {"eTag": "abc-2", "size": 0, "sequencer": "00F5"}
    assert read_message(body(record("images/a.jpg", event=f"ObjectCreated:{kind}", **told)), BUCKET) == [
        Notice(key="a.jpg", op=NoticeType.CREATED, etag="abc-2", size=0, sequencer="00F5")
    ]


@pytest.mark.parametrize("kind", ["ObjectRemoved", "LifecycleExpiration"])
@pytest.mark.parametrize("action", ["Delete", "DeleteMarkerCreated"])
def test_an_object_that_is_gone_is_a_notice_of_its_removal(kind: str, action: str) -> None:
    """A deleted or expired object, or a delete marker, yields a removal without etag and size."""
    event = f"{kind}:{action}"
    marker: dict[str, Any] = {"eTag": "d41d8cd98f00b204e9800998ecf8427e", "size": 0, "versionId": "3sL4kqtJl"}
    for told in ({}, marker):
        assert read_message(body(record("images/a.jpg", event=event, sequencer="0B", **told)), BUCKET) == [
            Notice(key="a.jpg", op=NoticeType.REMOVED, sequencer="0B")
        ]


def test_an_event_without_a_sequencer_is_a_notice_without_one() -> None:
    """S3 sets no sequencer in some events, for instance in those of lifecycle rules."""
    expired = record("images/a.jpg", event="LifecycleExpiration:Delete")
    del expired["s3"]["object"]["sequencer"]
    assert read_message(body(expired), BUCKET) == [Notice(key="a.jpg", op=NoticeType.REMOVED)]


def test_the_test_event_yields_nothing() -> None:
    """The event that S3 sends when notifications are switched on yields no notice."""
    document = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-20T12:00:00.000Z", "Bucket": BUCKET}
    assert read_message(json.dumps(document), BUCKET) == []


@pytest.mark.parametrize("key", ["images/", "images/Apple+Braeburn/", "images/a/b//", "images%2Fa%2F"])
def test_folder_markers_yield_nothing(key: str) -> None:
    """The creation and the deletion of a folder marker yield nothing; images in the same message are read."""
    marker, removed = record(key, size=0), record(key, event="ObjectRemoved:Delete")
    read = read_message(body(marker, record("images/a.jpg"), removed), BUCKET)
    assert [found.key for found in read] == ["a.jpg"]


@pytest.mark.parametrize(
    ("key", "name", "reason"),
    [
        ("images//a.jpg", "/a.jpg", "an empty folder name"),
        ("images/a//b.jpg", "a//b.jpg", "an empty folder name"),
        ("images/./a.jpg", "./a.jpg", "an empty folder name, or . or .."),
        ("images/a/%2E%2E/b.jpg", "a/../b.jpg", "an empty folder name, or . or .."),
        ("images/a%0Ab.jpg", "a\nb.jpg", "control characters"),
        ("images/a%00.jpg", "a\0.jpg", "control characters"),
        ("images/a%7F.jpg", "a\x7f.jpg", "control characters"),
        ("images/a\ud800.jpg", "a\ud800.jpg", "not valid Unicode"),
    ],
)
@pytest.mark.parametrize("event", ["ObjectCreated:Put", "ObjectRemoved:Delete"])
def test_an_unusable_name_is_returned_with_the_reason(key: str, name: str, reason: str, event: str) -> None:
    """An image with an unusable name does not make its message fail, and is returned with the reason."""
    good, bad = read_message(body(record("images/good.jpg", event=event), record(key, event=event)), BUCKET)
    assert isinstance(good, Notice)
    assert isinstance(bad, Unusable)
    assert bad.key == name
    assert reason in bad.reason


@given(
    st.lists(
        st.tuples(st.sampled_from(["a.jpg", "b.jpg", "a//b"]), st.integers(0, 3), st.booleans()), min_size=1, max_size=8
    )
)
def test_records_are_kept_as_they_come(events: list[tuple[str, int, bool]]) -> None:
    """Repeated and unordered records all yield notices with their sequencers, from which a run determines the order."""
    records = [
        record(f"images/{key}", event="ObjectRemoved:Delete" if removed else "ObjectCreated:Put", sequencer=f"0{order}")
        for key, order, removed in events
    ]
    read = read_message(body(*records), BUCKET)
    assert [(found.key, found.sequencer, found.op) if isinstance(found, Notice) else found.key for found in read] == [
        key if fault_of(key) else (key, f"0{order}", NoticeType.REMOVED if removed else NoticeType.CREATED)
        for key, order, removed in events
    ]


REAL = record("images/Apple+Braeburn/r_12.jpg")


def _changed(path: Path, value: object, original: object = REAL) -> Any:  # noqa: ANN401 -- JSON
    document = copy.deepcopy(original)
    *parents, last = path
    holder: Any = document
    for name in parents:
        holder = holder[name]
    holder[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("eventSource",), "aws:sqs", "another type: 'aws:sqs'"),
        (("eventName",), "ObjectRestore:Completed", "another type: .*ObjectRestore:Completed"),
        (("eventName",), "ObjectCreatedByMagic:Put", "another type"),
        (("eventName",), "s3:ObjectCreated:Put", "another type"),
        (("eventName",), None, "not an event of S3"),
        (("s3", "bucket", "name"), "fruits-images-2", "another place: 'fruits-images-2'"),
        (("s3", "bucket", "name"), None, "another place"),
        (("s3", "bucket"), "fruits-images", "not an event of S3"),
        (("s3", "object"), ["key"], "not an event of S3"),
        (("s3", "object", "key"), "results/latest.json", "another place: .* 'results/latest.json'"),
        (("s3", "object", "key"), "images.jpg", "another place"),
        (("s3", "object", "key"), "Images/a.jpg", "another place"),
        (("s3", "object", "key"), "", "another place"),
        (("s3", "object", "key"), 5, "not an event of S3"),
        (("s3", "object", "key"), "images/%FF.jpg", "not an event of S3: UnicodeDecodeError"),
        (("s3", "object", "eTag"), None, "has an etag"),
        (("s3", "object", "eTag"), "", "has an etag"),
        (("s3", "object", "size"), "1024", "has a size"),
        (("s3", "object", "size"), -1, "has a size"),
        (("s3", "object", "sequencer"), "xyz", "not a hexadecimal number: 'xyz'"),
        # No table can hold these values: as notices in the inbox, they would make every run fail.
        (("s3", "object", "eTag"), "\ud800", "has an etag"),
        (("s3", "object", "size"), 2**63, "has a size"),
    ],
)
def test_an_invalid_record_raises_an_error_with_the_reason(path: Path, value: object, reason: str) -> None:
    """Each kind of invalid record raises an error with its reason, also among valid records."""
    with pytest.raises(EventError, match=reason):
        read_message(body(REAL, _changed(path, value), REAL), BUCKET)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("Hello", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"Records":' * 100_000, "not JSON"),
        ("9" * 5_000, "not JSON"),
        ("null", "not a JSON object"),
        ('"s3:TestEvent"', "not a JSON object"),
        (json.dumps([REAL]), "not a JSON object"),
        ("{}", "no records"),
        ('{"Records": []}', "no records"),
        ('{"Records": {}}', "no records"),
        ('{"Records": null}', "no records"),
        ('{"Records": 5}', "no records"),
        ('{"Records": {"eventName": "ObjectCreated:Put"}}', "no records"),
        ('{"Event": ["s3:TestEvent"]}', "no records"),
        ('{"Records": [null]}', "not an event of S3"),
        ('{"Records": [[]]}', "not an event of S3"),
        ('{"Records": ["eventName"]}', "not an event of S3"),
    ],
)
def test_an_invalid_message_raises_an_error_with_the_reason(text: str, reason: str) -> None:
    """Each kind of invalid message raises an error with its reason, also a message that is too deep for the parser."""
    with pytest.raises(EventError, match=reason):
        read_message(text, BUCKET)


def _paths(document: object, path: Path = ()) -> list[Path]:
    children = document.items() if isinstance(document, dict) else ()
    return [*([path] if path else []), *(found for name, child in children for found in _paths(child, (*path, name)))]


PATHS = _paths(REAL)


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_a_deeply_nested_value_is_an_invalid_value(path: Path) -> None:
    """A value with as many levels as can be parsed is treated as any invalid value, in every field."""
    hole = json.dumps(_changed(path, "@"))
    for levels in (10, *range(900, 1000)):
        for opening, closing in ("[]", ('{"a":', "}")):
            value = opening * levels + '"@"' + closing * levels
            try:
                read = read_message('{"Records":[' + hole.replace('"@"', value) + "]}", BUCKET)
            except EventError:
                continue
            assert [found.key for found in read] == ["Apple Braeburn/r_12.jpg"]


TEXTS = st.text(st.characters(), max_size=8) | st.sampled_from(
    [
        "images/%FF",
        "images/\ud800%41",
        "images/a",
        "images/",
        "%",
        "ObjectRemoved:Delete",
        "ObjectCreated",
        ":",
        "aws:s3",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXTS, children, max_size=3),
    max_leaves=6,
)
DELETE = object()


@given(changes=st.lists(st.tuples(st.sampled_from(PATHS), VALUES | st.just(DELETE)), min_size=1, max_size=3))
def test_any_record_yields_notices_or_an_event_error(changes: list[tuple[Path, object]]) -> None:
    """A record with any fields changed or deleted yields notices or an `EventError`, and no other error."""
    changed = copy.deepcopy(REAL)
    for path, value in changes:
        *parents, last = path
        holder: Any = changed
        for name in parents:
            holder = holder.get(name) if isinstance(holder, dict) else None
        if not isinstance(holder, dict):
            continue
        if value is DELETE:
            holder.pop(last, None)
        else:
            holder[last] = value
    try:
        read = read_message(body(changed), BUCKET)
    except EventError:
        return
    for found in read:
        if isinstance(found, Notice):
            assert Notice.from_json(found.to_json().encode()) == found
        else:
            assert is_no_image(found.key) if isinstance(found, NoImage) else fault_of(found.key)
