"""The other engine: Keras' network, frozen into a TensorFlow graph with the broadcast weights, on one thread."""

import numpy as np

from spark_app.engine.interface import Features, Pixels
from spark_app.engine.network import INPUT_SHAPE, build_bare_network
from spark_app.engine.preprocessing import normalized
from spark_app.npz import from_npz


class TensorFlowEngine:
    """A `FeatureEngine` that uses TensorFlow.

    Parameters
    ----------
    payload
        The weights: an ``.npz`` archive of arrays in the order of the network.
    """

    def __init__(self, payload: bytes) -> None:
        import tensorflow as tf
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        # A task has one core. More threads would take the cores of other tasks.
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        network = build_bare_network()
        network.set_weights(list(from_npz(payload).values()))
        signature = tf.TensorSpec((None, *INPUT_SHAPE), tf.float32)
        function = tf.function(lambda images: network(images, training=False)).get_concrete_function(signature)
        self._graph = convert_variables_to_constants_v2(function)
        self._constant = tf.constant

    def features(self, pixels: Pixels) -> Features:
        """Compute the features of images; see `FeatureEngine.features`."""
        (features,) = self._graph(self._constant(normalized(pixels)))
        return np.asarray(features, np.float32)
