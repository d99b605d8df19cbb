"""The command that runs the pipeline: what spark-submit starts in the cloud, and `fruits run` on a laptop."""

import argparse
import sys
from collections.abc import Sequence

from contract.runs import Mode
from spark_app.errors import FruitsError
from spark_app.pipeline import maintain, run
from spark_app.progress import PlainReporter
from spark_app.settings import Catalog, Engine, Limits, RunSettings, as_url


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run to a parser."""
    add = parser.add_argument
    add("--images", default="", metavar="URL", help="folder or bucket of images: <label>/.../<file>")
    add("--output", required=True, metavar="URL", help="folder or bucket for tables and results")
    add_tuning_arguments(parser)


def add_tuning_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that have defaults."""
    add = parser.add_argument
    add(
        "--weights",
        default="imagenet",
        help="imagenet, seeded (untrained), an .h5 or .keras file, or the folder of an exported model [%(default)s]",
    )
    add("--engine", type=Engine, choices=list(Engine), default=Engine.ONNX, help="what runs the network [%(default)s]")
    add("--components", type=_components, default=0.95, metavar="N", help="a count, or a share of the variance [0.95]")
    add("--standardize", action="store_true", help="divide each feature by its standard deviation before the PCA")
    add(
        "--refit-threshold",
        type=float,
        default=0.99,
        metavar="R",
        help="least share of the best possible variance at which the basis is kept [%(default)s]",
    )
    add("--retention-days", type=float, default=7, metavar="D", help="what maintain spares [%(default)s]")
    add("--mode", type=Mode, choices=list(Mode), default=Mode.RECONCILE, help="which images to work on [%(default)s]")
    add("--batch-size", type=int, default=8, metavar="N", help="images per call of the network [%(default)s]")
    add("--chunk-size", type=int, default=50_000, metavar="N", help="images between two commits [%(default)s]")
    add(
        "--max-reject-rate", type=float, default=0.5, metavar="R", help="refused share that fails the run [%(default)s]"
    )
    add("--max-megapixels", type=float, default=100, metavar="M", help="larger images are refused [%(default)s]")
    add("--max-megabytes", type=float, default=100, metavar="M", help="larger files are refused [%(default)s]")
    add("--catalog", default="hadoop", help="catalog of the tables: hadoop (a folder) or glue [%(default)s]")
    add("--run-id", help="name of the run, such as 20261120T121530Z-3fa94c [one of its own]")
    add("--database", default="fruits", help="database of the tables [%(default)s]")


def _components(text: str) -> float:
    return float(text) if "." in text else int(text)


def settings_from(arguments: argparse.Namespace) -> RunSettings:
    """Read the settings from parsed options.

    Raises
    ------
    SettingsError
        If one is out of its range.
    """
    return RunSettings(
        images=as_url(arguments.images) if arguments.images else "",
        output=as_url(arguments.output),
        mode=arguments.mode,
        weights=arguments.weights,
        engine=arguments.engine,
        components=arguments.components,
        standardize=arguments.standardize,
        refit_threshold=arguments.refit_threshold,
        retention_days=arguments.retention_days,
        batch_size=arguments.batch_size,
        chunk_size=arguments.chunk_size,
        max_reject_rate=arguments.max_reject_rate,
        limits=Limits(megapixels=arguments.max_megapixels, megabytes=arguments.max_megabytes),
        run_id=arguments.run_id,
        catalog=Catalog(kind=arguments.catalog, database=arguments.database),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the pipeline under spark-submit.

    Returns
    -------
    int
        Exit code: 0 done, 1 failed, 2 given something it can't work with.
    """
    parser = argparse.ArgumentParser(prog="fruits-pipeline", description=__doc__)
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    try:
        settings = settings_from(arguments)
        (maintain if settings.mode is Mode.MAINTAIN else run)(settings, PlainReporter(sys.stdout), {})
    except FruitsError as error:
        print(f"fruits: {error}", file=sys.stderr)  # noqa: T201 -- this is a command
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
