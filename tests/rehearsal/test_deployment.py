"""What becomes of failures of the CDK command. That it deploys and destroys is tried by all who use the stack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localaws.host import Host, local_aws
from rehearsal.deployment import synthesize
from rehearsal.errors import RehearsalError


@pytest.fixture(scope="module")
def aws() -> Iterator[Host]:
    """Have a local AWS."""
    with local_aws(pace=60.0) as host:
        yield host


def test_what_the_command_says_of_an_error_is_passed_on(aws: Host, tmp_path: Path) -> None:
    """Its last lines, which say why."""
    with pytest.raises(RehearsalError, match=r"`cdk synth` has failed(.|\n)*There is no environment 'mars'"):
        synthesize(aws, tmp_path, "mars")
