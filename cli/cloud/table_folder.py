"""Access to a table of an environment: AWS Glue knows where its current metadata is."""

from pathlib import Path
from typing import Any, Protocol, TextIO
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from cli.cloud.bucket import read
from cli.cloud.download import RemoteFile, download_all
from cli.cloud.environment import CLIENT_CONFIG, Deployment
from cli.cloud.errors import CloudError, explained_errors
from cli.table_files import TableFolder
from contract.environments import Output
from contract.tables import Table
from spark_app.errors import StorageError, UsageError


class _Catalog(Protocol):
    """The part of Glue's client that this module uses."""

    def get_table(self, *, DatabaseName: str, Name: str) -> dict[str, Any]: ...


def table_folder(deployment: Deployment, table: Table, scratch: Path, out: TextIO | None = None) -> TableFolder:
    """Return the access to a table of an environment.

    Parameters
    ----------
    scratch
        Folder for the files that it downloads.
    out
        Where it shows the progress of downloads; `None` for stdout.

    Raises
    ------
    FruitsError
        If the table does not exist, or can't be read.
    """
    location = _metadata_location(deployment, table)
    bucket, key = urlsplit(location).netloc, urlsplit(location).path.lstrip("/")
    folder, found, _ = key.rpartition("metadata/")
    if bucket != deployment.bucket or not found:
        raise CloudError(f"The metadata of the table {table} is in {location}, not in the bucket.")

    @explained_errors()
    def read_object(name: str) -> bytes:
        body = read(deployment, name)
        if body is None:
            raise StorageError(f"s3://{bucket}/{name} is missing. `fruits reprocess` computes the table again.")
        return body

    def fetch(names: list[str]) -> Path:
        tally = download_all(deployment, [RemoteFile(folder + name, name) for name in names], scratch, out)
        if tally.failed:
            raise CloudError(f"Without these files, the {table} are not complete. Run the same command again.")
        return scratch

    return TableFolder(table, read_object(key), lambda name: read_object(folder + name), fetch)


def _metadata_location(deployment: Deployment, table: Table) -> str:
    catalog: _Catalog = deployment.session.client("glue", endpoint_url=deployment.endpoint_url, config=CLIENT_CONFIG)
    try:
        answer = catalog.get_table(DatabaseName=deployment.resource(Output.DATABASE), Name=table)
    except ClientError as error:
        if error.response["Error"]["Code"] == "EntityNotFoundException":
            raise UsageError(f"There is no table {table} in {deployment.environment!r} yet.") from error
        raise
    return str(answer["Table"]["Parameters"]["metadata_location"])
