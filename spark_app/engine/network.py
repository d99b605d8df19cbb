"""The reference network: MobileNetV2 of Keras. Its functions import TensorFlow when they are called."""

import math
import os
import zipfile
from typing import Any

import numpy as np
import numpy.typing as npt

from spark_app.engine.strips import SIZE
from spark_app.engine.weights import SEED, Weights, WeightsKind, imagenet_cache
from spark_app.errors import WeightsError, WeightsUnavailableError
from spark_app.scratch import scratch_folder

Variable = Any
"""A Keras variable, which has no types."""

Network = Any
"""A Keras model, which has no types. It maps images of shape (n, 224, 224, 3), float32 in [-1, 1], to features of
shape (n, 1280), float32."""

INPUT_SHAPE = (SIZE, SIZE, 3)


def build_network(weights: Weights) -> Network:
    """Build the network with its weights.

    Raises
    ------
    WeightsError
        If the weights do not fit the network.
    """
    if weights.kind is WeightsKind.SEEDED:
        network = build_bare_network()
        network.set_weights(_seeded_weights(network))
        return network
    path = str(weights.path)
    try:
        if path.endswith(".keras"):
            _check_archive(path)
        return _keras_mobilenet(path)
    except ValueError as error:  # Keras compares the layers and their shapes
        raise WeightsError(f"The weights in {path} are not those of MobileNetV2 (1.0, 224, without top).") from error
    except Exception as error:  # of h5py and zipfile, whatever is damaged
        raise WeightsError(f"{path} is incomplete or damaged: get another copy of the weights.") from error


def _check_archive(path: str) -> None:
    """Compare the checksums of a ``.keras`` file, which Keras does not: a wrong bit would change the features."""
    with zipfile.ZipFile(path) as archive:
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(f"bad checksum of {damaged}")


def build_bare_network() -> Network:
    """Build the network without meaningful weights. The caller sets them."""
    return _keras_mobilenet(None)


def download_imagenet_weights() -> None:
    """Download the published weights into the cache of Keras. The process that calls this must not use Keras otherwise.

    The file appears in the cache when it is complete: Keras would take half a file for the weights.

    Raises
    ------
    WeightsUnavailableError
        If the download fails.
    """
    cached = imagenet_cache()
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(cached.parent, ".fruits-download-") as scratch:
            os.environ["KERAS_HOME"] = str(scratch)
            _keras_mobilenet("imagenet")
            (scratch / "models" / cached.name).replace(cached)
    except Exception as error:  # Keras raises a bare Exception for any failure
        detail = " ".join(str(error).split())[:200]
        raise WeightsUnavailableError(
            f"The ImageNet weights can't be downloaded ({detail}). "
            "Use a file with --weights FILE, or try the pipeline with --weights seeded."
        ) from error


def _keras_mobilenet(weights: str | None) -> Network:
    import keras

    return keras.applications.MobileNetV2(include_top=False, weights=weights, pooling="avg", input_shape=INPUT_SHAPE)


def _seeded_weights(network: Network) -> list[npt.NDArray[np.float32]]:
    """Draw weights that keep the variance of the signal from layer to layer (He et al. 2015).

    NumPy's PCG64 draws the same numbers on every machine and in every version. Keras' initialisers do not promise that.
    """
    generator = np.random.Generator(np.random.PCG64(SEED))
    return [_draw(generator, variable) for variable in network.weights]


def _draw(generator: np.random.Generator, variable: Variable) -> npt.NDArray[np.float32]:
    shape = tuple(variable.shape)
    if variable.name in {"gamma", "moving_variance"}:
        return np.ones(shape, np.float32)
    if variable.name in {"beta", "moving_mean"}:
        return np.zeros(shape, np.float32)
    is_depthwise = "depthwise" in variable.path
    fan_in = math.prod(shape[:2]) if is_depthwise else math.prod(shape[:3])
    return generator.normal(0.0, math.sqrt(2.0 / fan_in), shape).astype(np.float32)
