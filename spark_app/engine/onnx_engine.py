"""The default engine: the exported network in ONNX Runtime, one thread."""

import numpy as np
import numpy.typing as npt

from spark_app.engine.preprocessing import normalized

Features = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


class OnnxEngine:
    """Computes features with ONNX Runtime.

    Parameters
    ----------
    payload
        The exported network.
    """

    def __init__(self, payload: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One task has one core: threads of its own would only take other tasks' cores.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def features(self, pixels: Pixels) -> Features:
        """Compute the features of images.

        Parameters
        ----------
        pixels
            Shape (n, 224, 224, 3), uint8, RGB.

        Returns
        -------
        ndarray
            Shape (n, 1280), float32.
        """
        (features,) = self._session.run(None, {self._input: normalized(pixels)})
        return np.asarray(features, np.float32)
