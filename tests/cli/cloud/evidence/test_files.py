"""Tests of the files of `fruits evidence`."""

import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cli.cloud.evidence.answers import Answers
from cli.cloud.evidence.criteria import verdicts_on
from cli.cloud.evidence.files import ENTRIES, MASK, UnknownAccountError, files_of, without_secrets
from cli.cloud.evidence.found import Evidence
from tests.cli.cloud.evidence.conftest import ACCOUNT, BUCKET, CONTENTS, ROLE


class _Text(HTMLParser):
    """Collects the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def _files(evidence: Evidence, *, masks_account: bool = False) -> dict[str, str]:
    return files_of(evidence, verdicts_on(evidence), masks_account=masks_account)


def test_all_entries_are_written_and_no_other(evidence: Evidence) -> None:
    """A folder of earlier evidence can be replaced because its entries are known."""
    assert {name.partition("/")[0] for name in _files(evidence)} == {*ENTRIES}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_page_says_every_verdict_and_names_every_file(language: str, evidence: Evidence) -> None:
    """HTML and Markdown say the same, and a reader finds each file from the page."""
    files = _files(evidence)
    parser = _Text()
    parser.feed(files[f"evidence.{language}.html"])
    html, markdown = "".join(parser.parts), files[f"evidence.{language}.md"]
    for verdict in verdicts_on(evidence):
        for text in (verdict.title.in_(language), verdict.why.in_(language)):
            assert text in html
            assert text in markdown
    for name in files:
        if not name.startswith("evidence."):
            assert f"({name})" in markdown
            assert f'href="{name}"' in files[f"evidence.{language}.html"]
    assert f"s3://{BUCKET}/images/" in markdown


def test_a_name_can_put_no_markup_into_the_page(answering: Callable[..., Evidence]) -> None:
    """What AWS answers is text."""
    page = _files(answering("sts:GetCallerIdentity", {"Account": "<b>1|2</b>"}))
    assert "<b>" not in page["evidence.en.html"]
    assert "&lt;b&gt;1|2" in page["evidence.en.html"]
    assert "&lt;b>1\\|2" in page["evidence.en.md"]


def test_a_rehearsal_says_that_it_proves_nothing_about_aws(evidence: Evidence) -> None:
    """Its evidence can't be taken for that of the cloud."""
    local, cloud = _files(replace(evidence, is_local=True)), _files(evidence)
    assert "proves nothing about AWS" in local["evidence.en.md"]
    assert "ne prouve rien sur AWS" in local["evidence.fr.html"]
    assert "proves nothing about AWS" not in cloud["evidence.en.md"]
    assert [json.loads(files["verdicts.json"])["is_local"] for files in (local, cloud)] == [True, False]


def test_a_mask_leaves_no_account(evidence: Evidence) -> None:
    """No file has the number of the account then; without the option, the page has it."""
    assert ACCOUNT in _files(evidence)["evidence.en.md"]
    masked = _files(evidence, masks_account=True)
    assert [name for name, text in masked.items() if ACCOUNT in text] == []
    assert MASK in masked["evidence.en.md"]


def test_a_mask_needs_no_answer_about_the_credentials(answering: Callable[..., Evidence]) -> None:
    """If AWS does not say whose credentials these are, the ARNs of the resources name the account."""
    masked = _files(answering("sts:GetCallerIdentity", None), masks_account=True)
    assert [name for name, text in masked.items() if ACCOUNT in text] == []


def test_an_account_of_another_is_masked_too(answering: Callable[..., Evidence]) -> None:
    """A resource that belongs to another account does not betray that account."""
    other = "123123123123"
    found = answering("iam:GetRole", {**ROLE, "Arn": f"arn:aws:iam::{other}:role/job"})
    assert any(other in text for text in _files(found).values())
    assert [name for name, text in _files(found, masks_account=True).items() if other in text] == []


def test_an_account_that_nobody_knows_is_never_left_unmasked(evidence: Evidence) -> None:
    """Without any number to replace, there is one sentence and no file."""
    nothing = replace(evidence, answers=Answers({}), record=None, run_answers=Answers({}))
    with pytest.raises(UnknownAccountError, match="run the command again"):
        _files(nothing, masks_account=True)


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "AROAIOSFODNN7EXAMPLEX:session",
        "https://b.s3.amazonaws.com/k?X-Amz-Security-Token=IQoJb3JpZ2luX2Vj&X-Amz-Signature=0a1b2c",
        "first.last@example.org",
    ],
)
def test_no_file_has_a_secret(secret: str, answering: Callable[..., Evidence]) -> None:
    """Keys, tokens and addresses that an answer of AWS contains are removed."""
    found = answering("sts:GetCallerIdentity", {**CONTENTS["sts:GetCallerIdentity"][1], "Extra": secret})
    telling = secret.partition(":session")[0].partition("Token=")[2].partition("&")[0] or secret.partition(":")[0]
    assert [name for name, text in _files(found).items() if telling in text or "0a1b2c" in text] == []


def test_hashes_and_arns_are_no_secrets() -> None:
    """What proves something stays."""
    text = f"a5d5879a96fefbee984b3cbc3e458ec2 arn:aws:iam::{ACCOUNT}:role/fruits-dev-SparkJobRole-AKIA"
    assert without_secrets(text) == text


def test_no_name_of_an_image_is_written(evidence: Evidence) -> None:
    """The summary of a large matrix names the first image of each file; the evidence leaves these names out."""
    part = replace(evidence.matrix[0].part, first_key="Plum/anna.jpg")
    files = _files(
        replace(
            evidence, matrix=(replace(evidence.matrix[0], part=part),), summary=replace(evidence.summary, matrix=[part])
        )
    )
    assert [name for name, text in files.items() if "anna" in text] == []
    assert json.loads(files["run/matrix.json"])[0]["found"] == json.loads(files["run/matrix.json"])[0]["part"]["digest"]
