"""How the documents call the `fruits` commands, and find what a run has written."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from contract.layout import LATEST
from contract.summary import Latest
from handover.errors import FailedError, HandoverError
from handover.folders import ROOT


def fruits_command(words: Sequence[str | Path], python: str = sys.executable) -> list[str]:
    """Return the words that start a `fruits` command in a process of its own, because a process has one JVM."""
    return [python, "-m", "cli.main", *map(str, words)]


def project_environment() -> dict[str, str]:
    """Return the environment of a process that uses this project: it comes first, wherever it is installed."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path}


def run_fruits(*words: str | Path, captured: bool = False) -> str:
    """Run a `fruits` command.

    Parameters
    ----------
    captured
        Whether to return what the command prints to stdout; otherwise it appears as it comes.

    Raises
    ------
    FailedError
        If the command fails. Its own message stands above.
    """
    stdout = subprocess.PIPE if captured else None
    done = subprocess.run(fruits_command(words), check=False, env=project_environment(), stdout=stdout, text=True)
    if done.returncode:
        raise FailedError(f"`fruits {words[0]}` ended with exit code {done.returncode}; its message above says why.")
    return done.stdout or ""


def results_of(output: Path) -> Path:
    """Return the folder of the last complete results of an output.

    Raises
    ------
    HandoverError
        If there are none.
    """
    latest = output / LATEST
    if not latest.exists():
        raise HandoverError(f"{output} contains no complete results: run the pipeline first.")
    return output / Latest.from_json(latest.read_text()).results
