"""Tests of handover/figures.py and of docs/figures.json, which it writes."""

import json
from pathlib import Path

import pytest

from handover.figures import SECTIONS, main, write_section
from handover.sections.costs import costs
from handover.sections.settings import settings
from handover.templates import FIGURES

RECORDED = json.loads(FIGURES.read_text())


def test_the_figures_have_all_sections() -> None:
    """docs/figures.json has every section, in the order of the command, and nothing else."""
    assert list(RECORDED) == list(SECTIONS)


def test_the_costs_are_what_the_code_computes() -> None:
    """A change of a price, a setting or an assumption needs `python -m handover.figures costs`."""
    assert RECORDED["costs"] == pytest.approx(costs())


def test_the_settings_are_those_of_the_code() -> None:
    """A change of a setting of prod needs `python -m handover.figures settings`."""
    assert RECORDED["settings"] == settings()


def test_a_section_replaces_itself_only(tmp_path: Path) -> None:
    """The other sections stay, and the order is that of the sections, so that a change is small."""
    file = tmp_path / "figures.json"
    write_section("rehearsal", {"seconds": 1}, file)
    write_section("run", {"images": 2}, file)
    write_section("rehearsal", {"seconds": 3}, file)
    assert json.loads(file.read_text()) == {"run": {"images": 2}, "rehearsal": {"seconds": 3}}
    assert list(json.loads(file.read_text())) == ["run", "rehearsal"]


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["benchmark", "absent.json"], "results.json of `python -m benchmarks`"),
        (["benchmark", "figures.json"], "results.json of `python -m benchmarks`"),
        (["run", "--images", "absent", "--output", "."], "delete it first"),
    ],
)
def test_a_mistake_ends_with_a_sentence(
    words: list[str],
    advice: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A mistake of the user ends with exit code 2 and one line that says what to do, and the figures stay."""
    monkeypatch.chdir(tmp_path)
    Path("figures.json").write_text("{}")
    assert main(["--file", "figures.json", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert advice in line
    assert Path("figures.json").read_text() == "{}"


def test_a_damaged_file_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no JSON document stays as it is, because it may contain measurements."""
    file = tmp_path / "figures.json"
    file.write_text("<<<<<<< HEAD")
    assert main(["--file", str(file), "settings"]) == 2
    assert "restore it with git" in capsys.readouterr().err
    assert file.read_text() == "<<<<<<< HEAD"
