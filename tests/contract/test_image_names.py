"""Tests of the rule that tells from a name that a file is no image."""

import pytest

from contract.image_names import is_no_image, skipped_in_words


@pytest.mark.parametrize(
    "key",
    [
        "__MACOSX/Apple/._0.png",
        "Apple/.DS_Store",
        "Apple/._0.png",
        "Apple/Thumbs.db",
        "Apple/THUMBS.DB",
        "Apple/desktop.ini",
        "Apple/Icon\r",
        ".ipynb_checkpoints/0.png",
        "Apple/.ipynb_checkpoints/0-checkpoint.png",
        ".git/objects/ab/cdef",
        ".Trash-1000/",
        "lost+found/",
        "Apple/@eaDir/0.jpg/SYNOPHOTO_THUMB_M.jpg",
        "$RECYCLE.BIN/S-1/0.png",
        "LICENSE",
        "LICENSE-MIT",
        "license.txt",
        "README",
        "Readme.md",
        "Apple/readme.de.html",
        "COPYING",
        "CITATION.cff",
        "Apple/IMG_0001.AAE",
        "Apple/0.xmp",
        "@Recycle/Apple/0.png",
        "Apple/@tmp/0.png",
        "Apple/Thumbs.db:encryptable",
        "Apple/0.jpg.part",
        "Apple/0.jpg.crdownload",
        "Apple/0.jpg~",
        "Apple/~$list.xlsx",
    ],
)
def test_a_file_that_is_no_image_by_name_is_recognised(key: str) -> None:
    """Hidden files, what systems add, sidecar files and documents are recognised in any folder and any case."""
    assert is_no_image(key)


@pytest.mark.parametrize(
    "key",
    [
        "Apple/0.png",
        "0",
        "Apple/readme.jpg",
        "README/0.png",
        "License plates/0.png",
        "Apple/thumbs.png",
        "Apple/manual.pdf",
        "Apple/notes.txt",
        "Apple/licensed.txt",
        "macosx/0.png",
        "Apple/0.jpg.",
        "Apple/_0.png",
        "a/../b.png",
        "Apple/",
    ],
)
def test_every_other_file_is_read_or_refused_with_a_reason(key: str) -> None:
    """A file that may be meant as an image is never skipped because of its name."""
    assert not is_no_image(key)


def test_skipped_files_are_counted_in_words() -> None:
    """The number of skipped files is told in a sentence."""
    assert skipped_in_words(1) == "1 file was skipped, because its name is not that of an image."
    assert skipped_in_words(1_030) == "1,030 files were skipped, because their names are not those of images."
