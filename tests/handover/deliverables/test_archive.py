"""Tests of the archive of the deliverables."""

import subprocess
import unicodedata
from pathlib import Path
from zipfile import ZipFile

import nbformat
import pytest
from PIL import Image

from handover.deliverables.archive import Parts, pack
from handover.deliverables.names import Naming
from handover.errors import HandoverError
from localspark.java import find_java

NAMING = Naming(name="Lefèvre D'Arc Chloé", month="112026")
STEM = "Lefèvre_D'Arc_Chloé"


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """Make small files of the right kinds."""
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "fruits.ipynb")
    (tmp_path / "fruits.html").write_text("<html></html>")
    Image.new("RGB", (8, 8)).save(tmp_path / "fruits.pdf")
    (tmp_path / "deliverable/images/Poire Épicée").mkdir(parents=True)
    (tmp_path / "deliverable/images/Poire Épicée/été.jpg").write_bytes(b"image")
    (tmp_path / "deliverable/results").mkdir()
    (tmp_path / "deliverable/results/pca.csv").write_text("key,label,pc_1\n")
    return Parts(
        notebook=tmp_path / "fruits.ipynb",
        page=tmp_path / "fruits.html",
        images=tmp_path / "deliverable",
        presentation=tmp_path / "fruits.pdf",
    )


def test_the_archive_has_the_names_that_the_school_asks_for(parts: Parts, tmp_path: Path) -> None:
    """Three deliverables with number, word and month; everything can be read again."""
    path = pack(parts, NAMING, tmp_path / "made")
    assert path.name == NAMING.archive
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            f"{STEM}_1_notebook_112026.html",
            f"{STEM}_1_notebook_112026.ipynb",
            f"{STEM}_2_images_112026/images/Poire Épicée/été.jpg",
            f"{STEM}_2_images_112026/results/pca.csv",
            f"{STEM}_3_presentation_112026.pdf",
        ]
        assert archive.read(f"{STEM}_3_presentation_112026.pdf").startswith(b"%PDF-")
        nbformat.validate(nbformat.reads(archive.read(f"{STEM}_1_notebook_112026.ipynb").decode(), as_version=4))
        assert all(entry.flag_bits & 0x800 for entry in archive.infolist()), "names are marked as UTF-8"
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 11, 1, 0, 0, 0)}


def test_another_program_reads_the_names(parts: Parts, tmp_path: Path) -> None:
    """Names with accents survive in Java's reader of archives, which is no part of Python."""
    jar = find_java({}) / "bin/jar"
    if not jar.exists():
        pytest.skip("this Java has no jar command")
    listed = subprocess.run(
        [str(jar), "--list", "--file", str(pack(parts, NAMING, tmp_path / "made"))],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8"},
    ).stdout.decode()
    assert f"{STEM}_1_notebook_112026.ipynb" in unicodedata.normalize("NFC", listed)


def test_the_same_files_make_the_same_archive(parts: Parts, tmp_path: Path) -> None:
    """Neither the time of the making nor the order of the folder changes a byte, and an old archive is replaced."""
    first = pack(parts, NAMING, tmp_path / "made").read_bytes()
    (tmp_path / "deliverable/results/pca.csv").touch()
    (tmp_path / "made" / NAMING.archive).write_bytes(b"old")
    assert pack(parts, NAMING, tmp_path / "made").read_bytes() == first
    assert [path.name for path in (tmp_path / "made").iterdir()] == [NAMING.archive]


def test_a_missing_part_makes_no_archive(parts: Parts, tmp_path: Path) -> None:
    """The sentence names the file."""
    parts.presentation.unlink()
    with pytest.raises(HandoverError, match=r"There is no file .*fruits\.pdf"):
        pack(parts, NAMING, tmp_path / "made")
    assert not (tmp_path / "made").exists()
