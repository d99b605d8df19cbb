"""Export of the network to ONNX: `python -m benchmarks.peers.onnx_model WEIGHTS.npz MODEL.onnx`.

WEIGHTS.npz is the file of `fruits export`, so that all programs compute with the same weights.
"""

import sys
from pathlib import Path

import numpy as np

OPSET = 17


def main() -> None:
    """Export."""
    import tensorflow as tf
    import tf2onnx

    weights, target = sys.argv[1:]
    network = tf.keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), include_top=False, weights=None, pooling="avg"
    )
    with np.load(weights) as arrays:
        network.set_weights([arrays[name] for name in arrays.files])
    signature = (tf.TensorSpec((None, 224, 224, 3), tf.float32, name="images"),)
    function = tf.function(lambda images: network(images, training=False), input_signature=signature)
    model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    Path(target).write_bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
