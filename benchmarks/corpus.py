"""What the benchmarks share: their options, and a folder of images with an output."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from cli.sample import draw_sample

DRAWN_PER_VARIETY = 60
"""Number of pictures of each variety that `base_images` draws."""


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, help="folder of JPEG files; `fruits sample` draws one")
    parser.add_argument("--weights", default="seeded")
    return parser


@dataclass(frozen=True)
class Corpus:
    """A folder of images, and the folder of an output."""

    images: Path
    output: Path

    @classmethod
    def below(cls, folder: Path) -> "Corpus":
        """Make an empty corpus in a folder."""
        corpus = cls(folder / "images", folder / "output")
        corpus.images.mkdir(parents=True)
        corpus.output.mkdir()
        return corpus

    def put(self, keys: list[str], pictures: Iterator[Path]) -> None:
        """Copy the next pictures to the given keys, and write notices of them with `fruits notify`."""
        for key, picture in zip(keys, islice(pictures, len(keys)), strict=True):
            (self.images / key).parent.mkdir(exist_ok=True)
            shutil.copyfile(picture, self.images / key)
        options = ["--images", str(self.images), "--output", str(self.output)]
        subprocess.run(
            [sys.executable, "-m", "cli.main", "notify", *options, *keys], check=True, stdout=subprocess.DEVNULL
        )


def base_images(folder: Path) -> Path:
    """Return a folder of small JPEG files: real ones if FRUITS_TEST_DATA names a folder of them, or drawn ones.

    Parameters
    ----------
    folder
        Folder for the pictures to draw, which does not exist yet.
    """
    real = Path(os.environ.get("FRUITS_TEST_DATA", "")) / "fruits-360"
    if "FRUITS_TEST_DATA" in os.environ and real.is_dir():
        return real
    draw_sample(folder, DRAWN_PER_VARIETY)
    shutil.rmtree(folder / "Broken")
    return folder


def copy_images(images: Path, count: int, folder: Path) -> Path:
    """Copy images until a new folder contains as many files as wanted, and return the folder."""
    pictures = cycle(sorted(images.rglob("*.jpg")))
    for number, picture in enumerate(islice(pictures, count)):
        place = folder / picture.parent.name
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, place / f"{number:06} {picture.name}")
    return folder
