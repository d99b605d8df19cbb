"""What a deployment ships, as far as the tests look at it. `make packages` builds it with this module."""

import platform
import sys

from cdk.packaging import Packages, build, packages_for
from cdk.packaging.package import BUILD
from cdk.settings import Architecture
from contract.versions import IMAGE_PYTHONS
from spark_app.engine.export import in_own_process

HERE, OTHER = Architecture.X86_64, Architecture.ARM64
if platform.machine() in {"arm64", "aarch64"}:
    HERE, OTHER = OTHER, HERE

OWN_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
IS_PYTHON_OF_THE_IMAGE = OWN_PYTHON in IMAGE_PYTHONS
"""Whether the cloud has the Python that runs the tests: on another one, what is shipped can be built, but not run."""

SHIPPED: Packages = packages_for(HERE, OWN_PYTHON if IS_PYTHON_OF_THE_IMAGE else IMAGE_PYTHONS[0], "seeded")
WORKERS = {HERE: SHIPPED.worker, OTHER: packages_for(OTHER, IMAGE_PYTHONS[0], "seeded").worker}

OTHER_WEIGHTS = BUILD / "other-weights.keras"
"""Weights of a second model, for deployments that change the model."""


def _draw_other_weights() -> None:
    """Negate the first convolution of the untrained network."""
    from spark_app.engine.network import build_network
    from spark_app.engine.weights import find_weights

    weights = find_weights("seeded")
    assert weights
    network = build_network(weights)
    layer = next(layer for layer in network.layers if layer.get_weights())
    layer.set_weights([-values for values in layer.get_weights()])
    partial = OTHER_WEIGHTS.with_name(f"partial-{OTHER_WEIGHTS.name}")
    network.save(partial)
    partial.replace(OTHER_WEIGHTS)


if __name__ == "__main__":
    BUILD.mkdir(exist_ok=True)
    if not OTHER_WEIGHTS.exists():
        in_own_process(_draw_other_weights)
    other_model = packages_for(HERE, IMAGE_PYTHONS[0], str(OTHER_WEIGHTS)).model
    for package in (*SHIPPED, WORKERS[OTHER], other_model):
        path = build(package)
        print(f"{package.name:<28}{path.stat().st_size / 1e6:7.1f} MB  {path}", flush=True)  # noqa: T201 -- a command
