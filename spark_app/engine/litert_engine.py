"""The default engine: the exported network in LiteRT, on one thread."""

import numpy as np

from spark_app.engine.interface import Features, Pixels
from spark_app.engine.preprocessing import normalize_into


class LiteRtEngine:
    """A `FeatureEngine` that uses LiteRT.

    The exported network takes one image at a time: its layers then fit in the caches of a core, and larger batches are
    slower.

    Parameters
    ----------
    payload
        The exported network.
    """

    def __init__(self, payload: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        # A task has one core. More threads would take the cores of other tasks.
        self._interpreter = Interpreter(model_content=payload, num_threads=1)
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()

    def features(self, pixels: Pixels) -> Features:
        """Compute the features of images; see `FeatureEngine.features`."""
        return np.stack([self._features_of(image) for image in pixels])

    def _features_of(self, image: Pixels) -> Features:
        # The views of the interpreter's memory must not live when it computes.
        normalize_into(self._interpreter.tensor(self._input["index"])()[0], image)
        self._interpreter.invoke()
        features: Features = self._interpreter.get_tensor(self._output["index"])[0]
        return features
