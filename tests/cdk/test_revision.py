"""Tests of the revision that a synthesis deploys."""

import subprocess
from pathlib import Path

from cdk.revision import revision_of
from contract.environments import UNKNOWN_REVISION


def test_a_revision_names_the_commit_and_whether_files_differ(tmp_path: Path) -> None:
    """Without a repository, the revision is unknown."""
    assert revision_of(tmp_path) == UNKNOWN_REVISION

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        program = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(program, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "--message", "one")
    commit = git("rev-parse", "HEAD")[:12]
    assert revision_of(tmp_path) == commit
    (tmp_path / "file").write_text("two")
    assert revision_of(tmp_path) == f"{commit}-changed"
