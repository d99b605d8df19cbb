"""Fixtures of the tests of the local AWS."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def java() -> Iterator[None]:
    """Set JAVA_HOME, which jobs need; the jobs of these tests are shell scripts that never start Java."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", "/java")
        yield
