"""What a deployment ships, as far as it runs on this machine: `make packages` has built it."""

import platform
import sys

from cdk.packaging import Packages, packages_for
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
