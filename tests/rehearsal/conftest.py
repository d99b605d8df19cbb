"""A stack that the CDK command deploys to a local AWS."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest
from PIL import Image

from contract.environments import Output
from localaws.host import local_aws
from localaws.leftovers import leftovers
from localspark.jars import Jars, fetched
from localspark.java import find_java
from rehearsal.deployment import deploy, destroy
from rehearsal.rehearse import ENVIRONMENT
from tests.rehearsal.cloud import Cloud
from tests.shipped import IS_PYTHON_OF_THE_IMAGE, OWN_PYTHON

PACE = 120.0
"""A wait of one minute in AWS takes half a second."""


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set JAVA_HOME, as `fruits rehearse` does, and other variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"JAVA_HOME": str(find_java(os.environ)), **variables}.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session", autouse=True)
def python_of_the_image() -> None:
    """Skip the tests of the rehearsal on a Python that the cloud does not have."""
    if not IS_PYTHON_OF_THE_IMAGE:
        pytest.skip(f"the cloud has no Python {OWN_PYTHON}")


@pytest.fixture(scope="module", autouse=True)
def java() -> Iterator[None]:
    """Set JAVA_HOME for all processes that the tests start."""
    with _environment():
        yield


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, pictures: Callable[..., dict[str, bytes]]) -> Iterator[Cloud]:
    """Deploy the stack; after the last test, destroy it while a job runs, and check that nothing is left."""
    scratch = tmp_path_factory.mktemp("cdk")
    told: list[str] = []
    with ExitStack() as stack:
        # The rehearsal must ignore these settings for another AWS.
        with _environment(AWS_ENDPOINT_URL_S3="http://127.0.0.1:9", AWS_PROFILE="no-such-profile"):
            host = stack.enter_context(local_aws(PACE, fetched(Jars.S3_CLIENT)))
            deployment = deploy(host, scratch, ENVIRONMENT, told.append)
            cloud = Cloud(host, deployment)
        assert deployment.outputs.keys() == {*Output}
        assert told == ["the account is bootstrapped", "fruits-dev is synthesised, with all checks"]
        yield cloud
        assert any(deployment.bucket in sentence for sentence in leftovers(host))
        cloud.upload(pictures("destroyed", 1))
        cloud.wait_for("RUNNING")
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
