"""Tests of the drawn sample."""

from pathlib import Path

import pytest

from cli.sample import BROKEN, VARIETIES, draw_sample
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.engine.refusals import RefusedImageError
from spark_app.settings import Limits


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_sample_is_the_same_whenever_it_is_drawn(tmp_path: Path) -> None:
    """The sample has the same bytes on all machines, and drawing it again changes no file."""
    assert draw_sample(tmp_path / "one", 2) == 2 * len(VARIETIES)
    draw_sample(tmp_path / "two", 2)
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "one").rglob("*")}
    draw_sample(tmp_path / "one", 2)
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "one").rglob("*")} == before


def test_pictures_can_be_read_and_broken_files_cannot(tmp_path: Path) -> None:
    """The pictures are 100x100 and all different, in folders that may have spaces; no broken file can be decoded."""
    draw_sample(tmp_path, 2)
    prepare_decoders()
    contents = _contents(tmp_path)
    pictures = [body for key, body in contents.items() if not key.startswith("Broken/")]
    assert len(set(pictures)) == len(pictures) == 2 * len(VARIETIES)
    assert all(decode(body, Limits()).width == 100 for body in pictures)
    assert any(" " in variety.name for variety in VARIETIES)
    for name in BROKEN:
        with pytest.raises(RefusedImageError):
            decode(contents[f"Broken/{name}"], Limits())
