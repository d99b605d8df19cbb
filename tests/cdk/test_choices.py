"""Tests of the choices that a deployment keeps for later ones."""

import json
from pathlib import Path

import pytest

from cdk import choices
from cdk.choices import Choices, main
from cdk.settings import ENVIRONMENTS, EnvironmentSettingsError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the choices of these tests in a folder of their own."""
    monkeypatch.setattr(choices.Choices.of.__func__, "__defaults__", (tmp_path,))
    monkeypatch.setattr(choices.Choices.write, "__defaults__", (tmp_path,))
    return tmp_path


def test_a_choice_lasts_until_it_is_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    """A later call without options changes nothing and says nothing; each call changes what it names."""
    assert main(["dev", "--email", "me@example.org", "--weights", "seeded"]) == 0
    assert "Commit this file" in capsys.readouterr().out
    assert main(["dev"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["dev", "--weights", "none"]) == 0
    assert Choices.of("dev") == Choices(alarm_email="me@example.org")
    assert Choices.of("dev").apply(ENVIRONMENTS["dev"]).alarm_email == "me@example.org"
    assert Choices.of("prod").apply(ENVIRONMENTS["prod"]) == ENVIRONMENTS["prod"]


def test_an_invalid_choice_is_not_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The user gets one sentence and exit code 2."""
    assert main(["dev", "--email", "me"]) == 2
    assert capsys.readouterr().err == "fruits: alarm_email must be an e-mail address, not 'me'.\n"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("text", ["", "[]", '{"region": "eu-west-1"}', '"x"'])
def test_a_file_with_anything_else_is_refused(folder: Path, text: str) -> None:
    """The message names the file, because a deployment with half of the choices would take the others back."""
    (folder / "dev.json").write_text(text)
    with pytest.raises(EnvironmentSettingsError, match=r"dev\.json must be a JSON object with alarm_email and weights"):
        Choices.of("dev")


def test_the_file_is_json_for_people(folder: Path) -> None:
    """It has one choice in each line, for review."""
    main(["dev", "--email", "me@example.org"])
    text = (folder / "dev.json").read_text()
    assert json.loads(text) == {"alarm_email": "me@example.org"}
    assert len(text.splitlines()) == 3
