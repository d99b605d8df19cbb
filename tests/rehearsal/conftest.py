"""A stack that is deployed to a local AWS with the real CDK command."""

import io
import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image

from cli.java import find_java
from rehearsal.deployment import deploy, destroy, leftovers
from rehearsal.host import local_aws
from rehearsal.rehearse import ENVIRONMENT
from tests.rehearsal.cloud import Cloud

PACE = 120.0
"""A minute of AWS's waits is half a second."""


@pytest.fixture(scope="session")
def java() -> Iterator[None]:
    """Say where Java is, as the `fruits` command does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(find_java(os.environ)))
        yield


@pytest.fixture(scope="session")
def cloud(java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:  # noqa: ARG001 -- its effect
    """Deploy the stack; when all tests have used it, destroy it and see that nothing is left."""
    scratch = tmp_path_factory.mktemp("cdk")
    with local_aws(PACE) as host:
        yield Cloud(host, deploy(host, scratch, ENVIRONMENT, lambda _: None))
        destroy(host, scratch, ENVIRONMENT)
        assert leftovers(host) == []


@pytest.fixture(scope="session")
def pictures() -> Callable[..., dict[str, bytes]]:
    """Return a function that makes small pictures, all different: name → content."""

    def make(folder: str, count: int, seed: int = 0) -> dict[str, bytes]:
        made = {}
        for number in range(count):
            random = np.random.default_rng([seed, number])
            buffer = io.BytesIO()
            Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(buffer, "PNG")
            made[f"{folder}/{number:04}.png"] = buffer.getvalue()
        return made

    return make
