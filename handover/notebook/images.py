"""The images of the notebook: a copy of the given ones, with broken files among them, or drawn pictures."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.sample import BROKEN, draw_sample
from contract.image_names import is_no_image
from contract.layout import label_of
from spark_app.errors import ImagesError

if TYPE_CHECKING:
    from spark_app.engine.interface import Pixels

BROKEN_FOLDER = "Broken"
"""Folder of the broken files, which is their label, too."""

DRAWN_VIEWS = 12
"""Pictures that are drawn of each variety if there are no images."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An image for a figure: its key, its label, and its pixels of shape (224, 224, 3), RGB."""

    key: str
    label: str | None
    pixels: "Pixels"


def pictures_of(folder: Path, keys: Iterable[str]) -> list[Picture]:
    """Decode images as the pipeline does; leave out those that it refuses.

    Raises
    ------
    ImagesError
        If it refuses all of them.
    """
    from spark_app.engine.preprocessing import decode, prepare_decoders
    from spark_app.engine.refusals import RefusedImageError
    from spark_app.settings import Limits

    prepare_decoders()
    pictures = []
    for key in keys:
        with suppress(RefusedImageError):
            pictures.append(Picture(key, label_of(key), decode((folder / key).read_bytes(), Limits()).pixels))
    if not pictures:
        raise ImagesError(f"The first image of each variety in {folder} can't be read: set IMAGES to other images.")
    return pictures


def prepare_images(images: str | Path | None, folder: Path, most: int) -> Path:
    """Copy images to a folder, and put a broken file of each kind beside them. The given folder is only read.

    Parameters
    ----------
    images
        Folder of images, one folder per variety; `None` or empty to draw pictures.
    most
        Most images that are copied. All varieties lose about the same share of theirs.

    Raises
    ------
    ImagesError
        If the folder does not exist or contains no images.
    """
    if not images:
        draw_sample(folder, DRAWN_VIEWS)
        return folder
    source = Path(images).expanduser()
    if not source.is_dir():
        raise ImagesError(f"There is no folder {source}: set IMAGES to a folder of images, or to None for drawn ones.")
    found = sorted(_images_below(source))
    if not found:
        raise ImagesError(f"There are no images in {source}: set IMAGES to a folder of images, or to None.")
    for path in _evenly(found, most):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    _add_broken_files(folder / BROKEN_FOLDER)
    return folder


def _images_below(source: Path) -> Iterator[Path]:
    for path in source.rglob("*"):
        key = path.relative_to(source).as_posix()
        if path.is_file() and path.parent != source and path.suffix and not is_no_image(key):
            yield path


def _evenly(paths: list[Path], most: int) -> list[Path]:
    """Choose at most `most` of the sorted paths, at equal distances."""
    step = max(len(paths) / most, 1.0)
    return [paths[int(number * step)] for number in range(min(len(paths), most))]


def _add_broken_files(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, make in BROKEN.items():
        (folder / name).write_bytes(make())
