"""`fruits results`: downloads the results of a run."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cli.as_json import add_json_argument, print_json
from cli.cloud import words
from cli.cloud.bucket import keys_below
from cli.cloud.download import RemoteFile, download_all
from cli.cloud.environment import Deployment, add_environment_arguments, connect
from cli.cloud.errors import CloudError, explained_errors
from cli.cloud.records import DamagedPointerError, last_complete_run, recorded_run
from cli.cloud.transfer import TransferTally
from cli.subcommands import Subcommands, add_subcommand
from contract.layout import BasisFile, ResultFile, pca_folder, results_folder
from contract.runs import is_run_id
from contract.summary import Summary
from spark_app.errors import UsageError
from spark_app.options import path
from spark_app.settings import FEATURE_COUNT

MATRIX_FOLDER = "matrix"
"""Local folder for a matrix that consists of several files."""

FEATURES_FILE = "features.parquet"


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits results`."""
    parser = add_subcommand(subcommands, "results")
    parser.add_argument(
        "folder",
        type=path,
        nargs="?",
        default=Path("results"),
        metavar="FOLDER",
        help="folder for the files: <folder>/<run> [%(default)s]",
    )
    parser.add_argument("--run", metavar="ID", help="a run that `fruits runs` lists [the last complete one]")
    parser.add_argument(
        "--features", action="store_true", help="download the features, too: <folder>/<run>/features.parquet"
    )
    parser.add_argument("--basis", action="store_true", help="download the basis, too: <folder>/<run>/basis.npz")
    add_json_argument(parser)
    add_environment_arguments(parser)
    parser.set_defaults(command=_results)


@explained_errors()
def _results(arguments: argparse.Namespace) -> int:
    if arguments.run is not None and not is_run_id(arguments.run):
        raise UsageError(f"--run must be an id such as 20261120T121530Z-3fa94c, not {arguments.run!r}.")
    deployment = connect(arguments.env, arguments.endpoint_url)
    run_id = arguments.run or last_run(deployment)
    summary = recorded_run(deployment, run_id).summary
    files = list(_files_of(deployment, run_id, summary))
    if not files:
        raise UsageError(f"There are no results of run {run_id}: {deployment.command('runs')} lists the runs.")
    if arguments.basis:
        files.append(_basis_of(run_id, summary))
    folder = arguments.folder / run_id
    tally = download_all(deployment, files, folder, sys.stderr if arguments.json else sys.stdout)
    # A part may be missing: a failed download, or results that later ones have superseded.
    places = [place for place in _places(folder, summary) if place.path.exists()]
    if arguments.basis:
        places.append(ResultPlace("basis", folder / BasisFile.BASIS))
    if arguments.features:
        places.append(_download_features(deployment, run_id, summary, folder))
    if arguments.json:
        print_json(document(run_id, folder, tally, places))
    else:
        _print(folder, tally, places)
    tally.check()
    return 0


@dataclass(frozen=True)
class ResultPlace:
    """Where a part of the results is on this machine.

    Attributes
    ----------
    part
        Word for the part, such as ``matrix``.
    size
        How large it is, such as ``12 images``; empty if this is not said.
    """

    part: str
    path: Path
    size: str = ""


def document(run_id: str, folder: Path, tally: TransferTally, places: Sequence[ResultPlace]) -> dict[str, Any]:
    """Describe a download for a program."""
    counts = {"downloaded": tally.done, "skipped": tally.skipped, "failed": tally.failed}
    return {"run": run_id, "folder": str(folder), **counts, "files": {place.part: str(place.path) for place in places}}


def _print(folder: Path, tally: TransferTally, places: Sequence[ResultPlace]) -> None:
    print(f"{tally.in_words('downloaded')}.")
    if not places:
        print(f"The run has published no results; its record is in {folder}.")
    for place in places:
        print(f"  {place.part:<8} {place.path}{f'  ({place.size})' if place.size else ''}")


def last_run(deployment: Deployment) -> str:
    """Return the id of the run of the last complete results.

    Raises
    ------
    UsageError
        If there are no results yet.
    CloudError
        If the pointer to them is damaged.
    """
    try:
        run_id = last_complete_run(deployment)
    except DamagedPointerError as error:
        runs, start = deployment.command("runs"), deployment.command("start --mode update")
        raise CloudError(f"{error} Start one with {start}, or name a run that {runs} lists with --run.") from error
    if run_id is None:
        raise UsageError(
            f"There are no results yet: {deployment.command('status')} shows what is going on, and "
            f"{deployment.command('upload FOLDER')} uploads images."
        )
    return run_id


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


def _basis_of(run_id: str, summary: Summary | None) -> RemoteFile:
    if summary is None or summary.pca_version is None:
        raise UsageError(f"Run {run_id} has no basis: it has published no matrix.")
    return RemoteFile(pca_folder(summary.pca_version) + BasisFile.BASIS, BasisFile.BASIS)


def _download_features(deployment: Deployment, run_id: str, summary: Summary | None, folder: Path) -> ResultPlace:
    from cli.cloud.features import download_features

    if summary is None:
        raise UsageError(f"Run {run_id} has no features: it has published no results.")
    path = folder / FEATURES_FILE
    count = download_features(deployment, summary, path)
    return ResultPlace("features", path, f"{words.counted(count, 'image')} x {FEATURE_COUNT} features")


def _places(folder: Path, summary: Summary | None) -> Iterator[ResultPlace]:
    """List where the parts of the results are, which a run without a summary does not have."""
    if summary is None:
        return
    counts, k = summary.counts, summary.pca.components if summary.pca else 0
    if summary.matrix:
        name = PurePosixPath(summary.matrix[0].file).name if len(summary.matrix) == 1 else MATRIX_FOLDER
        files = f", {len(summary.matrix)} files" if len(summary.matrix) > 1 else ""
        size = f"{words.counted(counts.images, 'image')} x {words.counted(k, 'component')}{files}"
        yield ResultPlace("matrix", folder / name, size)
    yield ResultPlace("report", folder / ResultFile.REPORT)
    if summary.explorer:
        yield ResultPlace("explorer", folder / ResultFile.EXPLORER)
    yield ResultPlace("refused", folder / ResultFile.REJECTS, words.counted(counts.rejects, "image"))
    if summary.findings:
        total = words.counted(summary.findings.total, "finding")
        yield ResultPlace("findings", folder / ResultFile.FINDINGS, total)
