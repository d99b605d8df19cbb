"""Tests of the listing of images."""

from pathlib import Path

import pytest

from spark_app.errors import ImagesError
from spark_app.stages.listing import NAMED_AT_MOST, Omissions, check_images, list_images
from spark_app.storage import Storage, Unlisted


def _fill(folder: Path, *names: str) -> Storage:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return Storage(folder.as_uri())


def _keys(images: Storage, omissions: Omissions) -> list[str]:
    return [key for batch in list_images(images, omissions) for key in batch["key"].to_pylist()]


def test_files_that_are_no_images_are_skipped_and_counted(tmp_path: Path) -> None:
    """A folder from a Mac's ZIP yields its images and the number of the other files, also of those with odd names."""
    images = _fill(tmp_path, "Plum/0.png", "Plum/.DS_Store", "Plum/Icon\r", "__MACOSX/Plum/._0.png", "README.md")
    omissions = Omissions()
    assert _keys(images, omissions) == ["Plum/0.png"]
    assert (omissions.skipped, omissions.unlisted) == (4, [])
    assert omissions.in_words() == ["4 files were skipped, because their names are not those of images."]


def test_a_folder_of_nothing_but_such_files_has_no_images(tmp_path: Path) -> None:
    """The error says that there are files, and why they do not count."""
    with pytest.raises(
        ImagesError, match=r"There are no images in .*\. 1 file was skipped, because its name is not that of an image\."
    ):
        check_images(_fill(tmp_path, "Plum/.DS_Store"))


def test_of_many_omissions_the_first_are_named() -> None:
    """A run names some of the files that it can't read, and counts the others."""
    omissions = Omissions(unlisted=[Unlisted(f"{number}", "broken") for number in range(NAMED_AT_MOST + 3)])
    words = omissions.in_words()
    assert len(words) == NAMED_AT_MOST + 1
    assert words[-1].startswith("3 more")
