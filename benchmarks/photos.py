"""Decoding photos at a reduced scale and in full: `python -m benchmarks.photos IMAGES --weights FILE`.

It measures how much the features of photos of 12 megapixels differ, and how many images a core decodes and computes in
a second, by the size of the photos. The photos are synthesised: pictures of one variety on a background, with texture
of all sizes and with noise as a sensor adds it. With `--photos`, the features are those of the photos of a folder.
"""

import io
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.corpus import argument_parser
from benchmarks.measurement import Comparison, Figure, Section, Setting, Size
from spark_app.engine.interface import Features
from spark_app.engine.litert_engine import LiteRtEngine
from spark_app.engine.preprocessing import decode, prepare_decoders
from spark_app.engine.provision import provide_model, resolve_weights
from spark_app.settings import Decoding, Engine, Limits
from spark_app.storage import Storage

COMPARED = {Size.SMALL: 12, Size.FULL: 80}
"""Number of photos whose features are compared."""
MEGAPIXELS = {Size.SMALL: (2, 12), Size.FULL: (1, 2, 4, 8, 12, 24)}
TIMED = 3
"""Photos of each size of which a round measures the rate."""
GOAL_MEGAPIXELS = 12
NEIGHBOURS = 10
"""Neighbours of a photo that are compared, apart from the nearest one."""
LEAST_COSINE, LEAST_KEPT, LEAST_RATIO = 0.999, 0.99, 3.0


def main() -> None:
    """Measure, and print the figures."""
    parser = argument_parser(__doc__)
    parser.add_argument("--photos", type=Path, help="folder of JPEG photos whose features are compared")
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.FULL)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        setting = Setting(arguments.size, arguments.images, arguments.weights, Path(scratch), arguments.rounds)
        section = measure(setting, arguments.photos)
    for figure in section.figures:
        print(f"{figure.name:<64}{figure.median:10.1f} {figure.unit}")
    for comparison in section.comparisons:
        print(f"{comparison.name:<64}{comparison.median:10.5f}{'' if comparison.is_reached else '   missed'}")


def measure(setting: Setting, photos: Path | None = None) -> Section:
    """Measure the rates and the differences.

    Parameters
    ----------
    photos
        Folder of photos whose features are compared; `None` to synthesise photos.
    """
    prepare_decoders()
    engine = engine_of(setting)
    if photos:
        bodies = [file.read_bytes() for file in sorted(photos.rglob("*.jpg"))]
    else:
        bodies = list(islice(synthesised(setting.images, GOAL_MEGAPIXELS), COMPARED[setting.size]))
    figures, ratios = _rates(setting, engine)
    return Section("Photos decoded at a reduced scale", figures, (*ratios, *_differences(bodies, engine)))


def synthesised(images: Path, megapixels: float) -> Iterator[bytes]:
    """Yield JPEG files of photos without end, each of one variety, the varieties in turn.

    Parameters
    ----------
    images
        Folder of pictures, one folder per variety.
    """
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    size = (width, round(megapixels * 1e6 / width))
    varieties = [sorted(folder.glob("*.jpg")) for folder in sorted(images.iterdir()) if folder.is_dir()]
    for number, pictures in enumerate(cycle(filter(None, varieties))):
        yield _photo(pictures, size, np.random.default_rng(number))


