"""The jars that PySpark lacks, fetched once from Maven Central."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from contract.versions import ICEBERG_AWS_BUNDLE, ICEBERG_RUNTIME, S3_CLIENT
from localspark.java import find_java
from spark_app.errors import InstallationError

JARS = Path(sys.prefix) / "share" / "fruits" / "jars"


class Jars(StrEnum):
    """Sets of jars: the value names the folder of each set."""

    ICEBERG_RUNTIME = "iceberg-spark-runtime"
    """Iceberg for Spark. Every run needs it."""
    ICEBERG_AWS_BUNDLE = "iceberg-aws-bundle"
    """What Iceberg needs to work on S3 and with Glue. Deployments ship it; local runs do not use it."""
    S3_CLIENT = "s3-client"
    """Hadoop's client for S3. EMR has it; the rehearsal adds it to its Spark."""


COORDINATES = {
    Jars.ICEBERG_RUNTIME: (ICEBERG_RUNTIME,),
    Jars.ICEBERG_AWS_BUNDLE: (ICEBERG_AWS_BUNDLE,),
    Jars.S3_CLIENT: S3_CLIENT,
}

NOT_NEEDED = (
    "software.amazon.awssdk:bundle",  # 600 MB, of which S3_CLIENT names the two modules that Hadoop uses
    "org.wildfly.openssl:wildfly-openssl",
    "io.netty:*",
    "org.apache.httpcomponents:*",
    "org.slf4j:*",
    "commons-codec:*",
    "commons-logging:*",
)
"""Dependencies of the S3 client that Spark has already, or that its work here does not need."""

FETCH = "from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate().stop()"


def folder_of(jars: Jars) -> Path:
    """Return the folder of a set of jars. Its name includes the versions, so that another version is fetched anew."""
    _, artifacts, versions = zip(*(coordinates.split(":") for coordinates in COORDINATES[jars]), strict=True)
    return JARS / "-".join([artifacts[0], *dict.fromkeys(versions)])


def iceberg_jar() -> Path:
    """Return the path of the Iceberg runtime.

    Raises
    ------
    InstallationError
        If it was not fetched.
    """
    found = sorted(folder_of(Jars.ICEBERG_RUNTIME).glob("*.jar"))
    if not found:
        raise InstallationError("The Iceberg runtime for Spark is missing: run `fruits setup`.")
    return found[0]


def fetched(jars: Jars) -> list[Path]:
    """Return the paths of a set of jars; fetch them if they are not there.

    Raises
    ------
    InstallationError
        If Maven Central can't be reached, or does not have them.
    """
    folder = folder_of(jars)
    if not folder.is_dir():
        _fetch(COORDINATES[jars], folder)
    return sorted(folder.glob("*.jar"))


def _fetch(coordinates: Sequence[str], folder: Path) -> None:
    """Let Spark's resolver fetch jars by their Maven coordinates; it verifies the checksums."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetched-", dir=folder.parent) as scratch:
        options = [
            f"--conf spark.jars.ivy={scratch} --conf spark.ui.enabled=false --master local[1]",
            f"--packages {','.join(coordinates)} --exclude-packages {','.join(NOT_NEEDED)}",
        ]
        environment = os.environ | {
            "JAVA_HOME": str(find_java(os.environ)),
            "PYSPARK_SUBMIT_ARGS": " ".join([*options, "pyspark-shell"]),
        }
        answer = subprocess.run(  # noqa: S603 -- our own interpreter
            [sys.executable, "-c", FETCH], env=environment, capture_output=True, text=True, check=False
        )
        jars = Path(scratch) / "jars"
        if answer.returncode != 0 or not jars.is_dir():
            raise InstallationError(
                f"{coordinates[0]} could not be fetched from Maven Central. Behind a proxy with certificates of "
                "its own, name them to Java in JAVA_TOOL_OPTIONS (-Djavax.net.ssl.trustStore=...). Spark said:\n"
                + "\n".join(re.findall(r"(?i)^.*(?:module not found|error).*$", answer.stderr, re.MULTILINE))
            )
        if not folder.is_dir():  # another process may have fetched them meanwhile
            jars.rename(folder)
