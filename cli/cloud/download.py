"""Download of objects of the bucket to a folder."""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from botocore.exceptions import ClientError

from cli.cloud.environment import Deployment
from cli.cloud.errors import interruption
from cli.cloud.parallel import in_parallel
from cli.cloud.progress import transfer_progress
from cli.cloud.transfer import TransferResult, TransferTally, attempt, md5_of
from spark_app.errors import OutputError
from spark_app.scratch import PARTIAL, scratch_folder


@dataclass(frozen=True)
class RemoteFile:
    """A file to download: the key of its object, and its path below the local folder."""

    key: str
    name: str


def download_all(
    deployment: Deployment, files: list[RemoteFile], folder: Path, out: TextIO | None = None
) -> TransferTally:
    """Download the files that the folder does not have with the same content, and show the progress.

    Parameters
    ----------
    out
        Where the progress is shown; `None` for stdout.

    Raises
    ------
    InterruptedByUserError
        If the user presses Ctrl-C.
    OutputError
        If the folder can't be written.
    CloudError
        If AWS can't be reached, or does not accept the credentials.
    """
    tally = TransferTally()
    with (
        interruption(lambda: f"Interrupted: {tally.in_words('downloaded')}. Run the same command again for the rest."),
        scratch_in(folder) as scratch,
        transfer_progress(out or sys.stdout, len(files)) as progress,
    ):
        tally.count_all(_download(deployment, files, folder, scratch), progress)
    return tally


@contextmanager
def scratch_in(folder: Path) -> Iterator[Path]:
    """Make a folder for incomplete files, on the same disk as the complete ones.

    Raises
    ------
    OutputError
        If the folder can't be written.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            scratch = stack.enter_context(scratch_folder(folder, PARTIAL))
        except OSError as error:
            raise OutputError(f"Can't write to {folder}: {error.strerror}.") from error
        yield scratch


def _download(
    deployment: Deployment, files: Iterable[RemoteFile], folder: Path, scratch: Path
) -> Iterator[TransferResult]:
    """Download the files that the folder does not have with the same content."""
    get_object, bucket = deployment.s3.get_object, deployment.bucket

    def receive(file: RemoteFile) -> int | None:
        path = folder / file.name
        try:
            # S3 compares the etags: that of an object that was uploaded in one piece is the MD5.
            answer = get_object(Bucket=bucket, Key=file.key, IfNoneMatch=_etag_of(path))
        except ClientError as error:
            if error.response["Error"]["Code"] == "304":
                return None
            raise
        partial = scratch / hashlib.sha256(file.name.encode()).hexdigest()
        with partial.open("wb") as local:
            for chunk in answer["Body"].iter_chunks(1 << 20):
                local.write(chunk)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(path)
        return answer["ContentLength"]

    return in_parallel(lambda file: attempt(file.name, lambda: receive(file)), files)


def _etag_of(path: Path) -> str:
    """Return the etag that S3 gives the content of a file; one that no object has if there is no file."""
    return f'"{md5_of(path)}"' if path.is_file() else '"none"'
