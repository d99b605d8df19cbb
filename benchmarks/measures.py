"""What the measurements of each image cost the workers: `python -m benchmarks --only measures`.

Each round decodes images, computes their features, and then hashes and measures them as a task does, in batches. The
time is that of this thread on the processor, so that other programs on the machine matter less.
"""

import hashlib
import time

import numpy as np

from benchmarks.measurement import Comparison, Figure, Section, Setting, Size
from benchmarks.photos import engine_of
from spark_app.engine.interface import FeatureEngine
from spark_app.engine.measures import measure as measure_pixels
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.settings import Limits
from spark_app.stages.features import ROWS_PER_BATCH

BATCHES = {Size.SMALL: 4, Size.FULL: 18}
AT_MOST = 0.05
"""Share of the time of decoding and network that hashes and measurements may take."""


def measure(setting: Setting) -> Section:
    """Measure the share of the time."""
    prepare_decoders()
    engine = engine_of(setting)
    files = sorted(setting.images.rglob("*.jpg"))[: BATCHES[setting.size] * ROWS_PER_BATCH]
    bodies = [file.read_bytes() for file in files]
    batches = [bodies[start : start + ROWS_PER_BATCH] for start in range(0, len(bodies), ROWS_PER_BATCH)]
    _of_batch(batches[0], engine)
    rounds = [np.sum([_of_batch(batch, engine) for batch in batches], axis=0) for _ in range(setting.rounds)]
    per_image = np.array(rounds) / len(bodies) * 1e6
    names = ("decoding and network", "SHA-256 of the file", "measurements of the pixels")
    figures = (Figure(name, "µs/image", tuple(values)) for name, values in zip(names, per_image.T, strict=True))
    shares = tuple(per_image[:, 1:].sum(axis=1) / per_image[:, 0])
    comparison = Comparison("hash and measurements / decoding and network", shares, at_most=AT_MOST)
    return Section("Hash and measurements of each image", tuple(figures), (comparison,))


def _of_batch(bodies: list[bytes], engine: FeatureEngine) -> tuple[float, float, float]:
    """Return the seconds for decoding and network, for the hashes, and for the measurements."""
    decoded, base, hashes = [], 0.0, 0.0
    for body in bodies:
        start = time.thread_time()
        decoded.append(decode(body, Limits()).pixels)
        engine.features(decoded[-1][np.newaxis])
        computed = time.thread_time()
        hashlib.sha256(body).hexdigest()
        base += computed - start
        hashes += time.thread_time() - computed
    start = time.thread_time()
    for pixels in decoded:
        measure_pixels(pixels)
    return base, hashes, time.thread_time() - start
