"""The default engine: the exported network in ONNX Runtime, on one thread."""

import numpy as np

from spark_app.engine.interface import Features, Pixels
from spark_app.engine.preprocessing import normalized


class OnnxEngine:
    """A `FeatureEngine` that uses ONNX Runtime.

    Parameters
    ----------
    payload
        The exported network.
    """

    def __init__(self, payload: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # A task has one core. More threads would take the cores of other tasks.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def features(self, pixels: Pixels) -> Features:
        """Compute the features of images; see `FeatureEngine.features`."""
        (features,) = self._session.run(None, {self._input: normalized(pixels)})
        return np.asarray(features, np.float32)
