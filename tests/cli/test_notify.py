"""Tests of `fruits notify`."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cli.main import main as fruits
from contract.notices import Notice, NoticeType
from contract.summary import Latest, MatrixFile, Summary

IMAGES = ["Apple/0.png", "Apple/1.png", "Plum/0.png", 'Plum/it\'s, "+".png', "-1.png"]
RUN = "20261120T121530Z-3fa94c"
Notify = Callable[..., int]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Return a folder of images."""
    for name in IMAGES:
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_text(name)
    return tmp_path / "images"


@pytest.fixture
def output(tmp_path: Path, summary: Summary) -> Path:
    """Return the output of a run of the images and of a broken one."""
    output = tmp_path / "output"
    results = output / f"results/{RUN}"
    results.mkdir(parents=True)
    (results / "pca.csv").write_text(
        '"key","label","pc_1"\n"Apple/0.png","Apple",1\n"Apple/1.png","Apple",1\n"Plum/0.png","Plum",1\n'
        '"Plum/it\'s, ""+"".png","Plum",1\n"\'-1.png",,1\n'
    )
    (results / "rejects.csv").write_text('"key","reason","detail"\n"Plum/broken.png","empty",""\n')
    matrix = [MatrixFile(file=f"results/{RUN}/pca.csv", first_key="", rows=5)]
    (results / "summary.json").write_text(replace(summary, matrix=matrix).to_json())
    latest = Latest(run_id=RUN, results=f"results/{RUN}/", finished_at="2026-11-20T12:15:30+00:00")
    (output / "results/latest.json").write_text(latest.to_json())
    return output


@pytest.fixture
def notify(images: Path, output: Path) -> Notify:
    """Return a function that calls the command."""
    return lambda *paths: fruits(["notify", "--images", str(images), "--output", str(output), *map(str, paths)])


def _noticed(output: Path) -> dict[str, NoticeType]:
    files = sorted((output / "inbox").glob("*.jsonl")) if (output / "inbox").exists() else []
    notices = [Notice.from_json(line) for file in files for line in file.read_text().splitlines()]
    return {notice.key: notice.op for notice in notices}


def test_what_is_gone_from_a_noticed_folder_is_noticed(
    notify: Notify, images: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder yields notices of its images and of those that the last run knew, and the command says how many."""
    (images / 'Plum/it\'s, "+".png').unlink()
    (images / "Plum/.DS_Store").touch()
    assert notify("Plum") == 0
    assert _noticed(output) == {
        "Plum/0.png": NoticeType.CREATED,
        'Plum/it\'s, "+".png': NoticeType.REMOVED,
        "Plum/broken.png": NoticeType.REMOVED,
    }
    assert capsys.readouterr().out.splitlines() == [
        "Plum: 1 new or changed, 2 gone",
        "1 file was skipped, because its name is not that of an image.",
        "3 notices written. `fruits run --mode update` processes the notices.",
    ]


def test_everything_includes_what_is_gone(notify: Notify, images: Path, output: Path) -> None:
    """Without arguments, deletions in all folders are noticed, of a whole folder and of odd names, too."""
    (images / "Apple/0.png").unlink()
    (images / "Apple/1.png").unlink()
    (images / "Apple").rmdir()
    (images / "-1.png").unlink()
    assert notify() == 0
    gone = {key for key, op in _noticed(output).items() if op is NoticeType.REMOVED}
    assert gone - {"'-1.png"} == {"Apple/0.png", "Apple/1.png", "-1.png", "Plum/broken.png"}


@pytest.mark.parametrize(
    ("here", "path"),
    [
        (".", "Apple/0.png"),
        (".", "./Apple/0.png"),
        (".", "images/Apple/0.png"),
        (".", "Apple/../Apple//0.png"),
        ("images", "Apple/0.png"),
        ("images/Apple", "0.png"),
        ("images/Plum", "../Apple/0.png"),
        ("images/Plum", "Apple/0.png"),
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_a_path_from_anywhere_names_an_image(  # noqa: PLR0913 -- fixtures
    notify: Notify, images: Path, output: Path, monkeypatch: pytest.MonkeyPatch, here: str, path: str, *, exists: bool
) -> None:
    """A path begins at the current folder or at the folder of images; a deleted image may be named, too."""
    monkeypatch.chdir(images.parent / here)
    if not exists:
        (images / "Apple/0.png").unlink()
    assert notify(path) == notify((images / "Apple/0.png").absolute()) == 0
    assert _noticed(output) == {"Apple/0.png": NoticeType.CREATED if exists else NoticeType.REMOVED}


def test_the_folder_may_be_reached_by_a_link(notify: Notify, images: Path, output: Path, tmp_path: Path) -> None:
    """An absolute path through a link to the folder of images is one of its images."""
    (tmp_path / "link").symlink_to(images)
    assert notify(tmp_path / "link/Apple/0.png") == 0
    assert _noticed(output) == {"Apple/0.png": NoticeType.CREATED}


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("Aple", "Did you mean Apple?"),
        ("apple", "Did you mean Apple?"),
        ("Apple/0.PNG", "Did you mean Apple/0.png?"),
        ("/etc/passwd", "/etc/passwd does not lie below"),
        ("../x", "../x does not lie below"),
        ("Cherry", "no run has read one."),
    ],
)
def test_a_path_of_nothing_is_refused_and_nothing_is_written(
    notify: Notify,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    path: str,
    sentence: str,
) -> None:
    """A typo is not taken for a deletion; one wrong path among right ones writes no notice at all."""
    monkeypatch.chdir(output.parent / "images")
    assert notify("Plum", path) == 2
    assert sentence in capsys.readouterr().err
    assert _noticed(output) == {}


def test_a_locked_folder_is_not_taken_for_deleted(
    notify: Notify, output: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Images in a folder that can't be listed are neither noticed nor gone, and the command says so."""
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("Plum/"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    assert notify() == 0
    assert set(_noticed(output)) - {"'-1.png"} == {"Apple/0.png", "Apple/1.png", "-1.png"}
    assert "'Plum/': Permission denied" in capsys.readouterr().out


def test_a_folder_of_other_files_gets_no_notices(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped --output that is a folder of photos stays as it is."""
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").touch()
    assert fruits(["notify", "--images", str(images), "--output", str(photos)]) == 2
    assert "is not an output of this pipeline" in capsys.readouterr().err
    assert [file.name for file in photos.iterdir()] == ["a.jpg"]
