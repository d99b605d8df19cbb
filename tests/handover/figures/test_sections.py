"""Tests of `python -m handover.figures`, and of docs/figures.json, which it writes."""

import json
from pathlib import Path

import pytest

from handover.figures.__main__ import main
from handover.figures.costs import costs
from handover.figures.sections import SECTIONS, write_section
from handover.figures.settings import settings
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


WITHOUT_COMMANDS = {
    **dict.fromkeys(("date", "size", "rounds", "machine"), ""),
    "benchmarks": [{"name": name, "error": None, "figures": []} for name in ("featurise", "pca")],
}
"""Results of benchmarks that have measured no whole command."""


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["benchmark", "absent.json"], "results.json of `python -m benchmarks`"),
        (["benchmark", "figures.json"], "results.json of `python -m benchmarks`"),
        (["benchmark", "list.json"], "results.json of `python -m benchmarks`"),
        (["benchmark", "other.json"], "lacks figures that the documents quote"),
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
    Path("list.json").write_text("[]")
    Path("other.json").write_text(json.dumps(WITHOUT_COMMANDS))
    assert main(["--file", "figures.json", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert advice in line
    assert Path("figures.json").read_text() == "{}"


@pytest.mark.parametrize("damaged", ["<<<<<<< HEAD", "[]"])
def test_a_damaged_file_is_not_overwritten(damaged: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that contains something else than sections stays as it is, because it may contain measurements."""
    file = tmp_path / "figures.json"
    file.write_text(damaged)
    assert main(["--file", str(file), "settings"]) == 2
    assert "restore it with git" in capsys.readouterr().err
    assert file.read_text() == damaged


def test_a_file_that_can_not_be_written_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run takes minutes, so a folder that does not exist is a sentence at once."""
    monkeypatch.setitem(SECTIONS, "settings", lambda _: pytest.fail("the work has begun"))
    assert main(["--file", str(tmp_path / "no" / "such.json"), "settings"]) == 2
    assert "There is no folder" in capsys.readouterr().err


def test_an_interrupted_writer_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures are replaced as a whole, because a file that ends in the middle has lost measurements."""
    file = tmp_path / "figures.json"
    write_section("run", {"images": 2}, file)
    before = file.read_bytes()
    whole = Path.write_text

    def interrupted(path: Path, text: str) -> None:
        whole(path, text[:5])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_section("costs", {"idle_month": 1}, file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
