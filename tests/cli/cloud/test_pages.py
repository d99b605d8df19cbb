"""Tests of `fruits open` for an environment."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.cloud.pages import cache_folder
from cli.main import main
from contract.summary import Summary
from contract.workflow import RunRecord

RUN = "20261118T080000Z-aaaaaa"
OPEN = ["open", "--env", "dev", "--print"]
Publish = Callable[..., None]
Put = Callable[[str, bytes], None]


def test_both_pages_are_downloaded_and_one_is_printed(
    publish: Publish, put: Put, summary: Summary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report and the explorer refer to each other; nothing but the path is on stdout."""
    publish(RUN, None, summary)
    put(f"results/{RUN}/explore.html", b"<html>explorer</html>")
    assert main([*OPEN, "--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / RUN / 'report.html'}\n"
    assert main([*OPEN, "--folder", str(tmp_path), "--explorer"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / RUN / 'explore.html'}\n"
    assert {file.name: file.read_text() for file in (tmp_path / RUN).iterdir()} == {
        "report.html": "<html></html>",
        "explore.html": "<html>explorer</html>",
    }


def test_the_cache_of_the_user_is_the_default(
    publish: Publish, summary: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current folder stays as it is."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.chdir(tmp_path)
    publish(RUN, None, summary)
    assert main(OPEN) == 0
    assert (tmp_path / "cache/fruits/dev" / RUN / "report.html").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_results_without_an_explorer_are_a_mistake(
    publish: Publish, summary: Summary, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence says why, and nothing is downloaded."""
    publish(RUN, None, summary)
    assert main([*OPEN, "--folder", str(tmp_path), "--explorer"]) == 2
    assert f"The results of run {RUN} have no explorer" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_has_no_report(
    publish: Publish, record: RunRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that was recorded only has no page to open."""
    publish(RUN, record)
    assert main([*OPEN, "--run", RUN, "--folder", str(tmp_path)]) == 2
    assert f"The results of run {RUN} have no report.html" in capsys.readouterr().err
    assert main([*OPEN, "--run", RUN.replace("a", "b"), "--folder", str(tmp_path)]) == 2
    assert "lists the runs" in capsys.readouterr().err


def test_the_cache_is_where_the_system_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable counts as unset, as its specification says."""
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_folder({}, "linux") == Path("/home/me/.cache/fruits")
    assert cache_folder({"XDG_CACHE_HOME": ""}, "linux") == Path("/home/me/.cache/fruits")
    assert cache_folder({"XDG_CACHE_HOME": "/var/me"}, "linux") == Path("/var/me/fruits")
    assert cache_folder({}, "darwin") == Path("/home/me/Library/Caches/fruits")
