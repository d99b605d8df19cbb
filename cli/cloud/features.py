"""The features of an environment, from the files of its table."""

from pathlib import Path

from cli.cloud.download import scratch_in
from cli.cloud.environment import Deployment
from cli.cloud.errors import interruption
from cli.cloud.table_folder import table_folder
from cli.feature_files import SCHEMA, content_of, write_features
from cli.table_files import data_files
from cli.table_rows import TableRows
from contract.summary import Summary
from contract.tables import Table
from spark_app.errors import UsageError


def download_features(deployment: Deployment, summary: Summary, path: Path) -> int:
    """Download the features that a run has left, to a Parquet file, and return the number of images.

    A file that has these features already is kept.

    Raises
    ------
    UsageError
        If the table no longer has these rows.
    FruitsError
        If the download fails.
    """
    content = summary.snapshots.features
    if content is None or content_of(path) != content:
        with (
            interruption(lambda: "Interrupted before the features were complete. Run the same command again."),
            scratch_in(path.parent) as scratch,
        ):
            files = data_files(table_folder(deployment, Table.FEATURES, scratch), content)
            if files is None:
                raise UsageError(
                    f"The features of run {summary.run_id} no longer exist: later runs have changed the table, and the "
                    "retention of its old snapshots is over. Without --run, you get those of the last complete run."
                )
            write_features(TableRows(SCHEMA, files, content), path)
    return summary.counts.images
