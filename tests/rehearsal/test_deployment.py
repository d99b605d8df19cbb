"""Tests of updates and failures of the CDK command. The tests of the stack show that it deploys and destroys."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localaws.account import ACCOUNT, REGION
from localaws.host import Host, local_aws
from rehearsal.deployment import deploy_assembly, synthesize
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


def _assembly(folder: Path, **resources: dict[str, Any]) -> Path:
    """Write a synthesised stack of a few resources, which needs neither an app nor assets."""
    folder.mkdir(exist_ok=True)
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": f"aws://{ACCOUNT}/{REGION}",
        "properties": {"templateFile": "small.json", "stackName": "small", "validateOnSynth": False},
    }
    (folder / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": {"small": artifact}}))
    (folder / "small.json").write_text(json.dumps({"Resources": resources}))
    return folder


def _group(name: str, days: object = 7) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name, "RetentionInDays": days}}


def test_the_command_updates_a_stack(aws: Host, tmp_path: Path) -> None:
    """It repeats a creation that has failed, prints the steps of an update, and fails with the reason of a failure."""
    logs, log = aws.client("logs"), tmp_path / "cdk-deploy.log"
    logs.create_log_group(logGroupName="one")
    with pytest.raises(RehearsalError, match=r"ROLLBACK_COMPLETE(.|\n)*already exists"):
        deploy_assembly(aws, tmp_path, _assembly(tmp_path / "a", One=_group("one")))
    logs.delete_log_group(logGroupName="one")
    deploy_assembly(aws, tmp_path, _assembly(tmp_path / "a", One=_group("one")))
    deploy_assembly(aws, tmp_path, _assembly(tmp_path / "a", One=_group("one", 14), Two=_group("two")))
    assert re.search(r"UPDATE_COMPLETE +\| AWS::Logs::LogGroup +\| One", log.read_text())
    with pytest.raises(RehearsalError, match=r"UPDATE_FAILED(.|\n)*retentionInDays"):
        deploy_assembly(aws, tmp_path, _assembly(tmp_path / "a", One=_group("one", 30), Two=_group("two", "long")))
    [one, two] = logs.describe_log_groups()["logGroups"]
    assert (one["retentionInDays"], two["retentionInDays"]) == (14, 7)
