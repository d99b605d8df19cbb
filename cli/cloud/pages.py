"""The report and the explorer of an environment, downloaded for a browser."""

import argparse
import os
import shutil
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from cli.cloud.bucket import keys_below
from cli.cloud.download import RemoteFile, download_all
from cli.cloud.environment import connect
from cli.cloud.errors import CloudError, explained_errors
from cli.cloud.results import last_run
from cli.open import missing
from contract.layout import PAGES, results_folder
from contract.runs import is_run_id
from spark_app.errors import OutputError, UsageError


@explained_errors()
def page_of_environment(arguments: argparse.Namespace) -> Path:
    """Download the pages of a run of an environment, and return the path of the one that the user wants.

    Raises
    ------
    UsageError
        If there are no results, or if they lack the page.
    CloudError
        If the download fails.
    """
    deployment = connect(arguments.env, arguments.endpoint_url)
    run_id = arguments.run or last_run(deployment)
    prefix = results_folder(run_id)
    there = {key.removeprefix(prefix) for key in keys_below(deployment, prefix)}
    if not there:
        raise UsageError(f"There are no results of run {run_id}: {deployment.command('runs')} lists the runs.")
    folder = arguments.folder.absolute() if arguments.folder else _cache_for(deployment.environment, run_id, there)
    if arguments.file not in there:
        raise UsageError(missing(run_id, arguments.file))
    # Both pages are downloaded, because they refer to each other.
    files = [RemoteFile(prefix + page, page) for page in PAGES if page in there]
    if download_all(deployment, files, folder / run_id, sys.stderr).failed:
        raise CloudError("The page could not be downloaded: the line above gives the reason.")
    return folder / run_id / str(arguments.file)


def _cache_for(environment: str, run_id: str, there: Collection[str]) -> Path:
    """Return the folder in the cache for the pages of an environment, which no other user can read.

    It keeps only pages that are in the results of the run, because other ones may show images that are erased.
    """
    folder = (cache_folder(os.environ, sys.platform) / environment).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        for other in folder.iterdir():
            if is_run_id(other.name) and other.name != run_id:
                shutil.rmtree(other)
        for page in set(PAGES) - set(there):
            (folder / run_id / page).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"Can't use {folder}: {error.strerror}. Name another folder with --folder.") from error
    return folder


def cache_folder(environment: Mapping[str, str], platform: str) -> Path:
    """Return the folder for files that a program can get again, as each system has it for each user."""
    if platform == "darwin":
        return Path.home() / "Library" / "Caches" / "fruits"
    given = environment.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "fruits"
