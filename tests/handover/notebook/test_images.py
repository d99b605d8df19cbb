"""Tests of the images of the notebook."""

from pathlib import Path

import pytest

from cli.sample import BROKEN
from handover.notebook.images import BROKEN_FOLDER, prepare_images
from spark_app.errors import ImagesError


def test_images_are_copied_evenly_and_broken_files_are_added(sample: Path, tmp_path: Path) -> None:
    """At most so many images are copied, of all varieties alike, and the given folder stays as it is."""
    before = sorted(sample.rglob("*"))
    copy = prepare_images(sample, tmp_path / "images", 20)
    copied = [path.parent.name for path in copy.rglob("*.jpg") if path.parent.name != BROKEN_FOLDER]
    assert len(copied) <= 20
    assert len(set(copied)) == 10
    assert {path.name for path in (copy / BROKEN_FOLDER).iterdir()} == set(BROKEN)
    assert sorted(sample.rglob("*")) == before


def test_without_images_there_is_a_sentence(tmp_path: Path) -> None:
    """A missing folder and an empty one are named."""
    with pytest.raises(ImagesError, match="There is no folder"):
        prepare_images(tmp_path / "missing", tmp_path / "images", 1)
    with pytest.raises(ImagesError, match="There are no images"):
        prepare_images(tmp_path, tmp_path / "images", 1)
