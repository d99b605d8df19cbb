"""The network as Daft and Ray Data run it: ONNX Runtime, or LiteRT for a file that ends in `.tflite`."""

import argparse
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Batch = npt.NDArray[Any]

SIDE = 224


def argument_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser of what all programs take; the first line of the description is its text."""
    options = argparse.ArgumentParser(description=description.partition("\n")[0])
    options.add_argument("images")
    options.add_argument("model")
    options.add_argument("output")
    options.add_argument("--batch-size", type=int, default=32)
    return options


def network_of(model: str) -> Callable[[Batch], Batch]:
    """Load a network; return a function of images (n, 224, 224, 3), RGB, uint8 to features (n, 1280).

    One thread computes, because each program runs one network per core.
    """
    compute = _litert(model) if Path(model).suffix == ".tflite" else _onnx(model)
    return lambda images: compute(images.astype(np.float32) / np.float32(127.5) - np.float32(1))


def now(count: int) -> npt.NDArray[np.float64]:
    """Return the present time in seconds, once per image of a batch."""
    return np.full(count, time.time())


def _onnx(model: str) -> Callable[[Batch], Batch]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: np.asarray(session.run(None, {name: images})[0])


def _litert(model: str) -> Callable[[Batch], Batch]:
    from ai_edge_litert.interpreter import Interpreter

    loaded = threading.local()  # Daft calls an instance from several threads, and an interpreter serves one at a time

    def one(image: Batch) -> Batch:
        if not hasattr(loaded, "interpreter"):
            loaded.interpreter = Interpreter(model_path=model, num_threads=1)
            loaded.interpreter.allocate_tensors()
        interpreter = loaded.interpreter
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[np.newaxis])
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])

    return lambda images: np.stack([one(image) for image in images])
