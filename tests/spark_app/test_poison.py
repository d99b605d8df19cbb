"""Tests of whole runs with images that kill their workers, as the user types them."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

from cli.sample import BROKEN
from contract.layout import LAST_STATE
from contract.rejects import Reason
from contract.summary import Counts, Latest, Summary

ROOT = Path(__file__).parents[2]
POISON = Path(__file__).parent / "poison"
PICTURES = 60


def _fruits(*arguments: str | Path, site: Path = POISON) -> subprocess.CompletedProcess[str]:
    """Run the command, in whose processes the `sitecustomize` of a folder takes effect."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (site, ROOT)))},
        capture_output=True,
        text=True,
        check=False,
    )


def _counts(output: Path) -> Counts:
    pointer = Latest.from_json((output / "results/latest.json").read_bytes())
    return Summary.from_json((output / pointer.results / "summary.json").read_bytes()).counts


def _crashes(output: Path) -> dict[str, str]:
    """Return key and detail of the images that crashed their decoder."""
    pointer = Latest.from_json((output / "results/latest.json").read_bytes())
    with (output / pointer.results / "rejects.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["key"]: row["detail"] for row in rows if row["reason"] == Reason.CRASHED_THE_DECODER}


def test_images_that_kill_their_workers_are_refused(images: Path, output: Path) -> None:
    """A run refuses the images and computes all others; later runs leave them settled, and an update finds others.

    With one core, all images are in one task.
    """
    run = ("run", "--images", images, "--output", output, "--weights", "seeded", "--master", "local[1]")
    killers = {"Plum/a.jpg": "SIGKILL", "Plum/b.jpg": "SIGSEGV", "Orange/c.jpg": "SIGKILL"}
    for key, name in killers.items():
        (images / key).write_text(f"POISON {name} ")
    (images / "Orange/d.jpg").write_text("POISON memory ")
    crashes = {key: f"{name} killed the decoder" for key, name in killers.items()}
    crashes["Orange/d.jpg"] = "the decoder raised MemoryError"

    answer = _fruits(*run)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "60 images, 11 refused, 4 of them crashed the decoder" in answer.stdout
    assert "The workers failed" not in answer.stdout  # Spark has not given up: another attempt has found the images
    assert _crashes(output) == crashes
    assert _counts(output).images == PICTURES

    (output / LAST_STATE).unlink()  # otherwise, the run would not look at any image
    assert _fruits(*run).returncode == 0
    counts = _counts(output)
    assert (counts.featurised, counts.rejected) == (0, 0)
    assert counts.unchanged == PICTURES + len(BROKEN) + len(crashes)

    (images / "Plum/a.jpg").unlink()
    (images / "Plum/b.jpg").write_text("POISON exit ")
    shutil.copy(images / "Plum/view 000.jpg", images / "Orange/c.jpg")
    changed = ("Plum/a.jpg", "Plum/b.jpg", "Orange/c.jpg")
    assert _fruits("notify", "--images", images, "--output", output, *changed).returncode == 0
    assert _fruits(*run, "--mode", "update").returncode == 0
    exits = "the decoder exited with code 7"
    assert _crashes(output) == {"Plum/b.jpg": exits, "Orange/d.jpg": crashes["Orange/d.jpg"]}
    counts = _counts(output)
    assert (counts.images, counts.featurised, counts.rejected, counts.removed) == (PICTURES + 1, 1, 1, 1)


def test_the_image_is_found_if_spark_tries_a_task_once(images: Path, output: Path) -> None:
    """If Spark gives up after the death of a worker, the run says so, and finds the image."""
    (images / "Plum/a.jpg").write_text("POISON SIGKILL ")
    answer = _fruits("run", "--images", images, "--output", output, "--weights", "seeded", "--master", "local[2,1]")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "The run computes these images again, with decoders in separate processes" in answer.stdout
    assert _crashes(output) == {"Plum/a.jpg": "SIGKILL killed the decoder"}
    assert _counts(output).images == PICTURES


def test_workers_that_die_whatever_the_images_are_fail_the_run(images: Path, output: Path, tmp_path: Path) -> None:
    """If the workers die of something else than an image, the run fails with one sentence and refuses no image."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text("""
import os, signal
from ai_edge_litert import interpreter

class Interpreter(interpreter.Interpreter):
    def invoke(self):
        os.kill(os.getpid(), signal.SIGKILL)

interpreter.Interpreter = Interpreter
""")
    run = ("run", "--images", images, "--output", output, "--weights", "seeded")
    answer = _fruits(*run, "--master", "local[1,2]", site=tmp_path / "site")
    assert answer.returncode == 1
    assert answer.stderr.startswith("fruits: The workers failed at every attempt, also with decoders in separate ")
    assert "Python worker exited unexpectedly (crashed). The last results are unchanged. (details: " in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert not (output / "results").exists()
