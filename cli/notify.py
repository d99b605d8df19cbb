"""`fruits notify`: writes the notices of local images. In the cloud, `start_run` writes them from S3 events."""

import argparse
import time
from collections.abc import Iterator
from itertools import islice

from cli.subcommands import Subcommands, add_subcommand
from contract.layout import notices_file
from contract.notices import Notice, NoticeType
from contract.runs import new_run_id
from spark_app.settings import as_url
from spark_app.stages.listing import Omissions, check_images_folder, list_images
from spark_app.storage import Storage

NOTICES_PER_FILE = 5_000
"""About as many as a batch of events in the cloud yields."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits notify`."""
    parser = add_subcommand(subcommands, "notify", "write notices of images, which `fruits run --mode update` reads")
    parser.add_argument("--images", required=True, metavar="URL", help="folder of images, as for `fruits run`")
    parser.add_argument("--output", required=True, metavar="URL", help="output, as for `fruits run`")
    parser.add_argument(
        "keys",
        nargs="*",
        metavar="KEY",
        help="image or folder below --images; a notice says that a missing one was removed [all images]",
    )
    parser.set_defaults(command=_notify)


def _notify(arguments: argparse.Namespace) -> int:
    images, root = Storage(as_url(arguments.images)), Storage(as_url(arguments.output))
    check_images_folder(images)
    root.check_writable()
    notices = _notices(images, arguments.keys)
    written = 0
    while batch := list(islice(notices, NOTICES_PER_FILE)):
        root.create()
        body = "".join(notice.to_json() + "\n" for notice in batch)
        root.write(notices_file(new_run_id()), body.encode())
        written += len(batch)
    print(f"{written:,} notices written. Process them with `fruits run --mode update`.")
    return 0


def _notices(images: Storage, keys: list[str]) -> Iterator[Notice]:
    if not keys:
        yield from _created_below(images, None)
    for key in keys:
        name = key.strip("/")
        found = list(_created_below(images, name))
        if (size_and_etag := images.find(name)) is not None:
            found.append(_created(name, *size_and_etag))
        yield from found or [Notice(key=name, op=NoticeType.REMOVED, sequencer=_sequencer())]


def _created_below(images: Storage, folder: str | None) -> Iterator[Notice]:
    for batch in list_images(images, Omissions(), folder):
        for key, etag, size in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield _created(key, size, etag)


def _created(key: str, size: int, etag: str) -> Notice:
    return Notice(key=key, op=NoticeType.CREATED, etag=etag, size=size, sequencer=_sequencer())


def _sequencer() -> str:
    """Return a text that sorts after all earlier ones, as the sequencers of S3 do."""
    return f"{time.time_ns():018X}"
