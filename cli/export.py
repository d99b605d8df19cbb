"""`fruits export`: writes a network in the form that runs execute, for machines without TensorFlow."""

import argparse

from cli.subcommands import Subcommands, add_subcommand
from spark_app.engine.weights import WEIGHTS_ENDINGS, WeightsKind
from spark_app.options import path


def add_command(subcommands: Subcommands) -> None:
    """Add `fruits export`."""
    parser = add_subcommand(
        subcommands,
        "export",
        "The export is not complete; run the same command again.",
    )
    parser.add_argument(
        "--weights",
        type=_weights,
        default="imagenet",
        help="imagenet, seeded (untrained), or an .h5 or .keras file [%(default)s]",
    )
    parser.add_argument(
        "folder", type=path, metavar="FOLDER", help="folder for model.json, model.tflite and weights.npz"
    )
    parser.set_defaults(command=_export)


def _weights(text: str) -> str:
    """Read what can be exported. `export_weights` refuses a folder, which a run takes for an exported model."""
    source = path(text)
    if text in {WeightsKind.IMAGENET, WeightsKind.SEEDED} or source.suffix in WEIGHTS_ENDINGS or source.is_dir():
        return text
    raise argparse.ArgumentTypeError(f"must be imagenet, seeded, or an .h5 or .keras file, not {text!r}")


def _export(arguments: argparse.Namespace) -> int:
    from spark_app.engine.model import model_id_of
    from spark_app.engine.provision import export_weights

    weights = export_weights(arguments.weights, arguments.folder)
    print(f"model {model_id_of(weights)} in {arguments.folder.expanduser().resolve()}")
    return 0
