"""Fixtures of the tests of the local AWS."""

from collections.abc import Iterator

import pytest

from localaws.host import Host, local_aws
from localaws.leftovers import leftovers
from tests.localaws.stack import DeployedStack


@pytest.fixture(scope="package", autouse=True)
def java() -> Iterator[None]:
    """Set JAVA_HOME, which jobs need; the jobs of these tests are shell scripts that never start Java."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", "/java")
        yield


@pytest.fixture(scope="package")
def running() -> Iterator[Host]:
    """Run a local AWS for all tests that deploy stacks."""
    with local_aws(pace=60.0) as host:
        yield host


@pytest.fixture
def stack(running: Host) -> Iterator[DeployedStack]:
    """Return a stack that does not exist yet, and check that the test leaves nothing behind."""
    yield DeployedStack(running)
    assert leftovers(running) == []
