"""The rate of featurising with images in S3, with several delays: `python -m benchmarks.object_storage IMAGES`.

`benchmarks.object_server` adds 0, 30 and 100 ms to each request, and counts the requests: one GET per image, and no
HEAD. The output is a folder of this machine. A further pair of runs reads larger files, of about 100 KB.

The rate is that of the step `featurise`, from its start to its end, with the start of its workers.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

from PIL import Image

from benchmarks.measurement import Comparison, Figure, Section, Setting, Size
from benchmarks.object_server import running_server

IMAGES = {"small": 2_000, "larger": 500}
"""Number of images in each bucket."""
LARGER_SIZE = (640, 640)

DELAYS = {
    Size.SMALL: (("small", (0.0, 0.1)),),
    Size.FULL: (("small", (0.0, 0.03, 0.1)), ("larger", (0.0, 0.1))),
}
"""Seconds added to each request, for each bucket."""


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, help="folder of JPEG files; `fruits sample` draws one")
    parser.add_argument("--weights", default="seeded")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=Size, default=Size.FULL, choices=list(Size))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        setting = Setting(arguments.size, arguments.images, arguments.weights, Path(scratch), arguments.rounds)
        section = measure(setting)
    for figure in section.figures:
        print(f"{figure.name:<70}{figure.median:8.1f} {figure.unit}")
    for comparison in section.comparisons:
        print(f"{comparison.name:<70}{comparison.median:8.2f} ({'reached' if comparison.is_reached else 'missed'})")


def measure(setting: Setting) -> Section:
    """Measure the images per second with each delay, and check the requests."""
    buckets = setting.scratch / "buckets"
    for name, _ in DELAYS[setting.size]:
        _fill(setting, buckets / name, IMAGES[name] if setting.size is Size.FULL else 500, name)
    output = setting.scratch / "output"
    _run(setting, buckets, "small", 0.0, output)  # exports the model, if the weights are not an exported model
    rates: dict[tuple[str, float], list[float]] = {}
    for round_number in range(setting.rounds):
        for name, delays in DELAYS[setting.size]:
            for delay in delays:
                print(f"object storage, round {round_number + 1}: {_words(name, delay)}", file=sys.stderr)
                rates.setdefault((name, delay), []).append(_run(setting, buckets, name, delay, output))
    figures = tuple(
        Figure(f"featurise, {_words(name, delay)}", "images/s", tuple(values))
        for (name, delay), values in rates.items()
    )
    comparisons = tuple(
        Comparison(
            f"rate, {_words(name, delay)} / 0 ms",
            tuple(slow / fast for slow, fast in zip(values, rates[name, 0.0], strict=True)),
            at_least=0.9,
        )
        for (name, delay), values in rates.items()
        if delay
    )
    return Section("Images in object storage", figures, comparisons)


def _words(name: str, delay: float) -> str:
    return f"{name} images, {delay * 1000:.0f} ms per request"


def _run(setting: Setting, buckets: Path, bucket: str, delay: float, output: Path) -> float:
    """Compute the features of all images of a bucket; return the images per second."""
    for folder in output.iterdir() if output.exists() else ():
        if folder.name != "models":
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    images = sum(path.is_file() for path in (buckets / bucket).rglob("*"))
    with running_server(buckets, delay) as server:
        command = [sys.executable, "-m", "cli.main", "run", "--images", f"s3://{bucket}/images"]
        command += ["--output", str(output), "--weights", setting.weights]
        subprocess.run(command, env=os.environ | server.environment, stdout=subprocess.DEVNULL, check=True)
        counts = server.take_counts()
    if (counts.get("GET"), counts.get("HEAD")) != (images, None):
        raise SystemExit(f"{images} images caused these requests: {counts}.")
    (summary,) = output.glob("results/*/summary.json")
    seconds: float = json.loads(summary.read_bytes())["timings"]["featurise"]
    return images / seconds


def _fill(setting: Setting, bucket: Path, number: int, name: str) -> None:
    """Put images in a bucket, enlarged in the bucket of larger images."""
    pictures = cycle(sorted(setting.images.rglob("*.jpg")))
    for index, picture in enumerate(islice(pictures, number)):
        path = bucket / "images" / f"variety {index // 100:04}" / f"{index:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "small":
            shutil.copyfile(picture, path)
        else:
            with Image.open(picture) as image:
                image.resize(LARGER_SIZE).save(path, quality=95)


if __name__ == "__main__":
    main()
