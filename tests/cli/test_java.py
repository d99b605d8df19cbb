"""Tests of how the Java for Spark is found."""

from pathlib import Path

import pytest

from cli.java import find_java


@pytest.fixture
def java(tmp_path: Path) -> Path:
    """Return a Java 17 that is only its files."""
    home = tmp_path / "jdk-17"
    (home / "bin").mkdir(parents=True)
    (home / "bin/java").touch(mode=0o755)
    (home / "release").write_text('IMPLEMENTOR="Somebody"\nJAVA_VERSION="17.0.15"\n')
    return home


def test_java_home_comes_first(java: Path) -> None:
    """A user who sets JAVA_HOME gets that Java."""
    assert find_java({"JAVA_HOME": str(java), "PATH": ""}) == java


def test_then_the_path_through_links(java: Path, tmp_path: Path) -> None:
    """Debian's /usr/bin/java is a link to a link."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").symlink_to(java / "bin/java")
    assert find_java({"PATH": str(tmp_path / "bin")}) == java


def test_a_java_of_another_version_is_passed_over(java: Path) -> None:
    """On Java 21 Arrow fails in the middle of a run: the one from PyPI is taken instead."""
    (java / "release").write_text('JAVA_VERSION="21.0.8"\n')
    found = find_java({"JAVA_HOME": str(java), "PATH": ""})
    assert found != java
    assert (found / "bin/java").exists()
