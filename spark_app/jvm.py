"""The JVM of Spark in a run on this machine. It ends with the run, whatever ends the run."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyspark
from pyspark import SparkContext

from spark_app.errors import FruitsError

PORT, SECRET = "PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET"
"""Environment variables by which PySpark finds a JVM that is running."""

CONNECTION = "_PYSPARK_DRIVER_CONN_INFO_PATH"
"""Environment variable that names the file to which a JVM writes its port and its secret."""

PAUSE = 0.02
"""Seconds between two looks for that file."""

JAVA_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
"""Environment variables with options for every JVM."""

_ENDING: list[subprocess.Popen[bytes]] = []
"""JVMs that end by themselves, for which no caller waits. Python would warn of them if their objects were deleted."""


class SparkStartError(FruitsError):
    """Spark did not start."""


class Jvm:
    """A JVM, before its start and after it.

    PySpark's own start leaves the JVM for good if a signal interrupts it: it deletes the folder in which the JVM is
    about to write its port, and the JVM then fails before it watches whether Python lives. Later, the JVM ends when its
    standard input is closed, as it is when Python ends in any way.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_unwanted = False
        self._port, self._secret = 0, ""

    def start(
        self, conf: Mapping[str, str], environment: Mapping[str, str] | None = None, stderr: IO[bytes] | None = None
    ) -> None:
        """Start it, and wait until `connect` can be called.

        Parameters
        ----------
        conf
            Spark's configuration.
        environment, stderr
            Environment variables and file for messages; `None` for those of this process.

        Raises
        ------
        SparkStartError
            If it ends before that.
        """
        variables = dict(os.environ if environment is None else environment)
        with tempfile.TemporaryDirectory(dir=conf.get("spark.local.dir")) as scratch:
            connection = Path(scratch) / "connection"
            self._process = subprocess.Popen(  # noqa: S603 -- Spark's own launcher
                _command(conf, variables),
                stdin=subprocess.PIPE,
                stderr=stderr,
                env=variables | {CONNECTION: str(connection), "SPARK_CONNECT_MODE": "0"},
                # In a group of its own, the JVM gets no signals from the terminal: Python decides when it ends.
                process_group=0,
            )
            while not connection.is_file():
                if self._is_unwanted or self._process.poll() is not None:
                    raise SparkStartError(
                        f"Spark did not start: its JVM has ended before it was ready.{_advice(variables)}"
                    )
                time.sleep(PAUSE)
            body = connection.read_bytes()
        self._port = int.from_bytes(body[:4], "big")
        self._secret = body[8 : 8 + int.from_bytes(body[4:8], "big")].decode()

    def connect(self) -> None:
        """Make PySpark use this JVM, after its start."""
        os.environ |= {PORT: str(self._port), SECRET: self._secret}
        try:
            SparkContext._ensure_initialized()  # noqa: SLF001 -- PySpark has no public name for it
        finally:
            # Programs that this process starts must not find them: they would use this JVM, too.
            del os.environ[PORT], os.environ[SECRET]

    def kill(self) -> None:
        """End it at once."""
        self._is_unwanted = True
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)  # with the programs of Spark's launcher
            self._process.wait()

    def release(self) -> None:
        """Let it end, and let PySpark forget it."""
        SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001 -- PySpark has no public name for them
        if self._process and self._process.stdin:
            self._process.stdin.close()
            _ENDING.append(self._process)


def has_jvm() -> bool:
    """Return whether this process has a JVM: spark-submit or another library has started it."""
    return PORT in os.environ or SparkContext._gateway is not None  # noqa: SLF001 -- PySpark has no public name for it


@contextmanager
def own_jvm() -> Iterator[Jvm]:
    """Provide a JVM that has not been started, and end it after the body.

    An interruption kills it. After an error, it ends with this process, because PySpark reads the texts of its errors
    from the JVM.
    """
    jvm = Jvm()
    try:
        yield jvm
    except Exception:
        raise
    except BaseException:
        jvm.kill()
        jvm.release()
        raise
    jvm.release()


def _advice(variables: Mapping[str, str]) -> str:
    """Name the variables that change every JVM, which may be the cause."""
    found = [name for name in JAVA_VARIABLES if variables.get(name)]
    return f" Check {' and '.join(found)} in your environment: Java reads them." if found else ""


def _command(conf: Mapping[str, str], variables: Mapping[str, str]) -> list[str]:
    home = variables.get("SPARK_HOME") or str(Path(pyspark.__file__).parent)
    options = [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    return [f"{home}/bin/spark-submit", *options, "pyspark-shell"]
