"""Tests of the Makefile: of the programs that it prepares for tests, and of what it deletes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = ("tests/emulators", "localspark/connectors.py")
TOOLS = ("sh", "make", "mkdir", "cp", "mv", "ln", "touch", "cat", "rm", "chmod")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Make a folder with the Makefile and what its recipes read, and a PATH in which npm and fruits do nothing."""
    folder, programs = tmp_path / "clone", tmp_path / "programs"
    for name in ("Makefile", *NEEDED):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    programs.mkdir()
    for name in TOOLS:
        (programs / name).symlink_to(str(shutil.which(name)))
    for name in ("npm", "fruits"):
        _program(programs / name, "exit 0")
    return folder


def _program(path: Path, recipe: str) -> None:
    path.write_text(f"#!/bin/sh\n{recipe}\n")
    path.chmod(0o755)


def _make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    programs = folder.parent / "programs"
    options = ["make", "--no-print-directory", "--old-file=.venv/ready", "PYTHON=python3", f"BIN={programs}"]
    return subprocess.run(
        [*options, *words], cwd=folder, env={"PATH": str(programs)}, capture_output=True, text=True, check=True
    )


def _install_go(folder: Path) -> None:
    """Install a Go that writes the name of a package into the program that it would build of it."""
    name = 'name=${2##*/}; mkdir -p "$GOBIN"; echo "$2" > "$GOBIN/${name%@*}"'
    _program(folder.parent / "programs" / "go", name)


def test_the_emulator_is_built_when_go_is_installed_later(clone: Path) -> None:
    """Without Go, make says each time that tests will be skipped; with Go, it builds the emulator, and then rests."""
    for _ in range(2):
        assert "There is no Go, so the tests of gs:// will be skipped." in _make(clone, "build/emulators/ready").stderr
    _install_go(clone)
    assert _make(clone, "build/emulators/ready").stderr == ""
    assert "fake-gcs-server@" in (clone / "build/emulators/fake-gcs-server").read_text()
    assert "up to date" in _make(clone, "build/emulators/ready").stdout


def test_a_new_version_of_actionlint_is_built(clone: Path) -> None:
    """A version in the Makefile that differs from that of the program replaces the program."""
    _install_go(clone)
    for version in ("1.0.0", "2.0.0"):
        makefile = (clone / "Makefile").read_text()
        (clone / "Makefile").write_text(
            re.sub(r"(?<=^ACTIONLINT = actionlint-).*", version, makefile, flags=re.MULTILINE)
        )
        _make(clone, "build/actionlint")
        assert (clone / "build/actionlint").read_text().strip().endswith(f"@v{version}")
    assert "up to date" in _make(clone, "build/actionlint").stdout


def test_ci_says_what_it_leaves_out() -> None:
    """Where there is no Go, the script of CI says that the workflows are not checked."""
    assert re.search(
        r"command -v go.*\n.*build/actionlint\nelse\n *echo \"There is no Go", (ROOT / ".ci/run").read_text()
    )


def test_clean_deletes_the_modules_of_the_documents(clone: Path) -> None:
    """Nothing that make has downloaded is left, also of what the documents need."""
    for name in ("node_modules", "handover/node_modules", "build"):
        (clone / name).mkdir(parents=True)
    _make(clone, "clean")
    assert not [name for name in ("node_modules", "handover/node_modules", "build") if (clone / name).exists()]
    assert list((clone / "handover").iterdir()) == []
