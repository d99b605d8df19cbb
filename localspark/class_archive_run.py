"""The run whose classes `localspark.class_archive` archives: the pipeline on 20 pictures, with a trivial network."""

import sys
import tempfile
from pathlib import Path
from typing import cast

from PIL import Image

from localspark.session import local_session_conf
from spark_app.engine.export import in_own_process
from spark_app.engine.model import FILES, ExportedModel, model_id_of, save_model
from spark_app.engine.network import INPUT_SHAPE
from spark_app.engine.weights import Weights, find_weights
from spark_app.pipeline import run
from spark_app.progress import PlainReporter
from spark_app.settings import FEATURE_COUNT, Engine, RunSettings
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
    weights = cast("Weights", find_weights("seeded"))
    root = Storage(output.as_uri())
    root.create()
    network = in_own_process(_trivial_network)
    save_model(root, model_id_of(weights), weights, ExportedModel({FILES[Engine.LITERT]: network}, {}))


def _trivial_network() -> bytes:
    import tensorflow as tf

    matrix = tf.eye(3, FEATURE_COUNT)
    signature = tf.TensorSpec((1, *INPUT_SHAPE), tf.float32)
    function = tf.function(lambda images: tf.reduce_mean(images, (1, 2)) @ matrix).get_concrete_function(signature)
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())


if __name__ == "__main__":
    main(*sys.argv[1:])
