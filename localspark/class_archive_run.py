"""The run whose classes `localspark.class_archive` archives: the pipeline on 20 pictures, with a trivial network."""

import sys
import tempfile
from pathlib import Path
from typing import cast

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from localspark.session import local_session_conf
from spark_app.engine.model import ExportedModel, model_id_of, save_model
from spark_app.engine.weights import Weights, find_weights
from spark_app.pipeline import run
from spark_app.progress import PlainReporter
from spark_app.settings import FEATURE_COUNT, RunSettings
from spark_app.storage import Storage


def main(base: str, archive: str) -> None:
    """Run the pipeline in a JVM that writes an archive of its classes, on top of that of Java's own, when it ends."""
    with tempfile.TemporaryDirectory(prefix="fruits-classes-") as scratch:
        images, output = Path(scratch) / "images", Path(scratch) / "output"
        _draw(images)
        settings = RunSettings(images=images.as_uri(), output=output.as_uri(), weights="seeded")
        _save_network(output)
        options = f'"-XX:SharedArchiveFile={base}" "-XX:ArchiveClassesAtExit={archive}"'
        with local_session_conf("local[2]", Path(scratch) / "log") as conf:
            # Classes are archived only if they are verified.
            conf["spark.driver.extraJavaOptions"] += f" {options} -XX:+BytecodeVerificationRemote"
            run(settings, PlainReporter(sys.stdout), conf)


def _draw(folder: Path) -> None:
    """Draw one small picture for each of 20 labels, and write one file that is not an image."""
    for number in range(20):
        path = folder / f"label {number:02}" / "picture.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (100, 100), (number * 12, 0, 0)).save(path)
    (folder / "broken.jpg").write_bytes(b"not an image")


def _save_network(output: Path) -> None:
    """Save a network whose features are the mean colours, where the run looks for the model of its weights."""
    mean = helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2], keepdims=0)
    spread = helper.make_node("MatMul", ["mean", "matrix"], ["features"])
    graph = helper.make_graph(
        [mean, spread],
        "trivial",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [None, 224, 224, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, FEATURE_COUNT])],
        [numpy_helper.from_array(np.eye(3, FEATURE_COUNT, dtype=np.float32), "matrix")],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    weights = cast("Weights", find_weights("seeded"))
    root = Storage(output.as_uri())
    root.create()
    save_model(root, model_id_of(weights), weights, ExportedModel({"model.onnx": network.SerializeToString()}, {}))


if __name__ == "__main__":
    main(*sys.argv[1:])
