"""Tests of the listing of a local folder."""

import os
from pathlib import Path

import pytest

from cli.cloud.folder import files_below

NAMES = [
    "a.jpg",
    "a/b.jpg",
    "a b/c.jpg",
    "a-b/c.jpg",
    "a+b/c#1.jpg",
    "a0.jpg",
    "aé/x.jpg",
    "a/b/c.jpg",
    "a/b0",
    "Açaí 🍇/100 %.jpg",
    "\uff5e.jpg",
    "hidden.",
]


def _fill(folder: Path, names: list[str]) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_files_come_in_the_order_in_which_s3_lists_them(tmp_path: Path) -> None:
    """Files are sorted by the bytes of their keys, in which a folder has a slash; the bucket's listing is, too."""
    _fill(tmp_path, NAMES)
    found = [file.key for file in files_below(tmp_path)]
    assert found == sorted((f"images/{name}" for name in NAMES), key=str.encode)


def test_files_that_are_no_images_are_counted_and_not_uploaded(tmp_path: Path) -> None:
    """What a Mac, Windows, Git or an editor adds to a folder is reported as skipped, hidden folders included."""
    _fill(tmp_path, ["Plum/0.png", "Plum/.DS_Store", "__MACOSX/Plum/._0.png", ".git/HEAD", "LICENSE"])
    skipped: list[str] = []
    assert [file.name for file in files_below(tmp_path, skipped.append)] == ["Plum/0.png"]
    assert sorted(skipped) == [".git/HEAD", "LICENSE", "Plum/.DS_Store", "__MACOSX/Plum/._0.png"]


def test_empty_folders_are_skipped(tmp_path: Path) -> None:
    """An empty folder yields nothing, because a bucket has no folders."""
    (tmp_path / "Plum").mkdir()
    assert list(files_below(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("bell\a.jpg", "control characters"),
        ("new\nline/a.jpg", "control characters"),
        (os.fsdecode(b"latin\xe9.jpg"), "UTF-8"),
        (f"{'é' * 120}/{'é' * 120}/{'é' * 120}/{'é' * 120}/{'é' * 60}", "longer than 1024 bytes"),
    ],
)
def test_names_that_s3_or_the_notices_cannot_carry_are_reported(name: str, problem: str, tmp_path: Path) -> None:
    """Each such name has its reason, so that the user can rename the file, and all other files are found."""
    _fill(tmp_path, [name, "Plum/a.jpg", "z.jpg"])
    unfit = [found for found in files_below(tmp_path) if found.problem]
    assert len(unfit) == 1
    assert problem in (unfit[0].problem or "")
    assert {found.name for found in files_below(tmp_path) if not found.problem} == {"Plum/a.jpg", "z.jpg"}


def test_a_key_may_have_1024_bytes_and_not_one_more(tmp_path: Path) -> None:
    """The limit of S3 applies to the whole key, which includes `images/`."""
    folders = "/".join(["x" * 200] * 5)
    longest = f"{folders}/{'y' * (1024 - len(f'images/{folders}/'))}"
    _fill(tmp_path, [longest, f"{longest}y"])
    assert [(found.name, found.problem is None) for found in files_below(tmp_path)] == [
        (longest, True),
        (f"{longest}y", False),
    ]


def test_links_to_folders_are_followed_but_not_in_a_circle(tmp_path: Path) -> None:
    """Links are followed, as by `fruits run`, except a link to a folder above it, which would never end."""
    _fill(tmp_path, ["Plum/a.jpg"])
    (tmp_path / "Prune").symlink_to(tmp_path / "Plum")
    (tmp_path / "Plum/up").symlink_to(tmp_path)
    found = {file.name: file.problem for file in files_below(tmp_path)}
    assert found["Prune/a.jpg"] is None
    assert "leads back to a folder" in (found["Plum/up/"] or "")
    assert set(found) == {"Plum/a.jpg", "Plum/up/", "Prune/a.jpg", "Prune/up/"}


def test_a_folder_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a folder is reported with its name, and the files beside it are found."""
    _fill(tmp_path, ["Lemon/a.jpg", "Plum/a.jpg"])
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("Lemon/"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    assert [(file.name, file.problem) for file in files_below(tmp_path)] == [
        ("Lemon/", "Permission denied"),
        ("Plum/a.jpg", None),
    ]
