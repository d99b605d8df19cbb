"""Tests of the checks of the installation."""

import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from cli.doctor.checks import Status
from cli.doctor.installation import LOCK, iceberg, java, node, packages, python, spark


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ((3, 10, 14), Status.FAIL),
        ((3, 11, 3), Status.FAIL),
        ((3, 11, 4), Status.OK),
        ((3, 12, 0), Status.WARN),
        ((3, 13, 5), Status.OK),
        ((3, 14, 0), Status.FAIL),
    ],
)
def test_the_versions_of_python_are_those_of_the_project(found: tuple[int, int, int], status: Status) -> None:
    """The limits are those of pyproject.toml; the cloud has no 3.12."""
    assert python(found).status is status
    assert 'requires-python = ">=3.11.4,<3.14"' in (LOCK.parent / "pyproject.toml").read_text()


def test_missing_and_other_packages_are_named(tmp_path: Path) -> None:
    """A package for another system is not missing here."""
    lock = tmp_path / "requirements.txt"
    lock.write_text(
        "# a comment\n"
        f"rich=={version('rich')} \\\n    --hash=sha256:00\n"
        "numpy==0.1 \\\n    --hash=sha256:00\n"
        "no-such-package==1.0\n"
        "pywin32==306 ; sys_platform == 'win32'\n"
    )
    finding = packages(lock)
    assert finding.status is Status.FAIL
    assert finding.found == f"missing: no-such-package; of another version: numpy {version('numpy')}"
    assert "make .venv/ready" in finding.advice


def test_the_names_of_packages_have_several_spellings(tmp_path: Path) -> None:
    """Dots, underscores and capitals in the name of a package mean the same."""
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"Pillow_Heif=={version('pillow-heif')}\nAWS.CDK-lib=={version('aws-cdk-lib')}\n")
    assert packages(lock).found == "all 2 of requirements.txt"


def test_without_a_lock_the_check_is_skipped(tmp_path: Path) -> None:
    """An installation from a wheel has no lock to compare with."""
    assert packages(tmp_path / "requirements.txt").status is Status.SKIP


def test_a_damaged_jar_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One changed byte in a class is found by its checksum, and so is a jar that was cut off."""
    jar = tmp_path / "iceberg.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("org/apache/iceberg/Table.class", b"a class of Iceberg" * 100)
    monkeypatch.setattr("localspark.jars.iceberg_jar", lambda: jar)
    assert iceberg().status is Status.OK
    whole = jar.read_bytes()
    jar.write_bytes(whole.replace(b"a class", b"a glass", 1))
    assert iceberg().found == "org/apache/iceberg/Table.class in iceberg.jar is damaged"
    jar.write_bytes(whole[:1000])
    assert iceberg().status is Status.FAIL
    assert iceberg().advice == f"Delete the folder {tmp_path}, and run `fruits setup`."


def test_a_java_that_does_not_start_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file `release` of a Java may be in order while its program is not."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/java"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr("localspark.java.find_java", lambda _: tmp_path)
    assert java().status is Status.FAIL


def test_a_spark_whose_links_lead_nowhere_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Spark of local runs consists of links to PySpark, which another installation may have moved."""
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars/spark-core.jar").symlink_to(tmp_path / "gone.jar")
    monkeypatch.setattr("localspark.spark_home.spark_home", lambda: tmp_path)
    assert spark().found == f"{tmp_path} lacks jars"


def test_a_machine_without_node_can_still_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only deployments need Node, so its absence is no failure."""
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert node().status is Status.WARN
