"""Tests of failures of the CDK command. The tests of the stack show that it deploys and destroys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localaws.host import Host, local_aws
from rehearsal.deployment import synthesize
from rehearsal.errors import RehearsalError


@pytest.fixture(scope="module")
def aws() -> Iterator[Host]:
    """Start a local AWS."""
    with local_aws(pace=60.0) as host:
        yield host


def test_an_error_quotes_the_end_of_the_output_of_the_command(aws: Host, tmp_path: Path) -> None:
    """The message of the error contains the last lines of the CDK command, which give the reason."""
    with pytest.raises(RehearsalError, match=r"`cdk synth` failed(.|\n)*There is no environment 'mars'"):
        synthesize(aws, tmp_path, "mars")
