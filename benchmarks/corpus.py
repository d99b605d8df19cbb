"""What the benchmarks share: their options, and a folder of images with an output."""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path


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
