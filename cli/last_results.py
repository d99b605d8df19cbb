"""The last complete results of an output, for commands that read its files and tables without Spark."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cli.cloud.environment import NameOfVariable, add_environment_arguments
from contract.documents import DocumentError
from contract.layout import LATEST, TABLES, BasisFile, ResultFile, pca_folder
from contract.summary import Latest, Summary
from contract.tables import Table
from spark_app.errors import OutputError, StorageError, UsageError
from spark_app.options import filled
from spark_app.place import Place
from spark_app.settings import CatalogSettings, as_url

if TYPE_CHECKING:
    from cli.table_files import DataFile, TableFolder
    from spark_app.numerics.pca import Basis
    from spark_app.storage import Storage

METADATA = ".metadata.json"
"""End of the names of the files of metadata."""


@dataclass(frozen=True)
class LastResults:
    """The last complete results, wherever the output is."""

    summary: Summary
    place: str
    """The output, as messages name it."""
    remedy: str
    """What to do if the tables no longer have the rows of these results: the end of a sentence."""
    with_files: Callable[[Sequence[str]], "Storage"]
    """Returns a root on this machine that contains the named files of the output, as far as they exist."""
    table_folder: Callable[[Table], "TableFolder"]
    """Returns the access to the folder of a table."""

    def data_files(self, table: Table) -> "list[DataFile]":
        """Return the files of the rows of a table that belong to these results.

        Raises
        ------
        OutputError
            If the table no longer has these rows.
        StorageError
            If the table is damaged.
        """
        from cli.table_files import data_files

        content = getattr(self.summary.snapshots, table)
        # A table without rows may not exist.
        files = [] if content is None else data_files(self.table_folder(table), content)
        if files is None:
            raise OutputError(
                f"A run that was interrupted has changed the {table} after the last complete results of {self.place}: "
                f"{self.remedy}."
            )
        return files

    def basis(self) -> "Basis | None":
        """Return the basis of the matrix; `None` if it has none.

        Raises
        ------
        StorageError
            If the file of the basis is missing or damaged.
        """
        from spark_app.basis_file import load_basis

        version = self.summary.pca_version
        if version is None:
            return None
        file = pca_folder(version) + BasisFile.BASIS
        try:
            return load_basis(self.with_files([file]), version)
        except (FileNotFoundError, ValueError) as error:
            raise StorageError(f"{file} in {self.place} is missing or damaged: the next run makes it again.") from error


def add_results_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say whose results a command reads: those on this machine, or those of an environment."""
    parser.add_argument("--output", type=filled, metavar="URL", help="output, as for `fruits run`")
    parser.add_argument("--database", help=f"database of its tables [{CatalogSettings.database}]")
    add_environment_arguments(parser, is_optional=True)


@contextmanager
def last_results(arguments: argparse.Namespace) -> Iterator[LastResults]:
    """Open the results that the options of `add_results_arguments` name.

    Raises
    ------
    UsageError
        If the options name no output or two, or if there are no complete results.
    """
    if (place := output_here(arguments)) is not None:
        with results_of(place, arguments.database or CatalogSettings.database) as results:
            yield results
        return
    if arguments.database is not None:
        raise UsageError("--database is for --output: an environment has one database, so leave it out.")
    from cli.cloud.last_results import cloud_results

    with cloud_results(arguments.env, arguments.endpoint_url) as results:
        yield results


def output_here(arguments: argparse.Namespace) -> Place | None:
    """Return the output that ``--output`` names; `None` if ``--env`` names an environment instead.

    Raises
    ------
    UsageError
        If the options name no output or two, or if one of them is for an environment only.
    """
    if arguments.output is None:
        if arguments.env is None:
            raise UsageError("Name an output on this machine with --output, or an environment with --env.")
        return None
    if arguments.env is not None and not isinstance(arguments.env, NameOfVariable):
        raise UsageError("--output is for this machine, and --env for the cloud: leave one of them out.")
    if arguments.endpoint_url is not None:
        raise UsageError("--endpoint-url is for an environment, and --output for this machine: leave one of them out.")
    place = Place(as_url(arguments.output))
    check_not_of_aws(place, "use --env")
    return place


def check_not_of_aws(place: Place, in_the_cloud: str) -> None:
    """Check that an output is not in S3, where the commands of an environment read it.

    Parameters
    ----------
    in_the_cloud
        What to do for an output in S3: the end of a sentence.

    Raises
    ------
    UsageError
        If it is.
    """
    if place.is_bucket_of_aws:
        raise UsageError(f"This command does not read outputs in S3. For the cloud, {in_the_cloud}.")


@contextmanager
def results_of(place: Place, database: str) -> Iterator[LastResults]:
    """Open the last complete results of an output in a folder, or in a store outside of AWS.

    Raises
    ------
    OutputError
        If there are no complete results.
    """
    tables = CatalogSettings(database=database).database

    from spark_app.storage import Storage

    root = Storage(place.url)
    with TemporaryDirectory(prefix="fruits-tables-") as scratch:
        yield LastResults(
            summary=_last_summary(root),
            place=root.display,
            remedy="finish it with `fruits run`",
            with_files=lambda _: root,
            table_folder=lambda table: _table_folder(root, f"{TABLES}{tables}/{table}/", table, Path(scratch)),
        )


def _last_summary(root: "Storage") -> Summary:
    try:
        latest = Latest.from_json(root.read(LATEST) or b"")
        return Summary.from_json(root.read(latest.results + ResultFile.SUMMARY) or b"")
    except DocumentError as error:
        raise OutputError(f"There are no complete results in {root.display}: `fruits run` makes them.") from error


def _table_folder(root: "Storage", folder: str, table: Table, scratch: Path) -> "TableFolder":
    return _local_folder(root.local_path / folder, table) if root.is_local else _copied(root, folder, table, scratch)


def _local_folder(folder: Path, table: Table) -> "TableFolder":
    from cli.table_files import TableFolder, damage_of

    with damage_of(f"the table in {folder}"):
        # The last commit has the highest version. version-hint.text may name an older one after a crash.
        newest = max(folder.glob(f"metadata/v*{METADATA}"), key=_version, default=folder / "metadata")
        return TableFolder(table, newest.read_bytes(), lambda name: (folder / name).read_bytes(), lambda _: folder)


def _copied(root: "Storage", folder: str, table: Table, scratch: Path) -> "TableFolder":
    """Return the access to a table in a bucket, whose files are copied to this machine."""
    from cli.table_files import TableFolder

    def read(name: str) -> bytes:
        body = root.read(folder + name)
        if body is None:
            raise StorageError(f"{root.display}/{folder}{name} is missing: --mode reprocess computes the table again.")
        return body

    def fetch(names: list[str]) -> Path:
        for name in names:
            copy = scratch / table / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(read(name))
        return scratch / table

    listed = (key for batch in root.list_objects(f"{folder}metadata") for key in batch["key"].to_pylist())
    names = (key.removeprefix(folder) for key in listed if key.endswith(METADATA))
    newest = max(names, key=lambda name: _version(Path(name)), default="metadata")
    return TableFolder(table, read(newest), read, fetch)


def _version(metadata: Path) -> int:
    number = metadata.name.removeprefix("v").removesuffix(METADATA)
    return int(number) if number.isdecimal() else 0
