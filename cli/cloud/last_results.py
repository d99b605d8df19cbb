"""The last complete results of an environment, of which only what a command needs is downloaded."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cli.cloud.bucket import read
from cli.cloud.environment import Deployment, connect
from cli.cloud.errors import explained_errors
from cli.cloud.records import recorded_run
from cli.cloud.results import last_run
from cli.cloud.table_folder import table_folder
from cli.last_results import LastResults
from spark_app.errors import OutputError
from spark_app.scratch import session_folder
from spark_app.storage import Storage


@contextmanager
def cloud_results(environment: str, endpoint_url: str | None) -> Iterator[LastResults]:
    """Open the last complete results of an environment. What the body downloads is deleted after it.

    Raises
    ------
    FruitsError
        If there are no complete results, or if AWS can't be reached.
    """
    with explained_errors(), session_folder() as scratch:
        deployment = connect(environment, endpoint_url)
        run_id = last_run(deployment)
        summary = recorded_run(deployment, run_id).summary
        if summary is None:
            raise OutputError(
                f"The summary of run {run_id} is missing or of another version: "
                f"{deployment.command('start --mode update')} makes other results."
            )
        update = deployment.command("start --mode update")
        yield LastResults(
            summary=summary,
            place=f"environment {environment!r}",
            remedy=f"wait for the end of the present run, or finish it with {update}",
            with_files=lambda keys: _mirrored(deployment, keys, scratch / "root"),
            table_folder=lambda table: table_folder(deployment, table, scratch / table, sys.stderr),
        )


def _mirrored(deployment: Deployment, keys: Sequence[str], folder: Path) -> Storage:
    """Download objects that the folder does not have yet. Objects that do not exist are left out."""
    root = Storage(folder.as_uri())
    root.create()
    for key in keys:
        if root.find(key) is None and (body := read(deployment, key)) is not None:
            root.write(key, body)
    return root
