"""What the curation finds of planted duplicates, wrong labels and bad pictures: `python -m benchmarks.curation`.

Each round plants other images (`benchmarks.planted`), runs `fruits run` on them, and CleanVision on the same folder.
`benchmarks.ground_truth` defines recall and precision. They depend on the weights: with untrained ones, no target
applies.
"""

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers
from benchmarks.featurise import Rows
from benchmarks.ground_truth import SAME, Finding, Verdict, precision, recall, verdicts
from benchmarks.measurement import Section, Setting, Size
from benchmarks.memory import timed
from benchmarks.planted import Planted, Planting, plant
from contract.findings import Kind
from contract.layout import LATEST, ResultFile

OURS, CLEANVISION = "this project", "CleanVision"

ISSUES = {
    "exact_duplicates": Kind.DUPLICATE,
    "near_duplicates": Kind.NEAR_DUPLICATE,
    "dark": Kind.DARK,
    "light": Kind.BRIGHT,
    "blurry": Kind.BLURRY,
    "low_information": Kind.LOW_INFORMATION,
    "odd_size": Kind.ODD_SIZE,
    "odd_aspect_ratio": Kind.ODD_SIZE,
}
"""Issues of CleanVision, and the kinds that they correspond to."""

TARGETS = {
    (Planting.COPY, Kind.DUPLICATE): 1.0,
    **{
        (planting, Kind.NEAR_DUPLICATE): 0.95
        for planting in (Planting.JPEG, Planting.PNG, Planting.WEBP, Planting.SMALLER, Planting.LARGER)
    },
    (Planting.BRIGHTENED, Kind.NEAR_DUPLICATE): 0.95,
    (Planting.MOVED, Kind.LABEL_DOUBT): 0.8,
    (Planting.BLURRED_4, Kind.BLURRY): 0.8,
    (Planting.BLURRED_8, Kind.BLURRY): 0.8,
    (Planting.DARK, Kind.DARK): 0.95,
    (Planting.BLANK, Kind.LOW_INFORMATION): 1.0,
    (Planting.OBLONG, Kind.ODD_SIZE): 1.0,
}
"""Least recall, with trained weights."""


@dataclass(frozen=True)
class Program:
    """What a program has found, and in how many seconds."""

    name: str
    findings: list[Finding]
    seconds: float
    kinds: frozenset[Kind]
    """Kinds that the program knows."""


def measure(setting: Setting) -> Section:
    """Plant, run both programs, and judge their findings, with another seed in each round."""
    rows = Rows()
    photos = setting.images.parent / "photos"
    for number in range(setting.rounds):
        scratch = setting.scratch / str(number)
        planted = plant(setting.images, photos if photos.is_dir() else None, scratch / "images", number)
        for program in (_ours(scratch, setting.weights), _cleanvision(scratch)):
            _note(rows, program, planted)
    if setting.weights == "seeded" or setting.size is Size.SMALL:
        rows.targets = {name: {} for name in rows.targets}
    return rows.section(f"Curation: findings among planted images, weights {Path(setting.weights).name}")


def _ours(scratch: Path, weights: str) -> Program:
    output = scratch / "output"
    options = ["--images", str(scratch / "images"), "--output", str(output), "--weights", weights]
    seconds, _ = timed("cli.main", "run", *options)
    results = output / json.loads((output / LATEST).read_text())["results"]
    return Program(OURS, list(read_findings(results / ResultFile.FINDINGS)), seconds, frozenset(Kind))


def _cleanvision(scratch: Path) -> Program:
    file = scratch / "cleanvision.json"
    seconds, _ = timed("benchmarks.peers.on_cleanvision", str(scratch / "images"), str(file), python=peers.PYTHON)
    found = json.loads(file.read_text())
    return Program(CLEANVISION, of_issues(found["images"], found["sets"]), seconds, frozenset(ISSUES.values()))


def read_findings(file: Path) -> Iterator[Finding]:
    """Read ``findings.csv``."""
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            yield Finding(row["key"], Kind(row["kind"]), row["other_key"])


def of_issues(images: dict[str, list[str]], sets: dict[str, list[list[str]]]) -> list[Finding]:
    """Return the findings that correspond to the issues of CleanVision; the first key of a set represents it."""
    grouped = [
        Finding(key, kind, first)
        for issue, kind in ISSUES.items()
        if kind in SAME
        for first, *others in sets[issue]
        for key in others
    ]
    single = [Finding(key, kind) for issue, kind in ISSUES.items() if kind not in SAME for key in images[issue]]
    return list(dict.fromkeys(grouped + single))  # two issues may correspond to the same kind


def _note(rows: Rows, program: Program, planted: list[Planted]) -> None:
    rows.note(f"whole command: {program.name}", "s", program.seconds)
    for (planting, kind), share in recall(program.findings, planted).items():
        if kind in program.kinds:
            name = f"{planting}, found as {kind}: {program.name}"
            rows.note(name, "share", share)
            if program.name == OURS and (planting, kind) in TARGETS:
                rows.compare(f"recall of: {name}", share, at_least=TARGETS[planting, kind])
    counts = verdicts(program.findings, planted)
    for kind in Kind:
        if kind in program.kinds:
            for verdict in Verdict:
                if verdict is not Verdict.FRAMES or kind in SAME:
                    rows.note(f"{kind}, {verdict}: {program.name}", "findings", counts[kind, verdict])
            if (of_right := precision(counts, kind)) is not None:
                rows.note(f"{kind}, precision: {program.name}", "share", of_right)


if __name__ == "__main__":
    from benchmarks.__main__ import main

    sys.exit(main(["--only", "curation", *sys.argv[1:]]))
