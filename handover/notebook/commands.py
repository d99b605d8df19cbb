"""The `fruits` command in the notebook: it runs in a process of its own, and its lines appear as they come."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from handover.commands import fruits_command, project_environment
from handover.errors import FailedError
from handover.folders import ROOT


def python() -> str:
    """Return the path of the Python that runs the project: that of `make`, or, without one, that of this process.

    A platform such as Colab runs the notebook with its own Python, which lacks what `fruits setup` prepares.
    """
    made = ROOT / ".venv" / "bin" / "python"
    return str(made) if made.exists() else sys.executable


@dataclass(frozen=True)
class Fruits:
    """The `fruits` command.

    Attributes
    ----------
    variables
        Environment variables beside those of this process, such as the keys of a local AWS.
    """

    variables: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str | Path) -> list[str]:
        """Run a command, print its lines as they come, and return them.

        Raises
        ------
        FailedError
            If the command does not succeed. Its message is that of the command.
        """
        lines = []
        with subprocess.Popen(
            fruits_command(arguments, python()),
            env={**project_environment(), **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                print(lines[-1], flush=True)
        if process.returncode:
            last = lines[-1] if lines else "it says nothing"
            raise FailedError(f"`fruits {arguments[0]}` ended with exit code {process.returncode}: {last}")
        return lines
