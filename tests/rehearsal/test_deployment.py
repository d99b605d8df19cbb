"""The real CDK command deploys the real stack to the local AWS, and destroys it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.environments import Output
from rehearsal.deployment import deploy, destroy, leftovers, synthesize
from rehearsal.errors import RehearsalError
from rehearsal.host import Host, local_aws


@pytest.fixture(scope="module")
def aws() -> Iterator[Host]:
    """Have a local AWS."""
    with local_aws(pace=60.0) as host:
        yield host


def test_the_stack_is_deployed_and_destroyed_without_a_trace(
    aws: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With change sets and published assets; what the environment says of other accounts is not heeded."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    told: list[str] = []
    outputs = deploy(aws, tmp_path, "dev", told.append)
    assert outputs.keys() == {*Output}
    assert told == ["the account is bootstrapped", "fruits-dev is synthesised, with all checks"]
    assert aws.client("s3").list_objects_v2(Bucket=outputs[Output.BUCKET])["KeyCount"] == 0
    assert f"the bucket {outputs[Output.BUCKET]} with 0 objects" in leftovers(aws)
    destroy(aws, tmp_path, "dev")
    assert leftovers(aws) == []


def test_what_the_command_says_of_an_error_is_passed_on(aws: Host, tmp_path: Path) -> None:
    """Its last lines, which say why."""
    with pytest.raises(RehearsalError, match=r"`cdk synth` has failed(.|\n)*There is no environment 'mars'"):
        synthesize(aws, tmp_path, "mars")
