"""Tests of commands that a signal ends: what they leave, and what they say."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.main import main
from cli.sample import draw_sample
from contract.image_names import is_no_image
from spark_app.engine.model import ExportedModel, write_model
from spark_app.engine.weights import Weights
from spark_app.scratch import SESSION, scratch_folder
from spark_app.storage import Storage

ROOT = Path(__file__).parents[2]
FRUITS = [sys.executable, "-m", "cli.main"]
DEADLINE = 60.0

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]
MOMENTS = {"launched": "log4j2.properties", "starting": "tmp*", "started": "spark-*"}
"""Names of the moments of a start of Spark → pattern of a file in the scratch folder that exists from then on."""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes as Linux shows them")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, seeded: Weights, exported: ExportedModel) -> Path:
    """Return the folder of an exported model."""
    folder = tmp_path_factory.mktemp("model")
    write_model(Storage(folder.as_uri()), "", seeded, exported)
    return folder


@pytest.fixture
def start(tmp_path: Path, sample: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Return a function that starts a run with the given weights in an empty folder for temporary files."""
    (tmp_path / "temporary").mkdir()
    variables = {"TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(ROOT)}
    arguments = ["run", "--images", str(sample), "--output", str(tmp_path / "output"), "--weights"]
    started = []

    def run(weights: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*FRUITS, *arguments, weights],
            env=os.environ | variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # The tests may run under nohup, which ignores this signal.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 -- it takes no lock
        )
        started.append(process)
        return process

    yield run
    for process in started:  # those of failed tests, too
        process.kill()
        process.wait()
    for pid in _processes_of(tmp_path):
        os.kill(pid, signal.SIGKILL)


def _processes_of(folder: Path) -> list[int]:
    """List the processes, but for zombies, whose temporary files are in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={folder}/temporary\0".encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue  # it belongs to another user, or has ended
    return found


def _wait(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + DEADLINE
    while not (holds := condition()) and time.monotonic() < deadline:
        pass
    return bool(holds)


@linux_only
@pytest.mark.parametrize(
    ("number", "moment"),
    [*((signal.SIGINT, moment) for moment in MOMENTS), *((number, "launched") for number in ENDING[1:])],
)
def test_a_signal_while_spark_starts_leaves_nothing(
    number: int, moment: str, start: Callable[[str], subprocess.Popen[str]], model: Path, tmp_path: Path
) -> None:
    """After Ctrl-C, SIGTERM, a closed terminal or SIGKILL, no JVM stays, and no folder that the next run would leave.

    PySpark's own start of the JVM leaves it for good after Ctrl-C.
    """
    scratch = tmp_path / "temporary"
    run = start(str(model))
    assert _wait(lambda: list(scratch.glob(f"{SESSION}*/{MOMENTS[moment]}")))
    run.send_signal(number)
    _, stderr = run.communicate()
    assert _wait(lambda: not _processes_of(tmp_path))
    if number == signal.SIGKILL:
        assert run.returncode == -number
        with scratch_folder(scratch, SESSION) as folder:
            assert list(scratch.glob(f"{SESSION}*")) == [folder]
        return
    assert run.returncode == 128 + number
    assert stderr.strip() == (
        "fruits: interrupted. The last complete results are valid; run the same command again to go on."
    )
    assert not list(scratch.glob(f"{SESSION}*"))


@linux_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_during_an_export_ends_it(
    number: int, start: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    """The process of TensorFlow, which takes more than 1 GB, ends with the run."""
    run = start("seeded")
    assert _wait(lambda: len(_processes_of(tmp_path)) > 2)  # the run, its export, the tracker of Python's resources
    run.send_signal(number)
    run.communicate()
    assert _wait(lambda: not _processes_of(tmp_path))


def test_a_command_says_what_its_interruption_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After Ctrl-C, a command without results says nothing about results, and a handler is not left behind."""
    monkeypatch.setattr("cli.sample.draw", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    assert main(["sample", str(tmp_path)]) == 130
    assert capsys.readouterr().err == (
        "\nfruits: interrupted. The files so far are complete; run the same command again for the rest.\n"
    )
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_killed_sample_leaves_no_half_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture has its name when it is complete: the next `fruits sample` draws a half one again, and runs skip it."""

    def write_half(path: Path, body: bytes) -> None:
        with path.open("wb") as file:
            file.write(body[: len(body) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_half)
        with pytest.raises(KeyboardInterrupt):
            draw_sample(tmp_path, 1)
    left = [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()]
    assert left
    assert all(is_no_image(name) for name in left)
    draw_sample(tmp_path, 1)
    assert not [file for file in tmp_path.rglob("*") if file.name.startswith(".")]
