"""`fruits results`: downloads the results of a run."""

import argparse
import hashlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from botocore.exceptions import ClientError

from cli.cloud import words
from cli.cloud.bucket import keys_below
from cli.cloud.environment import Deployment, add_environment_arguments, connect
from cli.cloud.errors import explained_errors, interruption
from cli.cloud.parallel import in_parallel
from cli.cloud.progress import transfer_progress
from cli.cloud.records import last_complete_run, recorded_run
from cli.cloud.transfer import TransferResult, TransferTally, attempt, md5_of
from cli.subcommands import Subcommands, add_subcommand
from contract.layout import ResultFile, results_folder
from contract.runs import is_run_id
from contract.summary import Summary
from spark_app.errors import OutputError, UsageError
from spark_app.scratch import scratch_folder

MATRIX_FOLDER = "matrix"
"""Local folder for a matrix that consists of several files."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits results`."""
    parser = add_subcommand(subcommands, "results", "download the last complete results of an environment")
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=Path("results"),
        metavar="FOLDER",
        help="folder for the files: <folder>/<run> [%(default)s]",
    )
    parser.add_argument("--run", metavar="ID", help="a run that `fruits runs` lists [the last complete one]")
    add_environment_arguments(parser)
    parser.set_defaults(command=_results)


@explained_errors()
def _results(arguments: argparse.Namespace) -> int:
    if arguments.run is not None and not is_run_id(arguments.run):
        raise UsageError(f"--run must be an id such as 20261120T121530Z-3fa94c, not {arguments.run!r}.")
    deployment = connect(arguments.env, arguments.endpoint_url)
    run_id = arguments.run or _last_run(deployment)
    summary = recorded_run(deployment, run_id).summary
    files = list(_files_of(deployment, run_id, summary))
    if not files:
        raise UsageError(f"There are no results of run {run_id}: {deployment.command('runs')} lists the runs.")
    folder = arguments.folder / run_id
    tally = _download_all(deployment, files, folder)
    print(f"{tally.in_words('downloaded')}.")
    if tally.failed:
        print("The lines above give the reason for each failed file. Run the same command again to retry them.")
    _print_folder(folder, summary)
    return 1 if tally.failed else 0


def _last_run(deployment: Deployment) -> str:
    run_id = last_complete_run(deployment)
    if run_id is None:
        raise UsageError(
            f"There are no results yet: {deployment.command('status')} shows what is going on, and "
            f"{deployment.command('upload FOLDER')} uploads images."
        )
    return run_id


@dataclass(frozen=True)
class RemoteFile:
    """A file of the results: the key of its object, and its local path below the folder of the run."""

    key: str
    name: str


def _files_of(deployment: Deployment, run_id: str, summary: Summary | None) -> Iterator[RemoteFile]:
    """List the files in the folder of a run, and the files of its matrix outside of that folder."""
    folder = results_folder(run_id)
    for key in keys_below(deployment, folder):
        name = key.removeprefix(folder)
        # An object of another writer must not make this command write outside of the local folder.
        if not {"", ".", ".."} & set(name.split("/")):
            yield RemoteFile(key, name)
    for part in summary.matrix if summary else ():
        if not part.file.startswith(folder):
            yield RemoteFile(part.file, f"{MATRIX_FOLDER}/{PurePosixPath(part.file).name}")


def _download_all(deployment: Deployment, files: list[RemoteFile], folder: Path) -> TransferTally:
    tally = TransferTally()
    with (
        interruption(lambda: f"Interrupted: {tally.in_words('downloaded')}. Run the same command again for the rest."),
        _scratch_in(folder) as scratch,
        transfer_progress(sys.stdout, len(files)) as progress,
    ):
        tally.count_all(_download(deployment, files, folder, scratch), progress)
    return tally


@contextmanager
def _scratch_in(folder: Path) -> Iterator[Path]:
    """Make a folder for incomplete files, on the same disk as the complete ones."""
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            scratch = stack.enter_context(scratch_folder(folder, ".partial-"))
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


def _print_folder(folder: Path, summary: Summary | None) -> None:
    if summary is None:
        print(f"The run has published no results; its record is in {folder}.")
        return
    counts, k = summary.counts, summary.pca.components if summary.pca else 0
    where = folder / (PurePosixPath(summary.matrix[0].file).name if len(summary.matrix) == 1 else MATRIX_FOLDER)
    files = f", {len(summary.matrix)} files" if len(summary.matrix) > 1 else ""
    if summary.matrix:
        print(f"  matrix   {where}  ({words.counted(counts.images, 'image')} x {words.counted(k, 'component')}{files})")
    print(f"  report   {folder / ResultFile.REPORT}")
    print(f"  refused  {folder / ResultFile.REJECTS}  ({words.counted(counts.rejects, 'image')})")
