"""`fruits export`: a network in the form that runs execute, for machines without TensorFlow."""

import argparse
from pathlib import Path

from spark_app.engine.export import export_model, in_own_process
from spark_app.engine.model import model_id_of, write_model
from spark_app.engine.provision import resolve_weights
from spark_app.errors import UsageError
from spark_app.storage import Storage


def add_command(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `fruits export`."""
    parser = subcommands.add_parser("export", help="export the network once, for runs with `--weights FOLDER`")
    parser.add_argument(
        "--weights", default="imagenet", help="imagenet, seeded (untrained), or an .h5 or .keras file [%(default)s]"
    )
    parser.add_argument("folder", type=Path, help="where to write model.json, model.onnx and weights.npz")
    parser.set_defaults(command=_export)


def _export(arguments: argparse.Namespace) -> int:
    target = Storage(arguments.folder.expanduser().resolve().as_uri())
    target.check_writable()
    weights = resolve_weights(arguments.weights)
    if weights.exported:
        raise UsageError(f"The model in {weights.exported} is exported already.")
    exported = in_own_process(export_model, weights)
    target.create()
    write_model(target, "", weights, exported)
    print(f"model {model_id_of(weights)} in {target.display}")
    return 0
