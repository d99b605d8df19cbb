"""Tests of exports and downloads that end in the middle."""

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from spark_app.engine import network, provision
from spark_app.engine.export import OwnProcess, ProcessEndedError
from spark_app.engine.model import ExportedModel, load_exported
from spark_app.engine.network import download_imagenet_weights
from spark_app.engine.provision import export_weights
from spark_app.engine.weights import Weights, find_weights, imagenet_cache
from spark_app.errors import WeightsUnavailableError
from spark_app.settings import Engine


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_an_interrupted_export_changes_nothing_in_its_folder(
    tmp_path: Path, seeded: Weights, exported: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model in the folder stays whole until the new one is, and no half-written file is left beside it."""
    monkeypatch.setattr(provision, "in_own_process", lambda *_: exported)
    export_weights("seeded", tmp_path)
    before = _contents(tmp_path)
    assert load_exported(tmp_path, seeded, Engine.LITERT).files == exported.files

    def write_half(root: provision.Storage, folder: str, *_: object) -> None:
        root.write(f"{folder}model.tflite", b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(provision, "write_model", write_half)
    with pytest.raises(KeyboardInterrupt):
        export_weights("seeded", tmp_path)
    assert _contents(tmp_path) == before


def test_half_a_download_is_not_taken_for_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights of ImageNet appear in Keras' cache when they are complete: Keras itself leaves half a file."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    cached = imagenet_cache()
    lengths = iter([50, 100])

    def download(_: str) -> None:
        length = next(lengths)
        target = Path(os.environ["KERAS_HOME"]) / "models" / cached.name
        target.parent.mkdir()
        target.write_bytes(bytes(length))
        if length < 100:
            raise ConnectionError

    monkeypatch.setattr(network, "_keras_mobilenet", download)
    with pytest.raises(WeightsUnavailableError):
        download_imagenet_weights()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))  # as it is in another process
    assert find_weights("imagenet") is None
    download_imagenet_weights()
    assert cached.read_bytes() == bytes(100)
    assert list(_contents(cached.parent)) == [cached.name]


def _kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_export_gets_a_sentence() -> None:
    """If the operating system kills the process of TensorFlow, the user learns how much memory it needs."""
    process = OwnProcess(_kill_itself)
    with pytest.raises(ProcessEndedError, match="needs 2 GB of memory"):
        process.result()
    process.end()


def _wait_for_ever(alive: Connection) -> None:
    alive.send(os.getpid())
    signal.pause()


def _start_and_die(alive: Connection) -> None:
    OwnProcess(_wait_for_ever, alive)
    signal.pause()


def test_an_export_ends_with_a_killed_run() -> None:
    """The process of TensorFlow, which takes more than 1 GB, does not outlive the run that has started it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    run = context.Process(target=_start_and_die, args=(theirs,))
    run.start()
    theirs.close()
    assert ours.recv() > 0
    run.kill()
    run.join()
    with pytest.raises(EOFError):  # the last process that has the other end has ended
        ours.recv()
