"""Features with Daft: `python -m benchmarks.peers.on_daft IMAGES MODEL OUTPUT`.

The set-up follows Daft's documentation of stateful UDFs (https://docs.daft.ai/en/stable/custom-code/cls/) and of images
(https://docs.daft.ai/en/stable/modalities/images/): expressions of Daft download, decode and resize, and a class with
`daft.method.batch` loads the network once per instance.
"""

import argparse
import os
from typing import Any

import daft
import numpy as np
from daft import DataType, col

from benchmarks.peers.inference import SIDE, argument_parser, network_of, now

FEATURES = DataType.embedding(DataType.float32(), 1280)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options, with which other set-ups can be compared."""
    options = argument_parser(__doc__)
    options.add_argument("--instances", type=int, default=os.cpu_count())
    options.add_argument("--threads", action="store_true", help="run the instances in threads, not in processes")
    return options


def main() -> None:
    """Compute all features."""
    arguments = parser().parse_args()

    @daft.cls(max_concurrency=arguments.instances, use_process=not arguments.threads)
    class Network:
        def __init__(self) -> None:
            self._compute = network_of(arguments.model)

        @daft.method.batch(  # type: ignore[untyped-decorator]  # Daft publishes no types here
            return_dtype=DataType.struct({"features": FEATURES, "processed_at": DataType.float64()}),
            batch_size=arguments.batch_size,
        )
        def features(self, images: daft.Series) -> list[dict[str, Any]]:
            computed = self._compute(np.stack(images.to_pylist()))
            return [
                {"features": row, "processed_at": time} for row, time in zip(computed, now(len(computed)), strict=True)
            ]

    frame = daft.from_glob_path(f"{arguments.images}/**/*.jpg")
    decoded = col("path").download().decode_image(mode="RGB").resize(SIDE, SIDE)
    frame = frame.select("path", Network().features(decoded).alias("answer"))
    frame = frame.select("path", col("answer").get("features"), col("answer").get("processed_at"))
    frame.write_parquet(arguments.output)


if __name__ == "__main__":
    main()
