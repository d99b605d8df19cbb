"""Conversion of the job driver of StartJobRun into a spark-submit command for this machine, without any state."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from localaws.account import LocalAwsError

PY_FILES, JARS, ARCHIVES = "spark.submit.pyFiles", "spark.jars", "spark.archives"
"""Configuration that names the files that EMR Serverless stages for a job."""

DRIVER_ENV = "spark.emr-serverless.driverEnv."

CATALOG, WITHOUT_HIVE = "spark.sql.catalogImplementation", "in-memory"
"""Spark's own catalog: EMR Serverless makes it Hive's in Glue unless the job says otherwise; Hive is not known here."""

PASSED_ON = ("spark.executorEnv.", "spark.sql.", "spark.hadoop.")
"""Prefixes of configuration that has the same meaning here as in EMR Serverless."""

WITHOUT_EFFECT = {
    *(f"spark.{worker}.{size}" for worker in ("driver", "executor") for size in ("cores", "memory", "memoryOverhead")),
    "spark.dynamicAllocation.initialExecutors",
    "spark.dynamicAllocation.maxExecutors",
    "spark.executor.instances",
}
"""Configuration that is accepted and left out: one process stands for all workers, whose sizes only make the bill.

The heap of the driver is also left out because this machine may have less memory.
"""

MASTER = "local[2]"

LOCAL = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # A job ends before the optimising compiler pays off, and the classes come from jars that were checked.
    "spark.driver.extraJavaOptions": (
        "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
    ),
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # A plain Spark has no s3://: Hadoop's client serves it, as in EMR since 7.10.
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    "spark.hadoop.fs.s3a.path.style.access": "true",
    "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
}
"""Configuration that is added for Spark in one process and an AWS on this machine."""

_CORES, _HEAP_GB = "4", "14g"
_OVERHEAD = 0.1
"""Defaults of EMR Serverless for a worker: vCPUs, heap, and memory overhead as a share of the heap."""


@dataclass(frozen=True)
class S3Url:
    """The URL of an object of S3."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL.

        Raises
        ------
        LocalAwsError
            If it is not the URL of an object of S3.
        """
        match = re.fullmatch(r"s3://([^/]+)/([^#]+)", url)
        if not match:
            raise LocalAwsError(f"The files of a job must be in S3, not at {url!r}.")
        return cls(match[1], match[2])


@dataclass(frozen=True)
class Size:
    """The total size of the workers of a job."""

    vcpus: float
    memory_gb: float


@dataclass(frozen=True)
class Submission:
    """The job driver of a job: its main file with the arguments, and Spark's configuration."""

    entry_point: S3Url
    arguments: tuple[str, ...]
    conf: Mapping[str, str]

    @classmethod
    def parse(cls, job_driver: Mapping[str, Any]) -> Self:
        """Read the job driver of StartJobRun.

        Raises
        ------
        LocalAwsError
            If it is not for Spark, or has a parameter or configuration that is not known here.
        """
        if set(job_driver) != {"sparkSubmit"}:
            raise LocalAwsError(f"A job is submitted with spark-submit here, not with {sorted(job_driver)}.")
        driver = job_driver["sparkSubmit"]
        return cls(
            entry_point=S3Url.parse(driver["entryPoint"]),
            arguments=tuple(driver.get("entryPointArguments", ())),
            conf=_conf(driver.get("sparkSubmitParameters", "")),
        )

    @property
    def py_files(self) -> tuple[S3Url, ...]:
        """Python packages."""
        return tuple(S3Url.parse(url) for url in _listed(self.conf, PY_FILES))

    @property
    def jars(self) -> tuple[S3Url, ...]:
        """Java packages."""
        return tuple(S3Url.parse(url) for url in _listed(self.conf, JARS))

    @property
    def archives(self) -> dict[str, S3Url]:
        """Name of a folder in the job's working folder → the archive that is unpacked there."""
        parts = [url.partition("#") for url in _listed(self.conf, ARCHIVES)]
        if unnamed := [url for url, _, name in parts if not re.fullmatch(r"[\w.-]+", name)]:
            raise LocalAwsError(f"The archive {unnamed[0]!r} has no name: append '#' and a name to its URL.")
        return {name: S3Url.parse(url) for url, _, name in parts}

    @property
    def files(self) -> tuple[S3Url, ...]:
        """All files that EMR Serverless stages."""
        return (self.entry_point, *self.py_files, *self.jars, *self.archives.values())

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of the driver."""
        return {
            name.removeprefix(DRIVER_ENV): value for name, value in self.conf.items() if name.startswith(DRIVER_ENV)
        }

    @property
    def size(self) -> Size:
        """Size of the driver and one executor, the least that AWS bills for a job."""
        sizes = [_worker_size(self.conf, who) for who in ("driver", "executor")]
        return Size(sum(size.vcpus for size in sizes), sum(size.memory_gb for size in sizes))


def command(
    submission: Submission, paths: Mapping[S3Url, Path], spark_home: Path, local: Mapping[str, str]
) -> list[str]:
    """Return the spark-submit command of a job.

    Parameters
    ----------
    paths
        URL → path of the staged file.
    spark_home
        Folder of the Spark that runs the job.
    local
        Configuration that depends on the job's folder and the endpoint; it is added to `LOCAL`.

    Raises
    ------
    LocalAwsError
        If the job would use Hive's catalog, as it does by default.
    """
    if submission.conf.get(CATALOG) != WITHOUT_HIVE:
        raise LocalAwsError(
            f"EMR Serverless gives a job Hive's catalog in Glue, which there is not here: set {CATALOG}={WITHOUT_HIVE}."
        )
    staged = {PY_FILES: submission.py_files, JARS: submission.jars}
    conf = {
        **{name: value for name, value in submission.conf.items() if name.startswith(PASSED_ON)},
        **{name: ",".join(str(paths[url]) for url in urls) for name, urls in staged.items() if urls},
        **LOCAL,
        **local,
    }
    options = [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
    spark_submit = str(spark_home / "bin" / "spark-submit")
    return [spark_submit, "--master", MASTER, *options, str(paths[submission.entry_point]), *submission.arguments]


def _conf(parameters: str) -> dict[str, str]:
    words = shlex.split(parameters)
    options = dict(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or set(words[::2]) - {"--conf"}:
        strange = next((word for word in options if word != "--conf"), words[-1])
        raise LocalAwsError(f"The only parameter of spark-submit that is known here is --conf, not {strange!r}.")
    conf = {}
    for name, sign, value in (word.partition("=") for word in words[1::2]):
        if not sign or not _is_known(name):
            raise LocalAwsError(f"The configuration {name!r} of Spark is not known here.")
        conf[name] = value
    return conf


def _is_known(name: str) -> bool:
    return name in {PY_FILES, JARS, ARCHIVES, *WITHOUT_EFFECT} or name.startswith((DRIVER_ENV, *PASSED_ON))


def _listed(conf: Mapping[str, str], name: str) -> list[str]:
    return [part for part in conf.get(name, "").split(",") if part]


def _worker_size(conf: Mapping[str, str], who: str) -> Size:
    heap = _gigabytes(conf.get(f"spark.{who}.memory", _HEAP_GB))
    overhead = conf.get(f"spark.{who}.memoryOverhead")
    return Size(
        float(conf.get(f"spark.{who}.cores", _CORES)), heap + (_gigabytes(overhead) if overhead else _OVERHEAD * heap)
    )


def _gigabytes(text: str) -> float:
    match = re.fullmatch(r"(\d+)([gm]?)b?", text.lower())
    if not match:
        raise LocalAwsError(f"{text!r} is not an amount of memory: write 4g or 4096m.")
    return int(match[1]) if match[2] == "g" else int(match[1]) / 1024
