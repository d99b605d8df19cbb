"""`fruits upload` of small files in comparison with `aws s3 sync`: `python -m benchmarks.upload IMAGES`.

Both send the same files to an empty bucket of `benchmarks.object_server` on this machine. The times are those of whole
commands. Three more figures tell what the results mean: the rate of boto3 alone, which `fruits upload` used for all
files before, the rate of a client that only sends, which shows that the server is not the limit, and the rate of
`fruits upload` with a delay of 30 ms per request, as S3 takes from an office.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

from benchmarks.measurement import Comparison, Figure, Section, Setting, Size
from benchmarks.object_server import RunningServer, running_server

FILES = {Size.SMALL: 1_000, Size.FULL: 10_000}

DELAY = 0.03
"""Seconds that S3 takes for a request, in a Region that is not far away."""

AWS = Path("build/peers/bin/aws")
"""The command of AWS, in the environment of the other programs."""

BUCKET = "data"
SENDING, BOTO3, SYNC, OURS, DELAYED = (
    "client that only sends, to know the maximum of the server",
    "fruits upload, all files with boto3",
    "aws s3 sync",
    "fruits upload",
    f"fruits upload, {DELAY * 1000:.0f} ms per request",
)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, help="folder of JPEG files; `fruits sample` draws one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=Size, default=Size.FULL, choices=list(Size))
    parser.add_argument("--send", nargs=2, metavar=("URL", "HOW"), help=argparse.SUPPRESS)  # for the calls of `measure`
    arguments = parser.parse_args()
    if arguments.send:
        _send(arguments.images, *arguments.send)
        return
    with tempfile.TemporaryDirectory() as scratch:
        section = measure(Setting(arguments.size, arguments.images, "seeded", Path(scratch), arguments.rounds))
    for figure in section.figures:
        print(f"{figure.name:<70}{figure.median:8.0f} {figure.unit}")
    for comparison in section.comparisons:
        print(f"{comparison.name:<70}{comparison.median:8.2f} ({'reached' if comparison.is_reached else 'missed'})")


def measure(setting: Setting) -> Section:
    """Measure the files per second of each way to upload them."""
    files = FILES[setting.size]
    folder = _copies(setting.images, setting.scratch / "files", files)
    ways = _ways(folder)
    values: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(setting.rounds):
        for name, way in ways.items():
            print(f"upload, round {round_number + 1}: {name}", file=sys.stderr)
            with _empty_bucket(setting.scratch, DELAY if name == DELAYED else 0.0) as server:
                start = time.perf_counter()
                way(server)
                values[name].append(files / (time.perf_counter() - start))
                _check(server, files)
    figures = tuple(Figure(f"{files:,} files: {name}", "files/s", tuple(rates)) for name, rates in values.items())
    others = [(BOTO3, 1.5), *([(SYNC, 1.0)] if SYNC in values else [])]
    return Section("Upload of small files", figures, tuple(_compared(values, other, least) for other, least in others))


def _compared(values: dict[str, list[float]], other: str, least: float) -> Comparison:
    ratios = tuple(ours / theirs for ours, theirs in zip(values[OURS], values[other], strict=True))
    return Comparison(f"files/s: {OURS} / {other}", ratios, at_least=least)


def _ways(folder: Path) -> dict[str, Callable[[RunningServer], None]]:
    ways = {
        SENDING: lambda server: _run(server, *_this(folder, server, "only-send")),
        BOTO3: lambda server: _run(server, *_this(folder, server, "boto3")),
        SYNC: lambda server: _run(
            server, str(AWS), "s3", "sync", "--only-show-errors", str(folder), f"s3://{BUCKET}/images"
        ),
        OURS: lambda server: _run(server, *_upload(folder, server)),
        DELAYED: lambda server: _run(server, *_upload(folder, server)),
    }
    if not AWS.exists():
        print(f"upload: there is no {AWS}, so {SYNC} is left out", file=sys.stderr)
        del ways[SYNC]
    return ways


def _upload(folder: Path, server: RunningServer) -> list[str]:
    return [sys.executable, "-m", "cli.main", "upload", str(folder), "--env", "dev", "--endpoint-url", server.url]


def _this(folder: Path, server: RunningServer, how: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.upload", str(folder), "--send", server.url, how]


def _run(server: RunningServer, *command: str) -> None:
    subprocess.run(command, env=os.environ | server.environment, stdout=subprocess.DEVNULL, check=True)


def _send(folder: Path, url: str, how: str) -> None:
    """Upload in this process, either with boto3 alone, or without all that `fruits upload` does besides sending."""
    if how == "boto3":
        from cli.cloud import sender
        from cli.main import main as fruits

        sender.LARGEST_SMALL_FILE = -1
        raise SystemExit(fruits(["upload", str(folder), "--env", "dev", "--endpoint-url", url]))
    import boto3

    from cli.cloud.parallel import in_parallel
    from spark_app.storage import writer_to

    write = writer_to(BUCKET, boto3.Session(), url, "eu-west-1")
    files = [path for path in folder.rglob("*") if path.is_file()]
    for _ in in_parallel(lambda path: write(f"images/{path.relative_to(folder)}", path.read_bytes()), files):
        pass


@contextmanager
def _empty_bucket(scratch: Path, delay: float) -> Iterator[RunningServer]:
    buckets = scratch / "buckets"
    (buckets / BUCKET).mkdir(parents=True)
    try:
        with running_server(buckets, delay) as server:
            yield server
    finally:
        shutil.rmtree(buckets)


def _check(server: RunningServer, files: int) -> None:
    """Check that a way sent every file once."""
    counts = server.take_counts()
    if counts.get("PUT") != files:
        raise SystemExit(f"The server got {counts} instead of {files} PUT.")


def _copies(images: Path, folder: Path, number: int) -> Path:
    """Copy images until the folder has a number of files, in folders of 100."""
    pictures = cycle(sorted(images.rglob("*.jpg")))
    for index, picture in enumerate(islice(pictures, number)):
        path = folder / f"variety {index // 100:04}" / f"{index:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, path)
    return folder


if __name__ == "__main__":
    main()
