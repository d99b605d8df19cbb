"""Tests of the folder in which the notebook writes."""

from pathlib import Path

import pytest

from handover.notebook.output import prepare_output
from spark_app.errors import OutputError


def test_a_folder_of_the_user_is_left_alone(tmp_path: Path) -> None:
    """A folder with files that the notebook has not written is refused, and everything in it stays."""
    kept = tmp_path / "pipeline" / "thesis.txt"
    kept.parent.mkdir()
    kept.write_text("years of work")
    with pytest.raises(OutputError, match="set OUTPUT to a new folder"):
        prepare_output(tmp_path, "scratch", "pipeline")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept]


def test_the_notebook_replaces_what_it_has_written(tmp_path: Path) -> None:
    """In a folder of its own, the notebook deletes the subfolders that it writes anew, and nothing else."""
    folder = prepare_output(tmp_path / "new", "pipeline")
    for name in ("pipeline", "cloud"):
        (folder / name).mkdir()
        (folder / name / "old").touch()
    assert prepare_output(tmp_path / "new", "pipeline") == folder
    assert not (folder / "pipeline").exists()
    assert (folder / "cloud" / "old").exists()


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that a user writes as in a shell leads to the home folder, and not to a folder of the name ~."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert prepare_output("~/made") == tmp_path / "made"


def test_a_folder_that_can_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A file in the way is named."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"Can't write .*file"):
        prepare_output(tmp_path / "file")
