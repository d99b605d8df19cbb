"""The configuration of Spark for a run on this machine, and the environment of its JVM and its Python workers."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localspark.class_archive import archive_options
from localspark.environment import remove_foreign_variables
from localspark.jars import iceberg_jar
from localspark.java import find_java
from localspark.spark_home import spark_home
from spark_app.scratch import session_folder

LOG4J = """\
appender.file.type = File
appender.file.name = file
appender.file.fileName = {log}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{HH:mm:ss.SSS}} %p %c{{1}}: %m%n%ex
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
"""

# A local run ends before the JVM's optimising compiler would pay off, and its heap is small. Most of its start would be
# the verification of classes, but pip and Spark's resolver have verified the checksums of all jars.
JVM_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"


@contextmanager
def local_session_conf(master: str, log: Path, connector: Sequence[Path] = ()) -> Iterator[dict[str, str]]:
    """Set the environment variables of Spark, without those of another Spark, and yield its configuration.

    Parameters
    ----------
    master
        Master URL, such as ``local[*,3]`` for all cores and three attempts per task.
    log
        File for everything that the JVM and the Python workers print.
    connector
        Jars of the connector to the store of the output.

    Raises
    ------
    InstallationError
        If there is no Java, or if `fruits setup` was not run.
    """
    java = find_java(os.environ)
    remove_foreign_variables(os.environ)
    os.environ["JAVA_HOME"], os.environ["SPARK_HOME"] = str(java), str(spark_home())
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with session_folder() as scratch, stderr_to(log):
        options = f'{JVM_OPTIONS} {archive_options(java)} "-Djava.io.tmpdir={scratch}"'
        log4j = scratch / "log4j2.properties"
        class_path = os.pathsep.join(map(str, [iceberg_jar(), *connector]))
        log4j.write_text(LOG4J.format(log=log))
        yield {
            "spark.master": master,
            # Not in spark.jars, because Spark copies those for every run, which takes 1.5 s.
            "spark.driver.extraClassPath": class_path,
            "spark.executor.extraClassPath": class_path,
            "spark.driver.extraJavaOptions": f"{options} -Dlog4j2.configurationFile={log4j.as_uri()}",
            "spark.driver.memory": "2g",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(scratch),
            "spark.sql.warehouse.dir": str(scratch),
            # Local tables are small: to compile and re-plan a query would take longer than to run it.
            "spark.sql.shuffle.partitions": str(os.cpu_count() or 1),
            "spark.sql.adaptive.enabled": "false",
            "spark.sql.codegen.wholeStage": "false",
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.ui.enabled": "false",
        }


@contextmanager
def stderr_to(log: Path) -> Iterator[None]:
    """Make the log the stderr of all processes that are started in the block. This process keeps its own stderr."""
    terminal = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
    before, own = sys.stderr, os.fdopen(os.dup(terminal), "w", buffering=1)
    sys.stderr = own
    try:
        yield
    finally:
        if sys.stderr is own:
            sys.stderr = before
        own.close()
        os.dup2(terminal, 2)
        os.close(terminal)
