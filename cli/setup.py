"""`fruits setup`: fetch what pip can't, once."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cli.java import find_java
from spark_app.errors import InstallationError
from spark_app.session import ICEBERG_COORDINATES, ICEBERG_VERSION

JARS = Path(sys.prefix) / "share" / "fruits" / "jars"

FETCH = "from pyspark.sql import SparkSession; SparkSession.builder.getOrCreate().stop()"


def add_command(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `fruits setup`."""
    parser = subcommands.add_parser("setup", help="fetch the Iceberg runtime for Spark (`make` does it)")
    parser.set_defaults(command=_setup)


def iceberg_jar() -> Path:
    """Name the Iceberg runtime.

    Raises
    ------
    InstallationError
        If it was not fetched.
    """
    jar = _iceberg_path()
    if not jar.is_file():
        raise InstallationError("The Iceberg runtime for Spark is missing: run `fruits setup`.")
    return jar


def _iceberg_path() -> Path:
    return JARS / f"iceberg-spark-runtime-{ICEBERG_VERSION}.jar"


def _setup(_: argparse.Namespace) -> int:
    jar = _iceberg_path()
    if not jar.is_file():
        _fetch(jar)
    print(f"Iceberg runtime: {jar}")
    return 0


def _fetch(jar: Path) -> None:
    """Let Spark's own resolver fetch the jar by its Maven coordinates; it checks the checksums."""
    with tempfile.TemporaryDirectory(prefix="fruits-setup-") as scratch:
        submit = f"--conf spark.jars.ivy={scratch} --conf spark.ui.enabled=false --master local[1]"
        environment = os.environ | {
            "JAVA_HOME": str(find_java(os.environ)),
            "PYSPARK_SUBMIT_ARGS": f"{submit} --packages {ICEBERG_COORDINATES} pyspark-shell",
        }
        answer = subprocess.run(  # noqa: S603 -- our own interpreter
            [sys.executable, "-c", FETCH], env=environment, capture_output=True, text=True, check=False
        )
        fetched = next(Path(scratch).glob("jars/*iceberg*.jar"), None)
        if fetched is None:
            raise InstallationError(
                f"{ICEBERG_COORDINATES} could not be fetched from Maven Central. Behind a proxy with certificates of "
                "its own, name them to Java in JAVA_TOOL_OPTIONS (-Djavax.net.ssl.trustStore=...). Spark said:\n"
                + "\n".join(line for line in answer.stderr.splitlines() if "error" in line.lower())
            )
        jar.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(fetched, partial := jar.with_suffix(".partial"))
        partial.rename(jar)
