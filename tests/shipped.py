"""What a deployment ships, as far as the tests look at it. `make packages` builds it with this module."""

import platform
import sys

from cdk.packaging import Packages, build, packages_for
from cdk.settings import Architecture
from contract.versions import IMAGE_PYTHONS

HERE, OTHER = Architecture.X86_64, Architecture.ARM64
if platform.machine() in {"arm64", "aarch64"}:
    HERE, OTHER = OTHER, HERE

OWN_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
IS_PYTHON_OF_THE_IMAGE = OWN_PYTHON in IMAGE_PYTHONS
"""Whether the cloud has the Python that runs the tests: on another one, what is shipped can be built, but not run."""

SHIPPED: Packages = packages_for(HERE, OWN_PYTHON if IS_PYTHON_OF_THE_IMAGE else IMAGE_PYTHONS[0], "seeded")
WORKERS = {HERE: SHIPPED.worker, OTHER: packages_for(OTHER, IMAGE_PYTHONS[0], "seeded").worker}

if __name__ == "__main__":
    for package in (*SHIPPED, WORKERS[OTHER]):
        path = build(package)
        print(f"{package.name:<28}{path.stat().st_size / 1e6:7.1f} MB  {path}", flush=True)  # noqa: T201 -- a command
