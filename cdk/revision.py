"""The revision of the code that a synthesis deploys."""

import subprocess
from pathlib import Path

from contract.environments import UNKNOWN_REVISION

CHANGED = "-changed"
"""Suffix of a revision if files differ from the commit."""

DIGITS = 12


def revision_of(root: Path) -> str:
    """Return the git commit of a folder, and whether files differ from it; `UNKNOWN_REVISION` without git."""
    try:
        commit = _git(root, "rev-parse", f"--short={DIGITS}", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN_REVISION
    return f"{commit}{CHANGED if changed else ''}"


def _git(root: Path, *arguments: str) -> str:
    program = ["git", "-C", str(root), *arguments]
    done = subprocess.run(program, capture_output=True, text=True, check=True)  # noqa: S603 -- constant arguments
    return done.stdout.strip()
