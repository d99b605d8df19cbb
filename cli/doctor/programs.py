"""Programs of the installation, which a check asks for something."""

import os
import subprocess
import sys
from pathlib import Path


def answer_of(command: list[str], seconds: float) -> subprocess.CompletedProcess[str] | None:
    """Run a program, and return what it prints; `None` if it is missing, fails, or takes longer than a time."""
    # Node's programs are scripts that look for Node on the PATH.
    binaries = f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        return subprocess.run(  # noqa: S603 -- programs of the installation
            command,
            env=os.environ | {"PATH": binaries},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
