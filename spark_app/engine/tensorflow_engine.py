"""The other engine: Keras' network with the broadcast weights, frozen into a TensorFlow graph, one thread."""

import io

import numpy as np

from spark_app.engine.network import INPUT_SHAPE, build_bare_network
from spark_app.engine.onnx_engine import Features, Pixels
from spark_app.engine.preprocessing import normalized


class TensorFlowEngine:
    """Computes features with TensorFlow.

    Parameters
    ----------
    payload
        The weights: an ``.npz`` of the arrays in the network's order.
    """

    def __init__(self, payload: bytes) -> None:
        import tensorflow as tf
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        # One task has one core: threads of its own would only take other tasks' cores.
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        network = build_bare_network()
        with np.load(io.BytesIO(payload)) as arrays:
            network.set_weights([arrays[name] for name in arrays.files])
        signature = tf.TensorSpec((None, *INPUT_SHAPE), tf.float32)
        function = tf.function(lambda images: network(images, training=False)).get_concrete_function(signature)
        self._graph = convert_variables_to_constants_v2(function)
        self._constant = tf.constant

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
        (features,) = self._graph(self._constant(normalized(pixels)))
        return np.asarray(features, np.float32)
