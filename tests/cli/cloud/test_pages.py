"""Tests of `fruits open` for an environment."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.cloud.environment import Deployment
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


def test_the_cache_keeps_no_page_that_the_results_lack(
    publish: Publish,
    put: Put,
    deployment: Deployment,
    summary: Summary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pages of other runs, and a page that is deleted in the bucket, may show erased images. The cache is private."""
    monkeypatch.setattr("cli.cloud.pages.cache_folder", lambda *_: tmp_path)
    other, strange = tmp_path / "dev" / RUN.replace("a", "b"), tmp_path / "dev/of another program"
    for folder in (other, strange):
        folder.mkdir(parents=True)
        (folder / "explore.html").touch()
    (tmp_path / "dev").chmod(0o755)
    publish(RUN, None, summary)
    put(f"results/{RUN}/explore.html", b"<html>explorer</html>")
    assert main(OPEN) == 0
    assert (tmp_path / "dev").stat().st_mode & 0o777 == 0o700
    assert not other.exists()
    assert (strange / "explore.html").exists()
    assert {file.name for file in (tmp_path / "dev" / RUN).iterdir()} == {"report.html", "explore.html"}
    deployment.s3.delete_object(Bucket=deployment.bucket, Key=f"results/{RUN}/explore.html")
    assert main(OPEN) == 0
    assert [file.name for file in (tmp_path / "dev" / RUN).iterdir()] == ["report.html"]


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
