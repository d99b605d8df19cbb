"""Export of the network from Keras to LiteRT, in a separate process, whose end frees the memory of TensorFlow."""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import numpy as np

from spark_app.engine.litert_engine import LiteRtEngine
from spark_app.engine.model import FILES, ExportedModel
from spark_app.engine.network import INPUT_SHAPE, Network, build_network
from spark_app.engine.preprocessing import normalized
from spark_app.engine.weights import Weights
from spark_app.errors import FruitsError
from spark_app.npz import to_npz
from spark_app.scratch import session_folder
from spark_app.settings import Engine

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

TOLERANCE = 1e-3
"""Maximum absolute difference of a feature between the export and the reference."""

_Result = TypeVar("_Result")


class ProcessEndedError(FruitsError):
    """A process that imports TensorFlow was killed."""


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
    exported = _to_litert(network)
    _check(network, exported)
    return ExportedModel(
        files={FILES[Engine.LITERT]: exported, FILES[Engine.TENSORFLOW]: to_npz(*network.get_weights())},
        versions={name: version(name) for name in ("keras", "ai-edge-litert", "numpy")},
    )


class OwnProcess(Generic[_Result]):
    """A call of a function that imports TensorFlow, in a new process that ends with the call, and with this process.

    Parameters
    ----------
    function, arguments
        Function that can be imported by its name, and picklable arguments.
    log
        File for the messages of TensorFlow; `None` to discard them.
    scratch
        Folder for the temporary files of TensorFlow, which a killed process leaves; `None` for that of this process.
    """

    def __init__(
        self,
        function: Callable[..., _Result],
        *arguments: object,
        log: Path | None = None,
        scratch: Path | None = None,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._answers, answer = context.Pipe(duplex=False)
        self._process = context.Process(target=_answer, args=(answer, log, scratch, function, *arguments))
        self._process.start()
        answer.close()  # only the process has it now, so that its end is noticed

    def result(self) -> _Result:
        """Wait for the result of the function.

        Raises
        ------
        ProcessEndedError
            If the process ends before that.
        Exception
            If the function raises it.
        """
        try:
            result, error = self._answers.recv()
        except EOFError:
            raise ProcessEndedError(
                "The process that loads TensorFlow was killed, perhaps because it needs 2 GB of memory: close other "
                "programs, and run again."
            ) from None
        if error is not None:
            raise error
        return cast("_Result", result)

    def end(self) -> None:
        """Kill the process if it has not ended."""
        self._process.kill()
        self._process.join()
        self._answers.close()


def in_own_process(function: Callable[..., _Result], *arguments: object, log: Path | None = None) -> _Result:
    """Call a function in an `OwnProcess`.

    Raises
    ------
    Exception
        If the function raises it, or if the process is killed.
    """
    with started_process(function, *arguments, log=log) as process:
        return process.result()


@contextmanager
def started_process(
    function: Callable[..., _Result], *arguments: object, log: Path | None = None
) -> Iterator[OwnProcess[_Result]]:
    """Start an `OwnProcess`, and kill it after the body if it has not ended."""
    with session_folder() as scratch:
        process = OwnProcess(function, *arguments, log=log, scratch=scratch)
        try:
            yield process
        finally:
            process.end()


def _answer(
    answer: "Connection", log: Path | None, scratch: Path | None, function: Callable[..., object], *arguments: object
) -> None:
    """Call a function, and send its result or its error."""
    if scratch:
        os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all processes; the parent ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _quiet(log)
    try:
        result, error = function(*arguments), None
    except Exception as raised:  # noqa: BLE001 -- the parent raises it
        result, error = None, raised
    answer.send((result, error))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _quiet(log: Path | None) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(target, 1)
    os.dup2(target, 2)


def _to_litert(network: Network) -> bytes:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    signature = tf.TensorSpec((1, *INPUT_SHAPE), tf.float32, name="images")
    function = tf.function(lambda images: network(images, training=False)).get_concrete_function(signature)
    frozen = convert_variables_to_constants_v2(function)  # the converter would leave out variables
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert())


def _check(network: Network, exported: bytes) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, *INPUT_SHAPE), dtype=np.uint8)
    expected = network(normalized(pixels), training=False).numpy()
    difference = float(np.abs(LiteRtEngine(exported).features(pixels) - expected).max())
    if not difference <= TOLERANCE:
        raise RuntimeError(f"the exported network differs from Keras' by {difference:g} (allowed: {TOLERANCE:g})")
