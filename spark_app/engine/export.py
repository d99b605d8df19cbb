"""Export of the network from Keras to ONNX, in a separate process, whose end frees the memory of TensorFlow."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import numpy as np

from spark_app.engine.model import FILES, ExportedModel
from spark_app.engine.network import INPUT_SHAPE, Network, build_network
from spark_app.engine.onnx_engine import OnnxEngine
from spark_app.engine.preprocessing import normalized
from spark_app.engine.weights import Weights
from spark_app.npz import to_npz
from spark_app.settings import Engine

OPSET = 17
TOLERANCE = 1e-3
"""Maximum absolute difference of a feature between the export and the reference."""

_Result = TypeVar("_Result")


def export_model(weights: Weights) -> ExportedModel:
    """Build the network, and convert it to the files that the workers execute.

    Raises
    ------
    WeightsError
        If the weights do not fit the network.
    RuntimeError
        If the exported network does not compute the features of the reference.
    """
    network = build_network(weights)
    onnx = _to_onnx(network)
    _check(network, onnx)
    return ExportedModel(
        files={FILES[Engine.ONNX]: onnx, FILES[Engine.TENSORFLOW]: to_npz(*network.get_weights())},
        versions={name: version(name) for name in ("keras", "tf2onnx", "onnx", "onnxruntime", "numpy")},
    )


def in_own_process(function: Callable[..., _Result], *arguments: object, log: Path | None = None) -> _Result:
    """Call a function that imports TensorFlow in a new process, which ends with the call.

    Parameters
    ----------
    function, arguments
        Function that can be imported by its name, and picklable arguments.
    log
        File for the messages of TensorFlow; `None` to discard them.

    Raises
    ------
    Exception
        If the function raises it.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_quiet, initargs=(log,)) as pool:
        return pool.submit(function, *arguments).result()


def _quiet(log: Path | None) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)


def _to_onnx(network: Network) -> bytes:
    import tensorflow as tf
    import tf2onnx

    signature = (tf.TensorSpec((None, *INPUT_SHAPE), tf.float32, name="images"),)
    function = tf.function(lambda images: network(images, training=False), input_signature=signature)
    model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    return bytes(model.SerializeToString())


def _check(network: Network, onnx: bytes) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, *INPUT_SHAPE), dtype=np.uint8)
    expected = network(normalized(pixels), training=False).numpy()
    difference = float(np.abs(OnnxEngine(onnx).features(pixels) - expected).max())
    if not difference <= TOLERANCE:
        raise RuntimeError(f"the exported network differs from Keras' by {difference:g} (allowed: {TOLERANCE:g})")
