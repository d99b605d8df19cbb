"""Tests of scratch folders."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from spark_app.scratch import scratch_folder

PREFIX = "scratch-"


def _hold(parent: Path, made: Connection) -> None:
    with scratch_folder(parent, PREFIX) as folder:
        (folder / "half a file").touch()
        made.send(folder)
        signal.pause()


@pytest.fixture
def other_process(tmp_path: Path) -> Callable[[], tuple[multiprocessing.Process, Path]]:
    """Return a function that starts a process with a scratch folder in `tmp_path`."""

    def start() -> tuple[multiprocessing.Process, Path]:
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_hold, args=(tmp_path, theirs), daemon=True)
        process.start()
        return process, ours.recv()

    return start


def test_a_scratch_folder_ends_with_its_body(tmp_path: Path) -> None:
    """The folder and its content are removed, also if the body fails."""

    def fail() -> None:
        with scratch_folder(tmp_path, PREFIX) as folder:
            (folder / "file").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_next_process_removes_the_folder_of_a_killed_one(
    tmp_path: Path, other_process: Callable[[], tuple[multiprocessing.Process, Path]]
) -> None:
    """The folders of killed processes do not stay for good, and those of live processes are never touched."""
    killed, abandoned = other_process()
    live, used = other_process()
    killed.kill()
    killed.join()
    assert abandoned.exists()
    with scratch_folder(tmp_path, PREFIX) as own:
        assert not abandoned.exists()
        assert (used / "half a file").exists()
    assert not own.exists()
    live.kill()
    live.join()


def test_the_folders_of_other_users_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run as root does not remove the folder of another user, of whose processes it knows nothing."""
    theirs = tmp_path / f"{PREFIX}theirs"
    theirs.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with scratch_folder(tmp_path, PREFIX):
        pass
    assert theirs.exists()


def test_links_stay(tmp_path: Path) -> None:
    """A link whose name is that of a scratch folder does not make a run delete what it points to."""
    precious = tmp_path / "thesis" / "chapter"
    precious.mkdir(parents=True)
    (tmp_path / f"{PREFIX}link").symlink_to(precious.parent)
    with scratch_folder(tmp_path, PREFIX):
        pass
    assert precious.exists()
