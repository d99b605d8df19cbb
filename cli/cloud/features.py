"""The features of an environment, from the files of its table: AWS Glue knows where the current metadata is."""

from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from cli.cloud.bucket import read
from cli.cloud.download import RemoteFile, download_all, scratch_in
from cli.cloud.environment import CLIENT_CONFIG, Deployment
from cli.cloud.errors import CloudError, explained_errors, interruption
from cli.feature_files import content_of, write_features
from cli.feature_rows import FeatureRows
from cli.feature_table import TableFolder, data_files
from contract.environments import Output
from contract.summary import Summary
from contract.tables import Table
from spark_app.errors import StorageError, UsageError


class _Catalog(Protocol):
    """The part of Glue's client that this module uses."""

    def get_table(self, *, DatabaseName: str, Name: str) -> dict[str, Any]: ...


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
            files = data_files(_table(deployment, scratch), content)
            if files is None:
                raise UsageError(
                    f"The features of run {summary.run_id} no longer exist: later runs have changed the table, and the "
                    "retention of its old snapshots is over. Without --run, you get those of the last complete run."
                )
            write_features(FeatureRows(files, content), path)
    return summary.counts.images


def _table(deployment: Deployment, scratch: Path) -> TableFolder:
    location = _metadata_location(deployment)
    bucket, key = urlsplit(location).netloc, urlsplit(location).path.lstrip("/")
    folder, found, _ = key.rpartition("metadata/")
    if bucket != deployment.bucket or not found:
        raise CloudError(f"The metadata of the table {Table.FEATURES} is in {location}, not in the bucket.")

    @explained_errors()
    def read_object(name: str) -> bytes:
        body = read(deployment, name)
        if body is None:
            raise StorageError(f"s3://{bucket}/{name} is missing. `fruits reprocess` computes the table again.")
        return body

    def fetch(names: list[str]) -> Path:
        tally = download_all(deployment, [RemoteFile(folder + name, name) for name in names], scratch)
        if tally.failed:
            raise CloudError("Without these files, the features are not complete. Run the same command again.")
        return scratch

    return TableFolder(read_object(key), lambda name: read_object(folder + name), fetch)


def _metadata_location(deployment: Deployment) -> str:
    catalog: _Catalog = deployment.session.client("glue", endpoint_url=deployment.endpoint_url, config=CLIENT_CONFIG)
    try:
        answer = catalog.get_table(DatabaseName=deployment.resource(Output.DATABASE), Name=Table.FEATURES)
    except ClientError as error:
        if error.response["Error"]["Code"] == "EntityNotFoundException":
            raise UsageError(f"There is no table {Table.FEATURES} in {deployment.environment!r} yet.") from error
        raise
    return str(answer["Table"]["Parameters"]["metadata_location"])
