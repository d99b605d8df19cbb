"""Tests of the ground truth for the curation: what is planted, and what is left alone."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.planted import AGAIN, COPIES, Planted, Planting, plant
from cli.sample import VARIETIES, draw

VIEWS = 20


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw pictures of three varieties: two of apples, and one of apricots."""
    folder = tmp_path_factory.mktemp("drawn")
    for number, variety in enumerate(VARIETIES[:3]):
        (folder / variety.name).mkdir()
        for view in range(VIEWS):
            draw(variety, np.random.default_rng([number, view])).save(folder / variety.name / f"{view}.jpg")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the planted images."""
    return tmp_path_factory.mktemp("planted") / "images"


@pytest.fixture(scope="module")
def planted(images: Path, folder: Path) -> list[Planted]:
    """Plant, with the drawn pictures as photos, too."""
    return plant(images, images, folder, seed=1)


def test_every_planting_occurs_and_no_image_is_changed_twice(planted: list[Planted]) -> None:
    """Each image has one answer: no key and no source of a change occurs twice."""
    assert {one.planting for one in planted} == set(Planting)
    keys = [one.key for one in planted]
    sources = [one.source for one in planted if one.planting not in {Planting.BLANK, Planting.PHOTO}]
    assert len(set(keys)) == len(keys)
    assert len(set(sources)) == len(sources)


def test_all_other_images_have_their_bytes(images: Path, folder: Path, planted: list[Planted]) -> None:
    """What is not planted is an image of the corpus, unchanged; the sources of copies are, too."""
    digests = {hashed(file) for file in images.rglob("*.jpg")}
    keys = {one.key for one in planted}
    untouched = [file for file in folder.rglob("*.*") if file.relative_to(folder).as_posix() not in keys]
    assert {hashed(file) for file in untouched} <= digests
    gone = {one.source for one in planted if one.planting is Planting.MOVED}
    changed = {one.source for one in planted if one.key == one.source}
    assert len(untouched) == len(digests) - len(gone) - len(changed)


def test_copies_keep_their_label_and_their_source(folder: Path, planted: list[Planted]) -> None:
    """A copy has the label of its source, which still exists; an exact copy has its bytes, also in another folder."""
    copies = [one for one in planted if one.planting in COPIES]
    assert all(Path(one.key).parent.name == Path(one.source or "").parent.name for one in copies)
    assert all((folder / (one.source or "")).exists() for one in copies)
    exact = [one for one in copies if one.planting is Planting.COPY]
    assert all(hashed(folder / one.key) == hashed(folder / (one.source or "")) for one in exact)
    assert {one.key.startswith(AGAIN) for one in exact} == {True, False}
    others = [one for one in copies if one.planting is not Planting.COPY]
    assert not any(hashed(folder / one.key) == hashed(folder / (one.source or "")) for one in others)


def test_a_moved_image_lies_with_another_kind_of_fruit_only(images: Path, tmp_path: Path) -> None:
    """A moved image exists once, with its bytes, in the folder of another kind, and not of another variety."""
    for seed in range(5):
        folder = tmp_path / str(seed)
        for one in plant(images, None, folder, seed):
            if one.planting is Planting.MOVED:
                assert one.source is not None
                assert not (folder / one.source).exists()
                assert hashed(folder / one.key) == hashed(images / one.source)
                assert one.key.split()[0] != one.source.split()[0]


def test_changes_change_what_they_say(folder: Path, planted: list[Planted]) -> None:
    """Sizes, formats and brightness are those of the planting."""

    def sizes(planting: Planting) -> set[tuple[int, int]]:
        return {Image.open(folder / one.key).size for one in planted if one.planting is planting}

    assert sizes(Planting.SMALLER) == {(70, 70)}
    assert sizes(Planting.LARGER) == {(150, 150)}
    assert sizes(Planting.CROPPED_MORE) == {(94, 94)}
    assert sizes(Planting.TINY) == {(20, 20)}
    assert sizes(Planting.HUGE) == {(1000, 1000)}
    assert sizes(Planting.OBLONG) == {(100, 25)}
    formats = {Image.open(folder / one.key).format for one in planted if one.planting in {Planting.PNG, Planting.WEBP}}
    assert formats == {"PNG", "WEBP"}
    dark = [np.asarray(Image.open(folder / one.key)) for one in planted if one.planting is Planting.DARK]
    assert max(pixels.max() for pixels in dark) < 50


def test_the_seed_chooses_the_images(images: Path, tmp_path: Path, planted: list[Planted]) -> None:
    """The same seed plants the same, another seed something else."""
    assert plant(images, images, tmp_path / "same", seed=1) == planted
    assert plant(images, images, tmp_path / "other", seed=2) != planted


def hashed(file: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
