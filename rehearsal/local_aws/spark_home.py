"""The Spark of this machine: its place, its Java, and the client for S3 that EMR's Spark has and a plain one lacks."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyspark

from rehearsal.local_aws.account import LocalAwsError

SPARK_HOME = Path(pyspark.__file__).parent

S3_CLIENT = (
    "org.apache.hadoop:hadoop-aws:3.4.2",
    "software.amazon.awssdk:s3:2.44.4",
    "software.amazon.awssdk:s3-transfer-manager:2.44.4",
)
"""Hadoop's client for S3, of the Hadoop of PySpark, and the modules of AWS's SDK that it needs: 15 MB, and not the 600
MB of the whole SDK. EMR has version 2.44.5, and places it, as is done here, before what a job ships."""

THERE_ALREADY = (
    "software.amazon.awssdk:bundle",
    "org.wildfly.openssl:wildfly-openssl",
    "io.netty:*",
    "org.apache.httpcomponents:*",
    "org.slf4j:*",
    "commons-codec:*",
    "commons-logging:*",
)
"""What the client asks for, and Spark has, or nobody needs."""

VERSIONS = "-".join(coordinates.rpartition(":")[2] for coordinates in S3_CLIENT)

JARS = Path(sys.prefix) / "share" / "fruits" / "jars" / f"s3-client-{VERSIONS}"

_FETCH = "from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate().stop()"


def java_home() -> str:
    """Return the JAVA_HOME of this process.

    Raises
    ------
    LocalAwsError
        If it has none.
    """
    if home := os.environ.get("JAVA_HOME"):
        return home
    raise LocalAwsError("JAVA_HOME must be that of a Java: `fruits rehearse` sees to it.")


def python_folder() -> Path:
    """Name the folder of the Python that stands for the image's own: it has none of our packages."""
    return Path(os.path.realpath(sys._base_executable)).parent  # type: ignore[attr-defined]  # noqa: SLF001 -- no other name


def s3_client() -> list[Path]:
    """List the jars of the client for S3; fetch them if they are not there.

    Raises
    ------
    LocalAwsError
        If they can't be fetched.
    """
    if not JARS.is_dir():
        _fetch()
    return sorted(JARS.glob("*.jar"))


def _fetch() -> None:
    """Let Spark's own resolver fetch the jars by their Maven coordinates; it checks the checksums."""
    JARS.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".s3-client-", dir=JARS.parent) as scratch:
        options = {
            "--conf": f"spark.jars.ivy={scratch}",
            "--master": "local[1]",
            "--packages": ",".join(S3_CLIENT),
            "--exclude-packages": ",".join(THERE_ALREADY),
        }
        submit = " ".join(f"{name} {value}" for name, value in options.items())
        answer = subprocess.run(
            [sys.executable, "-c", _FETCH],
            env=os.environ | {"JAVA_HOME": java_home(), "PYSPARK_SUBMIT_ARGS": f"{submit} pyspark-shell"},
            capture_output=True,
            text=True,
            check=False,
        )
        fetched = Path(scratch) / "jars"
        if answer.returncode != 0 or not fetched.is_dir():
            raise LocalAwsError(f"{S3_CLIENT[0]} could not be fetched from Maven Central:\n{answer.stderr[-2000:]}")
        fetched.rename(JARS)
