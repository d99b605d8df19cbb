"""Tests of the entry point under spark-submit, as the cloud starts it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

from localspark.jars import iceberg_jar
from localspark.java import find_java

ROOT = Path(__file__).parents[2]


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """Make an archive of the packages that the job ships."""
    for package in ("contract", "spark_app"):
        shutil.copytree(
            ROOT / package, tmp_path / "application" / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return Path(shutil.make_archive(str(tmp_path / "application"), "zip", tmp_path / "application"))


def _submit(application: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    spark = Path(pyspark.__file__).parent
    options = [
        "--master",
        "local[2]",
        "--jars",
        iceberg_jar(),
        "--py-files",
        application,
        "--conf",
        "spark.ui.enabled=false",
    ]
    return subprocess.run(
        [spark / "bin/spark-submit", *options, ROOT / "spark_app/main.py", *arguments],
        cwd=application.parent,
        env=os.environ | {"JAVA_HOME": str(find_java(os.environ)), "PYSPARK_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_mistake_is_an_exit_code_of_the_job(application: Path, output: Path, tmp_path: Path) -> None:
    """A mistake fails the job with exit code 2 and a sentence in its log."""
    answer = _submit(application, "--images", tmp_path / "missing", "--output", output, "--weights", "seeded")
    assert answer.returncode == 2
    assert "There is no folder" in answer.stdout  # spark-submit sends all output of its program there
