"""`fruits similar`: lists the images of the corpus that resemble an image most."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.as_json import add_json_argument, print_json
from cli.last_results import LastResults, add_results_arguments, last_results
from cli.subcommands import Subcommands, add_subcommand
from contract.tables import Table
from spark_app.errors import UsageError
from spark_app.options import count, filled, path
from spark_app.words import counted

if TYPE_CHECKING:
    from cli.compared_image import ComparedImage
    from cli.nearest import Measure, Neighbour

COMPONENTS, FEATURES = "components", "features"
"""Values of `cli.nearest.Measure`, which needs NumPy."""


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits similar`."""
    parser = add_subcommand(subcommands, "similar")
    add_results_arguments(parser)
    parser.add_argument("-n", "--count", type=count, default=10, metavar="N", help="number of images [%(default)s]")
    parser.add_argument(
        "--by",
        choices=(COMPONENTS, FEATURES),
        default=COMPONENTS,
        help="Euclidean distance along the components, or cosine distance of the features [%(default)s]",
    )
    add_json_argument(parser)
    parser.add_argument("--html", type=path, metavar="FILE", help="write a page with the pictures of the images, too")
    parser.add_argument("--force", action="store_true", help="replace the file of --html if it exists")
    parser.add_argument(
        "image", type=filled, metavar="IMAGE", help="key of an image of the corpus, or a file on this machine"
    )
    parser.set_defaults(command=_similar)


def _similar(arguments: argparse.Namespace) -> int:
    if arguments.force and arguments.html is None:
        raise UsageError("--force is for the file of --html: leave it out, or add --html FILE.")
    if arguments.html is not None:
        from cli.written_files import check_new_file

        check_new_file(arguments.html, may_replace=arguments.force)
    with last_results(arguments) as results:
        _compare(arguments, results)
    return 0


def _compare(arguments: argparse.Namespace, results: LastResults) -> None:
    from cli.compared_image import find_image
    from cli.nearest import Measure, Search
    from cli.table_rows import blocks

    measure = Measure(arguments.by)
    _check(results, measure)
    files = results.data_files(Table(measure))
    image = find_image(arguments.image, results, measure, files)
    search = Search(measure, image.vector, arguments.count, image.key)
    neighbours = search.among(blocks(files, measure.schema))
    heading = _heading(results, image, measure)
    if arguments.html is not None:
        _write_sheet(arguments.html, results, image, neighbours, heading)
    if arguments.json:
        print_json(_document(results, image, measure, neighbours))
        return
    print(_kind(image))
    print(f"{heading}:")
    print("\n".join(_table(neighbours)))
    if arguments.html is not None:
        print(f"  sheet    {arguments.html}")


def _check(results: LastResults, measure: "Measure") -> None:
    """Check that the results have vectors to compare."""
    summary = results.summary
    if not summary.counts.images:
        raise UsageError(f"The last complete results of {results.place} contain no image to compare with.")
    if measure == COMPONENTS and not (summary.pca and summary.pca.components):
        raise UsageError(f"The images of {results.place} have no components: add --by {FEATURES}.")


def _kind(image: "ComparedImage") -> str:
    """Say which of the two the image is."""
    from cli.cloud.words import printable
    from cli.compared_image import file_named

    if image.key is None:
        return f"{printable(image.name)} is a file on this machine, which the model of the results has embedded."
    also = " A file on this machine has this name, too: write ./ before it to compare the file."
    return f"{printable(image.name)} is an image of the corpus.{also if file_named(image.name) else ''}"


def _heading(results: LastResults, image: "ComparedImage", measure: "Measure") -> str:
    images = results.summary.counts.images - (image.key is not None)
    by = (
        f"Euclidean distance along {counted(len(image.vector), 'component')}"
        if measure == COMPONENTS
        else f"cosine distance of {counted(len(image.vector), 'feature')}"
    )
    return f"The nearest of {counted(images, 'other image' if image.key else 'image')}, by {by}"


def _table(neighbours: "list[Neighbour]") -> list[str]:
    from cli.cloud.words import NOTHING, fitted_table, printable, terminal_width

    rows = (
        (str(rank), f"{found.distance:.4f}", printable(found.label or NOTHING), printable(found.key))
        for rank, found in enumerate(neighbours, 1)
    )
    header = ("rank", "distance", "label", "key")
    return fitted_table([header, *rows], frozenset({0, 1}), ("rank", "label", "distance"), terminal_width())


def _document(
    results: LastResults, image: "ComparedImage", measure: "Measure", neighbours: "list[Neighbour]"
) -> dict[str, Any]:
    summary = results.summary
    return {
        "image": {"key": image.key, "file": None if image.key else image.name, "label": image.label},
        "by": str(measure),
        "dimensions": len(image.vector),
        "run": summary.run_id,
        "model_id": summary.model_id,
        "pca_version": summary.pca_version,
        "nearest": [
            {"rank": rank, "distance": found.distance, "label": found.label, "key": found.key}
            for rank, found in enumerate(neighbours, 1)
        ],
    }


def _write_sheet(
    file: Path, results: LastResults, image: "ComparedImage", neighbours: "list[Neighbour]", heading: str
) -> None:
    from cli.contact_sheet import render_sheet
    from cli.thumbnails import thumbnails_of
    from cli.written_files import complete
    from spark_app.engine.thumbnail import thumbnail

    keys = [found.key for found in neighbours]
    pictures = thumbnails_of(results.data_files(Table.FEATURES), [*keys, image.key] if image.key else keys)
    picture = pictures.get(image.name) if image.pixels is None else thumbnail(image.pixels)
    kind = "Image of the corpus" if image.key else "File on this machine"
    with complete(file) as partial:
        partial.write_text(render_sheet(image, picture, neighbours, pictures, kind, heading), encoding="utf-8")
