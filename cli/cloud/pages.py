"""The report and the explorer of an environment, downloaded for a browser."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cli.cloud.bucket import keys_below
from cli.cloud.download import RemoteFile, download_all
from cli.cloud.environment import connect
from cli.cloud.errors import CloudError, explained_errors
from cli.cloud.results import last_run
from cli.open import missing
from contract.layout import ResultFile, results_folder
from spark_app.errors import UsageError

PAGES = (ResultFile.REPORT, ResultFile.EXPLORER)


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
    if arguments.file not in there:
        raise UsageError(missing(run_id, arguments.file))
    folder = (arguments.folder or cache_folder(os.environ, sys.platform) / deployment.environment).absolute() / run_id
    # Both pages are downloaded, because they refer to each other.
    files = [RemoteFile(prefix + page, page) for page in PAGES if page in there]
    if download_all(deployment, files, folder, sys.stderr).failed:
        raise CloudError("The page could not be downloaded: the line above gives the reason.")
    return folder / str(arguments.file)


def cache_folder(environment: Mapping[str, str], platform: str) -> Path:
    """Return the folder for files that a program can get again, as each system has it for each user."""
    if platform == "darwin":
        return Path.home() / "Library" / "Caches" / "fruits"
    given = environment.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "fruits"
