"""`fruits results`: downloads the results of a run."""

import argparse
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cli.cloud import words
from cli.cloud.bucket import keys_below
from cli.cloud.download import RemoteFile, download_all
from cli.cloud.environment import Deployment, add_environment_arguments, connect
from cli.cloud.errors import CloudError, explained_errors
from cli.cloud.records import DamagedPointerError, last_complete_run, recorded_run
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
    tally = download_all(deployment, files, folder)
    print(f"{tally.in_words('downloaded')}.")
    if tally.failed:
        print("The lines above give the reason for each failed file. Run the same command again to retry them.")
    _print_folder(folder, summary)
    if arguments.basis:
        print(f"  basis    {folder / BasisFile.BASIS}")
    if arguments.features:
        print(f"  features {_download_features(deployment, run_id, summary, folder)}")
    return 1 if tally.failed else 0


def last_run(deployment: Deployment) -> str:
    """Return the id of the last run with complete results.

    Raises
    ------
    UsageError
        If there is none yet.
    CloudError
        If the pointer to the results is damaged.
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


def _download_features(deployment: Deployment, run_id: str, summary: Summary | None, folder: Path) -> str:
    from cli.cloud.features import download_features

    if summary is None:
        raise UsageError(f"Run {run_id} has no features: it has published no results.")
    path = folder / FEATURES_FILE
    count = download_features(deployment, summary, path)
    return f"{path}  ({words.counted(count, 'image')} x {FEATURE_COUNT} features)"


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
    if summary.findings:
        print(f"  findings {folder / ResultFile.FINDINGS}  ({words.counted(summary.findings.total, 'finding')})")
