"""The Spark of this machine: its place, its Java, and the client for S3 that EMR's Spark has and a plain one lacks."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyspark

from rehearsal.local_aws.account import LocalAwsError

SPARK_HOME = Path(pyspark.__file__).parent

JAVA = "17"

S3_CLIENT = (
    "org.apache.hadoop:hadoop-aws:3.3.4",
    "com.amazonaws:aws-java-sdk-core:1.12.262",
    "com.amazonaws:aws-java-sdk-s3:1.12.262",
    "com.amazonaws:aws-java-sdk-kms:1.12.262",
    "com.amazonaws:aws-java-sdk-dynamodb:1.12.262",
    "com.amazonaws:jmespath-java:1.12.262",
    "com.fasterxml.jackson.dataformat:jackson-dataformat-cbor:2.15.2",
    "software.amazon.ion:ion-java:1.0.2",
)
"""Hadoop's client for S3, of the Hadoop of PySpark, and what it needs of AWS's SDK: 7 MB, and not the 280 MB of all."""

THERE_ALREADY = (
    "com.amazonaws:aws-java-sdk-bundle",
    "org.wildfly.openssl:wildfly-openssl",
    "com.fasterxml.jackson.core:jackson-core",
    "com.fasterxml.jackson.core:jackson-databind",
    "com.fasterxml.jackson.core:jackson-annotations",
    "joda-time:joda-time",
    "org.apache.httpcomponents:httpclient",
    "commons-logging:commons-logging",
    "commons-codec:commons-codec",
)
"""What the client asks for, and Spark has, or nobody needs."""

JARS = Path(sys.prefix) / "share" / "fruits" / "jars" / "s3-client"

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
    raise LocalAwsError(f"JAVA_HOME must be that of a Java {JAVA}: `fruits rehearse` sees to it.")


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
    jars = [JARS / _file_name(coordinates) for coordinates in S3_CLIENT]
    if not all(jar.is_file() for jar in jars):
        _fetch(jars)
    return jars


def _file_name(coordinates: str) -> str:
    return f"{coordinates.replace(':', '_', 1).replace(':', '-')}.jar"


def _fetch(jars: list[Path]) -> None:
    """Let Spark's own resolver fetch the jars by their Maven coordinates; it checks the checksums."""
    JARS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fruits-setup-") as scratch:
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
        for jar in jars:
            fetched = Path(scratch) / "jars" / jar.name
            if not fetched.is_file():
                raise LocalAwsError(f"{jar.name} could not be fetched from Maven Central:\n{answer.stderr[-2000:]}")
            shutil.copyfile(fetched, partial := jar.with_suffix(".partial"))
            partial.rename(jar)
