"""A replacement of Spark's daemon of Python workers: its workers count the images that the network computes.

For each image, a worker appends a byte to a file in the folder FRUITS_TEST_COUNTS. If this folder contains a file
`kill`, the first worker that finds it removes it and kills itself in the middle of its work.
"""

import os
import signal
from pathlib import Path

import numpy as np
from pyspark import daemon

from spark_app.engine.litert_engine import LiteRtEngine

_features = LiteRtEngine.features


def _counted(self: LiteRtEngine, pixels: np.ndarray) -> np.ndarray:
    folder = Path(os.environ["FRUITS_TEST_COUNTS"])
    features = _features(self, pixels)
    with (folder / f"{os.getpid()}.computed").open("ab") as count:
        count.write(b"." * len(pixels))
    try:
        (folder / "kill").unlink()
    except FileNotFoundError:
        return features
    os.kill(os.getpid(), signal.SIGKILL)
    return features


LiteRtEngine.features = _counted  # type: ignore[method-assign]

if __name__ == "__main__":
    daemon.manager()
