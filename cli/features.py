"""`fruits features`: writes the features of the last complete results on this machine to a file."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cli.subcommands import Subcommands, add_subcommand
from contract.documents import DocumentError
from contract.layout import LATEST, TABLES, BasisFile, ResultFile, pca_folder
from contract.summary import Latest, Summary
from contract.tables import Table
from spark_app.errors import OutputError, UsageError
from spark_app.options import filled, path
from spark_app.place import Place
from spark_app.settings import FEATURE_COUNT, CatalogSettings, as_url
from spark_app.words import counted

if TYPE_CHECKING:
    from cli.feature_table import TableFolder
    from spark_app.storage import Storage


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits features`."""
    parser = add_subcommand(
        subcommands,
        "features",
        "FILE is as it was before.",
    )
    parser.add_argument("--output", type=filled, required=True, metavar="URL", help="output, as for `fruits run`")
    parser.add_argument("--database", default=CatalogSettings.database, help="database of the tables [%(default)s]")
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.add_argument("file", type=path, metavar="FILE", help="file to write: FILE.parquet or FILE.npz")
    parser.set_defaults(command=_features)


def _features(arguments: argparse.Namespace) -> int:
    place = Place(as_url(arguments.output))
    if not place.is_local:
        raise UsageError("This command reads outputs on this machine. For the cloud, use `fruits results --features`.")

    from cli.feature_files import check_target, write_features
    from cli.feature_rows import FeatureRows
    from cli.feature_table import data_files
    from spark_app.storage import Storage

    root, file = Storage(place.url), arguments.file
    check_target(file, may_replace=arguments.force)
    folder = root.local_path / TABLES / CatalogSettings(database=arguments.database).database / Table.FEATURES
    summary = _last_summary(root)
    files = data_files(_local_table(folder), summary.snapshots.features)
    if files is None:
        raise OutputError(
            f"A run that was interrupted has changed the features after the last complete results of {root.display}: "
            "finish it with `fruits run`."
        )
    rows = FeatureRows(files, summary.snapshots.features)
    write_features(rows, file)
    print(f"{counted(len(rows), 'image')} x {FEATURE_COUNT} features of model {summary.model_id}")
    print(f"  features {file}")
    if summary.pca_version:
        print(f"  basis    {root.display}/{pca_folder(summary.pca_version)}{BasisFile.BASIS}")
    return 0


def _last_summary(root: "Storage") -> Summary:
    try:
        latest = Latest.from_json(root.read(LATEST) or b"")
        return Summary.from_json(root.read(latest.results + ResultFile.SUMMARY) or b"")
    except DocumentError as error:
        raise OutputError(f"There are no complete results in {root.display}: `fruits run` makes them.") from error


def _local_table(folder: Path) -> "TableFolder":
    from cli.feature_table import TableFolder, damage_of

    with damage_of(f"the table in {folder}"):
        # The last commit has the highest version. version-hint.text may name an older one after a crash.
        newest = max(folder.glob("metadata/v*.metadata.json"), key=_version, default=folder / "metadata")
        return TableFolder(newest.read_bytes(), lambda name: (folder / name).read_bytes(), lambda _: folder)


def _version(metadata: Path) -> int:
    number = metadata.name.removeprefix("v").removesuffix(".metadata.json")
    return int(number) if number.isdecimal() else 0
