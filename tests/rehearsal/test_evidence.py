"""Tests of `fruits evidence` with a deployed stack, and of the deliverables that are made of it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from contract.layout import ResultFile, results_folder
from handover.deliverables.images import images_of
from handover.deliverables.names import Naming
from handover.deliverables.request import Request
from tests.rehearsal.cloud import Cloud


@pytest.fixture
def proven(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, set[str]]]:
    """Return a function that calls the command, and returns its exit code and the criteria that are not met."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    place = ["--env", cloud.deployment.environment, "--endpoint-url", str(cloud.deployment.endpoint_url)]

    def call(*options: str) -> tuple[int, set[str]]:
        code = main(["evidence", *place, "--output", str(tmp_path / "proof"), "--force", *options])
        criteria = json.loads((tmp_path / "proof/verdicts.json").read_text())["criteria"]
        return code, {one["name"] for one in criteria if not one["met"]}

    return call


@pytest.fixture(scope="module")
def at_rest(cloud: Cloud, pictures: Callable[..., Any]) -> Cloud:
    """Run the pipeline, and wait until nothing runs any more."""
    cloud.upload(pictures("proof", 4) | {"proof/broken.jpg": b"no image"})
    cloud.settle()
    assert cloud.troubles() == []
    cloud.wait_for_rest()
    cloud.alarms()
    return cloud


@contextmanager
def _public(cloud: Cloud) -> Iterator[None]:
    """Switch off the block of public access of the bucket."""
    s3, bucket = cloud.deployment.s3, cloud.deployment.bucket
    before = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    s3.delete_public_access_block(Bucket=bucket)
    try:
        yield
    finally:
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=before)


@contextmanager
def _another_matrix(cloud: Cloud) -> Iterator[None]:
    """Change a byte of the published matrix."""
    s3, bucket = cloud.deployment.s3, cloud.deployment.bucket
    key, body = f"{results_folder(cloud.last_run() or '')}{ResultFile.MATRIX}", cloud.read(ResultFile.MATRIX)
    s3.put_object(Bucket=bucket, Key=key, Body=body.replace(b"1", b"2", 1))
    try:
        yield
    finally:
        s3.put_object(Bucket=bucket, Key=key, Body=body)


@contextmanager
def _unencrypted(cloud: Cloud) -> Iterator[None]:
    """Switch off the encryption of the bucket, and allow requests without TLS."""
    s3, bucket = cloud.deployment.s3, cloud.deployment.bucket
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_encryption(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    try:
        yield
    finally:
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=encryption)
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def test_a_deployed_run_is_proved_and_what_is_broken_is_found(
    at_rest: Cloud, proven: Callable[..., tuple[int, set[str]]], tmp_path: Path
) -> None:
    """The stack, as it is deployed, and a run of it meet every criterion; faults of the real resources do not pass."""
    template = at_rest.deployment.cloudformation.get_template(StackName="fruits-dev")["TemplateBody"]
    (tmp_path / "template.json").write_text(json.dumps(template))
    assert proven("--mask", "--template", str(tmp_path / "template.json")) == (0, set())
    texts = {path.relative_to(tmp_path / "proof"): path.read_text() for path in (tmp_path / "proof").rglob("*.*")}
    account = at_rest.deployment.bucket.split("-")[2]
    assert [name for name, text in texts.items() if account in text] == []
    assert [name for name, text in texts.items() if "broken.jpg" in text or "proof/0" in text] == []
    roles = [json.loads(text) for name, text in texts.items() if name.parent.name == "roles"]
    assert any("s3:PutObject" in json.dumps(role["Policies"]) for role in roles)
    assert all(role["Trust"]["Statement"][0]["Principal"].keys() == {"Service"} for role in roles)

    for breaking, criteria in (
        (_public, {"private"}),
        (_another_matrix, {"matrix"}),
        (_unencrypted, {"encryption", "tls"}),
    ):
        with breaking(at_rest):
            assert proven() == (1, criteria)
    template["Resources"].popitem()
    (tmp_path / "template.json").write_text(json.dumps(template))
    assert proven("--template", str(tmp_path / "template.json")) == (1, {"template"})


def test_the_deliverables_of_an_environment_have_its_results_and_their_proof(
    at_rest: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder has images and matrix of the bucket, says where they are, and warns that this AWS is local."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    request = Request(
        naming=Naming(name="Dupont Jean", month="112026"),
        environment=at_rest.deployment.environment,
        endpoint_url=at_rest.deployment.endpoint_url,
    )
    folder = images_of(request, tmp_path)
    assert (folder / "results/pca.csv").read_bytes() == at_rest.read(ResultFile.MATRIX)
    assert json.loads((folder / "evidence/verdicts.json").read_text())["met"]
    assert (folder / "images/proof/0000.png").is_file()
    text = (folder / "LISEZMOI.txt").read_text()
    assert f"s3://{at_rest.deployment.bucket}/images/" in text
    assert "répétition" in text
    assert "DESSINÉES" not in text
