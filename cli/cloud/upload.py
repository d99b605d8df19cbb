"""`fruits upload`: uploads the files of a folder as images of an environment."""

import argparse
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.cloud import words
from cli.cloud.environment import Deployment, add_environment_arguments, connect
from cli.cloud.errors import explained_errors, interruption
from cli.cloud.folder import LocalFile, check_folder, files_below
from cli.cloud.followed_upload import follow_images, generation_of
from cli.cloud.parallel import in_parallel
from cli.cloud.progress import transfer_progress
from cli.cloud.sender import Sender
from cli.cloud.transfer import TransferResult, TransferTally, UnfitFileError, attempt, md5_of
from cli.subcommands import Subcommands, add_subcommand
from contract.image_names import skipped_in_words
from contract.layout import IMAGES
from spark_app.errors import ImagesError
from spark_app.options import path

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LARGEST_FILE = 5 << 30
"""Limit of S3 for an upload in one piece, in bytes. The etag of an object in several pieces is not its MD5."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits upload`."""
    parser = add_subcommand(subcommands, "upload")
    parser.add_argument("folder", type=path, metavar="FOLDER", help="folder of images: .../<variety>/<file>")
    parser.add_argument(
        "--follow", action="store_true", help="follow the runs of these images to their end, and print the results"
    )
    add_environment_arguments(parser)
    parser.set_defaults(command=_upload)


@explained_errors()
def _upload(arguments: argparse.Namespace) -> int:
    check_folder(arguments.folder)
    skipped: list[str] = []
    total = sum(1 for _ in files_below(arguments.folder, skipped.append))
    no_images = [skipped_in_words(len(skipped))] if skipped else []
    if not total:
        raise ImagesError(" ".join([f"There are no images in {arguments.folder}.", *no_images]))
    deployment, tally, start = connect(arguments.env, arguments.endpoint_url), TransferTally(), time.monotonic()
    before = generation_of(deployment) if arguments.follow else 0
    with (
        interruption(lambda: f"Interrupted: {tally.in_words('uploaded')}. Run the same command again to go on."),
        transfer_progress(sys.stdout, total) as progress,
    ):
        tally.count_all(upload(deployment, arguments.folder), progress)
    print(f"{tally.in_words('uploaded')}, in {words.duration(time.monotonic() - start)}.")
    for sentence in no_images:
        print(sentence)
    if tally.done and arguments.follow:
        follow_images(deployment, before, time.sleep)
    elif tally.done:
        print(f"The next run processes the images; follow it with {deployment.command('status')}.")
    tally.check()
    return 0


@dataclass(frozen=True)
class StoredObject:
    """An object of the bucket, as its listing describes it."""

    size: int
    etag: str


def upload(deployment: Deployment, folder: Path) -> Iterator[TransferResult]:
    """Upload the files of a folder, except those that the bucket has with the same content.

    Raises
    ------
    CloudError
        If AWS can't be reached, or does not accept the credentials.
    """
    listing, sender = BucketListing(deployment.s3, deployment.bucket), Sender(deployment)
    pairs = ((file, None if file.problem else listing.find(file.key)) for file in files_below(folder))

    def send(pair: tuple[LocalFile, StoredObject | None]) -> TransferResult:
        file, stored = pair
        return attempt(file.name, lambda: _send(sender, folder, file, stored))

    return in_parallel(send, pairs)


def _send(sender: Sender, folder: Path, file: LocalFile, stored: StoredObject | None) -> int | None:
    """Upload a file unless the stored object equals it; return the number of bytes."""
    if file.problem:
        raise UnfitFileError(file.problem)
    path = folder / file.name
    size = _size_of(path)
    if stored and stored.size == size and stored.etag == md5_of(path):
        return None
    sender.send(path, file.key, size)
    return size


def _size_of(path: Path) -> int:
    try:
        status = path.stat()
    except FileNotFoundError:
        reason = "the target of the link does not exist" if path.is_symlink() else "the file was deleted"
        raise UnfitFileError(reason) from None
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for a process that writes to it
        raise UnfitFileError("it is not a regular file")
    if status.st_size > LARGEST_FILE:
        raise UnfitFileError("it is larger than 5 GB")
    return status.st_size


class BucketListing:
    """The listing of the images in a bucket, of which one page is held at a time.

    The caller asks for keys in ascending order. The listing skips pages without any of them, so that ten new photos of
    ten varieties cost ten requests, for any number of images in the bucket.
    """

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._page: dict[str, StoredObject] = {}
        self._last = ""
        self._is_complete = False

    def find(self, key: str) -> StoredObject | None:
        """Return the object of a key, which must be greater than the key before; `None` if there is no object."""
        while not self._is_complete and key > self._last:
            # A listing starts after a given key. No greatest key below this one exists; without its last character,
            # the key is close.
            self._turn_to(max(self._last, key[:-1]))
        return self._page.get(key)

    def _turn_to(self, after: str) -> None:
        answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=IMAGES, StartAfter=after)
        objects = answer.get("Contents", [])
        self._page = {found["Key"]: StoredObject(found["Size"], found["ETag"].strip('"')) for found in objects}
        self._is_complete = not answer["IsTruncated"]
        self._last = objects[-1]["Key"] if objects else after
