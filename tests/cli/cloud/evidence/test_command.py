"""Tests of `fruits evidence` against an AWS in this process, which lacks most resources of an environment."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cli.cloud.environment import Deployment
from cli.cloud.evidence.found import checked, count_images
from cli.main import main
from contract.digest import Digest
from contract.summary import MatrixFile, Summary
from contract.workflow import RunRecord
from tests.cli.cloud.evidence.conftest import MATRIX
from tests.cli.mistakes import sentence_of_mistake

EVIDENCE = ["evidence", "--env", "dev", "--output"]
Publish = Callable[..., None]
Put = Callable[[str, bytes], None]


@pytest.mark.usefixtures("deployment")
def test_an_incomplete_environment_is_a_failure_that_is_written_down(
    publish: Publish, record: RunRecord, summary: Summary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1, the sentence names the criteria, and the folder says why each is not met."""
    publish(record.run_id, record, summary)
    assert main([*EVIDENCE, str(tmp_path / "proof")]) == 1
    out, err = capsys.readouterr()
    verdicts = json.loads((tmp_path / "proof/verdicts.json").read_text())
    assert not verdicts["met"]
    missed = {one["name"] for one in verdicts["criteria"] if not one["met"]}
    assert {"region", "encryption", "private", "tls", "run", "images", "matrix", "at-rest"} <= missed
    assert err.startswith(f"fruits: {len(missed)} of {len(verdicts['criteria'])} criteria are not met (")
    assert out.count("NOT MET") == len(missed)
    assert "NoSuchBucketPolicy" in (tmp_path / "proof/evidence.en.md").read_text()


@pytest.mark.usefixtures("deployment")
def test_other_files_are_never_replaced(
    publish: Publish, record: RunRecord, summary: Summary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder with other files is refused; earlier evidence is replaced only with --force."""
    publish(record.run_id, record, summary)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/text.doc").write_text("mine")
    assert "contains other files" in sentence_of_mistake(capsys, *EVIDENCE, str(tmp_path / "thesis"), "--force")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["text.doc"]
    assert main([*EVIDENCE, str(tmp_path / "proof")]) == 1
    capsys.readouterr()
    assert "add --force" in sentence_of_mistake(capsys, *EVIDENCE, str(tmp_path / "proof"))
    assert main([*EVIDENCE, str(tmp_path / "proof"), "--force"]) == 1


@pytest.mark.usefixtures("deployment")
def test_without_a_run_there_is_nothing_to_prove(
    tmp_path: Path, publish: Publish, record: RunRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    """No results yet, and a run that has failed, are mistakes, and leave no folder."""
    place = str(tmp_path / "proof")
    assert "There are no results yet" in sentence_of_mistake(capsys, *EVIDENCE, place)
    publish(record.run_id, record)
    sentence = sentence_of_mistake(capsys, *EVIDENCE, place, "--run-id", record.run_id)
    assert f"Run {record.run_id} has published no results" in sentence
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize("content", ["{", "[]", "{}", None])
def test_a_file_that_is_no_template_is_a_mistake(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence says how to get one, before AWS is asked."""
    if content:
        (tmp_path / "template.json").write_text(content)
    options = ["--template", str(tmp_path / "template.json")]
    assert "`make synth` writes" in sentence_of_mistake(capsys, *EVIDENCE, str(tmp_path / "proof"), *options)


def test_a_matrix_is_checked_by_what_is_downloaded(deployment: Deployment, put: Put) -> None:
    """The hash is that of the bytes in the bucket; another byte, or a lost row, is found."""
    part = MatrixFile(file="results/20261120T121530Z-3fa94c/pca.csv", first_key="", rows=2, digest=Digest.of(MATRIX))
    assert checked(deployment, part).found is None
    put(part.file, MATRIX)
    found = checked(deployment, part)
    assert (found.found, found.rows, found.is_as_published) == (Digest.of(MATRIX), 2, True)
    put(part.file, MATRIX.replace(b"2", b"3"))
    assert not checked(deployment, part).is_as_published


def test_only_images_are_counted(deployment: Deployment, put: Put) -> None:
    """Files that runs skip count as little as they do in runs; a limit ends the count."""
    for name in ("Plum/a.jpg", "Plum/b.jpg", "README.md", "Plum/.hidden.jpg"):
        put(f"images/{name}", b"x")
    assert count_images(deployment).images == 2
    limited = count_images(deployment, most=1)
    assert (limited.images, limited.is_complete) == (1, False)


def test_refused_credentials_are_one_sentence(
    deployment: Deployment,
    publish: Publish,
    summary: Summary,
    tmp_path: Path,
    before: Callable[[str, Callable[[dict[str, object]], None]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """If AWS accepts the credentials no more, the command ends without a folder that looks like evidence."""
    assert deployment
    publish(summary.run_id, summary=summary)

    def expire(_: dict[str, object]) -> None:
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "expired"}}, "GetBucketLocation")

    before("GetBucketLocation", expire)
    assert main([*EVIDENCE, str(tmp_path / "proof")]) == 1
    assert "have expired" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
