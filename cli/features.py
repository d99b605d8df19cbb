"""`fruits features`: writes the features of the last complete results to a file."""

import argparse

from cli.last_results import check_not_of_aws, results_of
from cli.subcommands import Subcommands, add_subcommand
from contract.layout import BasisFile, pca_folder
from contract.tables import Table
from spark_app.options import filled, path
from spark_app.place import Place
from spark_app.settings import FEATURE_COUNT, CatalogSettings, as_url
from spark_app.words import counted


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
    place, file = Place(as_url(arguments.output)), arguments.file
    check_not_of_aws(place, "use `fruits results --features`")

    from cli.feature_files import SCHEMA, check_target, write_features
    from cli.table_rows import TableRows

    check_target(file, may_replace=arguments.force)
    with results_of(place, arguments.database) as results:
        summary = results.summary
        rows = TableRows(SCHEMA, results.data_files(Table.FEATURES), summary.snapshots.features)
        write_features(rows, file)
    print(f"{counted(len(rows), 'image')} x {FEATURE_COUNT} features of model {summary.model_id}")
    print(f"  features {file}")
    if summary.pca_version:
        print(f"  basis    {results.place}/{pca_folder(summary.pca_version)}{BasisFile.BASIS}")
    return 0
