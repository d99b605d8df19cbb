"""The Spark configuration of a run on this machine, and the environment that its JVM and Python workers inherit."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localspark.class_archive import archive_options
from localspark.jars import iceberg_jar
from localspark.java import find_java
from localspark.spark_home import spark_home

LOG4J = """\
appender.file.type = File
appender.file.name = file
appender.file.fileName = {log}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{HH:mm:ss.SSS}} %p %c{{1}}: %m%n%ex
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
"""

# A local run is over before the JVM's optimising compiler would pay off, its heap is small, and most of its start is
# the verification of classes, of jars that pip and Spark's resolver have checked when they fetched them.
JVM_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"


@contextmanager
def local_session_conf(master: str, log: Path) -> Iterator[dict[str, str]]:
    """Prepare this process and its Spark configuration for a run on this machine.

    Parameters
    ----------
    master
        Spark's, such as ``local[*,3]``: all cores, and a task is tried three times.
    log
        Takes all that the JVM and the Python workers print.

    Raises
    ------
    InstallationError
        If the set-up was not done.
    """
    java = find_java(os.environ)
    os.environ["JAVA_HOME"], os.environ["SPARK_HOME"] = str(java), str(spark_home())
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory(prefix="fruits-spark-") as scratch, _stderr_to(log):
        options = f"{JVM_OPTIONS} {archive_options(java)}"
        log4j = Path(scratch) / "log4j2.properties"
        log4j.write_text(LOG4J.format(log=log))
        yield {
            "spark.master": master,
            # On the class path, not in spark.jars: those are copied for every run, which takes 1.5 s.
            "spark.driver.extraClassPath": str(iceberg_jar()),
            "spark.executor.extraClassPath": str(iceberg_jar()),
            "spark.driver.extraJavaOptions": f"{options} -Dlog4j2.configurationFile={log4j.as_uri()}",
            "spark.driver.memory": "2g",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": scratch,
            "spark.sql.warehouse.dir": scratch,
            # Tables of a laptop are small: compiling a query and re-planning it takes longer than running it.
            "spark.sql.shuffle.partitions": str(os.cpu_count() or 1),
            "spark.sql.adaptive.enabled": "false",
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.ui.enabled": "false",
        }


@contextmanager
def _stderr_to(log: Path) -> Iterator[None]:
    """Let the processes started meanwhile inherit the log as their stderr; this process keeps its own."""
    terminal = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
    before, ours = sys.stderr, os.fdopen(os.dup(terminal), "w", buffering=1)
    sys.stderr = ours
    try:
        yield
    finally:
        if sys.stderr is ours:
            sys.stderr = before
        ours.close()
        os.dup2(terminal, 2)
        os.close(terminal)
