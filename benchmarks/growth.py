"""Growth from 2,000 to 10,000 to 40,000 images, this project and Daft: `python -m benchmarks.growth --rounds 1`.

The time per additional image should not grow, and the memory of the processes neither. At 40,000 images, the start of
the programs no longer matters. One round of the full size takes about ten minutes, so that `make benchmark` includes
this benchmark only with `ONLY=growth`.
"""

import sys
from itertools import pairwise

from benchmarks.corpus import copy_images
from benchmarks.featurise import DAFT, OURS, Answer, Network, Rows, ours, peer, rate
from benchmarks.measurement import Section, Setting, Size

SIZES = {Size.SMALL: (100, 200, 400), Size.FULL: (2_000, 10_000, 40_000)}

LINEAR = 1.1
"""Growth of the seconds per additional image that still counts as linear."""

FLAT = 1.15
"""Growth of the peak memory of a process that still counts as flat."""


def measure(setting: Setting) -> Section:
    """Run both programs on all sizes in turn."""
    rows, sizes = Rows(), SIZES[setting.size]
    network = Network.of(setting.weights, setting.scratch)
    folders = {size: copy_images(setting.images, size, setting.scratch / f"images-{size}") for size in sizes}
    for number in range(setting.rounds):
        answers: dict[int, Answer] = {}
        for size, images in folders.items():
            output = setting.scratch / f"output-{number}-{size}"
            answers[size] = ours(images, output, str(network.exported))
            other = peer("on_daft", images, network.onnx, setting.scratch / f"daft-{number}-{size}")
            _note(rows, size, answers[size], other, is_last=size == sizes[-1])
        _compare(rows, answers)
    if setting.size is Size.SMALL:  # the start of the programs decides there
        rows.targets = {name: {} for name in rows.targets}
    return rows.section("Growth with the number of images")


def _note(rows: Rows, size: int, own: Answer, other: Answer, *, is_last: bool) -> None:
    print(f"{size:,} images: {OURS} {own.seconds:.1f} s, {DAFT} {other.seconds:.1f} s", file=sys.stderr)
    for name, answer in ((OURS, own), (DAFT, other)):
        rows.note(f"{size:,} images, whole command: {name}", "s", answer.seconds)
        rows.note(f"{size:,} images, first to last image: {name}", "images/s", rate(answer.times()))
    for role, megabytes in own.peaks.items():
        rows.note(f"{size:,} images, peak memory of the {role}", "MB", megabytes)
    ratio = own.seconds / other.seconds
    rows.compare(f"{size:,} images, whole command: {OURS} / {DAFT}", ratio, **({"at_most": 1.0} if is_last else {}))


def _compare(rows: Rows, answers: dict[int, Answer]) -> None:
    """Compare the seconds per additional image between neighbouring sizes, and the memory of all sizes."""
    sizes = sorted(answers)
    slopes = [(answers[b].seconds - answers[a].seconds) / (b - a) for a, b in pairwise(sizes)]
    rows.compare("seconds per additional image, the last step / the first", slopes[-1] / slopes[0], at_most=LINEAR)
    for role in answers[sizes[0]].peaks:
        growth = answers[sizes[-1]].peaks[role] / answers[sizes[0]].peaks[role]
        rows.compare(f"peak memory of the {role}, {sizes[-1]:,} / {sizes[0]:,} images", growth, at_most=FLAT)


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["--only", "growth", *sys.argv[1:]]))
