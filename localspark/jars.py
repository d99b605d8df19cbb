"""The jars that PySpark lacks. Spark's resolver downloads them from Maven Central, once."""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from contract.versions import ICEBERG_AWS_BUNDLE, ICEBERG_RUNTIME, S3_CLIENT
from localspark.environment import remove_foreign_variables
from localspark.java import find_java
from spark_app.errors import InstallationError
from spark_app.scratch import scratch_folder
from spark_app.signals import postponed

JARS = Path(sys.prefix) / "share" / "fruits" / "jars"


class Jars(StrEnum):
    """Sets of jars. A value is also the name of the package in which a deployment ships the set."""

    ICEBERG_RUNTIME = "iceberg-spark-runtime"
    """Iceberg for Spark. Every run needs it."""
    ICEBERG_AWS_BUNDLE = "iceberg-aws-bundle"
    """Iceberg's access to S3 and Glue. Deployments ship it; local runs do not use it."""
    S3_CLIENT = "s3-client"
    """Hadoop's access to S3. EMR has it; the rehearsal adds it to its Spark."""


MAVEN_COORDINATES = {
    Jars.ICEBERG_RUNTIME: (ICEBERG_RUNTIME,),
    Jars.ICEBERG_AWS_BUNDLE: (ICEBERG_AWS_BUNDLE,),
    Jars.S3_CLIENT: S3_CLIENT,
}

EXCLUDED = (
    "software.amazon.awssdk:bundle",  # 600 MB; S3_CLIENT names the two modules of it that Hadoop uses
    "org.wildfly.openssl:wildfly-openssl",
    "io.netty:*",
    "org.apache.httpcomponents:*",
    "org.slf4j:*",
    "commons-codec:*",
    "commons-logging:*",
)
"""Dependencies of Hadoop's access to S3 that Spark contains, or that a rehearsal does not need."""


def folder_of(jars: Jars) -> Path:
    """Return the folder of a set of jars. Its name includes the versions, so that another version is fetched anew."""
    _, artifacts, versions = zip(*(coordinates.split(":") for coordinates in MAVEN_COORDINATES[jars]), strict=True)
    return JARS / "-".join([artifacts[0], *dict.fromkeys(versions)])


def iceberg_jar() -> Path:
    """Return the path of the Iceberg runtime.

    Raises
    ------
    InstallationError
        If `fruits setup` has not downloaded it.
    """
    found = sorted(folder_of(Jars.ICEBERG_RUNTIME).glob("*.jar"))
    if not found:
        raise InstallationError("The Iceberg runtime for Spark is missing: run `fruits setup`.")
    return found[0]


def fetched(jars: Jars) -> list[Path]:
    """Return the paths of a set of jars; download them if they do not exist.

    Raises
    ------
    InstallationError
        If the download fails.
    """
    folder = folder_of(jars)
    if not folder.is_dir():
        _fetch(MAVEN_COORDINATES[jars], folder)
    return sorted(folder.glob("*.jar"))


@contextmanager
def made_completely(folder: Path) -> Iterator[Path]:
    """Make a folder of jars completely or not at all.

    Yields
    ------
    Path
        Scratch folder. The body fills its subfolder ``jars``, which becomes the folder.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(folder.parent, ".fetched-") as scratch:
        yield scratch
        try:
            (scratch / "jars").rename(folder)
        except OSError:
            if not folder.is_dir():  # else, another process has downloaded the same jars at the same time
                raise


def _fetch(coordinates: Sequence[str], folder: Path) -> None:
    """Let Spark's resolver download jars; it verifies the checksums."""
    with made_completely(folder) as scratch:
        conf = {
            "spark.master": "local[1]",
            "spark.jars.ivy": str(scratch),
            "spark.jars.packages": ",".join(coordinates),
            "spark.jars.excludes": ",".join(EXCLUDED),
        }
        log, jars = scratch / "log", scratch / "jars"
        is_started = _starts_a_jvm(conf, log)
        if not is_started or not jars.is_dir():
            raise InstallationError(
                f"{coordinates[0]} could not be downloaded from Maven Central. Behind a proxy with its own "
                "certificates, name them to Java in JAVA_TOOL_OPTIONS (-Djavax.net.ssl.trustStore=...). Spark says:\n"
                + "\n".join(re.findall(r"(?i)^.*(?:module not found|error).*$", log.read_text(), re.MULTILINE))
            )


def _starts_a_jvm(conf: Mapping[str, str], log: Path) -> bool:
    """Return whether a JVM of Spark starts, which it does when it has downloaded its packages. It ends afterwards."""
    environment = dict(os.environ)
    remove_foreign_variables(environment)
    environment["JAVA_HOME"] = str(find_java(os.environ))
    from spark_app.jvm import SparkStartError, own_jvm  # loads PySpark, which most uses of this module do not need

    with log.open("wb") as messages, own_jvm() as jvm, postponed(jvm.kill):
        try:
            jvm.start(conf, environment, messages)
        except SparkStartError:
            return False
    return True
