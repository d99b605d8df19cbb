"""Features with Ray Data: `python -m benchmarks.peers.on_ray_data IMAGES MODEL OUTPUT`.

The set-up follows Ray's documentation of images (https://docs.ray.io/en/latest/data/working-with-images.html) and of
offline batch inference (https://docs.ray.io/en/latest/data/batch_inference.html): `read_images` decodes and resizes,
and a class that `map_batches` runs in actors loads the network once per actor. Two actors that take a whole core each
would leave no core for the tasks that read, so that each takes half a core.
"""

import argparse
import logging
import os

import numpy as np
import ray

from benchmarks.peers.inference import SIDE, Batch, argument_parser, network_of, now


class Network:
    """The network of one actor."""

    def __init__(self, model: str) -> None:
        self._compute = network_of(model)

    def __call__(self, batch: dict[str, Batch]) -> dict[str, Batch]:
        """Compute the features of a batch."""
        features = self._compute(np.stack(list(batch["image"])))
        return {"path": batch["path"], "features": features, "processed_at": now(len(features))}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options, with which other set-ups can be compared."""
    options = argument_parser(__doc__)
    options.add_argument("--actors", type=int, default=os.cpu_count())
    options.add_argument("--cores-per-actor", type=float, default=0.5)
    return options


def main() -> None:
    """Compute all features."""
    arguments = parser().parse_args()
    ray.init(logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    images = ray.data.read_images(arguments.images, size=(SIDE, SIDE), mode="RGB", include_paths=True)
    features = images.map_batches(
        Network,
        fn_constructor_args=(arguments.model,),
        batch_size=arguments.batch_size,
        compute=ray.data.ActorPoolStrategy(size=arguments.actors),
        num_cpus=arguments.cores_per_actor,
    )
    features.write_parquet(arguments.output)


if __name__ == "__main__":
    main()
