"""`fruits upload`: the files of a folder become images of an environment."""

import argparse
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.cloud import words
from cli.cloud.environment import Deployment, add_environment_arguments, deployment_of
from cli.cloud.errors import explained_errors, interruption
from cli.cloud.folder import Found, check_folder, files_below
from cli.cloud.parallel import in_parallel
from cli.cloud.progress import TransferProgress, transfer_progress
from cli.cloud.transfer import Outcome, Tally, UnfitFileError, attempt, md5_of, watch
from contract.layout import IMAGES
from spark_app.errors import ImagesError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LARGEST_FILE = 5 << 30
"""Bytes that S3 takes in one piece. Of an object in several, the etag is not the MD5."""


def add_command(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `fruits upload`."""
    parser = subcommands.add_parser("upload", help="cloud: upload a folder of images; what is there already is skipped")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="as --images of `fruits run`: <variety>/.../<file>")
    add_environment_arguments(parser)
    parser.set_defaults(command=_upload)


@explained_errors()
def _upload(arguments: argparse.Namespace) -> int:
    check_folder(arguments.folder)
    total = sum(1 for _ in files_below(arguments.folder))
    if not total:
        raise ImagesError(f"There are no files in {arguments.folder}.")
    deployment, tally, start = deployment_of(arguments), Tally(), time.monotonic()
    with (
        interruption(lambda: f"Interrupted: {tally.in_words('uploaded')}. Run the same command again to go on."),
        transfer_progress(sys.stdout, total) as progress,
    ):
        upload(deployment, arguments.folder, tally, progress)
    _print_outcome(deployment, tally, time.monotonic() - start)
    return 1 if tally.failed else 0


@dataclass(frozen=True)
class Stored:
    """An object of the bucket."""

    size: int
    etag: str


@dataclass(frozen=True)
class Task:
    """A file, and the object that is there already under its key."""

    found: Found
    stored: Stored | None


def upload(deployment: Deployment, folder: Path, tally: Tally, progress: TransferProgress) -> None:
    """Upload the files of a folder that are not there already.

    Parameters
    ----------
    deployment
        Where to.
    folder
        Of files.
    tally
        Counts what becomes of them.
    progress
        Is told of every one, and of why one failed.

    Raises
    ------
    CloudError
        If AWS can't be reached, doesn't accept the credentials, or refuses one file after the other.
    """
    sender = Sender(deployment.s3, deployment.bucket, folder)
    watch(in_parallel(sender.send, _tasks(deployment, folder)), tally, progress)


def _tasks(deployment: Deployment, folder: Path) -> Iterator[Task]:
    there = BucketListing(deployment.s3, deployment.bucket)
    for found in files_below(folder):
        yield Task(found, None if found.problem else there.find(found.key))


class BucketListing:
    """Looks up keys in the listing of the images, which is held a page at a time.

    Keys are asked for in ascending order. Pages without any of them are left out: ten new photos of as many varieties
    cost ten requests, however many images there are.

    Parameters
    ----------
    s3, bucket
        Where to look.
    """

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._page: dict[str, Stored] = {}
        self._last = ""
        self._is_complete = False

    def find(self, key: str) -> Stored | None:
        """Look up a key that is greater than the one before; None if there is no such object."""
        while not self._is_complete and key > self._last:
            # There is no greatest key below this one to ask for; without its last character it is close.
            self._turn_to(max(self._last, key[:-1]))
        return self._page.get(key)

    def _turn_to(self, after: str) -> None:
        answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=IMAGES, StartAfter=after)
        objects = answer.get("Contents", [])
        self._page = {found["Key"]: Stored(found["Size"], found["ETag"].strip('"')) for found in objects}
        self._is_complete = not answer["IsTruncated"]
        self._last = objects[-1]["Key"] if objects else after


@dataclass(frozen=True)
class Sender:
    """Uploads one file at a time; used by many threads.

    Attributes
    ----------
    s3, bucket
        Where to.
    folder
        Of the files.
    """

    s3: "S3Client"
    bucket: str
    folder: Path

    def send(self, task: Task) -> Outcome:
        """Upload a file if it is not there already.

        Raises
        ------
        CloudError
            If no other file would fare better.
        """
        return attempt(task.found.name, lambda: self._send(task))

    def _send(self, task: Task) -> int | None:
        if task.found.problem:
            raise UnfitFileError(task.found.problem)
        path = self.folder / task.found.name
        size = _size_of(path)
        if task.stored and task.stored.size == size and task.stored.etag == md5_of(path):
            return None
        with path.open("rb") as file:
            self.s3.put_object(Bucket=self.bucket, Key=task.found.key, Body=file)
        return size


def _size_of(path: Path) -> int:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise UnfitFileError("the link leads nowhere" if path.is_symlink() else "it has gone meanwhile") from None
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for somebody to write to it
        raise UnfitFileError("it is no file")
    if status.st_size > LARGEST_FILE:
        raise UnfitFileError("it is larger than 5 GB")
    return status.st_size


def _print_outcome(deployment: Deployment, tally: Tally, seconds: float) -> None:
    print(f"{tally.in_words('uploaded')}, in {words.duration(seconds)}.")
    if tally.failed:
        print("The files that failed are named above, with the reasons: run the same command again to try only those.")
    if tally.done:
        print(f"The next run works on them; follow it with {deployment.command('status')}.")