def _photo(pictures: list[Path], size: tuple[int, int], random: np.random.Generator) -> bytes:
    """Arrange pictures on a background, add texture of all sizes and noise, and encode the result as a camera does."""
    shade = random.integers(40, 220, (3, 4, 3), dtype=np.uint8)
    scene = Image.fromarray(shade).resize(size, Image.Resampling.BICUBIC)
    for _ in range(random.integers(1, 12)):
        with Image.open(pictures[random.integers(len(pictures))]) as picture:
            side = round(min(size) * random.uniform(0.15, 0.8))
            fruit = picture.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
        left, top = (round(random.uniform(-0.2, 0.9) * length) for length in size)
        scene.paste(fruit.rotate(random.uniform(0, 360)), (left, top))
    pixels = np.asarray(scene).astype(np.float32)
    step = 1
    while step < min(size):
        texture = random.normal(0, 3, (size[1] // step + 1, size[0] // step + 1)).astype(np.float32)
        pixels += np.asarray(Image.fromarray(texture).resize(size, Image.Resampling.BICUBIC))[:, :, np.newaxis]
        step *= 3
    noise = random.standard_normal(pixels.shape, np.float32)
    pixels += noise * np.sqrt(1 + pixels.clip(0) / 64)  # a sensor's: of the reading, and of the number of photons
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def engine_of(setting: Setting) -> LiteRtEngine:
    """Return an engine with the weights of the benchmark."""
    root = Storage((setting.scratch / "model").as_uri())
    with provide_model(root, resolve_weights(setting.weights), Engine.LITERT) as model:
        return LiteRtEngine(model().payload)


def _rates(setting: Setting, engine: LiteRtEngine) -> tuple[tuple[Figure, ...], tuple[Comparison, ...]]:
    """Measure one thread that decodes and computes, by the size of the photos, with both kinds in each round."""
    figures, ratios = [], []
    for megapixels in MEGAPIXELS[setting.size]:
        bodies = list(islice(synthesised(setting.images, megapixels), TIMED))
        rates: dict[Decoding, list[float]] = {decoding: [] for decoding in Decoding}
        for _ in range(setting.rounds):
            for decoding, values in rates.items():
                start = time.perf_counter()
                for body in bodies:
                    _features(body, decoding, engine)
                values.append(len(bodies) / (time.perf_counter() - start))
        for decoding, values in rates.items():
            name = f"{megapixels} megapixels, decoded and computed: {decoding}"
            figures.append(Figure(name, "images/s", tuple(values)))
        of_rounds = zip(rates[Decoding.SCALED], rates[Decoding.FULL], strict=True)
        goal = LEAST_RATIO if megapixels == GOAL_MEGAPIXELS else None
        ratios.append(
            Comparison(f"{megapixels} megapixels: scaled / full", tuple(a / b for a, b in of_rounds), at_least=goal)
        )
        print(f"{megapixels} megapixels: {ratios[-1].median:.2f}", file=sys.stderr)
    return tuple(figures), tuple(ratios)


def _features(body: bytes, decoding: Decoding, engine: LiteRtEngine) -> Features:
    (features,) = engine.features(decode(body, Limits(), decoding).pixels[np.newaxis])
    return np.asarray(features)


def _differences(bodies: list[bytes], engine: LiteRtEngine) -> tuple[Comparison, ...]:
    """Compare the features of photos: their cosine, and the nearest neighbours among the photos."""
    found = {kind: _unit(np.stack([_features(body, kind, engine) for body in bodies])) for kind in Decoding}
    full, scaled = found[Decoding.FULL], found[Decoding.SCALED]
    cosines = (full * scaled).sum(axis=1)
    before, after, mixed = _neighbours(full, full), _neighbours(scaled, scaled), _neighbours(scaled, full)
    figures = {
        "cosine, least": (cosines.min(), LEAST_COSINE),
        "cosine, first percentile": (np.quantile(cosines, 0.01), None),
        "cosine, median": (np.median(cosines), None),
        "nearest neighbour kept": (np.mean(before[:, 0] == after[:, 0]), LEAST_KEPT),
        f"{NEIGHBOURS} nearest neighbours kept": (_shared(before, after), None),
        "nearest neighbour kept in a corpus decoded in full": (np.mean(before[:, 0] == mixed[:, 0]), LEAST_KEPT),
        f"{NEIGHBOURS} nearest neighbours kept in a corpus decoded in full": (_shared(before, mixed), None),
        "nearest neighbour kept, or another as near within 0.003": (_as_near(full, before, after), None),
    }
    return tuple(
        Comparison(f"{len(bodies)} photos: {name}", (float(value),), at_least=goal)
        for name, (value, goal) in figures.items()
    )


def _unit(features: Features) -> Features:
    return np.asarray(features / np.linalg.norm(features, axis=1, keepdims=True), np.float32)


def _neighbours(queries: Features, corpus: Features) -> np.ndarray:
    """Return the positions of the nearest other photos of each photo, by the cosine: shape (photos, `NEIGHBOURS`)."""
    cosines = queries @ corpus.T
    np.fill_diagonal(cosines, -2)
    return np.argsort(-cosines, axis=1)[:, :NEIGHBOURS]


def _shared(before: np.ndarray, after: np.ndarray) -> float:
    return float(np.mean([np.isin(one, other).mean() for one, other in zip(before, after, strict=True)]))


def _as_near(full: Features, before: np.ndarray, after: np.ndarray) -> float:
    """Return the share of photos whose nearest neighbour was, before, as near as the nearest one, but for a trifle."""
    cosines = [(full * full[nearest[:, 0]]).sum(axis=1) for nearest in (before, after)]
    return float(np.mean(cosines[1] > cosines[0] - 0.003))


if __name__ == "__main__":
    main()
