"""A ground truth for the curation: real images with planted copies, wrong labels and bad pictures.

`plant` copies a folder of images, and changes a part of them in known ways. It changes no image in two ways: a copy of
a copy, or a moved image whose copy stays in its folder, would have no clear answer.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter


class Planting(StrEnum):
    """What was done to an image."""

    COPY = "exact copy"
    """The same bytes, under another name or in another folder of the same label."""
    JPEG = "as JPEG of quality 60"
    PNG = "as PNG"
    WEBP = "as WebP of quality 75"
    SMALLER = "resized to 70 %"
    LARGER = "resized to 150 %"
    CROPPED = "cropped by 2 % on each side"
    CROPPED_MORE = "cropped by 3 % on each side"
    BRIGHTENED = "brightened by 15 %"
    MOVED = "in the folder of another kind of fruit"
    PHOTO = "photo among studio pictures"
    BLURRED_1 = "blurred, 1 % of the side"
    BLURRED_2 = "blurred, 2 % of the side"
    BLURRED_4 = "blurred, 4 % of the side"
    BLURRED_8 = "blurred, 8 % of the side"
    DARK = "dark: 8 % of the light"
    OVEREXPOSED = "overexposed: 600 % of the light"
    FADED = "faded: 95 % white laid over"
    BLANK = "of a single color"
    TINY = "resized to a fifth"
    HUGE = "resized to ten times"
    OBLONG = "a strip of a quarter of the height"


COPIES = frozenset(
    {
        Planting.COPY,
        Planting.JPEG,
        Planting.PNG,
        Planting.WEBP,
        Planting.SMALLER,
        Planting.LARGER,
        Planting.CROPPED,
        Planting.CROPPED_MORE,
        Planting.BRIGHTENED,
    }
)
"""Plantings that leave the image, and add another one that shows the same."""


@dataclass(frozen=True)
class Planted:
    """An image that was planted."""

    key: str
    planting: Planting
    source: str | None
    """Key of the image that it was made of: below the folder for copies, below the given images for the others; below
    the given photos for a photo. `None` if it was made of nothing."""


Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Recipe:
    """How many images are changed in a way, and how."""

    planting: Planting
    share: float
    """Share of all images; at least one is changed."""
    change: Change
    suffix: str = ".jpg"
    quality: int = 92
    """Quality of the encoder, which PNG ignores."""


def _unchanged(image: Image.Image) -> Image.Image:
    return image


def _resized(factor: float) -> Change:
    def change(image: Image.Image) -> Image.Image:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        return image.resize(size, Image.Resampling.LANCZOS)

    return change


def _cropped(share: float) -> Change:
    def change(image: Image.Image) -> Image.Image:
        x, y = round(image.width * share), round(image.height * share)
        return image.crop((x, y, image.width - x, image.height - y))

    return change


def _lit(factor: float) -> Change:
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


def _blurred(share: float) -> Change:
    return lambda image: image.filter(ImageFilter.GaussianBlur(share * min(image.size)))


def _faded(image: Image.Image) -> Image.Image:
    return Image.blend(image, Image.new("RGB", image.size, "white"), 0.95)


def _strip(image: Image.Image) -> Image.Image:
    top = image.height * 3 // 8
    return image.crop((0, top, image.width, top + max(1, image.height // 4)))


RECIPES = (
    Recipe(Planting.JPEG, 1 / 30, _unchanged, quality=60),
    Recipe(Planting.PNG, 1 / 60, _unchanged, ".png"),
    Recipe(Planting.WEBP, 1 / 60, _unchanged, ".webp", 75),
    Recipe(Planting.SMALLER, 1 / 30, _resized(0.7)),
    Recipe(Planting.LARGER, 1 / 30, _resized(1.5)),
    Recipe(Planting.CROPPED, 1 / 30, _cropped(0.02)),
    Recipe(Planting.CROPPED_MORE, 1 / 30, _cropped(0.03)),
    Recipe(Planting.BRIGHTENED, 1 / 30, _lit(1.15)),
    Recipe(Planting.BLURRED_1, 1 / 100, _blurred(0.01)),
    Recipe(Planting.BLURRED_2, 1 / 100, _blurred(0.02)),
    Recipe(Planting.BLURRED_4, 1 / 100, _blurred(0.04)),
    Recipe(Planting.BLURRED_8, 1 / 100, _blurred(0.08)),
    Recipe(Planting.DARK, 1 / 40, _lit(0.08)),
    Recipe(Planting.OVEREXPOSED, 1 / 40, _lit(6.0)),
    Recipe(Planting.FADED, 1 / 60, _faded),
    Recipe(Planting.TINY, 1 / 120, _resized(0.2)),
    Recipe(Planting.HUGE, 1 / 120, _resized(10.0)),
    Recipe(Planting.OBLONG, 1 / 120, _strip),
)
"""Changes of single images. Copies stand beside their source; the others replace it."""

COPY_SHARE = MOVED_SHARE = 1 / 30

PHOTOS = 10

AGAIN = "Second upload"
"""Folder, above those of the labels, of every other exact copy."""

GREYS = (0, 255, 128, 240, 30)
"""Grey values of the images of a single color, of which there is one each."""


def plant(images: Path, photos: Path | None, folder: Path, seed: int) -> list[Planted]:
    """Copy images to a new folder, and plant changes.

    Parameters
    ----------
    images
        Folder of studio pictures in JPEG, in one folder per variety. The first word of a variety is its kind.
    photos
        Folder of other photos in JPEG, of which some are put into the folders of the varieties; `None` to put none.
    folder
        Folder that does not exist yet.
    seed
        Chooses the images that are changed.

    Returns
    -------
    list of Planted
        One entry per image that was added, changed or moved.
    """
    random = np.random.default_rng(seed)
    keys = [file.relative_to(images).as_posix() for file in sorted(images.rglob("*.jpg"))]
    for key in keys:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(images / key, folder / key)
    labels = sorted({_label_of(key) for key in keys})
    remaining = iter(random.permutation(keys).tolist())

    def some(share: float) -> Iterator[str]:
        return islice(remaining, max(1, round(share * len(keys))))

    planted = [
        *_copied(folder, some(COPY_SHARE)),
        *_moved(folder, some(MOVED_SHARE), labels, random),
        *chain.from_iterable(_changed(folder, recipe, some(recipe.share)) for recipe in RECIPES),
        *_blank(folder, labels, random),
    ]
    return planted + (list(_photos(folder, photos, labels, random)) if photos else [])


def _label_of(key: str) -> str:
    return Path(key).parent.name


def _kind_of(label: str) -> str:
    return label.split(maxsplit=1)[0]


def _copied(folder: Path, sources: Iterable[str]) -> Iterator[Planted]:
    """Copy files, in turn beside their source and to a folder of the same label elsewhere."""
    for number, source in enumerate(sources):
        place = Path(source).parent if number % 2 else Path(AGAIN) / _label_of(source)
        key = (place / f"copy {number:02}.jpg").as_posix()
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / source, folder / key)
        yield Planted(key, Planting.COPY, source)


def _moved(folder: Path, sources: Iterable[str], labels: list[str], random: np.random.Generator) -> Iterator[Planted]:
    """Move files to the folder of another kind of fruit, or of another variety if there is one kind only."""
    for number, source in enumerate(sources):
        own = _label_of(source)
        others = [label for label in labels if _kind_of(label) != _kind_of(own)]
        label = random.choice(others or [label for label in labels if label != own])
        key = f"{label}/moved {number:02}.jpg"
        (folder / source).rename(folder / key)
        yield Planted(key, Planting.MOVED, source)


def _changed(folder: Path, recipe: Recipe, sources: Iterable[str]) -> Iterator[Planted]:
    """Write changed images: beside their source if they show the same, otherwise in its place."""
    for number, source in enumerate(sources):
        key = source
        if recipe.planting in COPIES:
            key = f"{Path(source).parent.as_posix()}/{recipe.planting.name.lower()} {number:02}{recipe.suffix}"
        with Image.open(folder / source) as opened:
            image = recipe.change(opened.convert("RGB"))
        image.save(folder / key, quality=recipe.quality)
        yield Planted(key, recipe.planting, source)


def _blank(folder: Path, labels: list[str], random: np.random.Generator) -> Iterator[Planted]:
    """Write an image of each grey value."""
    for grey in GREYS:
        key = f"{random.choice(labels)}/grey {grey:03}.jpg"
        Image.new("RGB", (100, 100), (grey, grey, grey)).save(folder / key)
        yield Planted(key, Planting.BLANK, None)


def _photos(folder: Path, photos: Path, labels: list[str], random: np.random.Generator) -> Iterator[Planted]:
    """Copy photos to the folders of varieties."""
    files = sorted(photos.rglob("*.jpg"))
    for number in random.permutation(len(files))[:PHOTOS]:
        key = f"{random.choice(labels)}/photo {number:02}.jpg"
        shutil.copyfile(files[number], folder / key)
        yield Planted(key, Planting.PHOTO, files[number].relative_to(photos).as_posix())
