"""Tests of deployments over a deployed stack: what they do to a run in progress, and how they fail."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cli.cloud.account import release_failed_stack
from cli.cloud.environment import connect
from contract.environments import Output, stack_name
from rehearsal.deployment import deploy_assembly, synthesize
from rehearsal.errors import RehearsalError
from rehearsal.rehearse import ENVIRONMENT
from tests.rehearsal.cloud import Cloud
from tests.shipped import OTHER_WEIGHTS

Pictures = Callable[..., dict[str, bytes]]


def _application(cloud: Cloud) -> str:
    return cloud.deployment.resource(Output.APPLICATION)


def _applications(cloud: Cloud) -> list[str]:
    """Return the ids of the applications that exist."""
    found = cloud.deployment.emr.list_applications()["applications"]
    return [application["id"] for application in found if application["state"] != "TERMINATED"]


def test_a_deployment_that_replaces_the_application_interrupts_a_run_and_begins_it_again(
    cloud: Cloud, pictures: Pictures, tmp_path: Path
) -> None:
    """The run ends on the new application, the old one is gone, and no image is lost."""
    before = _application(cloud)
    cloud.upload(pictures("interrupted", 2))
    cloud.wait_for("RUNNING")
    cloud.deploy_again(tmp_path, idle_minutes=2, results_days=9)
    assert _application(cloud) != before
    assert _applications(cloud) == [_application(cloud)]
    cloud.settle()
    assert cloud.execution(f"resumed-update-{before}")["status"] == "SUCCEEDED"
    assert set(pictures("interrupted", 2)) <= cloud.images()
    assert cloud.notices() == 0
    assert cloud.alarms() == {"ExecutionAborted"}
    assert len(cloud.troubles()) == 1


def test_a_run_outlives_the_deployment_of_a_new_model_and_the_next_run_computes_all_images_again(
    cloud: Cloud, pictures: Pictures, tmp_path: Path
) -> None:
    """The second attempt of the run begins after the deployment, and still reads the files of the first one."""
    cloud.upload(pictures("old-model", 2))
    cloud.wait_for("RUNNING")
    with _JobHeld(cloud) as kill:
        cloud.deploy_again(tmp_path, weights=str(OTHER_WEIGHTS))
        kill()
    cloud.settle()
    assert cloud.troubles() == []
    before = cloud.summary()
    assert (cloud.record().attempt, cloud.record().mode) == (2, "update")
    assert set(pictures("old-model", 2)) <= cloud.images()

    cloud.upload(pictures("new-model", 1))
    cloud.settle()
    assert cloud.troubles() == []
    after = cloud.summary()
    assert after.model_id != before.model_id
    assert after.counts.featurised == after.counts.images == before.counts.images + 1
    assert cloud.notices() == 0


class _JobHeld:
    """The processes of the running job, which are stopped, and which the call kills."""

    def __init__(self, cloud: Cloud) -> None:
        folder = f"{cloud.host.folder}/jobs/"
        self._processes = [int(process.name) for process in _processes() if _place(process).startswith(folder)]

    def __enter__(self) -> Callable[[], None]:
        self._signal(signal.SIGSTOP)
        return lambda: self._signal(signal.SIGKILL)

    def __exit__(self, *_: object) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.kill(process, number)


def _processes() -> Iterator[Path]:
    return Path("/proc").glob("[0-9]*")


def _place(process: Path) -> str:
    """Return the working folder of a process; empty if it has ended."""
    try:
        return str((process / "cwd").readlink())
    except OSError:
        return ""


def test_a_deployment_that_fails_leaves_the_stack_as_it_was(cloud: Cloud, pictures: Pictures, tmp_path: Path) -> None:
    """After a late failure, the old application serves the next run, and the new one is gone."""
    before, assembly = _application(cloud), tmp_path / "broken"
    synthesize(cloud.host, tmp_path, ENVIRONMENT, cloud.settings | {"idle_minutes": 3}, assembly)
    _plant(assembly, ENVIRONMENT, "Broken", _policy_of_a_missing_role())
    with pytest.raises(RehearsalError, match=r"UPDATE_ROLLBACK_COMPLETE|UPDATE_FAILED|CREATE_FAILED"):
        deploy_assembly(cloud.host, tmp_path, assembly)
    assert _applications(cloud) == [before]
    assert connect(ENVIRONMENT, cloud.host.endpoint, cloud.host.session).outputs == cloud.deployment.outputs
    cloud.upload(pictures("after-a-failure", 1))
    cloud.settle()
    assert cloud.troubles() == []
    assert set(pictures("after-a-failure", 1)) <= cloud.images()


def _plant(assembly: Path, environment: str, name: str, resource: dict[str, Any]) -> None:
    """Add a resource that is created after all others."""
    path = assembly / f"{stack_name(environment)}.template.json"
    template = json.loads(path.read_text())
    template["Resources"][name] = resource | {"DependsOn": [*template["Resources"]]}
    path.write_text(json.dumps(template))


def _policy_of_a_missing_role() -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    properties = {"PolicyName": "broken", "PolicyDocument": document, "Roles": ["no-such-role"]}
    return {"Type": "AWS::IAM::Policy", "Properties": properties}


def test_a_first_deployment_of_staging_that_fails_can_be_repeated(cloud: Cloud, tmp_path: Path) -> None:
    """A failed creation leaves nothing with a fixed name, and `make deploy` ends the protection of its stack.

    A deletion keeps bucket, tables and logs.
    """
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    # CDK uploads a template once, and takes a changed one for the same unless its settings differ.
    synthesize(cloud.host, tmp_path, "staging", {"results_days": 31}, broken)
    synthesize(cloud.host, tmp_path, "staging", {}, whole)
    _plant(broken, "staging", "Broken", _policy_of_a_missing_role())
    with pytest.raises(RehearsalError, match="no-such-role"):
        deploy_assembly(cloud.host, tmp_path, broken)
    name, cloudformation = stack_name("staging"), cloud.host.client("cloudformation")
    with pytest.raises(RehearsalError, match="TerminationProtection"):
        deploy_assembly(cloud.host, tmp_path, whole)
    release_failed_stack(cloudformation, "staging")
    deploy_assembly(cloud.host, tmp_path, whole)

    staging = connect("staging", cloud.host.endpoint, cloud.host.session)
    release_failed_stack(cloudformation, "staging")  # does nothing to a stack that works
    with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection"):
        cloudformation.delete_stack(StackName=name)
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=name)
    kept = _remove_what_is_kept(cloud, name)
    assert staging.bucket in kept
    assert {"fruits_staging", f"/aws/vendedlogs/states/{name}"} <= kept


def _remove_what_is_kept(cloud: Cloud, name: str) -> set[str]:
    """Remove what the deletion of the stack has kept, and return the names."""
    s3, logs, glue = (cloud.host.client(service) for service in ("s3", "logs", "glue"))
    kept = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith(name)}
    for bucket in kept:
        s3.delete_bucket(Bucket=bucket)
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    mine = {group for group in groups if name in group}
    for group in mine:
        logs.delete_log_group(logGroupName=group)
    glue.delete_database(Name="fruits_staging")
    return kept | mine | {"fruits_staging"}
