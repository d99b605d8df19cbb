"""A loop that only reads a file, decodes it, and runs the network: `python -m benchmarks.bare_loop IMAGES MODEL COUNT`.

It prints the images per second of one core. `benchmarks.featurise` runs one such loop per core at once.
"""

import sys
import time
from pathlib import Path

import numpy as np

from spark_app.engine.litert_engine import LiteRtEngine
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.settings import Limits


def bare_loop(images: Path, model: Path, count: int) -> float:
    """Run the loop in this process; return the images per second."""
    prepare_decoders()
    engine, limits = LiteRtEngine(model.read_bytes()), Limits()
    files = sorted(images.rglob("*.jpg"))[:count]
    engine.features(decode(files[0].read_bytes(), limits).pixels[np.newaxis])
    start = time.perf_counter()
    for file in files:
        engine.features(decode(file.read_bytes(), limits).pixels[np.newaxis])
    return len(files) / (time.perf_counter() - start)


if __name__ == "__main__":
    print(bare_loop(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
