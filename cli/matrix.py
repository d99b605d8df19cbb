"""`fruits matrix`: writes the matrix of the last complete results in the formats of other programs."""

import argparse
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from cli.last_results import add_results_arguments, last_results
from cli.subcommands import Subcommands, add_subcommand
from spark_app.errors import UsageError
from spark_app.options import OneOf, in_words, path
from spark_app.words import counted

if TYPE_CHECKING:
    from cli.matrix_rows import MatrixRows


class Format(StrEnum):
    """Values of the option ``--format``."""

    CSV = "csv"
    PARQUET = "parquet"
    NPZ = "npz"
    PROJECTOR = "projector"
    """A folder for TensorBoard."""
    ATLAS = "atlas"
    """A Parquet file for Embedding Atlas."""


PROJECTOR_FILES = ("tensors.bytes", "metadata.tsv", "sprite.png", "projector_config.pbtxt")
"""Names of the files in a folder for TensorBoard."""

BY_ENDING = {".csv": Format.CSV, ".parquet": Format.PARQUET, ".npz": Format.NPZ}
"""Ending of a file, in lower case → what it contains unless ``--format`` says otherwise."""

ENDINGS = {kind: ending for ending, kind in BY_ENDING.items()} | {Format.ATLAS: ".parquet"}
"""Format of a file → ending of its name."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits matrix`."""
    parser = add_subcommand(subcommands, "matrix", "FILE is as it was before.")
    add_results_arguments(parser)
    parser.add_argument(
        "--format",
        type=OneOf(Format),
        metavar="FORMAT",
        help=f"{in_words(list(Format))} [by the ending of FILE: {in_words(list(BY_ENDING))}]",
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.add_argument(
        "file", type=path, metavar="FILE", help="file to write; with --format projector, a folder for TensorBoard"
    )
    parser.set_defaults(command=_matrix)


def _matrix(arguments: argparse.Namespace) -> int:
    kind, file = _format(arguments.format, arguments.file), arguments.file
    _check_target(kind, file, may_replace=arguments.force)
    with last_results(arguments) as results:
        from cli.matrix_rows import MatrixRows

        matrix = MatrixRows(results)
        notes = _write(matrix, kind, file)
        basis = f" of basis {results.summary.pca_version}" if results.summary.pca_version else ""
        print(f"{counted(results.summary.counts.images, 'image')} x {counted(matrix.k, 'component')}{basis}")
    print(f"  matrix   {file}")
    for note in notes:
        print(note)
    return 0


def _format(asked: Format | None, file: Path) -> Format:
    ending = file.suffix.lower()
    kind = asked or BY_ENDING.get(ending)
    if kind is None:
        raise UsageError(f"The name of the file must end in {in_words(list(BY_ENDING))}, or --format says what it is.")
    if ending != ENDINGS.get(kind, ending):
        raise UsageError(f"With --format {kind}, the name of the file must end in {ENDINGS[kind]}, not {file.name!r}.")
    return kind


def _check_target(kind: Format, file: Path, *, may_replace: bool) -> None:
    from cli.written_files import check_new_file, check_new_folder

    if kind is Format.PROJECTOR:
        check_new_folder(file, PROJECTOR_FILES, may_replace=may_replace)
    else:
        check_new_file(file, may_replace=may_replace)


def _write(matrix: "MatrixRows", kind: Format, file: Path) -> list[str]:
    """Write the matrix, and return what the user should know in addition."""
    from cli.written_files import complete, complete_folder

    if kind is Format.PROJECTOR:
        from cli.projector import MOST_PICTURES, write_projector

        _check_components(matrix)
        with complete_folder(file) as folder:
            has_sprite = write_projector(matrix, folder)
        reason = NO_PICTURES if len(matrix) <= MOST_PICTURES else TOO_MANY.format(MOST_PICTURES)
        return [f"  open     tensorboard --logdir {file}", *([] if has_sprite else [reason])]
    from cli.matrix_files import WRITERS

    with complete(file) as partial:
        WRITERS[kind](matrix, partial)
    return [f"  open     embedding-atlas {file} --x x --y y --image image"] if kind is Format.ATLAS else []


NO_PICTURES = "The table of features has no thumbnails, so there are no pictures."
TOO_MANY = "There are no pictures, because a sprite has room for {:,} images at most."


def _check_components(matrix: "MatrixRows") -> None:
    if matrix.k == 0:
        raise UsageError("The matrix has no components, which the projector needs: it shows no image alone.")
