"""How far copies and frames of a rotation are apart: `python -m benchmarks.near_pairs IMAGES --weights FILE`.

The program plants copies among the images as `benchmarks.curation` does, runs `fruits run` on them, and prints for each
kind of pair in how many bits the hashes differ, the cosine of the features as the components represent them, and the
share of the pairs that are near-duplicates with several limits. IMAGES is Fruits-360, in whose file names the number of
a frame stands before the last ``_``.
"""

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from benchmarks.corpus import argument_parser
from benchmarks.memory import timed
from benchmarks.planted import COPIES, Planted, Planting, plant
from contract.layout import BASES, TABLES, BasisFile
from contract.tables import Table
from spark_app.curation.corpus import origin_of
from spark_app.numerics.cosines import cosines
from spark_app.numerics.neighbours import NearRule
from spark_app.numerics.pca import Basis

ROUNDS = 3
BITS = (4, 6, 8, 10, 12)
"""Limits of which the share is printed."""

APART = ((1, 2), (3, 5), (6, 10), (11, 20), (21, 40))
"""Distances of frames, of 327 in a turn."""

FRAME = re.compile(r"(.*/(?:r\d*_)?)(\d+)_\d+\.jpg")


@dataclass(frozen=True, eq=False)
class Measured:
    """Hashes and coordinates of all images of an output."""

    places: dict[str, int]
    """Positions of the images by their keys."""
    hashes: npt.NDArray[np.uint64]
    coordinates: npt.NDArray[np.float32]
    origin: npt.NDArray[np.float32]

    @classmethod
    def of(cls, output: Path) -> "Measured":
        """Read the tables of an output in which nothing was replaced yet."""
        tables = {name: output / TABLES / "fruits" / name / "data" for name in (Table.FEATURES, Table.COMPONENTS)}
        images = pq.read_table(tables[Table.FEATURES], columns=["key", "perceptual_hash"]).sort_by("key")
        components = pq.read_table(tables[Table.COMPONENTS], columns=["key", "components"]).sort_by("key")
        with np.load(next((output / BASES).glob(f"*/{BasisFile.BASIS}"))) as arrays:
            names = ("mean", "scale", "components", "spectrum", "count")
            basis = Basis(*(arrays[name] for name in names))
        return cls(
            {key: place for place, key in enumerate(images["key"].to_pylist())},
            images["perceptual_hash"].fill_null(0).to_numpy().view(np.uint64),
            np.stack(components["components"].to_numpy()),
            origin_of(basis),
        )

    def compare(self, left: str, right: str) -> tuple[int, float]:
        """Return the bits in which the hashes of two images differ, and the cosine of their features."""
        one, other = (self.places[key] for key in (left, right))
        bits = int(np.bitwise_count(self.hashes[one] ^ self.hashes[other]))
        return bits, float(cosines(self.coordinates[[one]], self.coordinates[[other]], self.origin)[0])


def main() -> None:
    """Measure, and print a table."""
    arguments = argument_parser(__doc__).parse_args()
    found: dict[str, list[tuple[int, float]]] = {str(name): [] for name in (*Planting, *map(_apart, APART))}
    for seed in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            images, output = Path(folder) / "images", Path(folder) / "output"
            planted = plant(arguments.images, None, images, seed)
            options = ["--images", str(images), "--output", str(output), "--weights", arguments.weights]
            timed("cli.main", "run", *options)
            measured = Measured.of(output)
            for name, left, right in [*copies(planted), *frames(measured.places.keys() - {one.key for one in planted})]:
                found[name].append(measured.compare(left, right))
    limits = "".join(f"{f'{bits} bits':>9}" for bits in BITS)
    print(f"{'':<32}{'pairs':>6}{'bits 50 %':>11}{'95 %':>6}{'cosine 5 %':>12}{'50 %':>7}{limits}")
    for name, pairs in found.items():
        if pairs:
            print(_line(name, pairs))


def _apart(distance: tuple[int, int]) -> str:
    return "frames {} to {} apart".format(*distance)


def copies(planted: list[Planted]) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each planting of a copy, and the keys of the copy and its source."""
    yield from (
        (one.planting, one.key, one.source) for one in planted if one.planting in COPIES and one.source is not None
    )


def frames(keys: set[str]) -> Iterator[tuple[str, str, str]]:
    """Yield how far frames of one rotation are apart, and their keys."""
    rotations: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for key in keys:
        if match := FRAME.fullmatch(key):
            rotations[match[1]].append((int(match[2]), key))
    for rotation in rotations.values():
        for (number, key), (later, other) in combinations(sorted(rotation), 2):
            yield from ((_apart((least, most)), key, other) for least, most in APART if least <= later - number <= most)


def _line(name: str, pairs: list[tuple[int, float]]) -> str:
    bits, similarity = map(np.array, zip(*pairs, strict=True))
    shares = (NearRule(bits=most).are_near(bits, similarity).mean() for most in BITS)
    return (
        f"{name:<32}{len(pairs):>6}{np.median(bits):>11.0f}{np.percentile(bits, 95):>6.0f}"
        f"{np.percentile(similarity, 5):>12.3f}{np.median(similarity):>7.3f}"
        + "".join(f"{share:>9.2f}" for share in shares)
    )


if __name__ == "__main__":
    main()
