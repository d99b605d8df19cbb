"""The jars that local runs and deployments need beside PySpark, fetched once from Maven Central."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from enum import StrEnum
from pathlib import Path

from cli.java import find_java
from contract.versions import ICEBERG_AWS_BUNDLE, ICEBERG_RUNTIME
from spark_app.errors import InstallationError

JARS = Path(sys.prefix) / "share" / "fruits" / "jars"


class Jar(StrEnum):
    """What is fetched by its Maven coordinates."""

    RUNTIME = "iceberg-spark-runtime"
    """Iceberg for Spark: every run needs it."""
    AWS_BUNDLE = "iceberg-aws-bundle"
    """What Iceberg needs to work on S3 and with Glue: shipped to the cloud, not used here."""


COORDINATES = {Jar.RUNTIME: ICEBERG_RUNTIME, Jar.AWS_BUNDLE: ICEBERG_AWS_BUNDLE}

FETCH = "from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate().stop()"


def iceberg_jar() -> Path:
    """Name the Iceberg runtime.

    Raises
    ------
    InstallationError
        If it was not fetched.
    """
    jar = _path_of(Jar.RUNTIME)
    if not jar.is_file():
        raise InstallationError("The Iceberg runtime for Spark is missing: run `fruits setup`.")
    return jar


def _path_of(jar: Jar) -> Path:
    _, artifact, version = COORDINATES[jar].split(":")
    return JARS / f"{artifact}-{version}.jar"


def fetched(jar: Jar) -> Path:
    """Return the path of a jar, which is fetched if it is not there.

    Raises
    ------
    InstallationError
        If it can't be had.
    """
    path = _path_of(jar)
    if not path.is_file():
        _fetch(COORDINATES[jar], path)
    return path


def _fetch(coordinates: str, jar: Path) -> None:
    """Let Spark's own resolver fetch the jar by its Maven coordinates; it checks the checksums."""
    with tempfile.TemporaryDirectory(prefix="fruits-setup-") as scratch:
        submit = f"--conf spark.jars.ivy={scratch} --conf spark.ui.enabled=false --master local[1]"
        environment = os.environ | {
            "JAVA_HOME": str(find_java(os.environ)),
            "PYSPARK_SUBMIT_ARGS": f"{submit} --packages {coordinates} pyspark-shell",
        }
        answer = subprocess.run(  # noqa: S603 -- our own interpreter
            [sys.executable, "-c", FETCH], env=environment, capture_output=True, text=True, check=False
        )
        group, artifact, version = coordinates.split(":")
        found = Path(scratch) / "jars" / f"{group}_{artifact}-{version}.jar"
        if not found.is_file():
            raise InstallationError(
                f"{coordinates} could not be fetched from Maven Central. Behind a proxy with certificates of "
                "its own, name them to Java in JAVA_TOOL_OPTIONS (-Djavax.net.ssl.trustStore=...). Spark said:\n"
                + "\n".join(re.findall(r"(?i)^.*(?:module not found|error).*$", answer.stderr, re.MULTILINE))
            )
        jar.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found, partial := jar.with_suffix(".partial"))
        partial.rename(jar)
