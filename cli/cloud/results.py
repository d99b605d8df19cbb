"""`fruits results`: fetches what a run has published."""

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cli.cloud import words
from cli.cloud.bucket import keys_below
from cli.cloud.environment import Deployment, add_environment_arguments, deployment_of
from cli.cloud.errors import explained_errors, interruption
from cli.cloud.parallel import in_parallel
from cli.cloud.progress import transfer_progress
from cli.cloud.records import last_complete_run, recorded_run
from cli.cloud.transfer import Outcome, Tally, attempt, md5_of, watch
from contract.layout import ResultFile, results_folder
from contract.runs import is_run_id
from contract.summary import Summary
from spark_app.errors import OutputError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MATRIX = "matrix"
"""Folder for the files of a matrix of many rows."""


def add_command(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `fruits results`."""
    parser = subcommands.add_parser("results", help="cloud: fetch the last complete results, or those of a run")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path("results"), metavar="FOLDER", help="where to [%(default)s]"
    )
    parser.add_argument("--run", metavar="ID", help="as `fruits runs` lists it [the last complete one]")
    add_environment_arguments(parser)
    parser.set_defaults(command=_results)


@explained_errors()
def _results(arguments: argparse.Namespace) -> int:
    if arguments.run is not None and not is_run_id(arguments.run):
        raise UsageError(f"--run is such as 20261120T121530Z-3fa94c, not {arguments.run!r}.")
    deployment = deployment_of(arguments)
    run_id = arguments.run or _last_run(deployment)
    summary = recorded_run(deployment, run_id).summary
    files = list(files_of(deployment, run_id, summary))
    if not files:
        raise UsageError(f"There are no results of run {run_id}: {deployment.command('runs')} lists the runs.")
    folder = arguments.folder / run_id
    tally = fetch(deployment, files, folder)
    print(f"{tally.in_words('fetched')}.")
    if tally.failed:
        print("The files that failed are named above, with the reasons: run the same command again to try only those.")
    _print_folder(folder, summary)
    return 1 if tally.failed else 0


def _last_run(deployment: Deployment) -> str:
    run_id = last_complete_run(deployment)
    if run_id is None:
        raise UsageError(
            f"There are no results yet: {deployment.command('status')} tells what is going on, and "
            f"{deployment.command('upload FOLDER')} gives it images."
        )
    return run_id


@dataclass(frozen=True)
class Remote:
    """A file to fetch.

    Attributes
    ----------
    key
        Of the object.
    name
        Of the file, below the folder of the run.
    """

    key: str
    name: str


def files_of(deployment: Deployment, run_id: str, summary: Summary | None) -> Iterator[Remote]:
    """Name the files of a run: those of its folder, and those of its matrix that lie elsewhere."""
    folder = results_folder(run_id)
    for key in keys_below(deployment, folder):
        name = key.removeprefix(folder)
        # What somebody else has put there can't make us write outside of the folder.
        if not {"", ".", ".."} & set(name.split("/")):
            yield Remote(key, name)
    for part in summary.matrix if summary else ():
        if not part.file.startswith(folder):
            yield Remote(part.file, f"{MATRIX}/{PurePosixPath(part.file).name}")


def fetch(deployment: Deployment, files: list[Remote], folder: Path) -> Tally:
    """Fetch files that are not there already.

    Parameters
    ----------
    deployment
        Where from.
    files
        To fetch.
    folder
        Where to; made if it is not there.

    Returns
    -------
    Tally
        What became of them.

    Raises
    ------
    OutputError
        If the folder can't be written.
    CloudError
        If AWS can't be reached, or doesn't accept the credentials.
    """
    tally = Tally()
    with (
        interruption(lambda: f"Interrupted: {tally.in_words('fetched')}. Run the same command again for the rest."),
        _beside(folder) as beside,
        transfer_progress(sys.stdout, len(files)) as progress,
    ):
        fetcher = Fetcher(deployment.s3, deployment.bucket, folder, Path(beside))
        watch(in_parallel(fetcher.fetch, files), tally, progress)
    return tally


def _beside(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a folder for files that are not complete yet; whatever happens, it goes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=folder, prefix=".partial-", ignore_cleanup_errors=True)
    except OSError as error:
        raise OutputError(f"Can't write to {folder}: {error.strerror}.") from error


@dataclass(frozen=True)
class Fetcher:
    """Fetches one file at a time; used by many threads.

    Attributes
    ----------
    s3, bucket
        Where from.
    folder
        Where to.
    beside
        For files that are not complete yet, on the same disk.
    """

    s3: "S3Client"
    bucket: str
    folder: Path
    beside: Path

    def fetch(self, remote: Remote) -> Outcome:
        """Fetch a file if it is not there already.

        Raises
        ------
        CloudError
            If no other file would fare better.
        """
        return attempt(remote.name, lambda: self._fetch(remote))

    def _fetch(self, remote: Remote) -> int | None:
        path = self.folder / remote.name
        try:
            # S3 itself compares: of objects that were put in one piece, the etag is the MD5.
            answer = self.s3.get_object(Bucket=self.bucket, Key=remote.key, IfNoneMatch=_etag_of(path))
        except ClientError as error:
            if error.response["Error"]["Code"] == "304":
                return None
            raise
        partial = self.beside / hashlib.sha256(remote.name.encode()).hexdigest()
        with partial.open("wb") as file:
            for chunk in answer["Body"].iter_chunks(1 << 20):
                file.write(chunk)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(path)
        return answer["ContentLength"]


def _etag_of(path: Path) -> str:
    """Name the etag that the object of a file would have; one that no object has if there is no file."""
    return f'"{md5_of(path)}"' if path.is_file() else '"none"'


def _print_folder(folder: Path, summary: Summary | None) -> None:
    if summary is None:
        print(f"The run has published no results: what is known of it is in {folder}.")
        return
    counts, k = summary.counts, summary.pca.components if summary.pca else 0
    where = folder / (PurePosixPath(summary.matrix[0].file).name if len(summary.matrix) == 1 else MATRIX)
    files = f", {len(summary.matrix)} files" if len(summary.matrix) > 1 else ""
    if summary.matrix:
        print(f"  matrix   {where}  ({counts.images:,} images x {k} components{files})")
    print(f"  report   {folder / ResultFile.REPORT}")
    print(f"  refused  {folder / ResultFile.REJECTS}  ({words.counted(counts.rejects, 'image')})")
