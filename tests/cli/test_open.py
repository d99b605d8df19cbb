"""Tests of `fruits open` for outputs of this machine."""

from pathlib import Path

import pytest

from cli.main import main
from cli.open import has_display
from contract.layout import LATEST, LATEST_PAGE, results_folder
from contract.summary import Latest

FIRST, LAST = "20261118T080000Z-aaaaaa", "20261119T080000Z-bbbbbb"


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an output with two runs, of which the last one has an explorer."""
    for name in ("FRUITS_ENV", "DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    for run in (FIRST, LAST):
        (tmp_path / results_folder(run)).mkdir(parents=True)
        (tmp_path / results_folder(run) / "report.html").touch()
    (tmp_path / results_folder(LAST) / "explore.html").touch()
    latest = Latest(run_id=LAST, results=results_folder(LAST), finished_at="2026-11-19T08:10:00+00:00")
    (tmp_path / LATEST).write_text(latest.to_json())
    return tmp_path


@pytest.fixture
def opened(output: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give this machine a display, and return the URLs that its browser opens."""
    assert output
    urls = list[str]()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr("webbrowser.open", lambda url: urls.append(url) or True)
    return urls


@pytest.mark.parametrize(
    ("options", "file"),
    [
        ([], f"{LAST}/report.html"),
        (["--report"], f"{LAST}/report.html"),
        (["--explorer"], f"{LAST}/explore.html"),
        (["--run", FIRST], f"{FIRST}/report.html"),
    ],
)
def test_the_page_is_opened_and_its_path_printed(
    options: list[str], file: str, output: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The report of the last complete run is the default."""
    assert main(["open", "--output", str(output), *options]) == 0
    page = output / "results" / file
    assert opened == [page.as_uri()]
    assert capsys.readouterr().out == f"{page}\n"


def test_print_opens_nothing(output: Path, opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The output is the path alone, so that other commands can use it."""
    (output / LATEST_PAGE).touch()
    assert main(["open", "--output", str(output), "--print"]) == 0
    assert capsys.readouterr().out == f"{output / 'results' / LAST / 'report.html'}\n"
    assert opened == []


def test_the_page_for_bookmarks_is_named(output: Path, opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A run writes a page that always leads to the last report."""
    (output / LATEST_PAGE).touch()
    assert main(["open", "--output", str(output)]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith(f": {output / LATEST_PAGE}")
    assert len(opened) == 1


def test_without_a_display_nothing_is_opened(
    output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a server, Python would start a browser in the terminal."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("webbrowser.open", lambda _: pytest.fail("a browser was started"))
    assert main(["open", "--output", str(output)]) == 0
    assert capsys.readouterr().out.startswith(str(output))


def test_a_browser_that_does_not_start_is_said(
    output: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The path is printed nevertheless."""
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    assert main(["open", "--output", str(output)]) == 0
    assert capsys.readouterr().err == "No browser could be started: open the file yourself.\n"
    assert opened == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--run", FIRST, "--explorer"], f"The results of run {FIRST} have no explorer"),
        (["--run", FIRST, "--explorer"], "or are superseded and their explorer is deleted"),
        (["--folder", "pages"], "--folder is for an environment"),
        (["--endpoint-url", "http://127.0.0.1:5000"], "--endpoint-url is for an environment"),
        (["--run", "20261120T080000Z-cccccc"], "There are no results of run 20261120T080000Z-cccccc in "),
        (["--run", "../x"], "--run must be an id such as 20261120T121530Z-3fa94c, not '../x'."),
        (["--env", "dev"], "--output is for this machine, and --env for the cloud: leave one of them out."),
    ],
)
def test_a_mistake_is_one_sentence(
    options: list[str], sentence: str, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results without an explorer are a mistake, too: nothing is opened in its place."""
    assert main(["open", "--output", str(output), *options]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_an_output_without_complete_results_says_how_to_make_them(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing or damaged pointer is no traceback."""
    if content is not None:
        (tmp_path / "results").mkdir()
        (tmp_path / LATEST).write_bytes(content)
    assert main(["open", "--output", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told == f"fruits: There are no complete results in {tmp_path}: `fruits run` makes them.\n"


def test_the_variable_does_not_override_an_output(
    output: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who works with an environment may look at an output of this machine all the same."""
    monkeypatch.setenv("FRUITS_ENV", "dev")
    assert main(["open", "--output", str(output)]) == 0
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("variables", "platform", "expected"),
    [({}, "linux", False), ({"DISPLAY": ""}, "linux", False), ({"BROWSER": "x"}, "linux", True), ({}, "darwin", True)],
)
def test_displays(variables: dict[str, str], platform: str, expected: bool) -> None:  # noqa: FBT001 -- a parameter
    """Only Linux has machines without a display that people work on."""
    assert has_display(variables, platform) is expected
